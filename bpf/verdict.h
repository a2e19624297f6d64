/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The verdict: one function for both directions, both families, XDP and TC.
 *
 *	1. not IP: ARP passes, the rest is dropped		dissect.h
 *	2. malformed, truncated, unwalkable: dropped		dissect.h
 *	3. neighbour and router discovery, MLD: pass		judge()
 *	4. the pod's address must be the branch's (not DHCP)	judge(), confirm_flow()
 *	5. later fragments take the ports of the first		judge()
 *	6. a tracked flow passes				ask_flows()
 *	7. an ICMP error about a tracked flow passes		judge()
 *	8. platform traffic passes				admit()
 *	9. the rules decide					admit()
 *
 * The pod's address is looked up before the flow only where the flow cannot
 * vouch for it: a flow remembers the revision for which its address was last
 * found on the branch (`checked`), and is confirmed once under every new one.
 */
#ifndef BG_VERDICT_H
#define BG_VERDICT_H

#include "classify.h"
#include "flow_table.h"
#include "fragment.h"
#include "icmp_error.h"
#include "platform.h"
#include "report.h"

/*
 * A packet that comes to be judged, and the answer. Plain data without packet
 * pointers: the verdict is a function of its own for the verifier, checked once
 * and not once for every way through the parser.
 */
struct bg_case {
	struct bg_packet packet;
	struct bg_verdict verdict; /* .vlan is given, the rest is the answer */
	enum bg_reason dissected;  /* what steps 1 and 2 say, NONE = go on */
	enum bg_direction direction;
	__u32 ifindex;
	enum bg_reason exempt; /* the reason why no rule is asked, NONE = rules are */
	__u16 groups;	       /* enum bg_groups: whose rules must admit it */
	__u16 came_by;	       /* enum bg_path */
	__u16 node_flow;       /* a flow of the node's own address, not of a pod's */
	__u16 no_flow;	       /* the fast look-up found none */
	struct bg_flow_query flow;
	/* filled in only where it is needed */
	struct bg_packet quoted; /* by an ICMP error; tracking NONE: nothing useful */
	/* kept from packet to packet: the clock of tick `clock_tick` */
	__u64 clock_tick;
	__u64 clock_ns;
};

enum bg_groups {
	BG_GROUPS_BRANCH = 1 << 0,
	BG_GROUPS_NODE = 1 << 1, /* where the feed has node groups */
	/* those of the branch, and the node's too where both must be satisfied */
	BG_GROUPS_CROSSING = 1 << 2,
};

/*
 * What our program on a host veth leaves in skb->tc_index for the one at the way
 * out. The field survives the stack (that is what it is for), a pod cannot set
 * it, and it collides with no mark.
 */
enum bg_path {
	BG_PATH_UNKNOWN = 0,
	BG_PATH_STACK = 0xb601,	 /* through the node's stack: may have been NATed */
	BG_PATH_SHORT = 0xb602,	 /* straight to the branch */
	BG_PATH_JUDGED = 0xb603, /* the branch's groups have admitted it */
	BG_PATH_REPLY = 0xb604,	 /* likewise, and it belongs to a flow that came in */
};

/* What a judgement works with: the case, and the revision it is judged by. */
struct bg_judge {
	struct bg_case *c;
	struct bg_policy_view view;
	__u64 now_ns;
};

/* Step 4. */
static __always_inline bool local_is_ours(const struct bg_judge *j)
{
	const struct bg_packet *packet = &j->c->packet;
	__u32 class;

	if (j->c->node_flow)
		return true;
	class = address_class(&j->view, &packet->local, packet->ipv6);
	return (class_info(&j->view, class) & BG_CLASS_VLAN_MASK) == j->c->verdict.vlan;
}

static __always_inline enum bg_reason not_ours(const struct bg_judge *j)
{
	if (j->c->direction == BG_INGRESS)
		return BG_REASON_NOT_OURS;
	/* it came from the pod's veth, and somebody changed the source on the way */
	return j->c->came_by == BG_PATH_STACK ? BG_REASON_FOREIGN_SOURCE : BG_REASON_SPOOFED;
}

