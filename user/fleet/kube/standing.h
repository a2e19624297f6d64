/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parts as they stand in an API server, for who writes them: their texts, with what a write needs
 * beside them; and what has to be written so that others stand there. Pure.
 */
#ifndef BG_KUBE_STANDING_H
#define BG_KUBE_STANDING_H

#include "fleet/kube/api_answer.h"
#include "fleet/parts/part_set.h"

/* Objects with this label, and another value than ours, are somebody else's. */
#define BG_K8S_MANAGER_LABEL "app.kubernetes.io/managed-by"
#define BG_K8S_MANAGER "branchguard-fleet"

/* Of each kind name → object; {} at first: nobody has said what there is. */
struct bg_standing {
	json_t *kind[BG_PART_KINDS];
};

/* What the server says of an object now. One that is no whole part stands there as such, and
 * `bad` is told. -EPROTO: it has no name or version. */
int bg_standing_put(struct bg_standing *standing, enum bg_part_kind kind, const json_t *object,
		    void (*bad)(const char *text), struct bg_error *err);
/* This part was written there. */
int bg_standing_wrote(struct bg_standing *standing, const struct bg_part *part,
		      const struct bg_k8s_version *version, struct bg_error *err);
void bg_standing_gone(struct bg_standing *standing, enum bg_part_kind kind, const char *name);
/* All that are whole, and not somebody else's. */
int bg_standing_parts(const struct bg_standing *standing, struct bg_part_set *set,
		      struct bg_error *err);
void bg_standing_release(struct bg_standing *standing);

struct bg_k8s_write {
	const char *method; /* POST, PUT or DELETE */
	enum bg_part_kind kind;
	const char *name;	    /* borrowed, from both */
	const struct bg_part *part; /* NULL: it goes */
};

struct bg_k8s_writes {
	struct bg_k8s_write *write;
	size_t count;
};

/*
 * What has to be done, in this order: parts by their kinds (part.h), then what goes, NodeFeeds
 * first. Borrows from both, until one of them is another. -EEXIST: where a part belongs, stands
 * somebody else's.
 */
int bg_standing_plan(const struct bg_standing *standing, const struct bg_part_set *made,
		     struct bg_k8s_writes *writes, struct bg_error *err);
void bg_k8s_writes_release(struct bg_k8s_writes *writes);

/* The body of such a request: it says of which version it is, so that what somebody else
 * wrote meanwhile is not overwritten. The caller frees it; NULL: no memory. */
char *bg_standing_body(const struct bg_standing *standing, const struct bg_k8s_write *write);

/* Of an object's metadata what a PUT has to say again, or it is lost; a reference of the
 * caller's, or NULL: there is nothing. */
json_t *bg_k8s_kept_metadata(const json_t *metadata);

#endif
