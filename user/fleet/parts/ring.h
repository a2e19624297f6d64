/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ring of MemberChanges (part.h): what became of groups since their shards. Pure. */
#ifndef BG_PARTS_RING_H
#define BG_PARTS_RING_H

#include "fleet/parts/addresses.h"

struct bg_ring_part {
	json_int_t sequence;
	const json_t *changes; /* an array; borrowed from the source */
};

/* Sorted by sequence, without a gap; top: of the last, 0 = there is none. */
struct bg_ring {
	struct bg_ring_part part[BG_RING_PARTS];
	size_t count;
	json_int_t top;
};

/* Fails when a part of it is not whole, or lacks. */
int bg_ring_read(const struct bg_part_source *source, struct bg_ring *ring, struct bg_error *err);

/*
 * Makes the members of a group, as they were after change `since`, what they are now. *first
 * (may be NULL): the sequence of the first change behind that, 0 = there is none. *changed:
 * was there one; then `hash` is that of the last. -EINVAL: the changes do not fit.
 */
int bg_ring_apply(const struct bg_ring *ring, const char *group, json_int_t since,
		  struct bg_gathered_members *members, json_int_t *first,
		  char hash[BG_PART_HASH_TEXT], struct bg_error *err);

/* An element of changes; NULL when out of memory. */
json_t *bg_ring_change(const char *group, const struct bg_gathered_members *added,
		       const struct bg_gathered_members *removed,
		       const char hash[BG_PART_HASH_TEXT]);

/* A new part at the end of `set`, with these changes, whose reference it takes. 0 or -ENOMEM. */
struct bg_part_set;
int bg_ring_add(struct bg_part_set *set, json_int_t sequence, json_t *changes);

#endif
