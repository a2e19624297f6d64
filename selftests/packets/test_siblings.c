// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What reaches a strict pod's veth, by which interface it came in: from its branch and from
 * the node itself it is not looked at again; from a sibling both sides judge it; from itself it
 * passes; from any other strict pod, or with a source that is not the sender's, it does not.
 * And what a strict pod sends its sibling. Nothing is attached, netfilter is not asked: what it
 * makes of a packet is what the test sends. With sockets: net/test_siblings.sh.
 *
 * Tried, in both families: each of the two sides without a rule; answers of flows, and what
 * only looks like one; a service's source with and without a sibling behind it; the source of
 * the node (masquerade), of another sibling, of another branch; fragments, tags, ARP; a standard
 * pod's veth; and, for a pod that reached itself by the node's address, what that opens: its
 * answer goes to the stack, nothing of the node's comes in by it, and nothing leaves by the branch.
 */
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "datapath/programs.h"
#include "datapath/test_run.h"
#include "feeds.h"
#include "guard/iface_maps.h"
#include "model_maker.h"
#include "rig.h"
#include "test.h"

#define NODE_ADDRESS "10.0.1.10"
#define NODE_ADDRESS6 "2001:db8:1::10"
#define SERVICE "172.20.0.1"
#define SERVICE6 "2001:db8:ffff::1"

/* The test runs on the loopback device, so that is the veth in question; the others are names. */
enum { VETH = 1, SIBLING = 4001, OTHER_POD, PRIMARY, BRANCH_IFINDEX, FOREIGN_DEVICE };

#define THE_FEED                                                                                   \
	FEED(NODE_WITH("'Addresses': ['" NODE_ADDRESS "', '" NODE_ADDRESS6                         \
		       "'], 'ServiceCidrs': ['172.20.0.0/16', '2001:db8:ffff::/108']"),            \
	     ALL_RULES "," IN_A("sgr-in", "udp", 1000, 1100, VPC) "," IN_A("sgr-in6", "udp", 1000, \
									   1100, VPC6),            \
	     ALL_BRANCHES)

static struct rig rig;

/* POD_TWO is behind the veth that is looked at, POD is its sibling. */
static int start(void **state)
{
	const struct bg_route route = { .ifindex = VETH,
					.gateway4 = maker_addr("10.0.32.1"),
					.gateway6 = maker_addr("fe80::1") };
	__u32 vlan = BRANCH_A;
	struct bg_error err;

	(void)state;
	rig_publish(&rig, THE_FEED);
	rig_clear(&rig);
	rig_enter(&rig, VETH, BG_ROLE_POD_STRICT, BRANCH_A, 0);
	rig_enter(&rig, SIBLING, BG_ROLE_POD_STRICT, BRANCH_A, 0);
	rig_enter(&rig, OTHER_POD, BG_ROLE_POD_STRICT, BRANCH_B, 0);
	rig_enter(&rig, PRIMARY, BG_ROLE_PRIMARY, 0, 0);
	rig_enter(&rig, BRANCH_IFINDEX, BG_ROLE_BRANCH, BRANCH_A, 0);
	rig_set_pod(&rig, POD_TWO, BRANCH_A, VETH);
	rig_set_pod(&rig, POD_TWO6, BRANCH_A, VETH);
	rig_set_pod(&rig, POD, BRANCH_A, SIBLING);
	rig_set_pod(&rig, POD6, BRANCH_A, SIBLING);
	rig_set_pod(&rig, NEIGHBOUR, BRANCH_B, OTHER_POD);
	rig_set_pod(&rig, NEIGHBOUR6, BRANCH_B, OTHER_POD);
	assert_int_equal(bg_map_set(rig.datapath->skel->maps.fast_routes, &vlan, &route, &err), 0);
	return 0;
}

static enum bg_reason run(enum bg_program program, __u32 came_by, const struct pkt *pkt,
			  int *action)
{
	struct __sk_buff context = { .ifindex = VETH, .ingress_ifindex = came_by };
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(pkt, frame);

	memset(frame, 0, 6); /* the loopback's MAC */
	return rig_through(&rig, program, &context, frame, bytes, action);
}

