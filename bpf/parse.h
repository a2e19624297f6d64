/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frame → struct bg_packet. Every length is compared with the buffer before
 * anything behind it is read; what contradicts itself is malformed, what ends
 * too early is truncated.
 *
 * Offsets are scalars below PARSE_MAX_OFFSET, so that the verifier can bound
 * `data + offset` on every kernel we support.
 */
#ifndef BG_PARSE_H
#define BG_PARSE_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "packet.h"
#include "verifier.h"

/* Headers end within this; an IPv6 chain beyond it is not walked. */
#define PARSE_MAX_OFFSET 1024

/* Tags in front of the network header: 802.1Q, or 802.1ad and 802.1Q. */
#define PARSE_MAX_TAGS 2

/* RFC 8200 § 4.1 lists seven headers at most in a sane chain. */
#define PARSE_MAX_EXTENSIONS 8

struct bg_frame {
	void *data;
	void *end;	    /* of what can be read directly */
	__u32 length_bytes; /* of the whole frame, which may be longer */
};

struct vlan_tag {
	__be16 tci;
	__be16 ethertype;
};

/* RFC 792, RFC 4443: eight bytes in front of whatever the type brings along.
 * <linux/icmp.h> pulls in libc, so it stands here. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be16 id; /* of a query */
	__be16 sequence;
};

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
	ICMP_TIMESTAMP_REQUEST = 13,
	ICMP_TIMESTAMP_REPLY = 14,
	ICMPV6_FIRST_NOTICE = 128, /* errors are below (RFC 4443 § 2.1) */
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
	/* for the link */
	ICMPV6_MLD_QUERY = 130,
	ICMPV6_MLD_REPORT = 131,
	ICMPV6_MLD_DONE = 132,
	ICMPV6_ROUTER_SOLICITATION = 133,
	ICMPV6_ROUTER_ADVERTISEMENT = 134,
	ICMPV6_NEIGHBOUR_SOLICITATION = 135,
	ICMPV6_NEIGHBOUR_ADVERTISEMENT = 136,
	ICMPV6_REDIRECT = 137,
	ICMPV6_MLD_REPORT_V2 = 143,
};

struct ipv6_extension {
	__u8 next_header;
	__u8 length;
	__u8 type;	    /* routing header */
	__u8 segments_left; /* routing header */
	__u8 rest[4];
};

struct ipv6_fragment {
	__u8 next_header;
	__u8 reserved; /* the sender's choice: never a length (RFC 8200 § 4.5) */
	__be16 offset;
	__be32 id;
};

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET_MASK 0x1fff
#define IPV6_MORE_FRAGMENTS 0x0001
#define IPV6_OFFSET_MASK 0xfff8

static __always_inline bool is_ipv6_extension(__u8 next_header)
{
	return next_header == IPPROTO_HOPOPTS || next_header == IPPROTO_ROUTING ||
	       next_header == IPPROTO_FRAGMENT || next_header == IPPROTO_AH ||
	       next_header == IPPROTO_DSTOPTS;
}

static __always_inline void *frame_at(const struct bg_frame *frame, __u32 offset, __u32 size_bytes)
{
	__u64 place = offset;
	void *at;

	/* one register, in which clang compares what it then adds: Linux 6.1 knows no better */
	barrier_var(place);
	if (place > PARSE_MAX_OFFSET)
		return NULL;
	at = frame->data + place;
	return at + size_bytes > frame->end ? NULL : at;
}

static __always_inline bool is_tag(__u16 ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ;
}

/*
 * Ethernet and tags. Returns the ethertype in host order, 0 when the frame is
 * too short; *vlan is the outermost VLAN id in the frame, 0 = untagged, *tags how many
 * there are. Those with id 0 say only a priority, and the stack looks through them.
 */
static __always_inline __u16 parse_ethernet(const struct bg_frame *frame, __u16 *network_offset,
					    __u32 *vlan, __u8 *tags)
{
	struct ethhdr *ethernet = frame_at(frame, 0, sizeof(*ethernet));
	__u16 ethertype;

	*vlan = 0;
	*tags = 0;
	*network_offset = sizeof(*ethernet);
	if (!ethernet)
		return 0;
	ethertype = bpf_ntohs(ethernet->h_proto);
	for (int i = 0; i < PARSE_MAX_TAGS; i++) {
		struct vlan_tag *tag;
		__u32 id;

		if (!is_tag(ethertype))
			break;
		tag = frame_at(frame, from_memory(*network_offset), sizeof(*tag));
		if (!tag)
			return 0;
		id = bpf_ntohs(tag->tci) & (BG_VLANS - 1);
		if (id)
			*tags += 1;
		if (!*vlan)
			*vlan = id;
		ethertype = bpf_ntohs(tag->ethertype);
		*network_offset += sizeof(*tag);
	}
	return ethertype;
}

