/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The cells of an image while it is written: they grow up to a limit, and equal
 * runs are stored once. Cells move when they grow: keep indices, not pointers.
 */
#ifndef BG_COMPILE_WRITER_H
#define BG_COMPILE_WRITER_H

#include <stddef.h>

#include "base/error.h"
#include "image.h"

/* How errors begin: what was being done. */
#define BG_COMPILING "compiling the policy image"

struct bg_run {
	__u64 hash;
	__u32 index; /* 0 = free */
	__u32 count;
};

struct bg_writer {
	__u32 *cells;
	size_t used, room, limit; /* in cells; room and limit are whole blocks */
	struct bg_run *runs;	  /* hash table of what bg_writer_run() stored */
	size_t run_count, run_room;
	__u32 *uniform; /* value → chunk of 64 such values, 0 = not stored yet */
	size_t uniform_room;
	size_t prefixes; /* of the model; for the text of a refusal */
};

/* All return 0, -ENOMEM or -E2BIG (with the figures). */
int bg_writer_init(struct bg_writer *writer, size_t max_blocks, size_t prefixes,
		   struct bg_error *err);
void bg_writer_release(struct bg_writer *writer);

/* Takes `count` zeroed cells, the first at a multiple of `align`. */
int bg_writer_take(struct bg_writer *writer, size_t count, size_t align, __u32 *index,
		   struct bg_error *err);

/* Stores a run of cells, or finds an equal one. `values` are not in `cells`. */
int bg_writer_run(struct bg_writer *writer, const __u32 *values, size_t count, __u32 *index,
		  struct bg_error *err);

/* The same for a whole chunk of one value. */
int bg_writer_uniform(struct bg_writer *writer, __u32 value, __u32 *index, struct bg_error *err);

#endif
