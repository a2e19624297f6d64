// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Building the path-compressed tries from sorted prefixes, bottom up. compile.c calls it
 * once for each family; it sorts nothing, and what a class means it does not know.
 */
#include "compile/trie.h"

#include <stdbool.h>
#include <string.h>

#define STEP 4
#define FANOUT (1 << STEP)
#define DEEPEST (BG_ROOT_BITS + STEP * (BG_TRIE_MAX_STEPS - 1))

struct trie {
	struct bg_writer *writer;
	struct bg_trie_counts *counts;
	/* what is left of the block that records are taken from, in cells */
	__u32 records, left;
};

/* The four bits at `depth`. */
static unsigned int nibble(const struct bg_trie_prefix *prefix, unsigned int depth)
{
	return ((depth < 64 ? prefix->hi : prefix->lo) >> (60 - depth % 64)) & (FANOUT - 1);
}

static unsigned int common_bits(const struct bg_trie_prefix *a, const struct bg_trie_prefix *b)
{
	if (a->hi != b->hi)
		return __builtin_clzll(a->hi ^ b->hi);
	if (a->lo != b->lo)
		return 64 + __builtin_clzll(a->lo ^ b->lo);
	return 128;
}

/*
 * The depth of the node at which `count` prefixes part: the number of bits that all
 * have in common. The first one has the smallest address, so if any is shorter than
 * what the first and the last share, the first is.
 */
static unsigned int depth_of(const struct bg_trie_prefix *prefixes, size_t count)
{
	unsigned int depth = common_bits(&prefixes[0], &prefixes[count - 1]);

	if (depth > prefixes[0].length)
		depth = prefixes[0].length;
	depth -= depth % STEP;
	return depth < DEEPEST ? depth : DEEPEST;
}

static int write_node(struct trie *trie, const struct bg_trie_prefix *key, unsigned int depth,
		      __u32 miss, const __u32 *child, __u32 *entry, struct bg_error *err)
{
	struct bg_node node = {
		.miss = miss,
		.key_hi = key->hi & bg_mask_hi(depth),
		.key_lo = key->lo & bg_mask_lo(depth),
		.mask_hi = bg_mask_hi(depth),
		.mask_lo = bg_mask_lo(depth),
	};
	__u32 index;
	int rc = bg_writer_take(trie->writer, BG_NODE_CELLS, BG_NODE_CELLS, &index, err);

	if (rc)
		return rc;
	memcpy(node.child, child, sizeof(node.child));
	memcpy(trie->writer->cells + index, &node, sizeof(node));
	*entry = depth / STEP << BG_NIBBLE_SHIFT | index >> BG_NODE_SHIFT;
	trie->counts->nodes++;
	return 0;
}

static void fill_record(struct bg_shortlist_entry *record, const struct bg_trie_prefix *prefix,
			__u32 miss)
{
	unsigned int lo_ignored = prefix->length < 64 ? 64 : 128 - prefix->length;

	*record = (struct bg_shortlist_entry){
		.key_hi = prefix->hi,
		.key_lo = prefix->lo,
		.hit = BG_LEAF | prefix->class,
		.miss = miss,
		.hi_shift = prefix->length < 64 ? 64 - prefix->length : 0,
		.lo_shift = { lo_ignored / 2, lo_ignored - lo_ignored / 2 },
	};
}

static int write_shortlist(struct trie *trie, const struct bg_trie_prefix *prefixes, size_t count,
			   __u32 miss, __u32 *entry, struct bg_error *err)
{
	__u32 cells = count * BG_SHORTLIST_CELLS;
	struct bg_shortlist_entry *list;
	int rc;

	if (trie->left < cells) {
		rc = bg_writer_take(trie->writer, BG_BLOCK_CELLS, BG_BLOCK_CELLS, &trie->records,
				    err);
		if (rc)
			return rc;
		trie->left = BG_BLOCK_CELLS;
	}
	list = (struct bg_shortlist_entry *)(trie->writer->cells + trie->records);
	for (size_t i = 0; i < count; i++)
		fill_record(&list[i], &prefixes[i], i ? 0 : miss);
	*entry = BG_SHORTLIST | (count - 1) << BG_SHORTLIST_COUNT_SHIFT |
		 trie->records >> BG_SHORTLIST_SHIFT;
	trie->records += cells;
	trie->left -= cells;
	trie->counts->shortlisted += count;
	return 0;
}

