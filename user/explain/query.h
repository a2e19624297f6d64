/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A question as JSON: of a packet at one branch, or of its whole path. Pure. */
#ifndef BG_EXPLAIN_QUERY_H
#define BG_EXPLAIN_QUERY_H

#include "explain/question.h"

/* What somebody who asks expects to hear. */
enum bg_expected { BG_EXPECT_NOTHING, BG_EXPECT_ALLOW, BG_EXPECT_DENY };

/* "namespace/pod": 63 and 253 bytes at most. */
#define BG_QUERY_END_BYTES 320

struct bg_query {
	struct bg_question question; /* of a path: its service alone */
	bool is_path;
	char from[BG_QUERY_END_BYTES], to[BG_QUERY_END_BYTES];
	enum bg_expected expected;
};

/*
 * One JSON object: {"Branch","Direction","Protocol","Remote","Port"|"IcmpType","IcmpCode",
 * "Local","Expect"}, or with "From" and "To" in the place of Branch, Direction, Remote and
 * Local. Protocol is a name, or a number as string or integer. Keys that are null count as
 * absent, unknown ones are refused. -EINVAL with a text that names the key, what was found
 * and what was expected.
 */
int bg_query_parse(const char *text, size_t length_bytes, struct bg_query *query,
		   struct bg_error *err);

#endif
