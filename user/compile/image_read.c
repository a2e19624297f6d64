// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The second walk of the image, kept apart from bpf/classify.h so that one checks the
 * other. compile.c asks it for classes, tests for everything; it never writes an image.
 */
#include "compile/image_read.h"

#include <stdlib.h>

#include "base/ip.h"

static __u32 cell(const struct bg_image *image, size_t index)
{
	if (index >> BG_BLOCK_SHIFT >= image->block_count)
		return 0;
	return image->blocks[index >> BG_BLOCK_SHIFT].cell[index & (BG_BLOCK_CELLS - 1)];
}

static const struct bg_header *header_of(const struct bg_image *image)
{
	return (const struct bg_header *)&image->blocks[0];
}

static __u32 vector(const struct bg_image *image, __u32 head, __u32 index)
{
	if (!head)
		return 0;
	return cell(image, (size_t)cell(image, (size_t)head + (index >> BG_CHUNK_SHIFT)) +
				   (index & (BG_CHUNK_CELLS - 1)));
}

/* The record that begins at a cell, all of it in one block; NULL = beyond the image. */
static const void *record(const struct bg_image *image, size_t index)
{
	if (index >> BG_BLOCK_SHIFT >= image->block_count)
		return NULL;
	return &image->blocks[index >> BG_BLOCK_SHIFT].cell[index & (BG_BLOCK_CELLS - 1)];
}

static __u32 search_shortlist(const struct bg_image *image, __u32 shortlist, __u64 hi, __u64 lo)
{
	const struct bg_shortlist_entry *records =
		record(image, (size_t)(shortlist & BG_SHORTLIST_MASK) << BG_SHORTLIST_SHIFT);
	__u32 entry;

	if (!records)
		return 0;
	entry = records[0].miss;
	for (__u32 i = 0; i < bg_shortlist_count(shortlist); i++)
		if (bg_shortlist_covers(&records[i], hi, lo))
			entry = records[i].hit;
	return entry;
}

__u32 bg_image_class(const struct bg_image *image, const struct bg_addr *addr)
{
	const struct bg_prefix host = { .addr = *addr, .length = 128 };
	bool ipv6 = !bg_prefix_is_v4(&host);
	__u32 entry, root;
	__u64 hi, lo;

	bg_addr_key(addr, ipv6, &hi, &lo);
	root = ipv6 ? header_of(image)->trie6 : header_of(image)->trie4;
	entry = cell(image, root + (hi >> 48));
	for (int step = 0; step < BG_TRIE_MAX_STEPS && !(entry & (BG_LEAF | BG_SHORTLIST));
	     step++) {
		const struct bg_node *node =
			record(image, (size_t)(entry & BG_NODE_MASK) << BG_NODE_SHIFT);

		if (!node)
			return 0;
		if (((hi ^ node->key_hi) & node->mask_hi) | ((lo ^ node->key_lo) & node->mask_lo))
			entry = node->miss;
		else
			entry = node->child[((bg_entry_in_lo(entry) ? lo : hi) >>
					     bg_entry_shift(entry)) &
					    15];
	}
	if ((entry & (BG_LEAF | BG_SHORTLIST)) == BG_SHORTLIST)
		entry = search_shortlist(image, entry, hi, lo);
	return entry & BG_LEAF ? entry & ~BG_LEAF : 0;
}

__u32 bg_image_lookup(const struct bg_image *image, int vlan, enum bg_direction direction,
		      const struct bg_addr *remote, enum bg_service_space space, __u32 index)
{
	const struct bg_policy *policy;
	const struct bg_branch *branch;
	__u32 at, service, row;

	if (vlan < 0 || vlan >= BG_VLANS)
		return 0;
	at = cell(image, header_of(image)->branches + (size_t)vlan);
	branch = at ? record(image, at) : NULL;
	if (!branch)
		return 0;
	policy = &branch->policy[direction];
	service = vector(image, policy->services[space], index);
	if (!service)
		return 0;
	row = vector(image, policy->rows, bg_image_class(image, remote));
	return vector(image, row, service);
}

__u32 bg_image_class_info(const struct bg_image *image, const struct bg_addr *addr)
{
	__u32 class = bg_image_class(image, addr);

	return class ? cell(image, (size_t)header_of(image)->class_info + class) : 0;
}
