/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which filters and qdiscs `unload` takes away, by what was seen. Pure: unload.c looks and
 * does it. */
#ifndef BG_DAEMON_UNLOAD_PLAN_H
#define BG_DAEMON_UNLOAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/ids.h"

/* What is pinned: by that all is known that is ours. */
struct bg_unload_ours {
	struct bg_ids programs;
	struct bg_ids maps;
	struct bg_ids qdiscs; /* interfaces whose clsact qdisc we made */
};

/* A filter with a handle that we use, as others may, too. */
struct bg_unload_filter {
	__u32 prog_id;
	/* why the kernel did not tell about that program, 0 = it did; -ENOENT: it is no more */
	int program_rc;
	const __u32 *maps; /* that the program uses */
	size_t map_count;
};

enum bg_unload_fate {
	BG_UNLOAD_TAKEN, /* it is ours */
	BG_UNLOAD_LEFT,	 /* it is not, or went by itself */
	BG_UNLOAD_DOUBT, /* nobody knows: then nothing may be changed */
};

enum bg_unload_fate bg_unload_fate_of(const struct bg_unload_ours *ours,
				      const struct bg_unload_filter *filter);

/* The fate of each; returns how many are in doubt, and which is the first one. */
size_t bg_unload_plan(const struct bg_unload_ours *ours, const struct bg_unload_filter *filters,
		      size_t count, enum bg_unload_fate *fates, size_t *first_doubt);

/* Does the qdisc go? `filters_left`: of whomever, once ours are gone. */
bool bg_unload_takes_qdisc(const struct bg_unload_ours *ours, __u32 ifindex, int filters_left);

#endif
