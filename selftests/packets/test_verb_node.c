// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A node in a network namespace of its own: the daemon in one process, every verb in
 * another, with frames that are written to the wire. A story in the order of the tests:
 * nothing, a start, traffic, feeds that come, people who meddle, and an end.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apart/apart.h"
#include "base/clock.h"
#include "pkt.h"
#include "test.h"
#include "verb_run.h"
#include "verbs/cli.h"

#define POD "10.0.32.9"
#define POD6 "2001:db8:0:32::9"
#define CLIENT "10.0.2.20"
#define CLIENT6 "2001:db8:0:2::20"
#define VETH "vlan18582a65b10" /* of shop/cart-0 */
/* How long what must come may take. */
#define PATIENCE_MS 60000

static char top[64], feed_path[96], pin_dir[96], log_path[96], metrics_path[96];
static pid_t daemon_pid;
static int log_fd = -1;

/* --- the node -------------------------------------------------------------- */

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
	char command[4096];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command); /* NOLINT(cert-env33-c) */
}

#define ROUTES                                                                                     \
	"route add default via 10.0.32.1 dev vlan.eth.9 onlink table 109\n"                        \
	"route add default via fe80::1 dev vlan.eth.9 onlink table 109\n"

/* Interfaces as the CNI makes them; without 8021q, veth pairs of the same names. */
static const char links[] =
	"link set lo up\n"
	"link add eth0 type veth peer name far0\n"
	"link add eth1 type veth peer name far1\n"
	"link add vlan.eth.9 type veth peer name far9\n"
	"link add " VETH " type veth peer name pod9\n"
	"link set far0 up\nlink set far1 up\nlink set far9 up\nlink set pod9 up\n"
	"link set eth0 up\nlink set eth1 up\nlink set vlan.eth.9 up\n"
	"link set " VETH " up\n"
	"addr add 10.0.1.10/24 dev eth0\n"
	"route add default via 10.0.1.1 dev eth0\n" ROUTES;

static int make_node(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/test_verb_node-XXXXXX");
	if (unshare(CLONE_NEWNET) || !mkdtemp(top))
		return -1;
	snprintf(feed_path, sizeof(feed_path), "%s/feed.json", top);
	snprintf(log_path, sizeof(log_path), "%s/log", top);
	snprintf(metrics_path, sizeof(metrics_path), "%s/node.prom", top);
	snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/test_verb_node-%d", getpid());
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return log_fd < 0 || shell("ip -batch - <<'END'\n%sEND", links) ? -1 : 0;
}

static int end_daemon(int signal_number)
{
	int status;

	kill(daemon_pid, signal_number);
	status = verb_end(daemon_pid);
	daemon_pid = 0;
	return status;
}

static int remove_node(void **state)
{
	(void)state;
	if (daemon_pid)
		end_daemon(SIGKILL);
	RUN(cmd_unload, "--pin-dir", pin_dir);
	return shell("rm -rf '%s' '%s'", top, pin_dir);
}

