// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of interfaces against a kernel that interrupts, breaks off, loses, repeats and
 * spoils what it says: what is not in an answer is never taken for gone.
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

static const struct script_link links[] = {
	{ .ifindex = 7,
	  .name = "vlan.eth.9",
	  .kind = "vlan",
	  .vlan = 9,
	  .lower = 3,
	  .flags = IFF_UP },
	{ .ifindex = 1, .name = "lo", .flags = IFF_UP | IFF_LOOPBACK },
	{ .ifindex = 3, .name = "eth1" },
	{ .ifindex = 8, .name = "vlan0", .kind = "veth", .lower = 2, .netnsid = 5 + 1 },
};
#define LINKS (sizeof(links) / sizeof(links[0]))

static struct bg_netdevs *table(void)
{
	return script_netdevs(links, LINKS);
}

static size_t count_of(const struct bg_netdevs *netdevs)
{
	size_t count;

	bg_netdevs_list(netdevs, &count);
	return count;
}

/* An answer with the first `count` interfaces; not ended. */
static struct script_part *list(size_t count)
{
	struct script_part *part = script_answer();

	for (size_t i = 0; i < count; i++)
		script_link(part, RTM_NEWLINK, &links[i]);
	return part;
}

static int take_events(struct bg_netdevs *netdevs, unsigned int *changed)
{
	struct bg_error err;

	return bg_netdevs_read(netdevs, NULL, NULL, changed, &err);
}

static void interfaces_are_found_by_name_and_index(void **state)
{
	struct bg_netdevs *netdevs = table();
	const struct bg_netdev *netdev;
	size_t count;

	(void)state;
	netdev = bg_netdevs_list(netdevs, &count);
	assert_int_equal(count, LINKS);
	for (size_t i = 1; i < count; i++)
		assert_true(netdev[i - 1].ifindex < netdev[i].ifindex);
	netdev = bg_netdev_by_name(netdevs, "vlan.eth.9");
	assert_ptr_equal(netdev, bg_netdev_by_index(netdevs, 7));
	assert_int_equal(netdev->kind, BG_NETDEV_VLAN);
	assert_int_equal(netdev->vlan, 9);
	assert_int_equal(netdev->lower, 3);
	assert_int_equal(netdev->lower_netnsid, -1);
	assert_true(netdev->up);
	assert_true(bg_netdev_by_index(netdevs, 1)->loopback);
	assert_int_equal(bg_netdev_by_name(netdevs, "vlan0")->kind, BG_NETDEV_VETH);
	assert_int_equal(bg_netdev_by_name(netdevs, "vlan0")->lower_netnsid, 5);
	assert_null(bg_netdev_by_name(netdevs, "eth"));
	assert_null(bg_netdev_by_name(netdevs, ""));
	assert_null(bg_netdev_by_index(netdevs, 2));
	bg_netdevs_close(netdevs);
}

/* How a list can fail: it is asked for again, and what came before is forgotten. */
static void a_list_that_is_not_whole_is_asked_for_again(void **state)
{
	enum way { INTERRUPTED, REFUSED, CUT, NO_END, LOST, SHORT_LINK, BAD_ATTRIBUTE, WAYS };

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct bg_netdevs *netdevs = table();
		struct script_part *part;
		unsigned int changed;

		script_event()->error = ENOBUFS;
		part = list(2);
		switch (way) {
		case INTERRUPTED:
			((struct nlmsghdr *)part->bytes)->nlmsg_flags |= NLM_F_DUMP_INTR;
			break;
		case REFUSED:
			part->length = 0;
			script_error(part, EBUSY);
			break;
		case CUT:
			part->length -= 4;
			break;
		case NO_END: /* nothing more comes */
			script_answer()->error = EAGAIN;
			break;
		case LOST:
			script_answer()->error = ENOBUFS;
			break;
		case SHORT_LINK:
			((struct nlmsghdr *)part->bytes)->nlmsg_len = NLMSG_HDRLEN + 4;
			break;
		case BAD_ATTRIBUTE:
			((struct nlattr *)(part->bytes + mnl_nlmsg_size(sizeof(struct ifinfomsg))))
				->nla_len = 2;
			break;
		case WAYS:
			break;
		}
		script_done(list(LINKS));
		assert_int_equal(take_events(netdevs, &changed), 0);
		assert_int_equal(count_of(netdevs), LINKS);
		assert_false(bg_netdevs_incomplete(netdevs));
		assert_int_equal(script_left(), 0);
		/* whoever looks after programs and routes looks again, too */
		assert_int_equal(changed,
				 BG_NETDEVS_CHANGED | BG_FILTERS_CHANGED | BG_ROUTES_CHANGED);
		bg_netdevs_close(netdevs);
	}
}

