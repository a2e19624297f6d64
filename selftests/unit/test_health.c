// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From facts to concerns to an exit status, and what interfaces say. */
#include "base/ip.h"
#include "show/health.h"
#include "showing.h"
#include "test.h"

#define S BG_NS_PER_S
#define NOW (1000 * S)

/* What a case may change: a guarded branch, its pod, its interfaces and routes. */
struct node {
	struct bg_status status;
	struct bg_branch_status branch;
	struct bg_hook_status hook, others[3];
	struct bg_gap gap;
	struct bg_iface ifaces[3];
	struct bg_pod_row pod;
	struct bg_netdev netdevs[2];
	struct bg_found_route route;
	struct bg_look look;
	json_t *state;
};

#define BRANCH 14
#define VETH 15

static void make_node(struct node *node)
{
	*node = (struct node){
		.branch = { .row = some_branch(), .ifindex_now = BRANCH },
		.hook = { BRANCH, "vlan.eth.9", "egress", "tcx", "tc_branch_egress", 9 },
		.others = { { BRANCH, "vlan.eth.9", "ingress", "tcx", "tc_branch_ingress", 9 },
			    { VETH, "vlan18582a65b10", "ingress", "tcx", "tc_pod_egress", 9 },
			    { VETH, "vlan18582a65b10", "egress", "tcx", "tc_pod_ingress", 9 } },
		.gap = { .interface = "vlan.eth.9", .program = "tc_branch_ingress", .vlan = 9 },
		.ifaces = { { BRANCH, BG_ROLE_BRANCH, 9, 0, "vlan.eth.9" },
			    { VETH, BG_ROLE_POD_STRICT, 9, 0 } },
		.netdevs = { { .ifindex = BRANCH,
			       .name = "vlan.eth.9",
			       .up = true,
			       .lower_netnsid = -1 },
			     { .ifindex = VETH, .name = "vlan18582a65b10", .up = true } },
		.route = { .table = 109, .ifindex = BRANCH },
		.state = json_pack("{s:i, s:n, s:[]}", "Pid", 77, "LastRefused", "Interfaces"),
	};
	node->pod.pod.vlan = 9;
	node->pod.pod.host_ifindex = VETH;
	bg_addr_parse("10.0.47.82", &node->pod.address);
	node->status = (struct bg_status){
		.control = { .abi = BG_ABI, .revision = 42, .published_ns = 900 * S },
		.daemon_runs = true,
		.daemon = { .pid = 77 },
		.now_boottime_ns = NOW,
		.branches = &node->branch,
		.branch_count = 1,
		.branch_capacity = 255,
		.hooks = &node->hook,
		.hook_count = 4,
		.gaps = &node->gap,
		.ifaces = node->ifaces,
		.iface_count = 2,
		.pods = &node->pod,
		.pod_count = 1,
		.flow_capacity = 1000,
		.rule_capacity = 100,
		.has_image = true,
		.has_pulse = true,
		.pulse = { .started_ns = 800 * S,
			   .beat_ns = 999 * S,
			   .synced_ns = 998 * S,
			   .feed_read_ns = 997 * S,
			   .pid = 77 },
		.state = node->state,
	};
	node->look = (struct bg_look){
		.netdevs = node->netdevs,
		.netdev_count = 2,
		.routes = &node->route,
	};
}

static void judge(struct node *node, struct bg_health *health)
{
	assert_int_equal(bg_look_at_interfaces(&node->status, &node->look), 0);
	bg_health_judge(&node->status, &node->look, "", health);
	free(node->look.findings);
	json_decref(node->state);
}

static void well(struct node *node)
{
	(void)node;
}

static void killed(struct node *node)
{
	node->status.daemon_runs = false;
}

static void frozen(struct node *node)
{
	node->status.pulse.beat_ns = NOW - BG_UNHEARD_NS;
}

static void starting(struct node *node)
{
	node->status.pulse = (struct bg_pulse){};
	node->status.has_pulse = false;
}

/* The one before was killed hours ago. */
static void starting_again(struct node *node)
{
	node->status.pulse.started_ns = 1 * S;
	node->status.pulse.beat_ns = 2 * S;
	node->status.daemon.started_ns = 995 * S;
}

