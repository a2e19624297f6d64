/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The verdict: one function for both directions, both families, XDP and TC.
 *
 *	1. not IP: ARP passes, the rest is dropped		dissect.h
 *	2. malformed, truncated, unwalkable: dropped		dissect.h
 *	3. neighbour and router discovery, MLD: pass		judge_slowly()
 *	4. the pod's address must be the branch's (not DHCP)	judge_slowly(), review_flow()
 *	5. later fragments take the ports of the first		judge_slowly()
 *	6. a tracked flow passes				judge_fast(), ask_flows()
 *	7. an ICMP error about a tracked flow passes		judge_slowly()
 *	8. platform traffic passes				admit()
 *	9. the rules decide					admit()
 *
 * Most packets belong to a flow in steady state, so step 6 is tried first. That
 * is the same verdict: what steps 3 to 5 would stop has no flow, because a flow
 * remembers the revision for which its address was last found on the branch
 * (`checked`), and is reviewed once under every new one.
 */
#ifndef BG_VERDICT_H
#define BG_VERDICT_H

#include "case.h"
#include "consult.h"
#include "exempt.h"
#include "flow_create.h"
#include "fragment.h"
#include "icmp_error.h"
#include "report.h"

/* Step 4. */
static __always_inline bool local_is_right(const struct bg_case *c)
{
	return c->asks.foreign == BG_REASON_NONE || local_is_ours(c);
}

/* A flow that no rule admitted: there is none to put it to. */
static __always_inline bool needs_no_rule(const struct bg_case *c, enum bg_direction first)
{
	return c->flow.flags & (BG_FLOW_PROBE | BG_FLOW_PRIMARY) ||
	       c->asks.key == BG_KEY_OF_PROBE || is_platform(c, first);
}

/*
 * A flow meets a revision it was not checked under: its address must still be
 * the branch's, and under "revalidate" a rule must still admit it in its first
 * direction. BG_REASON_TRACKED: it lives on.
 */
__noinline int review_flow(struct bg_case *c)
{
	enum bg_flow_change change = BG_FLOW_KEEP;
	enum bg_direction first;
	enum bg_reason reason;

	if (!c)
		return BG_REASON_INTERNAL;
	first = flow_direction(c->flow.flags);
	reason = consult(c, BG_ASK_ALL | BG_ASK_FLOW, first);
	if (reason != BG_REASON_NONE)
		return reason;
	reason = BG_REASON_TRACKED;
	if (!local_is_right(c)) {
		change = BG_FLOW_FORGET;
		reason = c->asks.foreign;
	} else if (c->findings.header_flags & BG_NODE_REVALIDATE && !needs_no_rule(c, first)) {
		change = BG_FLOW_READMIT;
		if (c->findings.rules != BG_REASON_RULE) {
			change = BG_FLOW_FORGET;
			reason = BG_REASON_REVOKED;
		}
	}
	c->flow.revision = c->findings.revision;
	flow_confirm(&c->flow, change, c->verdict.rule);
	return reason;
}

static __always_inline enum bg_reason tracked(struct bg_case *c)
{
	c->verdict.rule = c->flow.rule;
	if (c->flow.flags & BG_FLOW_PROBE)
		return BG_REASON_PROBE;
	return c->flow.flags & BG_FLOW_LOCAL_SERVICE ? BG_REASON_LOCAL_SERVICE : BG_REASON_TRACKED;
}

/* Step 6; BG_REASON_NONE = no flow. */
static __always_inline enum bg_reason ask_flows(struct bg_case *c)
{
	enum bg_reason reason;
	int result;

	/* a reviewed flow is found the second time; the one that then takes its place, the
	 * third time */
	for (int i = 0; i < 3; i++) {
		result = flow_find(&c->flow, &c->packet, c->direction);
		if (result == BG_FLOW_MISS)
			break;
		if (result == BG_FLOW_HIT)
			return tracked(c);
		reason = review_flow(c);
		if (reason != BG_REASON_TRACKED)
			return reason;
	}
	return BG_REASON_NONE;
}

/* flow_create(), and if somebody gave way, it is counted. */
static __always_inline enum bg_create_result begin_flow(struct bg_flow_query *query)
{
	enum bg_create_result result = flow_create(query);
	struct bg_control *block;

	if (result == BG_CREATE_EVICTED) {
		block = control_block();
		if (block)
			__sync_fetch_and_add(&block->flows_evicted, 1);
	}
	return result;
}