static void a_list_that_never_comes_leaves_the_table_as_it_was(void **state)
{
	struct bg_netdevs *netdevs = table();
	unsigned int changed, before = script_asked();
	struct bg_error err;

	(void)state;
	script_event()->error = ENOBUFS;
	for (int i = 0; i < 40; i++)
		script_error(script_answer(), EBUSY);
	assert_int_equal(bg_netdevs_read(netdevs, NULL, NULL, &changed, &err), -EBUSY);
	assert_non_null(strstr(err.text, "listing the interfaces: Device or resource busy"));
	assert_true(script_asked() - before > 1);
	assert_true(script_asked() - before < 40);
	assert_int_equal(count_of(netdevs), LINKS);
	assert_true(bg_netdevs_incomplete(netdevs));
	assert_int_equal(changed, 0);
	/* later it does come, without another event */
	script_reset();
	script_done(list(1));
	assert_int_equal(take_events(netdevs, &changed), 0);
	assert_int_equal(count_of(netdevs), 1);
	assert_false(bg_netdevs_incomplete(netdevs));
	bg_netdevs_close(netdevs);
}

static void events_change_the_table(void **state)
{
	static const struct script_link again = { .ifindex = 3, .name = "eth1" };
	static const struct script_link renamed = { .ifindex = 3, .name = "trunk0" };
	static const struct script_link added = { .ifindex = 5, .name = "eth2", .flags = IFF_UP };
	static const struct script_link of_bridge = { .ifindex = 5,
						      .name = "eth2",
						      .family = AF_BRIDGE };
	static const struct script_link nameless = { .ifindex = 6 };
	static const struct {
		const struct script_link *link;
		size_t count;
		int type;
		bool changed;
	} cases[] = {
		{ &again, LINKS, RTM_NEWLINK, false },
		{ &renamed, LINKS, RTM_NEWLINK, true },
		{ &added, LINKS + 1, RTM_NEWLINK, true },
		{ &added, LINKS + 1, RTM_NEWLINK, false },
		{ &of_bridge, LINKS + 1, RTM_DELLINK, false },
		{ &nameless, LINKS + 1, RTM_NEWLINK, false },
		{ &added, LINKS, RTM_DELLINK, true },
		{ &added, LINKS, RTM_DELLINK, false },
	};
	struct bg_netdevs *netdevs = table();
	unsigned int changed;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		script_link(script_event(), cases[i].type, cases[i].link);
		assert_int_equal(take_events(netdevs, &changed), 0);
		assert_int_equal(changed, cases[i].changed ? BG_NETDEVS_CHANGED : 0);
		assert_int_equal(count_of(netdevs), cases[i].count);
	}
	assert_null(bg_netdev_by_name(netdevs, "eth1"));
	assert_int_equal(bg_netdev_by_name(netdevs, "trunk0")->ifindex, 3);
	assert_int_equal(script_left(), 0);
	bg_netdevs_close(netdevs);
}

/* Each may have hidden a change: the table is listed. */
static void spoiled_events_make_it_list_the_table(void **state)
{
	enum way { LOST, TOO_LARGE, NO_MEMORY, CUT, SHORT, WAYS };

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct bg_netdevs *netdevs = table();
		struct script_part *event = script_event();
		unsigned int changed;

		script_link(event, RTM_NEWLINK, &links[0]);
		switch (way) {
		case LOST:
			event->error = ENOBUFS;
			break;
		case TOO_LARGE:
			event->error = ENOSPC;
			break;
		case NO_MEMORY:
			event->error = ENOMEM;
			break;
		case CUT:
			event->length -= 8;
			break;
		case SHORT:
			((struct nlmsghdr *)event->bytes)->nlmsg_len = NLMSG_HDRLEN + 8;
			break;
		case WAYS:
			break;
		}
		script_done(list(2));
		assert_int_equal(take_events(netdevs, &changed), 0);
		assert_int_equal(script_left(), 0);
		assert_int_equal(count_of(netdevs), 2);
		bg_netdevs_close(netdevs);
	}
}

