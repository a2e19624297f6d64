/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The states of a flow: what its flags say, which packets are its own, and how long it may
 * be idle. Looks at no table. */
#ifndef BG_FLOW_STATE_H
#define BG_FLOW_STATE_H

#include "image.h"
#include "packet.h"

#define NS_PER_S 1000000000ull

static __always_inline bool flow_expired(const struct bg_flow *flow, __u64 now_ns)
{
	return now_ns > flow->last_seen_ns + flow->timeout_s * NS_PER_S;
}

/* Have both ends said that they have no more to say? */
static __always_inline bool flow_fins(__u32 flags)
{
	const __u32 both = BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE;

	return (flags & both) == both;
}

static __always_inline bool flow_closed(__u32 flags)
{
	return flags & BG_FLOW_RESET || flow_fins(flags);
}

static __always_inline enum bg_direction flow_direction(__u32 flags)
{
	return flags & BG_FLOW_EGRESS ? BG_EGRESS : BG_INGRESS;
}

static __always_inline bool is_new_syn(__u8 tcp_flags)
{
	return (tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

/*
 * Does the packet belong to the flow? A SYN does only where it is the flow's first one,
 * sent again; any other asks for a new connection, and is put to the rules.
 */
static __always_inline bool flow_takes(const struct bg_flow *flow, __u32 flags,
				       const struct bg_packet *packet, enum bg_direction direction)
{
	bool first_direction = flow_direction(flags) == direction;

	if (packet->tracking == BG_TRACK_REQUEST)
		return first_direction;
	if (packet->tracking == BG_TRACK_REPLY)
		return !first_direction;
	if (!is_new_syn(packet->tcp_flags))
		return true;
	return first_direction && !flow_closed(flags) &&
	       !(flags & (BG_FLOW_ASSURED | BG_FLOW_MIDSTREAM)) && packet->tcp_seq == flow->isn;
}

/*
 * Flags after this packet; tcp_flags is 0 for all but TCP. Sequence numbers are not
 * followed, so a RST is believed only until both ends have gone on.
 */
static __always_inline __u32 flow_next_flags(__u32 flags, __u8 tcp_flags,
					     enum bg_direction direction)
{
	const __u32 resumed = BG_FLOW_RESUMED_LOCAL | BG_FLOW_RESUMED_REMOTE;

	if (flow_direction(flags) != direction)
		flags |= BG_FLOW_REPLIED;
	else if (flags & BG_FLOW_REPLIED && !(tcp_flags & (TCP_SYN | TCP_RST)))
		flags |= BG_FLOW_ASSURED;
	if (tcp_flags & TCP_RST) {
		flags |= BG_FLOW_RESET;
		flags &= ~resumed;
	} else if (flags & BG_FLOW_RESET) {
		flags |= direction == BG_EGRESS ? BG_FLOW_RESUMED_LOCAL : BG_FLOW_RESUMED_REMOTE;
		if ((flags & resumed) == resumed)
			flags &= ~(resumed | BG_FLOW_RESET);
	}
	if (tcp_flags & TCP_FIN)
		flags |= direction == BG_EGRESS ? BG_FLOW_FIN_LOCAL : BG_FLOW_FIN_REMOTE;
	return flags;
}

/* RFC 6146 § 3.5.2.2: so long a connection that was reset may turn out to live. */
#define FLOW_TRANSITORY_S 240

static __always_inline __u32 flow_timeout_s(const struct bg_timeouts *timeouts, __u8 protocol,
					    __u32 flags)
{
	switch (protocol) {
	case IPPROTO_TCP:
		if (flow_fins(flags))
			return timeouts->tcp_closed_s;
		if (!(flags & BG_FLOW_ASSURED))
			return timeouts->tcp_half_open_s;
		if (flags & (BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE))
			return timeouts->tcp_closing_s;
		if (flags & BG_FLOW_RESET && timeouts->tcp_established_s > FLOW_TRANSITORY_S)
			return FLOW_TRANSITORY_S;
		return timeouts->tcp_established_s;
	case IPPROTO_UDP:
		return flags & BG_FLOW_ASSURED ? timeouts->udp_stream_s : timeouts->udp_s;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return timeouts->icmp_s;
	default:
		return timeouts->other_s;
	}
}

#endif
