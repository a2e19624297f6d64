/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs at the host end of a pod's veth do, by the kind of pod and of who
 * speaks: branchguard.bpf.c has found both. Each returns a TC_ACT_*.
 */
#ifndef BG_AT_POD_H
#define BG_AT_POD_H

#include "exits.h"
#include "hook.h"
#include "node_flow.h"
#include "on_node.h"
#include "short_way.h"
#include "siblings.h"
#include "standard.h"

/* On by the stack. A source that the pod made up is not somebody's NAT: without
 * the mark the branch calls it spoofed. */
static __always_inline int by_stack(struct __sk_buff *ctx, struct bg_case *c)
{
	if (consult(c, BG_ASK_LOCAL, BG_EGRESS) == BG_REASON_NONE && local_is_ours(c))
		set_came_by(ctx, BG_CAME_BY_STACK);
	return TC_ACT_UNSPEC;
}

static __always_inline int strict_pod_egress(struct __sk_buff *ctx, struct bg_case *c)
{
	enum bg_reason refused;
	int exit;
	int action = TC_ACT_UNSPEC;
	enum bg_role leads_to;

	case_is(c, BG_CASE_AT_VETH);
	refused = strict_pod_refuses(ctx, c);
	if (bg_reason_passes(refused) && refused != BG_REASON_NONE)
		return TC_ACT_UNSPEC; /* between the pod and the node */
	if (refused != BG_REASON_NONE)
		return refuse(c, refused);
	exit = strict_pod_exit(c);
	switch (exit) {
	case BG_EXIT_DROP:
		action = TC_ACT_SHOT;
		break;
	case BG_EXIT_INTO_NODE:
		action = verdict_apart(c) ? to_node(ctx) : TC_ACT_SHOT;
		break;
	case BG_EXIT_BY_FABRIC:
		action = to_branch(ctx, c, true);
		break;
	case BG_EXIT_SHORT_WAY:
		if (short_way)
			action = to_branch(ctx, c, false);
		break;
	default:
		break;
	}
	if (action != TC_ACT_UNSPEC)
		return action;
	leads_to = stack_leads_to(ctx, c);
	if (leads_to == BG_ROLE_NONE)
		return refuse(c, BG_REASON_OFF_BRANCH);
	note_sent(ctx, c);
	if (exit == BG_EXIT_SIBLING && leads_to != BG_ROLE_BRANCH) {
		set_came_by(ctx, BG_CAME_JUDGED);
		return siblings_admit(ctx, c) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	}
	set_came_by(ctx, BG_CAME_BY_STACK);
	return TC_ACT_UNSPEC;
}

/* What is for another MAC the stack does not forward: it opens no flow. */
static __always_inline int standard_pod_egress(struct __sk_buff *ctx, struct bg_case *c)
{
	if (!pod_owns_source(c, ctx->ifindex))
		return refuse(c, BG_REASON_SPOOFED);
	if (ctx->pkt_type)
		return TC_ACT_UNSPEC;
	if (!leaves_by_primary(c))
		return by_stack(ctx, c);
	case_is(c, BG_CASE_STANDARD_LEAVES);
	if (!verdict_apart(c))
		return TC_ACT_SHOT;
	set_came_by(ctx, c->verdict.reason == BG_REASON_TRACKED && !(c->flow.flags & BG_FLOW_EGRESS)
				 ? BG_CAME_AS_REPLY
				 : BG_CAME_JUDGED);
	return TC_ACT_UNSPEC;
}

/*
 * What reaches a standard pod through the primary interface (a service port of
 * the node, DNATed): the node's traffic, which needs no rule, but the pod's
 * replies must be known as replies. So what cannot be tracked does not pass.
 */
static __always_inline int standard_pod_ingress(struct __sk_buff *ctx, struct bg_case *c)
{
	case_is(c, BG_CASE_STANDARD_ENTERS);
	dissect_skb(ctx, c);
	if (!verdict_apart(c))
		return TC_ACT_SHOT;
	if (c->verdict.reason == BG_REASON_UNFILTERED)
		node_flow_begins(c);
	return TC_ACT_UNSPEC;
}

/* What reaches a strict pod from its own veth: it speaks to itself, through a service. */
static __always_inline int from_itself(struct __sk_buff *ctx, struct bg_case *c)
{
	case_is(c, BG_CASE_FROM_ITSELF);
	dissect_skb(ctx, c);
	if (c->dissected != BG_REASON_NONE)
		return refuse(c, c->dissected);
	if (consult(c, BG_ASK_LOCAL | BG_ASK_REMOTE, BG_INGRESS) == BG_REASON_NONE &&
	    local_is_ours(c) &&
	    (remote_is_sibling(c) || c->findings.remote_info & BG_CLASS_SERVICE)) {
		conclude(c, BG_REASON_UNFILTERED);
		return TC_ACT_UNSPEC;
	}
	return verdict_apart(c) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

/* What reaches a strict pod from the veth of another one. */
static __always_inline int from_strict_pod(struct __sk_buff *ctx, struct bg_case *c,
					   const struct bg_iface *from, __u32 vlan)
{
	const bool judged = ctx->tc_index == BG_CAME_JUDGED;

	if (from->vlan != vlan)
		return refuse(c, BG_REASON_OFF_BRANCH);
	dissect_skb(ctx, c);
	if (c->dissected != BG_REASON_NONE)
		return refuse(c, c->dissected);
	switch (who_speaks(c, from->ifindex)) {
	case BG_SPEAKS_SERVICE:
		/* some agents clear the mark */
		if (judged || from->flags & BG_IFACE_SHARED)
			return TC_ACT_UNSPEC;
		break;
	case BG_SPEAKS_POD:
		if (judged && siblings_know(ctx, c))
			return TC_ACT_UNSPEC;
		return siblings_admit(ctx, c) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	default:
		break;
	}
	return refuse(c, BG_REASON_FOREIGN_SOURCE);
}

#endif
