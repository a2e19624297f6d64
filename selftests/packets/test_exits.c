// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a strict pod sends leaves by its branch or not at all: at its veth, by the routes of
 * a real node (a network namespace), and at the exits. Nothing is attached.
 *
 * Tried: each way in which the CNI's routes can be missing (deleted, the branch down, the
 * branch gone, a table that leads elsewhere), in both families and with IPv6 forwarding of
 * the veth off, as the CNI writes it; what stays on a link (link-local, multicast, broadcast,
 * for another MAC), with what a pod's own discovery needs beside it; sources of a sibling,
 * of another branch, of nobody; what cannot be parsed; and the primary interface by itself,
 * where all of these, ARP and discovery must not leave. At the trunk: a VLAN whose armed
 * interface is gone, tags of priority in front of it, one too many, none. And what the short
 * way writes in a packet, whatever its checksum was.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

#define LINK_LOCAL "fe80::90"
#define HOST_END "fe80::1"
#define VETH "vlan18582a65b10" /* the host end of the pod's */
/* Some other interface */
#define ELSEWHERE 4000

/* As the CNI makes them, with veth pairs for branches: not every kernel has 8021q. */
#define NODE                                                                                       \
	"ip -batch - <<'END'\n"                                                                    \
	"link set lo up\n"                                                                         \
	"link add eth0 type veth peer name far0\n"                                                 \
	"link add eth1 type veth peer name far1\n"                                                 \
	"link add " VETH " type veth peer name pod9\n"                                             \
	"link set far0 up\nlink set far1 up\nlink set pod9 up\n"                                   \
	"link set eth0 up\nlink set eth1 up\nlink set " VETH " up\n"                               \
	"addr add 10.0.1.10/24 dev eth0\n"                                                         \
	"route add default via 10.0.1.1 dev eth0\n"                                                \
	"rule add prio 10 iif " VETH " lookup 109\n"                                               \
	"rule add prio 20 lookup local\nrule del prio 0\n"                                         \
	"END\n"                                                                                    \
	"ip -6 rule add prio 10 iif " VETH " lookup 109; ip -6 rule add prio 20 lookup local;"     \
	"ip -6 rule del prio 0;"                                                                   \
	"echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"

static struct rig rig;

enum receiver { TO_DEVICE, TO_ANOTHER, TO_ALL };

struct way {
	enum bg_program program;
	const char *interface;
	__u32 came_by; /* ifindex, 0: made by the node */
	enum receiver receiver;
};

static __u32 index_of(const char *interface)
{
	return if_nametoindex(interface);
}

