// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which programs belong on which interface, and in which mode a branch is: tables of
 * interfaces and models in, decisions out. No feed may give the node's own interfaces
 * another role.
 */
#include "guard/plan.h"

#include <net/if.h>

#include "guard/modes.h"
#include "model_maker.h"
#include "scripted_netlink.h"
#include "test.h"

#define STRICT_VETH "vlan0123456789a"
#define STANDARD_VETH "eni0123456789a"

/* A node with a VLAN interface of a branch, one that no feed has, and a pod's veth. */
static const struct script_link links[] = {
	{ .ifindex = 1, .name = "lo", .flags = IFF_LOOPBACK },
	{ .ifindex = 2, .name = "eth0" },
	{ .ifindex = 3, .name = "eth1" },
	{ .ifindex = 4, .name = "vlan.eth.9", .kind = "vlan", .vlan = 9, .lower = 3 },
	{ .ifindex = 5, .name = "vlan.eth.77", .kind = "vlan", .vlan = 77, .lower = 3 },
	{ .ifindex = 6, .name = STRICT_VETH, .kind = "veth", .lower = 2, .netnsid = 1 },
	{ .ifindex = 7, .name = "eth0.5", .kind = "vlan", .vlan = 5, .lower = 2 },
	/* no names of branches */
	{ .ifindex = 8, .name = "vlan.eth.0" },
	{ .ifindex = 9, .name = "vlan.eth.4095" },
	{ .ifindex = 10, .name = "vlan.eth.9x" },
	{ .ifindex = 11, .name = "vlan.eth.+9" },
};
#define LINKS (sizeof(links) / sizeof(links[0]))

static struct bg_netdevs *node(void)
{
	return script_netdevs(links, LINKS);
}

static void set_name(char name[16], const char *text)
{
	snprintf(name, 16, "%s", text);
}

/* The branch with VLAN 9, with one pod on the strict veth. */
static struct bg_model *feed(const char *primary, const char *trunk)
{
	struct bg_model *model = maker_new();
	size_t branch = maker_branch(model, "eni-9", 9), pod = maker_pod(model, branch, "cart");

	set_name(model->branches[branch].pods[pod].host_interface, STRICT_VETH);
	set_name(model->node.primary_interface, primary);
	set_name(model->node.trunk_interface, trunk);
	return model;
}

static unsigned int of_role(enum bg_role role)
{
	return bg_role_programs(role, BG_XDP_OFF);
}

static struct bg_plan make(const struct bg_model *model, const struct bg_netdevs *netdevs,
			   enum bg_xdp_choice xdp, __u32 primary)
{
	struct bg_plan plan;

	assert_int_equal(bg_plan_make(model, netdevs, xdp, primary, &plan), 0);
	return plan;
}

static void expect(const struct bg_plan *plan, __u32 ifindex, enum bg_role role, __u32 vlan,
		   unsigned int programs)
{
	const struct bg_planned *planned = bg_plan_find(plan, ifindex);

	assert_non_null(planned);
	assert_int_equal(planned->role, role);
	assert_int_equal(planned->vlan, vlan);
	assert_int_equal(planned->programs, programs);
}

