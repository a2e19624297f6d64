/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * XDP tells TC by packet metadata that it has judged a packet, so that nothing
 * is judged or counted twice. Where a driver keeps no metadata TC finds none and
 * judges again: the flow is there by then, only the counters see it twice.
 */
#ifndef BG_HANDOVER_H
#define BG_HANDOVER_H

#include "case.h"

#define HANDOVER_MAGIC 0x62676f6b /* "bgok" */

struct bg_handover {
	__u32 magic;
	__u32 branch_ifindex; /* of the branch whose ingress verdict was "pass" */
	__u32 short_way;      /* whether it may go straight to the pod */
	__u32 slot;	      /* of the branch's counters */
};

static __always_inline void handover_give(struct xdp_md *ctx, __u32 branch_ifindex,
					  const struct bg_verdict *verdict)
{
	struct bg_handover *handover;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*handover)))
		return;
	handover = (void *)(long)ctx->data_meta;
	if ((void *)(handover + 1) > (void *)(long)ctx->data)
		return;
	handover->magic = HANDOVER_MAGIC;
	handover->branch_ifindex = branch_ifindex;
	handover->short_way = verdict->short_way;
	handover->slot = verdict->slot;
}

/* What XDP found out about the packet; false when it has not judged it. */
static __always_inline bool handover_take(struct __sk_buff *ctx, struct bg_verdict *verdict)
{
	struct bg_handover *handover = (void *)(long)ctx->data_meta;

	if ((void *)(handover + 1) > (void *)(long)ctx->data)
		return false;
	if (handover->magic != HANDOVER_MAGIC || handover->branch_ifindex != ctx->ifindex)
		return false;
	verdict->short_way = handover->short_way;
	verdict->slot = handover->slot;
	return true;
}

#endif