static void mac_of(const char *interface, __u8 mac[6])
{
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	close(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
}

/* The reason, NONE = no verdict; and whether the program let it go on. */
static enum bg_reason ask(const struct way *way, const struct pkt *pkt, bool *passes)
{
	struct __sk_buff context = { .ifindex = index_of(way->interface),
				     .ingress_ifindex = way->came_by };
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(pkt, frame);
	enum bg_reason reason;
	int action;

	if (way->receiver == TO_DEVICE)
		mac_of(way->interface, frame);
	else
		memset(frame, way->receiver == TO_ALL ? 0xff : 0x02, 6);
	reason = rig_through(&rig, way->program, &context, frame, bytes, &action);
	*passes = action == TC_ACT_UNSPEC;
	return reason;
}

static void expect(const char *says, const struct way *way, const struct pkt *pkt,
		   enum bg_reason reason)
{
	const bool drops = !bg_reason_passes(reason);
	const __u64 before = drops ? rig_count(&rig, BG_EGRESS, reason) : 0;
	bool passes;
	enum bg_reason is = ask(way, pkt, &passes);

	if (is != reason || passes == drops)
		fail_msg("%s: %s to %s is %s and %s, expected %s", says, pkt->from, pkt->to,
			 bg_reason_name(is), passes ? "passes" : "does not pass",
			 bg_reason_name(reason));
	if (drops && rig_count(&rig, BG_EGRESS, reason) != before + 1)
		fail_msg("%s: not counted once", says);
}

static struct way at_veth(void)
{
	return (struct way){ BG_TC_POD_EGRESS, VETH, index_of(VETH), TO_DEVICE };
}

static void enter_shared(const char *interface, enum bg_role role, __u32 vlan, bool shared)
{
	rig_enter(&rig, index_of(interface), role, vlan, shared ? BG_IFACE_SHARED : 0);
}

static void enter(const char *interface, enum bg_role role, __u32 vlan)
{
	enter_shared(interface, role, vlan, false);
}

static void shell(const char *commands)
{
	if (system(commands)) /* NOLINT(cert-env33-c) */
		fail_msg("%s", commands);
}

static void set_pod(const char *address, __u32 ifindex)
{
	rig_set_pod(&rig, address, BRANCH_A, ifindex);
}

/* The loader's words for the branch's routes, or none. */
static void set_route(bool known)
{
	const struct bg_route route = { .ifindex = index_of("vlan.eth.9"),
					.gateway4 = maker_addr("10.0.32.1"),
					.gateway6 = maker_addr("fe80::1") },
			      none = {};
	__u32 vlan = BRANCH_A;
	struct bg_error err;

	assert_int_equal(bg_map_set(rig.datapath->skel->maps.fast_routes, &vlan,
				    known ? &route : &none, &err),
			 0);
}

/* Each test begins with all routes there, which the one before may have taken. */
static int start(void **state)
{
	struct bg_host host = { .primary_ifindex = index_of("eth0") };
	struct bg_error err;
	__u32 zero = 0;

	(void)state;
	rig_publish(&rig, USUAL_FEED);
	rig_clear(&rig);
	shell("ip link show vlan.eth.9 >/dev/null 2>&1 ||"
	      " ip link add vlan.eth.9 type veth peer name far9");
	shell("ip link set far9 up; ip link set vlan.eth.9 up;"
	      "echo 1 >/proc/sys/net/ipv6/conf/" VETH "/forwarding;"
	      "for family in -4 -6; do ip $family route flush table 109 2>/dev/null; done;"
	      "ip route add default via 10.0.32.1 dev vlan.eth.9 onlink table 109 &&"
	      "ip route add default via fe80::1 dev vlan.eth.9 onlink table 109 &&"
	      "ip route replace default via 2001:db8:1::1 dev eth0 onlink");
	assert_int_equal(bg_map_set(rig.datapath->skel->maps.node, &zero, &host, &err), 0);
	enter(VETH, BG_ROLE_POD_STRICT, BRANCH_A);
	enter("vlan.eth.9", BG_ROLE_BRANCH, BRANCH_A);
	enter("eth0", BG_ROLE_PRIMARY, 0);
	enter("eth1", BG_ROLE_TRUNK, 0);
	set_pod(POD, index_of(VETH));
	set_pod(POD6, index_of(VETH));
	set_pod(POD_TWO, ELSEWHERE);
	set_pod(POD_TWO6, ELSEWHERE);
	set_route(false);
	return 0;
}

static const struct pkt to_stranger = { UDP(POD, 5000, STRANGER, 9) };
static const struct pkt to_stranger6 = { UDP(POD6, 5000, STRANGER6, 9) };
static const struct pkt to_node = { TCP(POD, 5000, "10.0.1.10", 22, "S") };
static const struct pkt to_service = { TCP(POD, 5000, "172.20.0.1", 443, "S") };
static const struct pkt later = { UDP(POD, 5000, STRANGER, 9), .offset_bytes = 1480, .bare = true,
				  .payload = 100 };
static const struct pkt *const all[] = { &to_stranger, &to_node, &to_service, &later };

static void expect_both(const char *says, enum bg_reason reason)
{
	const struct way veth = at_veth();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		expect(says, &veth, all[i], reason);
	expect(says, &veth, &to_stranger6, reason);
}

static void only_by_the_branch(void **state)
{
	(void)state;
	expect_both("with its routes", BG_REASON_NONE);
	shell("ip route del default table 109; ip -6 route del default table 109");
	expect_both("without", BG_REASON_OFF_BRANCH);
	shell("ip route add default via 10.0.1.1 dev eth0 table 109;"
	      "ip -6 route add default via fe80::7 dev eth0 table 109");
	expect_both("by the primary interface", BG_REASON_OFF_BRANCH);
	shell("ip route replace default via 10.0.1.1 dev eth1 onlink table 109;"
	      "ip -6 route replace default via fe80::7 dev eth1 table 109");
	expect_both("by the trunk", BG_REASON_OFF_BRANCH);
}

static void branch_down(void **state)
{
	(void)state;
	shell("ip link set vlan.eth.9 down");
	expect_both("down", BG_REASON_OFF_BRANCH);
	shell("ip link set vlan.eth.9 up");
	expect_both("and up again, its routes gone", BG_REASON_OFF_BRANCH);
}

static void branch_gone(void **state)
{
	(void)state;
	shell("ip link del vlan.eth.9");
	expect_both("gone", BG_REASON_OFF_BRANCH);
	shell("ip link add vlan.eth.9 type veth peer name far9 && ip link set vlan.eth.9 up &&"
	      "ip link set far9 up &&"
	      "ip route add default via 10.0.32.1 dev vlan.eth.9 onlink table 109 &&"
	      "ip route add default via fe80::1 dev vlan.eth.9 onlink table 109");
	expect_both("another, which is not armed", BG_REASON_OFF_BRANCH);
}

/* As the CNI writes it for IPv6: nothing but the branch's table can tell. */
static void forwarding_of_the_veth_is_off(void **state)
{
	const struct way veth = at_veth();
	/* the short way leaves it to the stack */
	const struct pkt last_hop = { UDP(POD6, 5000, STRANGER6, 9), .ttl = 1 };

	(void)state;
	set_route(true);
	shell("echo 0 >/proc/sys/net/ipv6/conf/" VETH "/forwarding");
	expect("with its route", &veth, &last_hop, BG_REASON_NONE);
	shell("ip link del vlan.eth.9");
	expect("gone, and the loader does not know yet", &veth, &last_hop, BG_REASON_OFF_BRANCH);
	set_route(false);
	expect("gone, and it knows", &veth, &last_hop, BG_REASON_OFF_BRANCH);
}

static void what_stays_on_the_link(void **state)
{
	const struct way veth = at_veth(), for_another = { .program = BG_TC_POD_EGRESS,
							   .interface = VETH,
							   .came_by = index_of(VETH),
							   .receiver = TO_ANOTHER };
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
		expect("on the link", &veth, &drops[i], BG_REASON_ON_LINK);
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++)
		expect("discovery", &veth, &passes[i], BG_REASON_NONE);
	expect("for another MAC", &for_another, &to_stranger, BG_REASON_ON_LINK);
	expect("for another MAC", &for_another, &to_stranger6, BG_REASON_ON_LINK);
	expect("discovery for another MAC", &for_another, &passes[0], BG_REASON_NONE);
}

