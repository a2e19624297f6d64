// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts lines together from bytes that are cut anywhere. transfer.c calls it for streams; it never
 * holds more than one line, and hands on nothing that has no end.
 */
#include "fleet/web/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

static int keep(struct bg_lines *lines, const char *bytes, size_t length_bytes,
		struct bg_error *err)
{
	if (length_bytes > lines->most_bytes - lines->length_bytes)
		return bg_fail(err, -E2BIG,
			       "found a line of more than %zu bytes, expected no more than that",
			       lines->most_bytes);
	if (BG_RESERVE(lines->text, lines->room_bytes, lines->length_bytes + length_bytes))
		return bg_no_memory(err, "a line of an answer");
	memcpy(lines->text + lines->length_bytes, bytes, length_bytes);
	lines->length_bytes += length_bytes;
	return 0;
}

static int hand_on(const char *text, size_t length_bytes, bg_line_fn *line, void *context,
		   struct bg_error *err)
{
	if (length_bytes && text[length_bytes - 1] == '\r')
		length_bytes--;
	return length_bytes ? line(context, text, length_bytes, err) : 0;
}

int bg_lines_take(struct bg_lines *lines, const char *bytes, size_t length_bytes, bg_line_fn *line,
		  void *context, struct bg_error *err)
{
	while (length_bytes) {
		const char *newline = memchr(bytes, '\n', length_bytes);
		size_t used = newline ? (size_t)(newline - bytes) : length_bytes;
		int rc = 0;

		if (used)
			rc = keep(lines, bytes, used, err);
		if (rc || !newline)
			return rc;
		rc = hand_on(lines->text, lines->length_bytes, line, context, err);
		lines->length_bytes = 0;
		if (rc)
			return rc;
		bytes += used + 1;
		length_bytes -= used + 1;
	}
	return 0;
}

void bg_lines_release(struct bg_lines *lines)
{
	free(lines->text);
	*lines = (struct bg_lines){ .most_bytes = lines->most_bytes };
}
