/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What passes without a rule: each exemption says from where and to where. README.md in
 * this folder has all of them in one table, with those that need a flow (errors:
 * icmp_error.h; probes and local services: on_node.h).
 */
#ifndef BG_EXEMPT_H
#define BG_EXEMPT_H

#include "consult.h"

/* Kinds of address, of one end. */
enum bg_end {
	BG_END_NONE = 1 << 0,	 /* ::, before there is one */
	BG_END_LINK = 1 << 1,	 /* fe80::/10 */
	BG_END_GROUP = 1 << 2,	 /* multicast of the link, ff02::/16 */
	BG_END_UNICAST = 1 << 3, /* any other; as a destination that comes in, the branch's */
};

__noinline int end_of(const struct bg_addr *address)
{
	if (!address)
		return 0;
	if (address->byte[0] == 0xff)
		return (address->byte[1] & 0xf) == 2 ? BG_END_GROUP : 0;
	if (address->byte[0] == 0xfe && (address->byte[1] & 0xc0) == 0x80)
		return BG_END_LINK;
	return BG_HALF(address, 0) | BG_HALF(address, 1) ? BG_END_UNICAST : BG_END_NONE;
}

/*
 * Neighbour and router discovery (RFC 4861 §§ 6.1, 7.1, 8.1) and MLD (RFC 2710 § 3, RFC 3810
 * § 5). Bytes are of the ICMPv6 message: those who say no more than an address and a nonce
 * have no room for more; the others fit the smallest MTU. No header stands in front of it but
 * the router alert of MLD.
 */
struct bg_discovery {
	__u8 type, hop_limit;
	__u16 least_bytes, most_bytes;
	__u8 from, to; /* enum bg_end */
};

#define BG_MOST_BYTES 1240
/* A hop-by-hop header with nothing else (RFC 2711) */
#define BG_ROUTER_ALERT_BYTES 8

/* A table, to be read by row */
/* clang-format off */
static const struct bg_discovery bg_discoveries[] = {
/*	  type				  hop  least most	   from				   to */
	{ ICMPV6_ROUTER_SOLICITATION,	  255, 8,   64,		   BG_END_LINK | BG_END_NONE,	   BG_END_GROUP | BG_END_LINK },
	{ ICMPV6_ROUTER_ADVERTISEMENT,	  255, 16,  BG_MOST_BYTES, BG_END_LINK,			   BG_END_GROUP | BG_END_LINK },
	{ ICMPV6_NEIGHBOUR_SOLICITATION,  255, 24,  64,		   BG_END_LINK | BG_END_UNICAST,   BG_END_GROUP | BG_END_LINK | BG_END_UNICAST },
	{ ICMPV6_NEIGHBOUR_SOLICITATION,  255, 24,  64,		   BG_END_NONE,			   BG_END_GROUP }, /* is the address taken? */
	{ ICMPV6_NEIGHBOUR_ADVERTISEMENT, 255, 24,  64,		   BG_END_LINK | BG_END_UNICAST,   BG_END_GROUP | BG_END_LINK | BG_END_UNICAST },
	{ ICMPV6_REDIRECT,		  255, 40,  BG_MOST_BYTES, BG_END_LINK,			   BG_END_LINK | BG_END_UNICAST },
	{ ICMPV6_MLD_QUERY,		  1,   24,  BG_MOST_BYTES, BG_END_LINK,			   BG_END_GROUP },
	{ ICMPV6_MLD_REPORT,		  1,   24,  24,		   BG_END_LINK | BG_END_NONE,	   BG_END_GROUP },
	{ ICMPV6_MLD_DONE,		  1,   24,  24,		   BG_END_LINK | BG_END_NONE,	   BG_END_GROUP },
	{ ICMPV6_MLD_REPORT_V2,		  1,   8,   BG_MOST_BYTES, BG_END_LINK | BG_END_NONE,	   BG_END_GROUP },
};
/* clang-format on */

/*
 * Between the link and the node: what a pod sends of this kind is for its veth, and would
 * have lost a hop on its way. What comes in for one of the branch's addresses is for the
 * node too, which answers for them.
 */
