/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions, one JSON object on each line, and an answer to each, in the same order. */
#ifndef BG_EXPLAIN_BATCH_H
#define BG_EXPLAIN_BATCH_H

#include "explain/answer.h"

struct bg_batch_count {
	size_t bad;	  /* without an answer */
	size_t surprises; /* with another one than was expected */
};

/*
 * Reads questions from `fd` to its end and answers on stdout, flushed before it waits
 * for more. Empty lines are skipped. A line that cannot be answered gets
 * {"Error", "Line"} instead; one whose answer is not the expected one (its own "Expect",
 * or else `expected`) gets a line on stderr too.
 */
int bg_explain_batch(struct bg_explainer *explainer, struct bg_ends *ends, int fd,
		     enum bg_expected expected, struct bg_batch_count *count, struct bg_error *err);

#endif
