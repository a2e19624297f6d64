/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why a path cannot be opened, by the modes and owners on the way to it. */
#ifndef BG_BASE_ACCESS_H
#define BG_BASE_ACCESS_H

#define BG_ACCESS_TEXT 320

/*
 * For who was refused with EACCES or EPERM at `path`, which need not exist: the first part
 * of it that this process may not enter, or not open for `how` (R_OK, W_OK), as in ": user
 * 998 may not enter /sys/fs/bpf (mode 0700 of user 0, group 0)". "" when none is found.
 */
const char *bg_access_why(const char *path, int how, char text[BG_ACCESS_TEXT]);

#endif
