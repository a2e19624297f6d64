// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The second line, behind what test_exits tries: a strict pod's packet, or one that bears its
 * address, at the primary interface by itself, and at the trunk. Nothing is attached.
 *
 * Tried at the primary interface: what came in by a strict veth, whatever its source is by
 * then, multicast, ARP and discovery with it; a pod's address from an interface that nobody
 * knows, with its branch there, gone, and not armed. At the trunk: a VLAN whose armed interface
 * is gone, tags of priority in front of it, one too many, none.
 */
#include <linux/pkt_cls.h>

#include "cni_node.h"
#include "feeds.h"
#include "test.h"

static const struct pkt to_stranger = { UDP(POD, 5000, STRANGER, 9) };
static const struct pkt to_stranger6 = { UDP(POD6, 5000, STRANGER6, 9) };
static const struct pkt to_node = { TCP(POD, 5000, "10.0.1.10", 22, "S") };
static const struct pkt later = { UDP(POD, 5000, STRANGER, 9), .offset_bytes = 1480, .bare = true,
				  .payload = 100 };

/* Whatever came in by a strict veth, also when no program has seen it there. */
static void not_by_the_primary(void **state)
{
	const struct cni_way way = { BG_TC_NODE_EGRESS, "eth0", cni_index(CNI_VETH),
				     CNI_TO_DEVICE };
	const struct cni_way others[] = {
		{ BG_TC_NODE_EGRESS, "eth0", CNI_ELSEWHERE, CNI_TO_DEVICE },
		{ BG_TC_NODE_EGRESS, "eth0", cni_index("eth0"), CNI_TO_DEVICE },
		{ BG_TC_NODE_EGRESS, "eth0", 0, CNI_TO_DEVICE }
	};
	const struct pkt packets[] = {
		to_stranger,
		to_stranger6,
		later,
		{ UDP("10.0.1.10", 5000, STRANGER, 9) }, /* source NAT */
		{ UDP(POD, 5353, "224.0.0.251", 5353) },
		{ UDP(POD6, 5353, "ff02::fb", 5353) },
		{ ICMP6(LINK_LOCAL, "ff02::1", 136, 0), .ttl = 255, .payload = 24 },
		{ .ethertype = 0x0806, .payload = 28 },
		{ .ethertype = 0x88cc, .payload = 28 },
	};
	const struct pkt tagged = { UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_A };

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		cni_expect("by eth0", &way, &packets[i], BG_REASON_OFF_BRANCH);
		for (size_t j = 0; j < 2; j++)
			cni_expect("somebody else's", &others[j], &packets[i], BG_REASON_NONE);
	}
	cni_expect("the node's own", &others[2], &to_stranger, BG_REASON_NONE);
	cni_expect("from the branch, where the trunk is the primary interface", &way, &tagged,
		   BG_REASON_NONE);
}

/* By which veth it came in nobody knows; but its address is a strict pod's, and that one's
 * branch is there. */
static void not_by_the_primary_as_a_strict_pod(void **state)
{
	const struct cni_way way = { BG_TC_NODE_EGRESS, "eth0", CNI_ELSEWHERE, CNI_TO_DEVICE };
	const struct cni_way others[] = {
		{ BG_TC_NODE_EGRESS, "eth0", 0, CNI_TO_DEVICE },
		{ BG_TC_NODE_EGRESS, "eth0", cni_index("eth0"), CNI_TO_DEVICE },
		{ BG_TC_NODE_EGRESS, "eth0", cni_index("vlan.eth.9"), CNI_TO_DEVICE }
	};
	const struct pkt of_pods[] = {
		to_stranger,
		to_stranger6,
		to_node,
		later,
		{ UDP(POD_TWO, 5000, STRANGER, 9) },
		{ UDP(POD, 5000, "224.0.0.251", 9) },
		{ UDP(POD, 5000, STRANGER, 9), .cut = 20 + 14 },
	};
	const struct pkt of_others[] = {
		{ UDP("10.0.1.10", 5000, STRANGER, 9) }, /* the node's, after source NAT */
		{ UDP(STRANGER, 9, POD, 5000) },
		{ UDP(STRANGER6, 9, POD6, 5000) },
		{ UDP("10.0.1.77", 5000, STRANGER, 9) },
		{ UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_A },
		{ .ethertype = 0x0806, .payload = 28 },
	};

	(void)state;
	cni_arm(BRANCH_A, cni_index("vlan.eth.9"));
	for (size_t i = 0; i < sizeof(of_pods) / sizeof(of_pods[0]); i++)
		cni_expect("as a pod", &way, &of_pods[i], BG_REASON_OFF_BRANCH);
	for (size_t i = 0; i < sizeof(of_others) / sizeof(of_others[0]); i++)
		cni_expect("as another", &way, &of_others[i], BG_REASON_NONE);
	/* the node's own, and what it routes */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		cni_expect("not from a veth", &others[i], &to_stranger, BG_REASON_NONE);
		cni_expect("not from a veth", &others[i], &to_stranger6, BG_REASON_NONE);
	}
	/* the feed may be late: who has the address now is not known */
	cni_shell("ip link del vlan.eth.9");
	cni_expect("the branch is gone", &way, &to_stranger, BG_REASON_NONE);
	cni_arm(BRANCH_A, 0);
	cni_expect("not armed", &way, &to_stranger6, BG_REASON_NONE);
}

