// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which pods the kernel is told to look after: those that packets reach without it, a few at a
 * time, and each in its turn; nothing that somebody has entered for good is touched. */
#include "guard/pod_neighbours.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "model_maker.h"
#include "scripted_maps.h"
#include "scripted_netlink.h"
#include "test.h"

static const struct script_link links[] = { { .ifindex = 6, .name = "pod0", .kind = "veth" } };

static struct bg_netdevs *node(void)
{
	return script_netdevs(links, sizeof(links) / sizeof(links[0]));
}

static void put(unsigned int number, enum bg_mode mode, __u32 ifindex)
{
	struct bg_pod pod = { .vlan = 9, .mode = mode, .host_ifindex = ifindex };
	struct bg_addr address = maker_addr("10.0.32.0");

	address.byte[14] = (__u8)(number >> 8);
	address.byte[15] = (__u8)number;
	script_put("pods", &address, &pod);
}

/* Of one address: known, and in what state; 0 = not known. And, if it is asked for, that. */
static void answer(int nud_state)
{
	static const __u8 mac[6] = { 2, 0, 0, 0, 0, 0x66 };
	struct script_part *part = script_answer();

	if (nud_state) {
		script_neighbour(part, RTM_NEWNEIGH, 6, nud_state, "10.0.32.1", mac);
		script_error(part, 0);
	} else {
		script_error(part, ENOENT);
	}
	if (nud_state != NUD_PERMANENT)
		script_error(script_answer(), 0);
}

static void who_is_asked_for(void **state)
{
	static const struct {
		enum bg_mode mode;
		__u32 ifindex;
		int nud_state;
		unsigned int requests;
	} cases[] = {
		{ BG_STRICT, 6, 0, 2 },		{ BG_STRICT, 6, NUD_REACHABLE, 2 },
		{ BG_STRICT, 6, NUD_STALE, 2 }, { BG_STRICT, 6, NUD_PERMANENT, 1 },
		{ BG_STRICT, 0, 0, 0 },		{ BG_STANDARD, 6, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_datapath *datapath = script_datapath();
		struct bg_netdevs *netdevs = node();
		unsigned int before = script_asked();
		struct bg_addr last = {};

		put(1, cases[i].mode, cases[i].ifindex);
		answer(cases[i].nud_state);
		bg_pods_ask(datapath, netdevs, &last);
		assert_int_equal(script_asked() - before, cases[i].requests);
		bg_netdevs_close(netdevs);
	}
}

/* It says neither that there is a neighbour nor that there is none: perhaps one for good. */
static void what_cannot_be_known_is_left_alone(void **state)
{
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	unsigned int before = script_asked();
	struct bg_addr last = {};

	(void)state;
	put(1, BG_STRICT, 6);
	script_error(script_answer(), ENOMEM);
	bg_pods_ask(datapath, netdevs, &last);
	assert_int_equal(script_asked() - before, 1);
	bg_netdevs_close(netdevs);
}

static void each_in_its_turn(void **state)
{
	const unsigned int pods = 2 * BG_PODS_ASKED + 5;
	struct bg_datapath *datapath = script_datapath();
	struct bg_netdevs *netdevs = node();
	static const struct bg_addr none;
	struct bg_addr last = {};
	unsigned int asked = 0;

	(void)state;
	for (unsigned int i = 0; i < pods; i++)
		put(i, BG_STRICT, 6);
	for (int round = 0; round < 3; round++) {
		unsigned int before = script_asked(), requests;

		script_error(script_answer(), ENOENT);
		script_answer()->error = EAGAIN;
		bg_pods_ask(datapath, netdevs, &last);
		requests = script_asked() - before;
		assert_true(requests <= 2 * BG_PODS_ASKED);
		asked += requests;
		assert_int_equal(!memcmp(&last, &none, sizeof(none)), round == 2);
	}
	assert_true(asked >= pods);
	bg_netdevs_close(netdevs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_asked_for),
		cmocka_unit_test(what_cannot_be_known_is_left_alone),
		cmocka_unit_test(each_in_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
