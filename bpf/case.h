/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet that comes to be judged, and all that is found out about it. Plain
 * data in a per-CPU map, without packet pointers or pointers into the image: the
 * parts of the verdict are global functions, which the verifier checks once each
 * and not once for every way that leads to them.
 */
#ifndef BG_CASE_H
#define BG_CASE_H

#include "cases.h"
#include "flow_table.h"

/* The verdict, and whom it concerns. */
struct bg_verdict {
	enum bg_reason reason;
	__u32 rule;
	__u32 node_rule;
	__u32 vlan;
	__u32 slot; /* of the branch's counters, 0 = none */
	__u32 revision;
	__u32 short_way; /* it may go on without the node's stack */
};

/* What the policy image says about the packet; consult.h fills it in. */
struct bg_findings {
	__u32 revision;
	__u32 tag;	    /* of the branch */
	__u32 mode;	    /* of the branch, enum bg_mode */
	__u32 header_flags; /* enum bg_header_flag */
	__u32 local_class;
	__u32 local_info; /* class_info of the pod's end, */
	__u32 remote_class;
	__u32 remote_info;    /* of the other */
	enum bg_reason rules; /* RULE, NO_RULE or NO_NODE_RULE */
	__u32 listed_below;   /* scratch of is_listed() */
};

/* What consult() is to find out. */
enum bg_ask {
	BG_ASK_LOCAL = 1 << 0,
	BG_ASK_REMOTE = 1 << 1,
	BG_ASK_RULES = 1 << 2,
	BG_ASK_OWNER = 1 << 3, /* the branch is the one that owns the local address */
	BG_ASK_FLOW = 1 << 4,  /* the rules for the first packet of this one's flow */
	BG_ASK_ALL = BG_ASK_LOCAL | BG_ASK_REMOTE | BG_ASK_RULES,
};

/* What came for the node last, by the primary interface; node_flow.h. */
struct bg_arrival {
	struct bg_addr to;
	struct bg_addr from;
	__be16 to_port;
	__be16 from_port;
	__u32 protocol;
};

struct bg_case {
	/* zeroed for every packet */
	struct bg_packet packet;
	struct bg_verdict verdict; /* .vlan is given, the rest is found out */
	enum bg_reason dissected;  /* what steps 1 and 2 say, NONE = go on */
	enum bg_direction direction;
	__u32 ifindex;
	__u32 own_tags;	     /* in the frame, that are not the sender's: 1 on the trunk */
	struct bg_asks asks; /* by case_is() */
	/* written before they are read */
	struct bg_flow_query flow;
	struct bg_packet quoted; /* by an ICMP error; tracking NONE: nothing useful */
	struct bg_findings findings;
	struct bpf_fib_lookup fib; /* exits.h */
	__u8 options[64];	   /* of IPv4, with zeros behind them; options.h */
	__u32 option_at;
	__u8 skb[BG_SKB_PIECE_BYTES] __attribute__((aligned(8))); /* partial.h */
	/* kept from packet to packet: the clock of tick `clock_tick` */
	__u64 clock_tick;
	__u64 clock_ns;
	struct bg_arrival arrived;
};

/* Which of the cases it is: a constant, so that the table costs nothing. */
static __always_inline void case_is(struct bg_case *c, enum bg_case_kind kind)
{
	c->asks.rules = bg_cases[kind].rules;
	c->asks.exempt = bg_cases[kind].exempt;
	c->asks.foreign = bg_cases[kind].foreign;
	c->asks.key = bg_cases[kind].key;
	c->asks.on_link = bg_cases[kind].on_link;
	c->flow.set_flags = bg_cases[kind].set_flags;
	c->flow.clear_flags = bg_cases[kind].clear_flags;
	all_from_memory();
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

#endif
