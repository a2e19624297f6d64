// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A daemon that comes later: what an earlier one guarded, and programs that are switched. */
#include "for_ifaces.h"

static void pinned_link(enum bg_program program, __u32 ifindex)
{
	hooks.pinned[hooks.pinned_count++] = (struct bg_attachment){ .program = program,
								     .ifindex = ifindex,
								     .interface = "was",
								     .by = BG_ATTACH_TCX,
								     .link_fd = -1 };
	hooks.there[ifindex][program] = true;
}

static void left_in_the_maps(__u32 ifindex, enum bg_role role, __u32 vlan)
{
	const struct bg_iface iface = { .ifindex = ifindex, .role = role, .vlan = vlan };
	const struct bg_branch_info info = { .id = "eni-9", .ifindex = ifindex, .armed_ns = 1234 };

	script_put("ifaces", &ifindex, &iface);
	if (role == BG_ROLE_BRANCH)
		script_put("branches", &vlan, &info);
}

static void what_an_earlier_daemon_guarded_is_taken_over(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	const struct bg_pulse pulse = { .beat_ns = 1 };
	const __u32 zero = 0;

	(void)state;
	script_put("pulse", &zero, &pulse);
	left_in_the_maps(BRANCH, BG_ROLE_BRANCH, 9);
	left_in_the_maps(TRUNK, BG_ROLE_TRUNK, 0);
	left_in_the_maps(7, BG_ROLE_POD_STRICT, 9); /* not in the table */
	pinned_link(BG_TC_BRANCH_INGRESS, BRANCH);
	pinned_link(BG_TC_BRANCH_EGRESS, BRANCH);
	pinned_link(BG_TC_TRUNK_INGRESS, TRUNK);
	assert_int_equal(bg_ifaces_adopt(node.ifaces, node.datapath, &node.err), 0);
	assert_int_equal(guard(&node, BRANCH)->armed_ns, 1234);
	assert_string_equal(guard(&node, 7)->name, "?");
	/* somebody took one away while nobody looked */
	assert_true(has_logged("a program was gone while no daemon ran: what passed here was not "
			       "judged; putting it back interface=eth1 ifindex=3 "
			       "program=tc_trunk_guard_out"));
	assert_false(has_logged("interface=? "));
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("adopted interface=vlan.eth.9"));
	assert_true(has_logged("adopted interface=eth1"));
	assert_true(has_logged("somebody took a program away, it is put back interface=eth1 "
			       "ifindex=3 program=tc_trunk_guard_out way=tcx at_most_ms="));
	assert_int_equal(bg_ifaces_put_back(node.ifaces), 1);
	/* of the branch's programs none was attached anew; the time stays */
	for (unsigned int i = 0; i < hooks.attached; i++)
		assert_int_not_equal(hooks.order[i].ifindex, BRANCH);
	assert_int_equal(armed_at(9), BRANCH);
	assert_null(guard(&node, 7));
	end_node(&node);
}

static void filters_are_found_without_pins(void **state)
{
	struct node node = node_with(BG_XDP_OFF, false);

	(void)state;
	left_in_the_maps(BRANCH, BG_ROLE_BRANCH, 9);
	hooks.filter_on = BRANCH;
	hooks.there[BRANCH][BG_TC_BRANCH_INGRESS] = true;
	hooks.there[BRANCH][BG_TC_BRANCH_EGRESS] = true;
	assert_int_equal(bg_ifaces_adopt(node.ifaces, node.datapath, &node.err), 0);
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_EGRESS].by,
			 BG_ATTACH_CLSACT);
	assert_string_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_EGRESS].interface,
			    "vlan.eth.9");
	assert_string_equal(logged, "");
	end_node(&node);

	/* one that could not be looked for is not said to have been gone */
	node = node_with(BG_XDP_OFF, false);
	left_in_the_maps(BRANCH, BG_ROLE_BRANCH, 9);
	hooks.filter_on = BRANCH;
	hooks.there[BRANCH][BG_TC_BRANCH_INGRESS] = true;
	hooks.filter_error = EINTR;
	assert_int_equal(bg_ifaces_adopt(node.ifaces, node.datapath, &node.err), -EINTR);
	assert_non_null(strstr(node.err.text, "looking for the filter of tc_branch_"));
	assert_string_equal(logged, "");
	end_node(&node);

	node = node_with(BG_XDP_OFF, false);
	hooks.adopt_error = EIO;
	assert_int_equal(bg_ifaces_adopt(node.ifaces, node.datapath, &node.err), -EIO);
	end_node(&node);
}

static void programs_are_switched_in_place(void **state)
{
	struct node node = node_with(BG_XDP_ON_BRANCH, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	hooks.detached = 0;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_int_equal(hooks.replaced, 9);
	assert_false(bg_ifaces_outdated(node.ifaces));
	/* one that is not attached any more is no old one; the next sync brings it */
	hooks.there[BRANCH][BG_TC_BRANCH_EGRESS] = false;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_int_equal(hooks.forgotten, 1);
	assert_false(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(sync_node(&node), 0);
	/* old programs that stay are told, open, and tried again */
	hooks.replace_error = ENOMEM;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_true(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(troubles(&node, &open), 4);
	assert_int_equal(open, 4);
	assert_int_equal(sync_node(&node), 0);
	assert_true(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(troubles(&node, &open), 4);
	hooks.replace_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_false(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(troubles(&node, &open), 0);
	/* a program that the options leave out now */
	hooks.no_xdp_program = true;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_int_equal(hooks.detached, 1);
	end_node(&node);
}

static void pins_that_went_are_counted(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(bg_ifaces_pin_again(node.ifaces, &node.err), 8);
	hooks.pin_error = ENOSPC;
	assert_int_equal(bg_ifaces_pin_again(node.ifaces, &node.err), -ENOSPC);
	end_node(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_earlier_daemon_guarded_is_taken_over),
		cmocka_unit_test(filters_are_found_without_pins),
		cmocka_unit_test(programs_are_switched_in_place),
		cmocka_unit_test(pins_that_went_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