static void hanging_at_its_start(struct node *node)
{
	starting_again(node);
	node->status.daemon.started_ns = 980 * S;
}

static void unseen(struct node *node)
{
	node->status.hook_count = 0;
}

/* The branch is a VLAN interface of the veth, for once. */
static void without_trunk_guard(struct node *node)
{
	node->netdevs[0].kind = BG_NETDEV_VLAN;
	node->netdevs[0].lower = VETH;
}

static void unsynced(struct node *node)
{
	node->status.pulse.synced_ns = NOW - 30 * S;
}

/* The one before it was the last to do so, long ago; it has not had the time. */
static void follows_soon(struct node *node)
{
	node->status.pulse.started_ns = NOW - 2 * S;
	node->status.pulse.synced_ns = NOW - 30 * S;
}

static void begun_and_unsynced(struct node *node)
{
	node->status.pulse.started_ns = NOW - 20 * S;
	node->status.pulse.synced_ns = NOW - 30 * S;
}

static void gap(struct node *node)
{
	node->status.gap_count = 1;
}

static void outdated(struct node *node)
{
	node->hook.outdated = true;
}

static void behind(struct node *node)
{
	bg_look_add(&node->look, BG_CONCERN_ATTACHMENT, BG_HEALTH_NOT_ENFORCING, "who is first?");
}

static void unguarded(struct node *node)
{
	node->status.iface_count = 0;
}

static void unguarded_by_name(struct node *node)
{
	snprintf(node->netdevs[1].name, sizeof(node->netdevs[1].name), "vlan.eth.77");
	node->netdevs[1].ifindex = 99;
}

static void stranger(struct node *node)
{
	node->netdevs[1].ifindex = 99;
}

static void stranger_unfollowed(struct node *node)
{
	stranger(node);
	killed(node);
}

static void down(struct node *node)
{
	node->netdevs[0].up = false;
}

static void down_with_its_pod(struct node *node)
{
	down(node);
	node->netdevs[1].up = false;
}

static void gone(struct node *node)
{
	node->netdevs[0] = node->netdevs[1];
	node->look.netdev_count = 1;
	node->branch.ifindex_now = 0;
}

static void gone_with_its_pod(struct node *node)
{
	gone(node);
	node->look.netdev_count = 0;
}

static void without_route(struct node *node)
{
	node->route = (struct bg_found_route){};
}

/* The rule is gone, or leads elsewhere. */
static void routed_elsewhere(struct node *node)
{
	node->route = (struct bg_found_route){ .table = 254, .ifindex = 99 };
}

static void routed_elsewhere6(struct node *node)
{
	routed_elsewhere(node);
	bg_addr_parse("2001:db8::1", &node->pod.address);
}

/* What came in by a strict pod's veth does not leave there. */
static void routed_to_the_primary(struct node *node)
{
	routed_elsewhere6(node);
	node->ifaces[2] =
		(struct bg_iface){ .ifindex = node->route.ifindex, .role = BG_ROLE_PRIMARY };
	node->status.iface_count = 3;
}

/* A pod's veth looks at what the pod sends, not at what it gets. */
static void routed_to_a_veth(struct node *node)
{
	routed_elsewhere6(node);
	node->route.ifindex = VETH;
}

static void down_and_routed_elsewhere(struct node *node)
{
	routed_elsewhere6(node);
	down(node);
}

/* Whoever numbers tables in another way than the CNI does. */
static void by_another_table(struct node *node)
{
	node->route.table = 4711;
}

static void of_standard_pods(struct node *node)
{
	without_route(node);
	node->ifaces[1].role = BG_ROLE_POD_STANDARD;
}

static void taken_out_of_maps(struct node *node)
{
	static __u32 vlans[] = { 9, 10 };

	node->status.taken = (struct bg_taken){
		.ifaces = node->ifaces, .iface_count = 1, .vlans = vlans, .vlan_count = 2
	};
}

static void trouble(struct node *node, int open)
{
	json_object_set_new(node->state, "Interfaces",
			    json_pack("[{s:s, s:s, s:b, s:I}]", "Interface", "vlan.eth.9", "Text",
				      "in trouble", "Open", open, "SinceNs",
				      (json_int_t)(500 * S)));
}

static void troubled(struct node *node)
{
	trouble(node, 0);
}

