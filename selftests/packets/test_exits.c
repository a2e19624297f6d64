// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a strict pod sends leaves by its branch or not at all: at its veth, by the routes of
 * a real node (a network namespace). Nothing is attached. The exits behind: test_primary_exit.
 *
 * Tried: each way in which the CNI's routes can be missing (deleted, the branch down, the
 * branch gone, a table that leads elsewhere), in both families and with IPv6 forwarding of
 * the veth off, as the CNI writes it; what stays on a link (link-local, multicast, broadcast,
 * for another MAC), with what a pod's own discovery needs beside it; sources of a sibling,
 * of another branch, of nobody; what cannot be parsed; tags of its own.
 */
#include <linux/pkt_cls.h>

#include "cni_node.h"
#include "feeds.h"
#include "test.h"

static const struct pkt to_stranger = { UDP(POD, 5000, STRANGER, 9) };
static const struct pkt to_stranger6 = { UDP(POD6, 5000, STRANGER6, 9) };
static const struct pkt to_node = { TCP(POD, 5000, "10.0.1.10", 22, "S") };
static const struct pkt to_service = { TCP(POD, 5000, "172.20.0.1", 443, "S") };
static const struct pkt later = { UDP(POD, 5000, STRANGER, 9), .offset_bytes = 1480, .bare = true,
				  .payload = 100 };
static const struct pkt *const all[] = { &to_stranger, &to_node, &to_service, &later };

static void expect_both(const char *says, enum bg_reason reason)
{
	const struct cni_way veth = cni_at_veth();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		cni_expect(says, &veth, all[i], reason);
	cni_expect(says, &veth, &to_stranger6, reason);
}

static void only_by_the_branch(void **state)
{
	(void)state;
	expect_both("with its routes", BG_REASON_NONE);
	cni_shell("ip route del default table 109; ip -6 route del default table 109");
	expect_both("without", BG_REASON_OFF_BRANCH);
	cni_shell("ip route add default via 10.0.1.1 dev eth0 table 109;"
		  "ip -6 route add default via fe80::7 dev eth0 table 109");
	expect_both("by the primary interface", BG_REASON_OFF_BRANCH);
	cni_shell("ip route replace default via 10.0.1.1 dev eth1 onlink table 109;"
		  "ip -6 route replace default via fe80::7 dev eth1 table 109");
	expect_both("by the trunk", BG_REASON_OFF_BRANCH);
}

static void branch_down(void **state)
{
	(void)state;
	cni_shell("ip link set vlan.eth.9 down");
	expect_both("down", BG_REASON_OFF_BRANCH);
	cni_shell("ip link set vlan.eth.9 up");
	expect_both("and up again, its routes gone", BG_REASON_OFF_BRANCH);
}

static void branch_gone(void **state)
{
	(void)state;
	cni_shell("ip link del vlan.eth.9");
	expect_both("gone", BG_REASON_OFF_BRANCH);
	cni_shell("ip link add vlan.eth.9 type veth peer name far9 && ip link set vlan.eth.9 up &&"
		  "ip link set far9 up &&"
		  "ip route add default via 10.0.32.1 dev vlan.eth.9 onlink table 109 &&"
		  "ip route add default via fe80::1 dev vlan.eth.9 onlink table 109");
	expect_both("another, which is not armed", BG_REASON_OFF_BRANCH);
}

/* As the CNI writes it for IPv6: nothing but the branch's table can tell. */
static void forwarding_of_the_veth_is_off(void **state)
{
	const struct cni_way veth = cni_at_veth();
	/* the short way leaves it to the stack */
	const struct pkt last_hop = { UDP(POD6, 5000, STRANGER6, 9), .ttl = 1 };

	(void)state;
	cni_set_route(true);
	cni_shell("echo 0 >/proc/sys/net/ipv6/conf/" CNI_VETH "/forwarding");
	cni_expect("with its route", &veth, &last_hop, BG_REASON_NONE);
	cni_shell("ip link del vlan.eth.9");
	cni_expect("gone, and the loader does not know yet", &veth, &last_hop,
		   BG_REASON_OFF_BRANCH);
	cni_set_route(false);
	cni_expect("gone, and it knows", &veth, &last_hop, BG_REASON_OFF_BRANCH);
}

