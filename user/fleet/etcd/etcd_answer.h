/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What etcd says by its JSON gateway: ranges of keys, and the lines of a watch. Pure. */
#ifndef BG_ETCD_ETCD_ANSWER_H
#define BG_ETCD_ETCD_ANSWER_H

#include <stdbool.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "fleet/web/web.h"

struct bg_etcd_said {
	json_t *all;
	const json_t *items; /* pairs of a range, or events; borrowed from `all`; NULL: none */
	unsigned long long cluster, revision; /* of the header; 0: it does not say */
	bool more;    /* a range has more keys, or an event's line goes on */
	bool created; /* the watch has begun */
};

/*
 * Errors of these: -ESTALE, what is asked for has been compacted; -EKEYREJECTED, the token is not
 * known (any more); -EACCES, who asks may not; -EAGAIN, the server cannot now; -EPROTO, it is no
 * such answer.
 */
int bg_etcd_read_range(const char *text, size_t length_bytes, struct bg_etcd_said *said,
		       struct bg_error *err);
int bg_etcd_read_line(const char *line, size_t length_bytes, struct bg_etcd_said *said,
		      struct bg_error *err);
void bg_etcd_release(struct bg_etcd_said *said);
BG_CLEANUP_OF(bg_etcd_release, struct bg_etcd_said)

struct bg_etcd_pair {
	char *key;   /* the caller's */
	char *value; /* the caller's; NULL: the key is gone */
	size_t value_bytes;
	unsigned long long revision; /* of its last change */
};

/* An element of `items`: of a range, or an event. */
int bg_etcd_read_pair(const json_t *item, struct bg_etcd_pair *pair, struct bg_error *err);
void bg_etcd_release_pair(struct bg_etcd_pair *pair);
BG_CLEANUP_OF(bg_etcd_release_pair, struct bg_etcd_pair)

/* The token of an answer to authenticate; the caller's, for bg_token_free(). */
int bg_etcd_read_token(const char *text, size_t length_bytes, char **token, struct bg_error *err);
/* The answer says that this etcd asks nobody who he is. */
bool bg_etcd_has_no_users(const struct bg_web_answer *answer);

/* "URL: MESSAGE: what to do", for an answer that is not what was asked for. */
int bg_etcd_refused(const char *url, const struct bg_web_answer *answer, struct bg_error *err);

#endif
