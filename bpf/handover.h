/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * XDP tells TC by packet metadata that it has judged a packet, so that nothing
 * is judged or counted twice. Where a driver keeps no metadata TC finds none and
 * judges again: the flow is there by then, only the counters see it twice.
 */
#ifndef BG_HANDOVER_H
#define BG_HANDOVER_H

#include "maps.bpf.h"

#define HANDOVER_MAGIC 0x62676f6b /* "bgok" */

struct bg_handover {
	__u32 magic;
	__u32 branch_ifindex; /* of the branch whose ingress verdict was "pass" */
};

static __always_inline void handover_give(struct xdp_md *ctx, __u32 branch_ifindex)
{
	struct bg_handover *note;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*note)))
		return;
	note = (void *)(long)ctx->data_meta;
	if ((void *)(note + 1) > (void *)(long)ctx->data)
		return;
	note->magic = HANDOVER_MAGIC;
	note->branch_ifindex = branch_ifindex;
}

static __always_inline bool handover_taken(struct __sk_buff *ctx)
{
	struct bg_handover *note = (void *)(long)ctx->data_meta;

	if ((void *)(note + 1) > (void *)(long)ctx->data)
		return false;
	return note->magic == HANDOVER_MAGIC && note->branch_ifindex == ctx->ifindex;
}

#endif
