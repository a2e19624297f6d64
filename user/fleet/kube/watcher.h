/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps the objects of one kind what the API server has: a list, page by page, then a watch from its
 * version on, then the next watch. Whatever fails, what is there stays until the server has
 * said what there is instead. "Not found" counts as "none" only where the server also says
 * that it serves no such kind.
 */
#ifndef BG_KUBE_WATCHER_H
#define BG_KUBE_WATCHER_H

#include <stdbool.h>

#include "fleet/kube/api_answer.h"
#include "fleet/kube/api_server.h"
#include "fleet/kube/watched.h"
#include "fleet/web/backoff.h"

struct bg_watcher {
	/* --- set by who has it --- */
	struct bg_web *web;
	const char *server; /* its URL */
	const struct bg_watched_kind *kind;
	const char *name;     /* only this object; NULL: all */
	unsigned int watch_s; /* a watch lasts half of it to all of it */
	void *objects;	      /* for the functions of `kind` */
	/* Something is another one than before: objects, `behind`, due_ms or `went_back`. */
	void (*changed)(void *context);
	void *context;
	struct bg_backoff backoff;

	/* --- */
	/* Why it is not known what there is now; "" = it is, or was not asked yet. */
	struct bg_error behind;
	bool is_whole;	/* the objects are those of a whole list, and of what came since */
	bool is_absent; /* the server serves no such kind, so there is none */
	double due_ms;	/* when bg_watcher_run() has something to do; 0: it waits for the server */
	bool went_back; /* the server has older versions than it had; reset by who has it */

	bool relist;	 /* begin with a list, not with a watch */
	bool is_listing; /* `begin` was called, and `end` was not */
	size_t listed_bytes;
	unsigned int page_objects; /* 0: as many as the kind says */
	char *more;		   /* the token of the next page; NULL: the first one */
	struct bg_k8s_version version;
	double began_ms;
	struct bg_web_transfer *transfer; /* what is under way */
};

/* Begins what is due: a page, or a watch. */
void bg_watcher_run(struct bg_watcher *watcher);
/*
 * Where one of them has found that the server has gone back, have all the others begin with a list,
 * too: a server that was restored from a backup knows nothing of what happened since, and what it
 * would have to say comes only when it has counted up to our version. Has it?
 */
bool bg_watchers_begin_again(struct bg_watcher *watchers, size_t count);
void bg_watcher_release(struct bg_watcher *watcher);

#endif
