/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Model → policy image. Pure; image.h documents the result. */
#ifndef BG_COMPILE_COMPILE_H
#define BG_COMPILE_COMPILE_H

#include "base/cleanup.h"
#include "base/error.h"
#include "feed/model.h"
#include "image.h"

struct bg_image {
	struct bg_block *blocks; /* block 0 is struct bg_header */
	size_t block_count;
	/* for people: where the memory went */
	size_t prefixes, classes, nodes, shortlisted, rows, chunks;
};

/*
 * `max_blocks` is the capacity of the inner maps; -E2BIG with the figure when
 * the image would be larger (compilation stops as soon as that is certain, before
 * more memory is taken). The model must be numbered (registry.h). `revision` goes
 * into the header.
 * When several rules admit a packet, the first in order wins: groups in the
 * order of the branch's (sorted) list, rules in feed order.
 */
int bg_compile(const struct bg_model *model, __u32 revision, size_t max_blocks,
	       struct bg_image **image, struct bg_error *err);
void bg_image_free(struct bg_image *image);
BG_CLEANUP_OF(bg_image_free, struct bg_image)

#endif
