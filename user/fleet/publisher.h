/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps the parts of a target what servers, and answers that others refresh, make of them. */
#ifndef BG_FLEET_PUBLISHER_H
#define BG_FLEET_PUBLISHER_H

#include "fleet/cluster_watched.h"
#include "fleet/ec2_watched.h"
#include "fleet/sweep.h"
#include "fleet/target.h"

struct bg_publish {
	struct bg_sweep_wanted wanted;
	struct bg_target *target; /* closed by who made it */
	const char *state;	  /* NULL: nowhere */
	__u32 max_age_s;	  /* of an answer; 0: any */
	bool once;
	struct bg_ec2_source ec2;	  /* text NULL: what EC2 describes stands in files */
	struct bg_cluster_source cluster; /* the same, of an API server */
};

/* Until the process is ended, or when it cannot even begin. Once: until it is done, or held. */
int bg_publish_run(const struct bg_publish *publish, struct bg_error *err);

#endif
