/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts in memory, by their files' names. Pure. */
#ifndef BG_PARTS_PART_SET_H
#define BG_PARTS_PART_SET_H

#include "base/dict.h"
#include "fleet/parts/part.h"

struct bg_part {
	char *file;
	enum bg_part_kind kind;
	char *name;
	char *text; /* the whole file's, terminated */
	size_t length_bytes;
	json_t *spec;
};

/* All zero is an empty one. What part[] points to moves when one is added. */
struct bg_part_set {
	struct bg_part *part;
	size_t count;
	struct bg_dict by_file;
};

/* What became of a set that was written somewhere. */
struct bg_parts_written {
	size_t parts, written, removed, written_bytes;
};

/* Takes a reference to `spec`, and sets its hash. 0 or -ENOMEM (-EEXIST: it is there). */
int bg_part_set_add(struct bg_part_set *set, enum bg_part_kind kind, const char *name,
		    json_t *spec);
/* A text as it was read; bg_part_read() says whether it is one. */
int bg_part_set_read(struct bg_part_set *set, enum bg_part_kind kind, const char *name,
		     const char *text, size_t length_bytes, struct bg_error *err);

/* NULL: there is none. */
const struct bg_part *bg_part_set_find(const struct bg_part_set *set, enum bg_part_kind kind,
				       const char *name);
struct bg_part_source bg_part_set_source(struct bg_part_set *set);
void bg_part_set_release(struct bg_part_set *set);

#endif
