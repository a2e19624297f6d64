/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process of our own beside the daemon: this program once more, under another name, with
 * clean memory. It begins with nothing but the descriptors that it is given.
 */
#ifndef BG_APART_CHILD_H
#define BG_APART_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

/* The first descriptor that a child is given; 0 and 1 are /dev/null, 2 is ours. */
#define BG_CHILD_FD 3
#define BG_CHILD_FDS 4 /* at most */

struct bg_child {
	pid_t pid; /* 0 = none */
	int pidfd; /* can be read when it has ended */
};

struct bg_child_start {
	const char *name;     /* argv[0], by which main() knows what to be */
	const char *argument; /* for it, and for who looks at the processes; or NULL */
	int fds[BG_CHILD_FDS];
	size_t fd_count;
	bool keeps_stdin;
};

/* -EAGAIN, -ENOMEM, -EMFILE: for want of what may be there later. */
int bg_child_start(const struct bg_child_start *how, struct bg_child *child, struct bg_error *err);

/* Waits until it has ended, at most so long (-1: however long): 0, and *status as waitpid()
 * has it; -ETIMEDOUT. */
int bg_child_wait(struct bg_child *child, int limit_ms, int *status);

/* It is to end, whatever it does; bg_child_wait() says when it has. */
void bg_child_kill(const struct bg_child *child);

#endif
