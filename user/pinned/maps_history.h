/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was and when: the maps that the daemon writes for people alone. */
#ifndef BG_PINNED_MAPS_HISTORY_H
#define BG_PINNED_MAPS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "maps.h"
#include "pinned/maps_open.h"

/* Sorted by number; the caller frees *revisions. */
struct bg_revision_row {
	__u32 number;
	struct bg_revision revision;
};
int bg_maps_revisions(const struct bg_maps *maps, struct bg_revision_row **revisions, size_t *count,
		      struct bg_error *err);
const struct bg_revision_row *bg_revision_find(const struct bg_revision_row *revisions,
					       size_t count, __u32 number);

/* The latest revision before `row` whose feed has the same "Revision" text and another
 * content; NULL: none. Pure. */
const struct bg_revision_row *bg_revision_reused(const struct bg_revision_row *revisions,
						 size_t count, const struct bg_revision_row *row);

struct bg_sighting_row {
	struct bg_sighting_key key;
	struct bg_sighting sighting;
};
/* In no order; the caller frees *sightings. */
int bg_maps_sightings(const struct bg_maps *maps, struct bg_sighting_row **sightings, size_t *count,
		      struct bg_error *err);

/* *found is false when no daemon wrote one yet. */
int bg_maps_pulse(const struct bg_maps *maps, struct bg_pulse *pulse, bool *found,
		  struct bg_error *err);

/* A counter that has not risen for so long is quiet: what it counted is over. */
#define BG_QUIET_NS (300 * BG_NS_PER_S)

/* When counters are looked at: what rose between two looks that are further apart may have
 * done so at any time. */
#define BG_LOOKS_APART_NS (10 * BG_NS_PER_S)
struct bg_look_at {
	__u64 before_ns; /* the look before this one, whoever looked */
	__u64 now_ns;
	bool first; /* there was none, and others counted: when that was is not known */
};

/* What a look at a counter adds to what is known of it; false: nothing to write. Pure. */
bool bg_sighting_look(struct bg_sighting *sighting, const struct bg_look_at *at, __u64 count);

#endif