static void whose_source(void **state)
{
	const struct way veth = at_veth();
	const char *const others[][2] = { { POD_TWO, STRANGER },     { NEIGHBOUR, STRANGER },
					  { "10.0.1.10", STRANGER }, { "198.51.100.9", STRANGER },
					  { POD_TWO6, STRANGER6 },   { NEIGHBOUR6, STRANGER6 },
					  { LINK_LOCAL, STRANGER6 }, { "172.20.0.1", POD_TWO } };

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const struct pkt pkt = { UDP(others[i][0], 5000, others[i][1], 9) };

		expect("another's source", &veth, &pkt, BG_REASON_SPOOFED);
	}
	/* one that `pods` has no room for is the branch's, as before */
	set_pod(POD, 0);
	expect("of the branch", &veth, &to_stranger, BG_REASON_NONE);
}

/* It may leave by the primary interface, where each address of the node's is right. */
static void whose_source_of_a_standard_pod(void **state)
{
	const struct way veth = at_veth();
	const char *const others[][2] = { { NEIGHBOUR, CLIENT },   { POD, CLIENT },
					  { "10.0.1.10", CLIENT }, { "198.51.100.9", CLIENT },
					  { NEIGHBOUR, STRANGER }, { "198.51.100.9", STRANGER },
					  { STANDARD, CLIENT },	   { NEIGHBOUR6, CLIENT6 },
					  { POD6, STRANGER6 },	   { STRANGER6, CLIENT6 },
					  { LINK_LOCAL, CLIENT6 }, { STANDARD6, CLIENT6 } };

	(void)state;
	enter(VETH, BG_ROLE_POD_STANDARD, BRANCH_C);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		const bool own = !strncmp(others[i][0], STANDARD, strlen(STANDARD)) ||
				 !strcmp(others[i][0], STANDARD6);
		const struct pkt pkt = { UDP(others[i][0], 5000, others[i][1], 9) };
		const struct pkt fragment = { UDP(others[i][0], 5000, others[i][1], 9),
					      .offset_bytes = 1480, .bare = true, .payload = 100 };

		expect("source", &veth, &pkt, own ? BG_REASON_NONE : BG_REASON_SPOOFED);
		expect("source", &veth, &fragment, own ? BG_REASON_NONE : BG_REASON_SPOOFED);
	}
	/* a second pod of the branch, behind another veth */
	set_pod(STANDARD, ELSEWHERE);
	expect("a sibling's", &veth, &(const struct pkt){ UDP(STANDARD, 5000, CLIENT, 9) },
	       BG_REASON_SPOOFED);
	set_pod(STANDARD, 0);
}

