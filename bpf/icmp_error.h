/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An ICMP error quotes the packet it is about. That packet went the other way;
 * when it belongs to a live flow of the branch, the error does too.
 */
#ifndef BG_ICMP_ERROR_H
#define BG_ICMP_ERROR_H

#include "flow_table.h"

/* `quoted`: what dissect() made of the quotation. */
static __always_inline bool icmp_error_is_tracked(const struct bg_packet *packet,
						  const struct bg_packet *quoted, __u32 branch_tag,
						  __u64 now_ns)
{
	struct bg_flow_key key = {};

	if (quoted->fragment == BG_LATER_FRAGMENT || quoted->tracking == BG_TRACK_NONE)
		return false;
	/* one pod must not speak for another of the same branch */
	if ((quoted->local.half[0] ^ packet->local.half[0]) |
	    (quoted->local.half[1] ^ packet->local.half[1]))
		return false;
	flow_key(&key, quoted, branch_tag);
	return flow_exists(&key, now_ns);
}

#endif
