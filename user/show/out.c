// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tables and JSON on stdout; every verb that prints a result calls it. What a column or
 * a key means it does not know; errors are for verbs/cli.c to print.
 */
#include "show/out.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/grow.h"
#include "base/printable.h"

int bg_table_add(struct bg_table *table, const char *text)
{
	bg_auto_free char *copy = strdup(text);
	char **cell = copy ? BG_GROW(table->cells, table->cell_count) : NULL;

	if (!cell)
		return -ENOMEM;
	bg_printable(copy);
	*cell = bg_take_ptr(copy);
	return 0;
}

static void put_blanks(FILE *out, int count)
{
	static const char blanks[32] = "                                ";

	for (int piece; count > 0; count -= piece) {
		piece = count < (int)sizeof(blanks) ? count : (int)sizeof(blanks);
		fwrite_unlocked(blanks, 1, piece, out);
	}
}

static void print_row(FILE *out, const struct bg_table *table, const int *widths,
		      const char *const *cells, bool heads, int indent)
{
	put_blanks(out, indent);
	for (size_t i = 0; i < table->columns; i++) {
		bool right = table->heads[i][0] == '^';
		const char *text = heads && right ? cells[i] + 1 : cells[i];
		bool last = i + 1 == table->columns;
		int length = (int)strlen(text);

		if (right)
			put_blanks(out, widths[i] - length);
		fwrite_unlocked(text, 1, length, out);
		if (!right && !last)
			put_blanks(out, widths[i] - length);
		if (!last)
			fwrite_unlocked("  ", 1, 2, out);
	}
	putc_unlocked('\n', out);
}

void bg_row_widths(const struct bg_table *table, int *widths, const char *const *cells)
{
	for (size_t i = 0; i < table->columns; i++) {
		int width = cells ? (int)strlen(cells[i])
				  : (int)strlen(table->heads[i]) - (table->heads[i][0] == '^');

		if (!cells || width > widths[i])
			widths[i] = width;
	}
}

void bg_row_print(FILE *out, const struct bg_table *table, const int *widths,
		  const char *const *cells)
{
	print_row(out, table, widths, cells ? cells : table->heads, !cells, 0);
}

void bg_table_print(FILE *out, struct bg_table *table, int indent)
{
	const char *const *cells = (const char *const *)table->cells;
	int widths[BG_TABLE_COLUMNS];

	bg_row_widths(table, widths, NULL);
	for (size_t i = 0; i + table->columns <= table->cell_count; i += table->columns)
		bg_row_widths(table, widths, cells + i);
	print_row(out, table, widths, table->heads, true, indent);
	for (size_t i = 0; i + table->columns <= table->cell_count; i += table->columns)
		print_row(out, table, widths, cells + i, false, indent);
	bg_table_free(table);
}

void bg_table_free(struct bg_table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = 0;
}

json_t *bg_json_text(const char *text)
{
	json_t *json = json_string(text);
	char *ascii;

	if (json)
		return json;
	ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *c = ascii; *c; c++) {
		if (*c & 0x80)
			*c = '?';
	}
	json = json_string(ascii);
	free(ascii);
	return json;
}

static int print_json(json_t *json, size_t flags, struct bg_error *err)
{
	int rc;

	if (!json)
		return bg_no_memory(err, "making JSON");
	rc = json_dumpf(json, stdout, flags) || putchar('\n') == EOF;
	json_decref(json);
	return rc ? bg_fail(err, -EIO, "cannot write JSON to stdout: %s", strerror(errno)) : 0;
}

int bg_print_json(json_t *json, struct bg_error *err)
{
	return print_json(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15), err);
}

int bg_print_json_line(json_t *json, struct bg_error *err)
{
	return print_json(json, JSON_COMPACT | JSON_REAL_PRECISION(15), err);
}

int bg_out_finish(struct bg_error *err)
{
	if (fflush(stdout) || ferror(stdout))
		return bg_fail(err, errno ? -errno : -EIO, "cannot write to stdout: %s",
			       strerror(errno ? errno : EIO));
	return 0;
}
