/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state in force, handed from one daemon to the next. */
#ifndef BG_DAEMON_HOLDING_H
#define BG_DAEMON_HOLDING_H

#include "feed/held.h"

struct bg_daemon;
struct bg_parsed;

struct bg_state_file;

/* What has been written, or is to be. */
struct bg_holding {
	char *text; /* of the document in force, until it is written; NULL while it is */
	size_t text_bytes;
	char sha256[BG_HELD_SHA256]; /* of it; "" = there is none */
	unsigned int slot;	     /* that the file names; the other one is free */
	__u64 hash;		     /* of what was written last beside it */
	/* of what is being written: */
	unsigned int next_slot;
	__u64 next_hash;
	bool superseded; /* there is another text by now */
};

/* A document was accepted: takes its text. */
void bg_hold_text(struct bg_daemon *daemon, struct bg_parsed *parsed);

/*
 * What is to be written of it, texts that are NULL if nothing is: the document, then what is
 * held beside it. _outcome() says what became of both, and is handed back the document.
 */
void bg_hold(struct bg_daemon *daemon, struct bg_state_file *text, struct bg_state_file *held);
void bg_hold_outcome(struct bg_daemon *daemon, struct bg_state_file *text,
		     const struct bg_state_file *held, int rc);
void bg_holding_free(struct bg_holding *holding);

/* As they stand in it: this boot's id, and a document's hash. */
void bg_hold_boot(char boot[BG_HELD_BOOT]);
void bg_hold_hash(const __u8 *content, char text[BG_HELD_SHA256]);

/*
 * restoring.c. At the start: daemon->before, what the daemon before had in force. *document gets its
 * document (its rc is not 0 without one), unless that has the content of `feed` (NULL: that
 * is not read yet). What is damaged, or cannot be had in time, is logged and left alone.
 */
void bg_held_restore(struct bg_daemon *daemon, const struct bg_parsed *feed, int signal_fd,
		     struct bg_parsed *document);

#endif
