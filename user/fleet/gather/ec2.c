// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What EC2 describes → model: groups and rules as the text that feeds get, interfaces as
 * addresses in groups, prefix lists as CIDRs. document.c calls it for each object. Two
 * descriptions of one thing that differ say that one of the files is old, and not which:
 * neither counts then, whatever their order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/reading.h"
#include "fleet/gather/document.h"
#include "fleet/gather/shaped.h"

const char *const bg_tracked_timeouts[BG_TRACKED_TIMEOUTS + 1] = { "TcpEstablishedTimeout",
								   "UdpStreamTimeout", "UdpTimeout",
								   NULL };

/* A failure of one object is a report, and reading goes on. */
static int broken(struct bg_cluster *cluster, const struct bg_item *item, const char *kind,
		  const char *name, int rc, struct bg_error *err)
{
	if (!rc || rc == -ENOMEM)
		return rc;
	return bg_report_left_out(cluster, item->file, kind, name, err)
		       ? bg_no_memory(err, BG_GATHERING)
		       : 0;
}

static int doubt(struct bg_cluster *cluster, const struct bg_item *item, const char *kind,
		 const char *id, bool *doubtful, struct bg_error *err)
{
	if (*doubtful)
		return 0;
	*doubtful = true;
	return bg_report(cluster,
			 "%s: %s %s is described twice, differently: give only the newer answer; "
			 "left out",
			 item->file, kind, id)
		       ? bg_no_memory(err, BG_GATHERING)
		       : 0;
}

/* --- groups and rules --- */

/* Would the daemon take it? Its own parser is asked, with this and nothing else. */
static int try_in_feed(const struct bg_item *item, const struct bg_json_writer *text, bool is_group,
		       struct bg_error *err)
{
	static const char *const heads[] = {
		"{\"FeedVersion\":1,\"SecurityGroups\":[],\"SecurityGroupRules\":[",
		"{\"FeedVersion\":1,\"SecurityGroups\":[",
	};
	static const char *const lists[] = { "/SecurityGroupRules/0", "/SecurityGroups/0" };
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	bg_cleanup(bg_model_free_at) struct bg_model *model = NULL;
	bg_cleanup(bg_problems_free) struct bg_problems errors = {};
	char pointer[2 * BG_POINTER_TEXT];
	const struct bg_problem *first;
	int rc;

	bg_json_raw(&feed, heads[is_group], strlen(heads[is_group]));
	bg_json_raw(&feed, text->text, text->length_bytes);
	bg_json_raw(&feed, "]}", 2);
	if (text->failed || feed.failed)
		return bg_no_memory(err, BG_GATHERING);
	rc = bg_feed_parse("", feed.text, feed.length_bytes, &model, &errors, err);
	if (rc != -EINVAL || !errors.count)
		return rc;
	first = &errors.problem[0];
	bg_at_format(item->at, false, pointer);
	if (!strncmp(first->pointer, lists[is_group], strlen(lists[is_group])))
		strncat(pointer, first->pointer + strlen(lists[is_group]),
			sizeof(pointer) - strlen(pointer) - 1);
	return bg_fail_at(err, pointer, "%s", first->text);
}

/* The references become those of *rules. */
static int copy_rules(struct bg_cluster *cluster, const struct bg_item *item, bool is_group,
		      struct bg_ec2_rules *rules, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer text = {};
	struct bg_references references = { .interned = &cluster->interned };
	int rc = bg_shaped_copy(&text, item->value, item->at,
				is_group ? BG_OBJECT_GROUP : BG_OBJECT_RULE, &references, err)
			 ?: try_in_feed(item, &text, is_group, err);

	bg_names_tidy(&references.groups);
	bg_names_tidy(&references.lists);
	rules->groups = references.groups;
	rules->lists = references.lists;
	if (rc)
		return rc;
	rules->text = bg_intern(&cluster->interned, text.text, text.length_bytes);
	return rules->text ? 0 : bg_no_memory(err, BG_GATHERING);
}

static void release_references(struct bg_ec2_rules *rules)
{
	bg_names_release(&rules->groups);
	bg_names_release(&rules->lists);
}

