/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state in force, handed from one daemon to the next. */
#ifndef BG_DAEMON_HOLDING_H
#define BG_DAEMON_HOLDING_H

#include "feed/held.h"

struct bg_daemon;
struct bg_parsed;

/* What the daemon has written, or is to write. */
struct bg_holding {
	char *text; /* of the document in force, until it is written */
	size_t text_bytes;
	unsigned int slot;	     /* of the text */
	char sha256[BG_HELD_SHA256]; /* of it; "" = there is none */
	__u64 hash;		     /* of what was written last beside it */
	bool complained;
};

/* A document was accepted: takes its text. */
void bg_hold_text(struct bg_daemon *daemon, struct bg_parsed *parsed);

/* Writes what has changed; what cannot be written is logged, and tried again. */
void bg_hold(struct bg_daemon *daemon);
void bg_holding_free(struct bg_holding *holding);

/*
 * At the start: daemon->before, what the daemon before had in force. *document gets its
 * document (its rc is not 0 without one), unless that has the content of `feed` (NULL: that
 * is not read yet). What is
 * damaged is logged and left alone.
 */
void bg_held_restore(struct bg_daemon *daemon, const struct bg_parsed *feed,
		     struct bg_parsed *document);

#endif