static const char *read_file(const char *path)
{
	static char text[1 << 18];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

/* Waits until `is_so` says so of what a verb prints or of a file. */
static bool comes(bool (*is_so)(const char *what), const char *what)
{
	const double end_ms = bg_monotonic_ms() + PATIENCE_MS;
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };

	while (!is_so(what)) {
		if (bg_monotonic_ms() > end_ms)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static off_t log_from; /* what stands before is old */

static bool is_logged(const char *what)
{
	const char *text = read_file(log_path);

	return (off_t)strlen(text) > log_from && strstr(text + log_from, what);
}

static void wait_for_log(const char *what)
{
	if (!comes(is_logged, what))
		fail_msg("the log does not say \"%s\": %s", what, read_file(log_path));
}

static bool status_says(const char *what)
{
	return strstr(RUN(cmd_status, "--pin-dir", pin_dir)->out, what);
}

static bool health_is_well(const char *what)
{
	(void)what;
	return RUN(cmd_health, "--pin-dir", pin_dir)->status == 0;
}

static bool is_refused_no_more(const char *what)
{
	return !status_says(what);
}

static void expect_health(void)
{
	if (!comes(health_is_well, ""))
		fail_msg("%s", RUN(cmd_health, "--pin-dir", pin_dir)->out);
}

static void begin_daemon(const char *const *more)
{
	const char *arguments[16] = { "--feed", feed_path, "--pin-dir", pin_dir };
	size_t count = 4;

	for (; *more; more++)
		arguments[count++] = *more;
	log_from = lseek(log_fd, 0, SEEK_END);
	daemon_pid = verb_begin(cmd_run, arguments, log_fd, log_fd);
	wait_for_log("\"ready\"");
}
#define BEGIN_DAEMON(...) begin_daemon((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

/* In the place of the one before, as a whole. */
static void write_feed(const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s.new", feed_path);
	out = fopen(path, "we");
	assert_non_null(out);
	for (; *text; text++)
		fputc(*text == '\'' ? '"' : *text, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(rename(path, feed_path), 0);
}

/* clang-format off */
#define FEED(revision, port) \
	"{'FeedVersion': 1, 'Revision': '" revision "'," \
	" 'Node': {'PrimaryInterface': 'eth0', 'TrunkInterface': 'eth1', 'VpcCidrs': ['10.0.0.0/16']}," \
	" 'SecurityGroups': [{'GroupId': 'sg-cart', 'IpPermissions': [" \
	"   {'IpProtocol': 'tcp', 'FromPort': " port ", 'ToPort': " port "," \
	"    'IpRanges': [{'CidrIp': '" CLIENT "/32'}], 'Ipv6Ranges': [{'CidrIpv6': '" CLIENT6 "/128'}]}]}]," \
	" 'Branches': [{'Id': 'eni-9', 'VlanId': 9, 'InterfaceName': 'vlan.eth.9', 'Mode': 'strict'," \
	"   'GroupIds': ['sg-cart'], 'Pods': [{'Namespace': 'shop', 'Name': 'cart-0'," \
	"   'HostInterface': '" VETH "', 'Addresses': ['" POD "', '" POD6 "']}]}]}"
/* clang-format on */

/* A frame from the wire to the branch. */
static void send_frame(const struct pkt *pkt)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex("far9"),
				  .sll_halen = ETH_ALEN };
	__u8 frame[PKT_BYTES];
	size_t length = pkt_build(pkt, frame);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	assert_int_equal(sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)), length);
	close(fd);
}

static void send_allowed(void)
{
	send_frame(&(struct pkt){ TCP(CLIENT, 40000, POD, 443, "S") });
	send_frame(&(struct pkt){ TCP(CLIENT6, 40000, POD6, 443, "S") });
}

static void send_denied(void)
{
	send_frame(&(struct pkt){ TCP(CLIENT, 40001, POD, 22, "S") });
}

#define PINNED "--pin-dir", pin_dir

static void expect(const struct verb_run *run, int status, const char *out, const char *err)
{
	if (run->status != status || !strstr(run->out, out) || !strstr(run->err, err))
		fail_msg(
			"expected status %d, \"%s\" and \"%s\"; found status %d, \"%s\" and \"%s\"",
			status, out, err, run->status, run->out, run->err);
}

/* --- the story ------------------------------------------------------------- */

static void without_a_daemon_every_verb_says_so(void **state)
{
	static verb_fn *const verbs[] = { cmd_status, cmd_rules, cmd_flows, cmd_monitor };

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		expect(RUN(verbs[i], PINNED), BG_EXIT_FAILED, "", "branchguard is not loaded: ");
	expect(RUN(cmd_health, PINNED), 2, "branchguard is not loaded", "");
	expect(RUN(cmd_explain, PINNED, "--live", "-b", "9", "-d", "ingress", "-p", "tcp", "-r",
		   CLIENT, "--port", "443"),
	       BG_EXIT_FAILED, "", "not loaded");
	expect(RUN(cmd_unload, PINNED), BG_EXIT_DONE, "", "nothing is loaded at ");
}

static void a_feed_that_is_refused_starts_nothing(void **state)
{
	(void)state;
	write_feed("{'FeedVersion': 1, 'Branches': [{'VlanId': 5000}]}");
	expect(RUN(cmd_run, PINNED, "--feed", feed_path, "--once"), BG_EXIT_FAILED, "",
	       "SecurityGroups is missing");
	assert_int_equal(unlink(feed_path), 0);
	expect(RUN(cmd_run, PINNED, "--feed", feed_path, "--once"), BG_EXIT_FAILED, "",
	       "No such file or directory");
	expect(RUN(cmd_run, PINNED, "--feed", feed_path, "--group", "no-such-group"),
	       BG_EXIT_FAILED, "", "no-such-group");
	expect(RUN(cmd_run, PINNED, "--feed", "-"), BG_EXIT_USAGE, "", "--once");
	expect(RUN(cmd_run, PINNED, "--feed", "-", "--once", "--require-owner"), BG_EXIT_USAGE, "",
	       "stdin has no owner");
	expect(RUN(cmd_status, PINNED), BG_EXIT_FAILED, "", "not loaded");
}

