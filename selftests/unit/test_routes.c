// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What netlink tells beside interfaces: the routes and rules that bring packets to pods, and
 * the far end of a veth.
 */
#include "guard/netdevs.h"

#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "guard/netlink.h"
#include "model_maker.h"
#include "scripted_netlink.h"
#include "test.h"

static const __u8 mac_a[6] = { 2, 0, 0, 0, 0, 0xa };
static const __u8 mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

/* A veth, whose far end is in a namespace of its own. */
static const struct script_link veth = {
	.ifindex = 8,
	.name = "vlan0",
	.kind = "veth",
	.lower = 2,
	.netnsid = 5 + 1,
};

static struct bg_netdevs *table(void)
{
	return script_netdevs(&veth, 1);
}

static int take_events(struct bg_netdevs *netdevs, unsigned int *changed)
{
	struct bg_error err;

	return bg_netdevs_read(netdevs, NULL, NULL, changed, &err);
}

/* Those that the CNI writes for a standard pod, and others beside them. */
static const struct script_rule rules[] = {
	{ AF_INET, 32, FR_ACT_TO_TBL, 0, 109, 1536, "10.0.32.9" },
	{ AF_INET, 32, FR_ACT_TO_TBL, 0, 1014, 1536, "10.0.32.8" },
	{ AF_INET6, 128, FR_ACT_TO_TBL, 0, 109, 1536, "2001:db8::9" },
	/* none of these */
	{ AF_INET, 32, FR_ACT_TO_TBL, 0, 109, 1537, "10.0.32.9" },
	{ AF_INET, 32, FR_ACT_TO_TBL, 0, 109, 0, "10.0.32.9" },
	{ AF_INET, 24, FR_ACT_TO_TBL, 0, 109, 1536, "10.0.32.0" },
	{ AF_INET, 32, FR_ACT_UNREACHABLE, 0, 109, 1536, "10.0.32.9" },
	{ AF_INET, 32, FR_ACT_TO_TBL, FIB_RULE_INVERT, 109, 1536, "10.0.32.9" },
	{ AF_INET6, 32, FR_ACT_TO_TBL, 0, 109, 1536, "2001:db8::" },
	{ AF_INET6, 128, FR_ACT_TO_TBL, 0, 109, 1536, "10.0.32.9" },
	{ AF_INET, 32, FR_ACT_TO_TBL, 0, 109, 1536, NULL },
};
static const struct script_route to_pods[] = {
	{ AF_INET, RTN_UNICAST, 32, 254, 8, 0, NULL, {}, "10.0.32.9" },
	{ AF_INET6, RTN_UNICAST, 128, 254, 8, 1024, NULL, {}, "2001:db8::9" },
	/* none of these */
	{ AF_INET, RTN_UNICAST, 32, 109, 8, 0, NULL, {}, "10.0.32.9" },
	{ AF_INET, RTN_UNICAST, 32, 1254, 8, 0, NULL, {}, "10.0.32.9" },
	{ AF_INET, RTN_UNICAST, 24, 254, 8, 0, NULL, {}, "10.0.32.0" },
	{ AF_INET, RTN_LOCAL, 32, 254, 8, 0, NULL, {}, "10.0.32.9" },
	{ AF_INET, RTN_UNICAST, 32, 254, 0, 0, NULL, {}, "10.0.32.9" },
	{ AF_INET6, RTN_UNICAST, 128, 254, 8, 0, NULL, {}, "10.0.32.9" },
	{ AF_INET, RTN_UNICAST, 32, 254, 8, 0, NULL, {}, NULL },
};
#define RULES (sizeof(rules) / sizeof(rules[0]))
#define TO_PODS (sizeof(to_pods) / sizeof(to_pods[0]))

static void what_routes_pods_is_a_change(void **state)
{
	struct bg_netdevs *netdevs = table();
	unsigned int changed;

	(void)state;
	for (size_t i = 0; i < RULES; i++) {
		script_rule(script_event(), i % 2 ? RTM_DELRULE : RTM_NEWRULE, &rules[i]);
		take_events(netdevs, &changed);
		assert_int_equal(changed, i < 3 ? BG_RULES_CHANGED : 0);
	}
	for (size_t i = 0; i < TO_PODS; i++) {
		script_route(script_event(), i % 2 ? RTM_DELROUTE : RTM_NEWROUTE, &to_pods[i]);
		take_events(netdevs, &changed);
		assert_int_equal(changed, i < 2 ? BG_ROUTES_CHANGED : 0);
	}
	bg_netdevs_close(netdevs);
}

