// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include "config.h"
#include "maps.bpf.h"

struct bg_block unused_block; /* stub */
char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define STUB_XDP(name) SEC("xdp") int name(struct xdp_md *ctx) { \
	__u32 z = 0; \
	void *a[] = { bpf_map_lookup_elem(&policy, &z), bpf_map_lookup_elem(&ifaces, &z), bpf_map_lookup_elem(&more_ifaces, &z), bpf_map_lookup_elem(&vlans, &z), bpf_map_lookup_elem(&branches, &z), bpf_map_lookup_elem(&rules, &z), bpf_map_lookup_elem(&counters, &z), bpf_map_lookup_elem(&flows, &z), bpf_map_lookup_elem(&control, &z), bpf_map_lookup_elem(&trace, &z)}; \
	struct bg_addr k = {}; struct bg_fragment_key f = {}; \
	void *b = bpf_map_lookup_elem(&pods, &k), *c = bpf_map_lookup_elem(&fragments, &f); \
	bpf_ringbuf_output(&events, &k, sizeof(k), 0); \
	return (flow_mask + hash_seed + trace_verdict + short_way + !!a[0] + !!b + !!c) ? XDP_DROP : XDP_ABORTED; }
#define STUB_TC(name) SEC("tc") int name(struct __sk_buff *ctx) { return TC_ACT_SHOT; }
STUB_XDP(xdp_branch)
STUB_XDP(xdp_trunk)
STUB_TC(tc_branch_ingress)
STUB_TC(tc_branch_egress)
STUB_TC(tc_pod_egress)
STUB_TC(tc_node_ingress)
STUB_TC(tc_node_egress)
STUB_TC(tc_trunk_guard)
