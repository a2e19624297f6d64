/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts as an API server has them, by kind and name: whole ones, and why others are not. Pure. */
#ifndef BG_KUBE_OBJECTS_H
#define BG_KUBE_OBJECTS_H

#include "fleet/kube/watched.h"
#include "fleet/parts/part.h"

/* Of each kind an object: name → spec, or a string that says what is wrong with it. NULL: nobody
 * has said yet what there is. */
struct bg_k8s_objects {
	json_t *kind[BG_PART_KINDS];
};

/* Into such an object: what the server says of this one now. -EPROTO: it has no name. */
int bg_k8s_put(json_t *objects, enum bg_part_kind kind, const json_t *object, struct bg_error *err);
int bg_k8s_remove(json_t *objects, const json_t *object, struct bg_error *err);

/* Where a watcher of one kind puts them. */
struct bg_k8s_place {
	enum bg_part_kind kind;
	json_t **objects; /* of that kind */
	json_t *listed;	  /* by a list that is not whole yet; NULL at first */
};

/* How; the watcher's `objects` is such a place. */
extern const struct bg_watched_kind bg_watched_parts[BG_PART_KINDS];

struct bg_part_source bg_k8s_source(struct bg_k8s_objects *objects);
void bg_k8s_objects_release(struct bg_k8s_objects *objects);

#endif
