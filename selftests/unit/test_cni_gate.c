// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From what is pinned and attached to: may this pod start? */
#include "base/ip.h"
#include "cni/gate.h"
#include "showing.h"
#include "test.h"

#define BRANCH 14
#define VETH 15

/* A pod whose branch is armed; each case changes something of it. */
struct node {
	struct bg_status status;
	struct bg_branch_status branch;
	struct bg_pod_row pods[2];
	struct bg_iface ifaces[2];
	struct bg_gap gap;
	struct bg_prev_result made;
	__u32 vlans[2], host_ifindexes[2];
	char hosts[2][BG_HOST_BYTES];
	struct bg_addr addresses[2];
	struct bg_gate_pod pod;
};

static void make_node(struct node *node)
{
	*node = (struct node){
		.branch = { .row = some_branch(), .ifindex_now = BRANCH },
		.pods = { { .pod = { .vlan = 9, .host_ifindex = VETH, .branch_ifindex = BRANCH } },
			  { .pod = { .vlan = 10, .host_ifindex = 30, .branch_ifindex = 31 } } },
		.ifaces = { { BRANCH, BG_ROLE_BRANCH, 9, 0, "vlan.eth.9" },
			    { VETH, BG_ROLE_POD_STRICT, 9, 0, "vlan18582a65b10" } },
		.gap = { .interface = "vlan.eth.9", .program = "tc_branch_egress", .vlan = 9 },
		.vlans = { 9 },
		/* a bridge that is not there, as other plugins name it */
		.host_ifindexes = { VETH, 0 },
		.hosts = { "vlan18582a65b10", "gone0" },
	};
	bg_addr_parse("10.0.47.82", &node->addresses[0]);
	bg_addr_parse("2001:db8:0:32::82", &node->addresses[1]);
	node->pods[0].address = node->addresses[0];
	bg_addr_parse("10.0.47.83", &node->pods[1].address);
	node->made = (struct bg_prev_result){
		.vlans = node->vlans,
		.vlan_count = 1,
		.addresses = node->addresses,
		.address_count = 2,
		.hosts = node->hosts,
		.host_count = 2,
	};
	node->pod = (struct bg_gate_pod){ &node->made, node->host_ifindexes };
	node->status = (struct bg_status){
		.control = { .abi = BG_ABI, .revision = 7, .feed_revision = "42" },
		.has_image = true,
		.branches = &node->branch,
		.branch_count = 1,
		.ifaces = node->ifaces,
		.iface_count = 2,
		.gaps = &node->gap,
		.pods = node->pods,
		.pod_count = 2,
	};
}

static void nothing(struct node *node)
{
	(void)node;
}

static void no_revision(struct node *node)
{
	node->status.control.revision = 0;
}

static void no_image(struct node *node)
{
	node->status.has_image = false;
}

static void other_vlan(struct node *node)
{
	node->vlans[0] = 11;
}

static void no_pod(struct node *node)
{
	node->status.pod_count = 0;
}

static void pod_elsewhere(struct node *node)
{
	node->pods[0].pod.vlan = 10;
}

/* The address is that of the pod before, whose veth had another number. */
static void pod_before(struct node *node)
{
	node->pods[0].pod.host_ifindex = 12;
}

static void no_veth(struct node *node)
{
	node->host_ifindexes[0] = 0;
	node->pods[0].pod.host_ifindex = 0;
}

static void second_vlan(struct node *node)
{
	node->vlans[1] = 10;
	node->made.vlan_count = 2;
}

static void no_interface(struct node *node)
{
	node->branch.ifindex_now = 0;
}

static void not_armed(struct node *node)
{
	node->branch.row.info.armed_ns = 0;
}

static void another_interface(struct node *node)
{
	node->branch.ifindex_now = 99;
}

static void gap(struct node *node)
{
	node->status.gap_count = 1;
}

static void gap_of_another(struct node *node)
{
	node->status.gap_count = 1;
	node->gap.vlan = 10;
}

