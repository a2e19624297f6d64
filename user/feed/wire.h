/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parser's process answers: a model, or why there is none, as bytes. They are
 * believed no more than a feed is: reading them checks every count, index, number and text
 * that later parts rely on. Both ends are of one build, so the bytes are nobody else's
 * format. Pure.
 */
#ifndef BG_FEED_WIRE_H
#define BG_FEED_WIRE_H

#include <stddef.h>

#include "base/error.h"
#include "feed/model.h"

struct bg_wire_answer {
	int rc;			/* 0, or a negative errno: */
	struct bg_model *model; /* of 0 */
	struct bg_error why;	/* of another one, as bg_feed_parse() gives them */
	struct bg_problems errors;
};

void bg_wire_answer_free(struct bg_wire_answer *answer); /* what it holds */

/* As bytes, for the caller to free. 0, -ENOMEM, or -EINVAL: a model that could not be read. */
int bg_wire_write(const struct bg_wire_answer *answer, unsigned char **bytes, size_t *length_bytes,
		  struct bg_error *err);

/* 0, and what was written; -EPROTO: the bytes are no answer; -ENOMEM. */
int bg_wire_read(const unsigned char *bytes, size_t length_bytes, struct bg_wire_answer *answer,
		 struct bg_error *err);

#endif
