// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs, one a hook: frame → dissect → verdict → act. README.md
 * in this folder draws the way of a packet through them. Only this file knows
 * XDP_*.
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
#include "maps.bpf.h"
#include "verifier.h"

/* frame */
#include "iface.h"
#include "handover.h"

/* dissect */
#include "dissect.h"
#include "look.h"
#include "options.h"
#include "partial.h"

/* verdict */
#include "verdict.h"

/* act */
#include "astray.h"
#include "at_node.h"
#include "at_pod.h"
#include "exits.h"
#include "hook.h"
#include "node_flow.h"
#include "on_node.h"
#include "short_way.h"
#include "standard.h"
#include "whose.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The long look; packets that it would not see whole have gone to TC. `c` is
 * never NULL. */
__noinline int dissect_xdp_fully(struct xdp_md *ctx, struct bg_case *c, __u32 length_bytes)
{
	struct bg_frame frame = {
		.data = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.length_bytes = length_bytes,
	};
	__u32 option_bytes;

	if (!c)
		return 0;
	__builtin_memset(&c->packet, 0, sizeof(c->packet));
	dissect(&frame, c, false);
	/* one less: the verifier of Linux 6.1 does not see that what is not 0 is above it */
	option_bytes = unforeseen(options_to_judge(c) - 1);
	if (option_bytes < MOST_OPTION_BYTES)
		c->dissected =
			bpf_xdp_load_bytes(ctx, options_offset(c), c->options, option_bytes + 1)
				? BG_REASON_TRUNCATED
				: judge_options(c);
	return 0;
}

/*
 * XDP on a branch, or on the trunk for the branch that a tag names; ifindex 0
 * says that it is not armed. Packets whose headers may reach past the first
 * buffer are left to TC, which can pull them.
 */
static __always_inline int judge_xdp(struct xdp_md *ctx, __u32 vlan, __u32 branch_ifindex,
				     __u32 length_bytes, __u32 own_tags)
{
	struct bg_frame frame = {
		.data = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.length_bytes = length_bytes,
	};
	__u32 direct_bytes = frame.end - frame.data;
	struct bg_case *c = open_case(BG_INGRESS, branch_ifindex, vlan);
	int action = XDP_DROP;

	if (!c)
		return XDP_DROP;
	if (direct_bytes < frame.length_bytes && direct_bytes < PARSE_MAX_OFFSET)
		return XDP_PASS;
	case_is(c, BG_CASE_ENTERS);
	c->own_tags = own_tags;
	if (!branch_ifindex) {
		c->packet.length_bytes = frame.length_bytes;
		conclude(c, BG_REASON_NOT_ARMED);
	} else {
		dissect(&frame, c, true);
		if (!dissect_is_brief(&frame, c))
			dissect_xdp_fully(ctx, c, length_bytes);
		if (verdict(c)) {
			action = XDP_PASS;
			handover_give(ctx, branch_ifindex, &c->verdict);
		}
	}
	trace_verdict(c, action);
	return action;
}

/* Generic XDP hands over packets in one piece. */
SEC("xdp")
int xdp_branch(struct xdp_md *ctx)
{
	return judge_xdp(ctx, iface_branch_vlan(ctx->ingress_ifindex), ctx->ingress_ifindex,
			 ctx->data_end - ctx->data, 0);
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
	__u8 tags;

	parse_ethernet(&frame, &offset, &vlan, &tags);
	if (!vlan)
		return XDP_PASS;
	return judge_xdp(ctx, vlan, vlan_armed_ifindex(ctx, vlan), bpf_xdp_get_buff_len(ctx), 1);
}

/*
 * Ingress of a branch. What XDP has judged is not judged again, unless something is yet to
 * be filled in, which XDP does not see. A strict pod's packet that conntrack need not see
 * goes straight to the pod, unless somebody else's program wants to see it on this
 * interface, or the frame is for another MAC: that is the stack's to drop.
 */
SEC("tc")
int tc_branch_ingress(struct __sk_buff *ctx)
{
	struct bg_case *c = open_case(BG_INGRESS, ctx->ifindex, iface_branch_vlan(ctx->ifindex));
	int action = TC_ACT_UNSPEC;
	bool judged;

	if (!c)
		return TC_ACT_SHOT;
	case_is(c, BG_CASE_ENTERS);
	judged = handover_take(ctx, &c->verdict) && !is_partial(ctx, c);
	all_from_memory(); /* clang keeps a packet pointer by halves else */
	if (judged && !c->verdict.short_way)
		return TC_ACT_UNSPEC;
	dissect_skb(ctx, c);
	if (!judged && !verdict(c)) {
		action = TC_ACT_SHOT;
	} else if (c->verdict.short_way && !ctx->pkt_type) {
		action = to_pod(ctx, c, true);
		if (action == TC_ACT_REDIRECT)
			count_short_way(c);
	}
	trace_verdict(c, action);
	return action;
}