/* An ICMP query belongs to a flow by its identifier, the type of its request and the
 * end that asks; anything else is judged on its own. */
static __always_inline void parse_icmp(struct bg_packet *packet, __be16 id,
				       enum bg_direction direction)
{
	__u8 type = packet->icmp_type, request;

	packet->tracking = BG_TRACK_NONE;
	if (packet->ipv6) {
		packet->icmp_error = type < ICMPV6_FIRST_NOTICE;
		if (type != ICMPV6_ECHO_REQUEST && type != ICMPV6_ECHO_REPLY)
			return;
		request = ICMPV6_ECHO_REQUEST;
	} else {
		packet->icmp_error = type == ICMP_UNREACHABLE || type == ICMP_TIME_EXCEEDED ||
				     type == ICMP_PARAMETER_PROBLEM;
		if (type == ICMP_ECHO_REQUEST || type == ICMP_ECHO_REPLY)
			request = ICMP_ECHO_REQUEST;
		else if (type == ICMP_TIMESTAMP_REQUEST || type == ICMP_TIMESTAMP_REPLY)
			request = ICMP_TIMESTAMP_REQUEST;
		else
			return;
	}
	packet->tracking = type == request ? BG_TRACK_REQUEST : BG_TRACK_REPLY;
	packet->local_port = id;
	packet->remote_port = request;
	if ((type == request) == (direction == BG_EGRESS))
		packet->remote_port |= BG_FLOW_KEY_EGRESS;
}

/*
 * The upper layer, packet->upper_bytes of it. `quoted` is set for what
 * an ICMP error carries: eight bytes are enough there (RFC 792), and nothing is
 * said about the length.
 */
static __always_inline enum bg_reason parse_upper(const struct bg_frame *frame, bool quoted,
						  enum bg_direction direction,
						  struct bg_packet *packet)
{
	__u32 offset = from_memory(packet->upper_offset), left_bytes = packet->upper_bytes;
	__be16 source = 0, destination = 0;

	packet->tracking = BG_TRACK_ANY;
	if (packet->protocol == IPPROTO_TCP) {
		if (quoted) {
			struct udphdr *ports = frame_at(frame, offset, sizeof(*ports));

			if (!ports)
				return BG_REASON_TRUNCATED;
			source = ports->source;
			destination = ports->dest;
		} else {
			struct tcphdr *tcp = frame_at(frame, offset, sizeof(*tcp));

			if (left_bytes < sizeof(*tcp))
				return BG_REASON_MALFORMED;
			if (!tcp)
				return BG_REASON_TRUNCATED;
			if (tcp->doff < 5 || (__u32)tcp->doff * 4 > left_bytes)
				return BG_REASON_MALFORMED;
			source = tcp->source;
			destination = tcp->dest;
			packet->tcp_flags = ((__u8 *)tcp)[13];
			packet->tcp_seq = tcp->seq;
			packet->tcp_ack = tcp->ack_seq;
		}
	} else if (packet->protocol == IPPROTO_UDP) {
		struct udphdr *udp = frame_at(frame, offset, sizeof(*udp));
		__u16 udp_bytes;

		if (!quoted && left_bytes < sizeof(*udp))
			return BG_REASON_MALFORMED;
		if (!udp)
			return BG_REASON_TRUNCATED;
		udp_bytes = bpf_ntohs(udp->len);
		/* 0: longer than 65,535 bytes (RFC 2675), seen with UDP GSO only */
		if (!quoted && packet->fragment == BG_WHOLE && udp_bytes &&
		    (udp_bytes < sizeof(*udp) || udp_bytes > left_bytes))
			return BG_REASON_MALFORMED;
		source = udp->source;
		destination = udp->dest;
	} else if (bg_is_icmp(packet->protocol)) {
		struct icmp_header *icmp = frame_at(frame, offset, sizeof(*icmp));

		if (!quoted && left_bytes < sizeof(*icmp))
			return BG_REASON_MALFORMED;
		if (!icmp)
			return BG_REASON_TRUNCATED;
		packet->icmp_type = icmp->type;
		packet->icmp_code = icmp->code;
		packet->payload_offset = offset + sizeof(*icmp);
		/* ICMP of the other family is a plain protocol number here */
		if ((packet->protocol == IPPROTO_ICMPV6) == !!packet->ipv6)
			parse_icmp(packet, icmp->id, direction);
		return BG_REASON_NONE;
	}
	packet->local_port = direction == BG_INGRESS ? destination : source;
	packet->remote_port = direction == BG_INGRESS ? source : destination;
	return BG_REASON_NONE;
}

