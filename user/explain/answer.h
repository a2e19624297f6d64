/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The whole answer to a question about one branch: its verdict, that of the other end where
 * the feed knows it, and the rule that is missing; as text and as JSON. */
#ifndef BG_EXPLAIN_ANSWER_H
#define BG_EXPLAIN_ANSWER_H

#include <jansson.h>

#include "explain/ends.h"
#include "explain/query.h"

struct bg_explained {
	struct bg_side here;  /* the branch that was asked about */
	struct bg_side there; /* the other end; it need not be judged */
	bool allowed;	      /* by both */
	bool after_dnat;      /* the remote is a service: what is judged is its endpoint */
};

/* Sets question->local as bg_explain() does. */
int bg_explain_ends(struct bg_explainer *explainer, struct bg_ends *ends,
		    struct bg_question *question, struct bg_explained *explained,
		    struct bg_error *err);

/* NULL: as expected, or nothing was; else what was found, "deny: no-rule, tcp ..."; `text` holds
 * BG_SURPRISE_TEXT bytes. */
#define BG_SURPRISE_TEXT 512
const char *bg_explained_surprise(const struct bg_explained *explained, enum bg_expected expected,
				  char *text);

/* "a rule of the branch's groups allows it", in words that fit an interface elsewhere too. */
const char *bg_side_meaning(const struct bg_side *side);

/* Two lines, indented. */
void bg_missing_print(const struct bg_missing *missing, int indent);

/* {"Verdict","Reason","GroupId","RuleId"}; the ids are null when no rule decided. All
 * of JSON here is NULL when out of memory. */
json_t *bg_answer_json(const struct bg_explainer *judge, const struct bg_answer *answer);

/* These four of the branch that was asked, then, where there is something to say,
 * "Missing", "OtherEnd" with the same keys, "Overall" and "AfterDnat". */
json_t *bg_explained_json(const struct bg_ends *ends, const struct bg_explained *explained);

/* `json` with the keys of `more`, which it takes over; either may be NULL, then it is. */
json_t *bg_json_join(json_t *json, json_t *more);

/* The single answer in full. */
void bg_explained_print(const struct bg_ends *ends, const struct bg_explained *explained);
json_t *bg_explained_json_full(const struct bg_ends *ends, const struct bg_explained *explained);

#endif
