/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path of a first packet from one end to the other: every interface of this
 * node that would judge it, and the verdict of each; and that of an interface elsewhere
 * which the feed knows. Where the packet goes is predicted from the feed and the CNI's
 * routing; the verdicts are the programs'.
 */
#ifndef BG_EXPLAIN_PATH_H
#define BG_EXPLAIN_PATH_H

#include <jansson.h>

#include "explain/ends.h"
#include "explain/query.h"

#define BG_PATH_STEPS 4

struct bg_path_step {
	const char *interface;
	enum bg_explain_program program;
	bool enforced; /* on this node; else what that interface's groups say */
	struct bg_side side;
};

struct bg_path {
	/* asked: */
	struct bg_model *model; /* of bg_feed_parse_all(); must outlive the path */
	const char *pin_dir;	/* by what is in force there; NULL: by the feed */
	/* "namespace/pod", a pod's name if no other has it, "node", or an address; one
	 * of the ends must be a pod of the feed */
	const char *from_name, *to_name;
	struct bg_question question;	       /* protocol, and port or ICMP type */
	const struct bg_question_words *words; /* for errors */
	/* Of bg_path_open_all(), for who has many paths; NULL: opened for this one. */
	struct bg_explainer *shared_explainer;
	struct bg_ends *shared_ends;

	/* answered: */
	struct bg_addr from, to;
	const struct bg_model_pod *from_pod, *to_pod; /* NULL: no pod of this node */
	const struct bg_model_branch *from_branch, *to_branch;
	bool from_node, to_node; /* the node itself */
	struct bg_path_step steps[BG_PATH_STEPS];
	size_t step_count;
	bool allowed;	   /* by all of them */
	char between[256]; /* where it goes between or after the steps */
	char unknown[256]; /* what is not judged, for want of knowledge; "" */
	struct bg_explainer *explainer;
	struct bg_ends *ends;
};

/* For any path in the model: both are the caller's. */
int bg_path_open_all(struct bg_model *model, const char *pin_dir, struct bg_explainer **explainer,
		     struct bg_ends **ends, struct bg_error *err);

/* -ENOENT, -EINVAL ... with a text. Whatever it returns, the caller must call
 * bg_path_release(). */
int bg_explain_path(struct bg_path *path, struct bg_error *err);
void bg_path_release(struct bg_path *path);

/* The answer as text on stdout, and as JSON; NULL when out of memory. */
void bg_path_print(const struct bg_path *path);
json_t *bg_path_json(const struct bg_path *path);

/* NULL if the answer is as expected, else what is not. `text` holds BG_PATH_SURPRISE_TEXT
 * bytes. */
#define BG_PATH_SURPRISE_TEXT 768
const char *bg_path_surprise(const struct bg_path *path, enum bg_expected expected, char *text);

#endif
