// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads in parts which others belong to them, as parts/assemble.c will ask for them, so that
 * served_parts.c can ask a server for many at a time. It judges no part, and keeps none.
 */
#include "fleet/served_needs.h"

#include <errno.h>
#include <string.h>

struct needs {
	const struct bg_part_source *source;
	int (*need)(void *context, enum bg_part_kind kind, const char *name, struct bg_error *err);
	void *context;
	size_t count;
	struct bg_error *err;
};

/* *spec is NULL while nobody has it. */
static int add(struct needs *needs, enum bg_part_kind kind, const char *name, const json_t **spec)
{
	struct bg_error unused;
	int rc;

	*spec = NULL;
	if (++needs->count > BG_NEEDS_MOST)
		return bg_fail(needs->err, -E2BIG,
			       "the feed of this node needs more than %d parts, expected no more "
			       "than that",
			       BG_NEEDS_MOST);
	rc = needs->need(needs->context, kind, name, needs->err);
	if (!rc && needs->source->get(needs->source->context, kind, name, spec, &unused))
		*spec = NULL;
	return rc;
}

/* What has this id; text that is no id is passed over. */
static int add_id(struct needs *needs, enum bg_part_kind kind, const json_t *id,
		  const json_t **spec)
{
	char name[BG_PART_NAME_TEXT];

	*spec = NULL;
	return json_string_length(id)
		       ? add(needs, kind, bg_part_name(kind, json_string_value(id), name), spec)
		       : 0;
}

static int add_shards(struct needs *needs, const json_t *id, const json_t *group)
{
	const json_t *members = json_object_get(group, "members");
	size_t count = json_array_size(json_object_get(members, "shards"));

	for (size_t i = 0; i < count && json_string_length(id); i++) {
		char name[BG_PART_NAME_TEXT];
		const json_t *unused;
		int rc = add(needs, BG_GROUP_MEMBERS,
			     bg_part_name_at(json_string_value(id), i, name), &unused);

		if (rc)
			return rc;
	}
	return 0;
}

/* What the rules of a group name: groups for their members, and lists. */
static int add_references(struct needs *needs, const json_t *group)
{
	const json_t *references = json_object_get(group, "references");
	const json_t *id, *spec;
	size_t i;
	int rc;

	json_array_foreach (json_object_get(references, "groups"), i, id) {
		rc = add_id(needs, BG_GROUP_FEED, id, &spec) ?: add_shards(needs, id, spec);
		if (rc)
			return rc;
	}
	json_array_foreach (json_object_get(references, "lists"), i, id) {
		rc = add_id(needs, BG_PREFIX_LIST_FEED, id, &spec);
		if (rc)
			return rc;
	}
	return 0;
}

static int add_ring(struct needs *needs)
{
	for (size_t place = 0; place < BG_RING_PARTS; place++) {
		char name[BG_PART_NAME_TEXT];
		const json_t *unused;
		int rc = add(needs, BG_MEMBER_CHANGES, bg_part_name_at(NULL, place, name), &unused);

		if (rc)
			return rc;
	}
	return 0;
}

int bg_served_needs(const struct bg_part_source *source, const char *node,
		    int (*need)(void *context, enum bg_part_kind kind, const char *name,
				struct bg_error *err),
		    void *context, struct bg_error *err)
{
	struct needs needs = { source, need, context, 0, err };
	char name[BG_PART_NAME_TEXT];
	const json_t *spec, *id, *group;
	size_t i;
	int rc = add(&needs, BG_NODE_FEED, bg_part_name(BG_NODE_FEED, node, name), &spec);

	if (rc || !spec)
		return rc;
	json_array_foreach (json_object_get(spec, "groups"), i, id) {
		rc = add_id(&needs, BG_GROUP_FEED, id, &group) ?: add_references(&needs, group);
		if (rc)
			return rc;
	}
	return add_ring(&needs);
}
