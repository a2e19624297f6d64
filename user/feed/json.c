// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Typed getters, and errors that name the place. All files of the feed's parser call
 * it; it knows JSON and pointers, but no key of a feed.
 */
#include "feed/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* More of a value is not quoted in an error. */
#define SHOWN_BYTES 48

bool bg_text_is(struct bg_text text, const char *word)
{
	return strlen(word) == text.length && !memcmp(text.bytes, word, text.length);
}

bool bg_text_copy(struct bg_text from, char *text, size_t size)
{
	if (from.length >= size || memchr(from.bytes, '\0', from.length))
		return false;
	memcpy(text, from.bytes, from.length);
	text[from.length] = '\0';
	return true;
}

/* --- pointers --- */

struct bg_at bg_at_key(const struct bg_at *up, const char *key)
{
	return (struct bg_at){ .up = up, .key = { key, strlen(key) } };
}

static size_t put(char *text, size_t used, const char *part, size_t bytes)
{
	if (bytes > BG_POINTER_TEXT - 1 - used)
		bytes = BG_POINTER_TEXT - 1 - used;
	memcpy(text + used, part, bytes);
	return used + bytes;
}

size_t bg_pointer_put_key(char *text, size_t used, struct bg_text key)
{
	for (size_t i = 0; i < key.length && used < BG_POINTER_TEXT - 1; i++) {
		char byte = key.bytes[i];

		if (byte == '~')
			used = put(text, used, "~0", 2);
		else if (byte == '/')
			used = put(text, used, "~1", 2);
		else if ((unsigned char)byte < ' ' || byte == 0x7f)
			used = put(text, used, "?", 1);
		else
			used = put(text, used, &byte, 1);
	}
	return used;
}

/* Bytes of a character of UTF-8 that begins with `lead`. */
static size_t character_bytes(unsigned char lead)
{
	if (lead < 0xe0)
		return 2;
	return lead < 0xf0 ? 3 : 4;
}

/* Bytes without a character (of UTF-8) that was cut in the middle. */
static size_t whole_characters(const char *text, size_t bytes)
{
	size_t start = bytes;
	unsigned char lead;

	while (start && bytes - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (!start)
		return bytes;
	lead = text[start - 1];
	if (lead < 0xc0)
		return bytes;
	return bytes - start + 1 == character_bytes(lead) ? bytes : start - 1;
}

const char *bg_at_format(const struct bg_at *at, bool any, char *text)
{
	const struct bg_at *chain[BG_JSON_MAX_DEPTH];
	size_t depth = 0, used = 0;

	for (; at && depth < BG_JSON_MAX_DEPTH; at = at->up)
		chain[depth++] = at;
	while (depth--) {
		char number[24];

		used = put(text, used, "/", 1);
		if (chain[depth]->key.bytes) {
			used = bg_pointer_put_key(text, used, chain[depth]->key);
		} else if (any) {
			used = put(text, used, "*", 1);
		} else {
			int digits = snprintf(number, sizeof(number), "%zu", chain[depth]->index);

			used = put(text, used, number, digits);
		}
	}
	text[whole_characters(text, used)] = '\0';
	return text;
}

/* --- errors --- */

static const char *describe(const struct bg_json *value, char *text, size_t size)
{
	char shown[SHOWN_BYTES + 1];
	size_t length = value->text.length;

	switch (value->type) {
	case BG_JSON_NULL:
		return "null";
	case BG_JSON_FALSE:
		return "false";
	case BG_JSON_TRUE:
		return "true";
	case BG_JSON_ARRAY:
		return "an array";
	case BG_JSON_OBJECT:
		return "an object";
	case BG_JSON_NUMBER:
	case BG_JSON_STRING:
		break;
	}
	if (length > SHOWN_BYTES)
		length = whole_characters(value->text.bytes, SHOWN_BYTES);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = value->text.bytes[i];

		shown[i] = byte < ' ' || byte == 0x7f ? '?' : (char)byte;
	}
	shown[length] = '\0';
	snprintf(text, size, value->type == BG_JSON_STRING ? "\"%s%s\"" : "%s%s", shown,
		 length < value->text.length ? "..." : "");
	return text;
}

int bg_fail_at(struct bg_error *err, const char *pointer, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bg_fail(err, -EINVAL, "%s%s%s", pointer, *pointer ? ": " : "", text);
	err->place_bytes = strlen(pointer);
	return -EINVAL;
}

int bg_json_unexpected(const struct bg_json *value, const struct bg_at *at, const char *expected,
		       struct bg_error *err)
{
	char pointer[BG_POINTER_TEXT], found[SHOWN_BYTES + 16];

	return bg_fail_at(err, bg_at_format(at, false, pointer), "found %s, expected %s",
			  describe(value, found, sizeof(found)), expected);
}

struct bg_at bg_field_at(const struct bg_fields *fields, size_t field)
{
	return bg_at_key(fields->at, fields->shape->keys[field]);
}

int bg_field_unexpected(const struct bg_fields *fields, size_t field, const char *expected,
			struct bg_error *err)
{
	struct bg_at at = bg_field_at(fields, field);

	return bg_json_unexpected(fields->values[field], &at, expected, err);
}

int bg_field_missing(const struct bg_fields *fields, size_t field, struct bg_error *err)
{
	char pointer[BG_POINTER_TEXT];

	return bg_fail_at(err, bg_at_format(fields->at, false, pointer), "%s is missing",
			  fields->shape->keys[field]);
}

