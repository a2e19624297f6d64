/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The result of reading the feed: a model, or rc and err. */
#ifndef BG_DAEMON_PARSED_H
#define BG_DAEMON_PARSED_H

#include <sha2.h>
#include <stdbool.h>

#include "base/error.h"
#include "feed/model.h"

struct bg_parsed {
	struct bg_model *model;
	char *text; /* that it was read from */
	size_t text_bytes;
	__u8 content[SHA256_DIGEST_LENGTH];
	bool is_same_file; /* as it was looked at last: it was not even read */
	bool was_read;	   /* the file, whatever is in it */
	bool same;	   /* the content that is in force; it was not parsed */
	int rc;
	struct bg_error err;
	struct bg_problems errors; /* of a document that is refused: all of them */
	double parse_ms;
};

struct bg_daemon;

/* Reads and parses; changes nothing of the daemon but feed_file and reload.look, which are
 * the thread's meanwhile. */
int bg_daemon_parse(struct bg_daemon *daemon, struct bg_parsed *parsed);
void bg_parsed_free(struct bg_parsed *parsed); /* what it holds; {} is fine */

/* In the parser's process, at the start; fills in model, errors and err. -EINTR: a signal came
 * before it was done. `name` lasts. */
int bg_daemon_parse_text(const char *name, const char *text, size_t length_bytes, int signal_fd,
			 struct bg_parsed *parsed);
void bg_daemon_hash(const char *text, size_t length_bytes, __u8 content[SHA256_DIGEST_LENGTH]);

#endif
