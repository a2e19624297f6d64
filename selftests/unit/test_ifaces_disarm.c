// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who is disarmed, and who is not: absence from a table or from a feed never disarms, and an
 * interface is known by more than its ifindex.
 */
#include <linux/rtnetlink.h>

#include "for_ifaces.h"
#include "model_maker.h"

static void who_is_missing_in_the_table_is_asked_for(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	table_changes(&node, BRANCH, NULL);
	/* it is there after all */
	hooks.is_here[BRANCH] = true;
	assert_int_equal(sync_node(&node), 0);
	assert_non_null(guard(&node, BRANCH));
	assert_true(vlan_is_armed(9));
	/* it is elsewhere, with our programs on it */
	hooks.is_here[BRANCH] = false;
	hooks.moved[BRANCH] = true;
	logged[0] = '\0';
	sync_node(&node);
	assert_non_null(guard(&node, BRANCH));
	assert_int_equal(troubles(&node, &open), 1);
	assert_true(has_logged("the interface is in another network namespace now"));
	/* said once, and true until it is gone */
	logged[0] = '\0';
	sync_node(&node);
	assert_string_equal(logged, "");
	assert_int_equal(troubles(&node, &open), 1);
	/* it is gone, and so are they */
	memset(hooks.there[BRANCH], 0, sizeof(hooks.there[BRANCH]));
	sync_node(&node);
	assert_null(guard(&node, BRANCH));
	assert_false(vlan_is_armed(9));
	assert_int_equal(armed_at(9), 0);
	assert_int_equal(script_entries("ifaces"), 3);
	assert_true(has_logged("interface gone, disarmed interface=vlan.eth.9"));
	end_node(&node);
}

static void a_node_without_a_primary_interface_says_so(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	set_name(node.model->node.primary_interface, "eth9");
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("there is no primary interface"));
	assert_int_equal(troubles(&node, &open), 1);
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_false(has_logged("there is no primary interface"));
	set_name(node.model->node.primary_interface, "eth0");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	end_node(&node);
}

/* Its branch is in force all the same: that everything is dropped would be a lie. */
static void a_branch_that_is_renamed_is_judged_as_before(void **state)
{
	static const struct script_link renamed = {
		.ifindex = BRANCH, .name = "foo9", .kind = "vlan", .vlan = 9, .lower = TRUNK
	};
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int changed, open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	script_link(script_event(), RTM_NEWLINK, &renamed);
	assert_int_equal(bg_netdevs_read(node.netdevs, NULL, NULL, &changed, &node.err), 0);
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("the feed calls this branch's interface otherwise"));
	assert_false(has_logged("everything on it is dropped"));
	assert_int_equal(troubles(&node, &open), 1);
	assert_int_equal(guard(&node, BRANCH)->vlan, 9);
	/* people see it armed, and since when */
	assert_int_equal(armed_at(9), BRANCH);
	end_node(&node);
}

/* vlan.eth.9 goes, and `other` gets its ifindex, before the daemon looks. */
static void change_places(struct node *node, const struct script_link *other)
{
	unsigned int changed;

	script_link(script_event(), RTM_DELLINK, &links[BRANCH - 1]);
	script_link(script_event(), RTM_NEWLINK, other);
	assert_int_equal(bg_netdevs_read(node->netdevs, NULL, NULL, &changed, &node->err), 0);
	logged[0] = '\0';
	hooks.attached = 0;
}

static void another_interface_with_its_ifindex_is_another(void **state)
{
	static const struct script_link stranger = { .ifindex = BRANCH, .name = "eth7" };
	static const struct script_link branch = { .ifindex = BRANCH, .name = "vlan.eth.77" };
	enum way { GONE, MOVED, ARMED_JUST_THEN, WAYS };

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct node node = node_with(BG_XDP_OFF, true);
		const bool is_branch = way == MOVED;

		assert_int_equal(sync_node(&node), 0);
		change_places(&node, is_branch ? &branch : &stranger);
		if (way == GONE)
			memset(hooks.there[BRANCH], 0, sizeof(hooks.there[BRANCH]));
		hooks.moved[BRANCH] = way == MOVED;
		sync_node(&node);
		assert_true(has_logged("interface gone, disarmed interface=vlan.eth.9"));
		assert_false(has_logged("renamed"));
		assert_false(has_logged("took a program away"));
		assert_int_equal(bg_ifaces_put_back(node.ifaces), 0);
		assert_false(vlan_is_armed(9));
		/* what it took along it keeps; what a stranger has of us it does not */
		assert_int_equal(hooks.detached, way == ARMED_JUST_THEN ? 2 : 0);
		assert_int_equal(!!guard(&node, BRANCH), is_branch);
		assert_int_equal(hooks.attached, is_branch ? 2 : 0);
		end_node(&node);
	}
}