/* A first packet was let through: remember it, if its kind opens flows. */
static __always_inline enum bg_reason open_flow(struct bg_case *c, enum bg_reason admitted)
{
	const struct bg_packet *packet = &c->packet;
	struct bg_new_flow *new = &c->flow.new;

	*new = (struct bg_new_flow){
		.rule = c->verdict.rule,
		.length_bytes = packet->length_bytes,
		.direction = c->direction,
		.flags = c->flow.set_flags,
		.isn = packet->tcp_seq,
	};
	if (packet->tracking == BG_TRACK_NONE || packet->tracking == BG_TRACK_REPLY ||
	    packet->tcp_flags & TCP_RST)
		return admitted == BG_REASON_RULE ? BG_REASON_RULE_UNTRACKED : admitted;
	if (new->direction == BG_EGRESS)
		new->flags |= BG_FLOW_EGRESS;
	if (packet->protocol == IPPROTO_TCP && !is_new_syn(packet->tcp_flags)) {
		new->flags |= BG_FLOW_MIDSTREAM;
		new->isn = 0;
	}
	if (admitted == BG_REASON_PLATFORM)
		new->flags |= BG_FLOW_PLATFORM;
	new->flags = flow_next_flags(new->flags, packet->tcp_flags, new->direction);
	new->timeout_s = flow_timeout_s(&c->flow.timeouts, packet->protocol, new->flags);
	if (begin_flow(&c->flow) == BG_CREATE_FULL)
		return BG_REASON_TABLE_FULL;
	c->verdict.reason = admitted;
	report_event(c, BG_EVENT_FLOW);
	return admitted;
}

/* Steps 8 and 9. */
static __always_inline enum bg_reason admit(struct bg_case *c)
{
	enum bg_reason reason = c->findings.rules;
	struct bg_rule *rule;
	__u32 number;

	if (c->asks.exempt != BG_REASON_NONE)
		reason = c->asks.exempt;
	else if (is_platform(c, c->direction))
		reason = BG_REASON_PLATFORM;
	if (!bg_reason_passes(reason))
		return reason;
	if (reason != BG_REASON_RULE)
		c->verdict.rule = c->verdict.node_rule = 0;
	reason = open_flow(c, reason);
	number = c->verdict.rule;
	if (number && bg_reason_passes(reason)) {
		rule = bpf_map_lookup_elem(&rules, &number);
		if (rule)
			__sync_fetch_and_add(&rule->hits, 1);
	}
	return reason;
}

/* Steps 4 and 7 to 9, for a packet without a flow. */
static __always_inline enum bg_reason judge_first(struct bg_case *c, bool dhcp, bool ports_known)
{
	__u32 tag = bg_flow_tag(&c->flow.key);
	enum bg_reason reason;
	int related;

	reason = consult(c, BG_ASK_ALL, c->direction);
	if (reason != BG_REASON_NONE)
		return reason;
	/* the VLAN has changed hands since judge_fast() looked */
	if (tag && c->findings.tag != tag)
		return BG_REASON_NO_BRANCH;
	c->flow.revision = c->findings.revision;
	if (!dhcp && !local_is_right(c))
		return c->asks.foreign;
	if (!ports_known)
		return BG_REASON_FRAGMENT_UNKNOWN;
	if (!c->packet.icmp_error)
		return admit(c);
	related = icmp_error_flow(c, tag);
	if (related >= 0) {
		c->flow.flags = related;
		return BG_REASON_ICMP_ERROR;
	}
	reason = admit(c);
	return reason == BG_REASON_NO_RULE ? BG_REASON_ICMP_ERROR_UNKNOWN : reason;
}

/* Steps 3 to 9 for whatever judge_fast() has not settled; if it has found that there is no
 * flow, `no_flow`. `c` is never NULL. */
__noinline int judge_slowly(struct bg_case *c, __u32 no_flow)
{
	enum bg_reason reason = BG_REASON_NONE;
	bool dhcp, ports_known = true;
	__u32 tag;

	if (!c)
		return BG_REASON_INTERNAL;
	tag = c->flow.key.branch;
	if (is_discovery(c))
		return BG_REASON_NEIGHBOUR;
	dhcp = is_dhcp(c);
	if (dhcp && !(c->findings.header_flags & BG_NODE_FILTER_PLATFORM))
		return BG_REASON_DHCP;
	if (c->packet.fragment == BG_LATER_FRAGMENT) {
		ports_known = fragment_recall(&c->packet, tag, c->direction, c->flow.now_ns);
		flow_key(&c->flow.key, &c->packet, tag);
		flow_place(&c->flow.place, &c->flow.key);
	}
	if (ports_known && c->packet.tracking != BG_TRACK_NONE && !no_flow)
		reason = ask_flows(c);
	if (reason == BG_REASON_NONE)
		reason = judge_first(c, dhcp, ports_known);
	if (c->packet.fragment == BG_FIRST_FRAGMENT && bg_reason_passes(reason))
		fragment_remember(&c->packet, tag, c->direction, c->flow.now_ns);
	return reason;
}

