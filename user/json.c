// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "json.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Appends to text[*used]; what does not fit is cut. */
static void append(char *text, size_t *used, const char *piece)
{
	int wrote = snprintf(text + *used, BG_POINTER_TEXT - *used, "%s", piece);

	if (wrote > 0)
		*used += (size_t)wrote < BG_POINTER_TEXT - *used ? (size_t)wrote
								 : BG_POINTER_TEXT - 1 - *used;
}

static void format_at(const struct bg_at *at, char *text, size_t *used, bool pattern)
{
	char number[24];

	if (!at || (!at->parent && !at->key))
		return;
	format_at(at->parent, text, used, pattern);
	append(text, used, "/");
	if (!at->key) {
		snprintf(number, sizeof(number), "%zu", at->index);
		append(text, used, pattern ? "*" : number);
		return;
	}
	for (const char *c = at->key; *c; c++) /* RFC 6901 § 3 */
		append(text, used, *c == '~' ? "~0" : *c == '/' ? "~1" : (char[]){ *c, '\0' });
}

const char *bg_at_format(const struct bg_at *at, char *text, bool pattern)
{
	size_t used = 0;

	text[0] = '\0';
	format_at(at, text, &used, pattern);
	return text;
}

/* What was found, short enough for a line. */
static void describe(const json_t *value, char *text, size_t size)
{
	switch (value ? (int)json_typeof(value) : -1) {
	case JSON_OBJECT:
		snprintf(text, size, "an object");
		break;
	case JSON_ARRAY:
		snprintf(text, size, "an array");
		break;
	case JSON_STRING:
		snprintf(text, size, "\"%.60s\"", json_string_value(value));
		break;
	case JSON_INTEGER:
		snprintf(text, size, "%lld", (long long)json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(text, size, "%g", json_real_value(value));
		break;
	case JSON_TRUE:
		snprintf(text, size, "true");
		break;
	case JSON_FALSE:
		snprintf(text, size, "false");
		break;
	case JSON_NULL:
		snprintf(text, size, "null");
		break;
	default:
		snprintf(text, size, "nothing");
		break;
	}
}

int bg_json_expected(const struct bg_json *json, const struct bg_at *at, const char *expected,
		     const json_t *found)
{
	char pointer[BG_POINTER_TEXT], what[80];

	describe(found, what, sizeof(what));
	bg_at_format(at, pointer, false);
	return bg_fail(json->err, -EINVAL, "%s: %s: expected %s, found %s", json->name,
		       *pointer ? pointer : "(document)", expected, what);
}

/* The key's value, NULL when absent or null. */
static const json_t *get(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return value && json_is_null(value) ? NULL : value;
}

int bg_json_is_string(const struct bg_json *json, const struct bg_at *at, const json_t *value,
		      const char **string)
{
	if (!json_is_string(value))
		return bg_json_expected(json, at, "a string", value);
	*string = json_string_value(value);
	return 0;
}

int bg_json_is_object(const struct bg_json *json, const struct bg_at *at, const json_t *value)
{
	return json_is_object(value) ? 0 : bg_json_expected(json, at, "an object", value);
}

int bg_json_string(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		   const char *key, const char **value)
{
	struct bg_at here = { .parent = at, .key = key };
	const json_t *found = get(object, key);

	return found ? bg_json_is_string(json, &here, found, value) : 1;
}

int bg_json_int(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		const char *key, long least, long most, long *value)
{
	struct bg_at here = { .parent = at, .key = key };
	const json_t *found = get(object, key);
	char expected[64];

	if (!found)
		return 1;
	if (!json_is_integer(found) || json_integer_value(found) < least ||
	    json_integer_value(found) > most) {
		snprintf(expected, sizeof(expected), "a number from %ld to %ld", least, most);
		return bg_json_expected(json, &here, expected, found);
	}
	*value = (long)json_integer_value(found);
	return 0;
}

int bg_json_bool(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		 const char *key, bool *value)
{
	struct bg_at here = { .parent = at, .key = key };
	const json_t *found = get(object, key);

	if (!found)
		return 1;
	if (!json_is_boolean(found))
		return bg_json_expected(json, &here, "true or false", found);
	*value = json_is_true(found);
	return 0;
}

int bg_json_array(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		  const char *key, const json_t **value)
{
	struct bg_at here = { .parent = at, .key = key };
	const json_t *found = get(object, key);

	if (!found)
		return 1;
	if (!json_is_array(found))
		return bg_json_expected(json, &here, "an array", found);
	*value = found;
	return 0;
}

int bg_json_object(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		   const char *key, const json_t **value)
{
	struct bg_at here = { .parent = at, .key = key };
	const json_t *found = get(object, key);

	if (!found)
		return 1;
	if (bg_json_is_object(json, &here, found))
		return -EINVAL;
	*value = found;
	return 0;
}

int bg_json_word(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		 const char *key, const char *const *words, int *value)
{
	struct bg_at here = { .parent = at, .key = key };
	const json_t *found = get(object, key);
	char expected[160] = "";
	size_t used = 0;

	if (!found)
		return 1;
	for (int i = 0; words[i]; i++) {
		if (json_is_string(found) && !strcmp(json_string_value(found), words[i])) {
			*value = i;
			return 0;
		}
		used += (size_t)snprintf(expected + used, sizeof(expected) - used, "%s\"%s\"",
					 i ? " or " : "", words[i]);
	}
	return bg_json_expected(json, &here, expected, found);
}