static void the_daemon_starts_and_says_what_is(void **state)
{
	(void)state;
	write_feed(FEED("one", "443"));
	BEGIN_DAEMON("--metrics-file", metrics_path, "--log-level", "debug");
	expect(RUN(cmd_status, PINNED), BG_EXIT_DONE, "feed \"one\"", "");
	expect(RUN(cmd_status, PINNED, "--branch", "vlan.eth.9"), BG_EXIT_DONE, POD, "");
	expect(RUN(cmd_status, PINNED, "--branch", "eni-7"), BG_EXIT_FAILED, "", "eni-9");
	expect(RUN(cmd_status, PINNED, "--json"), BG_EXIT_DONE, "\"tc_branch_ingress\"", "");
	expect(RUN(cmd_status, PINNED, "--metrics"), BG_EXIT_DONE, "branchguard_feed_refused 0",
	       "");
	expect(RUN(cmd_status, PINNED, "--revisions"), BG_EXIT_DONE, "one", "");
	expect(RUN(cmd_status, PINNED, "--revisions", "--json"), BG_EXIT_DONE, "\"one\"", "");
	expect(RUN(cmd_status, PINNED, "--json", "--metrics"), BG_EXIT_USAGE, "",
	       "expected one of them");
	expect(RUN(cmd_status, PINNED, "--revisions", "--branch", "9"), BG_EXIT_USAGE, "",
	       "--branch does not go with it");
	expect_health();
	expect(RUN(cmd_health, PINNED), 0, "well           attachment  7 programs at 4 interfaces",
	       "");
	expect(RUN(cmd_health, PINNED, "--json"), 0, "\"attachment\"", "");
	expect(RUN(cmd_run, PINNED, "--feed", feed_path), BG_EXIT_FAILED, "", "");
	expect(RUN(cmd_unload, PINNED), BG_EXIT_FAILED, "", "a daemon is running on ");
}

static void what_passes_and_what_does_not_is_seen(void **state)
{
	(void)state;
	send_allowed();
	send_denied();
	expect(RUN(cmd_flows, PINNED), BG_EXIT_DONE, POD ":443", "");
	expect(RUN(cmd_flows, PINNED, "--json", "--branch", "9", "--protocol", "tcp", "--port",
		   "443", "--remote", CLIENT "/32"),
	       BG_EXIT_DONE, "\"sg-cart\"", "");
	expect(RUN(cmd_flows, PINNED, "--local", POD6), BG_EXIT_DONE, POD6, "");
	expect(RUN(cmd_flows, PINNED, "--json", "--port", "444"), BG_EXIT_DONE, "[]", "");
	expect(RUN(cmd_flows, PINNED, "--branch", "7"), BG_EXIT_FAILED, "", "--branch '7'");
	expect(RUN(cmd_flows, PINNED, "--protocol", "what"), BG_EXIT_USAGE, "",
	       "expected tcp, udp");
	expect(RUN(cmd_flows, PINNED, "--local", "here"), BG_EXIT_USAGE, "",
	       "an address or a CIDR");
	expect(RUN(cmd_flows, PINNED, "--remote", "there"), BG_EXIT_USAGE, "",
	       "an address or a CIDR");
	expect(RUN(cmd_rules, PINNED), BG_EXIT_DONE, CLIENT "/32", "");
	expect(RUN(cmd_rules, PINNED, "--json", "--group", "sg-cart"), BG_EXIT_DONE, "\"hits\": 1",
	       "");
	assert_null(strstr(RUN(cmd_rules, PINNED, "--unused")->out, CLIENT "/32"));
	expect(RUN(cmd_rules, PINNED, "--branch", "7"), BG_EXIT_FAILED, "", "--branch '7'");
	expect(RUN(cmd_status, PINNED), BG_EXIT_DONE, "no-rule", "");
}

static bool monitor_sees(const char *path)
{
	send_denied();
	send_frame(&(struct pkt){ TCP(CLIENT, 40002, POD, 443, "S") });
	return strstr(read_file(path), "no-rule");
}

