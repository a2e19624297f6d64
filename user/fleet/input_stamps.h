/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files and directories that are read look like: have they changed since? */
#ifndef BG_FLEET_INPUT_STAMPS_H
#define BG_FLEET_INPUT_STAMPS_H

#include "base/error.h"
#include "source/file_watch.h"

struct bg_input_stamp {
	char *path;
	struct bg_file_stamp stamp; /* of a directory only which one it is */
	bool is_answer;		    /* a file that somebody refreshes */
};

/* {} at first. */
struct bg_input_stamps {
	struct bg_input_stamp *stamp; /* sorted by path */
	size_t count;
};

/*
 * Looks at every file that is read of `paths` (inputs.h) and at the file `settings_path` (NULL:
 * none), and has the folders in which they stand watched. What cannot be watched is looked at
 * all the same, and *unwatched says why. 0 or -ENOMEM.
 */
int bg_input_stamps_look(struct bg_input_stamps *stamps, int watch_fd, char *const *paths,
			 size_t count, const char *settings_path, struct bg_error *unwatched,
			 struct bg_error *err);
bool bg_input_stamps_same(const struct bg_input_stamps *a, const struct bg_input_stamps *b);
/* The answer that was written first; NULL: there is none. */
const struct bg_input_stamp *bg_input_stamps_oldest(const struct bg_input_stamps *stamps);
void bg_input_stamps_release(struct bg_input_stamps *stamps);

#endif
