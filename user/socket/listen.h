/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A listening unix socket, in a directory where nobody else can put one in its place. */
#ifndef BG_SOCKET_LISTEN_H
#define BG_SOCKET_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct bg_listening {
	int fd;
	char path[108];
	dev_t device; /* of what stands at the path */
	ino_t inode;
};

/*
 * In place of a socket that a daemon left there; anything else that stands there stays,
 * and is an error. The directory is made if it is not there. It must be ours or root's,
 * and nobody else's to write to. Who belongs to the group (-1: the directory's) may
 * connect.
 */
int bg_listen(const char *path, gid_t group, struct bg_listening *listening, struct bg_error *err);

/* Is it still what stands there? */
bool bg_listen_is_there(const struct bg_listening *listening);

/* Takes it away again, if it still is what stands there. */
void bg_listen_end(struct bg_listening *listening);

#endif
