/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The daemon's unix socket. The protocol, for who asks:
 *
 *	connect, SOCK_STREAM; write one line, a JSON object: {"method":"NAME", ...};
 *	read lines, each a JSON object, until the end.
 *
 * What cannot be answered is {"error":"TEXT","busy":BOOL}, and the end; it may be worth
 * trying again if that is true. One request a connection;
 * keys that a method does not know are ignored. Writing may be shut down after the
 * request. Methods are the daemon's (daemon/answers.h lists them).
 *
 * Nobody who connects can hold up or fill the daemon: requests are short and have
 * seconds to come, answers wait in a buffer that does not grow, nothing ever waits for a
 * client, and there are so many places and no more, the last few of them for root.
 */
#ifndef BG_SOCKET_SERVER_H
#define BG_SOCKET_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/error.h"

#define BG_SOCKET_CLIENTS 16
#define BG_SOCKET_ROOT_CLIENTS 4 /* of these */

struct bg_socket;
struct bg_socket_client;

struct bg_socket_method {
	const char *name;
	/* 0: all is said, the connection ends when it was read; 1: more will be said;
	 * a negative errno: *err is the answer. The request is the caller's. */
	int (*ask)(struct bg_socket_client *client, const json_t *request, void *context,
		   struct bg_error *err);
	/* Of a client to whom more would be said: it is gone. NULL where none is. */
	void (*gone)(struct bg_socket_client *client, void *context);
};

/*
 * Serves who connects to *listen_fd, which was put in its place (listen.h) and is taken.
 * `methods` ends with a name that is NULL; their context may be any.
 */
int bg_socket_open(int *listen_fd, const struct bg_socket_method *methods, void *context,
		   struct bg_socket **socket, struct bg_error *err);
void bg_socket_close(struct bg_socket *socket); /* NULL is fine */
BG_CLEANUP_OF(bg_socket_close, struct bg_socket)

/* Can be read when there is something to do; then bg_socket_serve() does some of it. */
int bg_socket_fd(const struct bg_socket *socket);
void bg_socket_serve(struct bg_socket *socket);

/* About once a second: ends clients that ask nothing, or that do not read an answer. */
void bg_socket_tick(struct bg_socket *socket);

/* One descriptor, and no second one, beside those of the clients: `run` is called while it
 * can be read. */
int bg_socket_watch(struct bg_socket *socket, int fd, void (*run)(void *context), void *context,
		    struct bg_error *err);
void bg_socket_unwatch(struct bg_socket *socket); /* before it is closed */

/* A line, without its newline. -ENOBUFS: the client has not read enough of what was
 * said before; -ENOMEM. */
int bg_socket_say(struct bg_socket_client *client, const char *line, size_t length_bytes);

/* The only line that the client will hear, of any length. */
int bg_socket_say_whole(struct bg_socket_client *client, const char *line, size_t length_bytes);

/* Room for what will be said, and how much it is at most. */
size_t bg_socket_left_bytes(const struct bg_socket_client *client);
size_t bg_socket_room_bytes(const struct bg_socket_client *client);

#endif
