// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Whose veth is a standard pod's by the CNI's rules and routes, and whose is not: an ordinary
 * pod's is not taken for one, and what is missing proves nothing.
 */
#include "guard/routing.h"

#include <linux/rtnetlink.h>

#include "model_maker.h"
#include "scripted_netlink.h"
#include "test.h"

enum { ETH0 = 2, BRANCH_9 = 4, BRANCH_14, VETH, VETH_2, DUMMY, SECOND_ENI, OTHER_BRANCH };
enum { MOST = 3 };

static const struct script_link links[] = {
	{ .ifindex = ETH0, .name = "eth0" },
	{ .ifindex = BRANCH_9, .name = "vlan.eth.9", .kind = "vlan", .vlan = 9, .lower = 3 },
	{ .ifindex = BRANCH_14, .name = "vlan.eth.14", .kind = "dummy" },
	{ .ifindex = VETH, .name = "eni1", .kind = "veth", .lower = 2, .netnsid = 1 },
	{ .ifindex = VETH_2, .name = "eni2", .kind = "veth", .lower = 2, .netnsid = 2 },
	{ .ifindex = DUMMY, .name = "dummy0", .kind = "dummy" },
	{ .ifindex = SECOND_ENI, .name = "eth2" },
	{ .ifindex = OTHER_BRANCH, .name = "other", .kind = "dummy" },
};

#define FED "10.0.32.9"	   /* a pod of VLAN 9 in the feed */
#define FED6 "2001:db8::9" /* the same pod */
#define LOST "10.0.32.7"   /* in no feed */
#define LOST6 "2001:db8::7"

static struct bg_model *feed(void)
{
	struct bg_model *model = maker_new();
	size_t branch = maker_branch(model, "eni-9", 9), pod = maker_pod(model, branch, "cart");

	maker_pod_address(model, branch, pod, maker_addr(FED));
	maker_pod_address(model, branch, pod, maker_addr(FED6));
	branch = maker_branch(model, "eni-20", 20);
	snprintf(model->branches[branch].interface, sizeof(model->branches[branch].interface),
		 "other");
	return model;
}

struct row {
	const char *name;
	struct {
		const char *from;
		__u32 table;
	} rules[MOST];
	struct {
		__u32 table, ifindex;
	} defaults[MOST];
	struct {
		const char *to;
		__u32 ifindex;
	} hosts[MOST];
	struct {
		__u32 ifindex;
		int fed_vlan; /* 0: no branch of the feed has the address */
	} pods[MOST];
};

/* What the CNI writes for a standard pod, in parts that rows leave out or twist. */
#define RULE(from, table) .rules = { { from, table } }
#define BY(table, ifindex) .defaults = { { table, ifindex } }
#define BEHIND(to, ifindex) .hosts = { { to, ifindex } }
#define NO_BRANCH(ifindex) .pods = { { ifindex, 0 } }

