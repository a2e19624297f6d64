/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A map and a program that only the next build has. On the trunk it counts packets, in a
 * map that no other build knows: an older one has to find it and take it away.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} next_seen SEC(".maps");

SEC("tc")
int tc_next(struct __sk_buff *ctx)
{
	__u32 zero = 0;
	__u64 *seen = bpf_map_lookup_elem(&next_seen, &zero);

	(void)ctx;
	if (seen)
		__sync_fetch_and_add(seen, 1);
	return TC_ACT_UNSPEC;
}
