// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the text of an error comes about. Everything that can fail calls it; a text that
 * is too long is cut, and nothing is printed here.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int bg_fail(struct bg_error *err, int code, const char *format, ...)
{
	va_list args;

	err->place_bytes = 0;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

static void put_in_front(struct bg_error *err, const char *format, va_list args)
{
	char inner[sizeof(err->text)];
	int used;

	err->place_bytes = 0;
	memcpy(inner, err->text, sizeof(inner));
	used = vsnprintf(err->text, sizeof(err->text), format, args);
	if (used >= 0 && (size_t)used < sizeof(err->text))
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
}

int bg_fail_in(struct bg_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put_in_front(err, format, args);
	va_end(args);
	return code;
}

int bg_no_memory(struct bg_error *err, const char *doing, ...)
{
	va_list args;

	bg_fail(err, -ENOMEM, "out of memory");
	va_start(args, doing);
	put_in_front(err, doing, args);
	va_end(args);
	return -ENOMEM;
}
