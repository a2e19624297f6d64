/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Asking the daemon by its socket; server.h has the protocol. */
#ifndef BG_SOCKET_CLIENT_H
#define BG_SOCKET_CLIENT_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"

struct bg_client;

/*
 * Connects and asks: one line of JSON, without its newline. -ENOENT: no daemon listens
 * there; -EACCES: only its group may; -ETIMEDOUT: it does not answer.
 */
int bg_client_open(const char *path, const char *request, struct bg_client **client,
		   struct bg_error *err);
/* The same without a process beside this one: for a thread that may wait for the directory. */
int bg_client_open_here(const char *path, const char *request, struct bg_client **client,
			struct bg_error *err);
void bg_client_close(struct bg_client *client); /* NULL is fine */
BG_CLEANUP_OF(bg_client_close, struct bg_client)

/*
 * The next line, without its newline, until the next call. 1: there it is; 0: none came
 * within this time, or a signal did; -EPIPE: the daemon has ended, or this connection.
 */
int bg_client_line(struct bg_client *client, int wait_ms, char **line, struct bg_error *err);

/* Is a line there already? Then bg_client_line() does not wait. */
bool bg_client_has_line(const struct bg_client *client);

#endif
