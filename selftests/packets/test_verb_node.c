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
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apart/apart.h"
#include "live_node.h"
#include "pkt.h"

/* A frame from the wire to the branch. */
static void send_frame(const struct pkt *pkt)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(NODE_FAR),
				  .sll_halen = ETH_ALEN };
	__u8 frame[PKT_BYTES];
	size_t length = pkt_build(pkt, frame);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	if (fd < 0)
		abort();
	assert_int_equal(sendto(fd, frame, length, 0, (struct sockaddr *)&to, sizeof(to)), length);
	close(fd);
}

static void send_allowed(void)
{
	send_frame(&(struct pkt){ TCP(NODE_CLIENT, 40000, NODE_POD, 443, "S") });
	send_frame(&(struct pkt){ TCP(NODE_CLIENT6, 40000, NODE_POD6, 443, "S") });
}

static void send_denied(void)
{
	send_frame(&(struct pkt){ TCP(NODE_CLIENT, 40001, NODE_POD, 22, "S") });
}

/* --- the story ------------------------------------------------------------- */

static void without_a_daemon_every_verb_says_so(void **state)
{
	static verb_fn *const verbs[] = { cmd_status, cmd_rules, cmd_flows, cmd_monitor };

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		expect_run(RUN(verbs[i], PINNED), BG_EXIT_FAILED, "",
			   "branchguard is not loaded: ");
	expect_run(RUN(cmd_health, PINNED), 2, "branchguard is not loaded", "");
	expect_run(RUN(cmd_explain, PINNED, "--live", "-b", "9", "-d", "ingress", "-p", "tcp", "-r",
		       NODE_CLIENT, "--port", "443"),
		   BG_EXIT_FAILED, "", "not loaded");
	expect_run(RUN(cmd_unload, PINNED), BG_EXIT_DONE, "", "nothing is loaded at ");
}

static void a_feed_that_is_refused_starts_nothing(void **state)
{
	(void)state;
	node_write_feed("{'FeedVersion': 1, 'Branches': [{'VlanId': 5000}]}");
	expect_run(RUN(cmd_run, PINNED, "--feed", node_feed, "--once"), BG_EXIT_FAILED, "",
		   "SecurityGroups is missing");
	assert_int_equal(unlink(node_feed), 0);
	expect_run(RUN(cmd_run, PINNED, "--feed", node_feed, "--once"), BG_EXIT_FAILED, "",
		   "No such file or directory");
	expect_run(RUN(cmd_run, PINNED, "--feed", node_feed, "--group", "no-such-group"),
		   BG_EXIT_FAILED, "", "no-such-group");
	/* names that the kernel keeps for itself */
	expect_run(RUN(cmd_run, "--pin-dir", "/sys/fs/bpf/live.node", "--feed", node_feed),
		   BG_EXIT_FAILED, "", "a BPF file system has no names with a dot in them");
	expect_run(RUN(cmd_run, PINNED, "--feed", "-"), BG_EXIT_USAGE, "", "--once");
	expect_run(RUN(cmd_run, PINNED, "--feed", "-", "--once", "--require-owner"), BG_EXIT_USAGE,
		   "", "stdin has no owner");
	expect_run(RUN(cmd_status, PINNED), BG_EXIT_FAILED, "", "not loaded");
}