static __always_inline void map_ipv4(struct bg_addr *address, __be32 ipv4)
{
	BG_HALF(address, 0) = 0;
	BG_WORD(address, 2) = bpf_htonl(0xffff);
	BG_WORD(address, 3) = ipv4;
}

static __always_inline enum bg_reason parse_ipv4(const struct bg_frame *frame, __u32 offset,
						 bool quoted, bool brief,
						 enum bg_direction direction,
						 struct bg_packet *packet)
{
	__u32 header_bytes, total_bytes, fragment;
	struct iphdr *ip = frame_at(frame, offset, sizeof(*ip));

	if (!ip)
		return BG_REASON_TRUNCATED;
	header_bytes = ip->ihl * 4;
	total_bytes = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_bytes < sizeof(*ip))
		return BG_REASON_MALFORMED;
	if (!quoted) {
		/* BIG TCP: too long for the field, which is 0 then */
		if (!total_bytes && frame->length_bytes > 0xffff)
			total_bytes = frame->length_bytes - offset;
		if (total_bytes < header_bytes)
			return BG_REASON_MALFORMED;
		if (offset + total_bytes > frame->length_bytes)
			return BG_REASON_TRUNCATED;
	}
	map_ipv4(direction == BG_INGRESS ? &packet->remote : &packet->local, ip->saddr);
	map_ipv4(direction == BG_INGRESS ? &packet->local : &packet->remote, ip->daddr);
	packet->protocol = ip->protocol;
	packet->hop_limit = ip->ttl;
	if (!quoted && header_bytes > sizeof(*ip)) {
		if (brief)
			return BG_REASON_EXTENSION;
		packet->option_bytes = header_bytes - sizeof(*ip);
	}

	fragment = bpf_ntohs(ip->frag_off) & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK);
	if (fragment) {
		packet->fragment_id = ip->id;
		packet->fragment_protocol = ip->protocol;
		if (fragment & IPV4_OFFSET_MASK) {
			/* would overwrite the flags of a TCP header (RFC 1858 § 4.2) */
			if (ip->protocol == IPPROTO_TCP && (fragment & IPV4_OFFSET_MASK) == 1)
				return BG_REASON_MALFORMED;
			packet->fragment = BG_LATER_FRAGMENT;
			packet->tracking = BG_TRACK_ANY;
			return BG_REASON_NONE;
		}
		packet->fragment = BG_FIRST_FRAGMENT;
	}
	packet->upper_offset = offset + header_bytes;
	packet->upper_bytes = total_bytes - header_bytes;
	return BG_REASON_NONE;
}

static __always_inline enum bg_reason parse_ipv6_fragment(const struct ipv6_fragment *fragment,
							  struct bg_packet *packet)
{
	__u16 place = bpf_ntohs(fragment->offset);

	/* an atomic fragment (RFC 6946) is a whole datagram */
	if (!(place & (IPV6_OFFSET_MASK | IPV6_MORE_FRAGMENTS)))
		return BG_REASON_NONE;
	if (from_memory(packet->fragment) != BG_WHOLE)
		return BG_REASON_EXTENSION; /* a second fragment header */
	packet->fragment_id = fragment->id;
	packet->fragment_protocol = fragment->next_header;
	packet->fragment = BG_FIRST_FRAGMENT;
	if (place & IPV6_OFFSET_MASK) {
		packet->fragment = BG_LATER_FRAGMENT;
		packet->tracking = BG_TRACK_ANY;
	}
	return BG_REASON_NONE;
}

static __always_inline enum bg_reason parse_ipv6(const struct bg_frame *frame, __u32 offset,
						 bool quoted, bool brief,
						 enum bg_direction direction,
						 struct bg_packet *packet)
{
	__u32 end;
	struct ipv6hdr *ip = frame_at(frame, offset, sizeof(*ip));