static void every_role_has_its_programs(void **state)
{
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed("eth0", "eth1");
	struct bg_plan plan = make(model, netdevs, BG_XDP_OFF, 0);

	(void)state;
	assert_int_equal(plan.count, 5);
	expect(&plan, 2, BG_ROLE_PRIMARY, 0, of_role(BG_ROLE_PRIMARY));
	expect(&plan, 3, BG_ROLE_TRUNK, 0, of_role(BG_ROLE_TRUNK));
	expect(&plan, 4, BG_ROLE_BRANCH, 9, of_role(BG_ROLE_BRANCH));
	expect(&plan, 6, BG_ROLE_POD_STRICT, 9, of_role(BG_ROLE_POD_STRICT));
	/* one that the feed does not have is a branch without rules, never an ordinary one */
	expect(&plan, 5, BG_ROLE_BRANCH, 77, of_role(BG_ROLE_BRANCH));
	assert_null(bg_plan_find(&plan, 5)->branch);
	assert_ptr_equal(bg_plan_find(&plan, 4)->branch, &model->branches[0]);
	assert_true(plan.has_trunk && plan.has_primary);
	bg_plan_free(&plan);

	model->branches[0].mode = BG_STANDARD;
	plan = make(model, netdevs, BG_XDP_ON_BRANCH, 0);
	expect(&plan, 6, BG_ROLE_POD_STANDARD, 9, of_role(BG_ROLE_POD_STANDARD));
	assert_true(bg_plan_find(&plan, 4)->programs & BG_PROGRAM_BIT(BG_XDP_BRANCH));
	assert_false(bg_plan_find(&plan, 3)->programs & BG_PROGRAM_BIT(BG_XDP_TRUNK));
	bg_plan_free(&plan);

	plan = make(model, netdevs, BG_XDP_ON_TRUNK, 0);
	assert_false(bg_plan_find(&plan, 4)->programs & BG_PROGRAM_BIT(BG_XDP_BRANCH));
	assert_true(bg_plan_find(&plan, 3)->programs & BG_PROGRAM_BIT(BG_XDP_TRUNK));
	bg_plan_free(&plan);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

static void before_the_first_feed_branches_are_known_by_name(void **state)
{
	struct bg_netdevs *netdevs = node();
	struct bg_plan plan = make(NULL, netdevs, BG_XDP_OFF, 2);

	(void)state;
	expect(&plan, 4, BG_ROLE_BRANCH, 9, of_role(BG_ROLE_BRANCH));
	expect(&plan, 5, BG_ROLE_BRANCH, 77, of_role(BG_ROLE_BRANCH));
	/* their parent is the trunk; nobody knows yet of pods, but for those of the CNI's rules */
	expect(&plan, 3, BG_ROLE_TRUNK, 0, of_role(BG_ROLE_TRUNK));
	expect(&plan, 2, BG_ROLE_PRIMARY, 0, of_role(BG_ROLE_PRIMARY));
	assert_int_equal(plan.count, 4);
	bg_plan_free(&plan);
	bg_netdevs_close(netdevs);
}

static void the_node_s_own_interfaces_get_no_other_role(void **state)
{
	static const struct {
		const char *primary, *trunk, *branch, *pod;
		__u32 found_primary; /* by the default route */
		__u32 ifindex;
		enum bg_role role;
		unsigned int also;
		bool left_out;
	} cases[] = {
		/* one interface is both: both sets of programs, the first role */
		{ "eth1", "eth1", "vlan.eth.9", STRICT_VETH, 0, 3, BG_ROLE_PRIMARY, BG_ROLE_TRUNK,
		  false },
		{ "eth0", "eth1", "eth0", STRICT_VETH, 0, 2, BG_ROLE_PRIMARY, 0, true },
		{ "eth0", "eth1", "eth1", STRICT_VETH, 0, 3, BG_ROLE_TRUNK, 0, true },
		{ "eth0", "eth1", "vlan.eth.9", "eth0", 0, 2, BG_ROLE_PRIMARY, 0, true },
		{ "eth0", "eth1", "vlan.eth.9", "eth1", 0, 3, BG_ROLE_TRUNK, 0, true },
		{ "eth0", "eth1", "lo", STRICT_VETH, 0, 1, BG_ROLE_NONE, 0, true },
		{ "eth0", "eth1", "vlan.eth.9", "lo", 0, 1, BG_ROLE_NONE, 0, true },
		/* where the feed names none, the default route's */
		{ "", "eth1", "eth0", STRICT_VETH, 2, 2, BG_ROLE_PRIMARY, 0, true },
		{ "", "", "vlan.eth.9", STRICT_VETH, 3, 3, BG_ROLE_PRIMARY, BG_ROLE_TRUNK, false },
		/* and where it names another one, or one that is not there, that one's too */
		{ "eth0.5", "eth1", "eth0", STRICT_VETH, 2, 2, BG_ROLE_NONE, 0, true },
		{ "gone", "eth1", "vlan.eth.9", "eth0", 2, 2, BG_ROLE_NONE, 0, true },
	};
	struct bg_netdevs *netdevs = node();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_model *model = feed(cases[i].primary, cases[i].trunk);
		struct bg_plan plan;

		set_name(model->branches[0].interface, cases[i].branch);
		set_name(model->branches[0].pods[0].host_interface, cases[i].pod);
		plan = make(model, netdevs, BG_XDP_OFF, cases[i].found_primary);
		expect(&plan, cases[i].ifindex, cases[i].role, 0,
		       of_role(cases[i].role) | of_role(cases[i].also));
		assert_ptr_equal(bg_plan_find(&plan, cases[i].ifindex)->left_out,
				 cases[i].left_out ? &model->branches[0] : NULL);
		bg_plan_free(&plan);
		bg_model_free(model);
	}
	bg_netdevs_close(netdevs);
}