/* A rule without an id is known by its text. */
static int add_rules(struct bg_cluster *cluster, const struct bg_item *item, bool is_group,
		     const struct bg_ec2_rules *rules, bool *added, struct bg_error *err)
{
	struct bg_ec2_rules **array = is_group ? &cluster->groups : &cluster->rules;
	size_t *count = is_group ? &cluster->group_count : &cluster->rule_count;
	struct bg_dict *dict = is_group ? &cluster->groups_by_id : &cluster->rules_by_id;
	const char *key = *rules->id ? rules->id : rules->text;
	struct bg_ec2_rules *grown;
	const size_t *known = bg_dict_find(dict, key, strlen(key));

	*added = false;
	if (known) {
		grown = &(*array)[*known];
		/* equal texts are one */
		return grown->text == rules->text
			       ? 0
			       : doubt(cluster, item, is_group ? "group" : "rule", rules->id,
				       &grown->doubtful, err);
	}
	grown = bg_grow(*array, *count, sizeof(**array));
	if (!grown || !bg_dict_put(dict, key, strlen(key), *count, NULL)) {
		if (grown)
			*array = grown;
		return bg_no_memory(err, BG_GATHERING);
	}
	*array = grown;
	grown[(*count)++] = *rules;
	*added = true;
	return 0;
}

static int rules_item(struct bg_cluster *cluster, const struct bg_item *item, bool is_group,
		      struct bg_error *err)
{
	const struct bg_shape *shape =
		&bg_objects[is_group ? BG_OBJECT_GROUP : BG_OBJECT_RULE].shape;
	const size_t id = is_group ? (size_t)GROUP_ID : (size_t)FLAT_ID;
	const size_t group = is_group ? (size_t)GROUP_ID : (size_t)FLAT_GROUP;
	struct bg_ec2_rules rules = { .id = "", .group = "" };
	struct bg_fields fields;
	bool added = false;
	int rc = bg_json_fields(item->value, item->at, shape, NULL, NULL, &fields, err) ?:
		 bg_field_required(&fields, group, err) ?:
		 bg_gather_id(cluster, &fields, group, BG_ID_BYTES, &rules.group, err) ?:
		 bg_gather_id(cluster, &fields, id, BG_ID_BYTES, &rules.id, err) ?:
		 copy_rules(cluster, item, is_group, &rules, err);

	rc = broken(cluster, item, is_group ? "group" : "rule", *rules.id ? rules.id : NULL, rc,
		    err);
	if (!rc && rules.text)
		rc = add_rules(cluster, item, is_group, &rules, &added, err);
	if (!added)
		release_references(&rules);
	return rc;
}

int bg_ec2_group_item(struct bg_cluster *cluster, const struct bg_item *item, struct bg_error *err)
{
	return rules_item(cluster, item, true, err);
}

int bg_ec2_rule_item(struct bg_cluster *cluster, const struct bg_item *item, struct bg_error *err)
{
	return rules_item(cluster, item, false, err);
}

/* --- interfaces --- */

static int add_prefix(struct bg_ec2_interface *interface, const struct bg_json *value,
		      const struct bg_at *at, bool is_address, struct bg_error *err)
{
	struct bg_prefix *prefix = BG_GROW(interface->prefixes, interface->prefix_count);

	if (!prefix)
		return bg_no_memory(err, BG_GATHERING);
	return bg_gather_prefix(value, at, is_address, prefix, err);
}

static int add_single(struct bg_ec2_interface *interface, const struct bg_fields *fields,
		      size_t field, struct bg_error *err)
{
	struct bg_at at = bg_field_at(fields, field);

	return fields->values[field] ? add_prefix(interface, fields->values[field], &at, true, err)
				     : 0;
}

/* An array of objects, each with one key that is wanted. */
static int add_listed(struct bg_ec2_interface *interface, const struct bg_fields *fields,
		      size_t field, enum bg_object object, struct bg_error *err)
{
	const bool is_address = object == BG_OBJECT_IPV4_ADDRESS ||
				object == BG_OBJECT_IPV6_ADDRESS;
	struct bg_at list = bg_field_at(fields, field);
	const struct bg_json *element;
	int rc = bg_get_array(fields, field, &element, err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i), where;
		struct bg_fields entry;

		rc = bg_json_fields(element, &at, &bg_objects[object].shape, NULL, NULL, &entry,
				    err)
			     ?: bg_field_required(&entry, 0, err);
		if (rc)
			break;
		where = bg_field_at(&entry, 0);
		rc = add_prefix(interface, entry.values[0], &where, is_address, err);
	}
	return rc;
}

static int interface_groups(struct bg_cluster *cluster, struct bg_ec2_interface *interface,
			    const struct bg_fields *fields, struct bg_error *err)
{
	const struct bg_shape *shape = &bg_objects[BG_OBJECT_GROUP_ID].shape;
	struct bg_at list = bg_field_at(fields, INTERFACE_GROUPS);
	const struct bg_json *element;
	int rc = bg_get_array(fields, INTERFACE_GROUPS, &element, err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_fields group;
		const char *id = NULL;

		rc = bg_json_fields(element, &at, shape, NULL, NULL, &group, err) ?:
		     bg_field_required(&group, 0, err) ?:
		     bg_gather_id(cluster, &group, 0, BG_ID_BYTES, &id, err);
		if (!rc && bg_names_add(&interface->groups, id))
			rc = bg_no_memory(err, BG_GATHERING);
	}
	bg_names_tidy(&interface->groups);
	return rc;
}

