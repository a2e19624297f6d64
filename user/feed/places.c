// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where in a text JSON pointers point: one more walk over the text, which only a document
 * with errors or warnings costs. Values are not looked at, and what is on the way to none
 * of the pointers is passed over. Called when the text was read, by feed.c and by check.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/dict.h"
#include "feed/problems.h"

BG_CLEANUP_OF(yajl_free, struct yajl_handle_t)

/* No problem has just this pointer, but it leads to those of others. */
#define ON_THE_WAY SIZE_MAX

struct container {
	size_t pointer_bytes; /* of walk.pointer */
	size_t index;	      /* of the next element, in an array */
	bool is_array;
};

struct walk {
	const char *text;
	size_t length_bytes;
	yajl_handle handle;
	struct bg_problem *problems;
	struct bg_dict wanted; /* pointer → the first problem with it, or ON_THE_WAY */
	size_t left;	       /* pointers that were not met yet */
	char pointer[BG_POINTER_TEXT];
	size_t value_bytes; /* of it: those of the value that comes next */
	struct container open[BG_JSON_MAX_DEPTH];
	size_t depth;
	size_t skipped; /* depth within a value that is passed over */
	/* the value that was met last: the next one is behind it, so that documents of one
	 * long line are counted through once */
	struct bg_place last;
	size_t last_offset;
};

static void release_walk(struct walk *walk)
{
	bg_dict_release(&walk->wanted);
}

