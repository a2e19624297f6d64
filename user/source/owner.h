/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opens a file that nobody but root and the user who reads it can have changed. */
#ifndef BG_SOURCE_OWNER_H
#define BG_SOURCE_OWNER_H

#include "base/error.h"

/*
 * The way there is walked part by part, through symbolic links, and what is opened is what
 * was looked at. Each directory, link and the file must be root's or this user's, and no
 * other may write them; in a directory like /tmp (sticky) others may make things, but not
 * replace ours, and through a mount that is read-only nobody writes (the volume of a
 * ConfigMap). The descriptor, which does not block, or -EPERM
 * with what is wrong, where.
 */
int bg_open_owned(const char *path, struct bg_error *err);

#endif
