// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads revisions, sightings and the daemon's pulse, for status, health and the metrics; an
 * earlier branchguard may have pinned none of them, which is no error. What a look at a
 * counter means is decided here, and written by the daemon.
 */
#include "pinned/maps_history.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/sound.h"

struct revisions {
	struct bg_revision_row *rows;
	size_t count;
};

static int add_revision(const void *key, const void *value, void *context)
{
	struct revisions *revisions = context;
	struct bg_revision_row *row = BG_GROW(revisions->rows, revisions->count);

	if (!row)
		return -ENOMEM;
	memcpy(&row->number, key, sizeof(row->number));
	memcpy(&row->revision, value, sizeof(row->revision));
	bg_sound_revision(&row->revision);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct bg_revision_row *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

int bg_maps_revisions(const struct bg_maps *maps, struct bg_revision_row **revisions, size_t *count,
		      struct bg_error *err)
{
	struct revisions found = {};
	struct bg_walk walk = {
		.name = "revisions",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_revision),
		.each = add_revision,
		.context = &found,
	};
	int rc = bg_map_walk(maps, &walk, err);

	if (rc && rc != -ENOENT) {
		free(found.rows);
		return rc;
	}
	if (found.count)
		qsort(found.rows, found.count, sizeof(*found.rows), by_number);
	*revisions = found.rows;
	*count = found.count;
	return 0;
}

const struct bg_revision_row *bg_revision_find(const struct bg_revision_row *revisions,
					       size_t count, __u32 number)
{
	for (size_t i = 0; i < count; i++)
		if (revisions[i].number == number)
			return &revisions[i];
	return NULL;
}

const struct bg_revision_row *bg_revision_reused(const struct bg_revision_row *revisions,
						 size_t count, const struct bg_revision_row *row)
{
	const size_t length = strlen(row->revision.feed_revision);
	const struct bg_revision_row *found = NULL;

	/* one that was cut may go on differently */
	if (!length || length == sizeof(row->revision.feed_revision) - 1)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const struct bg_revision_row *other = &revisions[i];

		if (other->number < row->number && (!found || other->number > found->number) &&
		    !strcmp(other->revision.feed_revision, row->revision.feed_revision) &&
		    strcmp(other->revision.sha256, row->revision.sha256) != 0)
			found = other;
	}
	return found;
}

struct sightings {
	struct bg_sighting_row *rows;
	size_t count;
};

static int add_sighting(const void *key, const void *value, void *context)
{
	struct sightings *sightings = context;
	struct bg_sighting_row *row = BG_GROW(sightings->rows, sightings->count);

	if (!row)
		return -ENOMEM;
	memcpy(&row->key, key, sizeof(row->key));
	memcpy(&row->sighting, value, sizeof(row->sighting));
	return 0;
}

int bg_maps_sightings(const struct bg_maps *maps, struct bg_sighting_row **sightings, size_t *count,
		      struct bg_error *err)
{
	struct sightings found = {};
	struct bg_walk walk = {
		.name = "sightings",
		.key_bytes = sizeof(struct bg_sighting_key),
		.value_bytes = sizeof(struct bg_sighting),
		.each = add_sighting,
		.context = &found,
	};
	int rc = bg_map_walk(maps, &walk, err);

	if (rc && rc != -ENOENT) {
		free(found.rows);
		return rc;
	}
	*sightings = found.rows;
	*count = found.count;
	return 0;
}

int bg_maps_pulse(const struct bg_maps *maps, struct bg_pulse *pulse, bool *found,
		  struct bg_error *err)
{
	bg_auto_close int fd = bg_maps_fd(maps, "pulse", sizeof(*pulse), false, err);
	__u32 zero = 0;

	*found = false;
	memset(pulse, 0, sizeof(*pulse));
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (bpf_map_lookup_elem(fd, &zero, pulse))
		return bg_map_unread(maps, "pulse", err);
	*found = pulse->beat_ns;
	return 0;
}

bool bg_sighting_look(struct bg_sighting *sighting, const struct bg_look_at *at, __u64 count)
{
	const bool unwatched = at->now_ns - at->before_ns > BG_LOOKS_APART_NS;
	const __u64 now_ns = at->now_ns & ~(__u64)BG_BOUND;
	const bool anew = count < sighting->count;

	if (at->first) {
		*sighting = (struct bg_sighting){ .count = count, .before = count };
		return true;
	}
	if (anew)
		*sighting = (struct bg_sighting){};
	if (count == sighting->count)
		return anew;
	if (!sighting->since_ns || at->now_ns - sighting->last_ns > BG_QUIET_NS) {
		sighting->since_ns = unwatched ? at->before_ns | BG_BOUND : now_ns;
		sighting->before = sighting->count;
	}
	sighting->count = count;
	sighting->last_ns = unwatched ? now_ns | BG_BOUND : now_ns;
	return true;
}
