/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files of the daemon's state, which lie where a disk may be slow or not answer: a
 * process of its own reads and writes them (apart/files.h), and a thread waits for that.
 * Each is replaced as a whole; those of the state in force in their order, so that a daemon
 * that comes next finds one state or the other, whenever this one ends.
 */
#ifndef BG_DAEMON_STATE_OUT_H
#define BG_DAEMON_STATE_OUT_H

#include "apart/files.h"
#include "base/work.h"
#include "pinned/state_file.h"

struct bg_daemon;

struct bg_state_file {
	const char *kind; /* pinned/state_file.h */
	char *text;	  /* NULL: it is not to be written */
	size_t length_bytes;
};

/* The daemon's socket lies beside the files, and is put there by the same process. */
struct bg_socket_out {
	enum { BG_SOCKET_NOWHERE, BG_SOCKET_WANTED, BG_SOCKET_PLACED } stage;
	int fd;			/* to be placed, or to be taken by who serves it; else -1 */
	struct bg_listening at; /* where it is placed */
	bool ends;		/* it is to be taken away again */
	int rc;			/* why it is nowhere, 0 = somebody took it away */
	struct bg_error err;
};

struct bg_state_out {
	struct bg_work work;
	struct bg_files files;
	char path[BG_STATE_PATH_BYTES];
	bool complained;
	double find_due_ms; /* when it is looked next whether the file is still there */
	/* The thread's while it is busy; it writes `state`, `text` and `held`, those that there
	 * are, or looks or reads: */
	struct bg_state_file state, text, held;
	bool reads, finds;
	bool finds_socket, socket_is_gone;
	bool places, removes;
	size_t most_bytes;
	gid_t group; /* whom `state` is for */
	int rc, held_rc;
	struct bg_error err;
	struct bg_socket_out socket;
};

int bg_state_out_open(struct bg_daemon *daemon, struct bg_error *err);
void bg_state_out_close(struct bg_daemon *daemon);

/* Has written what has changed, now or when what is under way is done. */
void bg_state_out_put(struct bg_daemon *daemon);
/* Has a socket put in its place: socket.stage says what has come of it. */
void bg_state_out_listen(struct bg_daemon *daemon);
/* It could not be served: a new one must take its place. */
void bg_state_out_unplace(struct bg_daemon *daemon);
/* The loop calls it when the thread is done. */
void bg_state_out_done(struct bg_daemon *daemon);
/* At the end: what has changed is waited for until then, CLOCK_MONOTONIC. */
void bg_state_out_last(struct bg_daemon *daemon, double end_ms);

/*
 * At the start: reads one of the files whole. -ENOENT: there is none; -EAGAIN: it cannot be
 * had in time, or a signal came. Refuses what somebody else may have written. *text is the
 * caller's, and has a 0 behind it.
 */
int bg_state_out_read(struct bg_daemon *daemon, const char *kind, size_t most_bytes, int signal_fd,
		      char **text, size_t *length_bytes, struct bg_error *err);

#endif
