/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Printing: tables with columns as wide as their cells, JSON, and the end of output. */
#ifndef BG_SHOW_OUT_H
#define BG_SHOW_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

/* A table of text. */
#define BG_TABLE_COLUMNS 16

struct bg_table {
	size_t columns;
	const char *const *heads; /* "^NAME" is aligned to the right */
	char **cells;
	size_t cell_count;
};

/* Adds a cell, row by row; the copy of the text is made printable. 0 or -ENOMEM. */
int bg_table_add(struct bg_table *table, const char *text);

/* Prints heads and rows, each line with `indent` blanks in front, and frees
 * what was added. */
void bg_table_print(FILE *out, struct bg_table *table, int indent);
void bg_table_free(struct bg_table *table);

/*
 * The same row by row, for tables that nobody wants in memory whole. Widths have
 * BG_TABLE_COLUMNS entries: those of the heads first (NULL), then wide enough for each of
 * these rows, too. A row that is wider is printed as it is. Cells are printable already;
 * NULL: the heads.
 */
void bg_row_widths(const struct bg_table *table, int *widths, const char *const *cells);
void bg_row_print(FILE *out, const struct bg_table *table, const int *widths,
		  const char *const *cells);

/* A JSON string, NULL when out of memory.
 * Text that is not UTF-8 (it comes from maps) is written with `?`. */
json_t *bg_json_text(const char *text);

/* Prints indented JSON, or one line (NDJSON), and releases it. `json` is NULL when
 * making it failed: -ENOMEM. Returns 0 or a negative errno. */
int bg_print_json(json_t *json, struct bg_error *err);
int bg_print_json_line(json_t *json, struct bg_error *err);

/* Flushes; -EIO or the like when not everything could be written (a full disk, a
 * closed pipe). Every verb that prints a result ends with it. */
int bg_out_finish(struct bg_error *err);

#endif
