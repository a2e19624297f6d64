/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A reload of the feed beside the loop: it is read and parsed, then compiled, then put in
 * force, in a thread; the loop goes on meanwhile, and after each of the three has its say.
 */
#ifndef BG_DAEMON_RELOAD_H
#define BG_DAEMON_RELOAD_H

#include "apart/files.h"
#include "base/work.h"
#include "daemon/compiled.h"
#include "daemon/settled.h"
#include "daemon/parsed.h"

enum bg_reload_stage {
	BG_RELOAD_RESTS,
	BG_RELOAD_READS,	  /* and parses */
	BG_RELOAD_COMPILES,	  /* what was read */
	BG_RELOAD_COMPILES_AGAIN, /* what is in force, since the interfaces are others */
	BG_RELOAD_PUBLISHES,	  /* what was compiled of either */
};

struct bg_reload {
	struct bg_work work;
	enum bg_reload_stage stage;
	bool again; /* the feed may be another one than that which is under way */
	/* of the document in force, when it began: the thread compares with that */
	bool knows_content;
	__u8 content[SHA256_DIGEST_LENGTH];
	bool anyway; /* and is to be read even if the file looks the same */
	struct bg_files_look look;
	struct bg_parsed parsed;
	struct bg_settled settled;
	bool of_interfaces;	      /* it compiles again, or has done so */
	enum bg_revision_cause cause; /* of that */
	struct bg_compiled compiled;
};

int bg_reload_open(struct bg_daemon *daemon, struct bg_error *err);
/* While it is under way, what it uses cannot be freed. */
bool bg_reload_is_busy(const struct bg_daemon *daemon);
/* Something is put in force this moment: the pins of the maps are the thread's. */
bool bg_reload_publishes(const struct bg_daemon *daemon);
/* Or it is made for that: `rules`, and what is known of it, are the thread's. */
bool bg_reload_makes(const struct bg_daemon *daemon);
void bg_reload_close(struct bg_daemon *daemon);

/* Looks at the feed, now or when what is under way is done, and reads it if the file is
 * another one, or `anyway`. 0, or why it could not begin. */
int bg_reload_begin(struct bg_daemon *daemon, bool anyway, struct bg_error *err);

/* The interfaces may be others: puts the document in force anew if that makes a difference,
 * and if nothing is under way. 0, or why it could not begin. */
int bg_reload_again(struct bg_daemon *daemon, struct bg_error *err);

/*
 * Goes on, when the work is done. True: there is an outcome, *rc, for a refusal with its text
 * in *err; what was in force stays then. *of: what it is the outcome of.
 */
enum bg_reload_of {
	BG_RELOAD_OF_LOOK, /* the file is the same */
	BG_RELOAD_OF_FEED,
	BG_RELOAD_OF_INTERFACES,
};
bool bg_reload_go_on(struct bg_daemon *daemon, enum bg_reload_of *of, int *rc,
		     struct bg_error *err);

/* At the end: what is being put in force is waited for, at most so long, and its outcome noted. */
void bg_reload_end(struct bg_daemon *daemon, int limit_ms);

/* For the start, which has nothing else to do: waits until the feed is read, but not longer
 * than this (-1: however long), nor when a signal comes. False: not yet. */
bool bg_reload_wait(struct bg_daemon *daemon, int limit_ms, int signal_fd);
/* Then, with a datapath: all the rest at once. */
int bg_reload_finish(struct bg_daemon *daemon, struct bg_error *err);

#endif