static void what_stays_on_the_link(void **state)
{
	const struct cni_way veth = cni_at_veth(), for_another = { .program = BG_TC_POD_EGRESS,
								   .interface = CNI_VETH,
								   .came_by = cni_index(CNI_VETH),
								   .receiver = CNI_TO_ANOTHER };
	const struct pkt drops[] = {
		{ TCP(LINK_LOCAL, 5000, HOST_END, 22, "S") },
		{ TCP(POD6, 5000, HOST_END, 22, "S") },
		{ UDP(LINK_LOCAL, 5000, "ff02::1", 9) },
		{ UDP(LINK_LOCAL, 5353, "ff02::fb", 5353) },
		{ UDP(POD6, 5000, "ff0e::1", 9) },
		{ PING6(POD6, HOST_END, 1) },
		{ UDP(POD, 5353, "224.0.0.251", 5353) },
		{ UDP(POD, 5000, "239.1.1.1", 9) },
		{ UDP("0.0.0.0", 68, "255.255.255.255", 67) },
		{ OTHER(POD, "224.0.0.22", 2) },
		{ ICMP6(LINK_LOCAL, "ff02::1", 134, 0), .ttl = 255, .payload = 56 },
		{ ICMP6(LINK_LOCAL, HOST_END, 137, 0), .ttl = 255, .payload = 32 },
		{ ICMP6(LINK_LOCAL, HOST_END, 135, 0), .ttl = 254, .payload = 24 },
		{ ICMP6(LINK_LOCAL, "ff02::1:ff00:1", 135, 0), .ttl = 255, .payload = 1000 },
		{ ICMP6(NEIGHBOUR6, HOST_END, 135, 0), .ttl = 255, .payload = 24 },
		{ ICMP6(STRANGER6, "ff02::1", 136, 0), .ttl = 255, .payload = 24 },
	};
	const struct pkt passes[] = {
		{ ICMP6(LINK_LOCAL, "ff02::1:ff00:1", 135, 0), .ttl = 255, .payload = 24 },
		{ ICMP6("::", "ff02::1:ff00:90", 135, 0), .ttl = 255, .payload = 16 },
		{ ICMP6(POD6, HOST_END, 135, 0), .ttl = 255, .payload = 24 },
		{ ICMP6(POD6, HOST_END, 136, 0), .ttl = 255, .payload = 24 },
		{ ICMP6(LINK_LOCAL, "ff02::2", 133, 0), .ttl = 255, .payload = 8 },
		{ ICMP6(LINK_LOCAL, "ff02::16", 143, 0), .ttl = 1, .chain = "H", .payload = 20 },
		{ .ethertype = 0x0806, .payload = 28 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(drops) / sizeof(drops[0]); i++)
		cni_expect("on the link", &veth, &drops[i], BG_REASON_ON_LINK);
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++)
		cni_expect("discovery", &veth, &passes[i], BG_REASON_NONE);
	cni_expect("for another MAC", &for_another, &to_stranger, BG_REASON_ON_LINK);
	cni_expect("for another MAC", &for_another, &to_stranger6, BG_REASON_ON_LINK);
	cni_expect("discovery for another MAC", &for_another, &passes[0], BG_REASON_NONE);
}

static void whose_source(void **state)
{
	const struct cni_way veth = cni_at_veth();
	const char *const others[][2] = { { POD_TWO, STRANGER },     { NEIGHBOUR, STRANGER },
					  { "10.0.1.10", STRANGER }, { "198.51.100.9", STRANGER },
					  { POD_TWO6, STRANGER6 },   { NEIGHBOUR6, STRANGER6 },
					  { LINK_LOCAL, STRANGER6 }, { "172.20.0.1", POD_TWO } };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct pkt pkt = { UDP(others[i][0], 5000, others[i][1], 9) };

		cni_expect("another's source", &veth, &pkt, BG_REASON_SPOOFED);
	}
	/* one that `pods` has no room for is the branch's, as before */
	cni_set_pod(POD, 0);
	cni_expect("of the branch", &veth, &to_stranger, BG_REASON_NONE);
}

