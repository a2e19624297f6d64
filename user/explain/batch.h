/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions, one JSON object on each line, and an answer to each, in the same order. */
#ifndef BG_EXPLAIN_BATCH_H
#define BG_EXPLAIN_BATCH_H

#include "explain/answer.h"

struct bg_batch {
	/* of questions about one branch, the programs for both directions */
	struct bg_explainer *explainer;
	struct bg_ends *ends;
	/* of questions with From and To, as struct bg_path has them; model NULL: there are
	 * none, `why` */
	struct bg_model *model;
	const char *pin_dir, *why;
	enum bg_expected expected; /* where a line does not say */
	int fd;			   /* that the questions come from */
};

struct bg_batch_count {
	size_t bad;	  /* without an answer */
	size_t surprises; /* with another one than was expected */
};

/*
 * Reads questions to the end of the file and answers on stdout, flushed before it waits
 * for more. Empty lines are skipped. A line that cannot be answered gets
 * {"Error", "Line"} instead; one whose answer is not the expected one gets a line on
 * stderr too.
 */
int bg_explain_batch(const struct bg_batch *batch, struct bg_batch_count *count,
		     struct bg_error *err);

#endif
