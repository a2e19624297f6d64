/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What EC2 describes, asked for again and again: as the texts that the `aws` CLI would print, of
 * the last sweep of which all pages came and were well formed. In a loop of somebody else.
 */
#ifndef BG_AWS_EC2_CLIENT_H
#define BG_AWS_EC2_CLIENT_H

#include "fleet/aws/credentials.h"
#include "fleet/aws/ec2_answers.h"
#include "fleet/aws/name_set.h"
#include "fleet/web/backoff.h"

struct bg_ec2_text {
	char *name; /* "ec2:describe-security-groups", "ec2:pl-0e5" for the list's entries */
	char *text;
	size_t length_bytes;
};

struct bg_ec2_texts {
	struct bg_ec2_text *text;
	size_t count;
};

/* A sweep on its way. */
struct bg_ec2_sweep {
	enum bg_ec2_action action;
	size_t list;		   /* of entries: whose, in `lists` */
	char *next;		   /* where the next page begins; NULL: at the beginning */
	struct bg_name_set seen;   /* ids of this action */
	struct bg_name_set places; /* where its pages began */
	struct bg_name_set lists;  /* that rules name */
	unsigned long *versions;   /* of these; 0: none */
	size_t objects;		   /* of this action */
	size_t bytes;
	struct bg_ec2_texts texts;
	unsigned int tries; /* of this page */
};

struct bg_ec2 {
	/* set by who has it; borrowed */
	struct bg_web *web;
	struct bg_aws_credentials *credentials;
	const char *url, *region;
	char *const *vpcs; /* only in these; vpc_count 0: in all */
	size_t vpc_count;
	double interval_ms; /* from the end of a sweep to the next one */
	/* There is something new, or something to do at due_ms; called from wherever it is. */
	void (*changed)(void *context);
	void *context;

	/* for who has it */
	double due_ms; /* CLOCK_MONOTONIC; 0: nothing */
	struct bg_ec2_texts texts;
	__u64 serial;		   /* of these: another one when they are others */
	__u64 swept_ns;		   /* realtime: when they came; 0: there are none yet */
	__u64 wrong_since_ns;	   /* realtime; 0: all is well */
	double swept_ms, wrong_ms; /* the same by CLOCK_MONOTONIC, which nobody sets */
	struct bg_error wrong;
	bool failed; /* the last sweep did, in the end */
	__u64 sweeps, requests, retries;

	/* its own */
	struct bg_ec2_sweep sweep;
	bool sweeping;	 /* `sweep` has begun */
	double begun_ms; /* CLOCK_MONOTONIC: when */
	bool rejected;	 /* its keys were, once */
	struct bg_backoff page_backoff, backoff;
	struct bg_web_transfer *transfer;
};

/* The first sweep is due at once. */
void bg_ec2_open(struct bg_ec2 *ec2);
/* Does what is due. */
void bg_ec2_run(struct bg_ec2 *ec2);
/* The next sweep is due now. */
void bg_ec2_now(struct bg_ec2 *ec2);
void bg_ec2_close(struct bg_ec2 *ec2);

/* One page as text of the CLI, what it names into the sweep. -EPROTO: it is no such page. */
int bg_ec2_take_page(struct bg_ec2_sweep *sweep, const char *body, size_t length_bytes,
		     struct bg_error *err);
void bg_ec2_texts_release(struct bg_ec2_texts *texts);
void bg_ec2_sweep_release(struct bg_ec2_sweep *sweep);

#endif
