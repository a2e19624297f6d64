/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the loader decides before it loads. Read-only data of a frozen map: the
 * verifier knows the values and removes what is switched off, so one object
 * serves every use.
 */
#ifndef BG_CONFIG_H
#define BG_CONFIG_H

/* buckets of `flows` - 1; the count is a power of two */
const volatile __u32 flow_mask = 0;

/*
 * Secret that keeps a remote from aiming at one bucket. It has a map of its own, for the
 * next daemon to read: where a variable is in .rodata only BTF tells, and to open that by
 * its id takes CAP_SYS_ADMIN.
 */
SEC(".rodata.seed") const volatile __u64 hash_seed = 0;

/* this machine may read in another order than the program says (memory_order.h) */
const volatile bool loads_move = false;

/* where this kernel's struct sk_buff has what partial.h reads, in bytes from its start, and the
 * piece of it that all but the first is in; 0 bytes = not known, and not looked at */
const volatile __u32 skb_summed = 0;
const volatile __u32 skb_summed_shift = 0;
const volatile __u32 skb_csum_start = 0;
const volatile __u32 skb_csum_offset = 0;
const volatile __u32 skb_head = 0;
const volatile __u32 skb_data = 0;
const volatile __u32 skb_piece = 0;
const volatile __u32 skb_piece_bytes = 0;

/* write the map `trace` after each verdict (explain, packet tests) */
const volatile bool keep_trace = false;

/* packets that need neither conntrack nor routing bypass the node's stack */
const volatile bool short_way = true;

/* only sockets of this cgroup (or below it, which is level `probe_cgroup_level`)
 * may probe on the short way; 0 = any process of the node */
const volatile __u64 probe_cgroup = 0;
const volatile __u32 probe_cgroup_level = 0;

#endif
