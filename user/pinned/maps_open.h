/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening the pinned maps and reading them by batches. */
#ifndef BG_PINNED_MAPS_OPEN_H
#define BG_PINNED_MAPS_OPEN_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include "base/error.h"

struct bg_maps {
	const char *pin_dir; /* the caller's string */
	int control_fd;
};

/*
 * Opens maps/control and checks its ABI. -ENOENT when nothing is pinned,
 * -EPERM without privilege, -EPROTO when another ABI is; each with the line
 * that says so. `maps` needs bg_maps_close() after success only.
 */
int bg_maps_open(const char *pin_dir, struct bg_maps *maps, struct bg_error *err);
void bg_maps_close(struct bg_maps *maps);

/* A map by name, its values being of this size; the fd is the caller's. */
int bg_maps_fd(const struct bg_maps *maps, const char *name, size_t value_bytes, bool write,
	       struct bg_error *err);

/* One map being read by batches. */
struct bg_walk {
	const char *name;
	size_t key_bytes, value_bytes;
	__u64 flags; /* BPF_F_LOCK or 0 */
	int (*each)(const void *key, const void *value, void *context);
	void *context;
	size_t max_entries; /* set by bg_map_walk() */
};

/* Calls `each` for every entry; stops at, and returns, the first value but 0. Of
 * these -ENOMEM gets its text here. */
int bg_map_walk(const struct bg_maps *maps, struct bg_walk *walk, struct bg_error *err);

/* The error of a look-up that just failed with errno. */
int bg_map_unread(const struct bg_maps *maps, const char *name, struct bg_error *err);

#endif
