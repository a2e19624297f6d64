/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * jansson behind typed getters. Every value knows where it stands in the
 * document; a value of the wrong type or out of range becomes an error that
 * gives the JSON pointer (RFC 6901), what was expected and what was found.
 */
#ifndef BG_JSON_H
#define BG_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "error.h"

/* A place in the document, a link towards its root; lives on the stack. The
 * pointer's text is made only when somebody asks. */
struct bg_at {
	const struct bg_at *parent; /* NULL: the root */
	const char *key;	    /* NULL: an array's element */
	size_t index;
};

#define BG_POINTER_TEXT 256

/* "/Branches/0/VlanId"; `text` holds BG_POINTER_TEXT bytes. With `pattern`, indices
 * become "*". */
const char *bg_at_format(const struct bg_at *at, char *text, bool pattern);

/* A document's parser: whose errors name the document. */
struct bg_json {
	const char *name;
	struct bg_error *err;
};

/* "NAME: POINTER: expected EXPECTED, found FOUND"; returns -EINVAL. */
int bg_json_expected(const struct bg_json *json, const struct bg_at *at, const char *expected,
		     const json_t *found);

/*
 * Getters of an object's key. 0 = found, 1 = absent (the out-parameter is left
 * alone), -EINVAL = wrong. null counts as absent: the AWS CLI prints it.
 * Strings belong to the document.
 */
int bg_json_string(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		   const char *key, const char **value);
int bg_json_int(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		const char *key, long least, long most, long *value);
int bg_json_bool(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		 const char *key, bool *value);
int bg_json_array(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		  const char *key, const json_t **value);
int bg_json_object(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		   const char *key, const json_t **value);

/* One of the words, ended by NULL; *value is the word's index. */
int bg_json_word(const struct bg_json *json, const struct bg_at *at, const json_t *object,
		 const char *key, const char *const *words, int *value);

/* The value itself must be a string or an object; 0 or -EINVAL. */
int bg_json_is_string(const struct bg_json *json, const struct bg_at *at, const json_t *value,
		      const char **string);
int bg_json_is_object(const struct bg_json *json, const struct bg_at *at, const json_t *value);

#endif
