/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Text that comes from elsewhere (a feed, a map, a path) and goes to a terminal: what would
 * drive it, turn its lines around or hide in them does not get there. These are control
 * characters (C0 but newline and tab, DEL, C1), bidirectional formatting, characters of no
 * width, line separators, tags, and bytes that are not UTF-8.
 */
#ifndef BG_BASE_PRINTABLE_H
#define BG_BASE_PRINTABLE_H

#include <stddef.h>

/* How long the character at `text` is, and what it is; `length` bytes are there, 1 at least. */
enum bg_printing { BG_PRINTS, BG_HIDES, BG_NOT_UTF8, BG_CUT_SHORT };
enum bg_printing bg_printing_of(const char *text, size_t length, size_t *bytes, unsigned int *code);

/* Each of them becomes a '?', newlines and tabs too; in place. */
char *bg_printable(char *text);

/*
 * From here on they become "\u202e", which JSON means by the same, on stdout and stderr,
 * whoever prints ("\x9b" for a byte that is not UTF-8). For what is printed by stdio alone.
 */
int bg_guard_terminal(void);

#endif
