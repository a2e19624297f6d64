/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What becomes of each map that is pinned when a daemon starts. Pure: adopt.c does it. */
#ifndef BG_DATAPATH_FATE_H
#define BG_DATAPATH_FATE_H

#include "datapath/layouts.h"
#include "pinned/foreign.h"

/* A map as the kernel describes it, or as this build defines it. */
struct bg_map_shape {
	__u32 type, key_bytes, value_bytes, max_entries, flags;
};

static inline struct bg_map_shape bg_map_shape(const struct bpf_map_info *info)
{
	return (struct bg_map_shape){ info->type, info->key_size, info->value_size,
				      info->max_entries, info->map_flags };
}

/* Who pinned what is there. */
struct bg_before {
	const struct bg_layout *from; /* NULL: a build of this ABI */
	__u32 flow_layout;	      /* of its `control` */
	bool have_seed;		      /* under which its flows are found */
};

/*
 * By the start of `control`. -EPROTO: no branchguard ever wrote such a one.
 */
int bg_before_of(const struct bg_control_start *start, struct bg_before *before);

/* Is the map of this name one that this build could go on with, were it of our shape? */
bool bg_before_is_ours(const struct bg_before *before, const char *map);

enum bg_fate {
	BG_FATE_TAKEN,	   /* it is taken over as it is */
	BG_FATE_COPIED,	   /* the options changed its size: its entries go into a new one */
	BG_FATE_FLOWS,	   /* its flows are brought into a new one, each to its place */
	BG_FATE_CONVERTED, /* its entries are converted into new ones, by layouts.h */
	BG_FATE_DROPPED,   /* a new one, which starts empty */
};

enum bg_fate bg_fate_of(const struct bg_before *before, const char *map,
			const struct bg_map_shape *mine, const struct bg_map_shape *theirs);

/* How the flows of that build are laid out in a table. */
const struct bg_moved_flows *bg_before_flows(const struct bg_before *before);

/* Can flows be brought in from this map? */
bool bg_fate_has_flows(const struct bg_moved_flows *as, const struct bg_map_shape *theirs);

/* Can entries move from a map of this shape? One that is per CPU goes into one that is. */
bool bg_fate_can_move(const struct bg_move *move, const struct bg_map_shape *theirs, bool percpu);

#endif
