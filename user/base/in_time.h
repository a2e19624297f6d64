/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What may wait for a file system that does not answer, for the verbs, which must not. It is done
 * by a copy of this process, and waited for only so long: whoever waits for such a file system can
 * often not even be killed, and is left then. (The daemon, which has threads, has apart/files.h.)
 */
#ifndef BG_BASE_IN_TIME_H
#define BG_BASE_IN_TIME_H

#include <stddef.h>

#include "base/error.h"

/* A directory of a few small files has answered by then, also on a machine that is very busy. */
#define BG_IN_TIME_MS 5000

/* In the copy: what it changes in memory, nobody sees; it has no descriptors but those that it
 * opens. Returns 0, with a descriptor for the caller in *fd if there is one, or fails. */
typedef int bg_in_time_fn(void *context, int *fd, struct bg_error *err);

/* What `work` on `path` returned, with its text, and in *fd what it opened (-1: nothing). -ETIMEDOUT:
 * it did not end in time. */
int bg_in_time(const char *path, int limit_ms, bg_in_time_fn *work, void *context, int *fd,
	       struct bg_error *err);

/* In the copy, too: writes what it reads into a file in memory. */
typedef int bg_copy_fn(void *context, int to_fd, struct bg_error *err);

/* The same for a text; *text is the caller's, and ends with a 0 that *length_bytes does not count. */
int bg_read_in_time(const char *path, bg_copy_fn *copy, void *context, char **text,
		    size_t *length_bytes, struct bg_error *err);

#endif