static void what_cannot_be_parsed(void **state)
{
	const struct way veth = at_veth();
	const struct pkt malformed = { UDP(POD, 5000, STRANGER, 9), .ihl = 4 };
	const struct pkt not_ip = { .ethertype = 0x88cc, .payload = 28 };
	const struct pkt routing = { UDP(POD6, 5000, STRANGER6, 9), .chain = "r" };

	(void)state;
	expect("lengths", &veth, &malformed, BG_REASON_MALFORMED);
	expect("LLDP", &veth, &not_ip, BG_REASON_NOT_IP);
	expect("a routing header", &veth, &routing, BG_REASON_EXTENSION);
}

/* Whatever came in by a strict veth, also when no program has seen it there. */
static void not_by_the_primary(void **state)
{
	const struct way way = { BG_TC_NODE_EGRESS, "eth0", index_of(VETH), TO_DEVICE };
	const struct way others[] = { { BG_TC_NODE_EGRESS, "eth0", ELSEWHERE, TO_DEVICE },
				      { BG_TC_NODE_EGRESS, "eth0", index_of("eth0"), TO_DEVICE },
				      { BG_TC_NODE_EGRESS, "eth0", 0, TO_DEVICE } };
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
		expect("by eth0", &way, &packets[i], BG_REASON_OFF_BRANCH);
		for (size_t j = 0; j < 2; j++)
			expect("somebody else's", &others[j], &packets[i], BG_REASON_NONE);
	}
	expect("the node's own", &others[2], &to_stranger, BG_REASON_NONE);
	expect("from the branch, where the trunk is the primary interface", &way, &tagged,
	       BG_REASON_NONE);
}

static void arm(__u32 vlan, __u32 ifindex)
{
	struct bg_error err;

	assert_int_equal(bg_vlan_set(rig.datapath, vlan, ifindex, &err), 0);
}

/* By which veth it came in nobody knows; but its address is a strict pod's, and that one's
 * branch is there. */
static void not_by_the_primary_as_a_strict_pod(void **state)
{
	const struct way way = { BG_TC_NODE_EGRESS, "eth0", ELSEWHERE, TO_DEVICE };
	const struct way others[] = { { BG_TC_NODE_EGRESS, "eth0", 0, TO_DEVICE },
				      { BG_TC_NODE_EGRESS, "eth0", index_of("eth0"), TO_DEVICE },
				      { BG_TC_NODE_EGRESS, "eth0", index_of("vlan.eth.9"),
					TO_DEVICE } };
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
	arm(BRANCH_A, index_of("vlan.eth.9"));
	for (size_t i = 0; i < sizeof(of_pods) / sizeof(of_pods[0]); i++)
		expect("as a pod", &way, &of_pods[i], BG_REASON_OFF_BRANCH);
	for (size_t i = 0; i < sizeof(of_others) / sizeof(of_others[0]); i++)
		expect("as another", &way, &of_others[i], BG_REASON_NONE);
	/* the node's own, and what it routes */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		expect("not from a veth", &others[i], &to_stranger, BG_REASON_NONE);
		expect("not from a veth", &others[i], &to_stranger6, BG_REASON_NONE);
	}
	/* the feed may be late: who has the address now is not known */
	shell("ip link del vlan.eth.9");
	expect("the branch is gone", &way, &to_stranger, BG_REASON_NONE);
	arm(BRANCH_A, 0);
	expect("not armed", &way, &to_stranger6, BG_REASON_NONE);
}

