/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is a packet at the primary interface any of our business? Most of it is not, and pays for
 * these questions only: they parse no more than an address, and open no case.
 */
#ifndef BG_WHOSE_H
#define BG_WHOSE_H

#include "classify.h"
#include "iface.h"
#include "parse.h"

enum bg_ip_end { BG_IP_SOURCE, BG_IP_DESTINATION };

/* One of the packet's addresses, wherever its link layer ends. False: it has none. */
static __always_inline bool load_address(struct __sk_buff *ctx, enum bg_ip_end end,
					 struct bg_addr *address)
{
	__u32 offset = end == BG_IP_SOURCE ? offsetof(struct iphdr, saddr)
					   : offsetof(struct iphdr, daddr);
	__be32 address4;

	if (ctx->protocol == bpf_htons(ETH_P_IPV6)) {
		offset = end == BG_IP_SOURCE ? offsetof(struct ipv6hdr, saddr)
					     : offsetof(struct ipv6hdr, daddr);
		return !bpf_skb_load_bytes_relative(ctx, offset, address, sizeof(*address),
						    BPF_HDR_START_NET);
	}
	if (ctx->protocol != bpf_htons(ETH_P_IP) ||
	    bpf_skb_load_bytes_relative(ctx, offset, &address4, sizeof(address4),
					BPF_HDR_START_NET))
		return false;
	map_ipv4(address, address4);
	return true;
}

/* The VLAN of the strict pod whose address that is, 0 = no strict pod's. A global function:
 * the verifier walks it once for both ends. */
__noinline int strict_vlan_at(struct __sk_buff *ctx, enum bg_ip_end end)
{
	struct bg_policy_view view;
	struct bg_addr address;
	__u32 vlan;

	if (!load_address(ctx, end, &address) || policy_view(&view) != BG_REASON_NONE)
		return 0;
	vlan = class_info(&view,
			  address_class(&view, &address, ctx->protocol == bpf_htons(ETH_P_IPV6))) &
	       BG_CLASS_VLAN_MASK;
	if (!vlan || policy_branch(&view, vlan) != BG_REASON_NONE || view.branch->mode != BG_STRICT)
		return 0;
	return (int)vlan;
}

/* A function of its own, so that the verifier forgets what it has found. */
__noinline int node_has_standard_pods(void)
{
	struct bg_policy_view view;

	return policy_view(&view) == BG_REASON_NONE && view.header->flags & BG_NODE_STANDARD;
}

#endif
