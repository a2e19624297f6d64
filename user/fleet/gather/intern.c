// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Blocks of text with a dict beside them. What reads a cluster calls it; nothing is ever
 * taken out, it is released whole.
 */
#include "fleet/gather/intern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

#define BLOCK_BYTES ((size_t)64 << 10)

struct bg_interned_block {
	struct bg_interned_block *next;
	size_t used, room;
	char bytes[];
};

static char *room_for(struct bg_interned *interned, size_t bytes)
{
	struct bg_interned_block *block = interned->blocks;
	char *room;

	if (!block || block->room - block->used < bytes) {
		size_t most = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

		block = malloc(sizeof(*block) + most);
		if (!block)
			return NULL;
		*block = (struct bg_interned_block){ .next = interned->blocks, .room = most };
		interned->blocks = block;
	}
	room = block->bytes + block->used;
	block->used += bytes;
	return room;
}

const char *bg_intern(struct bg_interned *interned, const char *bytes, size_t length_bytes)
{
	const size_t *known = bg_dict_find(&interned->texts, bytes, length_bytes);
	char *kept;

	if (known)
		return (const char *)*known;
	kept = room_for(interned, length_bytes + 1);
	if (!kept)
		return NULL;
	memcpy(kept, bytes, length_bytes);
	kept[length_bytes] = '\0';
	if (!bg_dict_put(&interned->texts, kept, length_bytes, (size_t)kept, NULL))
		return NULL;
	return kept;
}

const char *bg_intern_path(struct bg_interned *interned, const char *namespace, const char *name)
{
	bg_auto_free char *path = NULL;
	int length = asprintf(&path, "%s/%s", namespace, name);

	if (length < 0) {
		path = NULL;
		return NULL;
	}
	return bg_intern(interned, path, length);
}

void bg_interned_release(struct bg_interned *interned)
{
	while (interned->blocks) {
		struct bg_interned_block *next = interned->blocks->next;

		free(interned->blocks);
		interned->blocks = next;
	}
	bg_dict_release(&interned->texts);
}

/* --- lists --- */

int bg_names_add(struct bg_names *names, const char *name)
{
	const char **added = BG_GROW(names->name, names->count);

	if (!added)
		return -ENOMEM;
	*added = name;
	return 0;
}

int bg_names_add_all(struct bg_names *names, const struct bg_names *more)
{
	for (size_t i = 0; i < more->count; i++)
		if (bg_names_add(names, more->name[i]))
			return -ENOMEM;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void bg_names_tidy(struct bg_names *names)
{
	size_t kept = 0;

	if (!names->count)
		return;
	qsort(names->name, names->count, sizeof(*names->name), by_text);
	for (size_t i = 0; i < names->count; i++)
		if (!kept || names->name[kept - 1] != names->name[i])
			names->name[kept++] = names->name[i];
	names->count = kept;
}

bool bg_names_have(const struct bg_names *names, const char *name)
{
	return names->count &&
	       bsearch(&name, names->name, names->count, sizeof(*names->name), by_text);
}

bool bg_names_equal(const struct bg_names *a, const struct bg_names *b)
{
	return a->count == b->count &&
	       (!a->count || !memcmp(a->name, b->name, a->count * sizeof(*a->name)));
}

void bg_names_keep(struct bg_names *names, const struct bg_names *others)
{
	size_t kept = 0;

	for (size_t i = 0; i < names->count; i++)
		if (bg_names_have(others, names->name[i]))
			names->name[kept++] = names->name[i];
	names->count = kept;
}

void bg_names_release(struct bg_names *names)
{
	free(names->name);
	*names = (struct bg_names){};
}