/* The feed has VLAN 77 on another interface: the one with its name is judged as no branch. */
/* As the node's own it would be judged by nobody; who advertises a default route could say so. */
static void a_branch_or_a_pod_is_never_the_node_s_own(void **state)
{
	static const struct {
		const char *primary, *trunk;
		__u32 of_default_route;
	} cases[] = {
		{ "vlan.eth.9", "eth1", 0 }, { "eth0", "vlan.eth.9", 0 },
		{ STRICT_VETH, "eth1", 0 },  { "", "eth1", 4 },
		{ "", "eth1", 6 },
	};
	struct bg_netdevs *netdevs = node();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_model *model = feed(cases[i].primary, cases[i].trunk);
		struct bg_plan plan = make(model, netdevs, BG_XDP_OFF, cases[i].of_default_route);
		const bool is_trunk = !strcmp(cases[i].trunk, "eth1");

		expect(&plan, 4, BG_ROLE_BRANCH, 9, of_role(BG_ROLE_BRANCH));
		expect(&plan, 6, BG_ROLE_POD_STRICT, 9, of_role(BG_ROLE_POD_STRICT));
		assert_int_equal(plan.has_primary, !is_trunk);
		assert_int_equal(plan.has_trunk, is_trunk);
		bg_plan_free(&plan);
		bg_model_free(model);
	}
	bg_netdevs_close(netdevs);
}

