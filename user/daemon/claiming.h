/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The daemon's claim to its network namespace, without waiting for a disk. */
#ifndef BG_DAEMON_CLAIMING_H
#define BG_DAEMON_CLAIMING_H

#include "base/error.h"

/*
 * *claim_fd keeps others from guarding this network namespace as long as it is open. -EBUSY:
 * another one does. 0 with -1 where that cannot be known, or not in time, or `stop_fd` can be
 * read: that /run cannot be written is no reason to leave a node unguarded.
 */
int bg_daemon_claim(int stop_fd, int *claim_fd, struct bg_error *err);

#endif
