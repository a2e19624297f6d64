/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The members of a group ↔ its shards, and the ring's changes behind them. Pure. */
#ifndef BG_PARTS_GROUP_MEMBERS_H
#define BG_PARTS_GROUP_MEMBERS_H

#include "fleet/parts/ring.h"

struct bg_part_set;

/*
 * Who is a member now, by the group's head (GroupFeed's spec.members), all its shards and the
 * ring; *members is {} at first and the caller's, also when it fails. *first as in ring.h.
 */
int bg_group_members_read(const struct bg_part_source *source, const struct bg_ring *ring,
			  const char *group, const json_t *head,
			  struct bg_gathered_members *members, json_int_t *first,
			  struct bg_error *err);

/* Adds the shards of these members to `set`; *head (the caller's) is what GroupFeed says of
 * them. 0 or -ENOMEM. */
int bg_group_members_write(struct bg_part_set *set, const char *group, json_int_t sequence,
			   const struct bg_gathered_members *members, json_t **head);

#endif