static __always_inline bool is_first_local(const struct bg_policy_view *view,
					   const struct bg_packet *packet)
{
	const struct bg_addr *first = &view->branch->first_local[bound(packet->ipv6, 2)];

	return !((BG_HALF(first, 0) ^ BG_HALF(&packet->local, 0)) |
		 (BG_HALF(first, 1) ^ BG_HALF(&packet->local, 1)));
}

/*
 * Is it a first packet that no rule admits? A scan is made of such packets, so
 * they are worth a short cut: steps 4, 8 and 9 without a call. Whatever else
 * this finds, judge_slowly() finds again.
 */
static __always_inline bool denied_at_once(struct bg_case *c, const struct bg_policy_view *view)
{
	if (c->asks.exempt != BG_REASON_NONE || c->packet.icmp_error || is_dhcp(c))
		return false;
	if (!is_first_local(view, &c->packet)) {
		c->findings.local_info = consult_address(view, &c->packet.local, c->packet.ipv6,
							 &c->findings.local_class);
		if (!local_is_right(c))
			return false;
	}
	c->findings.remote_class = address_class(view, &c->packet.remote, c->packet.ipv6);
	/* only egress has platform traffic */
	if (c->direction == BG_EGRESS)
		c->findings.remote_info = class_info(view, c->findings.remote_class);
	if (is_platform(c, c->direction))
		return false;
	consult_rules(c, view, 0, c->direction);
	return c->findings.rules != BG_REASON_RULE;
}

/* Step 6 for a flow in steady state, without lock or call; else all the rest. */
static __always_inline enum bg_reason judge_fast(struct bg_case *c,
						 const struct bg_policy_view *view)
{
	__u32 branch = c->asks.key == BG_KEY_OF_NODE ? 0 : view->branch->tag | c->asks.key;
	bool no_flow = false;

	c->flow.revision = view->header->revision;
	c->findings.header_flags = view->header->flags;
	flow_key(&c->flow.key, &c->packet, branch);
	flow_place(&c->flow.place, &c->flow.key);
	if (c->packet.fragment == BG_WHOLE && c->packet.tracking != BG_TRACK_NONE) {
		switch (flow_hit(&c->flow, &c->packet, c->direction)) {
		case BG_FLOW_HIT:
			return tracked(c);
		case BG_FLOW_MISS:
			c->flow.flags = 0;
			no_flow = true;
			if (denied_at_once(c, view))
				return c->findings.rules;
			break;
		default:
			break;
		}
	}
	c->flow.timeouts = view->branch->timeouts;
	return judge_slowly(c, no_flow);
}

/* Counts and reports; every packet comes through here once. */
static __always_inline void conclude(struct bg_case *c, enum bg_reason reason)
{
	c->verdict.reason = reason;
	/* a rule is named for what it admits, if only on the branch's side */
	if (!bg_reason_passes(reason) && reason != BG_REASON_NO_NODE_RULE)
		c->verdict.rule = 0;
	count(c);
	if (!bg_reason_passes(reason))
		report_event(c, BG_EVENT_DROP);
}

/* What conntrack must see (it may have changed the addresses) keeps to the stack.
 * The mode is of the revision that gave the reason: of the view in verdict(), or of
 * the later one that consult() read, should a publish have come between the two. */
static __always_inline bool may_take_short_way(const struct bg_case *c, enum bg_reason reason)
{
	return short_way && c->findings.mode == BG_STRICT && !(c->flow.flags & BG_FLOW_STACK) &&
	       (reason == BG_REASON_TRACKED || reason == BG_REASON_RULE ||
		reason == BG_REASON_PLATFORM || reason == BG_REASON_ICMP_ERROR);
}

/* Judges, counts, reports; whether the packet passes. */
static __always_inline bool verdict(struct bg_case *c)
{
	struct bg_policy_view view;
	enum bg_reason reason = policy_view(&view);

	if (reason == BG_REASON_NONE) {
		c->verdict.revision = view.header->revision;
		reason = policy_branch(&view, c->verdict.vlan);
	}
	if (reason == BG_REASON_NONE) {
		c->verdict.slot = view.branch->slot;
		c->flow.now_ns = case_clock_ns(c);
		c->findings.mode = view.branch->mode;
		reason = c->dissected;
		if (reason == BG_REASON_NONE)
			reason = judge_fast(c, &view);
		c->verdict.short_way = may_take_short_way(c, reason);
	}
	conclude(c, reason);
	return bg_reason_passes(reason);
}

/* The same by a call: for what is rare, or has little room on the stack. `c` is never NULL. */
__noinline int verdict_apart(struct bg_case *c)
{
	return c ? verdict(c) : 0;
}

#endif
