// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names the files of the state in force, and removes them for unload; what is in them is
 * feed/held.c's.
 */
#include "pinned/held_file.h"

#include <unistd.h>

#include "pinned/state_dir.h"

const char *bg_held_text_kind(unsigned int slot)
{
	return slot ? ".feed1" : ".feed0";
}

void bg_held_files_remove(const char *pin_dir)
{
	const char *const kinds[] = { BG_HELD_KIND, bg_held_text_kind(0), bg_held_text_kind(1) };
	char path[BG_STATE_PATH_BYTES];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bg_state_file_path(pin_dir, kinds[i], path);
		unlink(path);
	}
}
