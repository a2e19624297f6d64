/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Messages between two processes that a descriptor may come with (unix(7), SCM_RIGHTS), by
 * sockets that keep messages apart.
 */
#ifndef BG_BASE_PASSING_H
#define BG_BASE_PASSING_H

#include <stddef.h>

/* One message; with it goes a copy of fd, unless that is -1. 0 or a negative errno. */
int bg_pass(int socket_fd, const void *bytes, size_t length_bytes, int fd);

/*
 * Waits for one message of that length. *fd is what came with it, for the caller to close,
 * -1 if nothing did. 0 or a negative errno; -EPROTO: its length is another, or something else
 * came with it. What came is closed then: whoever sends cannot fill the table of descriptors.
 */
int bg_take_passed(int socket_fd, void *bytes, size_t length_bytes, int *fd);

#endif