/* Both directions; what comes in is not counted by expect(). */
static void expect_trunk(const char *says, const struct pkt *pkt, enum bg_reason reason)
{
	const struct way out = { BG_TC_TRUNK_EGRESS, "eth1", index_of("vlan.eth.9"), TO_DEVICE };
	const struct way in = { BG_TC_TRUNK_INGRESS, "eth1", index_of("eth1"), TO_DEVICE };
	bool passes;

	expect(says, &out, pkt, reason);
	if (ask(&in, pkt, &passes) != reason || passes == !bg_reason_passes(reason))
		fail_msg("%s: the same coming in", says);
}

static void the_trunk(void **state)
{
	const struct way untagged = { BG_TC_TRUNK_EGRESS, "eth1", index_of(VETH), TO_DEVICE };
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
	arm(BRANCH_A, index_of("vlan.eth.9"));
	arm(BRANCH_B, 0);
	expect_trunk("armed", &armed, BG_REASON_NONE);
	expect_trunk("armed, IPv6", &armed6, BG_REASON_NONE);
	expect_trunk("not armed", &not_armed, BG_REASON_NOT_ARMED);
	expect_trunk("not armed, behind a priority tag", &priority, BG_REASON_NOT_ARMED);
	expect_trunk("armed, behind a priority tag", &priority_armed, BG_REASON_NONE);
	expect_trunk("one tag too many", &three, BG_REASON_NOT_ARMED);
	expect_trunk("a priority tag alone: the host's own", &none, BG_REASON_NONE);
	expect("without a tag, from a strict pod", &untagged, &to_stranger, BG_REASON_OFF_BRANCH);
	expect("without a tag, from a strict pod", &untagged, &to_stranger6, BG_REASON_OFF_BRANCH);
	expect("without a tag, from a strict pod", &untagged, &none, BG_REASON_OFF_BRANCH);

	/* the CNI makes it anew, and no daemon lives */
	shell("ip link del vlan.eth.9 && ip link add vlan.eth.9 type veth peer name far9");
	expect_trunk("armed was another interface", &armed, BG_REASON_NOT_ARMED);
	expect_trunk("armed was another interface, IPv6", &armed6, BG_REASON_NOT_ARMED);
	arm(BRANCH_A, index_of("vlan.eth.9"));
	expect_trunk("armed again", &armed, BG_REASON_NONE);
}

/* At the veth of a standard pod as well. */
static void a_tag_of_the_pods_own(void **state)
{
	const struct way veth = at_veth();
	const struct pkt packets[] = {
		{ UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_B },
		{ UDP(POD6, 5000, STRANGER6, 9), .vlan = BRANCH_A },
		{ UDP(POD, 5000, STRANGER, 9), .vlan = BRANCH_B, .outer_vlan = 0x6000 },
		{ .ethertype = 0x8100, .vlan = 0x6000, .outer_vlan = 0x6000, .payload = 60 },
		{ .ethertype = 0x0806, .vlan = BRANCH_B, .payload = 28 },
	};
	const struct pkt priority = { UDP(POD, 5000, STRANGER, 9), .vlan = 0x6000 };

	(void)state;
	set_route(true);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		expect("tagged", &veth, &packets[i], BG_REASON_TAGGED);
	expect("a priority is for the stack to take off", &veth, &priority, BG_REASON_NONE);
	enter(VETH, BG_ROLE_POD_STANDARD, BRANCH_C);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++)
		expect("tagged, of a standard pod", &veth, &packets[i], BG_REASON_TAGGED);
}

/* What comes in for another MAC is judged, and left to the stack, which drops it. */
static void for_another_mac(void **state)
{
	const struct pkt packets[] = { { TCP(CLIENT, 40000, POD, 443, "S") },
				       { TCP(CLIENT6, 40000, POD6, 443, "S") } };
	const struct way in = { BG_TC_BRANCH_INGRESS, "vlan.eth.9", index_of("vlan.eth.9"),
				TO_DEVICE };
	struct way for_another = in, for_all = in;
	bool left_to_stack;

	(void)state;
	for_another.receiver = TO_ANOTHER;
	for_all.receiver = TO_ALL;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ask(&for_another, &packets[i], &left_to_stack), BG_REASON_RULE);
		assert_true(left_to_stack);
		assert_int_equal(ask(&for_all, &packets[i], &left_to_stack), BG_REASON_TRACKED);
		assert_true(left_to_stack);
		assert_int_equal(ask(&in, &packets[i], &left_to_stack), BG_REASON_TRACKED);
		assert_false(left_to_stack);
	}
}

