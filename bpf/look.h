/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How TC's programs look at a packet: briefly, and if that is not enough, at all of it; and whose
 * VLAN it is in. */
#ifndef BG_LOOK_H
#define BG_LOOK_H

#include "dissect.h"
#include "options.h"
#include "partial.h"

static __always_inline void frame_of_skb(struct __sk_buff *ctx, struct bg_frame *frame)
{
	frame->data = (void *)(long)ctx->data;
	frame->end = (void *)(long)ctx->data_end;
	frame->length_bytes = ctx->len;
}

/* The long look. Pulls in what lies in pages, as far as the parser reads: that
 * copies, so not before. `c` is never NULL. */
__noinline int dissect_skb_fully(struct __sk_buff *ctx, struct bg_case *c)
{
	__u32 wanted = ctx->len < PARSE_MAX_OFFSET ? ctx->len : PARSE_MAX_OFFSET;
	struct bg_frame frame;
	__u32 option_bytes;

	if (!c)
		return 0;
	frame_of_skb(ctx, &frame);
	if (frame.data + wanted > frame.end) {
		if (bpf_skb_pull_data(ctx, wanted))
			return 0;
		frame_of_skb(ctx, &frame);
	}
	__builtin_memset(&c->packet, 0, sizeof(c->packet));
	dissect(&frame, c, false);
	/* one less: the verifier of Linux 6.1 does not see that what is not 0 is above it */
	option_bytes = unforeseen(options_to_judge(c) - 1);
	if (option_bytes < MOST_OPTION_BYTES)
		c->dissected =
			bpf_skb_load_bytes(ctx, options_offset(c), c->options, option_bytes + 1)
				? BG_REASON_TRUNCATED
				: judge_options(c);
	return 0;
}

static __always_inline void dissect_skb(struct __sk_buff *ctx, struct bg_case *c)
{
	struct bg_frame frame;

	frame_of_skb(ctx, &frame);
	dissect(&frame, c, true);
	if (!dissect_is_brief(&frame, c))
		dissect_skb_fully(ctx, c);
	if (ctx->vlan_present && ctx->vlan_tci & (BG_VLANS - 1))
		c->dissected = BG_REASON_TAGGED;
	if (c->dissected == BG_REASON_NONE && is_partial(ctx, c) && spoils_headers(ctx, c))
		c->dissected = BG_REASON_MALFORMED;
}

/*
 * The VLAN whose interface the stack would give the frame to, 0 = none. It looks through
 * any number of tags with id 0; more than the parser does are nobody's (BG_VLANS).
 */
static __always_inline __u32 vlan_of(struct __sk_buff *ctx)
{
	struct bg_frame frame;
	__u16 offset, ethertype;
	__u32 vlan = 0;
	__u8 tags;

	if (ctx->vlan_present)
		vlan = ctx->vlan_tci & (BG_VLANS - 1);
	if (vlan)
		return vlan;
	frame_of_skb(ctx, &frame);
	ethertype = parse_ethernet(&frame, &offset, &vlan, &tags);
	return !vlan && is_tag(ethertype) ? BG_VLANS : vlan;
}

#endif
