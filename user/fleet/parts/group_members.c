// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cuts the members of a group into shards, and puts them together again. make.c and
 * assemble.c call it. Members that are not exactly those that were written are none.
 */
#include "fleet/parts/group_members.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "fleet/parts/part_set.h"

/* A shard's text: what stands around the addresses, and at most so much of them. */
#define SHARD_HEAD_BYTES 512
#define SHARD_MOST_BYTES 75000
/* From so many bytes on it may end: at one address in so many. */
#define SHARD_LEAST_BYTES 25000
#define SHARD_ENDS_AT 512

/* --- reading --- */

static int wrong_head(const char *group, const char *expected, struct bg_error *err)
{
	char name[BG_PART_NAME_TEXT];

	return bg_part_wrong(BG_GROUP_FEED, bg_part_name(BG_GROUP_FEED, group, name), "members",
			     expected, err);
}

static int read_shard(const struct bg_part_source *source, const char *group, size_t index,
		      const char *hash, struct bg_gathered_members *members, struct bg_error *err)
{
	char name[BG_PART_NAME_TEXT], file[BG_PART_FILE_TEXT];
	const json_t *spec;
	const char *id, *found;
	int rc;

	if (!hash)
		return wrong_head(group, "hashes of shards", err);
	bg_part_name_at(group, index, name);
	rc = source->get(source->context, BG_GROUP_MEMBERS, name, &spec, err);
	if (rc)
		return rc;
	id = json_string_value(json_object_get(spec, "id"));
	found = json_string_value(json_object_get(spec, "hash"));
	if (!id || strcmp(id, group) != 0)
		return bg_part_wrong(BG_GROUP_MEMBERS, name, "id", group, err);
	if (!found || strcmp(found, hash) != 0)
		return bg_fail(err, -EBADMSG,
			       "%s: is another one than its group names: found the hash %.16s, "
			       "expected %.16s",
			       bg_part_file(BG_GROUP_MEMBERS, name, file), found ?: "none", hash);
	rc = bg_addresses_read(json_object_get(spec, "addresses"), members);
	if (rc == -ENOMEM)
		return bg_no_memory(err, BG_PARTS_DOING);
	return rc ? bg_part_wrong(BG_GROUP_MEMBERS, name, "addresses",
				  "addresses and prefixes, sorted", err)
		  : 0;
}

static int check_hash(const char *group, const struct bg_gathered_members *members,
		      const char *expected, struct bg_error *err)
{
	char hash[BG_PART_HASH_TEXT];

	if (!bg_addresses_hash(members, hash))
		return bg_no_memory(err, BG_PARTS_DOING);
	return strcmp(hash, expected) ? bg_fail(err, -EBADMSG,
						"members of %s: have the hash %s, expected %.16s: "
						"they are not whole",
						group, hash, expected)
				      : 0;
}

int bg_group_members_read(const struct bg_part_source *source, const struct bg_ring *ring,
			  const char *group, const json_t *head,
			  struct bg_gathered_members *members, json_int_t *first,
			  struct bg_error *err)
{
	const json_t *shards = json_object_get(head, "shards");
	const char *set = json_string_value(json_object_get(head, "hash"));
	const json_t *sequence = json_object_get(head, "sequence");
	char after[BG_PART_HASH_TEXT] = "";
	const json_t *shard;
	json_int_t first_change;
	size_t i;
	int rc = 0;

	if (!json_is_array(shards) || !set || !json_is_integer(sequence))
		return wrong_head(group, "hash, sequence and shards", err);
	if (json_integer_value(sequence) > ring->top)
		return bg_fail(err, -EBADMSG,
			       "members of %s: are those after change %lld, the last that is there "
			       "is %lld",
			       group, (long long)json_integer_value(sequence),
			       (long long)ring->top);
	json_array_foreach (shards, i, shard) {
		rc = read_shard(source, group, i, json_string_value(shard), members, err);
		if (rc)
			return rc;
	}
	rc = check_hash(group, members, set, err)
		     ?: bg_ring_apply(ring, group, json_integer_value(sequence), members,
				      &first_change, after, err);
	if (!rc && *after)
		rc = check_hash(group, members, after, err);
	if (!rc && first)
		*first = first_change;
	return rc;
}

/* --- writing --- */

/* Whether it ends a shard is the address's own business: so others stay where they are when
 * one more comes in front of them. */
static bool ends_shard(const struct bg_prefix *prefix)
{
	return !(bg_hash_bytes32(&prefix->addr, sizeof(prefix->addr)) % SHARD_ENDS_AT);
}

/* How many, from `first` on, are a shard. */
static size_t shard_length(const struct bg_gathered_members *members, size_t first)
{
	size_t used_bytes = SHARD_HEAD_BYTES, i = first;

	while (i < members->count) {
		char text[BG_IP_TEXT];

		/* its quotes and the comma */
		used_bytes += strlen(bg_prefix_format(&members->prefixes[i], text)) + 3;
		if (used_bytes > SHARD_MOST_BYTES)
			break;
		if (ends_shard(&members->prefixes[i++]) && used_bytes > SHARD_LEAST_BYTES)
			break;
	}
	return i - first;
}

/* Adds one, and its hash to `hashes`. */
static int write_shard(struct bg_part_set *set, const char *group, size_t index,
		       const struct bg_prefix *first, size_t count, json_t *hashes)
{
	json_t *addresses = bg_addresses_json(first, count);
	json_t *spec = addresses ? json_pack("{s:s,s:i,s:o}", "id", group, "index", (int)index,
					     "addresses", addresses)
				 : NULL;
	char name[BG_PART_NAME_TEXT];
	int rc = spec ? bg_part_set_add(set, BG_GROUP_MEMBERS, bg_part_name_at(group, index, name),
					spec)
		      : -ENOMEM;

	if (!rc && json_array_append(hashes, json_object_get(spec, "hash")))
		rc = -ENOMEM;
	json_decref(spec);
	return rc;
}

int bg_group_members_write(struct bg_part_set *set, const char *group, json_int_t sequence,
			   const struct bg_gathered_members *members, json_t **head)
{
	json_t *hashes = json_array();
	char hash[BG_PART_HASH_TEXT];
	int rc = hashes && bg_addresses_hash(members, hash) ? 0 : -ENOMEM;

	for (size_t first = 0, index = 0; !rc && first < members->count; index++) {
		size_t count = shard_length(members, first);

		rc = write_shard(set, group, index, &members->prefixes[first], count, hashes);
		first += count;
	}
	if (!rc) {
		*head = json_pack("{s:I,s:s,s:I,s:O}", "count", (json_int_t)members->count, "hash",
				  hash, "sequence", sequence, "shards", hashes);
		rc = *head ? 0 : -ENOMEM;
	}
	json_decref(hashes);
	return rc;
}
