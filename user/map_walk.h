/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening the pinned maps and reading them by batches: what maps_read.c is made of. */
#ifndef BG_MAP_WALK_H
#define BG_MAP_WALK_H

#include "maps_read.h"

/* One map being read by batches. */
struct bg_walk {
	const char *name;
	size_t key_bytes, value_bytes;
	__u64 flags; /* BPF_F_LOCK or 0 */
	int (*each)(const void *key, const void *value, void *context);
	void *context;
	size_t max_entries; /* set by bg_map_walk() */
};

/* Calls `each` for every entry; stops at, and returns, the first value but 0. */
int bg_map_walk(const struct bg_maps *maps, struct bg_walk *walk, struct bg_error *err);

/* The error of a look-up that just failed with errno. */
int bg_map_unread(const struct bg_maps *maps, const char *name, struct bg_error *err);

#endif
