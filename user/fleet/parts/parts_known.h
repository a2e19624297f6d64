/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts as a server has them, by kind and name: whole ones, and why others are not. Pure. */
#ifndef BG_PARTS_PARTS_KNOWN_H
#define BG_PARTS_PARTS_KNOWN_H

#include "fleet/parts/part.h"

struct bg_parts_known {
	/* Of each kind an object: name → spec, or a string that says what is wrong with it. NULL: nobody
	 * has said yet what there is. */
	json_t *kind[BG_PART_KINDS];
	const char *
		missing; /* "the API server has no such object": what to say of one that is not there */
};

/* Into such an object: what the server says of this one now. It may be no part at all. -ENOMEM. */
int bg_parts_known_put(json_t *parts, enum bg_part_kind kind, const char *name, const char *text,
		       size_t length_bytes, struct bg_error *err);

struct bg_part_source bg_parts_known_source(struct bg_parts_known *known);
void bg_parts_known_release(struct bg_parts_known *known);

#endif
