/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A hash map from bytes to numbers, for look-ups by id while a feed is read. Keys
 * are not copied: they must outlive the map. Pure. */
#ifndef BG_FEED_MAP_H
#define BG_FEED_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

struct bg_map_entry {
	const void *key; /* NULL = free */
	__u32 key_bytes;
	__u32 hash;
	size_t value;
};

/* All zero is an empty map. */
struct bg_map {
	struct bg_map_entry *entries;
	size_t count, room; /* room: 0 or a power of two */
};

/* NULL if there is none. What it points to moves with the next insertion. */
size_t *bg_map_find(const struct bg_map *map, const void *key, size_t key_bytes);

/*
 * The value of a key; when it is new, `value` is stored. *was_new may be NULL;
 * NULL when out of memory.
 */
size_t *bg_map_put(struct bg_map *map, const void *key, size_t key_bytes, size_t value,
		   bool *was_new);

void bg_map_release(struct bg_map *map);

#endif
