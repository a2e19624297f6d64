/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asking the policy image. One call reads one revision, whole: what it finds
 * stands in c->findings and c->verdict, in place of what an earlier one found.
 */
#ifndef BG_CONSULT_H
#define BG_CONSULT_H

#include "case.h"
#include "classify.h"

/* The rules that apply to the packet; all of them must admit it. */
static __always_inline void consult_rules(struct bg_case *c, const struct bg_policy_view *view,
					  __u32 asked, enum bg_direction direction)
{
	const struct bg_policy *branch = &view->branch->policy[bound(direction, BG_DIRECTIONS)];
	const struct bg_policy *here = &view->header->node_policy[bound(direction, BG_DIRECTIONS)];
	__u32 index = packet_service_index(&c->packet, direction), rule;
	const __u32 flags = view->header->flags;
	bool node = false, pod = true;

	/* an ICMP flow is opened by the request, whichever of the pair this is */
	if (asked & BG_ASK_FLOW && c->packet.tracking != BG_TRACK_ANY)
		index = (c->packet.remote_port & ~BG_FLOW_KEY_EGRESS) << 8;
	switch (c->asks.rules) {
	case BG_RULES_OF_CROSSING:
		node = view->branch->flags & BG_BRANCH_NODE_GROUPS;
		break;
	case BG_RULES_OF_BRANCH:
		break;
	case BG_RULES_OF_PRIMARY:
		node = true;
		pod = !(flags & BG_NODE_PER_INTERFACE);
		break;
	case BG_RULES_OF_NODE:
		node = true;
		pod = false;
		break;
	default:
		c->findings.rules = BG_REASON_NO_RULE;
		return;
	}
	if (!(flags & BG_NODE_HAS_GROUPS))
		node = false;
	c->findings.rules = BG_REASON_RULE;
	/* 0: the branch's groups, 1: the node's */
	for (int which = 0; which < 2; which++) {
		if (!(which ? node : pod))
			continue;
		rule = policy_rule(view, which ? here : branch, c->findings.remote_class,
				   c->packet.protocol, index);
		if (which)
			c->verdict.node_rule = rule;
		else
			c->verdict.rule = rule;
		if (!rule) {
			c->findings.rules = which ? BG_REASON_NO_NODE_RULE : BG_REASON_NO_RULE;
			return;
		}
	}
}

/* One end of the packet: what the image says about its address. */
static __always_inline __u32 consult_address(const struct bg_policy_view *view,
					     const struct bg_addr *address, bool ipv6, __u32 *class)
{
	*class = address_class(view, address, ipv6);
	return class_info(view, *class);
}

/*
 * Finds out what is `asked` (of enum bg_ask); `direction` is the one
 * whose rules are asked. Returns enum bg_reason: NONE, or why nothing passes.
 */
__noinline int consult(struct bg_case *c, __u32 asked, enum bg_direction direction)
{
	struct bg_policy_view view;
	enum bg_reason reason;

	if (!c)
		return BG_REASON_INTERNAL;
	reason = policy_view(&view);
	if (reason != BG_REASON_NONE)
		return reason;
	c->findings.revision = view.header->revision;
	c->verdict.revision = c->findings.revision;
	c->findings.header_flags = view.header->flags;
	if (asked & BG_ASK_LOCAL)
		c->findings.local_info = consult_address(&view, &c->packet.local, c->packet.ipv6,
							 &c->findings.local_class);
	if (asked & BG_ASK_OWNER)
		c->verdict.vlan = c->findings.local_info & BG_CLASS_VLAN_MASK;
	reason = policy_branch(&view, c->verdict.vlan);
	if (reason != BG_REASON_NONE)
		return reason;
	c->findings.tag = view.branch->tag;
	c->findings.mode = view.branch->mode;
	c->verdict.slot = view.branch->slot;
	if (asked & BG_ASK_REMOTE)
		c->findings.remote_info = consult_address(&view, &c->packet.remote, c->packet.ipv6,
							  &c->findings.remote_class);
	if (asked & BG_ASK_RULES)
		consult_rules(c, &view, asked, direction);
	return BG_REASON_NONE;
}

/* Is the pod's end an address of the branch? After consult(). */
static __always_inline bool local_is_ours(const struct bg_case *c)
{
	return (c->findings.local_info & BG_CLASS_VLAN_MASK) == c->verdict.vlan;
}

/* Is the other end an address of the same branch? After consult(). */
static __always_inline bool remote_is_sibling(const struct bg_case *c)
{
	return (c->findings.remote_info & BG_CLASS_VLAN_MASK) == c->verdict.vlan;
}

/* The flags of the packet's flow, or of the probe's that it belongs to; below 0 =
 * none that takes it. After consult(). */
static __always_inline int flow_of(struct bg_case *c, enum bg_key_of key)
{
	flow_key(&c->flow.key, &c->packet, c->findings.tag | key);
	c->flow.now_ns = case_clock_ns(c);
	return flow_peek(&c->flow, &c->packet, c->direction);
}

static __always_inline __u64 list_entry(void *image, __u32 list, __u32 i)
{
	return (__u64)image_cell(image, list + 2 * i) << 32 | image_cell(image, list + 2 * i + 1);
}

enum bg_list {
	BG_LIST_PROBES,		/* of the branch, by the pod's class */
	BG_LIST_LOCAL_SERVICES, /* of the node, by the service's class */
};

/* Binary search: *below counts the entries that come before the one wanted. It is
 * memory of the caller's, for from_memory(). */
static __always_inline bool list_has(void *image, __u32 list, __u32 entries, __u64 wanted,
				     __u32 *below)
{
	*below = 0;
	for (__u32 step = BG_LIST_MOST / 2; step; step /= 2) {
		__u32 next = from_memory(*below) + step;

		if (next <= entries && list_entry(image, list, next - 1) < wanted)
			*below = next;
	}
	return from_memory(*below) < entries &&
	       list_entry(image, list, from_memory(*below)) == wanted;
}

/* Is the packet's service on the list? After consult(), of the same revision. */
__noinline int is_listed(struct bg_case *c, enum bg_list which)
{
	struct bg_policy_view view;
	__u32 list, entries, wanted_class, service;

	if (!c || policy_view(&view) != BG_REASON_NONE ||
	    view.header->revision != c->findings.revision ||
	    policy_branch(&view, c->verdict.vlan) != BG_REASON_NONE)
		return 0;
	service = (__u32)c->packet.protocol << 16;
	if (which == BG_LIST_PROBES) {
		list = view.branch->probes;
		entries = view.branch->probe_count;
		wanted_class = c->findings.local_class;
	} else {
		list = view.header->local_services;
		entries = view.header->local_service_count;
		wanted_class = c->findings.remote_class;
	}
	if (bg_has_ports(c->packet.protocol))
		service |= bpf_ntohs(which == BG_LIST_PROBES ? c->packet.local_port
							     : c->packet.remote_port);
	return list_has(view.image, list, entries, (__u64)wanted_class << 32 | service,
			&c->findings.listed_below);
}

#endif