static void what_routes_pods_is_listed(void **state)
{
	static const struct script_route by_branch = { AF_INET, RTN_UNICAST, 0,	 109, 7,
						       0,	"10.0.32.1", {}, NULL };
	struct bg_netdevs *netdevs = table();
	struct bg_addr v4 = maker_addr("10.0.32.9"), v6 = maker_addr("2001:db8::9");
	struct script_part *part = script_answer();
	struct bg_routing routing;

	(void)state;
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].family == AF_INET)
			script_rule(part, RTM_NEWRULE, &rules[i]);
	script_done(part);
	/* it breaks off, and is listed once more */
	part = script_answer();
	script_rule(part, RTM_NEWRULE, &rules[2]);
	script_error(part, EINTR);
	part = script_answer();
	for (size_t i = 0; i < RULES; i++)
		if (rules[i].family == AF_INET6)
			script_rule(part, RTM_NEWRULE, &rules[i]);
	script_done(part);
	part = script_answer();
	script_route(part, RTM_NEWROUTE, &by_branch);
	for (size_t i = 0; i < TO_PODS; i++)
		if (to_pods[i].family == AF_INET)
			script_route(part, RTM_NEWROUTE, &to_pods[i]);
	script_done(part);
	script_error(script_answer(), EAFNOSUPPORT);
	for (int i = 1; i < BG_DUMP_TRIES; i++)
		script_error(script_answer(), EAFNOSUPPORT);
	assert_int_equal(bg_netdevs_routing(netdevs, &routing), 0);
	assert_int_equal(script_left(), 0);
	assert_int_equal(routing.rule_count, 3);
	assert_int_equal(routing.rules[0].table, 109);
	assert_memory_equal(&routing.rules[0].from, &v4, sizeof(v4));
	assert_int_equal(routing.rules[1].table, 1014);
	assert_memory_equal(&routing.rules[2].from, &v6, sizeof(v6));
	assert_int_equal(routing.default_count, 1);
	assert_int_equal(routing.defaults[0].ifindex, 7);
	assert_int_equal(routing.host_count, 1);
	assert_int_equal(routing.hosts[0].ifindex, 8);
	assert_memory_equal(&routing.hosts[0].to, &v4, sizeof(v4));
	bg_routing_free(&routing);
	bg_netdevs_close(netdevs);
}

/* Without rules nobody asks for routes; what cannot be listed is not taken for nothing. */
static void what_routes_no_pods(void **state)
{
	struct bg_netdevs *netdevs = table();
	struct bg_routing routing;

	(void)state;
	script_done(script_answer());
	script_done(script_answer());
	assert_int_equal(bg_netdevs_routing(netdevs, &routing), 0);
	assert_int_equal(routing.rule_count + routing.default_count + routing.host_count, 0);
	bg_routing_free(&routing);
	script_done(script_answer());
	for (int i = 0; i < BG_DUMP_TRIES; i++)
		script_error(script_answer(), ENOBUFS);
	assert_int_equal(bg_netdevs_routing(netdevs, &routing), -ENOBUFS);
	bg_netdevs_close(netdevs);
}

/* Where the kernel says that what comes in goes; no answer of it is taken for a route. */
static void the_route_of_what_comes_in(void **state)
{
	static const int refusals[] = { ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, EXDEV };
	static const struct script_route routes[] = {
		{ AF_INET, RTN_UNICAST, 0, 109, 7, 0, "10.0.32.1", {}, NULL },
		{ AF_INET6, RTN_UNICAST, 0, 4711, 8, 1024, "fe80::1", {}, NULL },
		{ AF_INET6, RTN_BLACKHOLE, 0, 254, 1, 0, NULL, {}, NULL },
	};
	static const __u32 leads_to[] = { 7, 8, 0 };
	const struct bg_addr v4 = maker_addr("10.0.47.82"), v6 = maker_addr("2001:db8::82");
	struct bg_netdevs *netdevs = table();
	struct bg_found_route found;

	(void)state;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct script_part *part = script_answer();

		script_route(part, RTM_NEWROUTE, &routes[i]);
		script_error(part, 0);
		assert_int_equal(bg_netdev_find_route(netdevs, 5, i ? &v6 : &v4, &found), 0);
		assert_int_equal(found.ifindex, leads_to[i]);
		assert_int_equal(found.table, routes[i].table);
	}
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		script_error(script_answer(), refusals[i]);
		assert_int_equal(bg_netdev_find_route(netdevs, 5, &v4, &found), 0);
		assert_int_equal(found.ifindex, 0);
	}
	script_error(script_answer(), ENODEV);
	assert_int_equal(bg_netdev_find_route(netdevs, 5, &v4, &found), -ENODEV);
	script_error(script_answer(), ENOBUFS);
	assert_int_equal(bg_netdev_find_route(netdevs, 5, &v4, &found), -ENOBUFS);
	bg_netdevs_close(netdevs);
}

