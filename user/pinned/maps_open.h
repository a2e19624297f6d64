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
 * Opens maps/control and checks its ABI. -ENOENT when nothing is pinned, -EPERM
 * without privilege, -EPROTO when it has another ABI; *err says which. `maps` needs
 * bg_maps_close() after success only.
 */
int bg_maps_open(const char *pin_dir, struct bg_maps *maps, struct bg_error *err);
void bg_maps_close(struct bg_maps *maps);

/* Opens a map by name, if its values have this size; the caller closes the fd. */
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

/* Calls `each` for every entry until one call returns another value than 0, and returns
 * that value. For -ENOMEM *err is filled in here. */
int bg_map_walk(const struct bg_maps *maps, struct bg_walk *walk, struct bg_error *err);

/* The error of a look-up that just failed with errno. */
int bg_map_unread(const struct bg_maps *maps, const char *name, struct bg_error *err);

#endif
