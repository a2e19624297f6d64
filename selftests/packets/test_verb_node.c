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

/* What a strict pod sends goes out by its branch. */
static const char forwards[] = "echo 1 >/proc/sys/net/ipv4/ip_forward && "
			       "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding && "
			       "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter && "
			       "ip rule add prio 10 iif " VETH " lookup 109 && "
			       "ip -6 rule add prio 10 iif " VETH " lookup 109";

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
	return log_fd < 0 || shell("ip -batch - <<'END'\n%sEND", links) || shell(forwards) ? -1 : 0;
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

/* The whole, or the last of it. */
static const char *read_file(const char *path)
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

static bool has_lost(const char *path)
{
	send_denied();
	return strstr(read_file(path), "\"lost\"");
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

/* It is stopped while more comes than there is room for: then it is told how many it missed. */
static void a_monitor_that_is_slow_is_told_what_it_missed(void **state)
{
	const char *const arguments[] = { PINNED, "--json", NULL };
	char path[128];
	pid_t pid;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/slow", top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	pid = verb_begin(cmd_monitor, arguments, fd, fd);
	assert_true(comes(monitor_sees, path));
	kill(pid, SIGSTOP);
	for (int i = 0; i < 10000; i++)
		send_denied();
	kill(pid, SIGCONT);
	if (!comes(has_lost, path))
		fail_msg("nothing was lost");
	kill(pid, SIGINT);
	assert_int_equal(verb_end(pid), BG_EXIT_DONE);
	close(fd);
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

static void questions_of_a_file_are_answered_in_order(void **state)
{
	static const char lines[] =
		"{\"Branch\": \"9\", \"Direction\": \"ingress\", \"Protocol\": \"tcp\", "
		"\"Remote\": \"" CLIENT "\", \"Port\": 443, \"Expect\": \"allow\"}\n"
		"\n{\"Branch\": \"9\", \"Direction\": \"egress\", \"Protocol\": \"tcp\", "
		"\"Remote\": \"" CLIENT "\", \"Port\": 443, \"Expect\": \"allow\"}\n"
		"{\"Branch\": 9}\n";
	const struct verb_run *run;
	char path[128];
	FILE *out;

	(void)state;
	snprintf(path, sizeof(path), "%s/questions", top);
	out = fopen(path, "we");
	assert_non_null(out);
	fputs(lines, out);
	assert_int_equal(fclose(out), 0);
	run = RUN(cmd_explain, PINNED, "--live", "--queries", path);
	expect(run, BG_EXIT_FAILED, "sg-cart", "");
	assert_true(strstr(run->out, "sg-cart") < strstr(run->out, "no-rule"));
	expect(RUN(cmd_explain, "--feed", feed_path, "--queries", path, "--json"), BG_EXIT_FAILED,
	       "{", "");
	expect(RUN(cmd_explain, "--feed", feed_path, "--queries", "/nowhere/questions"),
	       BG_EXIT_FAILED, "", "opening the questions /nowhere/questions: No such file");
}

/* A disk that is full is no success. */
static void what_cannot_be_printed_is_told(void **state)
{
	static const struct {
		verb_fn *verb;
		const char *option;
		int status;
	} cases[] = {
		{ cmd_status, NULL, 1 },	{ cmd_status, "--json", 1 },
		{ cmd_status, "--metrics", 1 }, { cmd_status, "--revisions", 1 },
		{ cmd_health, NULL, 1 },	{ cmd_health, "--json", 1 },
		{ cmd_rules, NULL, 1 },		{ cmd_rules, "--json", 1 },
		{ cmd_flows, NULL, 1 },		{ cmd_flows, "--json", 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const arguments[] = { PINNED, cases[i].option, NULL };
		int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

		if (verb_end(verb_begin(cases[i].verb, arguments, full_fd, full_fd)) !=
		    cases[i].status)
			fail_msg("case %zu", i);
		close(full_fd);
	}
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

/* Of a live branch, and of two that claim the same. */
#define FEED_OF(revision, branches)                                                                \
	"{'FeedVersion': 1, 'Revision': '" revision "',"                                           \
	" 'Node': {'PrimaryInterface': 'eth0', 'TrunkInterface': 'eth1'},"                         \
	" 'SecurityGroups': [{'GroupId': 'sg-two', 'IpPermissions': []}], 'Branches': [" branches  \
	"]}"
#define OTHER_BRANCH(vlan)                                                                         \
	"{'Id': 'eni-" vlan "', 'VlanId': " vlan ", 'GroupIds': ['sg-two'], 'Pods': ["             \
	" {'Namespace': 'shop', 'Name': 'p" vlan "', 'Addresses': ['10.0.32.77']}]}"

static void what_lives_is_kept_and_what_two_claim_is_nobody_s(void **state)
{
	(void)state;
	log_from = lseek(log_fd, 0, SEEK_END);
	write_feed(FEED_OF("without", ""));
	wait_for_log("the feed lacks a branch that is alive: it stays in force");
	wait_for_log("the feed lacks a group that a branch names");
	assert_true(comes(status_says, "feed \"without\""));
	expect(RUN(cmd_explain, PINNED, "--live", "-b", "9", "-d", "ingress", "-p", "tcp", "-r",
		   CLIENT, "--port", "8443", "--expect", "allow"),
	       BG_EXIT_DONE, "", "");
	expect(RUN(cmd_status, PINNED, "--json"), BG_EXIT_DONE, "eni-9", "");
	write_feed(FEED_OF("claims", OTHER_BRANCH("21") "," OTHER_BRANCH("22")));
	wait_for_log("is left out: it is another pod's, or nobody's until it is clear whose");
	assert_true(comes(status_says, "feed \"claims\""));
	write_feed(FEED("two", "8443"));
	wait_for_log("a branch that the feed lacked is kept no longer");
	assert_true(comes(status_says, "feed \"two\""));
}

/* Larger than the map of the daemon's start: it makes another, with all that is in force. */
static void a_feed_that_needs_more_room_gets_it(void **state)
{
	static char text[4 << 20];
	size_t used;

	(void)state;
	used = (size_t)snprintf(text, sizeof(text),
				"{'FeedVersion': 1, 'Revision': 'large', 'PrefixLists': "
				"[{'PrefixListId': 'pl-1', 'Entries': [{'Cidr': '10.9.0.0/16'}");
	for (unsigned int i = 0; i < 100000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 ",{'Cidr':'%u.%u.%u.%u/32'}", 11 + i % 199, i / 199 % 251,
					 i * 7 % 253, 1 + i % 254);
	snprintf(text + used, sizeof(text) - used, "]}],%s",
		 strstr(FEED("two", "8443"), " 'Node'"));
	log_from = lseek(log_fd, 0, SEEK_END);
	write_feed(text);
	assert_true(comes(status_says, "feed \"large\""));
	write_feed(FEED("two", "8443"));
	assert_true(comes(status_says, "feed \"two\""));
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

static bool is_interrupted(const char *path)
{
	send_denied();
	return strstr(read_file(path), "interrupted");
}

static void what_is_in_force_outlives_the_daemon(void **state)
{
	const char *const arguments[] = { PINNED, NULL };
	char path[128];
	pid_t monitor;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/watched", top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	monitor = verb_begin(cmd_monitor, arguments, fd, fd);
	assert_true(comes(monitor_sees, path));
	assert_int_equal(end_daemon(SIGTERM), BG_EXIT_DONE);
	/* who watched goes on without it */
	assert_true(comes(is_interrupted, path));
	kill(monitor, SIGTERM);
	assert_int_equal(verb_end(monitor), BG_EXIT_DONE);
	close(fd);
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
	/* its metrics cannot be written, which is no reason to end */
	BEGIN_DAEMON("--xdp", "branch", "--attach", "clsact", "--require-owner", "--keep-lost", "0",
		     "--metrics-file", "/proc/none/node.prom");
	wait_for_log("/proc/none/node.prom");
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
	/* the filters of clsact are found without pins, and so are those of a program that lost
	 * its own */
	assert_int_equal(shell("rm -rf '%s/programs'", pin_dir), 0);
	expect(RUN(cmd_unload, PINNED), BG_EXIT_DONE, "unloaded ", "");
	assert_int_not_equal(shell("tc qdisc show | grep -q clsact"), 0);
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
		cmocka_unit_test(questions_of_a_file_are_answered_in_order),
		cmocka_unit_test(what_cannot_be_printed_is_told),
		cmocka_unit_test(another_feed_comes_into_force),
		cmocka_unit_test(what_lives_is_kept_and_what_two_claim_is_nobody_s),
		cmocka_unit_test(a_feed_that_needs_more_room_gets_it),
		cmocka_unit_test(interfaces_come_and_go),
		cmocka_unit_test(pins_that_somebody_removes_come_back),
		cmocka_unit_test(a_monitor_that_is_slow_is_told_what_it_missed),
		cmocka_unit_test(what_is_in_force_outlives_the_daemon),
		cmocka_unit_test(a_daemon_without_a_feed_keeps_the_last_one),
		cmocka_unit_test(unload_takes_it_all_away),
	};
	int status = bg_apart_main(argc, argv);

	return status >= 0 ? status : cmocka_run_group_tests(tests, make_node, remove_node);
}