/* Prints one drop to a file that the caller looks at, however it comes by events. */
static void watch(const char *const *arguments)
{
	char path[128];
	int fd;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/events", top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	pid = verb_begin(cmd_monitor, arguments, fd, fd);
	if (!comes(monitor_sees, path))
		fail_msg("the monitor saw nothing: %s", read_file(path));
	/* it ends by its count */
	assert_int_equal(verb_end(pid), BG_EXIT_DONE);
	close(fd);
}
#define WATCH(...) watch((const char *const[]){ PINNED, __VA_ARGS__, NULL })

static void a_monitor_sees_drops(void **state)
{
	(void)state;
	WATCH("--drops-only", "--count", "1");
	WATCH("--json", "--count", "1", "--branch", "eni-9", "--reason", "no-rule");
	expect(RUN(cmd_monitor, PINNED, "--reason", "nope"), BG_EXIT_USAGE, "", "--reason 'nope'");
	expect(RUN(cmd_monitor, PINNED, "--branch", "7"), BG_EXIT_FAILED, "", "'7'");
}

static bool follower_sees(const char *path)
{
	send_allowed();
	send_frame(&(struct pkt){ TCP(CLIENT, (int)(40100 + time(NULL) % 1000), POD, 443, "S") });
	return strstr(read_file(path), " new ");
}

static void flows_are_followed(void **state)
{
	const char *const arguments[] = { PINNED, "--follow", NULL };
	char path[128];
	int fd;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s/flows", top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	pid = verb_begin(cmd_flows, arguments, fd, fd);
	if (!comes(follower_sees, path))
		fail_msg("no flow is new: %s", read_file(path));
	kill(pid, SIGINT);
	assert_int_equal(verb_end(pid), BG_EXIT_DONE);
	close(fd);
}

static void questions_are_answered_by_what_is_in_force(void **state)
{
	(void)state;
	expect(RUN(cmd_explain, PINNED, "--live", "-b", "9", "-d", "ingress", "-p", "tcp", "-r",
		   CLIENT, "--port", "443", "--expect", "allow"),
	       BG_EXIT_DONE, "sg-cart", "");
	expect(RUN(cmd_explain, PINNED, "--live", "-b", "eni-9", "-d", "egress", "-p", "udp", "-r",
		   CLIENT6, "--port", "53", "--expect", "deny", "--json"),
	       BG_EXIT_DONE, "no-rule", "");
	expect(RUN(cmd_explain, PINNED, "--live", "--from", CLIENT, "--to", "cart-0", "-p", "tcp",
		   "--port", "22"),
	       BG_EXIT_DONE, "", "");
	expect(RUN(cmd_explain, "--feed", feed_path, "--from", "shop/cart-0", "--to", CLIENT, "-p",
		   "icmp", "--icmp-type", "8", "--json"),
	       BG_EXIT_DONE, "{", "");
	expect(RUN(cmd_explain, "--feed", feed_path, "-b", "9", "-d", "ingress", "-p", "tcp", "-r",
		   CLIENT, "--port", "22", "--expect", "allow"),
	       BG_EXIT_FAILED, "", "expected allow");
}

static void another_feed_comes_into_force(void **state)
{
	(void)state;
	log_from = lseek(log_fd, 0, SEEK_END);
	write_feed(FEED("two", "8443"));
	wait_for_log("revision in force");
	assert_true(comes(status_says, "feed \"two\""));
	/* the same content once more is no revision; what is broken is refused and told */
	log_from = lseek(log_fd, 0, SEEK_END);
	write_feed("{'FeedVersion': 1, 'Branches': [{'VlanId': 5000}]}");
	wait_for_log("refused");
	assert_true(comes(status_says, "REFUSED"));
	expect(RUN(cmd_health, PINNED), 1, "refused", "");
	expect(RUN(cmd_status, PINNED, "--metrics"), BG_EXIT_DONE, "branchguard_feed_refused 1",
	       "");
	write_feed(FEED("two", "8443"));
	kill(daemon_pid, SIGHUP);
	assert_true(comes(is_refused_no_more, "REFUSED"));
	expect_health();
	expect(RUN(cmd_status, PINNED, "--revisions"), BG_EXIT_DONE, "two", "");
}

