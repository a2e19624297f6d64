/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects of an API server as parts, by the names in their metadata. Pure. */
#ifndef BG_KUBE_OBJECTS_H
#define BG_KUBE_OBJECTS_H

#include "fleet/kube/watched.h"
#include "fleet/parts/parts_known.h"

#define BG_K8S_MISSING "the API server has no such object"

/* Into an object of struct bg_parts_known: what the server says of this one now. -EPROTO: it has no
 * name. */
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

#endif
