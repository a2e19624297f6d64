/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files of the state in force (feed/held.h), beside the state file, for the daemon that
 * comes next: the accepted documents, in two slots by turns, and what is held beside them.
 */
#ifndef BG_PINNED_HELD_FILE_H
#define BG_PINNED_HELD_FILE_H

/* As kinds of bg_state_file_path(). */
#define BG_HELD_KIND ".held"
const char *bg_held_text_kind(unsigned int slot);

void bg_held_files_remove(const char *pin_dir);

#endif
