/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From an accepted document to what is in force. Two things that a document alone cannot
 * say are settled here, from the interfaces that there are: who gets what is claimed twice,
 * and what stays in force although the document lacks it. Pure: arrays in, a decision and a
 * model out; the same input gives the same result, and nothing changes to and fro while
 * interfaces come and go.
 */
#ifndef BG_FEED_SETTLE_H
#define BG_FEED_SETTLE_H

#include "feed/model.h"

/* What is there of a model: for its branches, and for their pods, all in one row. */
struct bg_seen {
	const bool *branches; /* the interface */
	const bool *pods;     /* the host end of the veth */
};

struct bg_settling {
	const struct bg_model *document;
	const struct bg_model *in_force; /* NULL: nothing yet */
	struct bg_seen seen;		 /* of the document, by name; all NULL: nothing is there */
	/* by branch in force: is that very interface (name and ifindex) there, and that of
	 * one of its pods? */
	const bool *alive;
	__u64 now_ns;  /* CLOCK_BOOTTIME */
	__u64 keep_ns; /* how long to keep what a document lacks; UINT64_MAX: without end */
};

struct bg_lost_address {
	struct bg_claimant claimant;
	struct bg_addr address;
};

struct bg_decision {
	bool *left_out;		      /* by branch of the document: another one has it, or nobody */
	bool *kept;		      /* by branch in force: the document lacks it, and it lives */
	struct bg_lost_address *lost; /* that pods of the document do not get, by branch and pod */
	size_t lost_count;
	bool as_document; /* what is in force is the document, and no more or less */
	__u64 hash;	  /* of what was decided: the same as long as nothing changes */
};

void bg_decision_free(struct bg_decision *decision); /* {} is fine */

/* 0 or -ENOMEM. */
int bg_settle(const struct bg_settling *settling, struct bg_decision *decision);

/*
 * merge.c: the model that is in force by a decision; a copy of the document, less what others
 * have, with what is kept: branches, the rules of groups and the entries of lists that
 * branches and rules name. 0 or -ENOMEM.
 */
int bg_merge(const struct bg_settling *settling, const struct bg_decision *decision,
	     struct bg_model **model);

/*
 * Without interfaces: a model in which nothing is claimed twice, since nobody gets that; for
 * who asks about a document alone. *settled is NULL, or a copy that is the caller's.
 */
int bg_settle_alone(const struct bg_model *document, struct bg_model **settled);

/* Is something kept since then to be given up now? */
static inline bool bg_keeps(const struct bg_settling *settling, __u64 since_ns)
{
	return settling->now_ns < since_ns || settling->now_ns - since_ns < settling->keep_ns;
}

#endif
