/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an API server has of a kind, trimmed, while somebody watches it: by lists, and events since. Pure. */
#ifndef BG_GATHER_KNOWN_OBJECTS_H
#define BG_GATHER_KNOWN_OBJECTS_H

#include "fleet/gather/cluster.h"
#include "fleet/gather/trimmed.h"

/* All texts of a kind together; 100,000 pods have some 60 MB. */
#define BG_KNOWN_MOST_BYTES ((size_t)1 << 30)

struct bg_known_object {
	char *path; /* "NAMESPACE/NAME", or "/NAME" */
	char *text; /* NULL: it is gone */
	__u32 text_bytes;
	__u32 list; /* the last one that named it */
};

/* {} but for `kind` at first. */
struct bg_known {
	enum bg_trimmed_kind kind;
	__u32 list;
	struct bg_known_object *objects;
	size_t used, gone;	/* places, and those whose object is gone */
	size_t text_bytes;	/* of all of them */
	struct bg_dict by_path; /* → place */
	__u64 changes;		/* of what is read of any of them */
	struct bg_json_writer trimmed;
};

/* A list begins: what there is now follows by bg_known_put(). */
void bg_known_begin_list(struct bg_known *known);
/* -EPROTO: it is no object of this kind; -E2BIG: it is one too many. */
int bg_known_put(struct bg_known *known, const json_t *object, struct bg_error *err);
int bg_known_remove(struct bg_known *known, const json_t *object, struct bg_error *err);
/* The list is whole: what it did not name goes. */
void bg_known_end_list(struct bg_known *known);
size_t bg_known_count(const struct bg_known *known);

/* Into the model, as from a file of this name; an empty list is one, too. */
int bg_known_read(const struct bg_known *known, struct bg_cluster *cluster, const char *file,
		  struct bg_error *err);
void bg_known_release(struct bg_known *known);

#endif
