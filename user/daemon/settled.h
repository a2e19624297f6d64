/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's side of feed/settle.h: which model is in force, and what is said of it. */
#ifndef BG_DAEMON_SETTLED_H
#define BG_DAEMON_SETTLED_H

#include "feed/settle.h"

struct bg_daemon;

struct bg_settled {
	struct bg_decision decision;
	struct bg_model *model; /* NULL: the document as it is */
};

void bg_settled_free(struct bg_settled *settled); /* {} is fine */

enum bg_settle_how {
	BG_DECIDE, /* no model */
	BG_MERGE,  /* one if it is not the document as it is */
	BG_COPY,   /* one in any case */
};

/* What this document would put in force. */
int bg_in_force_settle(const struct bg_daemon *daemon, const struct bg_model *document,
		       enum bg_settle_how how, struct bg_settled *settled, struct bg_error *err);

/* It was published: takes document and model, and logs what is kept or left out. */
void bg_in_force_replace(struct bg_daemon *daemon, struct bg_model *document,
			 struct bg_settled *settled);

/* Does the same document put something else in force now? */
bool bg_in_force_is_stale(struct bg_daemon *daemon);

/* The document of what is in force; NULL: none yet. */
const struct bg_model *bg_in_force_document(const struct bg_daemon *daemon);

#endif
