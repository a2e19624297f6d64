/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Checksums that are yet to be filled in (CHECKSUM_PARTIAL): the sum of all from csum_start on
 * is written to csum_start + csum_offset behind the last program, by the device or before it.
 * Whoever has a packet socket names both as he likes, and so two bytes of what has been
 * judged may be others on the wire: a port, an address. In the headers a checksum may be
 * filled in only where the upper protocol has its own. Behind them it is payload: a pod's
 * tunnel leaves those of inner packets to be filled in.
 *
 * The context of a TC program does not show these fields, so they are read from the kernel's
 * own struct (user/datapath/kernel_skb.c): the same way on all kernels. (From Linux 6.2 on
 * bpf_cast_to_kern_ctx() would save a call, but has libbpf look for it in all modules where
 * there is none, which CAP_BPF does not allow.)
 */
#ifndef BG_PARTIAL_H
#define BG_PARTIAL_H

#include "case.h"

#define CHECKSUM_PARTIAL 3

/* Is anything yet to be filled in? */
static __always_inline bool is_partial(struct __sk_buff *ctx, struct bg_case *c)
{
	if (!skb_piece_bytes)
		return false;
	if (bpf_probe_read_kernel(c->skb, 1, (void *)ctx + skb_summed))
		return true;
	return (c->skb[0] >> skb_summed_shift & 3) == CHECKSUM_PARTIAL;
}

/* Where the upper protocol's own checksum is in its header, and how long that is as far as
 * it is judged; 0 = it has none. */
static __always_inline __u32 own_checksum(const struct bg_packet *packet, __u32 *header_bytes)
{
	switch (packet->protocol) {
	case IPPROTO_TCP:
		*header_bytes = 20;
		return 16;
	case IPPROTO_UDP:
		*header_bytes = 8;
		return 6;
	case IPPROTO_SCTP:
		*header_bytes = 12;
		return 8;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		/* and what an error quotes */
		*header_bytes = packet->icmp_error ? ~0u >> 1 : 8;
		return 2;
	default:
		*header_bytes = 0;
		return 0;
	}
}

/* Would what is to be filled in change what is judged? After dissect(), if is_partial().
 * `c` is never NULL. */
__noinline int spoils_headers(struct __sk_buff *ctx, struct bg_case *c)
{
	__u32 own, header_bytes, offset;
	__s64 start, place;

	if (!c)
		return 1;
	/* a sender fills in checksums before it cuts */
	if (c->packet.fragment == BG_LATER_FRAGMENT ||
	    bpf_probe_read_kernel(c->skb, skb_piece_bytes, (void *)ctx + skb_piece))
		return 1;
	offset = *(__u16 *)(c->skb + (skb_csum_offset - skb_piece));
	start = *(__u64 *)(c->skb + (skb_head - skb_piece)) +
		*(__u16 *)(c->skb + (skb_csum_start - skb_piece)) -
		*(__u64 *)(c->skb + (skb_data - skb_piece));
	own = own_checksum(&c->packet, &header_bytes);
	if (own && offset == own && start == c->packet.upper_offset)
		return 0;
	place = start + offset;
	return place < (__s64)c->packet.upper_offset + header_bytes;
}

#endif
