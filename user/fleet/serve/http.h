/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* HTTP at a socket that listens, for clients that may be slow, many or hostile. */
#ifndef BG_FLEET_SERVE_HTTP_H
#define BG_FLEET_SERVE_HTTP_H

#include "base/cleanup.h"
#include "base/error.h"
#include "fleet/serve/asker.h"

/* Connections at a time, at one socket; and, by TCP, of one address. */
#define BG_HTTP_CLIENTS 32
#define BG_HTTP_CLIENTS_EACH 8
/* How long one may last, whatever it does. */
#define BG_HTTP_CLIENT_MS 10000
/* A request line with all headers, and what it takes to send an answer. */
#define BG_HTTP_CLIENT_BYTES 16384

struct bg_http;

/* Serves in a thread of its own what `asker`, the caller's, knows. Takes *listen_fd. */
int bg_http_start(int *listen_fd, bool tcp, struct bg_asker *asker, struct bg_http **http,
		  struct bg_error *err);
/* About once a second: ends connections that last too long. */
void bg_http_tick(struct bg_http *http); /* NULL is fine */
/* Connections are cut off. */
void bg_http_stop(struct bg_http *http); /* NULL is fine */
BG_CLEANUP_OF(bg_http_stop, struct bg_http)

#endif