/* NONE: it passes without a verdict. `counted`: on which side, if it drops. */
static void arrives(const char *says, __u32 came_by, const struct pkt *pkt, enum bg_reason reason,
		    enum bg_direction counted)
{
	const bool drops = !bg_reason_passes(reason);
	const __u64 before = drops ? rig_count(&rig, counted, reason) : 0;
	int action;
	enum bg_reason is = run(BG_TC_POD_INGRESS, came_by, pkt, &action);

	if (is != reason || action != (drops ? TC_ACT_SHOT : TC_ACT_UNSPEC))
		fail_msg("%s: %s to %s is %s and %d, expected %s", says, pkt->from, pkt->to,
			 bg_reason_name(is), action, bg_reason_name(reason));
	if (drops && rig_count(&rig, counted, reason) != before + 1)
		fail_msg("%s: not counted once", says);
}

static void passes(const char *says, __u32 came_by, const struct pkt *pkt, enum bg_reason reason)
{
	arrives(says, came_by, pkt, reason, BG_INGRESS);
}

/* [0]: of both families */
static const struct pkt admitted[] = { { UDP(POD, 443, POD_TWO, 1050) },
				       { UDP(POD6, 443, POD_TWO6, 1050) } };
static const struct pkt answers[] = { { UDP(POD, 1050, POD_TWO, 443) },
				      { UDP(POD6, 1050, POD_TWO6, 443) } };
static const struct pkt by_sender_only[] = { { UDP(POD, 443, POD_TWO, 1500) },
					     { UDP(POD6, 443, POD_TWO6, 1500) } };
static const struct pkt by_receiver_only[] = { { UDP(POD, 443, POD_TWO, 53) },
					       { UDP(POD6, 443, POD_TWO6, 53) } };

static void what_is_not_from_a_strict_pod(void **state)
{
	const __u32 others[] = { 0, BRANCH_IFINDEX, PRIMARY, FOREIGN_DEVICE };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		for (int six = 0; six < 2; six++)
			passes("judged before, or not ours", others[i], &by_sender_only[six],
			       BG_REASON_NONE);
}

static void both_sides_judge(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		__u64 out = rig_count(&rig, BG_EGRESS, BG_REASON_RULE);
		__u64 in = rig_count(&rig, BG_INGRESS, BG_REASON_RULE);
		const struct pkt mapped = { UDP(six ? POD6 : POD, 9, six ? POD_TWO6 : POD_TWO, 9) };
		struct bg_flow flow;

		arrives("an answer to nothing", SIBLING, &answers[six], BG_REASON_NO_RULE,
			BG_EGRESS);
		passes("what both admit", SIBLING, &admitted[six], BG_REASON_RULE);
		assert_int_equal(rig_count(&rig, BG_EGRESS, BG_REASON_RULE), out + 1);
		assert_int_equal(rig_count(&rig, BG_INGRESS, BG_REASON_RULE), in + 1);
		assert_true(rig_flow(&rig, BRANCH_A, BG_EGRESS, &admitted[six], &flow));
		assert_true(rig_flow(&rig, BRANCH_A, BG_INGRESS, &admitted[six], &flow));
		passes("and again", SIBLING, &admitted[six], BG_REASON_TRACKED);
		arrives("what only the sender's admit", SIBLING, &by_sender_only[six],
			BG_REASON_NO_RULE, BG_INGRESS);
		arrives("what only the receiver's admit", SIBLING, &by_receiver_only[six],
			BG_REASON_NO_RULE, BG_EGRESS);
		arrives("what neither admits", SIBLING, &mapped, BG_REASON_NO_RULE, BG_EGRESS);
	}
}

