// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds where a value stands in a text that the parser has accepted: it gives the values, but
 * not their places. What reads configurations calls it; it judges no JSON.
 */
#include "cni/raw_json.h"

#include <string.h>

static size_t skip_space(struct bg_text text, size_t at)
{
	while (at < text.length && bg_is_json_space(text.bytes[at]))
		at++;
	return at;
}

/* From its first quote to behind its last one. */
static size_t skip_string(struct bg_text text, size_t at)
{
	for (at++; at < text.length && text.bytes[at] != '"'; at++)
		at += text.bytes[at] == '\\';
	return at + 1;
}

/* Of a number or a word. */
static bool is_end(char c)
{
	return bg_is_json_space(c) || (c && strchr(",]}\"[{", c));
}

static size_t skip_value(struct bg_text text, size_t at)
{
	size_t depth = 0;

	do {
		if (at >= text.length)
			return text.length;
		switch (text.bytes[at]) {
		case '"':
			at = skip_string(text, at);
			break;
		case '{':
		case '[':
			depth++;
			at++;
			break;
		case '}':
		case ']':
			depth--;
			at++;
			break;
		default: /* a number or a word, or what stands between values */
			at++;
			while (at < text.length && !is_end(text.bytes[at]))
				at++;
		}
	} while (depth);
	return at > text.length ? text.length : at;
}

bool bg_raw_member(struct bg_text object, size_t member, struct bg_text *value)
{
	size_t at = skip_space(object, 0) + 1, end;

	for (size_t i = 0;; i++) {
		at = skip_space(object, at);
		if (at >= object.length || object.bytes[at] != '"')
			return false;
		at = skip_space(object, skip_string(object, at)) + 1; /* the colon */
		at = skip_space(object, at);
		if (at >= object.length)
			return false;
		end = skip_value(object, at);
		if (i == member)
			break;
		at = skip_space(object, end) + 1; /* the comma */
	}
	*value = (struct bg_text){ object.bytes + at, end - at };
	return true;
}

const struct bg_json *bg_raw_value(struct bg_text text, const struct bg_json *object,
				   const char *key, struct bg_text *value)
{
	size_t member = 0;

	for (const struct bg_json *child = object->first; child; child = child->next, member++)
		if (bg_text_is(child->key, key))
			return bg_raw_member(text, member, value) ? child : NULL;
	return NULL;
}
