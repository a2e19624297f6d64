/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path of a first packet from one end to the other: every interface of this
 * node that would judge it, and the verdict of each. Where the packet goes is
 * predicted from the feed and the CNI's routing; the verdicts are the programs'.
 */
#ifndef BG_EXPLAIN_PATH_H
#define BG_EXPLAIN_PATH_H

#include <jansson.h>

#include "explain/explain.h"

#define BG_PATH_STEPS 4

struct bg_path_step {
	char interface[16];
	enum bg_explain_program program;
	enum bg_direction direction;
	const struct bg_model_branch *branch;
	struct bg_answer answer;
};

struct bg_path {
	/* asked: */
	struct bg_model *model; /* must outlive the path */
	/* "namespace/pod", a pod's name if no other has it, "node", or an address; one
	 * of the ends must be a pod of the feed */
	const char *from_name, *to_name;
	struct bg_question question; /* protocol, and port or ICMP type */

	/* answered: */
	struct bg_addr from, to;
	const struct bg_model_pod *from_pod, *to_pod; /* NULL: no pod of this node */
	const struct bg_model_branch *from_branch, *to_branch;
	bool from_node, to_node; /* the node itself */
	struct bg_path_step steps[BG_PATH_STEPS];
	size_t step_count;
	bool allowed;			/* by all of them */
	char between[256];		/* where it goes between or after the steps */
	struct bg_explainer *explainer; /* has the rules that the answers name */
};

/* -ENOENT, -EINVAL ... with a text. Whatever it returns, the caller must call
 * bg_path_release(). */
int bg_explain_path(struct bg_path *path, struct bg_error *err);
void bg_path_release(struct bg_path *path);

/* The rule that a denied step lacks, in words; "" when no rule would help. `text`
 * holds BG_PATH_MISSING_TEXT bytes. */
#define BG_PATH_MISSING_TEXT 1024
const char *bg_path_missing(const struct bg_path *path, const struct bg_path_step *step,
			    char *text);

/* The answer as text on stdout, and as JSON; NULL when out of memory. */
void bg_path_print(const struct bg_path *path);
json_t *bg_path_json(const struct bg_path *path);

#endif
