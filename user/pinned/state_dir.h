/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The directory in which the daemon leaves what is for people and for the daemon that comes next:
 * how the files there are called, and reading one for a verb. The disk below may be slow, or not
 * answer: a verb goes there by base/in_time.h only.
 */
#ifndef BG_PINNED_STATE_DIR_H
#define BG_PINNED_STATE_DIR_H

#include <stddef.h>

#include "base/error.h"

/* "/run/branchguard/<hash of the pin directory><kind>"; kind "" is what all of them begin with. */
#define BG_STATE_DIR "/run/branchguard"
#define BG_STATE_PATH_BYTES 64
void bg_state_file_path(const char *pin_dir, const char *kind, char path[BG_STATE_PATH_BYTES]);

/*
 * One that this user, root, or who owns the pins has written, and nobody else may: whole, and to be
 * freed. It ends with a 0 that *length_bytes does not count. -ENOENT: there is none; -ETIMEDOUT:
 * that cannot be known in time.
 */
int bg_state_file_read(const char *pin_dir, const char *kind, size_t most_bytes, char **text,
		       size_t *length_bytes, struct bg_error *err);

#endif
