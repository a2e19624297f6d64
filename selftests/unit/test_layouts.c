// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entries of other ABIs, bytes in and bytes out. */
#include <string.h>

#include "datapath/layout_2.h"
#include "maps.h"
#include "test.h"

static const struct bg_move *find(const struct bg_layout *layout, const char *from,
				  const char *into)
{
	for (const struct bg_move *move = layout->moves; move->into; move++)
		if (move->from && !strcmp(move->from, from) && !strcmp(move->into, into))
			return move;
	fail_msg("nothing moves from %s into %s", from, into);
	return NULL;
}

static bool convert(const struct bg_layout *layout, const char *from, const char *into,
		    const void *old_key, const void *old_value, void *key, void *value)
{
	struct bg_moving moving = {
		.old_key = old_key, .old_value = old_value, .key = key, .value = value
	};

	return find(layout, from, into)->convert(&moving);
}

static void an_interface_of_abi_2(void **state)
{
	const struct bg_iface_2 old = { .ifindex = 1033, .role = 1, .vlan = 9, .flags = 2 },
				none = {};
	__u32 place = 9, key = 0;
	struct bg_iface iface = {};

	(void)state;
	assert_true(convert(&bg_layout_2, "ifaces", "ifaces", &place, &old, &key, &iface));
	assert_int_equal(key, 1033);
	assert_int_equal(iface.ifindex, 1033);
	assert_int_equal(iface.role, BG_ROLE_BRANCH);
	assert_int_equal(iface.vlan, 9);
	assert_int_equal(iface.flags, BG_IFACE_OUR_QDISC);
	assert_true(convert(&bg_layout_2, "ifaces", "fast_ifaces", &place, &old, &key, &iface));
	assert_int_equal(key, 9);
	assert_false(convert(&bg_layout_2, "ifaces", "ifaces", &place, &none, &key, &iface));
}

static void a_rule_of_abi_2(void **state)
{
	struct bg_rule_2 old = { .group = "sg-1",
				 .rule_id = "sgr-1",
				 .peer = "10.0.0.0/8",
				 .direction = 1,
				 .protocol = -1,
				 .from_port = 80,
				 .to_port = 81,
				 .revision = 5,
				 .hits = 70 };
	__u32 number = 3, key = 0;
	struct bg_rule rule = {};

	(void)state;
	assert_true(convert(&bg_layout_1, "rules", "rules", &number, &old, &key, &rule));
	assert_int_equal(key, 3);
	assert_string_equal(rule.group, "sg-1");
	assert_string_equal(rule.rule_id, "sgr-1");
	assert_string_equal(rule.peer, "10.0.0.0/8");
	assert_int_equal(rule.direction, BG_EGRESS);
	assert_int_equal(rule.protocol, -1);
	assert_int_equal(rule.from_port, 80);
	assert_int_equal(rule.to_port, 81);
	assert_int_equal(rule.revision, 5);
	assert_int_equal(rule.hits, 70);
	assert_false(convert(&bg_layout_2, "rules", "former_rules", &number, &old, &key, &rule));
	old.revision = 0;
	assert_false(convert(&bg_layout_2, "rules", "rules", &number, &old, &key, &rule));
	assert_true(convert(&bg_layout_2, "rules", "former_rules", &number, &old, &key, &rule));
}

static void a_branch_of_abi_2(void **state)
{
	const struct bg_branch_info_2 old = { .id = "eni-1",
					      .interface = "vlan.eth.9",
					      .ifindex = 4,
					      .tag = 7,
					      .slot = 2,
					      .mode = 1,
					      .armed_ns = 1,
					      .groups = "sg-1,sg-2" };
	struct bg_branch_info branch = {};
	__u32 vlan = 9, key = 0;

	(void)state;
	assert_true(convert(&bg_layout_2, "branches", "branches", &vlan, &old, &key, &branch));
	assert_int_equal(key, 9);
	assert_string_equal(branch.id, "eni-1");
	assert_string_equal(branch.interface, "vlan.eth.9");
	assert_int_equal(branch.ifindex, 4);
	assert_int_equal(branch.tag, 7);
	assert_int_equal(branch.slot, 2);
	assert_int_equal(branch.mode, BG_STANDARD);
	assert_int_equal(branch.armed_ns, 1);
	assert_string_equal(branch.groups, "sg-1,sg-2");
}

static void control_and_counters_of_abi_2(void **state)
{
	const struct bg_control_2 old = {
		.abi = 2, .revision = 9, .events_lost = 4, .feed_revision = "r"
	};
	struct bg_counters_2 counted = { .packets[43] = 6, .passed_bytes = 8 };
	struct bg_counters counters = {};
	struct bg_control control = {};
	__u32 index = 5, key = 0;

	(void)state;
	assert_true(convert(&bg_layout_2, "control", "control", &key, &old, &key, &control));
	assert_int_equal(control.abi, BG_ABI);
	assert_int_equal(control.flow_layout, BG_FLOW_LAYOUT);
	assert_int_equal(control.revision, 9);
	assert_int_equal(control.events_lost, 4);
	assert_string_equal(control.feed_revision, "r");
	assert_true(convert(&bg_layout_2, "counters", "fast_counters", &index, &counted, &key,
			    &counters));
	assert_int_equal(key, 5);
	assert_int_equal(counters.packets[BG_REASON_NO_RULE], 6);
	assert_int_equal(counters.passed_bytes, 8);
}

static void what_is_taken_over_as_it_is(void **state)
{
	(void)state;
	assert_null(bg_layout_of(BG_ABI + 1));
	assert_ptr_equal(bg_layout_of(2), &bg_layout_2);
	assert_false(bg_layout_makes(&bg_layout_2, 0, "policy"));
	assert_true(bg_layout_makes(&bg_layout_1, 0, "policy"));
	assert_false(bg_layout_makes(&bg_layout_1, 0, "flows"));
	assert_true(bg_layout_makes(&bg_layout_2, 0, "control"));
	assert_true(bg_layout_makes(&bg_layout_newer, BG_FLOW_LAYOUT, "policy"));
	assert_false(bg_layout_makes(&bg_layout_newer, BG_FLOW_LAYOUT, "flows"));
	assert_true(bg_layout_makes(&bg_layout_newer, BG_FLOW_LAYOUT + 1, "flows"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_of_abi_2),
		cmocka_unit_test(a_rule_of_abi_2),
		cmocka_unit_test(a_branch_of_abi_2),
		cmocka_unit_test(control_and_counters_of_abi_2),
		cmocka_unit_test(what_is_taken_over_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
