/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What EC2 describes of a region, as far as feeds need it, kept by sweeps. */
#ifndef BG_FLEET_EC2_WATCHED_H
#define BG_FLEET_EC2_WATCHED_H

#include "fleet/gather/cluster.h"

#define BG_EC2_INTERVAL_S 30

struct bg_ec2_watched;

struct bg_ec2_source {
	const char *text;	   /* "ec2:"; NULL: what it describes stands in files */
	const char *region;	   /* NULL: AWS_REGION */
	const char *url, *sts_url; /* NULL: those of the region */
	const char *vpcs;	   /* "vpc-1,vpc-2"; NULL: in all */
	__u32 interval_s;	   /* between sweeps; 0: BG_EC2_INTERVAL_S */
	/* There is something new, or something to do (bg_ec2_watched_run()). It changes nothing
	 * here. */
	void (*changed)(void *context);
	void *context;
};

/* What is missing for it, or wrong, before anything is asked. */
int bg_ec2_source_check(const struct bg_ec2_source *source, struct bg_error *err);

/* *source must outlive it. Nothing is asked before bg_ec2_watched_run(). */
int bg_ec2_watched_open(const struct bg_ec2_source *source, struct bg_ec2_watched **watched,
			struct bg_error *err);
void bg_ec2_watched_close(struct bg_ec2_watched *watched); /* NULL is fine */

/* Can be read when bg_ec2_watched_step() has something to do. */
int bg_ec2_watched_fd(const struct bg_ec2_watched *watched);
void bg_ec2_watched_step(struct bg_ec2_watched *watched);
/* Asks what is due by now. */
void bg_ec2_watched_run(struct bg_ec2_watched *watched);
/* When that is next (CLOCK_MONOTONIC); 0: not before EC2 says something. */
double bg_ec2_watched_due_ms(const struct bg_ec2_watched *watched);
/* By somebody's wish: now. */
void bg_ec2_watched_again(struct bg_ec2_watched *watched);

/* Another number whenever a sweep found something else. */
__u64 bg_ec2_watched_changes(const struct bg_ec2_watched *watched);
/* -EAGAIN: no sweep was whole yet, and why. *waits: only since the first one goes on. */
int bg_ec2_watched_check(const struct bg_ec2_watched *watched, bool *waits, struct bg_error *err);
/* The last sweep that was whole, into a model. */
int bg_ec2_watched_read(const struct bg_ec2_watched *watched, struct bg_cluster *cluster,
			struct bg_error *err);

struct bg_ec2_state {
	const char *url;
	__u64 swept_ns;	      /* realtime: when the last whole sweep was over; 0 = never */
	double swept_ms;      /* the same by CLOCK_MONOTONIC */
	__u64 wrong_since_ns; /* realtime; 0 = all is well */
	const char *wrong;    /* why no sweep has been whole since */
	__u64 sweeps, requests, retries; /* since the process began */
};
void bg_ec2_watched_state(const struct bg_ec2_watched *watched, struct bg_ec2_state *state);
/* Logs what goes wrong for some seconds, and when it is over. */
void bg_ec2_watched_tell(struct bg_ec2_watched *watched);

#endif
