/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests over HTTP, many at a time, in one thread: whole answers of a bounded size, and
 * streams that come line by line. TLS, HTTP/2 and gzip are libcurl's. Nothing is tried again
 * here (backoff.h helps), no redirect is followed, and no token gets into a message.
 *
 *	struct bg_web_identity identity = { .ca_file = "ca.crt", .token_file = "token" };
 *	bg_web_open(&identity, &web, err);
 *	bg_loop_watch(&loop, bg_web_fd(web), "http", step, err);	// step: bg_web_step(web)
 *	bg_web_start(web, &(struct bg_web_request){ .url = ..., .ended = ... }, NULL, err);
 */
#ifndef BG_WEB_WEB_H
#define BG_WEB_WEB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

struct bg_web;
struct bg_web_transfer;

/* Files are read anew for what begins later, so they may be replaced. NULL: none (ca_file: the
 * CAs that this system trusts). */
struct bg_web_identity {
	const char *ca_file;
	const char *certificate_file, *key_file; /* of the client, PEM */
	const char *token_file;			 /* goes along as a bearer token, with https only */
};

struct bg_web_answer {
	long status; /* 200 and so on; 0: there was none */
	/* terminated; empty for what went to `line` */
	const char *body;
	size_t length_bytes;
	const char *etag;      /* NULL: none */
	double retry_after_ms; /* what the server asks for; 0: nothing */
};

/* By AWS's version 4. */
struct bg_web_signature {
	const char *region, *service;
	const char *key_id, *secret;
	const char *session; /* NULL: none */
};

#define BG_WEB_FORM "application/x-www-form-urlencoded"

struct bg_web_request {
	const char *url; /* https:// or http:// */
	/* NULL, or: */
	const char *post;			  /* this body, as JSON, instead of GET */
	const char *method;			  /* PUT, DELETE: instead of GET or POST */
	const char *post_type;			  /* which is not JSON but this */
	const struct bg_web_signature *signature; /* by which it is signed */
	const char *etag;			  /* 304 if it is still this one */
	const char *const *headers;		  /* further ones, "Name: value", up to a NULL */
	/* Of a whole body, or of one line of a stream, both without gzip; 0: 16 MiB. */
	size_t most_bytes;
	/* A whole answer is there by then, a stream has ended; 0: 60 s, or never for a stream. */
	int limit_ms;
	/* So long without a byte, and some seconds more, is a hang; 0: 15 s, or never for a
	 * stream. The other end's kernel is asked all the time whether it is still there. */
	int silence_s;
	bool anew; /* by another connection than those that there are: they may hang */
	/* NULL, or: an answer with status 200 has begun. It starts and cancels nothing, neither. */
	void (*opened)(void *context);
	/*
	 * NULL, or: of an answer with status 200 each line is handed on when it is there, without
	 * its newline. It neither starts nor cancels anything. Other than 0 ends the
	 * transfer with that and *err.
	 */
	int (*line)(void *context, const char *line, size_t length_bytes, struct bg_error *err);
	/*
	 * Once, by bg_web_step(): the answer, whatever its status (bg_web_refused() has words
	 * for it), or rc below 0 and in *err why there is none, or not a whole one. What is borrowed
	 * ends with it; it may start and cancel others.
	 */
	void (*ended)(void *context, const struct bg_web_answer *answer, int rc,
		      const struct bg_error *err);
	void *context;
};

int bg_web_open(const struct bg_web_identity *identity, struct bg_web **web, struct bg_error *err);
/* What runs is cancelled. */
void bg_web_close(struct bg_web *web);
BG_CLEANUP_OF(bg_web_close, struct bg_web)

/* Can be read when bg_web_step() has something to do. */
int bg_web_fd(const struct bg_web *web);
void bg_web_step(struct bg_web *web);

/* All of the request is copied. *transfer (may be NULL) is valid until `ended` is called. Fails
 * when it cannot even begin: the token cannot be read, the URL is none. */
int bg_web_start(struct bg_web *web, const struct bg_web_request *request,
		 struct bg_web_transfer **transfer, struct bg_error *err);
/* `ended` is not called. */
void bg_web_cancel(struct bg_web_transfer *transfer);

#endif
