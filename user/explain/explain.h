/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Asking the datapath itself: the real programs, loaded a second time with maps
 * of their own, judge packets that never were on a wire (BPF test run). Nothing
 * is attached or pinned; flows, counters and hits of a running datapath are not
 * touched.
 */
#ifndef BG_EXPLAIN_EXPLAIN_H
#define BG_EXPLAIN_EXPLAIN_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "explain/question.h"
#include "feed/model.h"
#include "maps.h"

struct bg_explainer;

/* The programs that can be asked. Only those that are wanted are loaded, since each
 * costs time in the verifier. */
enum bg_explain_program {
	BG_EXPLAIN_BRANCH_INGRESS = 0,
	BG_EXPLAIN_BRANCH_INGRESS_XDP,
	BG_EXPLAIN_BRANCH_EGRESS,
	BG_EXPLAIN_POD_EGRESS,	/* the host end of a pod's veth */
	BG_EXPLAIN_NODE_EGRESS, /* the primary interface: what the node itself sends */
	BG_EXPLAIN_SNAT_EGRESS, /* the same: what a standard pod sends through it */
	BG_EXPLAIN_PROGRAMS,
};
#define BG_EXPLAIN_BIT(program) (1u << (program))

struct bg_explain_branch {
	char *id;
	char interface[16];
	__u32 vlan;
	enum bg_mode mode;
	/* an address of a pod of each family, IPv4 and IPv6; `local` of questions
	 * that name none */
	struct bg_addr local[2];
	bool has_local[2];
	char **groups; /* ids; live as many as the map has room for */
	size_t group_count;
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
	__u32 node_rule; /* that of the node's groups, 0 = none */
};

/* The model is published in a private datapath, and must outlive it. */
int bg_explainer_open(struct bg_model *model, unsigned int programs,
		      struct bg_explainer **explainer, struct bg_error *err);

/* Each question is judged by the revision that the datapath pinned in `pin_dir` has in
 * force then. Names of branches and rules are read once, here. */
int bg_explainer_open_live(const char *pin_dir, unsigned int programs,
			   struct bg_explainer **explainer, struct bg_error *err);
/* Live, for branches whose pods are not there now: addresses from the model in force. */
void bg_explainer_know(struct bg_explainer *explainer, const struct bg_model *in_force);
void bg_explainer_close(struct bg_explainer *explainer); /* NULL is fine */
BG_CLEANUP_OF(bg_explainer_close, struct bg_explainer)

/* What errors about questions call the fields; the keys of their JSON at first. */
void bg_explainer_speak(struct bg_explainer *explainer, const struct bg_question_words *words);

/* The branch with this id, interface or VLAN id; NULL with an error that lists those that
 * there are. */
const struct bg_explain_branch *bg_explain_find(const struct bg_explainer *explainer,
						const char *name, struct bg_error *err);

/* The same by id alone, without an error. */
const struct bg_explain_branch *bg_explain_by_id(const struct bg_explainer *explainer,
						 const char *id);

/* NULL for 0 and numbers that no rule has. */
const struct bg_explain_rule *bg_explain_rule(const struct bg_explainer *explainer, __u32 number);

/* The feed's own name for its revision, "" when it gave none. */
const char *bg_explain_revision(const struct bg_explainer *explainer);

/* "tc_branch_ingress" */
const char *bg_explain_program_name(enum bg_explain_program program);

/* By TC if that is loaded, else by XDP. */
enum bg_explain_program bg_explain_ingress_program(const struct bg_explainer *explainer);

/*
 * Sets question->local where the question leaves it open, and judges the packet
 * on the branch, as the first of its flow; ingress by TC if that is loaded, else
 * by XDP. For a branch without an address of that family it is the unspecified one,
 * which no pod has. -ENODATA: live, and no address of the branch is known.
 * -EINVAL: no program for the direction is loaded.
 */
int bg_explain(struct bg_explainer *explainer, struct bg_question *question,
	       struct bg_answer *answer, struct bg_error *err);

/*
 * The same by any program; question->local must be set. Reason NONE: the program
 * does not judge this packet and leaves it to other programs.
 */
int bg_explain_at(struct bg_explainer *explainer, enum bg_explain_program program,
		  const struct bg_explain_branch *branch, const struct bg_question *question,
		  struct bg_answer *answer, struct bg_error *err);

#endif
