/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A dict: a hash table from bytes to numbers, for look-ups by id while a feed is read. Keys
 * are not copied: they must outlive the dict. Pure. */
#ifndef BG_BASE_DICT_H
#define BG_BASE_DICT_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

struct bg_dict_entry {
	const void *key; /* NULL = free */
	__u32 key_bytes;
	__u32 hash;
	size_t value;
};

/* All zero is an empty dict. */
struct bg_dict {
	struct bg_dict_entry *entries;
	size_t count, room; /* room: 0 or a power of two */
};

/* NULL if there is none. What it points to moves with the next insertion. */
size_t *bg_dict_find(const struct bg_dict *dict, const void *key, size_t key_bytes);

/*
 * The value of a key; when it is new, `value` is stored. *was_new may be NULL;
 * NULL when out of memory.
 */
size_t *bg_dict_put(struct bg_dict *dict, const void *key, size_t key_bytes, size_t value,
		    bool *was_new);

void bg_dict_release(struct bg_dict *dict);

/* What a dict looks up by, for tables of another shape: nobody who chooses keys can choose
 * it, and in another process it is another one. */
__u32 bg_dict_hash(const void *key, size_t bytes);

#endif
