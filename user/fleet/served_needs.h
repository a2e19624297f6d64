/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which parts a node's feed is put together from. Pure. */
#ifndef BG_FLEET_SERVED_NEEDS_H
#define BG_FLEET_SERVED_NEEDS_H

#include "fleet/parts/part.h"

/* More than a node needs whose groups have a million members. */
#define BG_NEEDS_MOST 10000

/*
 * Calls `need` for each part that is needed as far as the source knows: for the node's own, what
 * that names, what these name. So who asks for all of them, and then again, has them all when
 * no new one comes. A part may come twice. -E2BIG: there are more than BG_NEEDS_MOST; else fails as `need`
 * does. What is wrong in parts is not judged here.
 */
int bg_served_needs(const struct bg_part_source *source, const char *node,
		    int (*need)(void *context, enum bg_part_kind kind, const char *name,
				struct bg_error *err),
		    void *context, struct bg_error *err);

#endif
