/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of several hooks need: the case that one works on, and the way to
 * refuse a packet that no verdict is asked for.
 */
#ifndef BG_HOOK_H
#define BG_HOOK_H

#include <linux/pkt_cls.h>

#include "verdict.h"
#include "verifier.h"

/*
 * The case a program works on. In a map, not on the stack: the verifier does not
 * tell values in a map apart, so all the paths through the parser end in one state.
 * Programs run with softirqs disabled, one at a time on a CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bg_case);
} scratch SEC(".maps");

static __always_inline struct bg_case *open_case(enum bg_direction direction, __u32 ifindex,
						 __u32 vlan)
{
	__u32 zero = 0;
	struct bg_case *c = bpf_map_lookup_elem(&scratch, &zero);

	if (!c)
		return NULL;
	/* what stands behind is written before it is read */
	__builtin_memset(c, 0, offsetof(struct bg_case, flow));
	c->flow.flags = 0;
	c->flow.rule = 0;
	c->direction = direction;
	c->ifindex = ifindex;
	c->verdict.vlan = vlan;
	all_from_memory();
	return c;
}

/* Dropped, and counted on its branch, without a verdict. `c` is never NULL. */
__noinline int refuse(struct bg_case *c, enum bg_reason reason)
{
	if (!c)
		return TC_ACT_SHOT;
	consult(c, 0, c->direction);
	conclude(c, reason);
	return TC_ACT_SHOT;
}

#endif
