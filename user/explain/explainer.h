/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of explain share: open.c fills it in, explain.c asks. */
#ifndef BG_EXPLAIN_EXPLAINER_H
#define BG_EXPLAIN_EXPLAINER_H

#include "datapath/datapath.h"
#include "explain/explain.h"

/* An address of a pod, and the branch that it is behind. */
struct bg_explain_pod {
	struct bg_addr address;
	size_t branch; /* index in branches */
};

struct bg_explainer {
	struct bg_datapath *datapath;
	const struct bg_question_words *words;
	unsigned int programs;		    /* set of BG_EXPLAIN_BIT() */
	struct bg_explain_branch *branches; /* by id */
	size_t branch_count;
	struct bg_explain_pod *pods;
	size_t pod_count;
	struct bg_explain_rule *rules; /* by number */
	size_t rule_count;
	struct bg_rule *live_rules; /* what `rules` points into, live only */
	char revision[64];
	bool live;
};

#endif
