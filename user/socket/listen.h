/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A listening unix socket, in a directory where nobody else can put one in its place. */
#ifndef BG_SOCKET_LISTEN_H
#define BG_SOCKET_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* What stands at the path. */
struct bg_listening {
	dev_t device;
	ino_t inode;
};

/* A socket that nobody can find yet; or a negative errno. It touches no file system. */
int bg_listen_socket(struct bg_error *err);

/*
 * Puts it in place of one that a daemon left there; anything else that stands there stays,
 * and is an error. The directory is made if it is not there. It must be ours or root's,
 * and nobody else's to write to. Who belongs to the group (-1: the directory's) may
 * connect, if `mode` is 0660.
 */
int bg_listen_at(const char *path, gid_t group, mode_t mode, int fd, struct bg_listening *listening,
		 struct bg_error *err);

/* Is it still what stands there? */
bool bg_listen_is_there(const char *path, const struct bg_listening *listening);

/* Takes it away again, if it still is what stands there. */
void bg_listen_end(const char *path, const struct bg_listening *listening);

/* For the owner and its group. */
#define BG_LISTEN_MODE 0660

/* Connections that wait until they are accepted. */
#define BG_LISTEN_BACKLOG 32

#endif