static void note_neighbour(const struct bg_neighbour *neighbour, void *context)
{
	*(struct bg_neighbour *)context = *neighbour;
}

static void neighbours_are_told_of_when_their_address_is_known(void **state)
{
	static const struct {
		const char *address;
		const __u8 *mac;
		int state;
		bool told;
	} cases[] = {
		{ "10.0.0.1", mac_a, NUD_REACHABLE, true },
		{ "2001:db8::1", mac_a, NUD_STALE, true },
		{ "10.0.0.1", mac_a, NUD_PERMANENT, true },
		{ "10.0.0.1", mac_a, NUD_FAILED, false },
		{ "10.0.0.1", NULL, NUD_INCOMPLETE, false },
		{ "10.0.0.1", NULL, NUD_REACHABLE, false },
		{ NULL, mac_a, NUD_REACHABLE, false },
	};
	struct bg_netdevs *netdevs = table();
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_neighbour told = {};
		struct bg_addr expected = {};
		unsigned int changed;

		script_neighbour(script_event(), RTM_NEWNEIGH, 7, cases[i].state, cases[i].address,
				 cases[i].mac);
		assert_int_equal(bg_netdevs_read(netdevs, note_neighbour, &told, &changed, &err),
				 0);
		assert_int_equal(changed, 0);
		assert_int_equal(told.ifindex, cases[i].told ? 7 : 0);
		if (!cases[i].told)
			continue;
		expected = maker_addr(cases[i].address);
		assert_memory_equal(&told.address, &expected, sizeof(expected));
		assert_memory_equal(told.mac, cases[i].mac, 6);
	}
	bg_netdevs_close(netdevs);
}

