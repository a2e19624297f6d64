// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Lists made by counting: how many entries each has, where each starts, then filled. Only
 * policy.c calls it, once for an image; the classes are not changed.
 */
#include "compile/class_index.h"

#include <errno.h>
#include <stdlib.h>

/* Turns counts in start[1 .. n] into where each list starts. */
static void counts_to_starts(__u32 *start, __u32 n)
{
	for (__u32 i = 0; i < n; i++)
		start[i + 1] += start[i];
}

/* Lists are filled from the front while start[i] moves on; this moves it back. */
static void rewind_starts(__u32 *start, __u32 n)
{
	for (__u32 i = n; i > 0; i--)
		start[i] = start[i - 1];
	start[0] = 0;
}

static void list_children(struct bg_class_index *index, const struct bg_classes *classes)
{
	for (__u32 c = 1; c < classes->count; c++)
		index->child_start[classes->parent[c] + 1]++;
	counts_to_starts(index->child_start, classes->count);
	for (__u32 c = 1; c < classes->count; c++)
		index->child[index->child_start[classes->parent[c]]++] = c;
	rewind_starts(index->child_start, classes->count);
}

static void list_beginnings(struct bg_class_index *index, const struct bg_classes *classes)
{
	const __u32 *own_start = classes->own_start;

	for (__u32 i = 0; i < own_start[classes->count]; i++)
		index->with_start[classes->own[i] + 1]++;
	counts_to_starts(index->with_start, classes->set_count);
	for (__u32 c = 1; c < classes->count; c++)
		for (__u32 i = own_start[c]; i < own_start[c + 1]; i++)
			index->with[index->with_start[classes->own[i]]++] = c;
	rewind_starts(index->with_start, classes->set_count);
}

int bg_class_index_build(struct bg_class_index *index, const struct bg_classes *classes)
{
	index->child_start = calloc((size_t)classes->count + 1, sizeof(__u32));
	index->child = calloc(classes->count, sizeof(__u32));
	index->with_start = calloc((size_t)classes->set_count + 1, sizeof(__u32));
	index->with = calloc((size_t)classes->own_start[classes->count] + 1, sizeof(__u32));
	if (!index->child_start || !index->child || !index->with_start || !index->with)
		return -ENOMEM;
	list_children(index, classes);
	list_beginnings(index, classes);
	return 0;
}

void bg_class_index_release(struct bg_class_index *index)
{
	free(index->child_start);
	free(index->child);
	free(index->with_start);
	free(index->with);
}
