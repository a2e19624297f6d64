/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `publish` says: of what is odd in the answers, once; and of itself, in a file. */
#ifndef BG_FLEET_PUBLISHER_TOLD_H
#define BG_FLEET_PUBLISHER_TOLD_H

#include "fleet/ec2_watched.h"
#include "fleet/gather/cluster.h"

/* What was odd at the last sweep; {} at first. */
struct bg_reports_told {
	char **key; /* sorted */
	size_t count;
};

/* Logs what was not told of the sweep before. An object that only stands at another place of
 * its list is the same. */
int bg_reports_tell(struct bg_reports_told *told, const struct bg_cluster *cluster,
		    struct bg_error *err);
void bg_reports_release(struct bg_reports_told *told);

struct bg_publish_state {
	const char *target;
	/* Of several publishers one writes: what we are called, whether it is us, and who it is (""
	 * = nobody); NULL: it is not so here. */
	const char *identity;
	bool leads;
	const char *holder;
	size_t parts;	     /* as they were at `published_ns` */
	__u64 published_ns;  /* realtime: since when the answers and the parts agree; 0 = never */
	__u64 held_since_ns; /* realtime; 0 = nothing is held */
	const char *reason;  /* why */
	const char *oldest;  /* the answer that was written first; NULL: there is none */
	__u64 oldest_ns;     /* realtime: when */
	struct bg_ec2_state ec2; /* url NULL: it is not asked */
	size_t reports;		 /* what was odd at the last sweep */
	__u64 sweeps, sweep_ms;	 /* since the process began; the last one's */
	__u64 written, written_bytes, removed;
};

/* As JSON, in the place of this file. */
int bg_publish_state_put(const char *path, const struct bg_publish_state *state,
			 struct bg_error *err);

#endif
