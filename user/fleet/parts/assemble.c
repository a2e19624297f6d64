// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts a node's feed together. What follows parts calls it, and make.c to try what it has
 * made. Of parts that do not belong together it makes nothing at all.
 */
#include "fleet/parts/assemble.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/feed.h"
#include "fleet/gather/node_feed.h"
#include "fleet/parts/group_members.h"

/* More groups than any node has. */
#define MOST_NAMES 10000

struct assembling {
	const struct bg_part_source *source;
	const char *node;
	char name[BG_PART_NAME_TEXT]; /* of its NodeFeed */
	const json_t *spec;
	struct bg_ring ring;
	struct bg_gathered_members own;
	json_t *groups, *references, *lists; /* objects: id → what it is; a set of names */
	bool without_members;
	struct bg_json_writer *out;
};

static void release(struct assembling *assembling)
{
	bg_addresses_release(&assembling->own);
	json_decref(assembling->groups);
	json_decref(assembling->references);
	json_decref(assembling->lists);
}

static int no_memory(struct bg_error *err)
{
	return bg_no_memory(err, BG_PARTS_DOING);
}

/* --- parts --- */

static int get(struct assembling *assembling, enum bg_part_kind kind, const char *id,
	       const json_t **spec, struct bg_error *err)
{
	char name[BG_PART_NAME_TEXT];
	const char *found;
	int rc = assembling->source->get(assembling->source->context, kind,
					 bg_part_name(kind, id, name), spec, err);

	if (rc)
		return rc;
	found = json_string_value(json_object_get(*spec, "id"));
	return found && !strcmp(found, id) ? 0 : bg_part_wrong(kind, name, "id", id, err);
}

/* Each name of a list becomes a key. `kind`, `name` and `key` for the error. */
static int add_names(const json_t *list, json_t *names, enum bg_part_kind kind, const char *name,
		     const char *key, struct bg_error *err)
{
	const json_t *id;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > MOST_NAMES)
		return bg_part_wrong(kind, name, key, "an array of ids", err);
	json_array_foreach (list, i, id) {
		if (!json_is_string(id) || !json_string_length(id) ||
		    strlen(json_string_value(id)) != json_string_length(id))
			return bg_part_wrong(kind, name, key, "an array of ids", err);
		if (json_object_set_new(names, json_string_value(id), json_null()))
			return no_memory(err);
	}
	return 0;
}

static int read_node(struct assembling *assembling, struct bg_error *err)
{
	const json_t *feed;
	const char *node_name;
	int rc = get(assembling, BG_NODE_FEED, assembling->node, &assembling->spec, err);

	if (rc)
		return rc;
	bg_part_name(BG_NODE_FEED, assembling->node, assembling->name);
	feed = json_object_get(assembling->spec, "feed");
	node_name = json_string_value(json_object_get(json_object_get(feed, "Node"), "Name"));
	if (!node_name || strcmp(node_name, assembling->node) != 0)
		return bg_part_wrong(BG_NODE_FEED, assembling->name, "feed/Node/Name",
				     assembling->node, err);
	rc = bg_addresses_read(json_object_get(assembling->spec, "own"), &assembling->own);
	if (rc)
		return rc == -ENOMEM ? no_memory(err)
				     : bg_part_wrong(BG_NODE_FEED, assembling->name, "own",
						     "addresses, sorted", err);
	return add_names(json_object_get(assembling->spec, "groups"), assembling->groups,
			 BG_NODE_FEED, assembling->name, "groups", err);
}

/* Notes the group's spec, and what its rules name. */
static int read_group(struct assembling *assembling, const char *id, struct bg_error *err)
{
	char name[BG_PART_NAME_TEXT];
	const json_t *spec, *references;
	int rc = get(assembling, BG_GROUP_FEED, id, &spec, err);

	if (rc)
		return rc;
	bg_part_name(BG_GROUP_FEED, id, name);
	if (!json_is_boolean(json_object_get(spec, "exists")))
		return bg_part_wrong(BG_GROUP_FEED, name, "exists", "true or false", err);
	if (json_object_set(assembling->groups, id, (json_t *)spec))
		return no_memory(err);
	if (!json_is_true(json_object_get(spec, "exists")))
		return 0;
	if (!json_is_object(json_object_get(spec, "group")))
		return bg_part_wrong(BG_GROUP_FEED, name, "group",
				     "the group's rules, which this node needs", err);
	references = json_object_get(spec, "references");
	return add_names(json_object_get(references, "groups"), assembling->references,
			 BG_GROUP_FEED, name, "references/groups", err)
		       ?: add_names(json_object_get(references, "lists"), assembling->lists,
				    BG_GROUP_FEED, name, "references/lists", err);
}

static int read_groups(struct assembling *assembling, struct bg_error *err)
{
	const char *id;
	json_t *unused;
	void *next;

	json_object_foreach_safe (assembling->groups, next, id, unused) {
		int rc = read_group(assembling, id, err);

		(void)unused;
		if (rc)
			return rc;
	}
	return 0;
}

