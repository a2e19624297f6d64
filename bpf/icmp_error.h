/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An ICMP error quotes the packet it is about. That packet went the other way;
 * when it belongs to a live flow of the branch, the error does too.
 */
#ifndef BG_ICMP_ERROR_H
#define BG_ICMP_ERROR_H

#include "case.h"

/* The flags of the flow that a packet of that key belongs to, below 0 = none. */
static __always_inline int quoted_flow(struct bg_case *c, __u32 branch)
{
	flow_key(&c->flow.key, &c->quoted, branch);
	return flow_peek(&c->flow, &c->quoted, c->direction == BG_INGRESS ? BG_EGRESS : BG_INGRESS);
}

/* Of the flow that the error c->packet is about; the key of its own is gone then. */
static __always_inline int icmp_error_flow(struct bg_case *c, __u32 branch_tag)
{
	const struct bg_packet *packet = &c->packet, *quoted = &c->quoted;
	int flags;

	if (quoted->fragment == BG_LATER_FRAGMENT || quoted->tracking == BG_TRACK_NONE)
		return -1;
	/* one pod must not speak for another of the same branch */
	if ((BG_HALF(&quoted->local, 0) ^ BG_HALF(&packet->local, 0)) |
	    (BG_HALF(&quoted->local, 1) ^ BG_HALF(&packet->local, 1)))
		return -1;
	/* any router may tell the pod; the pod tells him whose packet it was */
	if (c->direction == BG_EGRESS &&
	    ((BG_HALF(&quoted->remote, 0) ^ BG_HALF(&packet->remote, 0)) |
	     (BG_HALF(&quoted->remote, 1) ^ BG_HALF(&packet->remote, 1))))
		return -1;
	flags = quoted_flow(c, branch_tag);
	return flags >= 0 ? flags : quoted_flow(c, branch_tag | BG_FLOW_KEY_PROBE);
}

#endif
