/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Steps 1 and 2 of the verdict: what is this frame, and is it well-formed? */
#ifndef BG_DISSECT_H
#define BG_DISSECT_H

#include "case.h"
#include "parse.h"

/*
 * Fills in c->packet, c->quoted and c->dissected. `brief`: what most packets
 * need and no more; see dissect_is_brief().
 */
static __always_inline void dissect(const struct bg_frame *frame, struct bg_case *c, bool brief)
{
	struct bg_packet *packet = &c->packet;
	__u16 ethertype;
	__u32 vlan;

	ethertype = parse_ethernet(frame, &packet->network_offset, &vlan, &packet->tags);
	packet->length_bytes = frame->length_bytes;
	/* the branch's own is in the frame only on the trunk */
	if (ethertype && (from_memory(packet->tags) > c->own_tags || is_tag(ethertype))) {
		c->dissected = BG_REASON_TAGGED;
		return;
	}
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
	c->dissected = parse_ip(frame, ethertype, false, brief, c->direction, packet);
	if (brief || c->dissected != BG_REASON_NONE || !packet->icmp_error)
		return;
	/* what an error quotes went the other way */
	__builtin_memset(&c->quoted, 0, sizeof(c->quoted));
	c->quoted.network_offset = packet->payload_offset;
	if (parse_ip(frame, ethertype, true, false,
		     c->direction == BG_INGRESS ? BG_EGRESS : BG_INGRESS,
		     &c->quoted) != BG_REASON_NONE)
		c->quoted.tracking = BG_TRACK_NONE;
}

/* Was the brief look enough? It does not walk extension headers or IPv4 options and does not
 * read what ICMP errors quote, and it reads only what lies in one piece. */
static __always_inline bool dissect_is_brief(const struct bg_frame *frame, const struct bg_case *c)
{
	if (c->dissected == BG_REASON_TRUNCATED)
		return frame->end - frame->data >= frame->length_bytes;
	return c->dissected != BG_REASON_EXTENSION && !c->packet.icmp_error;
}

#endif
