// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads and writes MemberChanges. group_members.c applies them, make.c adds to them. What is
 * in the ring it checks only as far as it applies it.
 */
#include "fleet/parts/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/parts/part_set.h"

static int by_sequence(const void *a, const void *b)
{
	const struct bg_ring_part *one = a, *other = b;

	return one->sequence < other->sequence ? -1 : one->sequence > other->sequence;
}

static int read_part(const char *name, size_t place, const json_t *spec, struct bg_ring *ring,
		     struct bg_error *err)
{
	struct bg_ring_part part = {
		.sequence = json_integer_value(json_object_get(spec, "sequence")),
		.changes = json_object_get(spec, "changes"),
	};

	if (part.sequence < 1 || part.sequence > BG_RING_SEQUENCE_MOST ||
	    (size_t)(part.sequence % BG_RING_PARTS) != place)
		return bg_part_wrong(BG_MEMBER_CHANGES, name, "sequence",
				     "a number that belongs in this place of the ring", err);
	if (!json_is_array(part.changes) || json_array_size(part.changes) > BG_RING_CHANGES)
		return bg_part_wrong(BG_MEMBER_CHANGES, name, "changes", "an array of at most 64",
				     err);
	ring->part[ring->count++] = part;
	return 0;
}

int bg_ring_read(const struct bg_part_source *source, struct bg_ring *ring, struct bg_error *err)
{
	*ring = (struct bg_ring){};
	for (size_t place = 0; place < BG_RING_PARTS; place++) {
		char name[BG_PART_NAME_TEXT];
		const json_t *spec;
		int rc;

		bg_part_name_at(NULL, place, name);
		rc = source->get(source->context, BG_MEMBER_CHANGES, name, &spec, err);
		if (rc == -ENOENT)
			continue;
		rc = rc ?: read_part(name, place, spec, ring, err);
		if (rc)
			return rc;
	}
	qsort(ring->part, ring->count, sizeof(ring->part[0]), by_sequence);
	for (size_t i = 1; i < ring->count; i++)
		if (ring->part[i].sequence != ring->part[i - 1].sequence + 1)
			return bg_fail(
				err, -EBADMSG,
				"MemberChanges: number %lld is missing between %lld and %lld",
				(long long)ring->part[i - 1].sequence + 1,
				(long long)ring->part[i - 1].sequence,
				(long long)ring->part[i].sequence);
	if (ring->count)
		ring->top = ring->part[ring->count - 1].sequence;
	return 0;
}

/* --- what became of a group --- */

static int apply(const json_t *change, const char *key, bool adds,
		 struct bg_gathered_members *members)
{
	const json_t *list = json_object_get(change, key);
	struct bg_gathered_members changed = {};
	int rc;

	if (!list)
		return 0;
	rc = bg_addresses_read(list, &changed) ?: bg_addresses_change(members, &changed, adds);
	bg_addresses_release(&changed);
	return rc;
}

static int apply_part(const struct bg_ring_part *part, const char *group,
		      struct bg_gathered_members *members, char hash[BG_PART_HASH_TEXT],
		      bool *changed)
{
	const json_t *change;
	size_t i;

	json_array_foreach (part->changes, i, change) {
		const char *id = json_string_value(json_object_get(change, "group"));
		const char *after = json_string_value(json_object_get(change, "hash"));
		int rc;

		if (!id || strcmp(id, group) != 0)
			continue;
		rc = apply(change, "remove", false, members) ?: apply(change, "add", true, members);
		if (rc)
			return rc;
		if (!after || strlen(after) != BG_PART_HASH_TEXT - 1)
			return -EINVAL;
		memcpy(hash, after, BG_PART_HASH_TEXT);
		*changed = true;
	}
	return 0;
}

int bg_ring_apply(const struct bg_ring *ring, const char *group, json_int_t since,
		  struct bg_gathered_members *members, json_int_t *first,
		  char hash[BG_PART_HASH_TEXT], struct bg_error *err)
{
	json_int_t first_change = 0;

	for (size_t i = 0; i < ring->count; i++) {
		const struct bg_ring_part *part = &ring->part[i];
		bool changed = false;
		int rc;

		if (part->sequence <= since)
			continue;
		rc = apply_part(part, group, members, hash, &changed);
		if (rc == -ENOMEM)
			return bg_no_memory(err, BG_PARTS_DOING);
		if (rc)
			return bg_fail(err, rc,
				       "MemberChanges %lld: the change of %s does not fit its "
				       "members",
				       (long long)part->sequence, group);
		if (changed && !first_change)
			first_change = part->sequence;
	}
	if (first)
		*first = first_change;
	return 0;
}

/* --- new ones --- */

static int set_addresses(json_t *change, const char *key, const struct bg_gathered_members *members)
{
	if (!members->count)
		return 0;
	return json_object_set_new(change, key,
				   bg_addresses_json(members->prefixes, members->count));
}

json_t *bg_ring_change(const char *group, const struct bg_gathered_members *added,
		       const struct bg_gathered_members *removed,
		       const char hash[BG_PART_HASH_TEXT])
{
	json_t *change = json_pack("{s:s,s:s}", "group", group, "hash", hash);

	if (change &&
	    (set_addresses(change, "add", added) || set_addresses(change, "remove", removed))) {
		json_decref(change);
		return NULL;
	}
	return change;
}

int bg_ring_add(struct bg_part_set *set, json_int_t sequence, json_t *changes)
{
	json_t *spec = json_pack("{s:I,s:o}", "sequence", sequence, "changes", changes);
	char name[BG_PART_NAME_TEXT];
	int rc = spec ? bg_part_set_add(set, BG_MEMBER_CHANGES,
					bg_part_name_at(NULL, sequence % BG_RING_PARTS, name), spec)
		      : -ENOMEM;

	json_decref(spec);
	return rc;
}
