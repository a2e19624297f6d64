/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The running daemon: what the files of this room share. */
#ifndef BG_DAEMON_RUNNING_H
#define BG_DAEMON_RUNNING_H

#include "apart/files.h"
#include "compile/compile.h"
#include "daemon/daemon.h"
#include "daemon/history.h"
#include "daemon/holding.h"
#include "daemon/metrics_out.h"
#include "daemon/parsed.h"
#include "daemon/reload.h"
#include "daemon/state_out.h"
#include "guard/ifaces.h"
#include "guard/modes.h"
#include "guard/netdevs.h"
#include "pinned/share.h"
#include "pinned/state_file.h"

struct bg_daemon {
	struct bg_daemon_options options;
	const char *unused_programs[BG_PROGRAMS + 1]; /* what options.datapath.without names */
	int lock_fd;
	int claim_fd; /* of the network namespace, -1 = it could not be claimed */
	gid_t group;  /* of options.group, or BG_NO_GROUP */
	struct bg_datapath *datapath;
	struct bg_netdevs *netdevs;
	struct bg_ifaces *ifaces;
	struct bg_modes *modes;
	int watch_fd; /* events of the feed's directory, -1 with --once */
	struct bg_files feed_file;
	struct bg_metrics_out metrics;
	struct bg_state *state;
	struct bg_history history;
	struct bg_holding holding;
	struct bg_state_out state_out;
	struct bg_model *model;		    /* what is in force, NULL = nothing yet */
	struct bg_model *before;	    /* what the daemon before had in force, until then */
	struct bg_model *document;	    /* the accepted one, NULL = that is `model` */
	__u64 settled_hash;		    /* of the decision between the two */
	__u8 content[SHA256_DIGEST_LENGTH]; /* SHA-256 of the document's text */
	struct bg_reload reload;
	int refused;	/* why the last feed was, 0 = it was accepted */
	bool upgraded;	/* nothing of an earlier build is left */
	bool put_off;	/* a build of another ABI stays, for want of a feed */
	bool republish; /* modes changed, but that could not be published yet */
};

/* start.c. prepare: subscribes to everything, so that no change is missed. */
int bg_daemon_prepare(struct bg_daemon *daemon, struct bg_error *err);
/* -EINTR: a signal to end came first, which is still to be read. BG_START_LATER: a build of
 * another ABI stays in force until there is a feed. */
#define BG_START_LATER 1
int bg_daemon_start(struct bg_daemon *daemon, int end_fd, struct bg_error *err);

/* follow.c: until a signal ends it. */
int bg_daemon_follow(struct bg_daemon *daemon, int signal_fd, struct bg_error *err);

/* state.c: writes the state file if anything in it has changed. */
void bg_daemon_write_state(struct bg_daemon *daemon);

/* revision.c, from here on. */

/*
 * What was read is refused, or nothing new, and then that is the outcome, *rc; else false,
 * *settled is what it puts in force, and *compiled what is to be made of that.
 */
bool bg_daemon_judge(struct bg_daemon *daemon, struct bg_parsed *parsed, struct bg_settled *settled,
		     struct bg_compiled *compiled, int *rc, struct bg_error *err);

/*
 * Puts what was compiled of it in force, or refuses it; logs either outcome. On failure
 * what was in force stays.
 */
int bg_daemon_accept(struct bg_daemon *daemon, struct bg_parsed *parsed, struct bg_settled *settled,
		     struct bg_compiled *compiled, struct bg_error *err);

/* When the feed is refused at the start: puts in force what was, by its document. 0, also if
 * there is none. */
int bg_daemon_take_up(struct bg_daemon *daemon, struct bg_parsed *document, struct bg_error *err);

/* The feed could not even be read; what was in force stays. */
void bg_daemon_refuse(struct bg_daemon *daemon, const struct bg_problems *errors, int rc,
		      const struct bg_error *err);

/* The same for the document in force, of which something else is to be made since the
 * interfaces are others. 1: it is, and *compiled; 0: it is not. */
int bg_daemon_judge_again(struct bg_daemon *daemon, struct bg_settled *settled,
			  struct bg_compiled *compiled, enum bg_revision_cause *cause,
			  struct bg_error *err);
int bg_daemon_accept_again(struct bg_daemon *daemon, struct bg_settled *settled,
			   struct bg_compiled *compiled, enum bg_revision_cause cause,
			   struct bg_error *err);

/* The image capacity that this model needs, so that programs are not loaded a second
 * time for it; 0 = not known, take the default. */
__u32 bg_daemon_first_capacity(const struct bg_daemon *daemon, struct bg_model *model);

/* sync.c. After a change of interfaces: brings the guards in line. When something else is to be in
 * force, by claims or by modes, that comes first, and this is called again when it is. */
int bg_daemon_sync(struct bg_daemon *daemon, struct bg_error *err);
/* The guards alone, with the modes that are in force. */
int bg_daemon_sync_guards(struct bg_daemon *daemon, struct bg_error *err);

#endif
