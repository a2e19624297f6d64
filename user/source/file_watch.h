/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds out when the feed may have changed. The directory is watched, not the
 * file: a file that is replaced by a rename, or by the symlink swap of a mounted
 * ConfigMap (`..data`), is a new inode each time.
 */
#ifndef BG_SOURCE_FILE_WATCH_H
#define BG_SOURCE_FILE_WATCH_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

struct bg_file_watch;

/* -ENOENT: the directory of the feed does not exist. The file itself need not. */
int bg_file_watch_open(const char *path, struct bg_file_watch **watch, struct bg_error *err);
void bg_file_watch_close(struct bg_file_watch *watch); /* NULL is fine */
BG_CLEANUP_OF(bg_file_watch_close, struct bg_file_watch)
int bg_file_watch_fd(const struct bg_file_watch *watch);

/* Reads all pending events. true: something happened in the directory. */
bool bg_file_watch_read(struct bg_file_watch *watch);

/*
 * Is the file another one than at the last call? Compares device, inode, size and
 * times, so that events about other files cost nothing, and a change without an
 * event (behind a symlink into another directory) is found by calling this.
 * Also watches the directory again when it was replaced.
 */
bool bg_file_watch_changed(struct bg_file_watch *watch);

#endif
