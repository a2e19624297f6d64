/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A start on what a build of another ABI has pinned. */
#ifndef BG_DAEMON_UPGRADE_H
#define BG_DAEMON_UPGRADE_H

#include "daemon/running.h"

/* The new maps, complete and with a policy, are pinned in the place of the others. Does
 * nothing where the ABI is ours. */
int bg_upgrade_place_maps(struct bg_daemon *daemon, struct bg_error *err);

/* Once, when no program of the other build is attached any more. */
void bg_upgrade_finish(struct bg_daemon *daemon);

/* Without a revision in the new maps nothing would pass: the others stay in force. */
bool bg_upgrade_needs_feed(const struct bg_daemon *daemon);
void bg_upgrade_put_off(struct bg_daemon *daemon);

/* Until the start should be tried again; 1: the daemon shall end. */
int bg_upgrade_wait(const struct bg_daemon *daemon, int signal_fd);

#endif
