/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects of EC2 as a feed has them: the keys that are read, and no others. Pure. */
#ifndef BG_GATHER_SHAPED_H
#define BG_GATHER_SHAPED_H

#include "base/json_writer.h"
#include "feed/keys.h"
#include "fleet/gather/intern.h"

/* What a copy names besides itself. */
struct bg_references {
	struct bg_interned *interned;
	struct bg_names groups, lists;
};

/*
 * Writes an object with the keys of the feed (keys.h), in the order in which they stand.
 * Lists of peers that are empty are left out; those of permissions and entries are not: an
 * empty one says that there are none. References are added to *references.
 */
int bg_shaped_copy(struct bg_json_writer *writer, const struct bg_json *value,
		   const struct bg_at *at, enum bg_object object, struct bg_references *references,
		   struct bg_error *err);

/* A value that is none of an object's own: as it was written. */
int bg_shaped_scalar(struct bg_json_writer *writer, const struct bg_json *value,
		     const struct bg_at *at, struct bg_error *err);

#endif
