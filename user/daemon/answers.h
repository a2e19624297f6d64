/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the daemon answers by its socket (socket/server.h has the protocol; the socket is
 * what bg_socket_path() says, and whoever is in its group may ask):
 *
 *	{"method":"daemon"}	{ "pid", "revision", "feed_revision", "listeners",
 *				  "events_lost_by_listeners" }
 *	{"method":"events", "branch":"...", "reasons":"no-rule,spoofed",
 *	 "drops_only":true, "flows_only":true}	(all but the method may be left out)
 *				{ "listening": true }, then an object an event, as
 *				`branchguard monitor --json` prints them, without end;
 *				{ "time", "event": "lost", "count" } where some are missing
 *	{"method":"node"}	{ "metrics", "health", "text", "ready" }, as of now, or of a second
 *				ago (where telling takes long, of up to 15; show/telling.h), for `branchguard-fleet serve`
 *
 * A method is a line in answers.c.
 */
#ifndef BG_DAEMON_ANSWERS_H
#define BG_DAEMON_ANSWERS_H

#include "base/loop.h"
#include "daemon/running.h"

struct bg_answers;

/* `serve` is what the loop calls when there is something to do; it calls
 * bg_answers_serve(). NULL when out of memory. */
struct bg_answers *bg_answers_new(struct bg_daemon *daemon, struct bg_loop *loop,
				  bg_loop_fn *serve);
void bg_answers_free(struct bg_answers *answers);

void bg_answers_serve(struct bg_answers *answers);

/* What the daemon has in files may have been written, or the socket placed. */
void bg_answers_placed(struct bg_answers *answers);

/* About once a second. Opens the socket, again if somebody took it away. */
void bg_answers_tick(struct bg_answers *answers);

#endif
