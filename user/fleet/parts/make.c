// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes the feeds of all nodes apart. `branchguard-fleet build --parts` calls it, and writes
 * what it has made. What it has made it tries, so that no node gets what its daemon refuses.
 */
#include "fleet/parts/make.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "fleet/parts/assemble.h"
#include "fleet/parts/group_members.h"

struct making {
	struct bg_cluster *cluster;
	const struct bg_parts_wanted *wanted;
	struct bg_part_set *old, *made;
	struct bg_names nodes;
	struct bg_names needed; /* groups whose rules a node needs */
	struct bg_names referenced, lists;
	size_t *rules; /* indices of flat rules that count, by group, then by text */
	size_t rule_count;
	json_t *heads; /* group → its members in GroupFeed */
	struct bg_members_tally tally;
};

static void release(struct making *making)
{
	bg_names_release(&making->nodes);
	bg_names_release(&making->needed);
	bg_names_release(&making->referenced);
	bg_names_release(&making->lists);
	free(making->rules);
	json_decref(making->heads);
}

static int no_memory(struct bg_error *err)
{
	return bg_no_memory(err, BG_PARTS_DOING);
}

static json_t *names_json(const struct bg_names *names)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < names->count; i++)
		if (json_array_append_new(list, json_string(names->name[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* What we wrote ourselves. */
static json_t *parse(const char *text, size_t length_bytes, struct bg_error *err)
{
	json_error_t error;
	json_t *value = json_loadb(text, length_bytes, 0, &error);

	if (!value)
		bg_fail(err, -EINVAL, BG_PARTS_DOING ": %s", error.text);
	return value;
}

/* Takes over `spec`. */
static int add_part(struct making *making, enum bg_part_kind kind, const char *id, json_t *spec,
		    struct bg_error *err)
{
	char name[BG_PART_NAME_TEXT];
	const struct bg_part *part;
	int rc = spec && !json_object_set_new(spec, "id", json_string(id))
			 ? bg_part_set_add(making->made, kind, bg_part_name(kind, id, name), spec)
			 : -ENOMEM;

	json_decref(spec);
	if (rc == -EEXIST)
		return bg_fail(err, rc, "%s %s: another one has the same name", bg_part_kinds[kind],
			       id);
	if (rc)
		return no_memory(err);
	part = bg_part_set_find(making->made, kind, name);
	return part->length_bytes > BG_PART_MOST_BYTES
		       ? bg_fail(err, -E2BIG,
				 "%s: is %zu bytes, more than %u, which nobody would read",
				 part->file, part->length_bytes, BG_PART_MOST_BYTES)
		       : 0;
}

/* --- nodes --- */

/* Those that the API server has; where nobody asked for them, those that have pods. */
static int find_nodes(struct making *making)
{
	const struct bg_cluster *cluster = making->cluster;

	for (size_t i = 0; i < cluster->node_count; i++)
		if (!cluster->nodes[i].object.stale &&
		    bg_names_add(&making->nodes, cluster->nodes[i].object.name))
			return -ENOMEM;
	for (size_t i = 0; i < cluster->pod_count && !cluster->node_count; i++)
		if (bg_pod_has_branch(&cluster->pods[i]) && cluster->pods[i].node &&
		    bg_names_add(&making->nodes, cluster->pods[i].node))
			return -ENOMEM;
	bg_names_tidy(&making->nodes);
	return 0;
}

static int add_node(struct making *making, const char *name, struct bg_error *err)
{
	bg_cleanup(bg_node_alone_release) struct bg_node_alone alone = {};
	json_t *feed, *groups, *own;
	int rc = bg_node_alone(making->cluster, name, making->wanted->standard,
			       making->wanted->settings, &alone, err);

	if (rc)
		return rc;
	feed = parse(alone.feed.text, alone.feed.length_bytes, err);
	if (!feed)
		return bg_fail_in(err, -EINVAL, "%s", name);
	if (bg_names_add_all(&making->needed, &alone.groups)) {
		json_decref(feed);
		return no_memory(err);
	}
	groups = names_json(&alone.groups);
	own = bg_addresses_json(alone.own.prefixes, alone.own.count);
	/* (what is NULL fails it, and all the rest is released) */
	return add_part(making, BG_NODE_FEED, name,
			json_pack("{s:o,s:o,s:o}", "feed", feed, "groups", groups, "own", own),
			err);
}

static int add_nodes(struct making *making, struct bg_error *err)
{
	if (find_nodes(making))
		return no_memory(err);
	for (size_t i = 0; i < making->nodes.count; i++) {
		int rc = add_node(making, making->nodes.name[i], err);

		if (rc)
			return rc;
		/* (the same few groups on every node) */
		bg_names_tidy(&making->needed);
	}
	return 0;
}

/* --- groups --- */

static int by_group(const void *a, const void *b, void *context)
{
	const struct bg_cluster *cluster = context;
	const struct bg_ec2_rules *one = &cluster->rules[*(const size_t *)a];
	const struct bg_ec2_rules *other = &cluster->rules[*(const size_t *)b];
	int order = strcmp(one->group, other->group);

	return order ? order : strcmp(one->text, other->text);
}

/* Alone a flat rule would define its group: of one that was left out there are none either. */
static int sort_rules(struct making *making)
{
	const struct bg_cluster *cluster = making->cluster;

	for (size_t i = 0; i < cluster->rule_count; i++) {
		const struct bg_ec2_rules *rule = &cluster->rules[i];
		size_t *added;

		if (rule->doubtful || !bg_names_have(&making->needed, rule->group) ||
		    !bg_find_group(cluster, rule->group))
			continue;
		added = BG_GROW(making->rules, making->rule_count);
		if (!added)
			return -ENOMEM;
		*added = i;
	}
	if (making->rule_count)
		qsort_r(making->rules, making->rule_count, sizeof(*making->rules), by_group,
			(void *)cluster);
	return 0;
}

/* The first rule of the group in making->rules; none if it is another's. */
static size_t first_rule(const struct making *making, const char *group)
{
	size_t low = 0, high = making->rule_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(making->cluster->rules[making->rules[middle]].group, group) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int append(json_t *list, const char *text, struct bg_error *err)
{
	json_t *value = parse(text, strlen(text), err);

	if (!value)
		return -EINVAL;
	return json_array_append_new(list, value) ? no_memory(err) : 0;
}

/* What the group's rules are and name, into `spec`; *groups and *lists get the names, too. */
static int set_rules(struct making *making, const struct bg_ec2_rules *group, json_t *spec,
		     struct bg_names *groups, struct bg_names *lists, struct bg_error *err)
{
	const struct bg_cluster *cluster = making->cluster;
	json_t *rules = json_array(), *value = parse(group->text, strlen(group->text), err);
	int rc = rules && value ? 0 : -EINVAL;

	if (bg_names_add_all(groups, &group->groups) || bg_names_add_all(lists, &group->lists))
		rc = no_memory(err);
	for (size_t i = first_rule(making, group->id); !rc && i < making->rule_count; i++) {
		const struct bg_ec2_rules *rule = &cluster->rules[making->rules[i]];

		if (strcmp(rule->group, group->id) != 0)
			break;
		rc = append(rules, rule->text, err);
		if (!rc && (bg_names_add_all(groups, &rule->groups) ||
			    bg_names_add_all(lists, &rule->lists)))
			rc = no_memory(err);
	}
	bg_names_tidy(groups);
	bg_names_tidy(lists);
	if (!rc &&
	    (json_object_set(spec, "group", value) || json_object_set(spec, "rules", rules) ||
	     json_object_set_new(spec, "references",
				 json_pack("{s:o,s:o}", "groups", names_json(groups), "lists",
					   names_json(lists)))))
		rc = no_memory(err);
	json_decref(rules);
	json_decref(value);
	return rc;
}

/* The spec of a group without its members. */
static int group_spec(struct making *making, const char *id, json_t *spec, struct bg_error *err)
{
	const struct bg_ec2_rules *group = bg_find_group(making->cluster, id);
	bg_cleanup(bg_names_release) struct bg_names groups = {};
	bg_cleanup(bg_names_release) struct bg_names lists = {};
	int rc;

	if (json_object_set_new(spec, "exists", json_boolean(group)))
		return no_memory(err);
	if (!group || !bg_names_have(&making->needed, id))
		return 0;
	rc = set_rules(making, group, spec, &groups, &lists, err);
	if (rc)
		return rc;
	if (bg_names_add_all(&making->referenced, &groups) ||
	    bg_names_add_all(&making->lists, &lists))
		return no_memory(err);
	return 0;
}

/* Specs of all groups that a node needs or a rule names, by id; then members; then parts. */
static int add_groups(struct making *making, struct bg_error *err)
{
	const struct bg_names *rounds[] = { &making->needed, &making->referenced };
	json_t *specs = json_object(), *spec;
	const char *id;
	int rc = specs && !sort_rules(making) ? 0 : no_memory(err);

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < rounds[round]->count && !rc; i++) {
			if (json_object_get(specs, rounds[round]->name[i]))
				continue;
			spec = json_object();
			if (json_object_set_new(specs, rounds[round]->name[i], spec))
				rc = no_memory(err);
			else
				rc = group_spec(making, rounds[round]->name[i], spec, err);
		}
		bg_names_tidy(&making->referenced);
	}
	rc = rc
		     ?: bg_parts_make_members(making->cluster, &making->referenced, making->old,
					      making->made, making->heads, &making->tally, err);
	json_object_foreach (specs, id, spec) {
		json_t *head = json_object_get(making->heads, id);

		if (!rc && head && json_object_set(spec, "members", head))
			rc = no_memory(err);
		rc = rc ?: add_part(making, BG_GROUP_FEED, id, json_incref(spec), err);
	}
	json_decref(specs);
	return rc;
}

/* --- lists --- */

static int add_lists(struct making *making, struct bg_error *err)
{
	bg_names_tidy(&making->lists);
	for (size_t i = 0; i < making->lists.count; i++) {
		const struct bg_ec2_list *list =
			bg_find_list(making->cluster, making->lists.name[i]);
		json_t *spec = list ? json_pack("{s:o}", "entries", names_json(&list->entries))
				    : json_object();
		int rc = add_part(making, BG_PREFIX_LIST_FEED, making->lists.name[i], spec, err);

		if (rc)
			return rc;
	}
	return 0;
}

/* --- the whole --- */

static int try_nodes(struct making *making, struct bg_error *err)
{
	const struct bg_part_source source = bg_part_set_source(making->made);

	for (size_t i = 0; i < making->nodes.count; i++) {
		bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
		int rc = bg_parts_assemble(&source, making->nodes.name[i], true, &feed, err);

		if (rc)
			return bg_fail_in(err, rc, "%s: trying the parts", making->nodes.name[i]);
	}
	return 0;
}

int bg_parts_make(struct bg_cluster *cluster, const struct bg_parts_wanted *wanted,
		  struct bg_part_set *old, struct bg_part_set *made, struct bg_error *err)
{
	bg_cleanup(release) struct making making = {
		.cluster = cluster,
		.wanted = wanted,
		.old = old,
		.made = made,
		.heads = json_object(),
	};
	int rc = making.heads ? add_nodes(&making, err) : no_memory(err);

	return rc ?: add_groups(&making, err) ?: add_lists(&making, err) ?: try_nodes(&making, err)
		   ?: bg_parts_check_shrink(old, made, &making.tally, wanted->max_shrink_percent,
					       err);
}