static void interfaces_come_and_go(void **state)
{
	(void)state;
	log_from = lseek(log_fd, 0, SEEK_END);
	assert_int_equal(shell("ip link del vlan.eth.9"), 0);
	wait_for_log("interface gone, disarmed");
	assert_true(comes(status_says, "no interface"));
	log_from = lseek(log_fd, 0, SEEK_END);
	assert_int_equal(shell("ip link add vlan.eth.9 type veth peer name far9 && "
			       "ip link set far9 up && ip link set vlan.eth.9 up && "
			       "ip -batch - <<'END'\n" ROUTES "END"),
			 0);
	wait_for_log("\"armed\"");
	log_from = lseek(log_fd, 0, SEEK_END);
	assert_int_equal(shell("ip link set " VETH " name other0"), 0);
	wait_for_log("interface renamed");
	assert_int_equal(shell("ip link set other0 name " VETH), 0);
}

static void pins_that_somebody_removes_come_back(void **state)
{
	(void)state;
	log_from = lseek(log_fd, 0, SEEK_END);
	assert_int_equal(shell("rm -rf '%s'", pin_dir), 0);
	wait_for_log("somebody removed pins, put back");
	expect(RUN(cmd_status, PINNED), BG_EXIT_DONE, "feed \"two\"", "");
}

static bool metrics_say(const char *what)
{
	return strstr(read_file(metrics_path), what);
}

static void what_is_in_force_outlives_the_daemon(void **state)
{
	(void)state;
	assert_int_equal(end_daemon(SIGTERM), BG_EXIT_DONE);
	assert_true(metrics_say("branchguard_daemon_running 0"));
	assert_true(status_says("NOT RUNNING"));
	expect(RUN(cmd_health, PINNED), 1, "", "");
	/* root reads the events itself */
	WATCH("--drops-only", "--count", "1");
	expect(RUN(cmd_rules, PINNED), BG_EXIT_DONE, "8443", "");
	log_from = lseek(log_fd, 0, SEEK_END);
	expect(RUN(cmd_run, PINNED, "--feed", feed_path, "--once"), BG_EXIT_DONE, "",
	       "loaded, taking over what is pinned");
}

static void a_daemon_without_a_feed_keeps_the_last_one(void **state)
{
	(void)state;
	assert_int_equal(unlink(feed_path), 0);
	BEGIN_DAEMON("--xdp", "branch", "--require-owner", "--keep-lost", "0");
	expect(RUN(cmd_status, PINNED), BG_EXIT_DONE, "feed \"two\"", "");
	expect(RUN(cmd_health, PINNED), 1, "", "");
	log_from = lseek(log_fd, 0, SEEK_END);
	/* its branch is gone from it */
	write_feed("{'FeedVersion': 1, 'Revision': 'three', 'SecurityGroups': [], 'Branches': []}");
	wait_for_log("revision in force");
	assert_true(comes(status_says, "feed \"three\""));
	assert_int_equal(end_daemon(SIGINT), BG_EXIT_DONE);
	assert_null(strstr(read_file(log_path), "a system call was refused"));
}

static void unload_takes_it_all_away(void **state)
{
	(void)state;
	expect(RUN(cmd_unload, PINNED), BG_EXIT_DONE, "unloaded ", "");
	expect(RUN(cmd_status, PINNED), BG_EXIT_FAILED, "", "not loaded");
	assert_int_not_equal(access(pin_dir, F_OK), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_daemon_every_verb_says_so),
		cmocka_unit_test(a_feed_that_is_refused_starts_nothing),
		cmocka_unit_test(the_daemon_starts_and_says_what_is),
		cmocka_unit_test(what_passes_and_what_does_not_is_seen),
		cmocka_unit_test(a_monitor_sees_drops),
		cmocka_unit_test(flows_are_followed),
		cmocka_unit_test(questions_are_answered_by_what_is_in_force),
		cmocka_unit_test(another_feed_comes_into_force),
		cmocka_unit_test(interfaces_come_and_go),
		cmocka_unit_test(pins_that_somebody_removes_come_back),
		cmocka_unit_test(what_is_in_force_outlives_the_daemon),
		cmocka_unit_test(a_daemon_without_a_feed_keeps_the_last_one),
		cmocka_unit_test(unload_takes_it_all_away),
	};
	int status = bg_apart_main(argc, argv);

	return status >= 0 ? status : cmocka_run_group_tests(tests, make_node, remove_node);
}
