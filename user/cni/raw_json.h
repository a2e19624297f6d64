/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pieces of JSON as they were written, for what is handed on without a change. Pure. */
#ifndef BG_CNI_RAW_JSON_H
#define BG_CNI_RAW_JSON_H

#include <stdbool.h>

#include "feed/json.h"

/* What may stand between values. */
static inline bool bg_is_json_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * The text of the value of an object's member, counted from 0. `object` is the text of an
 * object that a parser has accepted; false: it has no such member.
 */
bool bg_raw_member(struct bg_text object, size_t member, struct bg_text *value);

/* The same by key: NULL or the value, which is in the tree, and its text. */
const struct bg_json *bg_raw_value(struct bg_text text, const struct bg_json *object,
				   const char *key, struct bg_text *value);

#endif