__noinline int is_discovery(struct bg_case *c)
{
	const struct bg_packet *packet;
	__u32 from, to, alert_bytes;

	if (!c)
		return 0;
	packet = &c->packet;
	alert_bytes = packet->hop_limit == 255 ? 0 : BG_ROUTER_ALERT_BYTES;
	if (packet->protocol != IPPROTO_ICMPV6 || !packet->ipv6 || packet->fragment ||
	    packet->icmp_code || !c->asks.on_link ||
	    packet->upper_offset > packet->network_offset + sizeof(struct ipv6hdr) + alert_bytes)
		return 0;
	from = end_of(c->direction == BG_INGRESS ? &packet->remote : &packet->local);
	to = end_of(c->direction == BG_INGRESS ? &packet->local : &packet->remote);
	if (to == BG_END_UNICAST && c->direction == BG_INGRESS &&
	    (consult(c, BG_ASK_LOCAL, BG_INGRESS) != BG_REASON_NONE || !local_is_ours(c)))
		return 0;
	for (__u32 i = 0; i < sizeof(bg_discoveries) / sizeof(bg_discoveries[0]); i++) {
		const struct bg_discovery *may = &bg_discoveries[i];

		if (packet->icmp_type == may->type && packet->hop_limit == may->hop_limit &&
		    packet->upper_bytes >= may->least_bytes &&
		    packet->upper_bytes <= may->most_bytes && may->from & from && may->to & to)
			return 1;
	}
	return 0;
}

/*
 * DHCP (RFC 2131, RFC 8415): a client of the node's own that has no address on the branch
 * yet, and a server or relay on its link. Never from or to a pod: that is a packet like
 * any other. An answer to an address of the client's is not one of these, since nothing
 * says here whose it is: the client asks for a broadcast.
 */
__noinline int is_on_link(struct bg_case *c)
{
	const struct bg_packet *packet;
	const struct bg_addr *to;

	if (!c)
		return 0;
	packet = &c->packet;
	if (packet->ipv6)
		return end_of(&packet->local) == BG_END_LINK &&
		       end_of(&packet->remote) ==
			       (c->direction == BG_INGRESS ? BG_END_LINK : BG_END_GROUP);
	/* 255.255.255.255; what asks has no address */
	to = c->direction == BG_INGRESS ? &packet->local : &packet->remote;
	return BG_WORD(to, 3) == 0xffffffff &&
	       (c->direction == BG_INGRESS || !BG_WORD(&packet->local, 3));
}

static __always_inline bool is_dhcp(struct bg_case *c)
{
	const struct bg_packet *packet = &c->packet;
	__u16 client = packet->ipv6 ? 546 : 68, server = packet->ipv6 ? 547 : 67;

	return packet->protocol == IPPROTO_UDP && !packet->fragment &&
	       packet->local_port == bpf_htons(client) &&
	       packet->remote_port == bpf_htons(server) && c->asks.on_link && is_on_link(c);
}

/*
 * Traffic that EC2 never filters, whatever the groups say ("Security groups",
 * VPC user guide): resolver, instance metadata, ECS task metadata, time sync,
 * Windows activation. The addresses are marked in the image's class_info.
 * `direction`: the one in which the flow was opened.
 */
static __always_inline bool is_platform(const struct bg_case *c, enum bg_direction direction)
{
	const struct bg_packet *packet = &c->packet;
	bool tcp = packet->protocol == IPPROTO_TCP, udp = packet->protocol == IPPROTO_UDP;
	__u32 info = c->findings.remote_info;

	/* the pod asks; the answers belong to the flow that this opens */
	if (direction != BG_EGRESS || c->findings.header_flags & BG_NODE_FILTER_PLATFORM)
		return false;
	if (!tcp && !udp)
		return false;
	switch (bpf_ntohs(packet->remote_port)) {
	case 53:
		return info & BG_CLASS_DNS;
	case 80:
		return tcp && info & (BG_CLASS_IMDS | BG_CLASS_ECS);
	case 123:
		return udp && info & BG_CLASS_TIME;
	case 1688:
		return tcp && info & BG_CLASS_KMS;
	default:
		return false;
	}
}

#endif
