/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading maps whose layout is not known to be ours: pinned by another build, or by
 * somebody else under a name of ours. The kernel writes as much as the map has, whatever
 * room there is: so its sizes are asked for first.
 */
#ifndef BG_PINNED_FOREIGN_H
#define BG_PINNED_FOREIGN_H

#include <stdbool.h>
#include <string.h>

#include <bpf/bpf.h>

#include "pinned/pin.h"

#define BG_FOREIGN_KEY_BYTES 64 /* the longest key that is read */

static inline int bg_map_info(int fd, struct bpf_map_info *info)
{
	__u32 length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_map_get_info_by_fd(fd, info, &length);
}

/* A pinned map, and what it is like: its descriptor, or a negative errno. -ENOENT: no such pin. */
int bg_foreign_open(const char *pin_dir, enum bg_pin_kind kind, const char *name,
		    struct bpf_map_info *info);

/* Of such a map, each look-up gives a value for every CPU. */
bool bg_is_percpu(__u32 map_type);

/*
 * The first bytes of the value under a key that is a number. Where the value ends sooner,
 * zeros follow. -EPROTO: the map has other keys, or no values of which that can be said.
 */
int bg_foreign_get(int fd, __u32 key, void *start, size_t start_bytes);

/* The same for all entries, whatever are their keys, until one call returns another value
 * than 0, and returns that. */
int bg_foreign_each(int fd, size_t start_bytes, int (*each)(const void *start, void *context),
		    void *context);

/* The ids of the maps that a program uses, whosever it is. 0, or why the kernel does not
 * tell. */
int bg_foreign_maps_of(__u32 prog_id, __u32 **maps, size_t *count);

#endif