static void troubled_and_open(struct node *node)
{
	trouble(node, 1);
}

static void without_state(struct node *node)
{
	json_object_set_new(node->state, "Pid", json_integer(66));
}

static void with_state_that_does_not_come(struct node *node)
{
	node->status.state = NULL;
	snprintf(node->status.state_error.text, sizeof(node->status.state_error.text),
		 "/run: no answer");
}

static void refused(struct node *node)
{
	json_object_set_new(node->state, "LastRefused",
			    json_pack("{s:s, s:I, s:I}", "Error", "why\never", "TimeNs",
				      (json_int_t)(990 * S), "SinceNs", (json_int_t)(600 * S)));
}

static void refused_by_pulse(struct node *node)
{
	node->status.pulse.feed_refused = 1;
}

static void unread(struct node *node)
{
	node->status.pulse.feed_read_ns = 900 * S;
}

static void without_feed(struct node *node)
{
	node->status.control.revision = 0;
}

static void without_image(struct node *node)
{
	node->status.has_image = false;
}

static void gap_at_another(struct node *node)
{
	gap(node);
	node->gap = (struct bg_gap){ .interface = "eth5",
				     .program = "tc_branch_ingress",
				     .ifindex = 12,
				     .was = "vlan.eth.9" };
}

static void crowded(struct node *node)
{
	node->status.flow_capacity = 1000;
	node->status.flows[BG_FLOWS_ASSURED] = 1040;
	node->status.probe_flows = 120;
}

static void full(struct node *node)
{
	node->status.rules = 90;
	node->status.branch_capacity = 1;
}

static void lossy(struct node *node)
{
	node->status.pulse.events_lost = (struct bg_sighting){ 9, 2, 950 * S, 960 * S };
}

static void slow_listener(struct node *node)
{
	json_object_set_new(node->state, "ListenerLosses",
			    json_pack("{s:i, s:I, s:I}", "Count", 5, "SinceNs",
				      (json_int_t)(940 * S), "LastNs", (json_int_t)(970 * S)));
}

static void slow_listener_long_ago(struct node *node)
{
	json_object_set_new(node->state, "ListenerLosses",
			    json_pack("{s:i, s:I, s:I}", "Count", 5, "SinceNs",
				      (json_int_t)(500 * S), "LastNs", (json_int_t)(600 * S)));
}

static void lossy_twice(struct node *node)
{
	lossy(node);
	slow_listener(node);
}

static void lossy_long_ago(struct node *node)
{
	node->status.pulse.events_lost = (struct bg_sighting){ 9, 2, 500 * S, 600 * S };
}