/* Another one may have its VLAN by now, and what is done of it may take long. */
static void who_is_gone_is_shut_before_anything_else(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	bg_netdevs_close(node.netdevs);
	node.ifaces->netdevs = node.netdevs = script_netdevs(links, 3);
	memset(hooks.there[POD], 0, sizeof(hooks.there[POD]));
	memset(hooks.there[BRANCH], 0, sizeof(hooks.there[BRANCH]));
	sync_node(&node);
	assert_null(guard(&node, POD));
	assert_null(guard(&node, BRANCH));
	assert_true(hooks.forgotten > 0);
	assert_false(hooks.vlan_armed_then);
	end_node(&node);
}

/* The trunk would let pass what comes for the next interface of its VLAN. */
static void what_the_maps_still_have_goes_later(void **state)
{
	static const struct {
		const char *map;
		enum script_map_call call;
	} cases[] = {
		{ "fast_vlans", SCRIPT_LOOKUP },
		{ "fast_vlans", SCRIPT_UPDATE },
		{ "fast_ifaces", SCRIPT_UPDATE },
		{ "ifaces", SCRIPT_DELETE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node node = node_with(BG_XDP_OFF, true);
		unsigned int open;

		assert_int_equal(sync_node(&node), 0);
		table_changes(&node, BRANCH, NULL);
		memset(hooks.there[BRANCH], 0, sizeof(hooks.there[BRANCH]));
		script_map_fails(cases[i].map, cases[i].call, ENOMEM);
		logged[0] = '\0';
		sync_node(&node);
		assert_true(has_logged("interface gone, disarmed interface=vlan.eth.9"));
		assert_true(has_logged("but the maps still name it; will be tried again"));
		assert_int_equal(armed_at(9), 0);
		assert_int_equal(troubles(&node, &open), 1);
		assert_int_equal(open, 0);
		/* said once */
		logged[0] = '\0';
		sync_node(&node);
		assert_string_equal(logged, "");
		script_map_fails(cases[i].map, cases[i].call, 0);
		sync_node(&node);
		assert_null(guard(&node, BRANCH));
		assert_false(vlan_is_armed(9));
		assert_int_equal(script_entries("ifaces"), 3);
		assert_int_equal(troubles(&node, &open), 0);
		end_node(&node);
	}
}

/* Nor is another one with its ifindex taken for it meanwhile. */
static void one_that_leaves_is_not_armed_again(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	table_changes(&node, BRANCH, NULL);
	memset(hooks.there[BRANCH], 0, sizeof(hooks.there[BRANCH]));
	script_map_fails("ifaces", SCRIPT_DELETE, EBUSY);
	sync_node(&node);
	table_changes(&node, BRANCH, "vlan.eth.9");
	hooks.attached = 0;
	sync_node(&node);
	assert_int_equal(hooks.attached, 0);
	assert_false(vlan_is_armed(9));
	script_map_fails("ifaces", SCRIPT_DELETE, 0);
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(hooks.attached, 2);
	assert_true(vlan_is_armed(9));
	assert_int_equal(armed_at(9), BRANCH);
	end_node(&node);
}

/* Between what the table says and what is done, it may have become another one. */
static void what_is_called_otherwise_is_not_armed(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	hooks.is_called[BRANCH] = "eth7";
	assert_int_equal(sync_node(&node), 1);
	for (unsigned int i = 0; i < hooks.attached; i++)
		assert_int_not_equal(hooks.order[i].ifindex, BRANCH);
	assert_false(vlan_is_armed(9));
	end_node(&node);
}

static void what_leaves_the_feed_stays_guarded(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	bg_model_free(node.model);
	node.model = maker_new();
	set_name(node.model->node.primary_interface, "eth0");
	assert_int_equal(sync_node(&node), 0);
	assert_non_null(guard(&node, BRANCH));
	assert_non_null(guard(&node, POD));
	assert_int_equal(hooks.detached, 0);
	assert_int_equal(troubles(&node, &open), 1);
	assert_true(has_logged(
		"no branch in the feed for this interface: everything on it is dropped"));
	/* before any feed nobody knows which ones it has */
	bg_model_free(node.model);
	node.model = NULL;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	node.model = maker_new();
	end_node(&node);
}

/* The role of the primary interface goes only to another one. */
static void the_primary_interface_is_disarmed_for_another(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	/* its name is not there: that says nothing of the one before */
	set_name(node.model->node.primary_interface, "eth9");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, PRIMARY)->role, BG_ROLE_PRIMARY);
	assert_int_equal(hooks.detached, 0);
	assert_true(has_logged(
		"the interface that was the primary one before stays so named=\"eth9\""));
	assert_int_equal(troubles(&node, &open), 1);
	/* the trunk is both now; as long as it cannot be armed, the first one stays */
	set_name(node.model->node.primary_interface, "eth1");
	hooks.attach_error = ENOMEM;
	assert_int_equal(sync_node(&node), 1);
	assert_int_equal(guard(&node, PRIMARY)->role, BG_ROLE_PRIMARY);
	assert_int_equal(hooks.detached, 0);
	hooks.attach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	assert_null(guard(&node, PRIMARY));
	assert_int_equal(guard(&node, TRUNK)->role, BG_ROLE_PRIMARY);
	assert_int_equal(hooks.detached, 2);
	assert_true(
		has_logged("disarmed: another interface is the primary one now interface=eth0"));
	end_node(&node);
}

