/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds out when the feed may have changed. The directory is watched, not the
 * file: a file that is replaced by a rename, or by the symlink swap of a mounted
 * ConfigMap (`..data`), is a new inode each time. Events come by a descriptor that never
 * keeps anybody waiting; to look at a path may, and is for another process (apart/files.h).
 */
#ifndef BG_SOURCE_FILE_WATCH_H
#define BG_SOURCE_FILE_WATCH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/error.h"

/* The descriptor by which events come; nothing is watched yet. */
int bg_file_watch_open(struct bg_error *err);

/* Reads all pending events. true: something happened in the directory. */
bool bg_file_watch_read(int watch_fd);

/* A file as it was when it was looked at; all 0: it was not there. */
struct bg_file_stamp {
	bool present;
	dev_t device;
	ino_t inode;
	off_t size_bytes;
	struct timespec changed, modified;
};

/*
 * Looks at the file, so that a change without an event (behind a symlink into another
 * directory) is found, and an event about another file costs nothing. Also watches the
 * directory, which may be another one than at the last time. -ENOENT: there is none.
 */
int bg_file_look(int watch_fd, const char *path, struct bg_file_stamp *stamp, struct bg_error *err);
bool bg_file_is_same(const struct bg_file_stamp *a, const struct bg_file_stamp *b);

#endif