/* Both directions; what comes in is not counted by cni_expect(). */
static void expect_trunk(const char *says, const struct pkt *pkt, enum bg_reason reason)
{
	const struct cni_way out = { BG_TC_TRUNK_EGRESS, "eth1", cni_index("vlan.eth.9"),
				     CNI_TO_DEVICE };
	const struct cni_way in = { BG_TC_TRUNK_INGRESS, "eth1", cni_index("eth1"), CNI_TO_DEVICE };
	bool passes;

	cni_expect(says, &out, pkt, reason);
	if (cni_ask(&in, pkt, &passes) != reason || passes == !bg_reason_passes(reason))
		fail_msg("%s: the same coming in", says);
}

static void the_trunk(void **state)
{
	const struct cni_way untagged = { BG_TC_TRUNK_EGRESS, "eth1", cni_index(CNI_VETH),
					  CNI_TO_DEVICE };
	const struct pkt armed = { UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_A };
	const struct pkt armed6 = { UDP(POD6, 5000, STRANGER6, 9), .vlan = BRANCH_A };
	const struct pkt not_armed = { UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_B };
	const struct pkt priority = { UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_B,
				      .outer_vlan = 0x6000 };
	const struct pkt priority_armed = { UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_A,
					    .outer_vlan = 0x6000 };
	const struct pkt three = {
		.ethertype = 0x8100, .vlan = 0x6000, .outer_vlan = 0x6000, .payload = 60
	};
	const struct pkt none = { UDP(POD, 5000, STRANGER, 9), .vlan = 0x6000 };

	(void)state;
	cni_arm(BRANCH_A, cni_index("vlan.eth.9"));
	cni_arm(BRANCH_B, 0);
	expect_trunk("armed", &armed, BG_REASON_NONE);
	expect_trunk("armed, IPv6", &armed6, BG_REASON_NONE);
	expect_trunk("not armed", &not_armed, BG_REASON_NOT_ARMED);
	expect_trunk("not armed, behind a priority tag", &priority, BG_REASON_NOT_ARMED);
	expect_trunk("armed, behind a priority tag", &priority_armed, BG_REASON_NONE);
	expect_trunk("one tag too many", &three, BG_REASON_NOT_ARMED);
	expect_trunk("a priority tag alone: the host's own", &none, BG_REASON_NONE);
	cni_expect("without a tag, from a strict pod", &untagged, &to_stranger,
		   BG_REASON_OFF_BRANCH);
	cni_expect("without a tag, from a strict pod", &untagged, &to_stranger6,
		   BG_REASON_OFF_BRANCH);
	cni_expect("without a tag, from a strict pod", &untagged, &none, BG_REASON_OFF_BRANCH);

	/* the CNI makes it anew, and no daemon lives */
	cni_shell("ip link del vlan.eth.9 && ip link add vlan.eth.9 type veth peer name far9");
	expect_trunk("armed was another interface", &armed, BG_REASON_NOT_ARMED);
	expect_trunk("armed was another interface, IPv6", &armed6, BG_REASON_NOT_ARMED);
	cni_arm(BRANCH_A, cni_index("vlan.eth.9"));
	expect_trunk("armed again", &armed, BG_REASON_NONE);
}

int main(void)
{
	static const char *const programs[] = { "tc_node_egress", "tc_trunk_guard", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(not_by_the_primary, cni_start),
		cmocka_unit_test_setup(not_by_the_primary_as_a_strict_pod, cni_start),
		cmocka_unit_test_setup(the_trunk, cni_start),
	};

	if (cni_make())
		return 1;
	return RIG_RUN(&cni_rig, 0, programs, tests);
}
