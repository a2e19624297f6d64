/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What becomes of a packet that is about to leave by the primary interface, before any
 * verdict: by who has sent it.
 */
#ifndef BG_AT_NODE_H
#define BG_AT_NODE_H

#include "exits.h"
#include "hook.h"
#include "look.h"
#include "on_node.h"
#include "standard.h"
#include "whose.h"

struct bg_leaving {
	enum bg_node_exit exit;
	enum bg_direction direction;
	__u32 vlan; /* 0: not known yet */
};

/* As one number, and back. */
static __always_inline int leaving_as(enum bg_node_exit exit, enum bg_direction direction,
				      __u32 vlan)
{
	return exit == BG_NODE_FABRIC ? 0 : (int)(exit | direction << 8 | vlan << 16);
}

static __always_inline struct bg_leaving leaving_of(__u32 number)
{
	return (struct bg_leaving){ number & 0xff, number >> 8 & 0xff, number >> 16 };
}

/*
 * What the stack would send out by the primary interface. A standard pod's has been SNATed by
 * now. A strict pod's does not leave here, nor what bears the address of one and came in by an
 * interface that is not ours: from the network a router may bring it. With a tag it is on its way
 * from the branch: trunk and primary interface are one.
 */
static __always_inline int forwarded_leaves(struct __sk_buff *ctx)
{
	const struct bg_iface *from = iface_find(ctx->ingress_ifindex);
	enum bg_node_exit exit = BG_NODE_FABRIC;
	__u32 vlan = from ? from->vlan : 0;

	if (vlan_of(ctx))
		return 0;
	switch (from ? from->role : BG_ROLE_NONE) {
	case BG_ROLE_POD_STANDARD:
		if (ctx->tc_index != BG_CAME_AS_REPLY)
			exit = BG_NODE_JUDGE;
		break;
	case BG_ROLE_POD_STRICT:
		exit = BG_NODE_REFUSE;
		break;
	case BG_ROLE_NONE:
		vlan = strict_vlan_at(ctx, BG_IP_SOURCE);
		if (vlan && vlan_armed_ifindex(ctx, vlan))
			exit = BG_NODE_REFUSE;
		break;
	default:
		break;
	}
	return leaving_as(exit, BG_EGRESS, vlan);
}

/*
 * What is on its way out of the primary interface (struct bg_leaving as a number, 0 = nothing
 * of ours). The verifier knows nothing of what a global function returns: so it walks all that
 * follows once, whoever has sent the packet.
 */
__noinline int primary_egress(struct __sk_buff *ctx)
{
	if (ctx->ingress_ifindex)
		return forwarded_leaves(ctx);
	return strict_vlan_at(ctx, BG_IP_DESTINATION) ? leaving_as(BG_NODE_JUDGE, BG_INGRESS, 0)
						      : 0;
}

static __always_inline void standard_leaves(struct __sk_buff *ctx, struct bg_case *c)
{
	if (ctx->tc_index == BG_CAME_JUDGED)
		case_is(c, BG_CASE_PRIMARY_LEAVES_ON);
	else
		case_is(c, BG_CASE_PRIMARY_LEAVES);
}

static __always_inline bool sender_may_probe(struct __sk_buff *ctx)
{
	return !probe_cgroup || bpf_skb_ancestor_cgroup_id(ctx, probe_cgroup_level) == probe_cgroup;
}

/* Of what the node itself makes and is for a strict pod's address: probes, and replies of
 * node-local services. */
static __always_inline enum bg_node_exit made_here_exit(struct __sk_buff *ctx, struct bg_case *c)
{
	enum bg_node_exit exit;

	if (c->dissected != BG_REASON_NONE)
		return BG_NODE_FABRIC;
	exit = node_packet_exit(c);
	if (exit != BG_NODE_ASK_PROBER)
		return exit;
	if (!sender_may_probe(ctx))
		return BG_NODE_FABRIC;
	case_is(c, BG_CASE_PROBE_BEGINS);
	return BG_NODE_JUDGE;
}

#endif
