/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the kernel's struct sk_buff has what the context of a TC program does not show: what a
 * device is told to fill in.
 */
#ifndef BG_DATAPATH_KERNEL_SKB_H
#define BG_DATAPATH_KERNEL_SKB_H

#include "base/error.h"
#include "types.h"

struct btf;

/* Bytes from the start of the struct; of ip_summed the byte that it is in, and where in that. */
struct bg_skb_layout {
	__u32 summed, summed_shift;
	__u32 csum_start, csum_offset, head, data;
	__u32 piece, piece_bytes; /* that has the last four of these; 0 bytes: nothing is known */
};

/* By a kernel's BTF. 0, or a negative errno with what is missing; *layout is all 0 then. */
int bg_skb_layout_find(const struct btf *btf, struct bg_skb_layout *layout, struct bg_error *err);

/* Of the running kernel, for programs that it lets read there. -EOPNOTSUPP: it does not let
 * them, or does not say where; else it could not be asked this time. */
int bg_skb_layout_read(struct bg_skb_layout *layout, struct bg_error *err);

#endif
