/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small set of ids that the kernel gave to programs, maps or interfaces. */
#ifndef BG_BASE_IDS_H
#define BG_BASE_IDS_H

#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/grow.h"

struct bg_ids {
	__u32 *id;
	size_t count;
};

static inline int bg_ids_add(struct bg_ids *ids, __u32 id)
{
	__u32 *added = BG_GROW(ids->id, ids->count);

	if (!added)
		return -ENOMEM;
	*added = id;
	return 0;
}

static inline bool bg_ids_has(const struct bg_ids *ids, __u32 id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->id[i] == id)
			return true;
	return false;
}

static inline void bg_ids_free(struct bg_ids *ids)
{
	free(ids->id);
}

#endif
