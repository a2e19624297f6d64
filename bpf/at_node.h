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

/*
 * What the stack would send out by the primary interface. A standard pod's has been SNATed by
 * now. A strict pod's does not leave here, nor what bears the address of one and came in by an
 * interface that is not ours: from the network a router may bring it. With a tag it is on its way
 * from the branch: trunk and primary interface are one.
 */
static __always_inline enum bg_node_exit forwarded_exit(struct __sk_buff *ctx, struct bg_case **out)
{
	const struct bg_iface *from = iface_find(ctx->ingress_ifindex);
	enum bg_role role = from ? from->role : BG_ROLE_NONE;
	struct bg_case *c;

	if (vlan_of(ctx))
		return BG_NODE_FABRIC;
	*out = c = open_case(BG_EGRESS, ctx->ifindex, from ? from->vlan : 0);
	if (!c)
		return BG_NODE_REFUSE;
	if (role == BG_ROLE_POD_STANDARD) {
		if (ctx->tc_index == BG_CAME_AS_REPLY)
			return BG_NODE_FABRIC;
		if (ctx->tc_index == BG_CAME_JUDGED)
			case_is(c, BG_CASE_PRIMARY_LEAVES_ON);
		else
			case_is(c, BG_CASE_PRIMARY_LEAVES);
	} else if (role != BG_ROLE_POD_STRICT &&
		   (role != BG_ROLE_NONE || !bears_strict_source(ctx, c))) {
		return BG_NODE_FABRIC;
	}
	dissect_skb(ctx, c);
	return role == BG_ROLE_POD_STANDARD ? BG_NODE_JUDGE : BG_NODE_REFUSE;
}

static __always_inline bool sender_may_probe(struct __sk_buff *ctx)
{
	return !probe_cgroup || bpf_skb_ancestor_cgroup_id(ctx, probe_cgroup_level) == probe_cgroup;
}

/* Of what the node itself makes: probes, and replies of node-local services. */
static __always_inline enum bg_node_exit made_here_exit(struct __sk_buff *ctx, struct bg_case **out)
{
	enum bg_node_exit exit;
	struct bg_case *c;

	*out = c = open_case(BG_INGRESS, ctx->ifindex, 0);
	if (!c)
		return BG_NODE_FABRIC;
	dissect_skb(ctx, c);
	if (c->dissected != BG_REASON_NONE)
		return BG_NODE_FABRIC;
	exit = node_packet_exit(c);
	if (exit == BG_NODE_ASK_PROBER) {
		if (!sender_may_probe(ctx))
			return BG_NODE_FABRIC;
		case_is(c, BG_CASE_PROBE_BEGINS);
		exit = BG_NODE_JUDGE;
	}
	return exit;
}

#endif
