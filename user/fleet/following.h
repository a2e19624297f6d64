/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What following a server is, whichever kind of server: a loop, a client of HTTP, and the feed that
 * what is known of its parts makes. The source says when it knows something new, and
 * why it does not know what there is.
 *
 *	rc = bg_following_open(&following, &identity, "API server", err);
 *	if (rc)
 *		return rc;
 *	rc = bg_following_run(&following, err);	// calls `ask`, which asks by following.web
 *	bg_following_close(&following);		// when all that was asked for is cancelled
 */
#ifndef BG_FLEET_FOLLOWING_H
#define BG_FLEET_FOLLOWING_H

#include <stdbool.h>

#include "base/loop.h"
#include "fleet/feed_kept.h"
#include "fleet/web/web.h"

/* All 0 but for what the source sets. */
struct bg_following {
	/* --- set by the source, before it is opened --- */
	const struct bg_follow *wanted;
	struct bg_part_source parts;
	/* Begins what is due there; first when it is run, then when it was asked for. */
	void (*ask)(void *context);
	/* Is it a state of the server, as a whole, of which a feed can be made? */
	bool (*knows)(const void *context);
	/* Why it is not known what the server has now; NULL: it is, or nobody has answered yet. */
	const struct bg_error *(*behind)(const void *context);
	void *context;

	/* --- for the source, when it is open --- */
	struct bg_web *web;

	/* --- */
	struct bg_loop loop;
	bool dirty;	      /* the parts are others than those that `made` speaks of */
	struct bg_error made; /* why they make no feed; "" = they do */
	double looked_ms, took_ms;
	struct bg_kept kept;
	/* without an output: */
	bool failed;
	struct bg_error why;
};

/* `server` is what it is called in the log. */
int bg_following_open(struct bg_following *following, const struct bg_web_identity *identity,
		      const char *server, struct bg_error *err);
/*
 * Until the process is ended. Without an output: prints the feed as soon as there is one, or fails
 * with the first thing that is wrong.
 */
int bg_following_run(struct bg_following *following, struct bg_error *err);
void bg_following_close(struct bg_following *following);

/* The parts are others: when it is looked at next, the feed is made anew. */
void bg_following_changed(struct bg_following *following);
/* What the source knows is looked at now; */
void bg_following_look(struct bg_following *following);
/* or soon, with what else is written at the same time. */
void bg_following_look_soon(struct bg_following *following);
/* `ask` is to be called at this time, if not before. */
void bg_following_ask_at(struct bg_following *following, double due_ms);
/* Why there is no feed of what the server has now; NULL: there is. */
const struct bg_error *bg_following_wrong(const struct bg_following *following);

#endif
