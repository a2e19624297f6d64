/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads a feed's text from a file, or what we left in one, without knowing what is in it. */
#ifndef BG_SOURCE_FILE_H
#define BG_SOURCE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"

enum bg_file_kind {
	BG_FILE_ANY,	 /* pipes too, which are read to their end, however long that takes */
	BG_FILE_REGULAR, /* nothing that may keep its reader waiting */
	BG_FILE_OWNED,	 /* nor what another user may have written (owner.h) */
	BG_FILE_OWN,	 /* what we, or root, left there: no link, and nobody else may write it */
};

/*
 * Reads a file (not a directory, not larger than `most_bytes`) whole; "-" is stdin.
 * *text is the caller's, to be freed; it is not terminated. Errors name the file.
 */
int bg_file_read(const char *path, enum bg_file_kind kind, size_t most_bytes, char **text,
		 size_t *length_bytes, struct bg_error *err);

/* The same into another file, from its beginning. */
int bg_file_copy(const char *path, enum bg_file_kind kind, size_t most_bytes, int to_fd,
		 struct bg_error *err);

/* How a file is put in its place. */
struct bg_file_put {
	mode_t mode;
	gid_t group;	      /* (gid_t)-1: that of the process */
	bool makes_directory; /* 0755, if it is not there */
	bool replaces_any;    /* a link, too, which is not followed; else only a file */
};

/* What can be read from `from_fd` takes the place of a file, at once and as a whole. */
int bg_file_replace(const char *path, const struct bg_file_put *put, int from_fd,
		    struct bg_error *err);

/* Makes the directory of a path, for all to look into, if it is not there. */
void bg_file_make_directory(const char *path);

/* What errors call it: the path, or "stdin". */
const char *bg_file_name(const char *path);

#endif
