/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What an API server has of a cluster, as far as feeds need it, kept by list and watch. */
#ifndef BG_FLEET_CLUSTER_WATCHED_H
#define BG_FLEET_CLUSTER_WATCHED_H

#include "fleet/gather/cluster.h"
#include "fleet/kube/api_server.h"

struct bg_cluster_watched;

struct bg_cluster_source {
	const char *text; /* "k8s:https://10.100.0.1:443" */
	struct bg_api_server server;
	unsigned int watch_s; /* a watch is begun anew after half of it to all of it */
	/* There is something new, or something to do (bg_cluster_watched_run()). It changes nothing here. */
	void (*changed)(void *context);
	void *context;
};

/* *source must outlive it. Nothing is asked before bg_cluster_watched_run(). */
int bg_cluster_watched_open(const struct bg_cluster_source *source,
			    struct bg_cluster_watched **watched, struct bg_error *err);
void bg_cluster_watched_close(struct bg_cluster_watched *watched); /* NULL is fine */

/* Can be read when bg_cluster_watched_step() has something to do. */
int bg_cluster_watched_fd(const struct bg_cluster_watched *watched);
void bg_cluster_watched_step(struct bg_cluster_watched *watched);
/* Asks what is due by now. */
void bg_cluster_watched_run(struct bg_cluster_watched *watched);
/* When that is next (CLOCK_MONOTONIC); 0: not before the server says something. */
double bg_cluster_watched_due_ms(const struct bg_cluster_watched *watched);

/* Another number whenever what is read of an object is another. */
__u64 bg_cluster_watched_changes(const struct bg_cluster_watched *watched);
/* -EAGAIN: it is not known what there is now, and why. *waits: only since no answer has come yet. */
int bg_cluster_watched_check(const struct bg_cluster_watched *watched, bool *waits,
			     struct bg_error *err);
/* Into a model. */
int bg_cluster_watched_read(const struct bg_cluster_watched *watched, struct bg_cluster *cluster,
			    struct bg_error *err);

#endif