/* Egress of a branch: the verdict, and the last look at the source address. */
SEC("tc")
int tc_branch_egress(struct __sk_buff *ctx)
{
	struct bg_case *c = open_case(BG_EGRESS, ctx->ifindex, iface_branch_vlan(ctx->ifindex));
	int action = TC_ACT_SHOT;
	bool astray = false;

	if (!c)
		return TC_ACT_SHOT;
	if (!ctx->ingress_ifindex)
		case_is(c, BG_CASE_LEAVES_HOST);
	else if (ctx->tc_index == BG_CAME_BY_SHORT_WAY)
		case_is(c, BG_CASE_LEAVES_SHORT);
	else if (ctx->tc_index == BG_CAME_BY_STACK)
		case_is(c, BG_CASE_LEAVES_STACK);
	else {
		case_is(c, BG_CASE_LEAVES_ASTRAY);
		astray = true;
	}
	dissect_skb(ctx, c);
	if (astray && c->dissected == BG_REASON_NONE && came_in_elsewhere(ctx, c)) {
		action = refuse(c, BG_REASON_SPOOFED);
	} else if (verdict(c)) {
		action = TC_ACT_UNSPEC;
		if (from_memory(c->flow.clear_flags) & BG_FLOW_STACK)
			count_short_way(c);
	}
	trace_verdict(c, action);
	return action;
}

/*
 * Frames of VLANs whose branch is not armed, or whose interface is not the one any more
 * that was: nothing comes in, nothing leaves. Nor does what a strict pod sends without its
 * branch's tag.
 */
SEC("tc")
int tc_trunk_guard(struct __sk_buff *ctx)
{
	/* ingress_ifindex is 0 for what this host sends */
	enum bg_direction direction = ctx->ingress_ifindex == ctx->ifindex ? BG_INGRESS : BG_EGRESS;
	enum bg_reason reason = BG_REASON_NOT_ARMED;
	__u32 vlan = vlan_of(ctx);
	struct bg_iface *from;
	struct bg_case *c;

	if (vlan) {
		if (vlan_armed_ifindex(ctx, vlan))
			return TC_ACT_UNSPEC;
	} else {
		from = direction == BG_EGRESS ? iface_find(ctx->ingress_ifindex) : NULL;
		if (!from || from->role != BG_ROLE_POD_STRICT)
			return TC_ACT_UNSPEC;
		reason = BG_REASON_OFF_BRANCH;
	}
	c = open_case(direction, ctx->ifindex, vlan);
	if (!c)
		return TC_ACT_SHOT;
	c->packet.length_bytes = ctx->len;
	conclude(c, reason);
	trace_verdict(c, TC_ACT_SHOT);
	return TC_ACT_SHOT;
}

/* What a pod sends, at the host end of its veth. What cannot be parsed of a standard
 * pod's is left to the programs at the way out, which drop and count it. */
SEC("tc")
int tc_pod_egress(struct __sk_buff *ctx)
{
	struct bg_iface *iface = iface_find(ctx->ifindex);
	int action = TC_ACT_UNSPEC;
	enum bg_role role;
	struct bg_case *c;

	/* whatever the pod has put there */
	set_came_by(ctx, BG_CAME_UNKNOWN);
	if (!iface)
		return TC_ACT_UNSPEC;
	c = open_case(BG_EGRESS, ctx->ifindex, iface->vlan);
	if (!c)
		return TC_ACT_SHOT;
	role = iface->role;
	dissect_skb(ctx, c);
	if (role == BG_ROLE_POD_STRICT)
		action = strict_pod_egress(ctx, c);
	else if (c->dissected == BG_REASON_TAGGED)
		action = refuse(c, BG_REASON_TAGGED);
	else if (role == BG_ROLE_POD_STANDARD && c->dissected == BG_REASON_NONE &&
		 !packet_stays_on_link(&c->packet))
		action = standard_pod_egress(ctx, c);
	trace_verdict(c, action);
	return action;
}

/*
 * What reaches a pod, at the host end of its veth. A strict pod's branch has judged what
 * comes from there, and the node's own has no interface that it came by: both are most of it.
 */
