/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What builds of another ABI have pinned. One file for each old ABI, layout_N.c, with
 * frozen copies of the structures that have changed since and a converter for each map
 * that has them; a map into which nothing moves is the same today. Pure: bytes in,
 * bytes out. migrate.c applies them.
 *
 * Who changes a structure in headers/ raises BG_ABI, copies the old one into
 * layout_N.c of the ABI that ends, adds that to the table in layouts.c, and mends the
 * older converters, since each makes what this build has.
 */
#ifndef BG_DATAPATH_LAYOUTS_H
#define BG_DATAPATH_LAYOUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "flow.h"
#include "types.h"

/* One entry of an old map on its way into one of this build's. */
struct bg_moving {
	const void *old_key, *old_value; /* of a per-CPU map, the value of one CPU */
	void *key, *value;		 /* all zero before */
};

/* What comes of the entries of an old map. One may go into several maps. */
struct bg_move {
	const char *from; /* NULL: the map starts empty */
	const char *into;
	size_t key_bytes, value_bytes;		   /* of the old map, at least */
	bool (*convert)(struct bg_moving *moving); /* false: the entry is empty */
};

/* Flows that another build has otherwise: those in one entry of its map. */
struct bg_moved_flows {
	size_t bucket_bytes;
	unsigned int flows_per_bucket;
	bool (*convert)(const void *bucket, unsigned int slot, struct bg_flow *flow);
};

/* What stands first in `control` in every ABI; before ABI 3 without flow_layout. */
struct bg_control_start {
	__u32 abi, revision, flow_layout;
};

struct bg_layout {
	__u32 abi;
	/* the policy of that build cannot be read by this one's programs */
	bool other_policy;
	const struct bg_move *moves;	    /* end with one that goes into NULL */
	const struct bg_moved_flows *flows; /* NULL: as they are today */
};

extern const struct bg_layout bg_layout_1, bg_layout_2, bg_layout_3;
extern const struct bg_moved_flows bg_flows_today;

/* NULL: an ABI that this build does not know, because it is newer. */
const struct bg_layout *bg_layout_of(__u32 abi);

/* What this build takes from a newer one that keeps to headers/README.md. */
extern const struct bg_layout bg_layout_newer;

/* Is a map of this build made anew, with what moves into it? Else that of the other
 * build is taken over as it is. `flow_layout`: of its `control`, 0 = none. */
bool bg_layout_makes(const struct bg_layout *layout, __u32 flow_layout, const char *map);

/* Does anything move into that map? layout NULL: no. */
bool bg_layout_moves(const struct bg_layout *layout, const char *map);

#endif
