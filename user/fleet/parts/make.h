/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The model of a cluster, and the parts that there are → the parts that there should be. Pure. */
#ifndef BG_PARTS_MAKE_H
#define BG_PARTS_MAKE_H

#include "fleet/gather/node_feed.h"
#include "fleet/parts/part_set.h"

struct bg_parts_wanted {
	bool standard; /* the mode of all branches */
	const struct bg_settings *settings;
	/* Fewer nodes, branches, groups or members than before are held when more than this share is
	 * lost, and more than BG_SHRINK_ALWAYS; 100: never. */
	unsigned int max_shrink_percent;
};

#define BG_SHRINK_ALWAYS 8 /* so few may go at once, whatever share they are */

/*
 * Parts of all nodes, in *made ({} at first, the caller's also when it fails). `old` are those
 * that were read; with them a change of few members goes into the ring, and shards stay as
 * they are. The same model and old parts make the same parts. -ESTALE: held, as above. What
 * is odd is reported to the cluster, as with bg_node_feed().
 */
int bg_parts_make(struct bg_cluster *cluster, const struct bg_parts_wanted *wanted,
		  struct bg_part_set *old, struct bg_part_set *made, struct bg_error *err);

/* --- for the files of this room --- */

/* How many there were and are, of groups that are written about then and now. */
struct bg_members_tally {
	size_t before, now;
};

/*
 * make_members.c: the members of each of these groups (tidy), as shards and changes, go into
 * *made; (*heads)[group] is what its GroupFeed says of them.
 */
int bg_parts_make_members(struct bg_cluster *cluster, const struct bg_names *groups,
			  struct bg_part_set *old, struct bg_part_set *made, json_t *heads,
			  struct bg_members_tally *tally, struct bg_error *err);

/* shrink.c: -ESTALE when too much would be lost. */
int bg_parts_check_shrink(const struct bg_part_set *old, const struct bg_part_set *made,
			  const struct bg_members_tally *members, unsigned int max_shrink_percent,
			  struct bg_error *err);

#endif
