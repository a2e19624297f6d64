/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Steps 1 and 2 of the verdict: what is this frame, and is it well-formed? */
#ifndef BG_DISSECT_H
#define BG_DISSECT_H

#include "parse.h"
#include "verdict.h"

/* Fills in c->packet, c->quoted and c->dissected. */
static __always_inline void dissect(const struct bg_frame *frame, struct bg_case *c)
{
	struct bg_packet *packet = &c->packet;
	__u16 ethertype;
	__u32 vlan;

	ethertype = parse_ethernet(frame, &packet->network_offset, &vlan);
	packet->length_bytes = frame->length_bytes;
	switch (ethertype) {
	case 0:
		c->dissected = BG_REASON_TRUNCATED;
		return;
	case ETHERTYPE_ARP:
		c->dissected = BG_REASON_ARP;
		return;
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
		break;
	default:
		c->dissected = BG_REASON_NOT_IP;
		return;
	}
	c->dissected = parse_ip(frame, ethertype, false, c->direction, packet);
	if (c->dissected != BG_REASON_NONE || !packet->icmp_error)
		return;
	/* what an error quotes went the other way */
	__builtin_memset(&c->quoted, 0, sizeof(c->quoted));
	c->quoted.network_offset = packet->payload_offset;
	if (parse_ip(frame, ethertype, true, c->direction == BG_INGRESS ? BG_EGRESS : BG_INGRESS,
		     &c->quoted) != BG_REASON_NONE)
		c->quoted.tracking = BG_TRACK_NONE;
}

#endif
