// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of interfaces against a kernel that interrupts, breaks off, loses, repeats and
 * spoils what it says: what is not in an answer is never taken for gone.
 */
#include "guard/netdevs.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "guard/netlink.h"
#include "model_maker.h"
#include "scripted_netlink.h"
#include "test.h"

static const __u8 mac_a[6] = { 2, 0, 0, 0, 0, 0xa };

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
		cmocka_unit_test(filters_are_counted_and_the_first_is_known),
		cmocka_unit_test(events_without_end_do_not_hold_up_others),
		cmocka_unit_test(another_interface_has_another_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
