/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a strict pod may not leave by. Default deny, at its veth first: a packet that no
 * program sends on goes to the node's stack only if that will bring it to the pod's
 * branch, or to the veth of a pod of the same branch, where it is judged. The second line
 * is at the exits: what came in by a strict pod's veth leaves by none but its branch.
 */
#ifndef BG_EXITS_H
#define BG_EXITS_H

#include "exempt.h"
#include "iface.h"
#include "short_way.h"

static __always_inline void ask_fib(const struct bg_packet *packet, struct bpf_fib_lookup *fib)
{
	__builtin_memset(fib, 0, sizeof(*fib));
	fib->l4_protocol = packet->protocol;
	if (bg_has_ports(packet->protocol)) {
		fib->sport = packet->local_port;
		fib->dport = packet->remote_port;
	}
	if (packet->ipv6) {
		fib->family = FAMILY_INET6;
		__builtin_memcpy(fib->ipv6_src, &packet->local, sizeof(packet->local));
		__builtin_memcpy(fib->ipv6_dst, &packet->remote, sizeof(packet->remote));
	} else {
		fib->family = FAMILY_INET;
		fib->ipv4_src = BG_WORD(&packet->local, 3);
		fib->ipv4_dst = BG_WORD(&packet->remote, 3);
	}
}

/* Those that name an interface: what is wrong is for the stack to answer. */
static __always_inline bool fib_has_route(long rc)
{
	return rc == BPF_FIB_LKUP_RET_SUCCESS || rc == BPF_FIB_LKUP_RET_NO_NEIGH ||
	       rc == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/*
 * IPv6 of an interface whose own `forwarding` is 0, as the CNI writes it: the stack asks
 * only for that of all, bpf_fib_lookup() for the interface's. So the branch's table is asked
 * for the primary interface (from Linux 6.5 on); where that cannot be, each pod of the branch
 * is behind its veth, as the CNI has it, and for all else what the loader has read there
 * stands while its interface does.
 */
static __always_inline __u32 table_leads_to(struct __sk_buff *ctx, struct bg_case *c)
{
	__u32 vlan = c->verdict.vlan, zero = 0;
	struct bg_route *route = bpf_map_lookup_elem(&fast_routes, &vlan);
	struct bg_host *here = bpf_map_lookup_elem(&node, &zero);
	struct bg_addr remote; /* Linux 6.1 takes a key from the stack only */
	struct bg_pod *pod;
	long rc;

	if (here && here->primary_ifindex) {
		ask_fib(&c->packet, &c->fib);
		c->fib.ifindex = here->primary_ifindex;
		c->fib.tbid = vlan + BG_BRANCH_TABLE_BASE;
		rc = bpf_fib_lookup(ctx, &c->fib, sizeof(c->fib),
				    BPF_FIB_LOOKUP_DIRECT | BPF_FIB_LOOKUP_TBID);
		if (fib_has_route(rc))
			return c->fib.ifindex;
		if (rc != -EINVAL && rc != BPF_FIB_LKUP_RET_FWD_DISABLED)
			return 0;
	}
	remote = c->packet.remote;
	pod = bpf_map_lookup_elem(&pods, &remote);
	if (pod && pod->host_ifindex && pod->vlan == vlan)
		return pod->host_ifindex;
	if (!route || !route->ifindex ||
	    !(BG_HALF(&route->gateway6, 0) | BG_HALF(&route->gateway6, 1)) ||
	    !iface_lives(ctx, route->ifindex))
		return 0;
	return route->ifindex;
}

/* What the stack will send it to that comes from this veth (enum bg_role): its branch, the veth
 * of a sibling, or NONE, where it may not go. `c` is never NULL. */
__noinline int stack_leads_to(struct __sk_buff *ctx, struct bg_case *c)
{
	struct bg_iface *iface;
	__u32 ifindex = 0;
	long rc;

	if (!c)
		return 0;
	ask_fib(&c->packet, &c->fib);
	c->fib.ifindex = ctx->ifindex;
	rc = bpf_fib_lookup(ctx, &c->fib, sizeof(c->fib), 0);
	if (fib_has_route(rc))
		ifindex = c->fib.ifindex;
	else if (c->packet.ipv6 && rc == BPF_FIB_LKUP_RET_FWD_DISABLED)
		ifindex = table_leads_to(ctx, c);
	iface = iface_find(ifindex);
	if (!iface || !iface->ifindex || iface->vlan != c->verdict.vlan)
		return BG_ROLE_NONE;
	return iface->role == BG_ROLE_BRANCH || iface->role == BG_ROLE_POD_STRICT ? iface->role
										  : BG_ROLE_NONE;
}

/* Is it the source of the pod behind this veth? Where `pods` does not have it, of the branch.
 * `c` is never NULL. */
__noinline int pod_owns_source(struct bg_case *c, __u32 veth_ifindex)
{
	struct bg_addr local; /* Linux 6.1 takes a key from the stack only */
	struct bg_pod *pod;

	if (!c)
		return 0;
	local = c->packet.local;
	pod = bpf_map_lookup_elem(&pods, &local);
	if (pod && pod->host_ifindex)
		return pod->host_ifindex == veth_ifindex && pod->vlan == c->verdict.vlan;
	return consult(c, BG_ASK_LOCAL, BG_EGRESS) != BG_REASON_NONE || local_is_ours(c);
}

/* Discovery between a pod and the node; routers are no pods, and nobody speaks for another. */
static __always_inline bool is_pods_discovery(struct __sk_buff *ctx, struct bg_case *c)
{
	const __u8 type = c->packet.icmp_type;

	if (type == ICMPV6_ROUTER_ADVERTISEMENT || type == ICMPV6_REDIRECT || !is_discovery(c))
		return false;
	return end_of(&c->packet.local) != BG_END_UNICAST || pod_owns_source(c, ctx->ifindex);
}

/* Why a strict pod's packet goes no further than its veth (enum bg_reason), NONE = it may;
 * after dissect. `c` is never NULL. */
__noinline int strict_pod_refuses(struct __sk_buff *ctx, struct bg_case *c)
{
	if (!c)
		return BG_REASON_INTERNAL;
	if (c->dissected != BG_REASON_NONE)
		return c->dissected;
	if (packet_stays_on_link(&c->packet))
		return is_pods_discovery(ctx, c) ? BG_REASON_NEIGHBOUR : BG_REASON_ON_LINK;
	/* a frame for somebody else */
	if (ctx->pkt_type)
		return BG_REASON_ON_LINK;
	return pod_owns_source(c, ctx->ifindex) ? BG_REASON_NONE : BG_REASON_SPOOFED;
}

#endif
