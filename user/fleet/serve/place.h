/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where HTTP is served: listening sockets, by unix path and by TCP address. */
#ifndef BG_FLEET_SERVE_PLACE_H
#define BG_FLEET_SERVE_PLACE_H

#include <sys/types.h>

#include "base/error.h"
#include "socket/listen.h"
#include "types.h"

/* "10.0.1.10:9469", "[::1]:9469"; no names, since one may mean another address tomorrow. */
int bg_place_parse(const char *text, struct bg_addr *addr, __u16 *port, struct bg_error *err);

/* "0660": octal, for the owner to read and write at least, and without more than permissions. */
int bg_mode_parse(const char *text, mode_t *mode, struct bg_error *err);

/* Each a socket that listens, or a negative errno. */
int bg_place_tcp(const char *text, struct bg_error *err);
/* Takes the place of a socket that nobody serves any more, and of nothing else. */
int bg_place_unix(const char *path, mode_t mode, struct bg_listening *listening,
		  struct bg_error *err);

#endif
