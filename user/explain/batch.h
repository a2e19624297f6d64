/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions, one JSON object on each line, and an answer to each, in the same order. */
#ifndef BG_EXPLAIN_BATCH_H
#define BG_EXPLAIN_BATCH_H

#include <jansson.h>

#include "explain/explain.h"

/* {"Verdict","Reason","GroupId","RuleId"}; the ids are null when no rule decided. NULL
 * when out of memory. */
json_t *bg_answer_json(const struct bg_explainer *explainer, const struct bg_answer *answer);

/*
 * Reads questions from `fd` to its end and answers on stdout, flushed before it waits
 * for more. Empty lines are skipped. A line that cannot be answered gets
 * {"Error", "Line"} instead, and *bad counts it.
 */
int bg_explain_batch(struct bg_explainer *explainer, int fd, size_t *bad, struct bg_error *err);

#endif