static void default_routes_of_all_tables_are_listed(void **state)
{
	static const struct script_route routes[] = {
		{ AF_INET, RTN_UNICAST, 0, 254, 2, 100, "10.0.1.1", {}, NULL },
		{ AF_INET, RTN_UNICAST, 24, 254, 2, 0, NULL, {}, NULL },
		{ AF_INET, RTN_UNICAST, 0, 1009, 7, 0, NULL, {}, NULL },
		{ AF_INET6, RTN_UNICAST, 0, 109, 7, 1024, "fe80::1", {}, NULL },
		{ AF_INET, RTN_UNICAST, 0, 254, 0, 0, "10.0.1.1", {}, NULL }, /* by no interface */
		{ .family = AF_INET, .type = RTN_UNICAST, .table = 254, .hops = { 3, 7 } },
	};
	struct bg_netdevs *netdevs = table();
	struct bg_default_route *found;
	struct script_part *part = script_answer();
	struct bg_addr gateway = maker_addr("10.0.1.1");
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		script_route(part, RTM_NEWROUTE, &routes[i]);
	script_done(part);
	assert_int_equal(bg_netdevs_default_routes(netdevs, AF_INET, &found, &count), 0);
	assert_int_equal(count, 4);
	assert_int_equal(found[0].table, 254);
	assert_int_equal(found[0].ifindex, 2);
	assert_int_equal(found[0].metric, 100);
	assert_memory_equal(&found[0].gateway, &gateway, sizeof(gateway));
	assert_int_equal(found[1].table, 1009);
	gateway = (struct bg_addr){};
	assert_memory_equal(&found[1].gateway, &gateway, sizeof(gateway));
	gateway = maker_addr("fe80::1");
	assert_memory_equal(&found[2].gateway, &gateway, sizeof(gateway));
	assert_int_equal(found[3].ifindex, 3);
	assert_true(found[3].has_several_hops && !found[0].has_several_hops);
	free(found);
	bg_netdevs_close(netdevs);
}

#define PEER(first, is, end, last)                                                                 \
	{                                                                                          \
		.ifindex = 2, .name = "eth0", .kind = (is), .lower = (end), .netnsid = 1,          \
		.mac = {(first),                                                                   \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			0,                                                                         \
			(last) }                                                                   \
	}

/* What the kernel says of the peer, and of the neighbour when the peer is not known. */
static void the_far_end_is_asked_for(void **state)
{
	static const struct {
		struct script_link peer;
		const char *neighbour;
		const __u8 *mac;
		int peer_error, rc;
	} cases[] = {
		{ PEER(2, "veth", 8, 0xa), NULL, mac_a, 0, 0 },
		/* it has the index that the peer had, and is another device */
		{ PEER(2, "veth", 9, 0xa), "10.0.0.9", mac_b, 0, 0 },
		{ PEER(2, "vlan", 8, 0xa), "10.0.0.9", mac_b, 0, 0 },
		{ PEER(0, "veth", 8, 0), "10.0.0.9", mac_b, 0, 0 },
		{ PEER(2, "veth", 8, 0xa), "10.0.0.9", mac_b, ENODEV, 0 },
		{ PEER(2, "veth", 8, 0xa), NULL, NULL, ENODEV, -ENOENT },
	};
	struct bg_netdevs *netdevs = table();
	struct bg_addr address = maker_addr("10.0.0.9");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct script_part *part;
		__u8 mac[6];

		script_reset();
		part = script_answer();
		if (!cases[i].peer_error)
			script_link(part, RTM_NEWLINK, &cases[i].peer)->nlmsg_flags = 0;
		script_error(part, cases[i].peer_error);
		if (cases[i].mac != mac_a) {
			part = script_answer();
			if (cases[i].neighbour)
				script_neighbour(part, RTM_NEWNEIGH, 8, NUD_STALE,
						 cases[i].neighbour, mac_b)
					->nlmsg_flags = 0;
			script_error(part, cases[i].neighbour ? 0 : ENOENT);
		}
		assert_int_equal(bg_netdev_peer_mac(netdevs, bg_netdev_by_name(netdevs, "vlan0"),
						    &address, mac),
				 cases[i].rc);
		if (cases[i].mac)
			assert_memory_equal(mac, cases[i].mac, 6);
		assert_int_equal(script_left(), 0);
	}
	bg_netdevs_close(netdevs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_route_of_what_comes_in),
		cmocka_unit_test(default_routes_of_all_tables_are_listed),
		cmocka_unit_test(what_routes_pods_is_a_change),
		cmocka_unit_test(what_routes_pods_is_listed),
		cmocka_unit_test(what_routes_no_pods),
		cmocka_unit_test(the_far_end_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