/* The offset of the value that ends, or begins, with the token read last. */
static size_t token_start(const struct walk *walk, const char *bytes, size_t shown)
{
	size_t end = yajl_get_bytes_consumed(walk->handle);

	if (bytes && bytes >= walk->text && bytes < walk->text + walk->length_bytes)
		return (size_t)(bytes - walk->text) - (shown ? 1 : 0);
	/* a string with escapes: back to the quote that none of them is */
	for (size_t i = end - 1; bytes && i > 0; i--) {
		size_t slashes = 0;

		if (walk->text[i - 1] != '"')
			continue;
		while (slashes < i - 1 && walk->text[i - 2 - slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			return i - 1;
	}
	return end - shown;
}

/* Steps to the next value. Is it on the way to a pointer, or one? */
static const size_t *next_value(struct walk *walk)
{
	struct container *in = walk->depth ? &walk->open[walk->depth - 1] : NULL;
	char number[24];

	if (!in) {
		walk->value_bytes = 0;
	} else if (in->is_array) {
		int digits = snprintf(number, sizeof(number), "/%zu", in->index++);

		if (in->pointer_bytes + (size_t)digits >= sizeof(walk->pointer))
			return NULL;
		memcpy(walk->pointer + in->pointer_bytes, number, (size_t)digits);
		walk->value_bytes = in->pointer_bytes + (size_t)digits;
	}
	return bg_dict_find(&walk->wanted, walk->pointer, walk->value_bytes);
}

static void meet(struct walk *walk, const size_t *wanted, size_t offset)
{
	struct bg_problem *problem;

	if (!wanted || *wanted == ON_THE_WAY)
		return;
	problem = &walk->problems[*wanted];
	if (problem->place.line)
		return; /* a document that was refused may have a key twice: the first counts */
	bg_place_step(&walk->last, walk->text + walk->last_offset, walk->text + offset);
	walk->last_offset = offset;
	problem->place = walk->last;
	walk->left--;
}

/* Not 0 while something is left to look for: yajl stops at 0. */
static int scalar(struct walk *walk, const char *bytes, size_t shown)
{
	if (!walk->skipped) {
		const size_t *wanted = next_value(walk);

		if (wanted)
			meet(walk, wanted, token_start(walk, bytes, shown));
	}
	return walk->left > 0;
}

static int on_null(void *context)
{
	return scalar(context, NULL, 4);
}

static int on_boolean(void *context, int set)
{
	return scalar(context, NULL, set ? 4 : 5);
}

static int on_number(void *context, const char *bytes, size_t length)
{
	(void)length;
	return scalar(context, bytes, 0);
}

static int on_string(void *context, const unsigned char *bytes, size_t length)
{
	(void)length;
	return scalar(context, (const char *)bytes, 1);
}

static int start(struct walk *walk, bool is_array)
{
	const size_t *wanted = walk->skipped ? NULL : next_value(walk);

	if (!wanted || walk->depth == BG_JSON_MAX_DEPTH) {
		walk->skipped++;
		return 1;
	}
	meet(walk, wanted, token_start(walk, NULL, 1));
	walk->open[walk->depth++] =
		(struct container){ .pointer_bytes = walk->value_bytes, .is_array = is_array };
	return walk->left > 0;
}

static int on_end(void *context)
{
	struct walk *walk = context;

	if (walk->skipped)
		walk->skipped--;
	else
		walk->depth--;
	return 1;
}

static int on_start_map(void *context)
{
	return start(context, false);
}

static int on_start_array(void *context)
{
	return start(context, true);
}

static int on_key(void *context, const unsigned char *bytes, size_t length)
{
	struct walk *walk = context;
	size_t used;

	if (walk->skipped)
		return 1;
	used = walk->open[walk->depth - 1].pointer_bytes;
	if (used < sizeof(walk->pointer) - 1)
		walk->pointer[used++] = '/';
	walk->value_bytes = bg_pointer_put_key(walk->pointer, used,
					       (struct bg_text){ (const char *)bytes, length });
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

/* Puts a pointer and all that lead to it into the dict. */
static int want(struct walk *walk, size_t index)
{
	const char *pointer = walk->problems[index].pointer;
	size_t length = strlen(pointer);
	size_t *known;
	bool is_new;

	for (size_t i = 0; i < length; i++) {
		if (pointer[i] == '/' && !bg_dict_put(&walk->wanted, pointer, i, ON_THE_WAY, NULL))
			return -ENOMEM;
	}
	known = bg_dict_put(&walk->wanted, pointer, length, index, &is_new);
	if (!known)
		return -ENOMEM;
	if (*known == ON_THE_WAY)
		*known = index;
	walk->left += *known == index;
	return 0;
}

static int locate(struct bg_problem *problems, size_t count, const char *text, size_t length_bytes)
{
	bg_cleanup(release_walk) struct walk walk = {
		.text = text,
		.length_bytes = length_bytes,
		.problems = problems,
		.last = { 1, 1 },
	};
	bg_cleanup(yajl_free_at) yajl_handle handle = yajl_alloc(&callbacks, NULL, &walk);

	bg_skip_bom(&walk.text, &walk.length_bytes);
	if (!handle)
		return -ENOMEM;
	walk.handle = handle;
	for (size_t i = 0; i < count; i++) {
		int rc = problems[i].place.line || !*problems[i].pointer ? 0 : want(&walk, i);

		if (rc)
			return rc;
	}
	if (walk.left)
		yajl_parse(handle, (const unsigned char *)walk.text, walk.length_bytes);
	/* several with one pointer have one place */
	for (size_t i = 0; i < count; i++) {
		const size_t *known;

		if (problems[i].place.line)
			continue;
		known = bg_dict_find(&walk.wanted, problems[i].pointer,
				     strlen(problems[i].pointer));
		if (known && *known < count)
			problems[i].place = problems[*known].place;
	}
	return 0;
}

/* What is not in the text, since it has a default, stands where it would: in its object. */
static int locate_missing(struct bg_problem *problems, size_t count, const char *text,
			  size_t length_bytes)
{
	struct bg_problem *objects = calloc(count + 1, sizeof(*objects));
	int rc = objects ? 0 : -ENOMEM;

	for (size_t i = 0; i < count && !rc; i++) {
		const char *slash = strrchr(problems[i].pointer, '/');

		objects[i].pointer =
			strndup(problems[i].pointer, slash && !problems[i].place.line
							     ? (size_t)(slash - problems[i].pointer)
							     : 0);
		rc = objects[i].pointer ? 0 : -ENOMEM;
	}
	if (!rc)
		rc = locate(objects, count, text, length_bytes);
	for (size_t i = 0; i < count && objects; i++) {
		if (!rc && !problems[i].place.line)
			problems[i].place = objects[i].place;
		free(objects[i].pointer);
	}
	free(objects);
	return rc;
}

int bg_problems_locate(struct bg_problem *problems, size_t count, const char *text,
		       size_t length_bytes)
{
	int rc = locate(problems, count, text, length_bytes);

	for (size_t i = 0; i < count && !rc; i++)
		if (!problems[i].place.line && *problems[i].pointer)
			return locate_missing(problems, count, text, length_bytes);
	return rc;
}
