// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Arming: in which order, what is told when it cannot be done, and that a VLAN is let in
 * only when its branch is judged.
 */
#include <unistd.h>

#include "for_ifaces.h"
#include "model_maker.h"

static void everything_is_armed_the_trunk_first(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	const unsigned int programs = 2 + 2 + 2 + 2; /* primary, trunk, branch, pod */
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.attached, programs);
	assert_int_equal(hooks.order[0].ifindex, TRUNK);
	assert_int_equal(hooks.order[1].ifindex, TRUNK);
	for (unsigned int i = 0; i < programs; i++)
		if (hooks.order[i].ifindex == BRANCH)
			assert_false(hooks.order[i].vlan_armed);
	assert_true(vlan_is_armed(9));
	assert_int_equal(armed_at(9), BRANCH);
	assert_int_equal(script_entries("ifaces"), 4);
	assert_null(guard(&node, LO));
	assert_int_equal(troubles(&node, &open), 0);
	assert_true(has_logged("armed interface=vlan.eth.9 ifindex=4 role=branch vlan=9 "
			       "hooks=ingress,egress way=tcx"));
	/* and once more there is nothing to do */
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.attached, programs);
	assert_string_equal(logged, "");
	assert_false(bg_ifaces_lost(node.ifaces));
	end_node(&node);
}

static void a_branch_that_is_not_judged_is_not_let_in(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	hooks.attach_error = EPERM;
	assert_int_equal(sync_node(&node), 4);
	assert_false(vlan_is_armed(9));
	assert_int_equal(armed_at(9), 0);
	assert_int_equal(troubles(&node, &open), 4);
	assert_int_equal(open, 4);
	assert_true(has_logged("this interface is not guarded interface=vlan.eth.9 ifindex=4 "
			       "role=branch reason=\"the kernel says no\""));
	/* said once */
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 4);
	assert_string_equal(logged, "");
	/* and it heals by itself */
	hooks.attach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(armed_at(9), BRANCH);
	assert_int_equal(troubles(&node, &open), 0);
	end_node(&node);
}

static void a_branch_that_is_judged_stays_let_in(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	/* what people read of it changes, and cannot be written */
	hooks.shared = true;
	script_map_fails("ifaces", SCRIPT_UPDATE, ENOMEM);
	assert_int_equal(sync_node(&node), 2);
	assert_true(vlan_is_armed(9));
	assert_int_equal(armed_at(9), BRANCH);
	assert_int_equal(troubles(&node, &open), 2);
	assert_int_equal(open, 0);
	assert_true(has_logged(
		"what guards this interface stays, but could not be brought up to date"));
	end_node(&node);
}

static void an_interface_that_goes_meanwhile_is_no_trouble(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	hooks.attach_error = ENODEV;
	assert_int_equal(sync_node(&node), 4);
	assert_int_equal(troubles(&node, &open), 0);
	assert_string_equal(logged, "");
	end_node(&node);
}

static void without_xdp_tc_guards_alone(void **state)
{
	struct node node = node_with(BG_XDP_ON_BRANCH, true);
	unsigned int open;

	(void)state;
	hooks.xdp_error = EBUSY;
	assert_int_equal(sync_node(&node), 0);
	assert_true(vlan_is_armed(9));
	assert_int_equal(troubles(&node, &open), 1);
	assert_int_equal(open, 0);
	assert_true(has_logged("without XDP on this interface, TC guards it alone"));
	hooks.xdp_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	assert_true(hooks.there[BRANCH][BG_XDP_BRANCH]);
	end_node(&node);
}