	if (!ip)
		return BG_REASON_TRUNCATED;
	if (ip->version != 6)
		return BG_REASON_MALFORMED;
	end = offset + sizeof(*ip) + bpf_ntohs(ip->payload_len);
	/* BIG TCP: too long for the field, which is 0 then (RFC 2675) */
	if (!ip->payload_len && frame->length_bytes > 0xffff)
		end = frame->length_bytes;
	if (!quoted && end > frame->length_bytes)
		return BG_REASON_TRUNCATED;
	__builtin_memcpy(direction == BG_INGRESS ? &packet->remote : &packet->local, &ip->saddr,
			 sizeof(struct bg_addr));
	__builtin_memcpy(direction == BG_INGRESS ? &packet->local : &packet->remote, &ip->daddr,
			 sizeof(struct bg_addr));
	/* a mapped address on the wire would meet IPv4 rules (RFC 4942 § 2.2) */
	if (!ip->saddr.in6_u.u6_addr32[0] && !ip->saddr.in6_u.u6_addr32[1] &&
	    ip->saddr.in6_u.u6_addr32[2] == bpf_htonl(0xffff))
		return BG_REASON_MALFORMED;
	if (!ip->daddr.in6_u.u6_addr32[0] && !ip->daddr.in6_u.u6_addr32[1] &&
	    ip->daddr.in6_u.u6_addr32[2] == bpf_htonl(0xffff))
		return BG_REASON_MALFORMED;
	packet->ipv6 = 1;
	packet->hop_limit = ip->hop_limit;
	packet->protocol = ip->nexthdr;
	packet->upper_offset = offset + sizeof(*ip);
	packet->upper_bytes = end - offset - sizeof(*ip);

	if (brief)
		return is_ipv6_extension(ip->nexthdr) ? BG_REASON_EXTENSION : BG_REASON_NONE;
	for (int i = 0; i < PARSE_MAX_EXTENSIONS; i++) {
		__u8 type = from_memory(packet->protocol);
		struct ipv6_extension *extension;
		__u32 extension_bytes;

		offset = from_memory(packet->upper_offset);
		if (!quoted && offset > end)
			return BG_REASON_MALFORMED;
		packet->upper_bytes = end - offset;
		if (!is_ipv6_extension(type))
			return BG_REASON_NONE;
		if (offset > PARSE_MAX_OFFSET)
			return BG_REASON_EXTENSION;
		extension = frame_at(frame, offset, sizeof(*extension));
		if (!extension)
			return BG_REASON_TRUNCATED;
		packet->protocol = extension->next_header;
		if (type == IPPROTO_FRAGMENT) {
			enum bg_reason reason = parse_ipv6_fragment((void *)extension, packet);

			if (reason != BG_REASON_NONE ||
			    from_memory(packet->fragment) == BG_LATER_FRAGMENT)
				return reason;
			extension_bytes = sizeof(struct ipv6_fragment);
		} else if (type == IPPROTO_AH) {
			extension_bytes = (extension->length + 2) * 4;
		} else {
			/* the address in the header is not where the packet ends up */
			if (type == IPPROTO_ROUTING && extension->segments_left)
				return BG_REASON_EXTENSION;
			extension_bytes = (extension->length + 1) * 8;
		}
		packet->upper_offset = offset + extension_bytes;
	}
	return BG_REASON_EXTENSION;
}

/*
 * The IP packet at packet->network_offset. `brief` leaves IPv6 extension headers
 * and IPv4 options alone and calls them BG_REASON_EXTENSION.
 */
static __always_inline enum bg_reason parse_ip(const struct bg_frame *frame, __u16 ethertype,
					       bool quoted, bool brief, enum bg_direction direction,
					       struct bg_packet *packet)
{
	/* the brief look is short enough for the verifier to follow each tag */
	__u32 offset = brief ? packet->network_offset : from_memory(packet->network_offset);
	enum bg_reason reason;

	if (ethertype == ETHERTYPE_IPV4)
		reason = parse_ipv4(frame, offset, quoted, brief, direction, packet);
	else
		reason = parse_ipv6(frame, offset, quoted, brief, direction, packet);
	if (reason != BG_REASON_NONE || packet->fragment == BG_LATER_FRAGMENT)
		return reason;
	return parse_upper(frame, quoted, direction, packet);
}

#endif
