// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A node as the CNI makes it, in a network namespace, entered in the maps as the loader would:
 * for tests that ask the programs what becomes of a packet there. Nothing is attached.
 */
#include "cni_node.h"

#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "datapath/test_run.h"
#include "feeds.h"
#include "guard/iface_maps.h"
#include "model_maker.h"
#include "test.h"

/* As the CNI makes them, with veth pairs for branches: not every kernel has 8021q. */
#define NODE                                                                                       \
	"ip -batch - <<'END'\n"                                                                    \
	"link set lo up\n"                                                                         \
	"link add eth0 type veth peer name far0\n"                                                 \
	"link add eth1 type veth peer name far1\n"                                                 \
	"link add " CNI_VETH " type veth peer name pod9\n"                                         \
	"link set far0 up\nlink set far1 up\nlink set pod9 up\n"                                   \
	"link set eth0 up\nlink set eth1 up\nlink set " CNI_VETH " up\n"                           \
	"addr add 10.0.1.10/24 dev eth0\n"                                                         \
	"route add default via 10.0.1.1 dev eth0\n"                                                \
	"rule add prio 10 iif " CNI_VETH " lookup 109\n"                                           \
	"rule add prio 20 lookup local\nrule del prio 0\n"                                         \
	"END\n"                                                                                    \
	"ip -6 rule add prio 10 iif " CNI_VETH " lookup 109; ip -6 rule add prio 20 lookup local;" \
	"ip -6 rule del prio 0;"                                                                   \
	"echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"

struct rig cni_rig;

int cni_make(void)
{
	return unshare(CLONE_NEWNET) || system(NODE); /* NOLINT(cert-env33-c) */
}

__u32 cni_index(const char *interface)
{
	return if_nametoindex(interface);
}

void cni_mac(const char *interface, __u8 mac[6])
{
	struct ifreq request = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &request), 0);
	close(fd);
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
}

/* The reason, NONE = no verdict; and whether the program let it go on. */
enum bg_reason cni_ask(const struct cni_way *way, const struct pkt *pkt, bool *passes)
{
	struct __sk_buff context = { .ifindex = cni_index(way->interface),
				     .ingress_ifindex = way->came_by };
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(pkt, frame);
	enum bg_reason reason;
	int action;

	if (way->receiver == CNI_TO_DEVICE)
		cni_mac(way->interface, frame);
	else
		memset(frame, way->receiver == CNI_TO_ALL ? 0xff : 0x02, 6);
	reason = rig_through(&cni_rig, way->program, &context, frame, bytes, &action);
	*passes = action == TC_ACT_UNSPEC;
	return reason;
}

void cni_expect(const char *says, const struct cni_way *way, const struct pkt *pkt,
		enum bg_reason reason)
{
	const bool drops = !bg_reason_passes(reason);
	const __u64 before = drops ? rig_count(&cni_rig, BG_EGRESS, reason) : 0;
	bool passes;
	enum bg_reason is = cni_ask(way, pkt, &passes);

	if (is != reason || passes == drops)
		fail_msg("%s: %s to %s is %s and %s, expected %s", says, pkt->from, pkt->to,
			 bg_reason_name(is), passes ? "passes" : "does not pass",
			 bg_reason_name(reason));
	if (drops && rig_count(&cni_rig, BG_EGRESS, reason) != before + 1)
		fail_msg("%s: not counted once", says);
}

struct cni_way cni_at_veth(void)
{
	return (struct cni_way){ BG_TC_POD_EGRESS, CNI_VETH, cni_index(CNI_VETH), CNI_TO_DEVICE };
}

void cni_enter_shared(const char *interface, enum bg_role role, __u32 vlan, bool shared)
{
	rig_enter(&cni_rig, cni_index(interface), role, vlan, shared ? BG_IFACE_SHARED : 0);
}

void cni_enter(const char *interface, enum bg_role role, __u32 vlan)
{
	cni_enter_shared(interface, role, vlan, false);
}

void cni_shell(const char *commands)
{
	if (system(commands)) /* NOLINT(cert-env33-c) */
		fail_msg("%s", commands);
}

void cni_set_pod(const char *address, __u32 ifindex)
{
	rig_set_pod(&cni_rig, address, BRANCH_A, ifindex);
}

/* The loader's words for the branch's routes, or none. */
void cni_set_route(bool known)
{
	const struct bg_route route = { .ifindex = cni_index("vlan.eth.9"),
					.gateway4 = maker_addr("10.0.32.1"),
					.gateway6 = maker_addr("fe80::1") },
			      none = {};
	__u32 vlan = BRANCH_A;
	struct bg_error err;

	assert_int_equal(bg_map_set(cni_rig.datapath->skel->maps.fast_routes, &vlan,
				    known ? &route : &none, &err),
			 0);
}

/* Each test begins with all routes there, which the one before may have taken. */
int cni_start(void **state)
{
	struct bg_host host = { .primary_ifindex = cni_index("eth0") };
	struct bg_error err;
	__u32 zero = 0;

	(void)state;
	rig_publish(&cni_rig, USUAL_FEED);
	rig_clear(&cni_rig);
	cni_shell("ip link show vlan.eth.9 >/dev/null 2>&1 ||"
		  " ip link add vlan.eth.9 type veth peer name far9");
	cni_shell("ip link set far9 up; ip link set vlan.eth.9 up;"
		  "echo 1 >/proc/sys/net/ipv6/conf/" CNI_VETH "/forwarding;"
		  "for family in -4 -6; do ip $family route flush table 109 2>/dev/null; done;"
		  "ip route add default via 10.0.32.1 dev vlan.eth.9 onlink table 109 &&"
		  "ip route add default via fe80::1 dev vlan.eth.9 onlink table 109 &&"
		  "ip route replace default via 2001:db8:1::1 dev eth0 onlink");
	assert_int_equal(bg_map_set(cni_rig.datapath->skel->maps.node, &zero, &host, &err), 0);
	cni_enter(CNI_VETH, BG_ROLE_POD_STRICT, BRANCH_A);
	cni_enter("vlan.eth.9", BG_ROLE_BRANCH, BRANCH_A);
	cni_enter("eth0", BG_ROLE_PRIMARY, 0);
	cni_enter("eth1", BG_ROLE_TRUNK, 0);
	cni_set_pod(POD, cni_index(CNI_VETH));
	cni_set_pod(POD6, cni_index(CNI_VETH));
	cni_set_pod(POD_TWO, CNI_ELSEWHERE);
	cni_set_pod(POD_TWO6, CNI_ELSEWHERE);
	cni_set_route(false);
	return 0;
}

void cni_arm(__u32 vlan, __u32 ifindex)
{
	struct bg_error err;

	assert_int_equal(bg_vlan_set(cni_rig.datapath, vlan, ifindex, &err), 0);
}