/* A veth that no pod in the feed has: what the CNI's rule says of it is all that is known. */
static void a_pod_that_the_cni_s_rule_names(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	const __u32 place = POD;
	const struct bg_iface *entered;
	unsigned int open;

	(void)state;
	table_changes(&node, POD, "eni99999999999");
	assert_int_equal(sync_node(&node), 0);
	assert_null(guard(&node, POD));
	hooks.routed = "10.0.32.7";
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, POD)->role, BG_ROLE_POD_STANDARD);
	entered = script_entry("fast_ifaces", &place);
	assert_int_equal(entered->role, BG_ROLE_POD_STANDARD);
	/* judged as no branch: the feed has that VLAN, but not this pod */
	assert_int_equal(entered->vlan, 0);
	assert_int_equal(troubles(&node, &open), 1);
	assert_int_equal(open, 0);
	assert_true(has_logged("by the CNI's rule this is the veth of a branch's pod"));
	/* what cannot be listed is said, and changes nothing */
	hooks.routing_error = ENOBUFS;
	assert_int_equal(sync_node(&node), -ENOBUFS);
	assert_non_null(strstr(node.err.text, "listing the rules and routes of pods"));
	assert_int_equal(guard(&node, POD)->role, BG_ROLE_POD_STANDARD);
	assert_true(guard(&node, POD)->complete);
	hooks.routing_error = 0;
	/* the feed has the address */
	maker_pod_address(node.model, 0, 0, maker_addr("10.0.32.7"));
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(entered->vlan, 9);
	assert_int_equal(troubles(&node, &open), 0);
	/* and has it no more, or was not read yet: whose it was it stays, and without a rule */
	node.model->branches[0].pods[0].address_count = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(entered->vlan, 9);
	hooks.routed = NULL;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(entered->role, BG_ROLE_POD_STANDARD);
	assert_int_equal(entered->vlan, 9);
	node.model->branches[0].pods[0].address_count = 1;
	end_node(&node);
}

/* The feed knows better which pod a veth is, and the node's own is nobody's. */
static void no_rule_of_the_cni_s_takes_a_part_away(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	hooks.routed = "10.0.32.7";
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, POD)->role, BG_ROLE_POD_STRICT);
	assert_int_equal(guard(&node, POD)->vlan, 9);
	end_node(&node);
}

static void what_somebody_took_away_is_put_back(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	hooks.there[BRANCH][BG_TC_BRANCH_EGRESS] = false;
	assert_true(bg_ifaces_lost(node.ifaces));
	/* as long as it cannot be, nobody counts it as put back, and the VLAN is shut */
	hooks.attach_error = ENOMEM;
	assert_int_equal(sync_node(&node), 1);
	assert_int_equal(bg_ifaces_put_back(node.ifaces), 0);
	assert_false(vlan_is_armed(9));
	hooks.attach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(bg_ifaces_put_back(node.ifaces), 1);
	assert_int_equal(hooks.forgotten, 1);
	assert_true(vlan_is_armed(9));
	assert_true(has_logged("somebody took a program away, it is put back interface=vlan.eth.9 "
			       "ifindex=4 program=tc_branch_egress way=tcx"));
	assert_false(bg_ifaces_lost(node.ifaces));
	end_node(&node);
}

/* A filter is no link, and outlives its pins: nobody else would look for it behind ours. */
static void a_filter_that_nobody_knows_goes(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	hooks.filter_on = BRANCH;
	hooks.detach_error = EBUSY;
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("a program that has no part here any more stays on this interface"));
	assert_false(has_logged("took away a filter"));
	assert_true(vlan_is_armed(9));
	hooks.detach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("took away a filter of an earlier daemon, whose pins were gone: it "
			       "judged by rules of then interface=vlan.eth.9 ifindex=4 "
			       "program=tc_branch_egress"));
	assert_int_equal(hooks.detached, 2);
	/* it is looked for once */
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.detached, 2);
	end_node(&node);

	/* one that is replaced in its place is ours */
	node = node_with(BG_XDP_OFF, false);
	hooks.filter_on = BRANCH;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.detached, 0);
	end_node(&node);
}

/* With --attach another than before: the new one comes before the old one goes. */
static void another_way_of_attaching_replaces_the_first(void **state)
{
	struct node node = node_with(BG_XDP_OFF, false);

	(void)state;
	hooks.makes_qdisc = true;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_INGRESS].by,
			 BG_ATTACH_CLSACT);
	assert_true(guard(&node, BRANCH)->flags & BG_IFACE_OUR_QDISC);
	node.ifaces->options.tcx = true;
	hooks.attach_error = ENOMEM;
	assert_int_equal(sync_node(&node), 4);
	assert_int_equal(hooks.detached, 0);
	assert_true(vlan_is_armed(9));
	hooks.attach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.detached, 8);
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_INGRESS].by, BG_ATTACH_TCX);
	end_node(&node);
}

static void what_cannot_be_exchanged_is_known_and_tried_again(void **state)
{
	struct node node = node_with(BG_XDP_OFF, false);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	node.ifaces->options.tcx = true;
	hooks.detach_error = EBUSY;
	assert_int_equal(sync_node(&node), 4);
	/* it may be there for good: it must not be forgotten */
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_INGRESS].by,
			 BG_ATTACH_CLSACT);
	assert_true(vlan_is_armed(9));
	assert_int_equal(troubles(&node, &open), 4);
	assert_int_equal(open, 0);
	assert_true(has_logged("what guards this interface stays, but could not be brought up to "
			       "date interface=vlan.eth.9 ifindex=4 role=branch "
			       "reason=\"the kernel keeps it\""));
	hooks.detach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_INGRESS].by, BG_ATTACH_TCX);
	assert_int_equal(troubles(&node, &open), 0);
	end_node(&node);
}