static int interface_timeouts(struct bg_ec2_interface *interface, const struct bg_fields *fields,
			      struct bg_error *err)
{
	static const struct bg_shape shape = { bg_tracked_timeouts, BG_TRACKED_TIMEOUTS };
	struct bg_fields timeouts;
	struct bg_at at;
	bool present;
	int rc =
		bg_gather_object(fields, INTERFACE_TRACKING, &shape, &at, &timeouts, &present, err);

	for (size_t i = 0; i < BG_TRACKED_TIMEOUTS && !rc; i++)
		rc = bg_get_integer(&timeouts, i, 1, BG_MAX_TIMEOUT_S, &interface->timeouts_s[i],
				    err);
	return rc;
}

static int by_prefix(const void *a, const void *b)
{
	return bg_prefix_compare(a, b);
}

/* EC2 repeats an address in the lists. */
static void tidy_prefixes(struct bg_ec2_interface *interface)
{
	size_t kept = 0;

	if (!interface->prefix_count)
		return;
	qsort(interface->prefixes, interface->prefix_count, sizeof(*interface->prefixes),
	      by_prefix);
	for (size_t i = 0; i < interface->prefix_count; i++)
		if (!kept ||
		    bg_prefix_compare(&interface->prefixes[kept - 1], &interface->prefixes[i]))
			interface->prefixes[kept++] = interface->prefixes[i];
	interface->prefix_count = kept;
}

static int read_interface(struct bg_cluster *cluster, const struct bg_item *item,
			  struct bg_ec2_interface *interface, struct bg_error *err)
{
	const struct bg_shape *shape = &bg_objects[BG_OBJECT_INTERFACE].shape;
	struct bg_fields fields;
	int rc = bg_json_fields(item->value, item->at, shape, NULL, NULL, &fields, err) ?:
		 bg_field_required(&fields, INTERFACE_ID, err) ?:
		 bg_gather_id(cluster, &fields, INTERFACE_ID, BG_ID_BYTES, &interface->id, err) ?:
		 add_single(interface, &fields, INTERFACE_ADDRESS, err) ?:
		 add_single(interface, &fields, INTERFACE_ADDRESS6, err) ?:
		 add_listed(interface, &fields, INTERFACE_ADDRESSES, BG_OBJECT_IPV4_ADDRESS, err) ?:
		 add_listed(interface, &fields, INTERFACE_ADDRESSES6, BG_OBJECT_IPV6_ADDRESS, err) ?:
		 add_listed(interface, &fields, INTERFACE_PREFIXES, BG_OBJECT_IPV4_PREFIX, err) ?:
		 add_listed(interface, &fields, INTERFACE_PREFIXES6, BG_OBJECT_IPV6_PREFIX, err) ?:
		 interface_groups(cluster, interface, &fields, err) ?:
		 interface_timeouts(interface, &fields, err);

	tidy_prefixes(interface);
	return rc;
}

static void release_interface(struct bg_ec2_interface *interface)
{
	bg_names_release(&interface->groups);
	free(interface->prefixes);
}

static bool same_prefixes(const struct bg_ec2_interface *a, const struct bg_ec2_interface *b)
{
	if (a->prefix_count != b->prefix_count)
		return false;
	for (size_t i = 0; i < a->prefix_count; i++)
		if (bg_prefix_compare(&a->prefixes[i], &b->prefixes[i]))
			return false;
	return true;
}

static bool same_interface(const struct bg_ec2_interface *a, const struct bg_ec2_interface *b)
{
	return bg_names_equal(&a->groups, &b->groups) && same_prefixes(a, b) &&
	       !memcmp(a->timeouts_s, b->timeouts_s, sizeof(a->timeouts_s));
}

int bg_ec2_interface_item(struct bg_cluster *cluster, const struct bg_item *item,
			  struct bg_error *err)
{
	bg_cleanup(release_interface) struct bg_ec2_interface interface = {};
	int rc = read_interface(cluster, item, &interface, err);
	struct bg_ec2_interface *added;
	const size_t *known;

	if (rc)
		return broken(cluster, item, "interface", interface.id, rc, err);
	known = bg_dict_find(&cluster->interfaces_by_id, interface.id, strlen(interface.id));
	if (known) {
		added = &cluster->interfaces[*known];
		return same_interface(added, &interface)
			       ? 0
			       : doubt(cluster, item, "interface", interface.id, &added->doubtful,
				       err);
	}
	added = BG_GROW(cluster->interfaces, cluster->interface_count);
	if (!added || !bg_dict_put(&cluster->interfaces_by_id, interface.id, strlen(interface.id),
				   cluster->interface_count - 1, NULL))
		return bg_no_memory(err, BG_GATHERING);
	*added = interface;
	interface = (struct bg_ec2_interface){};
	return 0;
}