static void whose_source(void **state)
{
	const struct pkt foreign[] = {
		{ UDP(NODE_ADDRESS, 443, POD_TWO, 1050) },
		{ UDP(POD_TWO, 443, POD_TWO, 1050) },
		{ UDP(NEIGHBOUR, 443, POD_TWO, 1050) },
		{ UDP(STRANGER, 443, POD_TWO, 1050) },
		{ UDP(NODE_ADDRESS6, 443, POD_TWO6, 1050) },
		{ UDP(NEIGHBOUR6, 443, POD_TWO6, 1050) },
		/* without the mark of a verdict, or for somebody else */
		{ UDP(SERVICE, 443, POD_TWO, 1050) },
		{ UDP(SERVICE6, 443, POD_TWO6, 1050) },
	};
	const struct pkt from_service[] = { { UDP(SERVICE, 443, POD_TWO, 1050) },
					    { UDP(SERVICE6, 443, POD_TWO6, 1050) } };
	const struct pkt to_nobody = { UDP(SERVICE, 443, "10.0.47.92", 1050) };

	(void)state;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		arrives("another's source", SIBLING, &foreign[i], BG_REASON_FOREIGN_SOURCE,
			BG_EGRESS);
	/* beside an agent, which may have cleared the mark: judged at the sibling's veth */
	rig_enter(&rig, SIBLING, BG_ROLE_POD_STRICT, BRANCH_A, BG_IFACE_SHARED);
	for (int six = 0; six < 2; six++)
		passes("an answer", SIBLING, &from_service[six], BG_REASON_NONE);
	arrives("to no pod of the branch", SIBLING, &to_nobody, BG_REASON_FOREIGN_SOURCE,
		BG_EGRESS);
}

static void other_pods(void **state)
{
	const struct pkt packets[] = { { UDP(NEIGHBOUR, 443, POD_TWO, 1050) },
				       { UDP(NEIGHBOUR6, 443, POD_TWO6, 1050) },
				       { UDP(SERVICE, 443, POD_TWO, 1050) },
				       { UDP(POD, 443, POD_TWO, 1050) },
				       { .ethertype = 0x0806, .payload = 28 } };

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		arrives("of another branch", OTHER_POD, &packets[i], BG_REASON_OFF_BRANCH,
			BG_EGRESS);
	rig_enter(&rig, VETH, BG_ROLE_POD_STANDARD, BRANCH_C, 0);
	arrives("at a standard pod", OTHER_POD, &packets[0], BG_REASON_OFF_BRANCH, BG_EGRESS);
	arrives("at a standard pod", SIBLING, &packets[3], BG_REASON_OFF_BRANCH, BG_EGRESS);
}

static void what_is_no_plain_packet(void **state)
{
	const struct pkt later = { UDP(POD, 443, POD_TWO, 1050), .offset_bytes = 1480, .bare = true,
				   .payload = 100 };
	const struct pkt first = { UDP(POD, 443, POD_TWO, 1050), .more = true, .payload = 100 };
	const struct pkt tagged = { UDP(POD, 443, POD_TWO, 1050), .vlan = BRANCH_B };
	const struct pkt not_ip = { .ethertype = 0x88cc, .payload = 28 };
	const struct pkt malformed = { UDP(POD, 443, POD_TWO, 1050), .ihl = 4 };

	(void)state;
	arrives("a fragment", SIBLING, &later, BG_REASON_FRAGMENT_UNKNOWN, BG_EGRESS);
	passes("a first one", SIBLING, &first, BG_REASON_RULE);
	passes("and a later one", SIBLING, &later, BG_REASON_TRACKED);
	for (__u32 i = 0; i < 2; i++) {
		const __u32 from = i ? SIBLING : VETH;
		const enum bg_direction side = i ? BG_EGRESS : BG_INGRESS;

		arrives("tagged", from, &tagged, BG_REASON_TAGGED, side);
		arrives("LLDP", from, &not_ip, BG_REASON_NOT_IP, side);
		arrives("malformed", from, &malformed, BG_REASON_MALFORMED, side);
	}
}

/* Straight to the branch, whose way the loader knows; else it is left to the stack, or dropped
 * since that has no route. */
