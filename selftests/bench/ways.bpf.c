// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs for bench_ways alone. A packet that goes through a program again and again spends a
 * hop each time and carries the marks of the time before: one program stands in front, which
 * writes both as they were and jumps on, to the program under test or to the empty one, so that
 * what it costs can be taken off.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ETHERNET_BYTES 14
#define HOPS 64

/* what skb->tc_index says when the packet comes */
__u32 came_by = 0;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} behind SEC(".maps");

/* A flow table as others have it, of one flow. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 131072);
	__type(key, __u8[40]);
	__type(value, __u8[64]);
} hot SEC(".maps");

SEC("tc")
int tc_empty(struct __sk_buff *ctx)
{
	(void)ctx;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int tc_hot_lookup(struct __sk_buff *ctx)
{
	__u8 key[40] = { 1 };
	__u8 *value = bpf_map_lookup_elem(&hot, &key);

	(void)ctx;
	return value ? value[0] : TC_ACT_SHOT;
}

SEC("tc")
int tc_again(struct __sk_buff *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 *ip = data + ETHERNET_BYTES;

	ctx->tc_index = came_by;
	if (ip + 20 > (__u8 *)end)
		return TC_ACT_SHOT;
	if (ctx->protocol == bpf_htons(0x0800))
		ip[8] = HOPS;
	else if (ctx->protocol == bpf_htons(0x86dd))
		ip[7] = HOPS;
	bpf_tail_call(ctx, &behind, 0);
	return TC_ACT_SHOT;
}
