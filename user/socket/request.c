// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From bytes to a request. server.c calls it with whatever a client sends; it does not
 * know the methods that there are.
 */
#include "socket/request.h"

#include <errno.h>
#include <string.h>

int bg_request_add(struct bg_request *request, const char *bytes, size_t length_bytes,
		   struct bg_error *err)
{
	const char *newline = memchr(bytes, '\n', length_bytes);
	size_t line_bytes = newline ? (size_t)(newline - bytes) : length_bytes;

	if (line_bytes > sizeof(request->text) - request->length_bytes)
		return bg_fail(err, -EINVAL, "expected a request of at most %zu bytes",
			       sizeof(request->text));
	memcpy(request->text + request->length_bytes, bytes, line_bytes);
	request->length_bytes += line_bytes;
	if (!newline)
		return 0;
	if (line_bytes + 1 < length_bytes)
		return bg_fail(err, -EINVAL, "expected one request, and nothing behind its line");
	return 1;
}

json_t *bg_request_parse(const struct bg_request *request, const char **method,
			 struct bg_error *err)
{
	json_error_t where;
	json_t *json =
		json_loadb(request->text, request->length_bytes, JSON_REJECT_DUPLICATES, &where);

	if (!json) {
		bg_fail(err, -EINVAL, "expected a request in JSON on one line: column %d: %s",
			where.column, where.text);
		return NULL;
	}
	*method = json_string_value(json_object_get(json, "method"));
	if (*method)
		return json;
	json_decref(json);
	bg_fail(err, -EINVAL, "expected an object with a method, such as {\"method\":\"events\"}");
	return NULL;
}
