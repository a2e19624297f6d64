/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One error, as a sentence for the user: what was being done, on what, what
 * was found or what the kernel said, and what to do about it. Functions that
 * can fail return 0 or a negative errno and fill the error in once, where the
 * knowledge is; callers pass it up, or put their own context in front.
 */
#ifndef BG_BASE_ERROR_H
#define BG_BASE_ERROR_H

#include <stddef.h>

struct bg_error {
	char text[2048];
	/* of the text, in front of ": ": the place in a document (a JSON pointer); 0 = none */
	size_t place_bytes;
};

/* Sets the text and returns `code` (a negative errno), so that a failing
 * function ends with `return bg_fail(err, -EINVAL, "...")`. */
int bg_fail(struct bg_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of the text; returns `code`. */
int bg_fail_in(struct bg_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "compiling the policy image: out of memory" of what was being `doing`; -ENOMEM. */
int bg_no_memory(struct bg_error *err, const char *doing, ...)
	__attribute__((format(printf, 2, 3)));

#endif
