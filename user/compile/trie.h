/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Prefixes with their classes → the address tries of the image. */
#ifndef BG_COMPILE_TRIE_H
#define BG_COMPILE_TRIE_H

#include "compile/writer.h"

/* As the trie has its keys: host order, IPv4 in the upper 32 bits of `hi` (its length
 * is 0-32). Bits behind the length are 0. */
struct bg_trie_prefix {
	__u64 hi, lo;
	__u32 class;
	__u32 length;
};

/* The first `bits` of 64; all of them from 64 on. */
static inline __u64 bg_first_bits(unsigned int bits)
{
	if (!bits)
		return 0;
	return bits < 64 ? ~0ull << (64 - bits) : ~0ull;
}

/* What a prefix of this length has of `hi` and of `lo`. */
static inline __u64 bg_mask_hi(unsigned int length)
{
	return bg_first_bits(length);
}

static inline __u64 bg_mask_lo(unsigned int length)
{
	return bg_first_bits(length < 64 ? 0 : length - 64);
}

struct bg_trie_counts {
	size_t nodes;
	size_t shortlisted; /* prefixes in short lists */
};

/*
 * Fills the BG_ROOT_CELLS entries at `root`, and writes and counts what they lead
 * to. The longest prefix decides; addresses without a prefix are of class 0.
 * `prefixes` are of one family, distinct and sorted by (hi, lo, length).
 */
int bg_write_trie(struct bg_writer *writer, const struct bg_trie_prefix *prefixes, size_t count,
		  __u32 root, struct bg_trie_counts *counts, struct bg_error *err);

#endif