/*
 * The entry for all keys that share the first `depth` bits of these prefixes,
 * which are at least that long. `outer` is the class around them.
 */
static int write_subtrie(struct trie *trie, const struct bg_trie_prefix *prefixes, size_t count,
			 unsigned int depth, __u32 outer, __u32 *entry, struct bg_error *err)
{
	__u32 child[FANOUT], around[FANOUT], inner;
	const struct bg_trie_prefix *key;
	unsigned int here;
	bool one_leaf = true;
	size_t i = 0;

	if (count && prefixes[0].length == depth) {
		outer = prefixes[0].class;
		i = 1;
	}
	if (i == count) {
		*entry = BG_LEAF | outer;
		return 0;
	}
	if (count - i <= BG_SHORTLIST_MOST)
		return write_shortlist(trie, prefixes + i, count - i, BG_LEAF | outer, entry, err);
	here = depth_of(prefixes + i, count - i);
	key = &prefixes[i];
	inner = outer;
	if (key->length == here) {
		inner = key->class;
		i++;
	}
	for (int n = 0; n < FANOUT; n++)
		around[n] = inner;
	for (unsigned int n = 0; n < FANOUT; n++) {
		size_t first;
		int rc;

		/* prefixes that cover several children; longer ones come later and win */
		for (; i < count && nibble(&prefixes[i], here) == n &&
		       prefixes[i].length < here + STEP;
		     i++)
			for (unsigned int m = n; m < n + (1u << (here + STEP - prefixes[i].length));
			     m++)
				around[m] = prefixes[i].class;
		for (first = i; i < count && nibble(&prefixes[i], here) == n; i++)
			;
		rc = write_subtrie(trie, prefixes + first, i - first, here + STEP, around[n],
				   &child[n], err);
		if (rc)
			return rc;
		one_leaf = one_leaf && child[n] & BG_LEAF && child[n] == child[0];
	}
	if (one_leaf && (here == depth || child[0] == (BG_LEAF | outer))) {
		*entry = child[0];
		return 0;
	}
	return write_node(trie, key, here, BG_LEAF | outer, child, entry, err);
}

int bg_write_trie(struct bg_writer *writer, const struct bg_trie_prefix *prefixes, size_t count,
		  __u32 root, struct bg_trie_counts *counts, struct bg_error *err)
{
	struct trie trie = { .writer = writer, .counts = counts };
	size_t i = 0;

	for (size_t n = 0; n < BG_ROOT_CELLS; n++)
		writer->cells[root + n] = BG_LEAF;
	while (i < count) {
		__u32 first = prefixes[i].hi >> (64 - BG_ROOT_BITS), entry;
		size_t start = i;
		int rc;

		if (prefixes[i].length <= BG_ROOT_BITS) {
			__u32 covered = 1u << (BG_ROOT_BITS - prefixes[i].length);

			for (__u32 n = 0; n < covered; n++)
				writer->cells[root + first + n] = BG_LEAF | prefixes[i].class;
			i++;
			continue;
		}
		while (i < count && prefixes[i].hi >> (64 - BG_ROOT_BITS) == first)
			i++;
		rc = write_subtrie(&trie, prefixes + start, i - start, BG_ROOT_BITS,
				   writer->cells[root + first] & ~BG_LEAF, &entry, err);
		if (rc)
			return rc;
		writer->cells[root + first] = entry;
	}
	return 0;
}
