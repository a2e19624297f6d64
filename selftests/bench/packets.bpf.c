// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs for the bench alone. Empty ones, to compare with. And others that
 * stand in front of a program under test: they write another remote address and
 * port into the packet (its checksums do not matter), or only take back what
 * the last run left, and jump on. Each exists twice, with the real and with the
 * empty program behind it, so that what it costs can be taken off.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "types.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define REMOTES 65536
#define ETHERNET_BYTES 14

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, REMOTES);
	__type(key, __u32);
	__type(value, struct bg_addr);
} remotes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} xdp_programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} tc_programs SEC(".maps");

enum { EMPTY, INGRESS, EGRESS };

__u32 packet_number = 0;

struct ipv4_packet {
	__u8 ethernet[ETHERNET_BYTES];
	__u8 before[12];
	__be32 address[2]; /* source, destination */
	__be16 port[2];
} __attribute__((packed));

struct ipv6_packet {
	__u8 ethernet[ETHERNET_BYTES];
	__u8 before[8];
	__be32 address[2][4];
	__be16 port[2];
} __attribute__((packed));

/* `end` is 0 where the remote is the source, 1 where it is the destination. The
 * port that changes is always the source port. */
static __always_inline bool rewrite(void *data, void *data_end, bool ipv6, int end)
{
	__u32 number = packet_number++, index = number & (REMOTES - 1);
	struct bg_addr *remote = bpf_map_lookup_elem(&remotes, &index);

	if (!remote)
		return false;
	if (ipv6) {
		struct ipv6_packet *packet = data;

		if ((void *)(packet + 1) > data_end)
			return false;
		for (int i = 0; i < 4; i++)
			packet->address[end][i] = BG_WORD(remote, i);
		packet->port[0] = bpf_htons(number);
	} else {
		struct ipv4_packet *packet = data;

		if ((void *)(packet + 1) > data_end)
			return false;
		packet->address[end] = BG_WORD(remote, 3);
		packet->port[0] = bpf_htons(number);
	}
	return true;
}

/* What an XDP program left in front of the packet is still there the next time. */
static __always_inline void reset_metadata(struct xdp_md *ctx)
{
	bpf_xdp_adjust_meta(ctx, (int)(ctx->data - ctx->data_meta));
}

SEC("xdp")
int xdp_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

SEC("tc")
int tc_empty(struct __sk_buff *ctx)
{
	(void)ctx;
	return TC_ACT_UNSPEC;
}

#define XDP_SAME(name, program)                                                                    \
	SEC("xdp")                                                                                 \
	int name(struct xdp_md *ctx)                                                               \
	{                                                                                          \
		reset_metadata(ctx);                                                               \
		bpf_tail_call(ctx, &xdp_programs, program);                                        \
		return XDP_ABORTED;                                                                \
	}

#define XDP_NEXT(name, program, ipv6)                                                              \
	SEC("xdp")                                                                                 \
	int name(struct xdp_md *ctx)                                                               \
	{                                                                                          \
		reset_metadata(ctx);                                                               \
		if (rewrite((void *)(long)ctx->data, (void *)(long)ctx->data_end, ipv6, 0))        \
			bpf_tail_call(ctx, &xdp_programs, program);                                \
		return XDP_ABORTED;                                                                \
	}

#define TC_NEXT(name, program, ipv6, end)                                                          \
	SEC("tc")                                                                                  \
	int name(struct __sk_buff *ctx)                                                            \
	{                                                                                          \
		if (rewrite((void *)(long)ctx->data, (void *)(long)ctx->data_end, ipv6, end))      \
			bpf_tail_call(ctx, &tc_programs, program);                                 \
		return TC_ACT_SHOT;                                                                \
	}

XDP_SAME(xdp_same_empty, EMPTY)
XDP_SAME(xdp_same_real, INGRESS)
XDP_NEXT(xdp_next4_empty, EMPTY, false)
XDP_NEXT(xdp_next4_real, INGRESS, false)
XDP_NEXT(xdp_next6_empty, EMPTY, true)
XDP_NEXT(xdp_next6_real, INGRESS, true)
TC_NEXT(tc_in_next4_empty, EMPTY, false, 0)
TC_NEXT(tc_in_next4_real, INGRESS, false, 0)
TC_NEXT(tc_in_next6_empty, EMPTY, true, 0)
TC_NEXT(tc_in_next6_real, INGRESS, true, 0)
TC_NEXT(tc_out_next4_empty, EMPTY, false, 1)
TC_NEXT(tc_out_next4_real, EGRESS, false, 1)
TC_NEXT(tc_out_next6_empty, EMPTY, true, 1)
TC_NEXT(tc_out_next6_real, EGRESS, true, 1)
