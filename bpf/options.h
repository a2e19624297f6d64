/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPv4 options, a part of the long look: with a source route (RFC 791 § 3.1) the address in
 * the header is not where the packet ends up. The node's stack drops such packets unless
 * told otherwise, and the short way would not ask it.
 */
#ifndef BG_OPTIONS_H
#define BG_OPTIONS_H

#include "case.h"
#include "verifier.h"

#define OPTION_END 0
#define OPTION_NO_OPERATION 1
#define OPTION_LOOSE_SOURCE_ROUTE 131
#define OPTION_STRICT_SOURCE_ROUTE 137
#define MOST_OPTION_BYTES 40

/* Of those in c->options; enum bg_reason, NONE: nothing is wrong with them. */
__noinline int judge_options(struct bg_case *c)
{
	if (!c)
		return BG_REASON_INTERNAL;
	c->option_at = 0;
	for (int i = 0; i < MOST_OPTION_BYTES; i++) {
		__u32 at = from_memory(c->option_at), bytes = 1;
		__u8 type = c->options[bound(at, sizeof(c->options))];

		if (at >= c->packet.option_bytes || type == OPTION_END)
			break;
		if (type == OPTION_LOOSE_SOURCE_ROUTE || type == OPTION_STRICT_SOURCE_ROUTE)
			return BG_REASON_EXTENSION;
		if (type != OPTION_NO_OPERATION) {
			bytes = c->options[bound(at + 1, sizeof(c->options))];
			if (bytes < 2)
				return BG_REASON_MALFORMED;
		}
		c->option_at = at + bytes;
	}
	return from_memory(c->option_at) > c->packet.option_bytes ? BG_REASON_MALFORMED
								  : BG_REASON_NONE;
}

/* Has the packet options, and nothing else is wrong with it? How many bytes, else 0. */
static __always_inline __u32 options_to_judge(struct bg_case *c)
{
	__u32 bytes = from_memory(c->packet.option_bytes);

	if (c->dissected != BG_REASON_NONE)
		return 0;
	if (bytes)
		__builtin_memset(c->options, 0, sizeof(c->options));
	return bytes;
}

static __always_inline __u32 options_offset(const struct bg_case *c)
{
	return c->packet.network_offset + sizeof(struct iphdr);
}

#endif
