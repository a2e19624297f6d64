// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Entries of other ABIs, bytes in and bytes out. */
#include <string.h>

#include "datapath/layout_2.h"
#include "datapath/layout_3.h"
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

static struct bg_flow_3 flow_3(__u8 protocol, __u16 flags)
{
	return (struct bg_flow_3){
		.key = { .local = { { 1 } },
			 .remote = { { 2 } },
			 .local_port = 3,
			 .remote_port = 8,
			 .protocol = protocol,
			 .branch = 5 },
		.created_ns = 6,
		.last_seen_ns = 7,
		.bytes = { 8, 9 },
		.packets = { 10, 11 },
		.timeout_s = 350,
		.rule = 12,
		.revision = 13,
		.checked = 14,
		.flags = flags,
	};
}

static void a_flow_of_abi_3(void **state)
{
	const __u16 flags = BG_FLOW_EGRESS | BG_FLOW_REPLIED | BG_FLOW_ASSURED;
	struct bg_bucket_3 bucket = { .flow[2] = flow_3(6, flags) };
	const struct bg_flow expected = {
		.key = { .local = { { 1 } },
			 .remote = { { 2 } },
			 .local_port = 3,
			 .remote_port = 8,
			 .protocol = 6,
			 .branch = 5 },
		.last_seen_ns = 7,
		.timeout_s = 350,
		.checked = 14,
		.flags = flags,
		.rule = 12,
		.bytes = { 8, 9 },
		.packets = { 10, 11 },
		.created_ns = 6,
		.revision = 13,
	};
	struct bg_flow flow = {};

	(void)state;
	assert_ptr_equal(bg_layout_of(1)->flows, &bg_flows_3);
	assert_ptr_equal(bg_layout_of(2)->flows, &bg_flows_3);
	assert_ptr_equal(bg_layout_of(3)->flows, &bg_flows_3);
	assert_int_equal(bg_flows_3.bucket_bytes, 864);
	assert_false(bg_flows_3.convert(&bucket, 1, &flow));
	assert_true(bg_flows_3.convert(&bucket, 2, &flow));
	assert_memory_equal(&flow, &expected, sizeof(flow));
	/* a tag that this build would take for a probe's */
	bucket.flow[2].key.branch = BG_FLOW_KEY_PROBE | 5;
	assert_false(bg_flows_3.convert(&bucket, 2, &flow));
}

