/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the rest of the datapath knows of a packet. The parser fills it once;
 * packet pointers do not leave parse.h and the hooks.
 */
#ifndef BG_PACKET_H
#define BG_PACKET_H

#include "flow.h"
#include "protocol.h"
#include "reason.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_IPV6 0x86dd

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

enum bg_fragment_kind {
	BG_WHOLE = 0,
	BG_FIRST_FRAGMENT,
	BG_LATER_FRAGMENT, /* carries no ports */
};

/* What a packet may do with the flow table. */
enum bg_tracking {
	BG_TRACK_NONE = 0, /* no flow: ICMP errors and notices, router messages */
	BG_TRACK_ANY,	   /* may open a flow or belong to one, either way */
	BG_TRACK_REQUEST,  /* ICMP request: opens, belongs in the first direction only */
	BG_TRACK_REPLY,	   /* ICMP reply: never opens, belongs in the other direction only */
};

struct bg_packet {
	struct bg_addr local;
	struct bg_addr remote;
	__be16 local_port;  /* ICMP query: the identifier */
	__be16 remote_port; /* ICMP query: the request's type and who asked, host order */
	__be32 tcp_seq;
	__be32 tcp_ack;
	__u8 protocol; /* upper layer */
	__u8 ipv6;
	__u8 hop_limit;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 fragment;		/* enum bg_fragment_kind */
	__u8 fragment_protocol; /* as the fragment header names it: equal in all fragments */
	__u32 fragment_id;
	__u8 tracking; /* enum bg_tracking */
	__u8 icmp_error;
	__u8 tags;	      /* VLAN tags in the frame, but those with id 0 */
	__u16 network_offset; /* of the IP header in the frame */
	__u16 upper_offset;   /* of the upper layer; the parser's cursor before that */
	__u16 payload_offset; /* of what an ICMP error quotes */
	__u16 option_bytes;   /* IPv4 */
	__u32 upper_bytes;    /* length of the upper layer in this packet */
	__u32 length_bytes;   /* of the frame */
};

/* Port or, for ICMP, type and code: the index of a packet in its service space. */
static __always_inline __u32 packet_service_index(const struct bg_packet *packet,
						  enum bg_direction direction)
{
	if (bg_has_ports(packet->protocol))
		return bpf_ntohs(direction == BG_INGRESS ? packet->local_port
							 : packet->remote_port);
	if (bg_is_icmp(packet->protocol))
		return (__u32)packet->icmp_type << 8 | packet->icmp_code;
	return packet->protocol;
}

static __always_inline __be16 packet_source_port(const struct bg_packet *packet,
						 enum bg_direction direction)
{
	return direction == BG_INGRESS ? packet->remote_port : packet->local_port;
}

static __always_inline __be16 packet_destination_port(const struct bg_packet *packet,
						      enum bg_direction direction)
{
	return direction == BG_INGRESS ? packet->local_port : packet->remote_port;
}

/* Destined for the link it is on (IPv6 link-local, multicast, broadcast): the
 * node's own business, nothing to forward. `remote` is the destination. */
static __always_inline bool packet_stays_on_link(const struct bg_packet *packet)
{
	const struct bg_addr *to = &packet->remote;

	if (!packet->ipv6) /* 224.0.0.0/4, 255.255.255.255 */
		return to->byte[12] >= 224;
	return to->byte[0] == 0xff || (to->byte[0] == 0xfe && (to->byte[1] & 0xc0) == 0x80);
}

#endif
