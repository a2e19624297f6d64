// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compares a compiled image with the one in force, for a daemon that starts again with the
 * feed of the one before: then nothing has to be put in force. In doubt they differ.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "datapath/datapath.h"

bool bg_datapath_is_in_force(const struct bg_datapath *datapath, const struct bg_image *image)
{
	__u32 count = image->block_count, position, length = sizeof(struct bpf_map_info);
	bg_auto_free struct bg_block *blocks = NULL;
	bg_auto_free __u32 *keys = NULL;
	struct bpf_map_info info = {};
	struct bg_header *header;

	if (datapath->image_fd < 0 || bpf_map_get_info_by_fd(datapath->image_fd, &info, &length) ||
	    count > info.max_entries)
		return false;
	blocks = calloc(count, sizeof(*blocks));
	keys = calloc(count, sizeof(*keys));
	if (!blocks || !keys)
		return false;
	/* -ENOENT: there are no more of them */
	if (bpf_map_lookup_batch(datapath->image_fd, NULL, &position, keys, blocks, &count, NULL) &&
	    errno != ENOENT)
		return false;
	header = (struct bg_header *)blocks;
	if (count != image->block_count || header->magic != BG_IMAGE_MAGIC ||
	    header->revision != datapath->revision)
		return false;
	header->revision = ((const struct bg_header *)image->blocks)->revision;
	return !memcmp(blocks, image->blocks, count * sizeof(*blocks));
}