SEC("tc")
int tc_pod_ingress(struct __sk_buff *ctx)
{
	struct bg_iface *from, *iface;
	enum bg_direction direction;
	int action = TC_ACT_UNSPEC;
	struct bg_case *c;

	if (!ctx->ingress_ifindex)
		return TC_ACT_UNSPEC;
	from = iface_find(ctx->ingress_ifindex);
	if (!from || (from->role != BG_ROLE_POD_STRICT && from->role != BG_ROLE_PRIMARY))
		return TC_ACT_UNSPEC;
	iface = iface_find(ctx->ifindex);
	if (!iface)
		return TC_ACT_UNSPEC;
	/* from a strict pod it is looked at as his first */
	direction = from->role == BG_ROLE_POD_STRICT && from->ifindex != ctx->ifindex ? BG_EGRESS
										      : BG_INGRESS;
	c = open_case(direction, ctx->ifindex, direction == BG_EGRESS ? from->vlan : iface->vlan);
	if (!c)
		return TC_ACT_SHOT;
	if (from->role == BG_ROLE_PRIMARY) {
		if (iface->role != BG_ROLE_POD_STANDARD)
			return TC_ACT_UNSPEC;
		action = standard_pod_ingress(ctx, c);
	} else if (from->ifindex == ctx->ifindex) {
		action = from_itself(ctx, c);
	} else {
		action = from_strict_pod(ctx, c, from,
					 iface->role == BG_ROLE_POD_STRICT ? iface->vlan : 0);
	}
	trace_verdict(c, action);
	return action;
}

/* The primary interface, inward: what is addressed to a standard pod is judged, what is for the
 * node only looked at. */
SEC("tc")
int tc_node_ingress(struct __sk_buff *ctx)
{
	struct bg_case *c;
	int action;

	if (!node_has_standard_pods())
		return TC_ACT_UNSPEC;
	c = open_case(BG_INGRESS, ctx->ifindex, 0);
	if (!c)
		return TC_ACT_UNSPEC;
	dissect_skb(ctx, c);
	if (c->dissected != BG_REASON_NONE)
		return TC_ACT_UNSPEC;
	if (!is_for_standard_pod(c)) {
		if (!c->verdict.vlan)
			node_receives(c);
		return TC_ACT_UNSPEC;
	}
	case_is(c, BG_CASE_PRIMARY_ENTERS);
	action = verdict(c) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
	trace_verdict(c, action);
	return action;
}

/* The primary interface, outward: probes and replies of node-local services to
 * strict pods of this node; the way out of standard pods. */
SEC("tc")
int tc_node_egress(struct __sk_buff *ctx)
{
	const struct bg_leaving leaving = leaving_of(primary_egress(ctx));
	enum bg_node_exit exit = leaving.exit;
	int action = TC_ACT_SHOT;
	struct bg_case *c;

	if (exit == BG_NODE_FABRIC)
		return TC_ACT_UNSPEC;
	c = open_case(leaving.direction, ctx->ifindex, leaving.vlan);
	if (!c)
		return TC_ACT_SHOT;
	dissect_skb(ctx, c);
	if (!ctx->ingress_ifindex)
		exit = made_here_exit(ctx, c);
	else if (exit == BG_NODE_JUDGE)
		standard_leaves(ctx, c);
	if (exit == BG_NODE_FABRIC)
		return TC_ACT_UNSPEC;
	if (exit == BG_NODE_REFUSE)
		refuse(c, BG_REASON_OFF_BRANCH);
	else if (verdict(c))
		action = ctx->ingress_ifindex ? TC_ACT_UNSPEC : to_pod(ctx, c, false);
	trace_verdict(c, action);
	return action;
}

/*
 * Is on no hook: the loader runs it on "packets" that hold flows of another table
 * (flow.h: a header, then as many as fit) when that cannot be taken over as it
 * is (user/datapath/migrate.c). Returns how many it could not place.
 */
SEC("tc")
int tc_import_flows(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data + BG_IMPORT_HEADER_BYTES;
	void *end = (void *)(long)ctx->data_end;
	struct bg_case *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&scratch, &zero);
	if (!c)
		return BG_IMPORT_FLOWS;
	/* counted in memory: the verifier would follow each number */
	c->flow.rule = 0;
	for (int i = 0; i < BG_IMPORT_FLOWS; i++) {
		if (data + sizeof(struct bg_flow) > end)
			break;
		if (flow_import(data, &c->flow) == BG_CREATE_FULL)
			c->flow.rule++;
		data += sizeof(struct bg_flow);
	}
	return (int)c->flow.rule;
}

/*
 * Holds a program's place in a tcx chain while the program itself gets another
 * at the head: no program can be in a chain twice (user/datapath/attach.c).
 */
SEC("tc")
int tc_stand_in(struct __sk_buff *ctx)
{
	bpf_tail_call(ctx, &stands_in_for, 0);
	return TC_ACT_SHOT;
}