/* It calls one program: nobody else may be moved, or packets of the first would meet the
 * second one's. */
static void one_stand_in_stands_for_one(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	hooks.behind = hooks.stands_in = true;
	hooks.front_error = ENOMEM;
	hooks.replace_error = EBUSY;
	sync_node(&node);
	assert_int_equal(hooks.fronts, 1);
	assert_true(troubles(&node, &open) >= 4);
	assert_int_equal(open, 4);
	/* once it is replaced, all of them come first */
	hooks.stands_in = false;
	hooks.front_error = hooks.replace_error = 0;
	hooks.fronts = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.fronts, 8);
	hooks.behind = false;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	end_node(&node);
}

static void native_xdp_is_tried_again(void **state)
{
	struct node node = node_with(BG_XDP_ON_TRUNK, true);
	unsigned int open;

	(void)state;
	hooks.xdp_error = ENOMEM;
	for (unsigned int i = 1; i <= 10; i++) {
		assert_int_equal(sync_node(&node), 0);
		assert_int_equal(hooks.natively, i);
	}
	assert_true(troubles(&node, &open) >= 1);
	assert_int_equal(open, 0);
	/* a driver that never has the memory */
	hooks.xdp_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.natively, 10);
	assert_int_equal(guard(&node, TRUNK)->attachment[BG_XDP_TRUNK].by, BG_ATTACH_XDP);
	end_node(&node);
}

static void programs_of_others_are_noticed(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	const __u32 branch = BRANCH;
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	hooks.shared = true;
	assert_int_equal(sync_node(&node), 0);
	assert_true(((const struct bg_iface *)script_entry("ifaces", &branch))->flags &
		    BG_IFACE_SHARED);
	assert_true(
		has_logged("other programs run on this interface: its packets keep to the stack"));
	hooks.shared = false;
	assert_int_equal(sync_node(&node), 0);
	assert_false(((const struct bg_iface *)script_entry("ifaces", &branch))->flags &
		     BG_IFACE_SHARED);
	assert_true(has_logged("no other programs run on this interface any more"));
	/* one that came before ours, and can or cannot be overtaken */
	hooks.behind = true;
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged(
		"another program came first: what it let pass was not judged; ours is in front "
		"again"));
	assert_int_equal(troubles(&node, &open), 0);
	hooks.front_error = EEXIST;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 4);
	assert_int_equal(open, 4);
	assert_true(has_logged("a program of somebody else runs before ours"));
	end_node(&node);
}

static void more_to_do_interrupts_a_sync(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	bg_ifaces_interrupt_by(node.ifaces, ends[0]);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(sync_node(&node), 4);
	assert_true(bg_ifaces_interrupted(node.ifaces));
	assert_int_equal(hooks.attached, 0);
	close(ends[1]);
	close(ends[0]);
	bg_ifaces_interrupt_by(node.ifaces, -1);
	assert_int_equal(sync_node(&node), 0);
	assert_false(bg_ifaces_interrupted(node.ifaces));
	end_node(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_armed_the_trunk_first),
		cmocka_unit_test(a_branch_that_is_not_judged_is_not_let_in),
		cmocka_unit_test(a_branch_that_is_judged_stays_let_in),
		cmocka_unit_test(an_interface_that_goes_meanwhile_is_no_trouble),
		cmocka_unit_test(without_xdp_tc_guards_alone),
		cmocka_unit_test(a_pod_that_the_cni_s_rule_names),
		cmocka_unit_test(no_rule_of_the_cni_s_takes_a_part_away),
		cmocka_unit_test(what_somebody_took_away_is_put_back),
		cmocka_unit_test(a_filter_that_nobody_knows_goes),
		cmocka_unit_test(another_way_of_attaching_replaces_the_first),
		cmocka_unit_test(what_cannot_be_exchanged_is_known_and_tried_again),
		cmocka_unit_test(one_stand_in_stands_for_one),
		cmocka_unit_test(native_xdp_is_tried_again),
		cmocka_unit_test(programs_of_others_are_noticed),
		cmocka_unit_test(more_to_do_interrupts_a_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
