/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The short way: between a strict pod's veth and its branch without conntrack,
 * netfilter or routing. It is what keeps the pod's address whatever masquerade
 * rules stand in the node, and what makes forwarding cheap.
 *
 * What the stack would do, happens here too: TTL, MTU, the neighbour's state
 * (bpf_redirect_neigh() asks and keeps the entry alive). What the stack would answer
 * with an ICMP error is left to it.
 */
#ifndef BG_SHORT_WAY_H
#define BG_SHORT_WAY_H

#include "case.h"
#include "iface.h"
#include "parse.h"

/*
 * How a packet came to the program where it leaves the node: our program on the
 * host veth writes it into skb->tc_index. The stack keeps that field (it is there
 * for such uses), and nobody's marks are in it. A veth keeps it as well: what the
 * pod has set there is always overwritten.
 */
enum bg_came_by {
	BG_CAME_UNKNOWN = 0,
	BG_CAME_BY_STACK = 0xb601,     /* through the node's stack: may have been NATed */
	BG_CAME_BY_SHORT_WAY = 0xb602, /* straight to the branch */
	BG_CAME_JUDGED = 0xb603,       /* the branch's groups have admitted it */
	BG_CAME_AS_REPLY = 0xb604,     /* admitted as well, by a flow that came in */
};

/*
 * Written by hand: for a plain store clang may keep &ctx->tc_index in a register,
 * and the verifier takes no pointer into the context that is not its start.
 */
static __always_inline void set_came_by(struct __sk_buff *ctx, __u32 came_by)
{
	asm volatile("*(u32 *)(%[ctx] + %[offset]) = %[came_by]"
		     :
		     : [ctx] "r"(ctx), [came_by] "r"(came_by),
		       [offset] "i"(offsetof(struct __sk_buff, tc_index))
		     : "memory");
}

#define FAMILY_INET 2
#define FAMILY_INET6 10

/* To `next_hop` through the interface; a TC action. */
static __always_inline int redirect_to(__u32 ifindex, const struct bg_addr *next_hop, bool ipv6)
{
	struct bpf_redir_neigh neighbour = {};

	if (ipv6) {
		neighbour.nh_family = FAMILY_INET6;
		__builtin_memcpy(neighbour.ipv6_nh, next_hop->byte, sizeof(neighbour.ipv6_nh));
	} else {
		neighbour.nh_family = FAMILY_INET;
		neighbour.ipv4_nh = BG_WORD(next_hop, 3);
	}
	return bpf_redirect_neigh(ifindex, &neighbour, sizeof(neighbour), 0);
}

/* Does every segment of the packet fit the interface? */
static __always_inline bool fits(struct __sk_buff *ctx, __u32 ifindex)
{
	__u32 mtu_bytes = 0;

	return !bpf_check_mtu(ctx, ifindex, &mtu_bytes, 0,
			      ctx->gso_segs > 1 ? BPF_MTU_CHK_SEGS : 0);
}

/*
 * One hop less; false: leave it to the stack. After has_priority_tag(). IPv4's stands in the
 * packet at once, with its checksum (RFC 1624): two helpers cost half as much as the verdict. The
 * kernel unclones what is cloned for a program that does so, as ip_forward() would. IPv6's
 * has no checksum of its own, so what the hardware has summed up must follow.
 */
static __always_inline bool spend_hop(struct __sk_buff *ctx, const struct bg_packet *packet)
{
	const __u32 offset = sizeof(struct ethhdr);
	const __u8 hop_limit = packet->hop_limit - 1;
	struct iphdr *ip = (void *)(long)ctx->data + offset;
	__u32 sum;

	if (packet->hop_limit <= 1)
		return false;
	if (packet->ipv6)
		return !bpf_skb_store_bytes(ctx, offset + offsetof(struct ipv6hdr, hop_limit),
					    &hop_limit, sizeof(hop_limit), BPF_F_RECOMPUTE_CSUM);
	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return false;
	ip->ttl = hop_limit;
	sum = ip->check + bpf_htons(0x0100);
	ip->check = sum + (sum >= 0xffff);
	return true;
}

