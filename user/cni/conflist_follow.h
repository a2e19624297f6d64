/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Following the conflist of the node's CNI, which rewrites it when it likes. */
#ifndef BG_CNI_CONFLIST_FOLLOW_H
#define BG_CNI_CONFLIST_FOLLOW_H

#include "cni/conflist_file.h"

/*
 * One follows a folder at a time: takes the lock of the one that stands at that path, for as
 * long as *lock_fd is open; keeps what is open there if it is that already. Waits while another
 * one has it, until a signal arrives at `signal_fd` (signalfd), and returns 1 then; with -1 it
 * does not wait: -EBUSY.
 */
int bg_conflist_lock(const struct bg_conflist_file *file, int signal_fd, int *lock_fd,
		     struct bg_error *err);

/*
 * One step after the other, as theirs changes, until a signal arrives at `signal_fd`, and
 * logs what each did. What is written stays. Returns 0 after a signal.
 */
int bg_conflist_follow(const struct bg_conflist_file *file, int signal_fd, struct bg_error *err);

/* One step, said in the log if it is not what the one before said. */
int bg_conflist_step_logged(const struct bg_conflist_file *file, struct bg_error *said);

#endif