static const struct row rows[] = {
	{ "in no feed", RULE(LOST, 109), BY(109, BRANCH_9), BEHIND(LOST, VETH), NO_BRANCH(VETH) },
	{ "IPv6", RULE(LOST6, 109), BY(109, BRANCH_9), BEHIND(LOST6, VETH), NO_BRANCH(VETH) },
	{ "a branch by its name", RULE(LOST, 114), BY(114, BRANCH_14), BEHIND(LOST, VETH),
	  NO_BRANCH(VETH) },
	{ "a branch by the feed's name", RULE(LOST, 120), BY(120, OTHER_BRANCH), BEHIND(LOST, VETH),
	  NO_BRANCH(VETH) },
	{ "the feed has the address", RULE(FED, 109), BY(109, BRANCH_9), BEHIND(FED, VETH),
	  .pods = { { VETH, 9 } } },
	{ "of another branch", RULE(FED, 114), BY(114, BRANCH_14), BEHIND(FED, VETH),
	  NO_BRANCH(VETH) },
	{ "one of its addresses", .rules = { { LOST6, 109 }, { FED, 109 } }, BY(109, BRANCH_9),
	  .hosts = { { FED, VETH }, { LOST6, VETH } }, .pods = { { VETH, 9 } } },
	{ "two pods", .rules = { { LOST, 114 }, { FED6, 109 } },
	  .defaults = { { 109, BRANCH_9 }, { 114, BRANCH_14 } },
	  .hosts = { { FED6, VETH_2 }, { LOST, VETH } }, .pods = { { VETH_2, 9 }, { VETH, 0 } } },
	/* the trunk was down once, and all routes are gone: what the pod says goes by main */
	{ "without a default route", RULE(LOST, 109), BEHIND(LOST, VETH), NO_BRANCH(VETH) },
	{ "that one's branch by the feed's name", RULE(LOST, 120), BEHIND(LOST, VETH),
	  NO_BRANCH(VETH) },
	{ "two veths", RULE(LOST, 109), BY(109, BRANCH_9),
	  .hosts = { { LOST, VETH }, { LOST, VETH_2 } }, .pods = { { VETH, 0 }, { VETH_2, 0 } } },
	/* the kernel goes on to the next rule where a table has no route */
	{ "a stale rule to an empty table first", .rules = { { LOST, 114 }, { LOST, 109 } },
	  BY(109, BRANCH_9), BEHIND(LOST, VETH), NO_BRANCH(VETH) },
	{ "the feed's branch behind a stale rule", .rules = { { FED, 114 }, { FED, 109 } },
	  BY(109, BRANCH_9), BEHIND(FED, VETH), .pods = { { VETH, 9 } } },
	{ "the branch's rule before another one", .rules = { { LOST, 109 }, { LOST, 2 } },
	  .defaults = { { 109, BRANCH_9 }, { 2, SECOND_ENI } }, BEHIND(LOST, VETH),
	  NO_BRANCH(VETH) },
	{ "a second default route of the table", RULE(LOST, 109),
	  .defaults = { { 109, SECOND_ENI }, { 109, BRANCH_9 } }, BEHIND(LOST, VETH),
	  NO_BRANCH(VETH) },
	/* none of a branch's */
	{ "an ordinary pod of a second network interface",
	  RULE(LOST, 2),
	  BY(2, SECOND_ENI),
	  BEHIND(LOST, VETH),
	  {} },
	{ "of one with a high number",
	  RULE(LOST, 109),
	  BY(109, SECOND_ENI),
	  BEHIND(LOST, VETH),
	  {} },
	{ "the same, with a stale rule behind it",
	  .rules = { { LOST, 2 }, { LOST, 109 } },
	  .defaults = { { 2, SECOND_ENI }, { 109, BRANCH_9 } },
	  BEHIND(LOST, VETH),
	  {} },
	{ "the same, with one to an empty table before it",
	  .rules = { { LOST, 109 }, { LOST, 2 } },
	  BY(2, SECOND_ENI),
	  BEHIND(LOST, VETH),
	  {} },
	{ "a rule of a branch that is gone", RULE(LOST, 130), BEHIND(LOST, VETH), {} },
	{ "another VLAN's table by the interface",
	  RULE(LOST, 110),
	  BY(110, BRANCH_9),
	  BEHIND(LOST, VETH),
	  {} },
	{ "another address", RULE("10.0.32.8", 109), BY(109, BRANCH_9), BEHIND(LOST, VETH), {} },
	{ "no rule", BY(109, BRANCH_9), BEHIND(LOST, VETH), {} },
	{ "no route to it yet", RULE(LOST, 109), BY(109, BRANCH_9), {} },
	{ "behind what is no veth", RULE(LOST, 109), BY(109, BRANCH_9), BEHIND(LOST, DUMMY), {} },
	{ "behind what is not there", RULE(LOST, 109), BY(109, BRANCH_9), BEHIND(LOST, 77), {} },
	{ "table 100", RULE(LOST, 100), BY(100, BRANCH_9), BEHIND(LOST, VETH), {} },
	{ "table main", RULE(LOST, 254), BY(254, ETH0), BEHIND(LOST, VETH), {} },
	{ "no VLAN has that number", RULE(LOST, 4195), BEHIND(LOST, VETH), {} },
};

static void fill(const struct row *row, struct bg_routing *routing, struct bg_routing_rule *rules,
		 struct bg_default_route *defaults, struct bg_host_route *hosts)
{
	*routing = (struct bg_routing){ .rules = rules, .defaults = defaults, .hosts = hosts };
	for (size_t i = 0; i < MOST && row->rules[i].from; i++)
		rules[routing->rule_count++] =
			(struct bg_routing_rule){ .table = row->rules[i].table,
						  .from = maker_addr(row->rules[i].from) };
	for (size_t i = 0; i < MOST && row->defaults[i].table; i++)
		defaults[routing->default_count++] =
			(struct bg_default_route){ .table = row->defaults[i].table,
						   .ifindex = row->defaults[i].ifindex };
	for (size_t i = 0; i < MOST && row->hosts[i].to; i++)
		hosts[routing->host_count++] =
			(struct bg_host_route){ .ifindex = row->hosts[i].ifindex,
						.to = maker_addr(row->hosts[i].to) };
}

static void expect(const struct row *row, const struct bg_routed_pod *pods, size_t count, bool fed)
{
	size_t wanted = 0;

	while (wanted < MOST && row->pods[wanted].ifindex)
		wanted++;
	if (count != wanted)
		fail_msg("%s: %zu pods instead of %zu", row->name, count, wanted);
	for (size_t i = 0; i < count; i++) {
		int vlan = pods[i].branch ? pods[i].branch->vlan : 0;

		if (pods[i].netdev->ifindex != row->pods[i].ifindex)
			fail_msg("%s: interface %u", row->name, pods[i].netdev->ifindex);
		if (vlan != (fed ? row->pods[i].fed_vlan : 0))
			fail_msg("%s: of the branch with VLAN %d", row->name, vlan);
	}
}

static void whose_veth_it_is(void **state)
{
	struct bg_netdevs *netdevs = script_netdevs(links, sizeof(links) / sizeof(links[0]));
	struct bg_model *model = feed();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bg_default_route defaults[MOST];
		struct bg_routing_rule rules[MOST];
		struct bg_host_route hosts[MOST];
		struct bg_routed_pod *pods;
		struct bg_routing routing;
		size_t count;

		fill(&rows[i], &routing, rules, defaults, hosts);
		assert_int_equal(bg_routed_pods(&routing, netdevs, model, &pods, &count), 0);
		expect(&rows[i], pods, count, true);
		free(pods);
		/* before the first feed a branch is known by its interface alone */
		if (strstr(rows[i].name, "by the feed's name"))
			continue;
		assert_int_equal(bg_routed_pods(&routing, netdevs, NULL, &pods, &count), 0);
		expect(&rows[i], pods, count, false);
		free(pods);
	}
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_veth_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
