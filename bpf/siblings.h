/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pods of one branch. Their packets do not cross it: the branch's routing table has their
 * veths, and the node's stack brings them there, straight or as kube-proxy's rules say. Each is
 * judged as if it had left by the branch and come in again: the sender's side, then the
 * receiver's.
 *
 * Where, netfilter decides. What is sent to a sibling's address is judged at the sender's veth:
 * behind that, the answer of a connection through a service bears the service's address, by
 * which no flow knows it. What is sent to a service is judged at the receiver's veth: before
 * that, it is not known to whom it goes. There a service's source belongs to an answer, and
 * the mark says that it was judged, if no agent beside our program clears it. For a sender's
 * own source the flows are asked whether both sides have admitted this very
 * packet; if not it is judged, whatever the mark says.
 *
 * A pod that reaches itself through a service needs no rule: it could by its loopback, too. The
 * node may have given that the node's own address; the answer goes back to the stack, by a
 * flow that is none of the branch's (BG_KEY_OF_PROBE, without BG_FLOW_PROBE).
 */
#ifndef BG_SIBLINGS_H
#define BG_SIBLINGS_H

#include "exits.h"
#include "look.h"
#include "verdict.h"

/* Whose source does a packet bear that came in by a sibling's veth? */
enum bg_speaks {
	BG_SPEAKS_OTHER = 0,
	BG_SPEAKS_POD,	   /* that pod's own */
	BG_SPEAKS_SERVICE, /* a service's */
};

static __always_inline enum bg_speaks who_speaks(struct bg_case *c, __u32 veth_ifindex)
{
	if (consult(c, BG_ASK_LOCAL | BG_ASK_REMOTE, BG_EGRESS) != BG_REASON_NONE)
		return BG_SPEAKS_OTHER;
	if (c->findings.local_info & BG_CLASS_SERVICE && remote_is_sibling(c))
		return BG_SPEAKS_SERVICE;
	return pod_owns_source(c, veth_ifindex) ? BG_SPEAKS_POD : BG_SPEAKS_OTHER;
}

/* One end of the packet's way. `c` is never NULL. */
__noinline int sibling_side(struct __sk_buff *ctx, struct bg_case *c, enum bg_direction direction)
{
	if (!c)
		return 0;
	c->direction = direction;
	c->verdict.rule = c->verdict.node_rule = 0;
	c->flow.flags = c->flow.rule = 0;
	c->dissected = BG_REASON_TRUNCATED;
	return dissect_skb_fully(ctx, c);
}

/* Counted on both sides, as two packets. The sender's has been dissected. */
static __always_inline bool siblings_admit(struct __sk_buff *ctx, struct bg_case *c)
{
	case_is(c, BG_CASE_TO_SIBLING);
	if (!verdict_apart(c))
		return false;
	sibling_side(ctx, c, BG_INGRESS);
	case_is(c, BG_CASE_FROM_SIBLING);
	return verdict_apart(c);
}

/* Has each side a flow that takes the packet? */
static __always_inline bool siblings_know(struct __sk_buff *ctx, struct bg_case *c)
{
	bool known = true;

	for (int side = 0; side < BG_DIRECTIONS; side++) {
		/* the sender's last: it is the one that is judged then */
		sibling_side(ctx, c, side ? BG_EGRESS : BG_INGRESS);
		if (consult(c, 0, c->direction) != BG_REASON_NONE ||
		    flow_of(c, BG_KEY_OF_BRANCH) < 0)
			known = false;
	}
	return known;
}

#endif
