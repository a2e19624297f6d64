// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What rules' peers stand for: CIDRs, prefix lists, and members of groups. The parts that
 * read rules, interfaces and branches call it; equal peers never make two sets.
 */
#include "feed/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* --- sets, each once --- */

static int make_set(struct bg_feed *feed, enum bg_set_kind kind, struct bg_text name, size_t *index,
		    struct bg_error *err)
{
	struct bg_model *model = feed->model;
	size_t *first = bg_grow(feed->first_rule, model->set_count, sizeof(*first));
	struct bg_set *set;

	if (!first)
		return bg_no_memory(err, BG_READING);
	feed->first_rule = first;
	set = BG_GROW(model->sets, model->set_count);
	if (!set)
		return bg_no_memory(err, BG_READING);
	*index = model->set_count - 1;
	first[*index] = SIZE_MAX;
	set->kind = kind;
	set->name = bg_text_dup(name);
	return set->name ? 0 : bg_no_memory(err, BG_READING);
}

/* Address and length stand side by side, without padding between. */
#define PREFIX_KEY_BYTES (sizeof(struct bg_addr) + 1)
_Static_assert(offsetof(struct bg_prefix, length) == sizeof(struct bg_addr), "prefix key");

int bg_cidr_set(struct bg_feed *feed, const struct bg_prefix *prefix, bool make, size_t *set,
		struct bg_error *err)
{
	const size_t *known = bg_dict_find(&feed->cidr_sets, prefix, PREFIX_KEY_BYTES);
	char text[BG_IP_TEXT];
	struct bg_set *made;
	int rc;

	*set = known ? *known : SIZE_MAX;
	if (known || !make)
		return 0;
	bg_prefix_format(prefix, text);
	rc = make_set(feed, BG_SET_CIDR, (struct bg_text){ text, strlen(text) }, set, err);
	if (rc)
		return rc;
	made = &feed->model->sets[*set];
	made->prefixes = malloc(sizeof(*prefix));
	if (!made->prefixes)
		return bg_no_memory(err, BG_READING);
	made->prefixes[0] = *prefix;
	made->prefix_count = 1;
	made->resolved = true;
	return bg_dict_put(&feed->cidr_sets, made->prefixes, PREFIX_KEY_BYTES, *set, NULL)
		       ? 0
		       : bg_no_memory(err, BG_READING);
}

static int named_set(struct bg_feed *feed, enum bg_set_kind kind, struct bg_text id, bool make,
		     size_t *set, struct bg_error *err)
{
	struct bg_dict *dict = kind == BG_SET_LIST ? &feed->list_sets : &feed->group_sets;
	const size_t *known = bg_dict_find(dict, id.bytes, id.length);
	int rc;

	*set = known ? *known : SIZE_MAX;
	if (known || !make)
		return 0;
	rc = make_set(feed, kind, id, set, err);
	if (rc)
		return rc;
	return bg_dict_put(dict, feed->model->sets[*set].name, id.length, *set, NULL)
		       ? 0
		       : bg_no_memory(err, BG_READING);
}

int bg_list_set(struct bg_feed *feed, struct bg_text id, bool make, size_t *set,
		struct bg_error *err)
{
	return named_set(feed, BG_SET_LIST, id, make, set, err);
}

int bg_group_set(struct bg_feed *feed, struct bg_text id, bool make, size_t *set,
		 struct bg_error *err)
{
	return named_set(feed, BG_SET_GROUP, id, make, set, err);
}

/* --- prefix lists --- */

static int list_cidrs(struct bg_feed *feed, const struct bg_fields *fields, size_t field,
		      struct bg_set *set, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, field);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, field, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i), where = at;
		const struct bg_json *cidr = element;
		struct bg_fields entry;
		struct bg_prefix *prefix;

		if (field == LIST_ENTRIES) {
			rc = bg_feed_fields(feed, element, &at, BG_OBJECT_LIST_ENTRY, &entry, err)
				     ?: bg_field_required(&entry, 0, err);
			if (rc) {
				rc = bg_noted(feed, rc, err);
				continue;
			}
			where = bg_field_at(&entry, 0);
			cidr = entry.values[0];
		}
		prefix = BG_GROW(set->prefixes, set->prefix_count);
		if (!prefix)
			return bg_no_memory(err, BG_READING);
		rc = bg_noted(feed, bg_feed_prefix(feed, cidr, &where, BG_ANY_FAMILY, prefix, err),
			      err);
	}
	return rc;
}

/* A set that no rule names. */
static struct bg_set *spare_set(struct bg_feed *feed, enum bg_set_kind kind, struct bg_text name,
				struct bg_error *err)
{
	struct bg_model *model = feed->model;
	struct bg_set *set = BG_GROW(model->spare_sets, model->spare_set_count);

	if (set) {
		set->kind = kind;
		set->name = bg_text_dup(name);
	}
	if (!set || !set->name)
		bg_no_memory(err, BG_READING);
	return set && set->name ? set : NULL;
}

/* The set of the list that has this id: a rule's, or a spare one. */
static int set_of_list(struct bg_feed *feed, const struct bg_fields *fields, struct bg_text id,
		       struct bg_dict *seen, struct bg_set **set, struct bg_error *err)
{
	size_t index = SIZE_MAX;
	bool is_new;
	int rc = 0;

