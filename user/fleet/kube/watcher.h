/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps the objects of one kind what the API server has: a list, page by page, then a watch from its
 * version on, then the next watch. Whatever fails, what is there stays until the server has
 * said what there is instead.
 */
#ifndef BG_KUBE_WATCHER_H
#define BG_KUBE_WATCHER_H

#include <stdbool.h>

#include "fleet/kube/api_answer.h"
#include "fleet/kube/api_server.h"
#include "fleet/kube/objects.h"
#include "fleet/web/backoff.h"

struct bg_watcher {
	/* --- set by who has it --- */
	struct bg_web *web;
	const char *server; /* its URL */
	enum bg_part_kind kind;
	const char *name;     /* only this object; NULL: all */
	unsigned int watch_s; /* a watch lasts half of it to all of it */
	json_t **objects;     /* where they go */
	/* Something is another one than before: objects, `behind`, due_ms or `went_back`. */
	void (*changed)(void *context);
	void *context;
	struct bg_backoff backoff;

	/* --- */
	/* Why it is not known what there is now; "" = it is. */
	struct bg_error behind;
	double due_ms;	/* when bg_watcher_run() has something to do; 0: it waits for the server */
	bool went_back; /* the server has older versions than it had; reset by who has it */

	bool relist;	/* begin with a list, not with a watch */
	json_t *listed; /* by the pages so far */
	size_t listed_bytes;
	char *more; /* the token of the next page; NULL: the first one */
	struct bg_k8s_version version;
	double began_ms;
	struct bg_web_transfer *transfer; /* what is under way */
};

/* Begins what is due: a page, or a watch. */
void bg_watcher_run(struct bg_watcher *watcher);
/* From a list on, whatever is under way. */
void bg_watcher_again(struct bg_watcher *watcher);
void bg_watcher_release(struct bg_watcher *watcher);

#endif
