/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One row while it is made: service class → rule number. It begins as a copy of
 * another row, and shares with it all chunks that do not change. Pure.
 */
#ifndef BG_COMPILE_ROW_H
#define BG_COMPILE_ROW_H

#include "compile/writer.h"

struct bg_row_maker {
	struct bg_writer *writer;
	__u32 services; /* cells of a row */

	/* the row that is being made, in chunks as headers/image.h has them */
	__u32 *head;   /* by chunk: where it is in the image */
	__u32 *cells;  /* those of the chunks that change */
	__u32 *loaded; /* by chunk: `serial` when its cells are in `cells` */
	__u32 *touched;
	__u32 touched_count, serial;

	__u32 *empty; /* head of the row that allows nothing */
	size_t chunk_room;
	size_t made; /* distinct rows so far */
};

/* Rows have `services` cells from now on. 0, -ENOMEM, or the writer's error. */
int bg_row_resize(struct bg_row_maker *maker, __u32 services, struct bg_error *err);
void bg_row_release(struct bg_row_maker *maker);

/* Begins with a copy of a row of the image, 0 = the one that allows nothing. */
void bg_row_begin(struct bg_row_maker *maker, __u32 row);

/* Copies a chunk into `cells`. */
void bg_row_load(struct bg_row_maker *maker, __u32 chunk);

/* The cell of a service class, to be read and written until bg_row_end(). In place,
 * since a feed of many rules asks for a million of them. */
static inline __u32 *bg_row_cell(struct bg_row_maker *maker, __u32 service)
{
	__u32 chunk = service / BG_CHUNK_CELLS;

	if (maker->loaded[chunk] != maker->serial)
		bg_row_load(maker, chunk);
	return &maker->cells[service];
}

/* Stores the row, or finds an equal one. */
int bg_row_end(struct bg_row_maker *maker, __u32 *row, struct bg_error *err);

#endif
