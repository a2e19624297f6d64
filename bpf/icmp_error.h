/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An ICMP error quotes the packet it is about. That packet went the other way;
 * when it belongs to a live flow of the branch, the error does too.
 */
#ifndef BG_ICMP_ERROR_H
#define BG_ICMP_ERROR_H

#include "flow_table.h"

/* The flags of the flow, -1 = none. `quoted`: what dissect() made of it. */
static __always_inline int icmp_error_flow(const struct bg_packet *packet,
					   const struct bg_packet *quoted, __u32 branch_tag,
					   __u64 now_ns)
{
	struct bg_flow_key key = {};

	if (quoted->fragment == BG_LATER_FRAGMENT || quoted->tracking == BG_TRACK_NONE)
		return -1;
	/* one pod must not speak for another of the same branch */
	if ((BG_HALF(&quoted->local, 0) ^ BG_HALF(&packet->local, 0)) |
	    (BG_HALF(&quoted->local, 1) ^ BG_HALF(&packet->local, 1)))
		return -1;
	flow_key(&key, quoted, branch_tag);
	return flow_peek(&key, now_ns);
}

#endif