/* Which has no part in the feed any more: forgotten, it would be dead for ever. */
static void what_cannot_be_disarmed_is_known_and_tried_again(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	set_name(node.model->node.primary_interface, "eth1");
	hooks.detach_error = EBUSY;
	sync_node(&node);
	assert_non_null(guard(&node, PRIMARY));
	assert_true(has_logged("disarmed: another interface is the primary one now"));
	assert_true(has_logged("cannot be taken away; will be tried again interface=eth0"));
	assert_true(troubles(&node, &open) >= 1);
	assert_non_null(script_entry("ifaces", &(__u32){ PRIMARY }));
	logged[0] = '\0';
	sync_node(&node);
	assert_false(has_logged("interface=eth0"));
	hooks.attached = 0;
	hooks.detach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_null(guard(&node, PRIMARY));
	assert_null(script_entry("ifaces", &(__u32){ PRIMARY }));
	for (unsigned int i = 0; i < hooks.attached; i++)
		assert_int_not_equal(hooks.order[i].ifindex, PRIMARY);
	assert_int_equal(troubles(&node, &open), 0);
	/* or the feed wants it again, before it could be */
	hooks.detach_error = EBUSY;
	set_name(node.model->node.primary_interface, "eth0");
	sync_node(&node);
	assert_true(guard(&node, PRIMARY)->complete);
	set_name(node.model->node.primary_interface, "eth1");
	sync_node(&node);
	assert_false(guard(&node, PRIMARY)->complete);
	set_name(node.model->node.primary_interface, "eth0");
	sync_node(&node);
	assert_true(guard(&node, PRIMARY)->complete);
	end_node(&node);
}

static void an_interface_with_another_vlan_gives_up_the_first(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	node.model->branches[0].vlan = 77;
	table_changes(&node, BRANCH, "br0");
	set_name(node.model->branches[0].interface, "br0");
	assert_int_equal(sync_node(&node), 0);
	assert_false(vlan_is_armed(9));
	assert_true(vlan_is_armed(77));
	assert_true(has_logged("interface renamed interface=br0 ifindex=4 was=vlan.eth.9"));
	assert_true(has_logged("interface changed interface=br0 ifindex=4 role=branch vlan=77 "
			       "was=branch was_vlan=9"));
	assert_int_equal(troubles(&node, &open), 1);
	assert_true(has_logged("the tag on the wire is not the VlanId of the feed's branch"));
	end_node(&node);
}

static void the_node_s_own_interfaces_are_left_out(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	set_name(node.model->branches[0].interface, "eth0");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, PRIMARY)->role, BG_ROLE_PRIMARY);
	assert_true(troubles(&node, &open) >= 1);
	assert_true(has_logged("which is the node's own: it is left out"));
	set_name(node.model->branches[0].interface, "lo");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, LO)->role, BG_ROLE_NONE);
	assert_false(hooks.there[LO][BG_TC_BRANCH_INGRESS]);
	end_node(&node);
}

static void what_cannot_be_found_out_is_told_and_arms_all_the_same(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	hooks.routes_error = EIO;
	assert_int_equal(sync_node(&node), -EIO);
	assert_true(vlan_is_armed(9));
	hooks.routes_error = 0;
	script_map_fails("pods", SCRIPT_LOOKUP, ENOMEM);
	script_map_fails("branches", SCRIPT_UPDATE, ENOMEM);
	node.ifaces->guards[0].armed_ns = 5;
	for (size_t i = 0; i < node.ifaces->count; i++)
		node.ifaces->guards[i].armed_ns = 5;
	assert_int_equal(sync_node(&node), -ENOMEM);
	end_node(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_missing_in_the_table_is_asked_for),
		cmocka_unit_test(a_node_without_a_primary_interface_says_so),
		cmocka_unit_test(a_branch_that_is_renamed_is_judged_as_before),
		cmocka_unit_test(another_interface_with_its_ifindex_is_another),
		cmocka_unit_test(who_is_gone_is_shut_before_anything_else),
		cmocka_unit_test(what_the_maps_still_have_goes_later),
		cmocka_unit_test(one_that_leaves_is_not_armed_again),
		cmocka_unit_test(what_is_called_otherwise_is_not_armed),
		cmocka_unit_test(what_leaves_the_feed_stays_guarded),
		cmocka_unit_test(the_primary_interface_is_disarmed_for_another),
		cmocka_unit_test(what_cannot_be_disarmed_is_known_and_tried_again),
		cmocka_unit_test(an_interface_with_another_vlan_gives_up_the_first),
		cmocka_unit_test(the_node_s_own_interfaces_are_left_out),
		cmocka_unit_test(what_cannot_be_found_out_is_told_and_arms_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