/* --- writing --- */

static int put_value(struct bg_json_writer *out, const json_t *value)
{
	bg_auto_free char *text =
		json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	if (!text)
		return -ENOMEM;
	bg_json_raw(out, text, strlen(text));
	out->comma = true;
	return 0;
}

/* A key may be anything: a newer writer's. */
static int put_member(struct bg_json_writer *out, const char *key, const json_t *value)
{
	json_t *word = json_string(key);
	int rc = -ENOMEM;

	if (out->comma)
		bg_json_raw(out, ",", 1);
	bg_json_raw(out, "\n ", 2);
	if (word && !put_value(out, word)) {
		bg_json_raw(out, ":", 1);
		rc = put_value(out, value);
	}
	json_decref(word);
	return rc;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object, sorted; *count of them. NULL when out of memory. */
static const char **sorted_keys(const json_t *object, size_t *count)
{
	const char **keys = malloc((json_object_size(object) + 1) * sizeof(*keys));
	const char *key;
	json_t *unused;

	*count = 0;
	if (!keys)
		return NULL;
	json_object_foreach ((json_t *)object, key, unused) {
		(void)unused;
		keys[(*count)++] = key;
	}
	if (*count)
		qsort(keys, *count, sizeof(*keys), by_key);
	return keys;
}

static bool is_ours(const char *key)
{
	static const char *const keys[] = {
		"FeedVersion",	      "Revision",    "SecurityGroups",
		"SecurityGroupRules", "PrefixLists", "NetworkInterfaces"
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strcmp(keys[i], key))
			return true;
	return false;
}

/* Branches stand behind all else, the rest in front of it. */
static int put_node(struct assembling *assembling, bool branches, struct bg_error *err)
{
	const json_t *feed = json_object_get(assembling->spec, "feed");
	size_t count;
	bg_auto_free const char **keys = sorted_keys(feed, &count);

	if (!keys)
		return no_memory(err);
	for (size_t i = 0; i < count; i++) {
		if (is_ours(keys[i]))
			return bg_part_wrong(BG_NODE_FEED, assembling->name, "feed",
					     "what only this node has", err);
		if (!strcmp(keys[i], "Branches") == branches &&
		    put_member(assembling->out, keys[i], json_object_get(feed, keys[i])))
			return no_memory(err);
	}
	return 0;
}

static int put_groups(struct assembling *assembling, const char *const *ids, size_t count)
{
	bg_put_key(assembling->out, "SecurityGroups");
	bg_json_open(assembling->out, '[');
	for (size_t i = 0; i < count; i++) {
		const json_t *spec = json_object_get(assembling->groups, ids[i]);

		if (!json_is_true(json_object_get(spec, "exists")))
			continue;
		bg_put_line(assembling->out);
		if (put_value(assembling->out, json_object_get(spec, "group")))
			return -ENOMEM;
	}
	bg_json_close(assembling->out, ']');
	return 0;
}

static int put_rules(struct assembling *assembling, const char *const *ids, size_t count)
{
	bool opened = false;

	for (size_t i = 0; i < count; i++) {
		const json_t *spec = json_object_get(assembling->groups, ids[i]);
		const json_t *rule;
		size_t k;

		json_array_foreach (json_object_get(spec, "rules"), k, rule) {
			if (!opened) {
				bg_put_key(assembling->out, "SecurityGroupRules");
				bg_json_open(assembling->out, '[');
				opened = true;
			}
			bg_put_line(assembling->out);
			if (put_value(assembling->out, rule))
				return -ENOMEM;
		}
	}
	if (opened)
		bg_json_close(assembling->out, ']');
	return 0;
}

static int put_list(struct assembling *assembling, const char *id, struct bg_error *err)
{
	struct bg_json_writer *out = assembling->out;
	const json_t *spec, *entries, *entry;
	char name[BG_PART_NAME_TEXT];
	size_t i;
	int rc = get(assembling, BG_PREFIX_LIST_FEED, id, &spec, err);

	entries = rc ? NULL : json_object_get(spec, "entries");
	if (!entries)
		return rc;
	bg_part_name(BG_PREFIX_LIST_FEED, id, name);
	if (!json_is_array(entries))
		return bg_part_wrong(BG_PREFIX_LIST_FEED, name, "entries", "an array", err);
	bg_put_line(out);
	bg_json_open(out, '{');
	bg_json_key(out, "PrefixListId");
	bg_json_string(out, id);
	bg_json_key(out, "Entries");
	bg_json_open(out, '[');
	json_array_foreach (entries, i, entry) {
		if (!json_is_string(entry))
			return bg_part_wrong(BG_PREFIX_LIST_FEED, name, "entries", "CIDRs", err);
		bg_json_open(out, '{');
		bg_json_key(out, "Cidr");
		bg_json_string(out, json_string_value(entry));
		bg_json_close(out, '}');
	}
	bg_json_close(out, ']');
	bg_json_close(out, '}');
	return 0;
}

static int put_lists(struct assembling *assembling, struct bg_error *err)
{
	size_t count;
	bg_auto_free const char **ids = sorted_keys(assembling->lists, &count);

	if (!ids)
		return no_memory(err);
	if (!count)
		return 0;
	bg_put_key(assembling->out, "PrefixLists");
	bg_json_open(assembling->out, '[');
	for (size_t i = 0; i < count; i++) {
		int rc = put_list(assembling, ids[i], err);

		if (rc)
			return rc;
	}
	bg_json_close(assembling->out, ']');
	return 0;
}

static int put_members(struct assembling *assembling, const char *id, struct bg_error *err)
{
	struct bg_gathered_members members = {}, others = {};
	char name[BG_PART_NAME_TEXT];
	const json_t *spec, *head;
	int rc = get(assembling, BG_GROUP_FEED, id, &spec, err);

	if (rc)
		return rc;
	head = json_object_get(spec, "members");
	if (!json_is_object(head))
		return bg_part_wrong(BG_GROUP_FEED, bg_part_name(BG_GROUP_FEED, id, name),
				     "members", "who is a member, which a rule asks for", err);
	rc = bg_group_members_read(assembling->source, &assembling->ring, id, head, &members, NULL,
				   err);
	if (!rc && bg_addresses_without(&members, &assembling->own, &others))
		rc = no_memory(err);
	if (!rc && (others.count || json_is_true(json_object_get(spec, "exists"))))
		bg_put_interface(assembling->out, id, &others);
	bg_addresses_release(&members);
	bg_addresses_release(&others);
	return rc;
}

static int put_interfaces(struct assembling *assembling, struct bg_error *err)
{
	size_t count;
	bg_auto_free const char **ids = sorted_keys(assembling->references, &count);
	int rc;

	if (!ids)
		return no_memory(err);
	if (!count || assembling->without_members)
		return 0;
	rc = bg_ring_read(assembling->source, &assembling->ring, err);
	if (rc)
		return rc;
	bg_put_key(assembling->out, "NetworkInterfaces");
	bg_json_open(assembling->out, '[');
	for (size_t i = 0; i < count && !rc; i++)
		rc = put_members(assembling, ids[i], err);
	bg_json_close(assembling->out, ']');
	return rc;
}

static int put_rest(struct assembling *assembling, struct bg_error *err)
{
	size_t count;
	bg_auto_free const char **ids = sorted_keys(assembling->groups, &count);
	int rc;

	if (!ids)
		return no_memory(err);
	rc = put_node(assembling, false, err);
	if (rc)
		return rc;
	if (put_groups(assembling, ids, count) || put_rules(assembling, ids, count))
		return no_memory(err);
	return put_lists(assembling, err) ?: put_interfaces(assembling, err)
		       ?: put_node(assembling, true, err);
}

/* --- the whole --- */

static int try_feed(const char *node, const struct bg_json_writer *feed, struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *model = NULL;
	int rc = bg_feed_parse("the feed", feed->text, feed->length_bytes, &model, NULL, err);

	return rc ? bg_fail_in(err, rc, "%s: the daemon would refuse what the parts make", node)
		  : 0;
}

#define FEED_HEAD "{\"FeedVersion\":1,\"Revision\":\""

static void put_whole(const struct bg_json_writer *rest, struct bg_json_writer *feed)
{
	char hash[BG_PART_HASH_TEXT];

	bg_part_digest(rest->text, rest->length_bytes, hash);
	bg_json_raw(feed, FEED_HEAD, strlen(FEED_HEAD));
	bg_json_raw(feed, hash, strlen(hash));
	bg_json_raw(feed, "\",", 2);
	bg_json_raw(feed, rest->text, rest->length_bytes);
	bg_json_raw(feed, "}\n", 2);
}

void bg_parts_revision(const struct bg_json_writer *feed, char revision[BG_PART_HASH_TEXT])
{
	snprintf(revision, BG_PART_HASH_TEXT, "%.16s", feed->text + strlen(FEED_HEAD));
}

int bg_parts_assemble(const struct bg_part_source *source, const char *node, bool without_members,
		      struct bg_json_writer *feed, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer rest = {};
	bg_cleanup(release) struct assembling assembling = {
		.source = source,
		.node = node,
		.groups = json_object(),
		.references = json_object(),
		.lists = json_object(),
		.without_members = without_members,
		.out = &rest,
	};
	int rc = assembling.groups && assembling.references && assembling.lists ? 0
										: no_memory(err);

	rc = rc ?: read_node(&assembling, err) ?: read_groups(&assembling, err)
		   ?: put_rest(&assembling, err);
	if (rc)
		return rc;
	put_whole(&rest, feed);
	if (rest.failed || feed->failed)
		return no_memory(err);
	return try_feed(node, feed, err);
}