static void a_vlan_is_that_of_the_interface_in_the_feed(void **state)
{
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed("eth0", "eth1");
	struct bg_plan plan;

	(void)state;
	model->branches[0].vlan = 77;
	plan = make(model, netdevs, BG_XDP_OFF, 0);
	expect(&plan, 4, BG_ROLE_BRANCH, 77, of_role(BG_ROLE_BRANCH));
	expect(&plan, 5, BG_ROLE_BRANCH, 0, of_role(BG_ROLE_BRANCH));
	bg_plan_free(&plan);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

static void names_of_branches_are_exact(void **state)
{
	static const struct {
		const char *name;
		int vlan;
	} cases[] = {
		{ "vlan.eth.1", 1 },	{ "vlan.eth.4094", 4094 }, { "vlan.eth.0", 0 },
		{ "vlan.eth.4095", 0 }, { "vlan.eth.", 0 },	   { "vlan.eth.-1", 0 },
		{ "vlan.eth. 9", 0 },	{ "vlan.eth.9 ", 0 },	   { "vlan.eth.99999", 0 },
		{ "vlan.eth.0x9", 0 },	{ "vlan.eth", 0 },	   { "xvlan.eth.9", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(bg_branch_name_vlan(cases[i].name), cases[i].vlan);
}

static void names_of_veths_say_the_mode(void **state)
{
	static const struct {
		const char *name;
		bool known;
		enum bg_mode mode;
	} cases[] = {
		{ STRICT_VETH, true, BG_STRICT },
		{ STANDARD_VETH, true, BG_STANDARD },
		{ "vlan.eth.9", false, 0 },
		{ "vlan0123456789", false, 0 },
		{ "vlan0123456789ab", false, 0 },
		{ "eni0123456789g", false, 0 },
		{ "eth0", false, 0 },
	};
	enum bg_mode mode;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(bg_pod_name_mode(cases[i].name, &mode), cases[i].known);
		if (cases[i].known)
			assert_int_equal(mode, cases[i].mode);
	}
}

/* --- modes ----------------------------------------------------------------- */

static unsigned int kept_count;

static void count_kept(const struct bg_model_branch *branch, enum bg_mode mode, enum bg_mode asked)
{
	(void)branch;
	assert_int_not_equal(mode, asked);
	kept_count++;
}

/* The next model asks for a mode. Returns the one in effect. */
static enum bg_mode ask(struct bg_modes *modes, struct bg_model *model, enum bg_mode asked,
			const struct bg_netdevs *netdevs, int changed)
{
	model->branches[0].asked_mode = asked;
	assert_int_equal(bg_modes_ask(modes, model), 0);
	assert_int_equal(bg_modes_apply(modes, model, netdevs, count_kept), changed);
	return model->branches[0].mode;
}

static void a_veth_s_name_keeps_its_branch_s_mode(void **state)
{
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed("eth0", "eth1");
	struct bg_modes *modes = bg_modes_new();

	(void)state;
	kept_count = 0;
	assert_int_equal(ask(modes, model, BG_STRICT, netdevs, 0), BG_STRICT);
	assert_int_equal(ask(modes, model, BG_STANDARD, netdevs, 0), BG_STRICT);
	assert_int_equal(kept_count, 1);
	/* said once for a model */
	assert_int_equal(bg_modes_apply(modes, model, netdevs, count_kept), 0);
	assert_int_equal(kept_count, 1);
	/* the feed may say that it changes at once */
	model->node.live_mode_change = true;
	assert_int_equal(ask(modes, model, BG_STANDARD, netdevs, 1), BG_STANDARD);
	bg_modes_free(modes);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

/* Where names say nothing, the interface does: as long as it is the same one. */
static void a_branch_keeps_its_mode_as_long_as_its_interface(void **state)
{
	struct script_link again[LINKS];
	struct bg_netdevs *netdevs = node();
	struct bg_model *model = feed("eth0", "eth1");
	struct bg_modes *modes = bg_modes_new();

	(void)state;
	kept_count = 0;
	set_name(model->branches[0].pods[0].host_interface, "pod0");
	assert_int_equal(ask(modes, model, BG_STRICT, netdevs, 0), BG_STRICT);
	assert_int_equal(ask(modes, model, BG_STANDARD, netdevs, 0), BG_STRICT);
	/* a model that is refused leaves what was asked before */
	model->branches[0].asked_mode = BG_STRICT;
	assert_int_equal(bg_modes_ask(modes, model), 0);
	bg_modes_ask_back(modes);
	assert_int_equal(bg_modes_apply(modes, model, netdevs, count_kept), 0);
	assert_int_equal(model->branches[0].mode, BG_STRICT);
	bg_netdevs_close(netdevs);
	/* the interface is made anew */
	memcpy(again, links, sizeof(again));
	again[3].ifindex = 44;
	netdevs = script_netdevs(again, LINKS);
	assert_int_equal(bg_modes_apply(modes, model, netdevs, count_kept), 1);
	assert_int_equal(model->branches[0].mode, BG_STANDARD);
	bg_modes_free(modes);
	bg_model_free(model);
	bg_netdevs_close(netdevs);
}

static void what_an_earlier_daemon_had_in_force_counts(void **state)
{
	static const struct {
		__u32 ifindex;
		enum bg_mode mode;
	} cases[] = {
		{ 4, BG_STANDARD },
		{ 44, BG_STRICT }, /* of another interface of that name */
		{ 0, BG_STRICT },  /* it had none */
	};
	struct bg_netdevs *netdevs = node();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_branch_info info = { .id = "eni-9",
					       .mode = BG_STANDARD,
					       .ifindex = cases[i].ifindex };
		struct bg_model *model = feed("eth0", "eth1");
		struct bg_modes *modes = bg_modes_new();

		set_name(model->branches[0].pods[0].host_interface, "pod0");
		assert_int_equal(bg_modes_adopt(modes, &info), 0);
		assert_int_equal(ask(modes, model, BG_STRICT, netdevs, cases[i].mode != BG_STRICT),
				 cases[i].mode);
		bg_modes_free(modes);
		bg_model_free(model);
	}
	bg_netdevs_close(netdevs);
}

/* The veth of a pod that was attached in the other mode is found by its other name. */
static void a_pod_is_found_under_either_name(void **state)
{
	struct bg_netdevs *netdevs = node();
	struct bg_model_pod pod = { .host_interface = STANDARD_VETH };

	(void)state;
	assert_int_equal(bg_pod_netdev(netdevs, &pod)->ifindex, 6);
	set_name(pod.host_interface, STRICT_VETH);
	assert_int_equal(bg_pod_netdev(netdevs, &pod)->ifindex, 6);
	set_name(pod.host_interface, "vlan0123456789b");
	assert_null(bg_pod_netdev(netdevs, &pod));
	set_name(pod.host_interface, "pod0");
	assert_null(bg_pod_netdev(netdevs, &pod));
	bg_netdevs_close(netdevs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_role_has_its_programs),
		cmocka_unit_test(before_the_first_feed_branches_are_known_by_name),
		cmocka_unit_test(the_node_s_own_interfaces_get_no_other_role),
		cmocka_unit_test(a_branch_or_a_pod_is_never_the_node_s_own),
		cmocka_unit_test(a_vlan_is_that_of_the_interface_in_the_feed),
		cmocka_unit_test(names_of_branches_are_exact),
		cmocka_unit_test(names_of_veths_say_the_mode),
		cmocka_unit_test(a_veth_s_name_keeps_its_branch_s_mode),
		cmocka_unit_test(a_branch_keeps_its_mode_as_long_as_its_interface),
		cmocka_unit_test(what_an_earlier_daemon_had_in_force_counts),
		cmocka_unit_test(a_pod_is_found_under_either_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
