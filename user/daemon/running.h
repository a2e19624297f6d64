/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The running daemon: what the files of this room share. */
#ifndef BG_DAEMON_RUNNING_H
#define BG_DAEMON_RUNNING_H

#include <sha2.h>

#include "compile/compile.h"
#include "daemon/daemon.h"
#include "daemon/history.h"
#include "guard/ifaces.h"
#include "guard/modes.h"
#include "guard/netdevs.h"
#include "pinned/state_file.h"
#include "source/file_watch.h"

struct bg_daemon {
	struct bg_daemon_options options;
	const char *unused_programs[BG_PROGRAMS + 1]; /* what options.datapath.without names */
	int lock_fd;
	struct bg_datapath *datapath;
	struct bg_netdevs *netdevs;
	struct bg_ifaces *ifaces;
	struct bg_modes *modes;
	struct bg_file_watch *file_watch; /* NULL with stdin or --once */
	struct bg_state *state;
	struct bg_history history;
	struct bg_model *model;		    /* what is in force, NULL = nothing yet */
	struct bg_model *document;	    /* the accepted one, NULL = that is `model` */
	__u64 settled_hash;		    /* of the decision between the two */
	__u8 content[SHA256_DIGEST_LENGTH]; /* SHA-256 of the document's text */
	int refused;			    /* why the last feed was, 0 = it was accepted */
	bool republish;			    /* modes changed, but that could not be published yet */
};

/* The result of reading the feed: a model, or rc and err. */
struct bg_parsed {
	struct bg_model *model;
	__u8 content[SHA256_DIGEST_LENGTH];
	bool was_read; /* the file, whatever is in it */
	bool same;     /* the content that is in force; it was not parsed */
	int rc;
	struct bg_error err;
	struct bg_problems errors; /* of a document that is refused: all of them */
	double parse_ms;
};

/* start.c. prepare: subscribes to everything, so that no change is missed. */
int bg_daemon_prepare(struct bg_daemon *daemon, struct bg_error *err);
int bg_daemon_start(struct bg_daemon *daemon, struct bg_error *err);

/* follow.c: until a signal ends it. */
int bg_daemon_follow(struct bg_daemon *daemon, int signal_fd, struct bg_error *err);

/* daemon.c: writes the state file if anything in it has changed. */
void bg_daemon_write_state(struct bg_daemon *daemon);

/* revision.c, from here on. */
int bg_daemon_parse(const struct bg_daemon *daemon, struct bg_parsed *parsed);
void bg_parsed_free(struct bg_parsed *parsed);

/*
 * Puts what was read in force, or refuses it; logs either outcome. On failure
 * what was in force stays.
 */
int bg_daemon_accept(struct bg_daemon *daemon, struct bg_parsed *parsed, struct bg_error *err);

/* Parses the feed and accepts it. */
int bg_daemon_read_feed(struct bg_daemon *daemon, struct bg_error *err);

/* The image capacity that this model needs, so that programs are not loaded a second
 * time for it; 0 = not known, take the default. */
__u32 bg_daemon_first_capacity(const struct bg_daemon *daemon, struct bg_model *model);

/* After a change of interfaces: brings the guards in line, and the modes of branches whose
 * pod was replaced. */
int bg_daemon_sync(struct bg_daemon *daemon, struct bg_error *err);

#endif
