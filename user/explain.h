/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asking the datapath itself: the real programs, loaded a second time with maps
 * of their own, judge packets that never were on a wire (BPF test run). Nothing
 * is attached or pinned; flows, counters and hits of a running datapath are not
 * touched.
 */
#ifndef BG_EXPLAIN_H
#define BG_EXPLAIN_H

#include <stdbool.h>

#include "error.h"
#include "maps.h"
#include "model.h"
#include "question.h"

struct bg_explainer;

enum bg_explain_hook { BG_EXPLAIN_TC = 0, BG_EXPLAIN_XDP = 1 };

struct bg_explain_branch {
	char *id;
	char interface[16];
	__u32 vlan;
	enum bg_mode mode;
	/* an address of a pod of each family, IPv4 and IPv6; `local` of questions
	 * that name none */
	struct bg_addr local[2];
	bool has_local[2];
};

struct bg_explain_rule {
	const char *group_id;
	const char *group_name; /* NULL: not known */
	const char *rule_id;	/* NULL: the feed gave it none */
	struct bg_rule rule;
};

struct bg_answer {
	bool allowed;
	enum bg_reason reason;
	__u32 rule;	 /* that admitted it, 0 = none */
	__u32 node_rule; /* of the node's groups, likewise */
};

/* What will be asked: only the programs for that are loaded, since the verifier
 * takes its time for each. */
struct bg_explain_scope {
	enum bg_explain_hook hook; /* of ingress; egress is TC's */
	bool directions[BG_DIRECTIONS];
};

/* The model is published in a private datapath, and must outlive it. */
int bg_explainer_open(struct bg_model *model, const struct bg_explain_scope *scope,
		      struct bg_explainer **explainer, struct bg_error *err);

/* By the revision that the datapath pinned in `pin_dir` has in force, at every
 * question anew. Branches and rules are those of the moment of opening. */
int bg_explainer_open_live(const char *pin_dir, const struct bg_explain_scope *scope,
			   struct bg_explainer **explainer, struct bg_error *err);
void bg_explainer_close(struct bg_explainer *explainer); /* NULL is fine */

/* The branch with this id, interface or VLAN id; NULL with an error. */
const struct bg_explain_branch *bg_explain_find(const struct bg_explainer *explainer,
						const char *name, struct bg_error *err);

/* NULL for 0 and numbers that no rule has. */
const struct bg_explain_rule *bg_explain_rule(const struct bg_explainer *explainer, __u32 number);

/* As the feed gave it, "" when it did not. */
const char *bg_explain_revision(const struct bg_explainer *explainer);

/*
 * Sets question->local where the question leaves it open, and judges the packet
 * as the first of its flow. A branch without an address of that family gets the
 * unspecified one, which is nobody's; where addresses are not known (live, not
 * yet armed) it is -ENODATA. A direction out of scope is -EINVAL.
 */
int bg_explain(struct bg_explainer *explainer, struct bg_question *question,
	       struct bg_answer *answer, struct bg_error *err);

#endif
