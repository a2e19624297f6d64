/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where `publish` writes parts to: a directory, or what is asked by a network. Each kind has a
 * file of its own (target_dir.h and so on), and the publisher knows nothing but this.
 */
#ifndef BG_FLEET_TARGET_H
#define BG_FLEET_TARGET_H

#include "fleet/parts/part_set.h"

#define BG_TARGET_HOLDER_TEXT 256

/* What enter() says beside 0 and errors: somebody else writes, and that is as it should be. */
#define BG_TARGET_WAITS 1

struct bg_target_calls;

/* The first member of what a kind keeps. */
struct bg_target {
	const struct bg_target_calls *calls;
	const char *name;

	/* --- set by the target --- */
	int fd;	       /* can be read when step() has something to do; -1: there is none */
	double due_ms; /* by CLOCK_MONOTONIC: step() has something to do then, too; 0: it has not */
	bool changed;  /* it may be worth while to look at it; reset by the publisher */
	bool says_bye; /* close() has something to tell: signals that end us are taken by stop_fd */
	/* Where several may write, one after the other; NULL: it is locked, or nothing is */
	const char *identity;
	bool leads;
	char holder[BG_TARGET_HOLDER_TEXT]; /* who leads, as far as it is known; "" = nobody */

	/* --- set by the publisher --- */
	int stop_fd;  /* can be read: whatever waits gives up; -1: there is none */
	bool doubted; /* the next read() believes nothing that is known; reset by it */
};

struct bg_target_calls {
	/* Before all else: fails when it will never do. Once: the process lives no longer than one
	 * sweep, so it waits until it may write, or fails. */
	int (*begin)(struct bg_target *target, bool once, struct bg_error *err);
	/* Does what is due, and never waits. */
	void (*step)(struct bg_target *target);
	/* 0: it is there, and nobody else writes to it; BG_TARGET_WAITS; or an error. */
	int (*enter)(struct bg_target *target, struct bg_error *err);
	/* Is it as read() or write() left it, and all of it written? */
	bool (*is_ours)(struct bg_target *target);
	/* Something of ours was put there that is no part: it is ours as it is now. */
	void (*settle)(struct bg_target *target);
	/* All its parts that are whole, into *old; of others `bad` is told. */
	int (*read)(struct bg_target *target, struct bg_part_set *old,
		    void (*bad)(const char *text), struct bg_error *err);
	/*
	 * Makes its parts those of `made`; what has the same text as in `old`, which was just
	 * read, is not touched, nor what is no part. Shards come first and nodes last, what is
	 * gone goes at the end. What is done when it fails is done, and is in *written.
	 */
	int (*write)(struct bg_target *target, const struct bg_part_set *old,
		     const struct bg_part_set *made, struct bg_parts_written *written,
		     struct bg_error *err);
	/* Frees it. */
	void (*close)(struct bg_target *target);
};

#endif