/* The rules that apply; all of them must admit it. */
static __always_inline enum bg_reason ask_rules(struct bg_judge *j, __u32 class,
						enum bg_direction direction, __u32 service_index)
{
	const struct bg_branch *branch = j->view.branch;
	struct bg_verdict *verdict = &j->c->verdict;
	__u8 protocol = j->c->packet.protocol;
	__u16 groups = j->c->groups;
	/* the mask keeps a run-time direction inside the array */
	__u32 way = direction & 1;

	if (groups & BG_GROUPS_CROSSING) {
		groups |= BG_GROUPS_BRANCH;
		if (branch->flags & BG_BRANCH_NODE_GROUPS)
			groups |= BG_GROUPS_NODE;
	}
	if (groups & BG_GROUPS_BRANCH) {
		verdict->rule =
			policy_rule(&j->view, &branch->policy[way], class, protocol, service_index);
		if (!verdict->rule)
			return BG_REASON_NO_RULE;
	}
	if (groups & BG_GROUPS_NODE && j->view.header->flags & BG_NODE_HAS_GROUPS) {
		verdict->node_rule = policy_rule(&j->view, &j->view.header->node_policy[way], class,
						 protocol, service_index);
		if (!verdict->node_rule)
			return BG_REASON_NO_NODE_RULE;
	}
	return BG_REASON_RULE;
}

/* The branch of a VLAN under the revision in force; without one nothing passes. */
static __always_inline enum bg_reason find_branch(struct bg_judge *j)
{
	struct bg_verdict *verdict = &j->c->verdict;
	enum bg_reason reason = policy_view(&j->view);

	if (reason != BG_REASON_NONE)
		return reason;
	verdict->revision = j->view.header->revision;
	reason = policy_branch(&j->view, verdict->vlan);
	if (reason == BG_REASON_NONE)
		verdict->slot = j->view.branch->slot;
	return reason;
}

/*
 * A flow meets a revision it was not checked under: its address must still be
 * the branch's, and under "revalidate" a rule must still admit it in its first
 * direction. BG_REASON_TRACKED: it lives on. The revision is the one in force
 * now; the caller goes on with it.
 */
__noinline int review_flow(struct bg_case *c)
{
	enum bg_flow_change change = BG_FLOW_KEEP;
	struct bg_judge j = { .c = c };
	enum bg_direction first;
	enum bg_reason reason;
	__u32 class, index;

	if (!c)
		return BG_REASON_INTERNAL;
	reason = find_branch(&j);
	if (reason != BG_REASON_NONE)
		return reason;
	c->flow.revision = c->verdict.revision;
	reason = BG_REASON_TRACKED;
	if (!local_is_ours(&j)) {
		change = BG_FLOW_FORGET;
		reason = not_ours(&j);
	} else if (j.view.header->flags & BG_NODE_REVALIDATE) {
		first = flow_direction(c->flow.flags);
		class = address_class(&j.view, &c->packet.remote, c->packet.ipv6);
		index = packet_service_index(&c->packet, first);
		/* the request's type, whichever packet of the pair this is */
		if (c->packet.tracking != BG_TRACK_ANY)
			index = (__u32)c->packet.remote_port << 8;
		change = BG_FLOW_READMIT;
		if (c->exempt == BG_REASON_NONE &&
		    !is_platform(&j.view, class_info(&j.view, class), &c->packet, first) &&
		    ask_rules(&j, class, first, index) != BG_REASON_RULE) {
			change = BG_FLOW_FORGET;
			reason = BG_REASON_REVOKED;
		}
	}
	flow_confirm(&c->flow, change, c->verdict.rule);
	return reason;
}

/* Step 6; BG_REASON_NONE = no flow. */
static __always_inline enum bg_reason ask_flows(struct bg_judge *j)
{
	struct bg_case *c = j->c;
	enum bg_reason reason;
	int result;

	/* at most once more: a reviewed flow is found the second time */
	for (int i = 0; i < 2; i++) {
		result = flow_find(&c->flow, &c->packet, c->direction);
		if (result == BG_FLOW_MISS)
			break;
		if (result == BG_FLOW_HIT) {
			c->verdict.rule = c->flow.rule;
			return c->flow.flags & BG_FLOW_PROBE ? BG_REASON_PROBE : BG_REASON_TRACKED;
		}
		reason = review_flow(c);
		if (reason != BG_REASON_TRACKED)
			return reason;
		reason = find_branch(j);
		if (reason != BG_REASON_NONE)
			return reason;
	}
	return BG_REASON_NONE;
}