static void pings_and_probes_of_abi_3(void **state)
{
	static const struct {
		__u8 protocol;
		__u16 flags;
		__be16 remote_port;
		__u32 branch;
	} rows[] = {
		{ 1, 0, 8, 5 },
		{ 1, BG_FLOW_EGRESS, 8 | BG_FLOW_KEY_EGRESS, 5 },
		{ 58, BG_FLOW_EGRESS, 8 | BG_FLOW_KEY_EGRESS, 5 },
		{ 1, BG_FLOW_PROBE, 8, 5 | BG_FLOW_KEY_PROBE },
		{ 6, BG_FLOW_PROBE, 8, 5 | BG_FLOW_KEY_PROBE },
		{ 17, BG_FLOW_EGRESS, 8, 5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct bg_bucket_3 bucket = { .flow[7] = flow_3(rows[i].protocol,
								      rows[i].flags) };
		struct bg_flow flow = {};

		assert_true(bg_flows_3.convert(&bucket, 7, &flow));
		assert_int_equal(flow.key.remote_port, rows[i].remote_port);
		assert_int_equal(flow.key.branch, rows[i].branch);
		assert_int_equal(bg_flow_tag(&flow.key), 5);
		assert_int_equal(bg_flow_icmp_type(&flow.key), 8);
	}
}

static void control_of_abi_3(void **state)
{
	const struct bg_control old = {
		.abi = 3, .revision = 9, .flow_layout = 1, .events_lost = 4, .feed_revision = "r"
	};
	struct bg_control control = {}, expected = old;
	__u32 key = 0;

	(void)state;
	expected.abi = BG_ABI;
	expected.flow_layout = BG_FLOW_LAYOUT;
	assert_true(convert(&bg_layout_3, "control", "control", &key, &old, &key, &control));
	assert_memory_equal(&control, &expected, sizeof(control));
}

static void what_is_taken_over_as_it_is(void **state)
{
	(void)state;
	assert_null(bg_layout_of(BG_ABI + 1));
	assert_ptr_equal(bg_layout_of(2), &bg_layout_2);
	assert_false(bg_layout_makes(&bg_layout_2, 0, "policy"));
	assert_true(bg_layout_makes(&bg_layout_1, 0, "policy"));
	assert_true(bg_layout_makes(&bg_layout_1, 0, "flows"));
	assert_true(bg_layout_makes(&bg_layout_3, 1, "flows"));
	assert_false(bg_layout_makes(&bg_layout_3, 1, "policy"));
	assert_false(bg_layout_makes(&bg_layout_3, 1, "branches"));
	assert_true(bg_layout_makes(&bg_layout_3, 1, "control"));
	assert_true(bg_layout_makes(&bg_layout_3, 1, "scratch"));
	assert_true(bg_layout_makes(&bg_layout_2, 0, "control"));
	assert_true(bg_layout_makes(&bg_layout_newer, BG_FLOW_LAYOUT, "policy"));
	assert_false(bg_layout_makes(&bg_layout_newer, BG_FLOW_LAYOUT, "flows"));
	assert_true(bg_layout_makes(&bg_layout_newer, BG_FLOW_LAYOUT + 1, "flows"));
}

static void pods_routes_and_the_node_of_abi_2(void **state)
{
	const struct bg_pod_2 old_pod = { .vlan = 9,
					  .host_ifindex = 6,
					  .branch_ifindex = 4,
					  .mode = 1,
					  .mac = { 2, 1 },
					  .host_mac = { 2, 2 } };
	const struct bg_route_2 old_route = { .ifindex = 4, .gateway4 = { { 1 } } };
	const struct bg_host_2 old_host = { .primary_ifindex = 2, .primary_mac = { 2, 3 } };
	struct bg_addr address = { { 1 } }, key = {};
	struct bg_route_info info = {};
	struct bg_route route = {};
	struct bg_host host = {};
	struct bg_pod pod = {};
	__u32 vlan = 9, number = 0;

	(void)state;
	assert_true(convert(&bg_layout_2, "pods", "pods", &address, &old_pod, &key, &pod));
	assert_memory_equal(&key, &address, sizeof(key));
	assert_int_equal(pod.vlan, 9);
	assert_int_equal(pod.host_ifindex, 6);
	assert_int_equal(pod.branch_ifindex, 4);
	assert_int_equal(pod.mode, BG_STANDARD);
	assert_memory_equal(pod.mac, old_pod.mac, sizeof(pod.mac));
	assert_memory_equal(pod.host_mac, old_pod.host_mac, sizeof(pod.host_mac));
	assert_true(
		convert(&bg_layout_2, "ways", "fast_routes", &vlan, &old_route, &number, &route));
	assert_int_equal(number, 9);
	assert_int_equal(route.ifindex, 4);
	assert_memory_equal(&route.gateway4, &old_route.gateway4, sizeof(route.gateway4));
	/* for people, and written by the daemon */
	assert_true(convert(&bg_layout_2, "ways", "routes", &vlan, &old_route, &number, &info));
	vlan = 4096;
	assert_false(convert(&bg_layout_2, "ways", "routes", &vlan, &old_route, &number, &info));
	assert_true(convert(&bg_layout_2, "node", "node", &number, &old_host, &number, &host));
	assert_int_equal(host.primary_ifindex, 2);
	assert_memory_equal(host.primary_mac, old_host.primary_mac, sizeof(host.primary_mac));
}

static void what_is_known_of_newer_ones(void **state)
{
	const struct bg_control_start start = { .abi = BG_ABI + 1, .revision = 7 };
	const struct bg_iface_2 old = { .ifindex = 1033, .role = 1, .vlan = 9, .flags = 2 };
	const struct bg_layout *newer = &bg_layout_newer;
	struct bg_control control = {};
	struct bg_iface iface = {};
	__u32 key = 0, ifindex = 0;

	(void)state;
	assert_true(convert(newer, "control", "control", &key, &start, &key, &control));
	assert_int_equal(control.abi, BG_ABI);
	assert_int_equal(control.revision, 7);
	assert_true(convert(newer, "ifaces", "ifaces", &key, &old, &key, &iface));
	assert_int_equal(key, 1033);
	assert_int_equal(iface.vlan, 9);
	assert_true(convert(newer, "ifaces", "fast_ifaces", &key, &old, &key, &iface));
	assert_int_equal(key, 9);
	assert_true(convert(newer, "ifaces", "fast_vlans", &key, &old, &key, &ifindex));
	assert_int_equal(key, 9);
	assert_int_equal(ifindex, 1033);
}

/* What is no number of a kind, no VLAN, or in a place where nobody looks, is not taken. */
static void what_no_build_ever_wrote(void **state)
{
	static const struct bg_iface_2 ifaces[] = {
		{ .ifindex = 9, .role = 6 },
		{ .ifindex = 9, .role = UINT32_MAX },
		{ .ifindex = 9, .role = 1, .vlan = 4096 },
	};
	const struct bg_iface_2 sound = { .ifindex = 9, .role = 1, .vlan = 9, .flags = ~0u };
	struct bg_rule_2 rule = { .group = "sg-1", .direction = 2, .revision = 1 };
	struct bg_pod_2 pod = { .vlan = 4096 };
	const __u32 ifindex = 5, none = 0;
	struct bg_iface iface = {};
	__u32 place = 9, vlan = 4096, key = 0;
	struct bg_addr address = {};
	char value[512];

	(void)state;
	for (size_t i = 0; i < sizeof(ifaces) / sizeof(ifaces[0]); i++) {
		assert_false(
			convert(&bg_layout_2, "ifaces", "ifaces", &place, &ifaces[i], &key, value));
		assert_false(convert(&bg_layout_newer, "ifaces", "ifaces", &place, &ifaces[i], &key,
				     value));
	}
	assert_true(convert(&bg_layout_2, "ifaces", "ifaces", &place, &sound, &key, &iface));
	assert_int_equal(iface.flags, BG_IFACE_SHARED | BG_IFACE_OUR_QDISC);
	place = 10;
	assert_false(convert(&bg_layout_2, "ifaces", "fast_ifaces", &place, &sound, &key, &iface));
	assert_false(convert(&bg_layout_2, "vlans", "fast_vlans", &vlan, &ifindex, &key, value));
	vlan = 9;
	assert_true(convert(&bg_layout_2, "vlans", "fast_vlans", &vlan, &ifindex, &key, value));
	assert_false(convert(&bg_layout_2, "vlans", "fast_vlans", &vlan, &none, &key, value));
	assert_false(convert(&bg_layout_2, "pods", "pods", &address, &pod, value, value + 64));
	assert_false(convert(&bg_layout_1, "rules", "rules", &vlan, &rule, &key, value));
	rule.direction = 1;
	assert_true(convert(&bg_layout_1, "rules", "rules", &vlan, &rule, &key, value));
	vlan = 0;
	assert_false(convert(&bg_layout_1, "rules", "rules", &vlan, &rule, &key, value));
}

/* The field is full to its last byte, or was never written by us. */
static void a_text_without_end(void **state)
{
	struct bg_branch_info_2 old_branch;
	struct bg_control_2 old_control;
	struct bg_branch_info branch = {};
	struct bg_control control = {};
	struct bg_rule_2 old_rule;
	struct bg_rule rule = {};
	__u32 vlan = 9, key = 0;

	(void)state;
	memset(&old_branch, 'x', sizeof(old_branch));
	assert_true(
		convert(&bg_layout_2, "branches", "branches", &vlan, &old_branch, &key, &branch));
	assert_int_equal(strlen(branch.id), sizeof(branch.id) - 1);
	assert_int_equal(strlen(branch.interface), sizeof(branch.interface) - 1);
	assert_int_equal(strlen(branch.groups), sizeof(branch.groups) - 1);
	assert_int_equal(branch.mode, BG_STRICT);
	memset(&old_control, 'x', sizeof(old_control));
	assert_true(
		convert(&bg_layout_2, "control", "control", &key, &old_control, &key, &control));
	assert_int_equal(strlen(control.feed_revision), sizeof(control.feed_revision) - 1);
	memset(&old_rule, 'x', sizeof(old_rule));
	old_rule.direction = 0;
	assert_true(convert(&bg_layout_2, "rules", "rules", &vlan, &old_rule, &key, &rule));
	assert_int_equal(strlen(rule.group), sizeof(rule.group) - 1);
	assert_int_equal(strlen(rule.rule_id), sizeof(rule.rule_id) - 1);
	assert_int_equal(strlen(rule.peer), sizeof(rule.peer) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_of_abi_2),
		cmocka_unit_test(a_rule_of_abi_2),
		cmocka_unit_test(a_branch_of_abi_2),
		cmocka_unit_test(control_and_counters_of_abi_2),
		cmocka_unit_test(pods_routes_and_the_node_of_abi_2),
		cmocka_unit_test(what_is_known_of_newer_ones),
		cmocka_unit_test(what_no_build_ever_wrote),
		cmocka_unit_test(a_text_without_end),
		cmocka_unit_test(a_flow_of_abi_3),
		cmocka_unit_test(pings_and_probes_of_abi_3),
		cmocka_unit_test(control_of_abi_3),
		cmocka_unit_test(what_is_taken_over_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