static void routes_and_filters_are_changes_of_their_own(void **state)
{
	static const struct script_route by_default = {
		.family = AF_INET, .type = RTN_UNICAST, .table = 254, .ifindex = 3
	};
	static const struct script_route of_prefix = { .family = AF_INET,
						       .type = RTN_UNICAST,
						       .prefix_length = 24,
						       .table = 254,
						       .ifindex = 3 };
	static const struct script_route unreachable = {
		.family = AF_INET6, .type = RTN_UNREACHABLE, .table = 254, .ifindex = 1
	};
	struct bg_netdevs *netdevs = table();
	unsigned int changed;

	(void)state;
	script_route(script_event(), RTM_DELROUTE, &by_default);
	take_events(netdevs, &changed);
	assert_int_equal(changed, BG_ROUTES_CHANGED);
	script_route(script_event(), RTM_NEWROUTE, &of_prefix);
	script_route(script_event(), RTM_NEWROUTE, &unreachable);
	take_events(netdevs, &changed);
	assert_int_equal(changed, 0);
	script_filter(script_event(), 1);
	take_events(netdevs, &changed);
	assert_int_equal(changed, BG_FILTERS_CHANGED);
	bg_netdevs_close(netdevs);
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

static void filters_are_counted_and_the_first_is_known(void **state)
{
	struct bg_netdevs *netdevs = table();
	struct script_part *part = script_answer();
	struct bg_filters filters;

	(void)state;
	script_filter(part, 0); /* the chain */
	script_filter(part, 0xb6);
	script_filter(part, 1);
	script_filter(part, 0xb671);
	script_filter(part, 0xb690); /* behind ours, and before the other ones */
	script_done(part);
	part = script_answer();
	script_filter(part, 0xb6f2);
	script_filter(part, 0xb70f);
	script_filter(part, 0xb710);
	script_done(part);
	assert_int_equal(bg_netdev_filters(netdevs, 7, &filters), 0);
	assert_int_equal(filters.count, 7);
	assert_int_equal(filters.numbers, 1u << 1 | 1u << 2 | 1u << 31);
	assert_int_equal(filters.first_ingress, 0xb6);
	assert_int_equal(filters.first_egress, 0xb6f2);
	/* of a hook that is not known, nothing is said */
	script_done(script_answer());
	for (int i = 0; i < 20; i++)
		script_error(script_answer(), ENOBUFS);
	assert_int_equal(bg_netdev_filters(netdevs, 7, &filters), -ENOBUFS);
	bg_netdevs_close(netdevs);
}

static void events_without_end_do_not_hold_up_others(void **state)
{
	static const struct script_link flapping = { .ifindex = 3,
						     .name = "eth1",
						     .flags = IFF_UP };
	struct bg_netdevs *netdevs = table();
	struct script_part *part;
	unsigned int changed;

	(void)state;
	script_event()->error = ENOBUFS;
	part = script_event();
	script_link(part, RTM_NEWLINK, &flapping);
	part->for_ever = true;
	assert_int_equal(take_events(netdevs, &changed), 0);
	assert_int_equal(changed, BG_NETDEVS_CHANGED);
	/* a list made now would be newer than what is still to be read */
	assert_true(bg_netdevs_incomplete(netdevs));
	script_reset();
	script_done(list(LINKS));
	assert_int_equal(take_events(netdevs, &changed), 0);
	assert_false(bg_netdevs_incomplete(netdevs));
	bg_netdevs_close(netdevs);
}

/* By its number an interface is told from another one that has its ifindex. */
static void another_interface_has_another_number(void **state)
{
	static const struct script_link renamed = {
		.ifindex = 7, .name = "was9", .kind = "vlan", .vlan = 9, .lower = 3, .flags = IFF_UP
	};
	static const struct script_link addressed[2] = {
		{ .ifindex = 9, .name = "old", .mac = { 2, 0, 0, 0, 0, 9 } },
		{ .ifindex = 9, .name = "new", .mac = { 2, 0, 0, 0, 0, 9 } },
	};
	struct bg_netdevs *netdevs = table();
	struct script_part *part;
	unsigned int changed;
	__u32 life = bg_netdev_by_index(netdevs, 7)->life, other;

	(void)state;
	assert_int_not_equal(life, 0);
	assert_int_not_equal(life, bg_netdev_by_index(netdevs, 3)->life);
	/* a new name is no new interface */
	script_link(script_event(), RTM_NEWLINK, &renamed);
	take_events(netdevs, &changed);
	assert_int_equal(bg_netdev_by_index(netdevs, 7)->life, life);
	/* what goes and comes within one look is */
	script_link(script_event(), RTM_DELLINK, &renamed);
	script_link(script_event(), RTM_NEWLINK, &renamed);
	take_events(netdevs, &changed);
	other = bg_netdev_by_index(netdevs, 7)->life;
	assert_int_not_equal(other, life);
	/* listed again, who is as he was is the same one; of others that is not sure */
	life = bg_netdev_by_index(netdevs, 3)->life;
	script_event()->error = ENOBUFS;
	script_done(list(LINKS));
	take_events(netdevs, &changed);
	assert_int_equal(bg_netdev_by_index(netdevs, 3)->life, life);
	assert_int_not_equal(bg_netdev_by_index(netdevs, 7)->life, other);
	/* a new name, but the same hardware address */
	for (int i = 0; i < 2; i++) {
		part = script_event();
		part->error = ENOBUFS;
		part = script_answer();
		script_link(part, RTM_NEWLINK, &addressed[i]);
		script_done(part);
		take_events(netdevs, &changed);
		if (i)
			assert_int_equal(bg_netdev_by_index(netdevs, 9)->life, life);
		life = bg_netdev_by_index(netdevs, 9)->life;
	}
	bg_netdevs_close(netdevs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_are_found_by_name_and_index),
		cmocka_unit_test(a_list_that_is_not_whole_is_asked_for_again),
		cmocka_unit_test(a_list_that_never_comes_leaves_the_table_as_it_was),
		cmocka_unit_test(events_change_the_table),
		cmocka_unit_test(spoiled_events_make_it_list_the_table),
		cmocka_unit_test(neighbours_are_told_of_when_their_address_is_known),
		cmocka_unit_test(routes_and_filters_are_changes_of_their_own),
		cmocka_unit_test(the_route_of_what_comes_in),
		cmocka_unit_test(default_routes_of_all_tables_are_listed),
		cmocka_unit_test(what_routes_pods_is_a_change),
		cmocka_unit_test(what_routes_pods_is_listed),
		cmocka_unit_test(what_routes_no_pods),
		cmocka_unit_test(the_far_end_is_asked_for),
		cmocka_unit_test(filters_are_counted_and_the_first_is_known),
		cmocka_unit_test(events_without_end_do_not_hold_up_others),
		cmocka_unit_test(another_interface_has_another_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
