// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Growing an image; equal runs of cells are found by hash and compared whole. All that
 * writes cells calls it, so the limit of an image is checked here and nowhere else.
 */
#include "compile/writer.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

/* Node numbers are 23 bits: BG_NODE_MASK. */
#define MOST_BLOCKS ((BG_NODE_MASK + 1) / (BG_BLOCK_CELLS / BG_NODE_CELLS))
_Static_assert((BG_SHORTLIST_MASK + 1) / (BG_BLOCK_CELLS / BG_SHORTLIST_CELLS) >= MOST_BLOCKS,
	       "records of short lists have numbers as far as an image goes");

static int too_large(const struct bg_writer *writer, size_t cells, struct bg_error *err)
{
	size_t bytes = cells * sizeof(__u32);

	return bg_fail(
		err, -E2BIG,
		"compiling the policy image: needs more than %zu KiB, and %zu KiB are "
		"allowed (%zu prefixes, so far %zu bytes a prefix): give a larger --image-mib, "
		"or name fewer prefixes and ports in the groups",
		(bytes + 1023) / 1024 - 1, writer->limit * sizeof(__u32) / 1024, writer->prefixes,
		writer->prefixes ? bytes / writer->prefixes : 0);
}

int bg_writer_init(struct bg_writer *writer, size_t max_blocks, size_t prefixes,
		   struct bg_error *err)
{
	__u32 index;

	memset(writer, 0, sizeof(*writer));
	if (max_blocks > MOST_BLOCKS)
		max_blocks = MOST_BLOCKS;
	writer->limit = max_blocks * BG_BLOCK_CELLS;
	writer->prefixes = prefixes;
	return bg_writer_take(writer, BG_BLOCK_CELLS, 1, &index, err);
}

void bg_writer_release(struct bg_writer *writer)
{
	free(writer->cells);
	free(writer->runs);
	free(writer->uniform);
}

int bg_writer_take(struct bg_writer *writer, size_t count, size_t align, __u32 *index,
		   struct bg_error *err)
{
	size_t start = (writer->used + align - 1) / align * align;

	if (start + count > writer->limit)
		return too_large(writer, start + count, err);
	if (start + count > writer->room) {
		size_t room = writer->room ? writer->room : 128ul * BG_BLOCK_CELLS;
		__u32 *cells;

		while (room < start + count)
			room *= 2;
		if (room > writer->limit)
			room = writer->limit;
		cells = reallocarray(writer->cells, room, sizeof(*cells));
		if (!cells)
			return bg_no_memory(err, BG_COMPILING);
		memset(cells + writer->room, 0, (room - writer->room) * sizeof(*cells));
		writer->cells = cells;
		writer->room = room;
	}
	writer->used = start + count;
	*index = start;
	return 0;
}

static __u64 hash_cells(const __u32 *values, size_t count)
{
	__u64 hash = count * 0x9e3779b97f4a7c15;
	size_t i;

	for (i = 0; i + 1 < count; i += 2) {
		hash = (hash ^ (values[i] | (__u64)values[i + 1] << 32)) * 0xbf58476d1ce4e5b9;
		hash ^= hash >> 29;
	}
	if (i < count)
		hash = (hash ^ values[i]) * 0xbf58476d1ce4e5b9;
	return hash ^ hash >> 32;
}

static int grow_runs(struct bg_writer *writer)
{
	size_t room = writer->run_room ? 2 * writer->run_room : 1024;
	struct bg_run *runs = calloc(room, sizeof(*runs));

	if (!runs)
		return -ENOMEM;
	for (size_t i = 0; i < writer->run_room; i++) {
		size_t place = writer->runs[i].hash & (room - 1);

		if (!writer->runs[i].index)
			continue;
		while (runs[place].index)
			place = (place + 1) & (room - 1);
		runs[place] = writer->runs[i];
	}
	free(writer->runs);
	writer->runs = runs;
	writer->run_room = room;
	return 0;
}

int bg_writer_run(struct bg_writer *writer, const __u32 *values, size_t count, __u32 *index,
		  struct bg_error *err)
{
	__u64 hash = hash_cells(values, count);
	struct bg_run *run;
	size_t place;
	int rc;

	if (2 * writer->run_count >= writer->run_room && grow_runs(writer))
		return bg_no_memory(err, BG_COMPILING);
	for (place = hash & (writer->run_room - 1);; place = (place + 1) & (writer->run_room - 1)) {
		run = &writer->runs[place];
		if (!run->index)
			break;
		if (run->hash == hash && run->count == count &&
		    !memcmp(writer->cells + run->index, values, count * sizeof(*values))) {
			*index = run->index;
			return 0;
		}
	}
	rc = bg_writer_take(writer, count, 1, index, err);
	if (rc)
		return rc;
	memcpy(writer->cells + *index, values, count * sizeof(*values));
	*run = (struct bg_run){ .hash = hash, .index = *index, .count = count };
	writer->run_count++;
	return 0;
}

int bg_writer_uniform(struct bg_writer *writer, __u32 value, __u32 *index, struct bg_error *err)
{
	__u32 values[BG_CHUNK_CELLS];
	int rc;

	if (BG_RESERVE(writer->uniform, writer->uniform_room, (size_t)value + 1))
		return bg_no_memory(err, BG_COMPILING);
	if (!writer->uniform[value]) {
		for (int i = 0; i < BG_CHUNK_CELLS; i++)
			values[i] = value;
		rc = bg_writer_run(writer, values, BG_CHUNK_CELLS, &writer->uniform[value], err);
		if (rc)
			return rc;
	}
	*index = writer->uniform[value];
	return 0;
}
