/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keeps a directory's parts what answers that others refresh make of them. */
#ifndef BG_FLEET_PUBLISHER_H
#define BG_FLEET_PUBLISHER_H

#include "fleet/sweep.h"

struct bg_publish {
	struct bg_sweep_wanted wanted;
	const char *target; /* a directory */
	const char *state;  /* NULL: nowhere */
	__u32 max_age_s;    /* of an answer; 0: any */
	bool once;
};

/* Until the process is ended, or when it cannot even begin. Once: until it is done, or held. */
int bg_publish_run(const struct bg_publish *publish, struct bg_error *err);

#endif