/* The image has the pod at this branch, `pods` still at another. */
static void not_by_the_branch_before(void **state)
{
	const struct way in = { BG_TC_BRANCH_INGRESS, "vlan.eth.9", index_of("vlan.eth.9"),
				TO_DEVICE };
	const struct pkt packets[] = { { TCP(CLIENT, 40000, POD, 443, "S") },
				       { TCP(CLIENT6, 40000, POD6, 443, "S") } };
	bool left_to_stack;

	(void)state;
	for (int i = 0; i < 2; i++) {
		rig_set_pod(&rig, i ? POD6 : POD, BRANCH_B, index_of(VETH));
		assert_int_equal(ask(&in, &packets[i], &left_to_stack), BG_REASON_RULE);
		assert_true(left_to_stack);
		set_pod(i ? POD6 : POD, index_of(VETH));
		assert_int_equal(ask(&in, &packets[i], &left_to_stack), BG_REASON_TRACKED);
		assert_false(left_to_stack);
	}
}

/* With a program of somebody else's on either end, both directions keep to the stack; but what
 * the stack would not do, the pod's packets to its own node, is redirected even so. */
static void short_in_both_directions_or_in_none(void **state)
{
	const struct way out = at_veth(), in = { BG_TC_BRANCH_INGRESS, "vlan.eth.9",
						 index_of("vlan.eth.9"), TO_DEVICE };
	const struct pkt queries[] = { { UDP(CLIENT, 40000, POD, 53) },
				       { UDP(CLIENT6, 40000, POD6, 53) } };
	const struct pkt answers[] = { { UDP(POD, 53, CLIENT, 40000) },
				       { UDP(POD6, 53, CLIENT6, 40000) } };
	const struct pkt node = { TCP(POD, 5000, "10.0.1.10", 22, "S") };
	bool by_stack;

	(void)state;
	rig_publish(&rig, FEED(NODE_WITH("'Addresses': ['10.0.1.10']"), ALL_RULES, ALL_BRANCHES));
	set_route(true);
	for (int shared = 0; shared < 4; shared++) {
		enter_shared(VETH, BG_ROLE_POD_STRICT, BRANCH_A, shared & 1);
		enter_shared("vlan.eth.9", BG_ROLE_BRANCH, BRANCH_A, shared & 2);
		for (int i = 0; i < 2; i++) {
			bool in_by_stack, out_by_stack;

			ask(&in, &queries[i], &in_by_stack);
			ask(&out, &answers[i], &out_by_stack);
			if (in_by_stack != !!shared || out_by_stack != !!shared)
				fail_msg("shared %d: in by the %s, out by the %s", shared,
					 in_by_stack ? "stack" : "short way",
					 out_by_stack ? "stack" : "short way");
		}
		ask(&out, &node, &by_stack);
		assert_false(by_stack);
	}
}

/* The one's complement sum of the header, as a receiver forms it without its checksum field. */
static __be16 header_checksum(const __u8 *ip)
{
	__u32 sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += i == 10 ? 0 : (__u32)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((__u16) ~((sum & 0xffff) + (sum >> 16)));
}

/* Gives the header the identification with which its checksum is `wanted`. */
static void make_checksum(__u8 *ip, __u16 wanted)
{
	__be16 id = 0, checksum;
	__u32 sum;

	memcpy(ip + 4, &id, sizeof(id));
	sum = (__u32)ntohs(header_checksum(ip)) + (__u16)~wanted;
	id = htons((__u16)((sum & 0xffff) + (sum >> 16)));
	memcpy(ip + 4, &id, sizeof(id));
	checksum = header_checksum(ip);
	assert_int_equal(ntohs(checksum), wanted);
	memcpy(ip + 10, &checksum, sizeof(checksum));
}

