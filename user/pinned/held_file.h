/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files of the state in force (feed/held.h), beside the state file, for the daemon that
 * comes next: the accepted documents, in two slots by turns, and what is held beside them.
 * They are this user's alone (0600), replaced by a rename, and no link is followed.
 */
#ifndef BG_PINNED_HELD_FILE_H
#define BG_PINNED_HELD_FILE_H

#include <stddef.h>

#include "base/error.h"

enum bg_held_file { BG_HELD_TEXT_0, BG_HELD_TEXT_1, BG_HELD_STATE, BG_HELD_FILES };

int bg_held_file_write(const char *pin_dir, enum bg_held_file which, const char *text,
		       size_t length_bytes, struct bg_error *err);
/* -ENOENT: there is none. Refuses what somebody else may have written. *text is the
 * caller's. */
int bg_held_file_read(const char *pin_dir, enum bg_held_file which, size_t most_bytes, char **text,
		      size_t *length_bytes, struct bg_error *err);
void bg_held_files_remove(const char *pin_dir);

#endif
