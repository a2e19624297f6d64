/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lists the parts of an API server and writes what should stand there instead, several requests
 * at a time. Calls wait: who has the store turns the client's wheel meanwhile.
 */
#ifndef BG_KUBE_STORE_H
#define BG_KUBE_STORE_H

#include <stdbool.h>

#include "fleet/kube/standing.h"
#include "fleet/web/web.h"

struct bg_k8s_store {
	/* --- set by who has it --- */
	struct bg_web *web;
	const char *server; /* its URL */
	/* Waits until something has happened to a request, for a moment at most. Not 0: all is over,
	 * with *err. */
	int (*wait)(void *context, struct bg_error *err);
	/* How long a write may take from now on; 0: nothing is written any more. */
	int (*may_write_ms)(void *context);
	void *context;

	/* --- */
	struct bg_standing standing;
	bool known;	       /* `standing` is what there is, as far as we know */
	double retry_after_ms; /* what the server asked for when it refused the last time */
};

/* All of it anew. */
int bg_k8s_store_list(struct bg_k8s_store *store, void (*bad)(const char *text),
		      struct bg_error *err);
/*
 * Makes the parts those of `made`. What the server does not take is told at the end, and the rest
 * goes on, but nothing is deleted then; any other failure ends it. -EAGAIN: somebody else has
 * written there.
 */
int bg_k8s_store_write(struct bg_k8s_store *store, const struct bg_part_set *made,
		       struct bg_parts_written *written, struct bg_error *err);
void bg_k8s_store_release(struct bg_k8s_store *store);

#endif
