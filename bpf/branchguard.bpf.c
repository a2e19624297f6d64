// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs, one a hook: frame → dissect → verdict → act. README.md
 * in this folder draws the way of a packet through them. Only this file knows
 * XDP_* and TC_ACT_*.
 *
 * What passes is TC_ACT_UNSPEC, "next program", never TC_ACT_OK: other programs
 * on the same interface still run.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "config.h"
#include "dissect.h"
#include "handover.h"
#include "iface.h"
#include "maps.bpf.h"
#include "verdict.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * The case a program works on. In a map, not on the stack: the verifier does not
 * tell values in a map apart, so the many ways through the parser meet again.
 * Programs run with softirqs disabled, one at a time on a CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bg_case);
} scratch SEC(".maps");

static __always_inline struct bg_case *open_case(enum bg_direction direction, __u32 ifindex,
						 __u32 vlan)
{
	__u32 zero = 0;
	struct bg_case *c = bpf_map_lookup_elem(&scratch, &zero);

	if (!c)
		return NULL;
	__builtin_memset(c, 0, sizeof(*c));
	c->direction = direction;
	c->ifindex = ifindex;
	c->verdict.vlan = vlan;
	return c;
}

/*
 * XDP on a branch, or on the trunk for the branch that a tag names; ifindex 0
 * says that it is not armed. Packets whose headers may reach past the first
 * buffer are left to TC, which can pull them.
 */
static __always_inline int judge_xdp(struct xdp_md *ctx, __u32 vlan, __u32 branch_ifindex)
{
	struct bg_frame frame = {
		.data = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.length_bytes = bpf_xdp_get_buff_len(ctx),
	};
	__u32 direct_bytes = frame.end - frame.data;
	struct bg_case *c = open_case(BG_INGRESS, branch_ifindex, vlan);
	int action = XDP_DROP;

	if (!c)
		return XDP_DROP;
	if (direct_bytes < frame.length_bytes && direct_bytes < PARSE_MAX_OFFSET)
		return XDP_PASS;
	if (!branch_ifindex) {
		c->packet.length_bytes = frame.length_bytes;
		conclude(c, BG_REASON_NOT_ARMED, bpf_ktime_get_coarse_ns());
	} else {
		dissect(&frame, c);
		if (verdict(c)) {
			action = XDP_PASS;
			handover_give(ctx, branch_ifindex);
		}
	}
	note(&c->verdict, BG_INGRESS, action);
	return action;
}

SEC("xdp.frags")
int xdp_branch(struct xdp_md *ctx)
{
	return judge_xdp(ctx, iface_branch_vlan(ctx->ingress_ifindex), ctx->ingress_ifindex);
}

/*
 * Drivers that take the tag out of the frame leave nothing to read here: such
 * packets are judged by TC on the branch.
 */
SEC("xdp.frags")
int xdp_trunk(struct xdp_md *ctx)
{
	struct bg_frame frame = { .data = (void *)(long)ctx->data,
				  .end = (void *)(long)ctx->data_end };
	__u16 offset;
	__u32 vlan;

	parse_ethernet(&frame, &offset, &vlan);
	return vlan ? judge_xdp(ctx, vlan, vlan_armed_ifindex(vlan)) : XDP_PASS;
}

static __always_inline void frame_of_skb(struct __sk_buff *ctx, struct bg_frame *frame)
{
	frame->data = (void *)(long)ctx->data;
	frame->end = (void *)(long)ctx->data_end;
	frame->length_bytes = ctx->len;
}

/* Verified once, called twice at the most; `c` is never NULL. Returns whether it
 * may have missed something that lies in pages. */
__noinline int dissect_skb(struct __sk_buff *ctx, struct bg_case *c)
{
	struct bg_frame frame;

	if (!c)
		return 0;
	frame_of_skb(ctx, &frame);
	dissect(&frame, c);
	return c->dissected == BG_REASON_TRUNCATED || c->packet.icmp_error;
}

/*
 * An skb's headers may lie in pages: when the parser lacks something that is
 * there, it is pulled in (which copies, so not before), and parsed anew.
 */
static __always_inline void dissect_paged(struct __sk_buff *ctx, struct bg_case *c)
{
	__u32 wanted = ctx->len < PARSE_MAX_OFFSET ? ctx->len : PARSE_MAX_OFFSET;
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (!dissect_skb(ctx, c) || end - data >= wanted || bpf_skb_pull_data(ctx, wanted))
		return;
	__builtin_memset(&c->packet, 0, sizeof(c->packet));
	__builtin_memset(&c->quoted, 0, sizeof(c->quoted));
	dissect_skb(ctx, c);
}

static __always_inline int judge_skb(struct __sk_buff *ctx, enum bg_direction direction)
{
	struct bg_case *c = open_case(direction, ctx->ifindex, iface_branch_vlan(ctx->ifindex));
	int action;

	if (!c)
		return TC_ACT_SHOT;
	dissect_paged(ctx, c);
	action = verdict(c) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	note(&c->verdict, direction, action);
	return action;
}

SEC("tc")
int tc_branch_ingress(struct __sk_buff *ctx)
{
	if (handover_taken(ctx))
		return TC_ACT_UNSPEC;
	return judge_skb(ctx, BG_INGRESS);
}

SEC("tc")
int tc_branch_egress(struct __sk_buff *ctx)
{
	return judge_skb(ctx, BG_EGRESS);
}

/* Frames of VLANs whose branch is not armed: nothing comes in, nothing leaves. */
SEC("tc")
int tc_trunk_guard(struct __sk_buff *ctx)
{
	/* ingress_ifindex is 0 for what this host sends */
	enum bg_direction direction = ctx->ingress_ifindex == ctx->ifindex ? BG_INGRESS : BG_EGRESS;
	struct bg_frame frame;
	struct bg_case *c;
	__u16 offset;
	__u32 vlan;

	frame_of_skb(ctx, &frame);
	if (ctx->vlan_present)
		vlan = ctx->vlan_tci & (BG_VLANS - 1);
	else
		parse_ethernet(&frame, &offset, &vlan);
	if (!vlan || vlan_armed_ifindex(vlan))
		return TC_ACT_UNSPEC;
	c = open_case(direction, ctx->ifindex, vlan);
	if (!c)
		return TC_ACT_SHOT;
	c->packet.length_bytes = frame.length_bytes;
	conclude(c, BG_REASON_NOT_ARMED, bpf_ktime_get_coarse_ns());
	note(&c->verdict, direction, TC_ACT_SHOT);
	return TC_ACT_SHOT;
}

SEC("tc")
int tc_pod_egress(struct __sk_buff *ctx)
{
	return ctx->len ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int tc_node_ingress(struct __sk_buff *ctx)
{
	return ctx->len ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int tc_node_egress(struct __sk_buff *ctx)
{
	return ctx->len ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}