/* The short way takes one hop off, whatever the checksum was, and writes nothing else but the
 * hardware addresses of the pod's veth, which alone are known without a neighbour. */
static void one_hop_less(void **state)
{
	static const __u16 checksums[] = { 0x0000, 0x00ff, 0x1234, 0xfefe,
					   0xfeff, 0xff00, 0xff01, 0xfffe };
	const struct {
		enum bg_program program;
		const char *interface;
		struct pkt pkt;
	} ways[] = {
		{ BG_TC_BRANCH_INGRESS, "vlan.eth.9", { UDP(CLIENT, 40000, POD, 53) } },
		{ BG_TC_POD_EGRESS, VETH, { UDP(POD, 53, CLIENT, 40000) } },
	};

	const struct bg_pod pod = { .vlan = BRANCH_A,
				    .host_ifindex = index_of(VETH),
				    .mac = { 2, 1, 2, 3, 4, 5 },
				    .host_mac = { 2, 6, 7, 8, 9, 10 } };
	const struct bg_addr address = maker_addr(POD);
	struct bg_error err;

	(void)state;
	set_route(true);
	assert_int_equal(bg_map_set(rig.datapath->skel->maps.pods, &address, &pod, &err), 0);
	for (size_t i = 0; i < 2 * sizeof(checksums) / sizeof(checksums[0]); i++) {
		struct __sk_buff context = { .ifindex = index_of(ways[i & 1].interface) };
		__u8 frame[PKT_BYTES], out[PKT_BYTES];
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out,
			    .data_size_out = sizeof(out), .repeat = 1, .ctx_in = &context,
			    .ctx_size_in = sizeof(context));
		__be16 checksum;

		context.ingress_ifindex = context.ifindex;
		opts.data_size_in = (__u32)pkt_build(&ways[i & 1].pkt, frame);
		mac_of(ways[i & 1].interface, frame);
		make_checksum(frame + ETH_HLEN, checksums[i / 2]);
		assert_int_equal(bpf_prog_test_run_opts(bg_program_fd(rig.datapath->skel,
								      ways[i & 1].program),
							&opts),
				 0);
		assert_int_equal(opts.retval, TC_ACT_REDIRECT);
		assert_int_equal(opts.data_size_out, opts.data_size_in);
		if (ways[i & 1].program == BG_TC_BRANCH_INGRESS) {
			memcpy(frame, pod.mac, ETH_ALEN);
			memcpy(frame + ETH_ALEN, pod.host_mac, ETH_ALEN);
		}
		frame[ETH_HLEN + 8]--;
		checksum = header_checksum(frame + ETH_HLEN);
		memcpy(frame + ETH_HLEN + 10, &checksum, sizeof(checksum));
		assert_memory_equal(out, frame, opts.data_size_in);
	}
}

int main(void)
{
	static const char *const programs[] = { "tc_pod_egress", "tc_node_egress", "tc_trunk_guard",
						"tc_branch_ingress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_by_the_branch, start),
		cmocka_unit_test_setup(branch_down, start),
		cmocka_unit_test_setup(branch_gone, start),
		cmocka_unit_test_setup(forwarding_of_the_veth_is_off, start),
		cmocka_unit_test_setup(what_stays_on_the_link, start),
		cmocka_unit_test_setup(whose_source, start),
		cmocka_unit_test_setup(whose_source_of_a_standard_pod, start),
		cmocka_unit_test_setup(what_cannot_be_parsed, start),
		cmocka_unit_test_setup(not_by_the_primary, start),
		cmocka_unit_test_setup(not_by_the_primary_as_a_strict_pod, start),
		cmocka_unit_test_setup(the_trunk, start),
		cmocka_unit_test_setup(for_another_mac, start),
		cmocka_unit_test_setup(not_by_the_branch_before, start),
		cmocka_unit_test_setup(short_in_both_directions_or_in_none, start),
		cmocka_unit_test_setup(a_tag_of_the_pods_own, start),
		cmocka_unit_test_setup(one_hop_less, start),
	};

	if (unshare(CLONE_NEWNET) || system(NODE)) /* NOLINT(cert-env33-c) */
		return 1;
	return RIG_RUN(&rig, 0, programs, tests);
}
