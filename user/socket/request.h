/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a client of the daemon's socket may ask: one line, an object in JSON with the key
 * "method". What comes may be anything. Pure.
 */
#ifndef BG_SOCKET_REQUEST_H
#define BG_SOCKET_REQUEST_H

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

#define BG_REQUEST_BYTES 4096

/* The line as it comes, in pieces; all 0 at first. */
struct bg_request {
	size_t length_bytes;
	char text[BG_REQUEST_BYTES];
};

/* 1: the line is whole, without its newline; 0: more must come; -EINVAL: it is too long,
 * or something stands behind it. */
int bg_request_add(struct bg_request *request, const char *bytes, size_t length_bytes,
		   struct bg_error *err);

/* The whole line: an object that has a method; the caller releases it. NULL: it is none,
 * and *err says why. */
json_t *bg_request_parse(const struct bg_request *request, const char **method,
			 struct bg_error *err);

#endif
