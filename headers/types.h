/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The words that the kernel side and the user side share: addresses and
 * directions. Everything in headers/ compiles for both, with no padding that
 * is not written out.
 */
#ifndef BG_TYPES_H
#define BG_TYPES_H

#include <linux/types.h>

/*
 * Layout and meaning of everything that is pinned. A loader that finds another
 * number in the pinned `control` map makes maps of its own, takes over what it knows
 * to be the same or how to convert, and replaces the programs in place (README.md
 * beside this file: what has to stay as it is for that, in every ABI).
 */
#define BG_ABI 4

/*
 * Of the maps `flows`, `branches`, `rules` and `former_rules`, and of how a flow is found in its
 * table. An older loader that finds its own number here goes on with all three,
 * whatever the ABI.
 */
#define BG_FLOW_LAYOUT 2

/* VLAN ids are 12 bits (IEEE 802.1Q); 0 and 4095 are reserved. */
#define BG_VLANS 4096

/* The CNI's routing table of a branch is its VLAN id plus this. */
#define BG_BRANCH_TABLE_BASE 100

#define BG_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)

/* Toward the pod is ingress, from the pod is egress, whatever the hook. */
enum bg_direction {
	BG_INGRESS = 0,
	BG_EGRESS = 1,
	BG_DIRECTIONS = 2,
};

/* How a branch's traffic is filtered; see "Modes" in the README. */
enum bg_mode {
	BG_STRICT = 0,
	BG_STANDARD = 1,
};

/*
 * An address of either family in network byte order. IPv4 is mapped
 * (::ffff:a.b.c.d, RFC 4291 § 2.5.5.2), so one key serves both families, and
 * a.b.c.d are the last four bytes. No union with words: bpftool would print those
 * as well.
 */
struct bg_addr {
	__u8 byte[16];
} __attribute__((aligned(8)));
BG_ASSERT_SIZE(struct bg_addr, 16);

/* The address that `addr` points to, as four words or two halves; to be read or set. */
typedef __be32 __attribute__((may_alias)) bg_addr_word;
typedef __be64 __attribute__((may_alias)) bg_addr_half;
#define BG_WORD(addr, n) (((bg_addr_word *)(addr)->byte)[n])
#define BG_HALF(addr, n) (((bg_addr_half *)(addr)->byte)[n])

/* The piece of the kernel's struct sk_buff that programs have room for: bpf/partial.h. */
#define BG_SKB_PIECE_BYTES 128

#endif
