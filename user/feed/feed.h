/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The feed document → model. Pure: text in, model or error out. */
#ifndef BG_FEED_FEED_H
#define BG_FEED_FEED_H

#include "base/error.h"
#include "feed/model.h"

/* Larger documents are refused before they are read (or parsed). */
#define BG_FEED_MAX_BYTES (256u << 20)

/*
 * Parses and validates. On success *model is the caller's; on failure it is left alone.
 * What is wrong with the document goes into *errors (NULL, or {} and then the caller's), all
 * of it but for what stands behind an error of syntax; and the first of it, with `name` in
 * front, into *err: "feed.json:3:9: /Branches/0/VlanId: ... (and 2 more errors)". Without
 * memory *errors stays as it was.
 */
int bg_feed_parse(const char *name, const char *text, size_t length_bytes, struct bg_model **model,
		  struct bg_problems *errors, struct bg_error *err);

/* The same, and keeps interfaces one by one, for who asks about the other end of a
 * connection; the daemon does without, a feed may have a million of them. */
int bg_feed_parse_all(const char *name, const char *text, size_t length_bytes,
		      struct bg_model **model, struct bg_problems *errors, struct bg_error *err);

/* Adds what `check` warns of beyond validation to model->warnings: rules that
 * can never match, shadowed CIDRs, groups without members, pods that cannot
 * reach DNS or be probed. Returns 0 or -ENOMEM. */
int bg_feed_lint(struct bg_model *model);

#endif