static void branch_not_entered(struct node *node)
{
	node->ifaces[0].ifindex = 99;
}

static void branch_of_another_vlan(struct node *node)
{
	node->ifaces[0].vlan = 10;
}

static void pod_behind_the_former(struct node *node)
{
	node->pods[0].pod.branch_ifindex = 13;
}

static void veth_not_entered(struct node *node)
{
	node->status.iface_count = 1;
}

static void veth_of_another_role(struct node *node)
{
	node->ifaces[1].role = BG_ROLE_PRIMARY;
}

static void standard(struct node *node)
{
	node->ifaces[1].role = BG_ROLE_POD_STANDARD;
}

/* What the egress plugin gives a pod is in no feed. */
static void another_address(struct node *node)
{
	bg_addr_parse("169.254.172.2", &node->addresses[1]);
}

static void not_looked_at(struct node *node)
{
	node->status.not_looked_at = "what is attached could not be looked at";
}

static void hostile_name(struct node *node)
{
	snprintf(node->status.control.feed_revision, sizeof(node->status.control.feed_revision),
		 "\033[2J\n");
	node->vlans[0] = 11;
}

static const struct {
	const char *name;
	void (*change)(struct node *node);
	bool is_known;
	const char *says; /* NULL: it may start */
} cases[] = {
	{ "armed", nothing, true, NULL },
	{ "no feed in force", no_revision, false, "no feed is in force yet" },
	{ "no image in force", no_image, false, "no feed is in force yet" },
	{ "a VLAN that the feed lacks", other_vlan, false,
	  "revision 7 of the feed (\"42\") has no branch with VLAN id 11" },
	{ "a pod that the feed lacks", no_pod, false,
	  "revision 7 of the feed (\"42\") has VLAN 9, but no pod of it with 10.0.47.82 or its other "
	  "addresses behind vlan18582a65b10" },
	{ "a pod behind another branch", pod_elsewhere, false,
	  "has 10.0.47.82 behind VLAN 10, not VLAN 9" },
	{ "the pod before this one", pod_before, false, "it is of a pod before this one" },
	{ "a veth that is not there", no_veth, false, "(ifindex 0)" },
	{ "a second branch that the feed lacks", second_vlan, false, "VLAN id 10" },
	{ "the branch's interface is not there", no_interface, true,
	  "branch eni-0b2c: its interface vlan.eth.9 is not there" },
	{ "the branch is not armed", not_armed, true, "vlan.eth.9 is not armed yet" },
	{ "the interface was made anew", another_interface, true, "vlan.eth.9 is not armed yet" },
	{ "a program is missing", gap, true, "program tc_branch_egress is missing at vlan.eth.9" },
	{ "a program of another branch is missing", gap_of_another, true, NULL },
	{ "the programs do not know the branch", branch_not_entered, true, "is not armed yet" },
	{ "they know it as another one", branch_of_another_vlan, true, "is not armed yet" },
	{ "the pod is behind the former interface", pod_behind_the_former, true, "made anew" },
	{ "the programs do not know the veth", veth_not_entered, true,
	  "the pod's interface vlan18582a65b10 is not armed yet" },
	{ "they know it as something else", veth_of_another_role, true, "is not armed yet" },
	{ "a standard pod", standard, true, NULL },
	{ "an address that is in no feed", another_address, true, NULL },
	{ "what is attached cannot be seen", not_looked_at, true, "could not be looked at" },
	{ "a name that drives terminals", hostile_name, false, "(\"?[2J?\")" },
};

static void decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_error why = {};
		struct node node;

		print_message("%s\n", cases[i].name);
		make_node(&node);
		cases[i].change(&node);
		assert_int_equal(bg_gate_is_known(&node.pod, &node.status, &why),
				 cases[i].is_known);
		assert_int_equal(bg_gate_is_armed(&node.pod, &node.status, &why), !cases[i].says);
		print_message("  %s\n", why.text);
		if (cases[i].says)
			assert_non_null(strstr(why.text, cases[i].says));
		else
			assert_string_equal(why.text, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(decisions) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