/* --- prefix lists --- */

static struct bg_ec2_list *find_list(struct bg_cluster *cluster, const char *id)
{
	const size_t *known = bg_dict_find(&cluster->lists_by_id, id, strlen(id));
	struct bg_ec2_list *list;

	if (known)
		return &cluster->lists[*known];
	list = BG_GROW(cluster->lists, cluster->list_count);
	if (!list ||
	    !bg_dict_put(&cluster->lists_by_id, id, strlen(id), cluster->list_count - 1, NULL))
		return NULL;
	list->id = id;
	return list;
}

static int add_entry(struct bg_cluster *cluster, struct bg_names *entries,
		     const struct bg_json *value, const struct bg_at *at, struct bg_error *err)
{
	struct bg_prefix prefix;
	char text[BG_IP_TEXT];
	const char *kept;
	int rc = bg_gather_prefix(value, at, false, &prefix, err);

	if (rc)
		return rc;
	bg_prefix_format(&prefix, text);
	kept = bg_intern(&cluster->interned, text, strlen(text));
	return kept && !bg_names_add(entries, kept) ? 0 : bg_no_memory(err, BG_GATHERING);
}

/* Entries are objects with a Cidr; Cidrs, of AWS's own lists, are texts. */
static int read_entries(struct bg_cluster *cluster, const struct bg_fields *fields, size_t field,
			struct bg_names *entries, struct bg_error *err)
{
	const struct bg_shape *shape = &bg_objects[BG_OBJECT_LIST_ENTRY].shape;
	struct bg_at list = bg_field_at(fields, field);
	const struct bg_json *element;
	int rc = bg_get_array(fields, field, &element, err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i), where;
		struct bg_fields entry;

		if (field == LIST_CIDRS) {
			rc = add_entry(cluster, entries, element, &at, err);
			continue;
		}
		rc = bg_json_fields(element, &at, shape, NULL, NULL, &entry, err)
			     ?: bg_field_required(&entry, 0, err);
		if (rc)
			break;
		where = bg_field_at(&entry, 0);
		rc = add_entry(cluster, entries, entry.values[0], &where, err);
	}
	return rc;
}

static struct bg_names take_names(struct bg_names *names)
{
	struct bg_names taken = *names;

	*names = (struct bg_names){};
	return taken;
}

/* Pages of one answer add up; two whole answers have to say the same. */
static int put_entries(struct bg_cluster *cluster, const struct bg_item *item,
		       struct bg_ec2_list *list, struct bg_names *entries, bool more_pages,
		       struct bg_error *err)
{
	bg_names_tidy(entries);
	if (!more_pages && list->last_pages && !bg_names_equal(&list->last_page, entries))
		return doubt(cluster, item, "prefix list", list->id, &list->doubtful, err);
	list->more_pages += more_pages;
	list->last_pages += !more_pages;
	list->has_entries = true;
	if (bg_names_add_all(&list->entries, entries))
		return bg_no_memory(err, BG_GATHERING);
	bg_names_tidy(&list->entries);
	if (!more_pages && list->last_pages == 1)
		list->last_page = take_names(entries);
	return 0;
}

static int list_item(struct bg_cluster *cluster, const struct bg_item *item, const char **id,
		     bool more_pages, struct bg_error *err)
{
	bg_cleanup(bg_names_release) struct bg_names entries = {};
	struct bg_ec2_list *list;
	struct bg_fields fields;
	int rc = bg_json_fields(item->value, item->at, &bg_objects[BG_OBJECT_LIST].shape, NULL,
				NULL, &fields, err);

	if (!rc && !*id)
		rc = bg_field_required(&fields, LIST_ID, err)
			     ?: bg_gather_id(cluster, &fields, LIST_ID, BG_ID_BYTES, id, err);
	rc = rc ?:
		  read_entries(cluster, &fields, LIST_ENTRIES, &entries, err) ?:
		  read_entries(cluster, &fields, LIST_CIDRS, &entries, err);
	if (rc)
		return rc;
	list = find_list(cluster, *id);
	if (!list)
		return bg_no_memory(err, BG_GATHERING);
	/* describe-managed-prefix-lists names lists without their entries */
	if (!fields.values[LIST_ENTRIES] && !fields.values[LIST_CIDRS])
		return 0;
	return put_entries(cluster, item, list, &entries, more_pages, err);
}

int bg_ec2_list_item(struct bg_cluster *cluster, const struct bg_item *item, const char *id,
		     bool more_pages, struct bg_error *err)
{
	return broken(cluster, item, "prefix list", id,
		      list_item(cluster, item, &id, more_pages, err), err);
}