/* The stack takes such a tag off; a redirect would send it along. */
static __always_inline bool has_priority_tag(const struct __sk_buff *ctx,
					     const struct bg_packet *packet)
{
	return ctx->vlan_present || packet->network_offset != sizeof(struct ethhdr);
}

/* From a strict pod's veth to its branch, where it will be judged. `must`: whoever else has
 * programs there, since the stack would not do. */
static __always_inline int to_branch(struct __sk_buff *ctx, const struct bg_case *c, bool must)
{
	const struct bg_packet *packet = &c->packet;
	__u32 vlan = c->verdict.vlan;
	const struct bg_addr *next_hop;
	struct bg_route *route;

	route = bpf_map_lookup_elem(&fast_routes, &vlan);
	if (!route || !route->ifindex || has_priority_tag(ctx, packet))
		return TC_ACT_UNSPEC;
	if (!must && !way_is_open(ctx->ifindex, route->ifindex))
		return TC_ACT_UNSPEC;
	next_hop = packet->ipv6 ? &route->gateway6 : &route->gateway4;
	if (!(BG_HALF(next_hop, 0) | BG_HALF(next_hop, 1)) || !fits(ctx, route->ifindex) ||
	    !spend_hop(ctx, packet))
		return TC_ACT_UNSPEC;
	set_came_by(ctx, BG_CAME_BY_SHORT_WAY);
	return redirect_to(route->ifindex, next_hop, packet->ipv6);
}

/* Destination and source, as they stand at the head of a frame. */
struct ethernet_addresses {
	__u8 destination[6];
	__u8 source[6];
};

/* What the node itself has made is a clone mostly, and so is all else that leaves where that does:
 * there the packet is not touched but by the helper, which unclones this one alone. */
static __always_inline bool
put_addresses(struct __sk_buff *ctx, const struct ethernet_addresses *addresses, bool forwarded)
{
	struct ethernet_addresses *there = (void *)(long)ctx->data;

	if (!forwarded)
		return !bpf_skb_store_bytes(ctx, 0, addresses, sizeof(*addresses), 0);
	if ((void *)(there + 1) > (void *)(long)ctx->data_end)
		return false;
	*there = *addresses;
	return true;
}

/*
 * To the pod that owns c->packet.local; TC_ACT_UNSPEC when it is not known, or, as the loader
 * writes `pods` behind the image, is known at the branch that it had before.
 *
 * The loader knows the MAC from the veth itself. Without it the neighbour is
 * asked, which costs a packet of a local socket: such a packet carries a route,
 * and what waits for a neighbour is sent along it.
 */
static __always_inline int to_pod(struct __sk_buff *ctx, const struct bg_case *c, bool forwarded)
{
	struct bg_pod *pod = bpf_map_lookup_elem(&pods, &c->packet.local);
	struct ethernet_addresses addresses;

	if (!pod || !pod->host_ifindex || pod->vlan != c->verdict.vlan ||
	    !fits(ctx, pod->host_ifindex))
		return TC_ACT_UNSPEC;
	if (forwarded &&
	    (has_priority_tag(ctx, &c->packet) || !way_is_open(pod->host_ifindex, ctx->ifindex) ||
	     !spend_hop(ctx, &c->packet)))
		return TC_ACT_UNSPEC;
	__builtin_memcpy(addresses.destination, pod->mac, sizeof(pod->mac));
	__builtin_memcpy(addresses.source, pod->host_mac, sizeof(pod->host_mac));
	if (!(addresses.destination[0] | addresses.destination[1] | addresses.destination[2] |
	      addresses.destination[3] | addresses.destination[4] | addresses.destination[5]))
		return redirect_to(pod->host_ifindex, &c->packet.local, c->packet.ipv6);
	return put_addresses(ctx, &addresses, forwarded) ? bpf_redirect(pod->host_ifindex, 0)
							 : TC_ACT_SHOT;
}

#endif