static void every_state_has_its_level(void **state)
{
	static const struct {
		void (*change)(struct node *node);
		enum bg_health_level level;
		enum bg_concern concern;
		const char *words;
		__u64 since_ns;
	} cases[] = {
		{ well, 0, BG_CONCERN_DAEMON, "process 77, heard of 1.0 s ago", 0 },
		{ well, 0, BG_CONCERN_ATTACHMENT, "4 programs at 2 interfaces", 0 },
		{ well, 0, BG_CONCERN_TABLES, "flows 0.0 %, rules 0.0 %", 0 },
		{ killed, 1, BG_CONCERN_DAEMON, "not running", 999 * S },
		{ frozen, 1, BG_CONCERN_DAEMON, "not heard of for 10 s", 990 * S },
		{ starting, 1, BG_CONCERN_DAEMON, "not said yet", 0 },
		{ starting_again, 1, BG_CONCERN_DAEMON, "not said yet", 0 },
		{ hanging_at_its_start, 1, BG_CONCERN_DAEMON, "not heard of for 20 s", 980 * S },
		{ unseen, 2, BG_CONCERN_ATTACHMENT, "could be looked at", 999 * S },
		{ without_trunk_guard, 1, BG_CONCERN_INTERFACES, "lacks its guard", 0 },
		{ unsynced, 1, BG_CONCERN_DAEMON, "could not follow the interfaces for 30 s",
		  970 * S },
		{ follows_soon, 0, BG_CONCERN_DAEMON, "process 77, heard of 1.0 s ago", 0 },
		{ begun_and_unsynced, 1, BG_CONCERN_DAEMON,
		  "could not follow the interfaces for 20 s", 980 * S },
		{ gap, 2, BG_CONCERN_ATTACHMENT, "tc_branch_ingress is missing at vlan.eth.9",
		  999 * S },
		{ gap_at_another, 2, BG_CONCERN_ATTACHMENT,
		  "tc_branch_ingress is missing at eth5 (its ifindex, 12, was that of vlan.eth.9): "
		  "NOT judged there",
		  999 * S },
		{ outdated, 2, BG_CONCERN_ATTACHMENT, "not the program that is pinned", 999 * S },
		{ behind, 2, BG_CONCERN_ATTACHMENT, "who is first?", 999 * S },
		{ unguarded, 2, BG_CONCERN_INTERFACES, "vlan.eth.9 is a branch, and is NOT guarded",
		  0 },
		{ unguarded_by_name, 2, BG_CONCERN_INTERFACES, "vlan.eth.77 is a branch", 0 },
		{ stranger, 1, BG_CONCERN_INTERFACES, "the feed does not name it", 0 },
		{ stranger_unfollowed, 2, BG_CONCERN_INTERFACES, "no daemon follows", 0 },
		{ down, 1, BG_CONCERN_INTERFACES, "vlan.eth.9 is down: what its pod", 0 },
		{ down_with_its_pod, 0, BG_CONCERN_INTERFACES, "1 of 1 branches armed", 0 },
		{ gone, 1, BG_CONCERN_INTERFACES, "vlan.eth.9 is gone: what its pod", 0 },
		{ gone_with_its_pod, 0, BG_CONCERN_INTERFACES, "the others have no interface", 0 },
		{ without_route, 1, BG_CONCERN_INTERFACES,
		  "no default route leads to vlan.eth.9 for IPv4 of its pod at vlan18582a65b10",
		  0 },
		{ routed_elsewhere, 1, BG_CONCERN_INTERFACES,
		  "IPv4 of the pod at vlan18582a65b10 is led to another interface (table 254) and "
		  "not to vlan.eth.9: what does not take the short way is dropped (off-branch)",
		  0 },
		{ routed_elsewhere6, 2, BG_CONCERN_INTERFACES,
		  "IPv6 of the pod at vlan18582a65b10 is led to another interface (table 254), which "
		  "is not guarded, and not to vlan.eth.9: what does not take the short way is NOT "
		  "judged",
		  0 },
		{ routed_to_the_primary, 1, BG_CONCERN_INTERFACES, "is dropped (off-branch)", 0 },
		{ routed_to_a_veth, 2, BG_CONCERN_INTERFACES, "is NOT judged", 0 },
		{ down_and_routed_elsewhere, 2, BG_CONCERN_INTERFACES, "is NOT judged", 0 },
		{ by_another_table, 0, BG_CONCERN_INTERFACES, "1 of 1 branches armed", 0 },
		{ of_standard_pods, 0, BG_CONCERN_INTERFACES, "1 of 1 branches armed", 0 },
		{ taken_out_of_maps, 1, BG_CONCERN_INTERFACES, "map ifaces lacks vlan.eth.9 (1 in",
		  0 },
		{ taken_out_of_maps, 1, BG_CONCERN_INTERFACES,
		  "map branches lacks that of VLAN 9 (2 in all): somebody took it out", 0 },
		{ troubled, 1, BG_CONCERN_INTERFACES, "vlan.eth.9: in trouble", 500 * S },
		{ troubled_and_open, 2, BG_CONCERN_INTERFACES, "vlan.eth.9: in trouble", 500 * S },
		{ without_state, 1, BG_CONCERN_INTERFACES, "/run/branchguard", 0 },
		{ with_state_that_does_not_come, 2, BG_CONCERN_INTERFACES,
		  "cannot be known: /run: no answer", 0 },
		{ refused, 1, BG_CONCERN_FEED, "revision 42 stays in force: why", 600 * S },
		{ refused_by_pulse, 1, BG_CONCERN_FEED, "revision 42 stays in force", 0 },
		{ unread, 1, BG_CONCERN_FEED, "not looked at for 1 min 40 s", 900 * S },
		{ without_feed, 1, BG_CONCERN_FEED, "nothing passes", 0 },
		{ without_image, 1, BG_CONCERN_FEED, "not in the map policy", 0 },
		{ full, 1, BG_CONCERN_TABLES,
		  "rules 90.0 % full (90 of 100); branches 100.0 % full (1 of 1)", 0 },
		{ crowded, 1, BG_CONCERN_TABLES, "flows 92.0 % full (920 of 1000)", 0 },
		{ lossy, 1, BG_CONCERN_EVENTS, "7 events lost", 950 * S },
		{ slow_listener, 1, BG_CONCERN_EVENTS,
		  "5 events lost by a listener that reads too slowly, the last 30 s ago", 940 * S },
		{ lossy_twice, 1, BG_CONCERN_EVENTS,
		  "than they were read, the last 40 s ago; 5 events lost by a listener", 950 * S },
		{ slow_listener_long_ago, 0, BG_CONCERN_EVENTS, "none lost lately", 0 },
		{ lossy_long_ago, 0, BG_CONCERN_EVENTS, "none lost lately", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const typeof(((struct bg_health *)0)->concerns[0]) *about;
		struct bg_health health;
		struct node node;

		make_node(&node);
		cases[i].change(&node);
		judge(&node, &health);
		about = &health.concerns[cases[i].concern];
		if (health.level != cases[i].level || about->level != cases[i].level ||
		    !strstr(about->text, cases[i].words) || about->since_ns != cases[i].since_ns)
			fail_msg("case %zu, %s: level %d, of the concern %d, since %llu: %s", i,
				 cases[i].words, health.level, about->level, about->since_ns,
				 about->text);
	}
}

static void who_cannot_look_is_not_well(void **state)
{
	struct bg_health health;
	struct node node;

	(void)state;
	bg_health_unseen("nothing is loaded", &health);
	assert_int_equal(health.level, BG_HEALTH_NOT_ENFORCING);
	assert_string_equal(health.concerns[BG_CONCERN_DATAPATH].text, "nothing is loaded");
	make_node(&node);
	bg_health_judge(&node.status, NULL, "no netlink", &health);
	assert_int_equal(health.level, BG_HEALTH_NOT_ENFORCING);
	assert_non_null(strstr(health.concerns[BG_CONCERN_INTERFACES].text, "no netlink"));
	json_decref(node.state);
}

/* The first ones are named, and the worst counts even if it is not among them. */
static void many_findings_are_counted(void **state)
{
	struct bg_health health;
	struct node node;

	(void)state;
	make_node(&node);
	for (int i = 0; i < 100; i++)
		bg_look_add(&node.look, BG_CONCERN_INTERFACES,
			    i == 99 ? BG_HEALTH_NOT_ENFORCING : BG_HEALTH_DEGRADED, "finding %d",
			    i);
	judge(&node, &health);
	assert_int_equal(health.level, BG_HEALTH_NOT_ENFORCING);
	assert_string_equal(health.concerns[BG_CONCERN_INTERFACES].text,
			    "finding 0; finding 1; finding 2; and 97 more");
}

static void health_is_shown(void **state)
{
	struct bg_health health;
	struct memory memory;
	struct node node;
	json_t *json, *feed;

	(void)state;
	make_node(&node);
	refused(&node);
	judge(&node, &health);
	open_memory(&memory);
	bg_health_print(memory.out, &health, NOW);
	fclose(memory.out);
	assert_non_null(strstr(memory.printed, "well           daemon      process 77, heard"));
	/* what a feed says drives no terminal, and is one line */
	assert_non_null(strstr(memory.printed, "\ndegraded       feed        refused, revision 42 "
					       "stays in force: why?ever (since "));
	free(memory.printed);
	json = bg_health_json(&health);
	assert_string_equal(json_string_value(json_object_get(json, "health")), "degraded");
	assert_int_equal(json_integer_value(json_object_get(json, "exit_status")), 1);
	feed = json_array_get(json_object_get(json, "concerns"), 3);
	assert_string_equal(json_string_value(json_object_get(feed, "concern")), "feed");
	assert_true(json_is_string(json_object_get(feed, "since")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_has_its_level),
		cmocka_unit_test(who_cannot_look_is_not_well),
		cmocka_unit_test(many_findings_are_counted),
		cmocka_unit_test(health_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
