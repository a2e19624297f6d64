/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Small files, read whole and replaced whole. */
#ifndef BG_CNI_SMALL_FILE_H
#define BG_CNI_SMALL_FILE_H

#include <sys/types.h>

#include "base/error.h"
#include "feed/json.h"

/* All that comes; -E2BIG: it is more than that. *bytes is the caller's to free. */
int bg_read_all(int fd, size_t most_bytes, char **bytes, size_t *length);

/* -ENOENT: there is none. */
int bg_small_file_read(const char *path, size_t most_bytes, struct bg_text *text,
		       struct bg_error *err);

/* By a file beside it, PATH.new, and one rename: whoever opens it finds the old or the new. */
int bg_small_file_replace(const char *path, struct bg_text text, mode_t mode, struct bg_error *err);

#endif
