/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes as they come → lines, of a bounded length. Pure. */
#ifndef BG_WEB_LINES_H
#define BG_WEB_LINES_H

#include <stddef.h>

#include "base/error.h"

/* All 0 but for `most_bytes` at first. */
struct bg_lines {
	size_t most_bytes; /* of one line, without its newline */
	char *text;	   /* what has come of the line that is not whole yet */
	size_t length_bytes, room_bytes;
};

typedef int bg_line_fn(void *context, const char *line, size_t length_bytes, struct bg_error *err);

/*
 * Hands on each line that these bytes make whole, without "\n" or "\r\n"; empty ones are left
 * out. Fails as the function does, with -E2BIG when a line is longer than it may be, or -ENOMEM.
 */
int bg_lines_take(struct bg_lines *lines, const char *bytes, size_t length_bytes, bg_line_fn *line,
		  void *context, struct bg_error *err);
void bg_lines_release(struct bg_lines *lines);

#endif
