// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes the rows of policy.c, the only caller; which rules belong in them it never knows. */
#include "compile/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t chunks_of(const struct bg_row_maker *maker)
{
	return (maker->services + BG_CHUNK_CELLS - 1) / BG_CHUNK_CELLS;
}

/* The last chunk of a row may be shorter than the others. */
static size_t chunk_cells(const struct bg_row_maker *maker, size_t chunk)
{
	size_t left = maker->services - chunk * BG_CHUNK_CELLS;

	return left < BG_CHUNK_CELLS ? left : BG_CHUNK_CELLS;
}

void bg_row_release(struct bg_row_maker *maker)
{
	free(maker->head);
	free(maker->cells);
	free(maker->loaded);
	free(maker->touched);
	free(maker->empty);
	maker->head = maker->cells = maker->loaded = maker->touched = maker->empty = NULL;
	maker->chunk_room = 0;
}

static int make_room(struct bg_row_maker *maker, size_t chunks, struct bg_error *err)
{
	bg_row_release(maker);
	maker->head = calloc(chunks, sizeof(__u32));
	maker->cells = calloc(chunks * BG_CHUNK_CELLS, sizeof(__u32));
	maker->loaded = calloc(chunks, sizeof(__u32));
	maker->touched = calloc(chunks, sizeof(__u32));
	maker->empty = calloc(chunks, sizeof(__u32));
	if (!maker->head || !maker->cells || !maker->loaded || !maker->touched || !maker->empty)
		return bg_no_memory(err, BG_COMPILING);
	maker->serial = 0;
	maker->chunk_room = chunks;
	return 0;
}

int bg_row_resize(struct bg_row_maker *maker, __u32 services, struct bg_error *err)
{
	static const __u32 zeros[BG_CHUNK_CELLS];
	size_t chunks;
	int rc;

	maker->services = services;
	chunks = chunks_of(maker);
	if (chunks > maker->chunk_room) {
		rc = make_room(maker, chunks, err);
		if (rc)
			return rc;
	}
	for (size_t i = 0; i < chunks; i++) {
		rc = bg_writer_run(maker->writer, zeros, chunk_cells(maker, i), &maker->empty[i],
				   err);
		if (rc)
			return rc;
	}
	return 0;
}

void bg_row_begin(struct bg_row_maker *maker, __u32 row)
{
	maker->serial++;
	maker->touched_count = 0;
	memcpy(maker->head, row ? maker->writer->cells + row : maker->empty,
	       chunks_of(maker) * sizeof(__u32));
}

void bg_row_load(struct bg_row_maker *maker, __u32 chunk)
{
	maker->loaded[chunk] = maker->serial;
	maker->touched[maker->touched_count++] = chunk;
	memcpy(&maker->cells[(size_t)chunk * BG_CHUNK_CELLS],
	       maker->writer->cells + maker->head[chunk],
	       chunk_cells(maker, chunk) * sizeof(__u32));
}

int bg_row_end(struct bg_row_maker *maker, __u32 *row, struct bg_error *err)
{
	struct bg_writer *writer = maker->writer;
	size_t runs;
	int rc;

	for (__u32 i = 0; i < maker->touched_count; i++) {
		__u32 chunk = maker->touched[i];

		rc = bg_writer_run(writer, &maker->cells[(size_t)chunk * BG_CHUNK_CELLS],
				   chunk_cells(maker, chunk), &maker->head[chunk], err);
		if (rc)
			return rc;
	}
	runs = writer->run_count;
	rc = bg_writer_run(writer, maker->head, chunks_of(maker), row, err);
	maker->made += writer->run_count - runs;
	return rc;
}