/* A first packet was let through: remember it, if it is of a kind that opens a flow. */
static __always_inline enum bg_reason open_flow(struct bg_judge *j, enum bg_reason admitted)
{
	const struct bg_packet *packet = &j->c->packet;
	struct bg_new_flow new = {
		.rule = j->c->verdict.rule,
		.length_bytes = packet->length_bytes,
		.direction = j->c->direction,
	};
	enum bg_create_result result;
	struct bg_control *block;

	if (packet->tracking == BG_TRACK_NONE || packet->tracking == BG_TRACK_REPLY ||
	    packet->tcp_flags & TCP_RST)
		return admitted == BG_REASON_RULE ? BG_REASON_RULE_UNTRACKED : admitted;
	if (new.direction == BG_EGRESS)
		new.flags |= BG_FLOW_EGRESS;
	if (packet->protocol == PROTOCOL_TCP &&
	    (packet->tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		new.flags |= BG_FLOW_MIDSTREAM;
	if (admitted == BG_REASON_PLATFORM)
		new.flags |= BG_FLOW_PLATFORM;
	new.flags |= j->c->flow.set_flags;
	new.flags = flow_next_flags(new.flags, packet->tcp_flags, new.direction);
	new.timeout_s = flow_timeout_s(&j->c->flow.timeouts, packet->protocol, new.flags);
	result = flow_create(&j->c->flow, &new);
	if (result == BG_CREATE_FULL)
		return BG_REASON_TABLE_FULL;
	if (result == BG_CREATE_EVICTED) {
		block = control_block();
		if (block)
			__sync_fetch_and_add(&block->flows_evicted, 1);
	}
	j->c->verdict.reason = admitted;
	tell(BG_EVENT_FLOW, &j->c->verdict, packet, j->c->direction, j->c->ifindex, j->now_ns);
	return admitted;
}

/* Steps 8 and 9. */
static __always_inline enum bg_reason admit(struct bg_judge *j)
{
	const struct bg_packet *packet = &j->c->packet;
	enum bg_direction direction = j->c->direction;
	enum bg_reason reason;
	struct bg_rule *rule;
	__u32 class, number;

	class = address_class(&j->view, &packet->remote, packet->ipv6);
	if (j->c->exempt != BG_REASON_NONE) {
		reason = j->c->exempt;
	} else if (is_platform(&j->view, class_info(&j->view, class), packet, direction)) {
		reason = BG_REASON_PLATFORM;
	} else {
		reason = ask_rules(j, class, direction, packet_service_index(packet, direction));
		if (reason != BG_REASON_RULE)
			return reason;
	}
	reason = open_flow(j, reason);
	number = j->c->verdict.rule;
	if (number && bg_reason_passes(reason)) {
		rule = bpf_map_lookup_elem(&rules, &number);
		if (rule)
			__sync_fetch_and_add(&rule->hits, 1);
	}
	return reason;
}

static __always_inline __u32 flow_tag(const struct bg_judge *j)
{
	return j->c->node_flow ? 0 : j->view.branch->tag;
}

/* Steps 3 to 9. */
static __always_inline enum bg_reason judge(struct bg_judge *j)
{
	enum bg_direction direction = j->c->direction;
	struct bg_packet *packet = &j->c->packet;
	__u32 tag = flow_tag(j);
	int related;
	enum bg_reason reason = BG_REASON_NONE;
	bool dhcp;

	if (packet_is_neighbour(packet))
		return BG_REASON_NEIGHBOUR;
	dhcp = packet_is_dhcp(packet);
	if (dhcp && !(j->view.header->flags & BG_NODE_FILTER_PLATFORM))
		return BG_REASON_DHCP;
	if (packet->fragment == BG_LATER_FRAGMENT) {
		if (!local_is_ours(j))
			return not_ours(j);
		if (!fragment_recall(packet, tag, direction, j->now_ns))
			return BG_REASON_FRAGMENT_UNKNOWN;
	}
	if (packet->fragment == BG_LATER_FRAGMENT || packet->tracking == BG_TRACK_NONE) {
		flow_key(&j->c->flow.key, packet, tag);
		flow_place(&j->c->flow.place, &j->c->flow.key);
	}
	j->c->flow.timeouts = j->view.branch->timeouts;
	if (packet->tracking != BG_TRACK_NONE && !j->c->no_flow)
		reason = ask_flows(j);
	if (reason == BG_REASON_NONE) {
		if (!dhcp && !local_is_ours(j))
			return not_ours(j);
		if (packet->icmp_error) {
			related = icmp_error_flow(packet, &j->c->quoted, tag, j->now_ns);
			if (related >= 0) {
				j->c->flow.flags = related;
				return BG_REASON_ICMP_ERROR;
			}
		}
		reason = admit(j);
		if (packet->icmp_error && reason == BG_REASON_NO_RULE)
			return BG_REASON_ICMP_ERROR_UNKNOWN;
	}
	if (packet->fragment == BG_FIRST_FRAGMENT && bg_reason_passes(reason))
		fragment_remember(packet, tag, direction, j->now_ns);
	return reason;
}

/* Counts and reports; every packet comes through here once. */
static __always_inline void conclude(struct bg_case *c, enum bg_reason reason, __u64 now_ns)
{
	c->verdict.reason = reason;
	count(&c->verdict, c->direction, c->packet.length_bytes);
	if (!bg_reason_passes(reason))
		tell(BG_EVENT_DROP, &c->verdict, &c->packet, c->direction, c->ifindex, now_ns);
}

/* Steps 3 to 9 for whatever the fast look-up has not settled. `c` is never NULL. */
__noinline int judge_slowly(struct bg_case *c)
{
	struct bg_judge j = { .c = c };
	enum bg_reason reason;

	if (!c)
		return BG_REASON_INTERNAL;
	j.now_ns = c->flow.now_ns;
	reason = find_branch(&j);
	c->flow.revision = c->verdict.revision;
	return reason == BG_REASON_NONE ? judge(&j) : reason;
}

/* Most packets belong to a flow in steady state: step 6 first, without a call. */
static __always_inline enum bg_reason judge_fast(struct bg_judge *j)
{
	struct bg_case *c = j->c;

	c->flow.revision = c->verdict.revision;
	if (c->packet.fragment == BG_LATER_FRAGMENT || c->packet.tracking == BG_TRACK_NONE)
		return judge_slowly(c);
	flow_key(&c->flow.key, &c->packet, flow_tag(j));
	flow_place(&c->flow.place, &c->flow.key);
	if (c->packet.fragment != BG_WHOLE)
		return judge_slowly(c);
	switch (flow_hit(&c->flow, &c->packet, c->direction)) {
	case BG_FLOW_HIT:
		c->verdict.rule = c->flow.rule;
		return c->flow.flags & BG_FLOW_PROBE ? BG_REASON_PROBE : BG_REASON_TRACKED;
	case BG_FLOW_MISS:
		c->flow.flags = 0;
		c->no_flow = 1;
		/* fall through */
	default:
		return judge_slowly(c);
	}
}

/*
 * The time, to the tick: bpf_ktime_get_coarse_ns() moves only with the tick, so
 * it is asked once a tick. bpf_jiffies64() is a plain load.
 */
static __always_inline __u64 case_clock_ns(struct bg_case *c)
{
	__u64 tick = bpf_jiffies64();

	if (c->clock_tick != tick) {
		c->clock_tick = tick;
		c->clock_ns = bpf_ktime_get_coarse_ns();
	}
	return c->clock_ns;
}

/* Judges, counts, reports; whether the packet passes. */
static __always_inline bool verdict(struct bg_case *c)
{
	struct bg_judge j = { .c = c, .now_ns = case_clock_ns(c) };
	enum bg_reason reason = find_branch(&j);

	c->flow.now_ns = j.now_ns;
	if (reason == BG_REASON_NONE) {
		reason = c->dissected;
		if (reason == BG_REASON_NONE)
			reason = judge_fast(&j);
		/* what conntrack must see (it may have changed the addresses) keeps to
		 * the stack */
		c->verdict.short_way = short_way && j.view.branch->mode == BG_STRICT &&
				       !(c->flow.flags & BG_FLOW_STACK) &&
				       (reason == BG_REASON_TRACKED || reason == BG_REASON_RULE ||
					reason == BG_REASON_PLATFORM ||
					reason == BG_REASON_ICMP_ERROR);
	}
	conclude(c, reason, j.now_ns);
	return bg_reason_passes(reason);
}

#endif
