// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int bg_fail(struct bg_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}

int bg_fail_in(struct bg_error *err, int code, const char *format, ...)
{
	char inner[sizeof(err->text)];
	va_list args;
	int used;

	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	used = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof(err->text))
		snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return code;
}