static void the_daemon_starts_and_says_what_is(void **state)
{
	(void)state;
	node_write_feed(NODE_FEED("one", "443"));
	NODE_BEGIN("--metrics-file", node_metrics, "--log-level", "debug");
	expect_run(RUN(cmd_status, PINNED), BG_EXIT_DONE, "feed \"one\"", "");
	expect_run(RUN(cmd_status, PINNED, "--branch", "vlan.eth.9"), BG_EXIT_DONE, NODE_POD, "");
	expect_run(RUN(cmd_status, PINNED, "--branch", "eni-7"), BG_EXIT_FAILED, "", "eni-9");
	expect_run(RUN(cmd_status, PINNED, "--json"), BG_EXIT_DONE, "\"tc_branch_ingress\"", "");
	expect_run(RUN(cmd_status, PINNED, "--metrics"), BG_EXIT_DONE, "branchguard_feed_refused 0",
		   "");
	/* two places for each of --max-flows, probes' left out */
	expect_run(RUN(cmd_status, PINNED, "--metrics"), BG_EXIT_DONE,
		   "branchguard_flows_capacity 131072", "");
	expect_run(RUN(cmd_status, PINNED, "--revisions"), BG_EXIT_DONE, "one", "");
	expect_run(RUN(cmd_status, PINNED, "--revisions", "--json"), BG_EXIT_DONE, "\"one\"", "");
	expect_run(RUN(cmd_status, PINNED, "--json", "--metrics"), BG_EXIT_USAGE, "",
		   "expected one of them");
	expect_run(RUN(cmd_status, PINNED, "--revisions", "--branch", "9"), BG_EXIT_USAGE, "",
		   "--branch does not go with it");
	node_wait_well();
	expect_run(RUN(cmd_health, PINNED), 0,
		   "well           attachment  8 programs at 4 interfaces", "");
	expect_run(RUN(cmd_health, PINNED, "--json"), 0, "\"attachment\"", "");
	expect_run(RUN(cmd_run, PINNED, "--feed", node_feed), BG_EXIT_FAILED, "", "");
	expect_run(RUN(cmd_unload, PINNED), BG_EXIT_FAILED, "", "a daemon is running on ");
}

static void what_passes_and_what_does_not_is_seen(void **state)
{
	static const char client_cidr[] = NODE_CLIENT "/32";

	(void)state;
	send_allowed();
	send_denied();
	expect_run(RUN(cmd_flows, PINNED), BG_EXIT_DONE, NODE_POD ":443", "");
	expect_run(RUN(cmd_flows, PINNED, "--json", "--branch", "9", "--protocol", "tcp", "--port",
		       "443", "--remote", client_cidr),
		   BG_EXIT_DONE, "\"sg-cart\"", "");
	expect_run(RUN(cmd_flows, PINNED, "--local", NODE_POD6), BG_EXIT_DONE, NODE_POD6, "");
	expect_run(RUN(cmd_flows, PINNED, "--json", "--port", "444"), BG_EXIT_DONE, "[]", "");
	expect_run(RUN(cmd_flows, PINNED, "--branch", "7"), BG_EXIT_FAILED, "", "--branch '7'");
	expect_run(RUN(cmd_flows, PINNED, "--protocol", "what"), BG_EXIT_USAGE, "",
		   "expected tcp, udp");
	expect_run(RUN(cmd_flows, PINNED, "--local", "here"), BG_EXIT_USAGE, "",
		   "an address or a CIDR");
	expect_run(RUN(cmd_flows, PINNED, "--remote", "there"), BG_EXIT_USAGE, "",
		   "an address or a CIDR");
	expect_run(RUN(cmd_rules, PINNED), BG_EXIT_DONE, NODE_CLIENT "/32", "");
	expect_run(RUN(cmd_rules, PINNED, "--json", "--group", "sg-cart"), BG_EXIT_DONE,
		   "\"hits\": 1", "");
	assert_null(strstr(RUN(cmd_rules, PINNED, "--unused")->out, NODE_CLIENT "/32"));
	expect_run(RUN(cmd_rules, PINNED, "--branch", "7"), BG_EXIT_FAILED, "", "--branch '7'");
	expect_run(RUN(cmd_status, PINNED), BG_EXIT_DONE, "no-rule", "");
}

static bool monitor_sees(const char *path)
{
	send_denied();
	send_frame(&(struct pkt){ TCP(NODE_CLIENT, 40002, NODE_POD, 443, "S") });
	return strstr(node_file(path), "no-rule");
}

/* Prints one drop to a file that the caller looks at, however it comes by events. */
static void watch(const char *const *arguments)
{
	char path[128];
	int fd;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/events", node_top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	pid = verb_begin(cmd_monitor, arguments, fd, fd);
	if (!node_comes(monitor_sees, path))
		fail_msg("the monitor saw nothing: %s", node_file(path));
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
	expect_run(RUN(cmd_monitor, PINNED, "--reason", "nope"), BG_EXIT_USAGE, "",
		   "--reason 'nope'");
	expect_run(RUN(cmd_monitor, PINNED, "--branch", "7"), BG_EXIT_FAILED, "", "'7'");
}

