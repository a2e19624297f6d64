// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts what the API server has among the parts that are known. watcher.c calls it; it does not look
 * into objects beyond their name.
 */
#include "fleet/kube/objects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define PAGE_OBJECTS 100
#define PAGE_BYTES (32u << 20)
#define LIST_BYTES (128u << 20)

static int name_of(const json_t *object, const char **name, struct bg_error *err)
{
	const json_t *value = json_object_get(json_object_get(object, "metadata"), "name");

	*name = json_string_value(value);
	return *name && **name && strlen(*name) == json_string_length(value) &&
			       strlen(*name) < BG_PART_NAME_TEXT
		       ? 0
		       : bg_fail(err, -EPROTO, "found an object without /metadata/name");
}

int bg_k8s_put(json_t *objects, enum bg_part_kind kind, const json_t *object, struct bg_error *err)
{
	bg_auto_free char *text = NULL;
	const char *name;
	int rc = name_of(object, &name, err);

	if (rc)
		return rc;
	text = json_dumps(object, JSON_COMPACT);
	return text ? bg_parts_known_put(objects, kind, name, text, strlen(text), err)
		    : bg_no_memory(err, BG_PARTS_DOING);
}

int bg_k8s_remove(json_t *objects, const json_t *object, struct bg_error *err)
{
	const char *name;
	int rc = name_of(object, &name, err);

	if (!rc)
		json_object_del(objects, name);
	return rc;
}

/* --- as a watcher has it --- */

static int begin(void *context, struct bg_error *err)
{
	struct bg_k8s_place *place = context;

	place->listed = json_object();
	return place->listed ? 0 : bg_no_memory(err, BG_PARTS_DOING);
}

static int put(void *context, const json_t *object, struct bg_error *err)
{
	const struct bg_k8s_place *place = context;

	return bg_k8s_put(place->listed ?: *place->objects, place->kind, object, err);
}

static int take_away(void *context, const json_t *object, struct bg_error *err)
{
	const struct bg_k8s_place *place = context;

	return bg_k8s_remove(*place->objects, object, err);
}

static void end(void *context, bool whole)
{
	struct bg_k8s_place *place = context;

	if (whole) {
		json_decref(*place->objects);
		*place->objects = json_incref(place->listed);
	}
	json_decref(place->listed);
	place->listed = NULL;
}

#define PART(kind_, plural_)                                                                       \
	{ .name = kind_,                                                                           \
	  .path = "/apis/branchguard.dev/v1alpha1/" plural_,                                       \
	  .page_objects = PAGE_OBJECTS,                                                            \
	  .page_bytes = PAGE_BYTES,                                                                \
	  .list_bytes = LIST_BYTES,                                                                \
	  .begin = begin,                                                                          \
	  .put = put,                                                                              \
	  .remove = take_away,                                                                     \
	  .end = end }

const struct bg_watched_kind bg_watched_parts[BG_PART_KINDS] = {
	[BG_GROUP_MEMBERS] = PART("GroupMembers", "groupmembers"),
	[BG_GROUP_FEED] = PART("GroupFeed", "groupfeeds"),
	[BG_PREFIX_LIST_FEED] = PART("PrefixListFeed", "prefixlistfeeds"),
	[BG_MEMBER_CHANGES] = PART("MemberChanges", "memberchanges"),
	[BG_NODE_FEED] = PART("NodeFeed", "nodefeeds"),
};
