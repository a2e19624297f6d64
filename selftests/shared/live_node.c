// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See live_node.h. What cannot happen in a healthy test ends it with all that was printed. */
#include "live_node.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* How long what must come may take. */
#define PATIENCE_MS 60000

char node_top[64], node_feed[96], node_pins[96], node_metrics[96];
static char log_path[96];
static pid_t daemon_pid;
static int log_fd = -1;
static off_t log_from; /* what stands before is old */

int node_shell(const char *format, ...)
{
	char command[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command); /* NOLINT(cert-env33-c) */
}

/* Interfaces as the CNI makes them; without 8021q, veth pairs of the same names. */
static const char links[] =
	"link set lo up\n"
	"link add eth0 type veth peer name far0\n"
	"link add eth1 type veth peer name far1\n"
	"link add vlan.eth.9 type veth peer name far9\n"
	"link add " NODE_VETH " type veth peer name pod9\n"
	"link set far0 up\nlink set far1 up\nlink set far9 up\nlink set pod9 up\n"
	"link set eth0 up\nlink set eth1 up\nlink set vlan.eth.9 up\n"
	"link set " NODE_VETH " up\n"
	"addr add 10.0.1.10/24 dev eth0\n"
	"route add default via 10.0.1.1 dev eth0\n" NODE_ROUTES;

/* What a strict pod sends goes out by its branch. */
static const char forwards[] = "echo 1 >/proc/sys/net/ipv4/ip_forward && "
			       "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding && "
			       "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter && "
			       "ip rule add prio 10 iif " NODE_VETH " lookup 109 && "
			       "ip -6 rule add prio 10 iif " NODE_VETH " lookup 109";

int node_up(void **state)
{
	(void)state;
	snprintf(node_top, sizeof(node_top), "/tmp/live_node-XXXXXX");
	if (unshare(CLONE_NEWNET) || !mkdtemp(node_top))
		return -1;
	snprintf(node_feed, sizeof(node_feed), "%s/feed.json", node_top);
	snprintf(log_path, sizeof(log_path), "%s/log", node_top);
	snprintf(node_metrics, sizeof(node_metrics), "%s/node.prom", node_top);
	snprintf(node_pins, sizeof(node_pins), "/sys/fs/bpf/live_node-%d", getpid());
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return log_fd < 0 || node_shell("ip -batch - <<'END'\n%sEND", links) || node_shell(forwards)
		       ? -1
		       : 0;
}

int node_end(int signal_number)
{
	int status;

	kill(daemon_pid, signal_number);
	status = verb_end(daemon_pid);
	daemon_pid = 0;
	return status;
}

int node_down(void **state)
{
	(void)state;
	if (daemon_pid)
		node_end(SIGKILL);
	RUN(cmd_unload, "--pin-dir", node_pins);
	return node_shell("rm -rf '%s' '%s'", node_top, node_pins);
}

/* The whole, or the last of it. */
const char *node_file(const char *path)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t length = fd < 0 ? 0 : lseek(fd, 0, SEEK_END), most = sizeof(text) - 1;
	ssize_t got = fd < 0 ? 0 : pread(fd, text, most, length > most ? length - most : 0);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* Waits until `is_so` says so of what a verb prints or of a file. */
bool node_comes(bool (*is_so)(const char *what), const char *what)
{
	const double end_ms = bg_monotonic_ms() + PATIENCE_MS;
	const struct timespec pause = { .tv_nsec = 50000000 };

	while (!is_so(what)) {
		if (bg_monotonic_ms() > end_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool is_logged(const char *what)
{
	const char *text = node_file(log_path);

	return (off_t)strlen(text) > log_from && strstr(text + log_from, what);
}

void node_wait_log(const char *what)
{
	if (!node_comes(is_logged, what))
		fail_msg("the log does not say \"%s\": %s", what, node_file(log_path));
}

bool node_status_says(const char *what)
{
	return strstr(RUN(cmd_status, "--pin-dir", node_pins)->out, what);
}

static bool health_is_well(const char *what)
{
	(void)what;
	return RUN(cmd_health, "--pin-dir", node_pins)->status == 0;
}

bool node_status_says_not(const char *what)
{
	return !node_status_says(what);
}

void node_wait_well(void)
{
	if (!node_comes(health_is_well, ""))
		fail_msg("%s", RUN(cmd_health, "--pin-dir", node_pins)->out);
}

void node_begin(const char *const *more)
{
	const char *arguments[16] = { "--feed", node_feed, "--pin-dir", node_pins };
	size_t count = 4;

	for (; *more; more++)
		arguments[count++] = *more;
	log_from = lseek(log_fd, 0, SEEK_END);
	daemon_pid = verb_begin(cmd_run, arguments, log_fd, log_fd);
	node_wait_log("\"ready\"");
}

/* In the place of the one before, as a whole. */
void node_write_feed(const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s.new", node_feed);
	out = fopen(path, "we");
	if (!out)
		abort();
	for (; *text; text++)
		fputc(*text == '\'' ? '"' : *text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(rename(path, node_feed), 0);
}

void node_signal(int number)
{
	kill(daemon_pid, number);
}

void node_log_from_here(void)
{
	log_from = lseek(log_fd, 0, SEEK_END);
}

bool node_has_logged(const char *what)
{
	return strstr(node_file(log_path), what);
}

void expect_run(const struct verb_run *run, int status, const char *out, const char *err)
{
	if (run->status != status || !strstr(run->out, out) || !strstr(run->err, err))
		fail_msg(
			"expected status %d, \"%s\" and \"%s\"; found status %d, \"%s\" and \"%s\"",
			status, out, err, run->status, run->out, run->err);
}
