// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decides how the members of groups are written: as they are, as changes in the ring, or into
 * shards anew. make.c calls it. What cannot be read of the old parts it writes anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/parts/group_members.h"
#include "fleet/parts/make.h"

/* So many new parts of the ring at once; what does not fit goes into shards. */
#define NEW_PARTS_MOST 16
/* A change larger than this goes into shards. */
#define CHANGES_MOST 64
/* A ring with a higher number ends: what is written next is still one that can be read. */
#define SEQUENCE_MOST (BG_RING_SEQUENCE_MOST - BG_RING_PARTS)
/* A group that claims more members than any has counts for so many. */
#define COUNT_MOST (1 << 24)
/* A part of the ring without its changes. */
#define RING_PART_HEAD_BYTES 192

struct member_group {
	const char *id;
	const json_t *old_head; /* NULL: its members are written into shards */
	json_int_t first;	/* change behind the shards, 0 = none */
	const struct bg_gathered_members *now;
};

struct making {
	const struct bg_part_source *source;
	struct bg_part_set *old, *made;
	struct bg_ring ring;
	json_int_t top;	 /* of the ring when we are done */
	json_t *changes; /* of the part that is being filled */
	size_t changes_bytes, new_parts;
	bool renewed; /* the ring: nothing of the old one counts */
	struct bg_members_tally *tally;
};

static int no_memory(struct bg_error *err)
{
	return bg_no_memory(err, BG_PARTS_DOING);
}

/* --- what there is --- */

/* A ring that is not whole ends, and a new one goes on with its numbers, if there are any left:
 * every group is written into shards, as if there were no old parts. */
static int read_ring(struct making *making, struct bg_error *err)
{
	struct bg_error unused;
	json_int_t most = 0;

	if (!bg_ring_read(making->source, &making->ring, &unused) &&
	    making->ring.top <= SEQUENCE_MOST) {
		making->top = making->ring.top;
		return 0;
	}
	making->ring = (struct bg_ring){};
	for (size_t i = 0; i < making->old->count; i++) {
		const struct bg_part *part = &making->old->part[i];
		json_int_t sequence = json_integer_value(json_object_get(part->spec, "sequence"));

		if (part->kind == BG_MEMBER_CHANGES && sequence > most && sequence <= SEQUENCE_MOST)
			most = sequence;
	}
	making->top = most + 1;
	making->renewed = true;
	return bg_ring_add(making->made, making->top, json_array()) ? no_memory(err) : 0;
}

/* What the old parts say of the group's members, if that is whole. */
static const json_t *old_head(const struct making *making, const char *id)
{
	char name[BG_PART_NAME_TEXT];
	const struct bg_part *part =
		bg_part_set_find(making->old, BG_GROUP_FEED, bg_part_name(BG_GROUP_FEED, id, name));

	return part ? json_object_get(part->spec, "members") : NULL;
}

/* How many members a group had, of whose members nothing else can be read. */
static size_t told_count(const json_t *head)
{
	const json_int_t count = json_integer_value(json_object_get(head, "count"));

	return count < 0 ? 0 : count < COUNT_MOST ? (size_t)count : COUNT_MOST;
}

static void tally(const struct making *making, const struct member_group *group, size_t before)
{
	making->tally->before += before;
	making->tally->now += group->now->count;
}

/* --- the ring --- */

static int end_part(struct making *making)
{
	int rc = 0;

	if (making->changes) {
		rc = bg_ring_add(making->made, ++making->top, making->changes);
		making->new_parts++;
	}
	making->changes = NULL;
	making->changes_bytes = 0;
	return rc;
}

/* Owns `change`; 1: there is no room. */
static int add_change(struct making *making, json_t *change, size_t length_bytes)
{
	int rc = 0;

	if (making->changes && (making->changes_bytes + length_bytes > BG_RING_PART_BYTES ||
				json_array_size(making->changes) == BG_RING_CHANGES))
		rc = end_part(making);
	if (!rc && !making->changes) {
		if (making->new_parts == NEW_PARTS_MOST) {
			json_decref(change);
			return 1;
		}
		making->changes = json_array();
		making->changes_bytes = RING_PART_HEAD_BYTES;
	}
	making->changes_bytes += length_bytes;
	if (!rc && making->changes)
		return json_array_append_new(making->changes, change);
	json_decref(change);
	return -ENOMEM;
}

static int write_change(struct making *making, const struct member_group *group,
			const struct bg_gathered_members *added,
			const struct bg_gathered_members *removed)
{
	bg_auto_free char *text = NULL;
	char hash[BG_PART_HASH_TEXT];
	json_t *change = bg_addresses_hash(group->now, hash)
				 ? bg_ring_change(group->id, added, removed, hash)
				 : NULL;

	text = change ? json_dumps(change, JSON_COMPACT) : NULL;
	if (!text) {
		json_decref(change);
		return -ENOMEM;
	}
	return add_change(making, change, strlen(text) + 1);
}

