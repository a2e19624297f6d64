// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Somebody else's TC programs: one counts and hands on, one counts and says
 * TC_ACT_OK, as aws-network-policy-agent does. Counters are read with bpftool.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} foreign_seen SEC(".maps");

static __always_inline void count(void)
{
	__u32 zero = 0;
	__u64 *seen = bpf_map_lookup_elem(&foreign_seen, &zero);

	if (seen)
		__sync_fetch_and_add(seen, 1);
}

SEC("tc")
int foreign_next(struct __sk_buff *ctx __attribute__((unused)))
{
	count();
	return TC_ACT_UNSPEC;
}

SEC("tc")
int foreign_drop(struct __sk_buff *ctx __attribute__((unused)))
{
	count();
	return TC_ACT_SHOT;
}

SEC("tc")
int foreign_ok(struct __sk_buff *ctx __attribute__((unused)))
{
	count();
	return TC_ACT_OK;
}
