/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who listens for events by the daemon's socket. While nobody does, the ring is closed
 * and the datapath writes no events. All listeners see the same events, each those that
 * it wants; who reads slowly loses some, and is told how many.
 */
#ifndef BG_DAEMON_LISTENERS_H
#define BG_DAEMON_LISTENERS_H

#include "base/cleanup.h"
#include "socket/server.h"
#include "types.h"

struct bg_listeners;

/* `pin_dir` is the caller's. NULL when out of memory. */
struct bg_listeners *bg_listeners_new(const char *pin_dir);
void bg_listeners_free(struct bg_listeners *listeners); /* after the socket is closed */

/* Called by the socket's methods. -EBUSY: another process reads the ring. */
int bg_listeners_add(struct bg_listeners *listeners, struct bg_socket *socket,
		     struct bg_socket_client *client, const json_t *request, struct bg_error *err);
void bg_listeners_remove(struct bg_listeners *listeners, struct bg_socket_client *client);

/* The ring has events. */
void bg_listeners_read(struct bg_listeners *listeners);

/* About once a second: asks the datapath for more events, if anybody listens. */
void bg_listeners_tick(struct bg_listeners *listeners);

struct bg_listener_counts {
	unsigned int listeners;
	__u64 lost; /* events that a listener did not get since it read too slowly */
};
struct bg_listener_counts bg_listeners_count(const struct bg_listeners *listeners);

#endif