static bool follower_sees(const char *path)
{
	send_allowed();
	send_frame(&(struct pkt){
		TCP(NODE_CLIENT, (int)(40100 + time(NULL) % 1000), NODE_POD, 443, "S") });
	return strstr(node_file(path), " new ");
}

static void flows_are_followed(void **state)
{
	const char *const arguments[] = { PINNED, "--follow", NULL };
	char path[128];
	int fd;
	pid_t pid;

	(void)state;
	snprintf(path, sizeof(path), "%s/flows", node_top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	pid = verb_begin(cmd_flows, arguments, fd, fd);
	if (!node_comes(follower_sees, path))
		fail_msg("no flow is new: %s", node_file(path));
	kill(pid, SIGINT);
	assert_int_equal(verb_end(pid), BG_EXIT_DONE);
	close(fd);
}

static void questions_are_answered_by_what_is_in_force(void **state)
{
	(void)state;
	expect_run(RUN(cmd_explain, PINNED, "--live", "-b", "9", "-d", "ingress", "-p", "tcp", "-r",
		       NODE_CLIENT, "--port", "443", "--expect", "allow"),
		   BG_EXIT_DONE, "sg-cart", "");
	expect_run(RUN(cmd_explain, PINNED, "--live", "-b", "eni-9", "-d", "egress", "-p", "udp",
		       "-r", NODE_CLIENT6, "--port", "53", "--expect", "deny", "--json"),
		   BG_EXIT_DONE, "no-rule", "");
	expect_run(RUN(cmd_explain, PINNED, "--live", "--from", NODE_CLIENT, "--to", "cart-0", "-p",
		       "tcp", "--port", "22"),
		   BG_EXIT_DONE, "", "");
	expect_run(RUN(cmd_explain, "--feed", node_feed, "--from", "shop/cart-0", "--to",
		       NODE_CLIENT, "-p", "icmp", "--icmp-type", "8", "--json"),
		   BG_EXIT_DONE, "{", "");
	expect_run(RUN(cmd_explain, "--feed", node_feed, "-b", "9", "-d", "ingress", "-p", "tcp",
		       "-r", NODE_CLIENT, "--port", "22", "--expect", "allow"),
		   BG_EXIT_FAILED, "", "expected allow");
}

static void questions_of_a_file_are_answered_in_order(void **state)
{
	static const char lines[] =
		"{\"Branch\": \"9\", \"Direction\": \"ingress\", \"Protocol\": \"tcp\", "
		"\"Remote\": \"" NODE_CLIENT "\", \"Port\": 443, \"Expect\": \"allow\"}\n"
		"\n{\"Branch\": \"9\", \"Direction\": \"egress\", \"Protocol\": \"tcp\", "
		"\"Remote\": \"" NODE_CLIENT "\", \"Port\": 443, \"Expect\": \"allow\"}\n"
		"{\"Branch\": 9}\n";
	const struct verb_run *run;
	char path[128];
	FILE *out;

	(void)state;
	snprintf(path, sizeof(path), "%s/questions", node_top);
	out = fopen(path, "we");
	if (!out)
		abort();
	fputs(lines, out);
	assert_int_equal(fclose(out), 0);
	run = RUN(cmd_explain, PINNED, "--live", "--queries", path);
	expect_run(run, BG_EXIT_FAILED, "sg-cart", "");
	assert_true(strstr(run->out, "sg-cart") < strstr(run->out, "no-rule"));
	expect_run(RUN(cmd_explain, "--feed", node_feed, "--queries", path, "--json"),
		   BG_EXIT_FAILED, "{", "");
	expect_run(RUN(cmd_explain, "--feed", node_feed, "--queries", "/nowhere/questions"),
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
	node_log_from_here();
	node_write_feed(NODE_FEED("two", "8443"));
	node_wait_log("revision in force");
	assert_true(node_comes(node_status_says, "feed \"two\""));
	/* the same content once more is no revision; what is broken is refused and told */
	node_log_from_here();
	node_write_feed("{'FeedVersion': 1, 'Branches': [{'VlanId': 5000}]}");
	node_wait_log("refused");
	assert_true(node_comes(node_status_says, "REFUSED"));
	expect_run(RUN(cmd_health, PINNED), 1, "refused", "");
	expect_run(RUN(cmd_status, PINNED, "--metrics"), BG_EXIT_DONE, "branchguard_feed_refused 1",
		   "");
	node_write_feed(NODE_FEED("two", "8443"));
	node_signal(SIGHUP);
	assert_true(node_comes(node_status_says_not, "REFUSED"));
	node_wait_well();
	expect_run(RUN(cmd_status, PINNED, "--revisions"), BG_EXIT_DONE, "two", "");
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
	node_log_from_here();
	node_write_feed(FEED_OF("without", ""));
	node_wait_log("the feed lacks a branch that is alive: it stays in force");
	node_wait_log("the feed lacks a group that a branch names");
	assert_true(node_comes(node_status_says, "feed \"without\""));
	expect_run(RUN(cmd_explain, PINNED, "--live", "-b", "9", "-d", "ingress", "-p", "tcp", "-r",
		       NODE_CLIENT, "--port", "8443", "--expect", "allow"),
		   BG_EXIT_DONE, "", "");
	expect_run(RUN(cmd_status, PINNED, "--json"), BG_EXIT_DONE, "eni-9", "");
	node_write_feed(FEED_OF("claims", OTHER_BRANCH("21") "," OTHER_BRANCH("22")));
	node_wait_log("is left out: it is another pod's, or nobody's until it is clear whose");
	assert_true(node_comes(node_status_says, "feed \"claims\""));
	node_write_feed(NODE_FEED("two", "8443"));
	node_wait_log("a branch that the feed lacked is kept no longer");
	assert_true(node_comes(node_status_says, "feed \"two\""));
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
	for (unsigned int i = 0; i < 120000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 ",{'Cidr':'%u.%u.%u.%u/32'}", 11 + i % 199, i / 199 % 251,
					 i * 7 % 253, 1 + i % 254);
	snprintf(text + used, sizeof(text) - used, "]}],%s",
		 NODE_FEED_REST("8443", "'PrefixListIds': [{'PrefixListId': 'pl-1'}]"));
	node_log_from_here();
	node_write_feed(text);
	node_wait_log("loaded again, with room for larger images");
	assert_true(node_comes(node_status_says, "feed \"large\""));
	/* nothing was open meanwhile, and nothing is lost */
	node_wait_well();
	node_write_feed(NODE_FEED("two", "8443"));
	assert_true(node_comes(node_status_says, "feed \"two\""));
}

static void interfaces_come_and_go(void **state)
{
	(void)state;
	node_log_from_here();
	assert_int_equal(node_shell("ip link del vlan.eth.9"), 0);
	node_wait_log("interface gone, disarmed");
	assert_true(node_comes(node_status_says, "no interface"));
	node_log_from_here();
	assert_int_equal(node_shell("ip link add vlan.eth.9 type veth peer name far9 && "
				    "ip link set far9 up && ip link set vlan.eth.9 up && "
				    "ip -batch - <<'END'\n" NODE_ROUTES "END"),
			 0);
	node_wait_log("\"armed\"");
	node_log_from_here();
	assert_int_equal(node_shell("ip link set " NODE_VETH " name other0"), 0);
	node_wait_log("interface renamed");
	assert_int_equal(node_shell("ip link set other0 name " NODE_VETH), 0);
}

#define MAC "02:11:22:33:44:55"

/* The pod is entered sooner or later, and only then learned of. */
static bool neighbour_is_written(const char *what)
{
	(void)what;
	return !node_shell("ip neigh del " NODE_POD " dev " NODE_VETH " 2>/dev/null;"
			   "ip neigh replace " NODE_POD " lladdr " MAC " dev " NODE_VETH " && "
			   "bpftool map dump pinned '%s/maps/pods' | grep -q " MAC,
			   node_pins);
}

/* For the short way: the pod's hardware address, when the kernel learns it. */
static void a_neighbour_that_is_learned_is_written_down(void **state)
{
	(void)state;
	assert_true(node_comes(neighbour_is_written, ""));
}

static void pins_that_somebody_removes_come_back(void **state)
{
	(void)state;
	node_log_from_here();
	assert_int_equal(node_shell("rm -rf '%s'", node_pins), 0);
	node_wait_log("somebody removed pins, put back");
	expect_run(RUN(cmd_status, PINNED), BG_EXIT_DONE, "feed \"two\"", "");
}

static bool metrics_say(const char *what)
{
	return strstr(node_file(node_metrics), what);
}

static bool is_interrupted(const char *path)
{
	send_denied();
	return strstr(node_file(path), "interrupted");
}

static void what_is_in_force_outlives_the_daemon(void **state)
{
	const char *const arguments[] = { PINNED, NULL };
	char path[128];
	pid_t monitor;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/watched", node_top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	monitor = verb_begin(cmd_monitor, arguments, fd, fd);
	assert_true(node_comes(monitor_sees, path));
	assert_int_equal(node_end(SIGTERM), BG_EXIT_DONE);
	/* who watched goes on without it */
	assert_true(node_comes(is_interrupted, path));
	kill(monitor, SIGTERM);
	assert_int_equal(verb_end(monitor), BG_EXIT_DONE);
	close(fd);
	assert_true(metrics_say("branchguard_daemon_running 0"));
	assert_true(node_status_says("NOT RUNNING"));
	expect_run(RUN(cmd_health, PINNED), 1, "", "");
	/* root reads the events itself */
	WATCH("--drops-only", "--count", "1");
	expect_run(RUN(cmd_rules, PINNED), BG_EXIT_DONE, "8443", "");
	node_log_from_here();
	expect_run(RUN(cmd_run, PINNED, "--feed", node_feed, "--once"), BG_EXIT_DONE, "",
		   "loaded, taking over what is pinned");
}

static void a_daemon_without_a_feed_keeps_the_last_one(void **state)
{
	(void)state;
	assert_int_equal(unlink(node_feed), 0);
	/* its metrics cannot be written, which is no reason to end */
	NODE_BEGIN("--xdp", "branch", "--attach", "clsact", "--require-owner", "--keep-lost", "0",
		   "--metrics-file", "/proc/none/node.prom");
	node_wait_log("/proc/none/node.prom");
	expect_run(RUN(cmd_status, PINNED), BG_EXIT_DONE, "feed \"two\"", "");
	expect_run(RUN(cmd_health, PINNED), 1, "", "");
	node_log_from_here();
	/* its branch is gone from it */
	node_write_feed(
		"{'FeedVersion': 1, 'Revision': 'three', 'SecurityGroups': [], 'Branches': []}");
	node_wait_log("revision in force");
	assert_true(node_comes(node_status_says, "feed \"three\""));
	assert_int_equal(node_end(SIGINT), BG_EXIT_DONE);
	assert_false(node_has_logged("a system call was refused"));
}

static void unload_takes_it_all_away(void **state)
{
	(void)state;
	/* the filters of clsact are found without pins, and so are those of a program that lost
	 * its own */
	assert_int_equal(node_shell("rm '%s/programs/tc_branch_egress'", node_pins), 0);
	expect_run(RUN(cmd_unload, PINNED), BG_EXIT_DONE, "unloaded ", "");
	assert_int_not_equal(node_shell("tc qdisc show | grep -q clsact"), 0);
	expect_run(RUN(cmd_status, PINNED), BG_EXIT_FAILED, "", "not loaded");
	assert_int_not_equal(access(node_pins, F_OK), 0);
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
		cmocka_unit_test(a_neighbour_that_is_learned_is_written_down),
		cmocka_unit_test(pins_that_somebody_removes_come_back),
		cmocka_unit_test(what_is_in_force_outlives_the_daemon),
		cmocka_unit_test(a_daemon_without_a_feed_keeps_the_last_one),
		cmocka_unit_test(unload_takes_it_all_away),
	};
	int status = bg_apart_main(argc, argv);

	return status >= 0 ? status : cmocka_run_group_tests(tests, node_up, node_down);
}