/* It may leave by the primary interface, where each address of the node's is right. */
static void whose_source_of_a_standard_pod(void **state)
{
	const struct cni_way veth = cni_at_veth();
	const char *const others[][2] = { { NEIGHBOUR, CLIENT },   { POD, CLIENT },
					  { "10.0.1.10", CLIENT }, { "198.51.100.9", CLIENT },
					  { NEIGHBOUR, STRANGER }, { "198.51.100.9", STRANGER },
					  { STANDARD, CLIENT },	   { NEIGHBOUR6, CLIENT6 },
					  { POD6, STRANGER6 },	   { STRANGER6, CLIENT6 },
					  { LINK_LOCAL, CLIENT6 }, { STANDARD6, CLIENT6 } };

	(void)state;
	cni_enter(CNI_VETH, BG_ROLE_POD_STANDARD, BRANCH_C);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const bool own = !strncmp(others[i][0], STANDARD, strlen(STANDARD)) ||
				 !strcmp(others[i][0], STANDARD6);
		const struct pkt pkt = { UDP(others[i][0], 5000, others[i][1], 9) };
		const struct pkt fragment = { UDP(others[i][0], 5000, others[i][1], 9),
					      .offset_bytes = 1480, .bare = true, .payload = 100 };

		cni_expect("source", &veth, &pkt, own ? BG_REASON_NONE : BG_REASON_SPOOFED);
		cni_expect("source", &veth, &fragment, own ? BG_REASON_NONE : BG_REASON_SPOOFED);
	}
	/* a second pod of the branch, behind another veth */
	cni_set_pod(STANDARD, CNI_ELSEWHERE);
	cni_expect("a sibling's", &veth, &(const struct pkt){ UDP(STANDARD, 5000, CLIENT, 9) },
		   BG_REASON_SPOOFED);
	cni_set_pod(STANDARD, 0);
}

static void what_cannot_be_parsed(void **state)
{
	const struct cni_way veth = cni_at_veth();
	const struct pkt malformed = { UDP(POD, 5000, STRANGER, 9), .ihl = 4 };
	const struct pkt not_ip = { .ethertype = 0x88cc, .payload = 28 };
	const struct pkt routing = { UDP(POD6, 5000, STRANGER6, 9), .chain = "r" };

	(void)state;
	cni_expect("lengths", &veth, &malformed, BG_REASON_MALFORMED);
	cni_expect("LLDP", &veth, &not_ip, BG_REASON_NOT_IP);
	cni_expect("a routing header", &veth, &routing, BG_REASON_EXTENSION);
}

/* At the veth of a standard pod as well. */
static void a_tag_of_the_pods_own(void **state)
{
	const struct cni_way veth = cni_at_veth();
	const struct pkt packets[] = {
		{ UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_B },
		{ UDP(POD6, 5000, STRANGER6, 9), .vlan = BRANCH_A },
		{ UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_B, .outer_vlan = 0x6000 },
		{ .ethertype = 0x8100, .vlan = 0x6000, .outer_vlan = 0x6000, .payload = 60 },
		{ .ethertype = 0x0806, .vlan = BRANCH_B, .payload = 28 },
	};
	const struct pkt priority = { UDP(POD, 5000, STRANGER, 9), .vlan = 0x6000 };

	(void)state;
	cni_set_route(true);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		cni_expect("tagged", &veth, &packets[i], BG_REASON_TAGGED);
	cni_expect("a priority is for the stack to take off", &veth, &priority, BG_REASON_NONE);
	cni_enter(CNI_VETH, BG_ROLE_POD_STANDARD, BRANCH_C);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		cni_expect("tagged, of a standard pod", &veth, &packets[i], BG_REASON_TAGGED);
}

int main(void)
{
	static const char *const programs[] = { "tc_pod_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_by_the_branch, cni_start),
		cmocka_unit_test_setup(branch_down, cni_start),
		cmocka_unit_test_setup(branch_gone, cni_start),
		cmocka_unit_test_setup(forwarding_of_the_veth_is_off, cni_start),
		cmocka_unit_test_setup(what_stays_on_the_link, cni_start),
		cmocka_unit_test_setup(whose_source, cni_start),
		cmocka_unit_test_setup(whose_source_of_a_standard_pod, cni_start),
		cmocka_unit_test_setup(what_cannot_be_parsed, cni_start),
		cmocka_unit_test_setup(a_tag_of_the_pods_own, cni_start),
	};

	if (cni_make())
		return 1;
	return RIG_RUN(&cni_rig, 0, programs, tests);
}