static void sends(const char *says, const struct pkt *pkt, bool straight)
{
	int action;

	run(BG_TC_POD_EGRESS, VETH, pkt, &action);
	if ((action == TC_ACT_REDIRECT) != straight)
		fail_msg("%s: %s to %s: %d", says, pkt->from, pkt->to, action);
}

static void itself(void **state)
{
	const char *const ends[][3] = { { POD_TWO, NODE_ADDRESS, SERVICE },
					{ POD_TWO6, NODE_ADDRESS6, SERVICE6 } };
	__u8 frame[PKT_BYTES];
	struct bg_trace trace;

	(void)state;
	for (int six = 0; six < 2; six++) {
		const char *pod = ends[six][0], *node = ends[six][1];
		const struct pkt masqueraded = { TCP(node, 22, pod, 5000, "S"), .seq = 1 };
		const struct pkt answer = { TCP(pod, 5000, node, 22, "SA"), .ack = 2 };
		const struct pkt no_answer = { TCP(pod, 5000, node, 23, "SA"), .ack = 2 };
		const struct pkt others = { TCP(node, 23, pod, 5000, "S") };
		const struct pkt plain[] = { { UDP(pod, 9, pod, 9) },
					     { UDP(ends[six][2], 9, pod, 9) } };
		const struct pkt not_its[] = { { UDP(ends[six][2], 9, NEIGHBOUR, 9) },
					       { UDP(node, 9, "10.0.47.92", 9) } };

		for (int i = 0; i < 2; i++)
			passes("without another's address", VETH, &plain[i], BG_REASON_UNFILTERED);
		for (int i = 0; !six && i < 2; i++)
			arrives("for somebody else", VETH, &not_its[i], BG_REASON_NOT_OURS,
				BG_INGRESS);
		passes("by the node's address", VETH, &masqueraded, BG_REASON_UNFILTERED);
		sends("the answer", &answer, false);
		sends("what is none", &no_answer, true);
		/* the node's own from that port and from another: of no probe's flow */
		for (int i = 0; i < 2; i++) {
			const struct pkt *pkt = i ? &others : &masqueraded;
			int action;

			assert_int_equal(run(BG_TC_NODE_EGRESS, 0, pkt, &action), BG_REASON_NONE);
			assert_int_equal(action, TC_ACT_UNSPEC);
		}
	}
	/* by the branch the answer does not get out (the rig stands in for that from here on) */
	for (int six = 0; six < 2; six++) {
		const struct pkt answer = { TCP(ends[six][0], 5000, ends[six][1], 22, "PA") };

		assert_string_equal(bg_reason_name(rig_judge(&rig, TC_EGRESS, BRANCH_A, frame,
							     pkt_build(&answer, frame), &trace)),
				    "no-rule");
	}
	rig_enter(&rig, VETH, BG_ROLE_POD_STRICT, BRANCH_A, 0);
	/* under "revalidate" there is no rule to put it to */
	rig_publish(&rig,
		    FEED(NODE_WITH("'EstablishedFlows': 'revalidate', 'Addresses': ['" NODE_ADDRESS
				   "'], 'ServiceCidrs': ['172.20.0.0/16']"),
			 ALL_RULES, ALL_BRANCHES));
	passes("revalidated", VETH,
	       &(const struct pkt){ TCP(NODE_ADDRESS, 22, POD_TWO, 5000, "A") }, BG_REASON_TRACKED);
}

int main(void)
{
	static const char *const programs[] = { "tc_pod_egress", "tc_pod_ingress", "tc_node_egress",
						"tc_branch_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_not_from_a_strict_pod, start),
		cmocka_unit_test_setup(both_sides_judge, start),
		cmocka_unit_test_setup(whose_source, start),
		cmocka_unit_test_setup(other_pods, start),
		cmocka_unit_test_setup(what_is_no_plain_packet, start),
		cmocka_unit_test_setup(itself, start),
	};
	int failed;

	rig_open_only(&rig, 0, programs);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
