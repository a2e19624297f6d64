/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The other end of a connection: who that is, as far as the feed says, whether its
 * groups admit the packet too, and which rule is missing where. What this node does not
 * enforce is judged by the same program, in a datapath of its own where that interface is
 * a branch.
 */
#ifndef BG_EXPLAIN_ENDS_H
#define BG_EXPLAIN_ENDS_H

#include "base/ip.h"
#include "explain/explain.h"
#include "explain/missing.h"

struct bg_ends;

struct bg_end {
	const struct bg_explain_branch *branch;	    /* a branch of this node, or */
	const struct bg_model_interface *interface; /* one elsewhere; both NULL: not known */
};

/* Whom all questions are about, to be asked at once or one by one as they come. */
enum bg_ends_asked { BG_ENDS_FEW, BG_ENDS_MANY };

/*
 * The explainer and the model must outlive it. The model is of bg_feed_parse_all(), or
 * NULL: then only the pods that the explainer knows are known.
 */
int bg_ends_open(struct bg_explainer *explainer, struct bg_model *model, enum bg_ends_asked asked,
		 struct bg_ends **ends, struct bg_error *err);
void bg_ends_close(struct bg_ends *ends); /* NULL is fine */
BG_CLEANUP_OF(bg_ends_close, struct bg_ends)

struct bg_end bg_ends_find(const struct bg_ends *ends, const struct bg_addr *addr);
const char *bg_end_name(const struct bg_end *end, char text[BG_IP_TEXT]);

/* Is it an address that kube-proxy translates before a branch judges? */
bool bg_ends_is_service(const struct bg_ends *ends, const struct bg_addr *addr);

/* With whose address the other end sees the packet: the node's, where a standard pod's is
 * source-NATed. */
const struct bg_addr *bg_ends_seen_as(const struct bg_ends *ends,
				      const struct bg_explain_branch *branch,
				      const struct bg_question *question);

/* One end's verdict on a packet. */
struct bg_side {
	struct bg_end end;
	struct bg_question question; /* as that end sees it: it is local */
	bool judged;
	const char *unstated; /* not judged: the feed does not have the rules of this group */
	struct bg_answer answer;
	const struct bg_explainer *judge; /* whose rules the answer names */
};

/* side->question is given, and its local end is side->end. */
int bg_ends_judge(struct bg_ends *ends, struct bg_side *side, struct bg_error *err);

/* The other end of a packet of this branch. Not judged, and no error: nothing is known of
 * that end, or the packet passes no interface there. */
int bg_ends_judge_other(struct bg_ends *ends, const struct bg_explain_branch *branch,
			const struct bg_question *question, struct bg_side *side,
			struct bg_error *err);

/* The rule that this end lacks; false: none would help. What `missing` points to lives as
 * long as `ends` and the side. */
bool bg_ends_missing(const struct bg_ends *ends, const struct bg_side *side,
		     struct bg_missing *missing);

#endif
