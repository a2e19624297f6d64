// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A small flow table under pressure: who gives way, and who does not. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "feeds.h"
#include "rig.h"
#include "test.h"

static struct rig rig;

static enum bg_reason judge(enum hook hook, __u32 vlan, const struct pkt *pkt)
{
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];

	return rig_judge(&rig, hook, vlan, frame, pkt_build(pkt, frame), &trace);
}

static void expect(enum hook hook, __u32 vlan, const struct pkt *pkt, enum bg_reason reason)
{
	enum bg_reason got = judge(hook, vlan, pkt);

	if (got != reason)
		fail_msg("port %d to %d: %s, expected %s", pkt->sport, pkt->dport,
			 bg_reason_name(got), bg_reason_name(reason));
}

/* Opens a flow of branch A to POD; false when the table has no place for it. */
static bool open_assured(int port)
{
	const struct pkt syn = { TCP(CLIENT, port, POD, 443, "S") };
	const struct pkt syn_ack = { TCP(POD, 443, CLIENT, port, "SA") };
	const struct pkt ack = { TCP(CLIENT, port, POD, 443, "A") };
	enum bg_reason first = judge(TC_INGRESS, BRANCH_A, &syn);

	if (first == BG_REASON_TABLE_FULL)
		return false;
	assert_string_equal(bg_reason_name(first), "rule");
	expect(TC_EGRESS, BRANCH_A, &syn_ack, BG_REASON_TRACKED);
	expect(TC_INGRESS, BRANCH_A, &ack, BG_REASON_TRACKED);
	return true;
}

static void expect_alive(int port)
{
	const struct pkt data = { TCP(POD, 443, CLIENT, port, "PA") };

	expect(TC_EGRESS, BRANCH_A, &data, BG_REASON_TRACKED);
}

static struct bg_control control(void)
{
	struct bg_control value = {};
	__u32 zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(rig.datapath->skel->maps.control), &zero, &value);
	return value;
}

static int start(void **state)
{
	(void)state;
	rig_publish(&rig, USUAL_FEED);
	rig_clear(&rig);
	return 0;
}

#define ASSURED 40
#define FLOOD 5000
#define MOST_PORTS 4000 /* far more than there are slots */

static void flood_from_branch_b(void)
{
	for (int i = 0; i < FLOOD; i++) {
		const struct pkt syn = { TCP(NEIGHBOUR, 1 + i, STRANGER, 80, "S") };

		expect(TC_EGRESS, BRANCH_B, &syn, BG_REASON_RULE);
	}
}

/* A flood of half-open flows takes no assured flow's place, and is never refused. */
static void flood_spares_assured_flows(void **state)
{
	__u64 before = control().flows_evicted;

	(void)state;
	for (int port = 1; port <= ASSURED; port++)
		assert_true(open_assured(port));
	for (int i = 0; i < FLOOD; i++) {
		const struct pkt syn = { TCP(CLIENT_TWO, 1 + i, POD, 443, "S") };

		expect(TC_INGRESS, BRANCH_A, &syn, BG_REASON_RULE);
	}
	for (int port = 1; port <= ASSURED; port++)
		expect_alive(port);
	assert_in_range(control().flows_evicted - before, FLOOD - rig_capacity(&rig), FLOOD);
	assert_in_range(rig_flow_count(&rig), ASSURED, rig_capacity(&rig));
}

/* Nor does a flood of one branch take the place of another branch's flows. */
static void flood_spares_other_branches(void **state)
{
	(void)state;
	for (int port = 1; port <= ASSURED; port++)
		assert_true(open_assured(port));
	flood_from_branch_b();
	for (int port = 1; port <= ASSURED; port++)
		expect_alive(port);
}

/* A flood first eats its own: half-open flows of another branch stay as long as a
 * bucket holds one of the flooding branch. */
static void flood_eats_its_own_first(void **state)
{
	int alive = 0;

	(void)state;
	/* one slot in eight: rarely more than a few of them in a bucket */
	for (int port = 1; port <= 16; port++) {
		const struct pkt syn = { TCP(CLIENT, port, POD, 443, "S") };

		expect(TC_INGRESS, BRANCH_A, &syn, BG_REASON_RULE);
	}
	flood_from_branch_b();
	for (int port = 1; port <= 16; port++) {
		const struct pkt syn_ack = { TCP(POD, 443, CLIENT, port, "SA") };

		alive += judge(TC_EGRESS, BRANCH_A, &syn_ack) == BG_REASON_TRACKED;
	}
	assert_int_equal(alive, 16);
}

/* Full of assured flows, the table refuses new ones with a reason of its own, and
 * keeps what it has; time makes room again. */
static void full_of_assured_flows(void **state)
{
	bool opened[MOST_PORTS] = {};
	int refused = 0, count = 0;

	(void)state;
	for (int port = 1; port < MOST_PORTS; port++) {
		opened[port] = open_assured(port);
		count += opened[port];
		refused += !opened[port];
	}
	assert_int_equal(count, rig_capacity(&rig));
	assert_int_equal(count, rig_flow_count(&rig));
	assert_int_equal(refused, MOST_PORTS - 1 - count);
	for (int port = 1; port < MOST_PORTS; port++)
		if (opened[port])
			expect_alive(port);
	rig_age(&rig, 351);
	assert_int_equal(rig_flow_count(&rig), 0);
	assert_true(open_assured(5000));
}

/* Dropped for want of room: counted, and the program drops. */
static void table_full_is_counted(void **state)
{
	struct outcome outcome;
	__u8 frame[PKT_BYTES];
	int port = 1;

	(void)state;
	while (port < 65535 && open_assured(port))
		port++;
	for (enum hook hook = TC_INGRESS; hook <= XDP_BRANCH; hook++) {
		const struct pkt syn = { TCP(CLIENT, port, POD, 443, "S") };

		rig_send(&rig, hook, BRANCH_A, frame, pkt_build(&syn, frame), &outcome);
		assert_string_equal(bg_reason_name(outcome.trace.reason), "table-full");
		assert_string_equal(bg_reason_name(outcome.counted_reason), "table-full");
		assert_int_equal(outcome.counted, 1);
		assert_false(outcome.passed);
	}
}

/* A flow that went to its second bucket is found there, and not made twice. */
static void second_bucket(void **state)
{
	size_t count = 0;

	(void)state;
	for (int port = 1; port < 100; port++)
		count += open_assured(port);
	for (int port = 1; port < 100; port++) {
		const struct pkt again = { TCP(CLIENT, port, POD, 443, "PA") };

		judge(TC_INGRESS, BRANCH_A, &again);
	}
	assert_int_equal(count, rig_flow_count(&rig));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(flood_spares_assured_flows, start),
		cmocka_unit_test_setup(flood_spares_other_branches, start),
		cmocka_unit_test_setup(flood_eats_its_own_first, start),
		cmocka_unit_test_setup(full_of_assured_flows, start),
		cmocka_unit_test_setup(table_full_is_counted, start),
		cmocka_unit_test_setup(second_bucket, start),
	};
	int failed;

	rig_open(&rig, 64);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
