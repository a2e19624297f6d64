/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading the policy image (headers/image.h). Every load is one inlined array
 * look-up; a block that is not there reads as 0, which allows nothing.
 */
#ifndef BG_CLASSIFY_H
#define BG_CLASSIFY_H

#include "maps.bpf.h"
#include "packet.h"
#include "verifier.h"

/* One revision, as it was in force when policy_view() looked: whatever is read by a
 * view is of that one, and no publish changes it. */
struct bg_policy_view {
	void *image;
	const struct bg_header *header;
	const struct bg_branch *branch;
};

static __always_inline void *image_block(void *image, __u32 block)
{
	return bpf_map_lookup_elem(image, &block);
}

static __always_inline __u32 image_cell(void *image, __u32 index)
{
	struct bg_block *block = image_block(image, index >> BG_BLOCK_SHIFT);

	return block ? block->cell[index & (BG_BLOCK_CELLS - 1)] : 0;
}

static __always_inline __u32 image_vector(void *image, __u32 head, __u32 index)
{
	__u32 chunk;

	if (!head)
		return 0;
	chunk = image_cell(image, head + (index >> BG_CHUNK_SHIFT));
	return image_cell(image, chunk + (index & (BG_CHUNK_CELLS - 1)));
}

/* Finds the revision in force. */
static __always_inline enum bg_reason policy_view(struct bg_policy_view *view)
{
	__u32 zero = 0;

	view->image = bpf_map_lookup_elem(&policy, &zero);
	if (!view->image)
		return BG_REASON_NO_POLICY;
	view->header = image_block(view->image, 0);
	if (!view->header || view->header->magic != BG_IMAGE_MAGIC)
		return BG_REASON_NO_POLICY;
	return BG_REASON_NONE;
}

/* Finds the branch of a VLAN in it. */
static __always_inline enum bg_reason policy_branch(struct bg_policy_view *view, __u32 vlan)
{
	void *block;
	__u32 cell;

	cell = image_cell(view->image, view->header->branches + (vlan & (BG_VLANS - 1)));
	if (!cell)
		return BG_REASON_NO_BRANCH;
	block = image_block(view->image, cell >> BG_BLOCK_SHIFT);
	if (!block)
		return BG_REASON_NO_BRANCH;
	/* a record is aligned to its size: four places in a block */
	view->branch = block + (cell & (BG_BLOCK_CELLS - BG_BRANCH_CELLS)) * sizeof(__u32);
	return BG_REASON_NONE;
}

static __always_inline __u32 search_shortlist(void *image, __u32 shortlist, __u64 hi, __u64 lo)
{
	const struct bg_shortlist_entry *records;
	__u32 entry, count;

	/* 32 records in a block */
	records = image_block(image, (shortlist & BG_SHORTLIST_MASK) >>
					     (BG_BLOCK_SHIFT - BG_SHORTLIST_SHIFT));
	if (!records)
		return 0;
	entry = records[shortlist & 31].miss;
	count = unforeseen(bg_shortlist_count(shortlist));
	for (__u32 i = 0; i < BG_SHORTLIST_MOST && i < count; i++) {
		const struct bg_shortlist_entry *one = &records[(shortlist + i) & 31];

		if (bg_shortlist_covers(one, hi, lo))
			entry = one->hit;
	}
	return entry;
}

static __always_inline __u32 address_class(const struct bg_policy_view *view,
					   const struct bg_addr *address, bool ipv6)
{
	__u32 entry, root;
	__u64 hi, lo;

	if (ipv6) {
		hi = bpf_be64_to_cpu(BG_HALF(address, 0));
		lo = bpf_be64_to_cpu(BG_HALF(address, 1));
		root = view->header->trie6;
	} else {
		hi = (__u64)bpf_ntohl(BG_WORD(address, 3)) << 32;
		lo = 0;
		root = view->header->trie4;
	}
	entry = image_cell(view->image, root + (__u32)(hi >> 48));
	/* bounded by the trie's depth: every node decides four more bits */
	for (int i = 0; i < BG_TRIE_MAX_STEPS; i++) {
		const struct bg_node *node;
		__u64 word;
		void *block;

		if (entry & (BG_LEAF | BG_SHORTLIST))
			break;
		/* eight nodes in a block */
		block = image_block(view->image,
				    (entry & BG_NODE_MASK) >> (BG_BLOCK_SHIFT - BG_NODE_SHIFT));
		if (!block)
			return 0;
		node = block + (entry & 7) * sizeof(*node);
		if (((hi ^ node->key_hi) & node->mask_hi) | ((lo ^ node->key_lo) & node->mask_lo)) {
			entry = node->miss;
			break;
		}
		word = bg_entry_in_lo(entry) ? lo : hi;
		entry = node->child[(word >> bg_entry_shift(entry)) & 15];
	}
	if ((entry & (BG_LEAF | BG_SHORTLIST)) == BG_SHORTLIST)
		entry = search_shortlist(view->image, entry, hi, lo);
	return entry & BG_LEAF ? entry & ~BG_LEAF : 0;
}

static __always_inline __u32 class_info(const struct bg_policy_view *view, __u32 class)
{
	return class ? image_cell(view->image, view->header->class_info + class) : 0;
}

/* The rule of one set of groups that admits a service, 0 = none. */
static __always_inline __u32 policy_rule(const struct bg_policy_view *view,
					 const struct bg_policy *groups, __u32 class, __u8 protocol,
					 __u32 service_index)
{
	__u32 services = groups->services[bg_space_of(protocol)], service, row;

	service = image_vector(view->image, services, service_index);
	if (!service)
		return 0;
	row = image_vector(view->image, groups->rows, class);
	return image_vector(view->image, row, service);
}

#endif