/* Into the ring, if the group's shards may stay; 1: they may not. */
static int change_group(struct making *making, struct member_group *group, struct bg_error *err)
{
	struct bg_gathered_members was = {}, added = {}, removed = {};
	struct bg_error unused;
	int rc = bg_group_members_read(making->source, &making->ring, group->id, group->old_head,
				       &was, &group->first, &unused);

	tally(making, group, rc ? told_count(group->old_head) : was.count);
	/* its first change would soon leave the ring */
	if (rc ||
	    (group->first && group->first <= making->ring.top + NEW_PARTS_MOST - BG_RING_PARTS))
		rc = rc == -ENOMEM ? rc : 1;
	if (!rc && (bg_addresses_without(group->now, &was, &added) ||
		    bg_addresses_without(&was, group->now, &removed)))
		rc = -ENOMEM;
	if (!rc && added.count + removed.count > CHANGES_MOST)
		rc = 1;
	if (!rc && added.count + removed.count)
		rc = write_change(making, group, &added, &removed);
	bg_addresses_release(&was);
	bg_addresses_release(&added);
	bg_addresses_release(&removed);
	return rc < 0 ? no_memory(err) : rc;
}

/* What is still within reach goes on as it is. */
static int keep_ring(struct making *making)
{
	for (size_t i = 0; i < making->ring.count; i++) {
		json_t *changes = (json_t *)making->ring.part[i].changes;
		json_int_t sequence = making->ring.part[i].sequence;

		if (sequence > making->top - BG_RING_PARTS &&
		    bg_ring_add(making->made, sequence, json_incref(changes)))
			return -ENOMEM;
	}
	return 0;
}

/* --- shards --- */

static int keep_shards(struct making *making, const struct member_group *group, json_t *heads)
{
	size_t count = json_array_size(json_object_get(group->old_head, "shards"));

	for (size_t i = 0; i < count; i++) {
		char name[BG_PART_NAME_TEXT];
		const struct bg_part *part = bg_part_set_find(making->old, BG_GROUP_MEMBERS,
							      bg_part_name_at(group->id, i, name));

		if (!part || bg_part_set_add(making->made, BG_GROUP_MEMBERS, name, part->spec))
			return -ENOMEM;
	}
	return json_object_set(heads, group->id, (json_t *)group->old_head);
}

static int write_shards(struct making *making, const struct member_group *group, json_t *heads)
{
	json_t *head;

	return bg_group_members_write(making->made, group->id, making->top, group->now, &head)
		       ?: json_object_set_new(heads, group->id, head);
}

/* --- the whole --- */

static int make_all(struct making *making, struct member_group *groups, size_t count, json_t *heads,
		    struct bg_error *err)
{
	int rc = read_ring(making, err);

	for (size_t i = 0; i < count && !rc; i++) {
		const json_t *head = old_head(making, groups[i].id);

		groups[i].old_head = making->renewed ? NULL : head;
		if (making->renewed && head)
			tally(making, &groups[i], told_count(head));
		rc = groups[i].old_head ? change_group(making, &groups[i], err) : 0;
		if (rc > 0) {
			groups[i].old_head = NULL;
			rc = 0;
		}
	}
	if (rc)
		return rc;
	if (end_part(making) || keep_ring(making))
		return no_memory(err);
	for (size_t i = 0; i < count; i++)
		if (groups[i].old_head ? keep_shards(making, &groups[i], heads)
				       : write_shards(making, &groups[i], heads))
			return no_memory(err);
	return 0;
}

int bg_parts_make_members(struct bg_cluster *cluster, const struct bg_names *names,
			  struct bg_part_set *old, struct bg_part_set *made, json_t *heads,
			  struct bg_members_tally *tally, struct bg_error *err)
{
	const struct bg_part_source source = bg_part_set_source(old);
	struct making making = { .source = &source, .old = old, .made = made, .tally = tally };
	bg_auto_free struct member_group *groups = calloc(names->count + 1, sizeof(*groups));
	struct bg_gathered_members *members;
	int rc;

	if (!groups)
		return no_memory(err);
	rc = bg_members_of(cluster, names, NULL, &members, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < names->count; i++)
		groups[i] = (struct member_group){ .id = names->name[i], .now = &members[i] };
	rc = make_all(&making, groups, names->count, heads, err);
	json_decref(making.changes);
	bg_members_free(members, names->count);
	return rc;
}