int bg_field_required(const struct bg_fields *fields, size_t field, struct bg_error *err)
{
	return fields->values[field] ? 0 : bg_field_missing(fields, field, err);
}

/* --- getters --- */

int bg_json_fields(const struct bg_json *value, const struct bg_at *at,
		   const struct bg_shape *shape, bg_unknown_key *unknown, void *context,
		   struct bg_fields *fields, struct bg_error *err)
{
	size_t hint = 0;

	if (value->type != BG_JSON_OBJECT)
		return bg_json_unexpected(value, at, "an object", err);
	memset(fields, 0, sizeof(*fields));
	fields->at = at;
	fields->shape = shape;
	for (const struct bg_json *child = value->first; child; child = child->next) {
		size_t i = hint;
		bool found;

		/* searches from behind the last hit to the end, then from the start */
		while (!(found = shape->keys[i] && bg_text_is(child->key, shape->keys[i]))) {
			i = shape->keys[i] ? i + 1 : 0;
			if (i == hint)
				break;
		}
		if (!found) {
			struct bg_at key = { .up = at, .key = child->key };

			if (unknown && unknown(context, &key))
				return bg_no_memory(err, "reading the feed");
			continue;
		}
		if (i < shape->used && child->type != BG_JSON_NULL)
			fields->values[i] = child;
		hint = i + 1;
	}
	return 0;
}

static int text_of(const struct bg_json *value, const struct bg_at *at, size_t least, size_t most,
		   struct bg_text *text, struct bg_error *err)
{
	char expected[80];

	if (value->type == BG_JSON_STRING && value->text.length >= least &&
	    value->text.length <= most) {
		bool control = false;

		for (size_t i = 0; i < value->text.length; i++) {
			unsigned char byte = value->text.bytes[i];

			control |= byte < ' ' || byte == 0x7f;
		}
		if (!control) {
			*text = value->text;
			return 0;
		}
	}
	snprintf(expected, sizeof(expected),
		 "a string of %zu to %zu bytes without control characters", least, most);
	return bg_json_unexpected(value, at, expected, err);
}

int bg_value_id(const struct bg_json *value, const struct bg_at *at, size_t most,
		struct bg_text *text, struct bg_error *err)
{
	return text_of(value, at, 1, most, text, err);
}

int bg_get_id(const struct bg_fields *fields, size_t field, size_t most, struct bg_text *value,
	      struct bg_error *err)
{
	struct bg_at at = bg_field_at(fields, field);

	return fields->values[field] ? text_of(fields->values[field], &at, 1, most, value, err) : 0;
}

int bg_get_text(const struct bg_fields *fields, size_t field, size_t most, struct bg_text *value,
		struct bg_error *err)
{
	struct bg_at at = bg_field_at(fields, field);

	return fields->values[field] ? text_of(fields->values[field], &at, 0, most, value, err) : 0;
}

bool bg_json_is_integer(const struct bg_json *value, int least, int most, int *integer)
{
	long long number = 0;
	size_t i = 0;
	bool negative;

	if (value->type != BG_JSON_NUMBER || value->text.length > 12)
		return false;
	negative = value->text.bytes[0] == '-';
	for (i = negative; i < value->text.length; i++) {
		char digit = value->text.bytes[i];

		if (digit < '0' || digit > '9')
			return false;
		number = 10 * number + (digit - '0');
	}
	if (negative)
		number = -number;
	if (number < least || number > most)
		return false;
	*integer = (int)number;
	return true;
}

int bg_get_integer(const struct bg_fields *fields, size_t field, int least, int most, int *value,
		   struct bg_error *err)
{
	char expected[64];

	if (!fields->values[field] || bg_json_is_integer(fields->values[field], least, most, value))
		return 0;
	snprintf(expected, sizeof(expected), "an integer from %d to %d", least, most);
	return bg_field_unexpected(fields, field, expected, err);
}

int bg_get_bool(const struct bg_fields *fields, size_t field, bool *value, struct bg_error *err)
{
	const struct bg_json *found = fields->values[field];

	if (!found)
		return 0;
	if (found->type != BG_JSON_TRUE && found->type != BG_JSON_FALSE)
		return bg_field_unexpected(fields, field, "true or false", err);
	*value = found->type == BG_JSON_TRUE;
	return 0;
}

int bg_get_word(const struct bg_fields *fields, size_t field, const char *const *words, int *value,
		struct bg_error *err)
{
	const struct bg_json *found = fields->values[field];
	char expected[128];
	size_t used = 0;

	if (!found)
		return 0;
	for (int i = 0; words[i]; i++) {
		if (found->type == BG_JSON_STRING && bg_text_is(found->text, words[i])) {
			*value = i;
			return 0;
		}
		if (used < sizeof(expected))
			used += snprintf(expected + used, sizeof(expected) - used, "%s\"%s\"",
					 i ? " or " : "", words[i]);
	}
	return bg_field_unexpected(fields, field, expected, err);
}

int bg_get_array(const struct bg_fields *fields, size_t field, const struct bg_json **first,
		 struct bg_error *err)
{
	const struct bg_json *found = fields->values[field];

	*first = NULL;
	if (!found)
		return 0;
	if (found->type != BG_JSON_ARRAY)
		return bg_field_unexpected(fields, field, "an array", err);
	*first = found->first;
	return 0;
}
