/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who else may look. With a group, its members can read the maps (0640, by their names in
 * directories of 0710), the state file and the daemon's socket: what `status`, `rules`, `flows`, `health`
 * and `monitor` show, and nothing that changes it. Never links and programs, by whose
 * descriptors one can change what is attached, nor the map `seed`, which is a secret.
 *
 * The directory PIN_DIR says so itself: the group's if it is shared, else 0700.
 */
#ifndef BG_PINNED_SHARE_H
#define BG_PINNED_SHARE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

#define BG_NO_GROUP ((gid_t) - 1)

/*
 * A group by its name or number. This process becomes a member, if it is not: its owner may
 * give a file to a group of his own without a capability. -ENOENT, -EPERM.
 */
int bg_share_group(const char *name, gid_t *group, struct bg_error *err);

/* Makes PIN_DIR and what is in it shared with the group, or with nobody (BG_NO_GROUP). What
 * is pinned later is so from the beginning. */
int bg_share_pins(const char *pin_dir, gid_t group, struct bg_error *err);

#endif