	if (!bg_dict_put(seen, id.bytes, id.length, 0, &is_new))
		return bg_no_memory(err, BG_READING);
	if (!is_new && id.length)
		return bg_field_unexpected(fields, LIST_ID,
					   "a list that does not stand in the feed already", err);
	if (id.length)
		rc = bg_list_set(feed, id, false, &index, err);
	if (rc)
		return rc;
	if (index != SIZE_MAX)
		*set = &feed->model->sets[index];
	else
		*set = spare_set(feed, BG_SET_LIST, id, err);
	return *set ? 0 : -ENOMEM;
}

static int prefix_list(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		       struct bg_dict *seen, struct bg_error *err)
{
	struct bg_text id = { "", 0 };
	struct bg_fields fields;
	struct bg_set *set = NULL;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_LIST, &fields, err);

	if (rc)
		return rc;
	rc = bg_noted(feed, bg_field_required(&fields, LIST_ID, err), err)
		     ?: bg_noted(feed, bg_get_id(&fields, LIST_ID, BG_ID_BYTES, &id, err), err);
	if (!rc)
		rc = bg_noted(feed, set_of_list(feed, &fields, id, seen, &set, err), err);
	if (rc || !set)
		return rc;
	set->resolved = fields.values[LIST_ENTRIES] || fields.values[LIST_CIDRS];
	rc = list_cidrs(feed, &fields, LIST_ENTRIES, set, err);
	return rc ? rc : list_cidrs(feed, &fields, LIST_CIDRS, set, err);
}

int bg_feed_prefix_lists(struct bg_feed *feed, const struct bg_fields *root, size_t field,
			 struct bg_error *err)
{
	bg_cleanup(bg_dict_release) struct bg_dict seen = {};
	struct bg_at list = bg_field_at(root, field);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(root, field, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);

		rc = bg_noted(feed, prefix_list(feed, element, &at, &seen, err), err);
	}
	return rc;
}

/* --- members of groups --- */

int bg_add_member(struct bg_feed *feed, struct bg_text group_id, const struct bg_prefix *prefixes,
		  size_t count, size_t *index, struct bg_error *err)
{
	const size_t *known = bg_dict_find(&feed->members_by_id, group_id.bytes, group_id.length);
	struct bg_members *members;

	if (known) {
		members = &feed->members[*known];
	} else {
		members = BG_GROW(feed->members, feed->member_groups);
		if (!members)
			return bg_no_memory(err, BG_READING);
		members->group_id = bg_text_dup(group_id);
		if (!members->group_id ||
		    !bg_dict_put(&feed->members_by_id, members->group_id, group_id.length,
				 feed->member_groups - 1, NULL))
			return bg_no_memory(err, BG_READING);
	}
	for (size_t i = 0; i < count; i++) {
		struct bg_prefix *prefix = BG_GROW(members->prefixes, members->count);

		if (!prefix)
			return bg_no_memory(err, BG_READING);
		*prefix = prefixes[i];
	}
	if (index)
		*index = (size_t)(members - feed->members);
	return 0;
}

static int warn_unresolved(struct bg_feed *feed, size_t index, struct bg_error *err)
{
	const struct bg_set *set = &feed->model->sets[index];
	char pointer[BG_RULE_POINTER_TEXT] = "";

	if (feed->first_rule[index] != SIZE_MAX)
		bg_rule_pointer(&feed->model->rules[feed->first_rule[index]], pointer);
	if (bg_warn_pointer(feed, BG_WARN_REFERENCE, pointer,
			    set->kind == BG_SET_LIST
				    ? "the feed has no entries of %s: it matches nothing"
				    : "the feed has neither %s nor members of it: it matches "
				      "nothing",
			    set->name))
		return bg_no_memory(err, BG_READING);
	return 0;
}

/* Members of groups that no rule names: a rule that is kept may (settle.h). */
static int keep_spare_members(struct bg_feed *feed, struct bg_error *err)
{
	for (size_t i = 0; i < feed->member_groups; i++) {
		struct bg_members *members = &feed->members[i];
		size_t length = strlen(members->group_id);
		struct bg_set *set;

		if (bg_dict_find(&feed->group_sets, members->group_id, length))
			continue;
		set = spare_set(feed, BG_SET_GROUP, (struct bg_text){ members->group_id, length },
				err);
		if (!set)
			return -ENOMEM;
		set->resolved = true;
		set->prefixes = bg_take_ptr(members->prefixes);
		set->prefix_count = members->count;
	}
	for (size_t i = 0; i < feed->model->spare_set_count; i++)
		bg_set_tidy(&feed->model->spare_sets[i]);
	return 0;
}

int bg_feed_resolve(struct bg_feed *feed, struct bg_error *err)
{
	struct bg_model *model = feed->model;

	for (size_t i = 0; i < feed->group_sets.room; i++) {
		const struct bg_dict_entry *entry = &feed->group_sets.entries[i];
		const size_t *group, *index;
		struct bg_set *set;

		if (!entry->key)
			continue;
		set = &model->sets[entry->value];
		group = bg_dict_find(&feed->groups, entry->key, entry->key_bytes);
		index = bg_dict_find(&feed->members_by_id, entry->key, entry->key_bytes);
		set->resolved = index || (group && model->groups[*group].known);
		if (!index)
			continue;
		set->prefixes = bg_take_ptr(feed->members[*index].prefixes);
		set->prefix_count = feed->members[*index].count;
	}
	for (size_t i = 0; i < model->set_count; i++) {
		int rc = model->sets[i].resolved ? 0 : warn_unresolved(feed, i, err);

		if (rc)
			return rc;
		bg_set_tidy(&model->sets[i]);
		model->member_count += model->sets[i].prefix_count;
	}
	return keep_spare_members(feed, err);
}
