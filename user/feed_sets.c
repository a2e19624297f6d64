// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What peers stand for: CIDRs, prefix lists, members of groups. */
#include "feed_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int members_of(struct bg_feed_reader *reader, struct bg_members_table *table, const char *id,
		      struct bg_members **members)
{
	struct bg_members *found = bg_feed_find_members(table, id);
	int rc;

	if (!found) {
		rc = bg_feed_grow(reader, &table->items, &table->room, table->count,
				  sizeof(*found));
		if (rc)
			return rc;
		if (json_object_set_new(table->index, id, json_integer((json_int_t)table->count)))
			return bg_feed_no_memory(reader);
		found = &table->items[table->count++];
		*found = (struct bg_members){ .id = id };
	}
	*members = found;
	return 0;
}

struct bg_members *bg_feed_find_members(const struct bg_members_table *table, const char *id)
{
	const json_t *found = json_object_get(table->index, id);

	return found ? &table->items[json_integer_value(found)] : NULL;
}

int bg_feed_add_member(struct bg_feed_reader *reader, struct bg_members_table *table,
		       const char *id, const struct bg_prefix *prefix)
{
	struct bg_members *members;
	int rc = members_of(reader, table, id, &members);

	if (!rc)
		rc = bg_feed_grow(reader, &members->prefixes, &members->room, members->count,
				  sizeof(*prefix));
	if (!rc)
		members->prefixes[members->count++] = *prefix;
	return rc;
}

static int read_entries(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *list)
{
	static const char *const known[] = { "Cidr", "Description", NULL };
	struct bg_at entries_at = { .parent = at, .key = "Entries" };
	const json_t *entries = NULL;
	struct bg_members *members;
	const char *id;
	int rc;

	rc = bg_json_string(&reader->json, at, list, "PrefixListId", &id);
	if (rc > 0)
		return bg_json_expected(&reader->json, at, "a PrefixListId", NULL);
	if (rc)
		return rc;
	if (bg_feed_find_members(&reader->lists, id))
		return bg_fail(reader->json.err, -EINVAL,
			       "%s: prefix list %s stands twice in the feed", reader->json.name,
			       id);
	rc = bg_json_array(&reader->json, at, list, "Entries", &entries);
	if (rc > 0) /* a list whose entries the feed does not know: resolves to nothing */
		return 0;
	if (!rc)
		rc = members_of(reader, &reader->lists, id, &members);
	for (size_t i = 0; i < json_array_size(entries) && !rc; i++) {
		struct bg_at here = { .parent = &entries_at, .index = i };
		struct bg_at cidr_at = { .parent = &here, .key = "Cidr" };
		const json_t *entry = json_array_get(entries, i);
		struct bg_prefix prefix;

		rc = bg_json_is_object(&reader->json, &here, entry);
		if (!rc)
			rc = bg_feed_check_keys(reader, &here, entry, known, NULL);
		if (!rc)
			rc = bg_feed_prefix(reader, &cidr_at, json_object_get(entry, "Cidr"),
					    &prefix);
		if (!rc)
			rc = bg_feed_add_member(reader, &reader->lists, id, &prefix);
	}
	return rc;
}

int bg_feed_read_lists(struct bg_feed_reader *reader)
{
	static const char *const known[] = { "PrefixListId", "Entries", NULL };
	static const char *const ignored[] = {
		"PrefixListName", "AddressFamily", "State", "MaxEntries",   "Version",
		"OwnerId",	  "PrefixListArn", "Tags",  "StateMessage", NULL
	};
	struct bg_at at = { .key = "PrefixLists" };
	const json_t *lists = NULL;
	int rc = bg_json_array(&reader->json, NULL, reader->root, "PrefixLists", &lists);

	if (rc)
		return rc < 0 ? rc : 0;
	for (size_t i = 0; i < json_array_size(lists) && !rc; i++) {
		struct bg_at here = { .parent = &at, .index = i };
		const json_t *list = json_array_get(lists, i);

		rc = bg_json_is_object(&reader->json, &here, list);
		if (!rc)
			rc = bg_feed_check_keys(reader, &here, list, known, ignored);
		if (!rc)
			rc = read_entries(reader, &here, list);
	}
	return rc;
}

/* One of the four address arrays of an interface. */
struct address_array {
	const char *array, *key;
	bool prefix;
};

static int read_interface(struct bg_feed_reader *reader, const struct bg_at *at,
			  const json_t *interface)
{
	static const struct address_array arrays[] = {
		{ "PrivateIpAddresses", "PrivateIpAddress", false },
		{ "Ipv6Addresses", "Ipv6Address", false },
		{ "Ipv4Prefixes", "Ipv4Prefix", true },
		{ "Ipv6Prefixes", "Ipv6Prefix", true },
	};
	struct bg_at groups_at = { .parent = at, .key = "Groups" };
	const json_t *groups = NULL;
	int rc = bg_json_array(&reader->json, at, interface, "Groups", &groups);

	if (rc)
		return rc < 0 ? rc : 0;
	for (size_t i = 0; i < sizeof(arrays) / sizeof(arrays[0]); i++) {
		struct bg_at array_at = { .parent = at, .key = arrays[i].array };
		const json_t *array = NULL;

		rc = bg_json_array(&reader->json, at, interface, arrays[i].array, &array);
		if (rc < 0)
			return rc;
		for (size_t k = 0; k < json_array_size(array); k++) {
			struct bg_at item_at = { .parent = &array_at, .index = k };
			struct bg_at value_at = { .parent = &item_at, .key = arrays[i].key };
			const json_t *item = json_array_get(array, k), *value;
			struct bg_prefix prefix = { .length = 128 };

			rc = bg_json_is_object(&reader->json, &item_at, item);
			if (rc)
				return rc;
			value = json_object_get(item, arrays[i].key);
			rc = arrays[i].prefix
				     ? bg_feed_prefix(reader, &value_at, value, &prefix)
				     : bg_feed_addr(reader, &value_at, value, &prefix.addr);
			for (size_t g = 0; g < json_array_size(groups) && !rc; g++) {
				struct bg_at group_at = { .parent = &groups_at, .index = g };
				const json_t *group = json_array_get(groups, g);
				const char *id;

				rc = bg_json_is_object(&reader->json, &group_at, group);
				if (!rc)
					rc = bg_json_string(&reader->json, &group_at, group,
							    "GroupId", &id);
				if (rc > 0)
					rc = bg_json_expected(&reader->json, &group_at, "a GroupId",
							      NULL);
				if (!rc)
					rc = bg_feed_add_member(reader, &reader->members, id,
								&prefix);
			}
			if (rc)
				return rc;
		}
	}
	return 0;
}

int bg_feed_read_interfaces(struct bg_feed_reader *reader)
{
	static const char *const known[] = { "Groups",
					     "PrivateIpAddresses",
					     "Ipv6Addresses",
					     "Ipv4Prefixes",
					     "Ipv6Prefixes",
					     "NetworkInterfaceId",
					     NULL };
	/* what describe-network-interfaces prints besides */
	static const char *const ignored[] = { "PrivateIpAddress",
					       "InterfaceType",
					       "Status",
					       "Description",
					       "MacAddress",
					       "VpcId",
					       "SubnetId",
					       "AvailabilityZone",
					       "AvailabilityZoneId",
					       "OwnerId",
					       "SourceDestCheck",
					       "PrivateDnsName",
					       "PublicDnsName",
					       "Attachment",
					       "Association",
					       "RequesterId",
					       "RequesterManaged",
					       "TagSet",
					       "Tags",
					       "OutpostArn",
					       "DenyAllIgwTraffic",
					       "Ipv6Native",
					       "Ipv6Address",
					       "Operator",
					       "PublicIpDnsNameOptions",
					       "ConnectionTrackingConfiguration",
					       "AssociatedSubnets",
					       NULL };
	struct bg_at at = { .key = "NetworkInterfaces" };
	const json_t *interfaces = NULL;
	int rc;

	rc = bg_json_array(&reader->json, NULL, reader->root, "NetworkInterfaces", &interfaces);
	if (rc)
		return rc < 0 ? rc : 0;
	for (size_t i = 0; i < json_array_size(interfaces) && !rc; i++) {
		struct bg_at here = { .parent = &at, .index = i };
		const json_t *interface = json_array_get(interfaces, i);

		rc = bg_json_is_object(&reader->json, &here, interface);
		if (!rc)
			rc = bg_feed_check_keys(reader, &here, interface, known, ignored);
		if (!rc)
			rc = read_interface(reader, &here, interface);
	}
	return rc;
}

/* The set of this name, if it is there; else an empty one, and *made is true. */
static int set_of(struct bg_feed_reader *reader, const char *name, size_t *set, bool *made)
{
	const json_t *found = json_object_get(reader->set_index, name);
	struct bg_model *model = reader->model;
	int rc;

	*made = !found;
	if (found) {
		*set = (size_t)json_integer_value(found);
		return 0;
	}
	rc = bg_feed_grow(reader, &model->sets, &reader->sets_room, model->set_count,
			  sizeof(*model->sets));
	if (rc)
		return rc;
	model->sets[model->set_count] = (struct bg_set){};
	rc = bg_feed_copy(reader, &model->sets[model->set_count].name, name);
	if (rc)
		return rc;
	*set = model->set_count++;
	if (json_object_set_new(reader->set_index, name, json_integer((json_int_t)*set)))
		return bg_feed_no_memory(reader);
	return 0;
}

static int fill_set(struct bg_feed_reader *reader, size_t set, const struct bg_prefix *prefixes,
		    size_t count)
{
	struct bg_set *filled = &reader->model->sets[set];

	filled->resolved = true;
	if (!count)
		return 0;
	filled->prefixes = calloc(count, sizeof(*prefixes));
	if (!filled->prefixes)
		return bg_feed_no_memory(reader);
	memcpy(filled->prefixes, prefixes, count * sizeof(*prefixes));
	filled->prefix_count = count;
	reader->model->member_count += count;
	return 0;
}

int bg_feed_cidr_set(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
		     size_t *set)
{
	struct bg_prefix prefix;
	char name[BG_IP_TEXT];
	bool made;
	int rc;

	rc = bg_feed_prefix(reader, at, value, &prefix);
	if (!rc)
		rc = set_of(reader, bg_prefix_format(&prefix, name), set, &made);
	return rc || !made ? rc : fill_set(reader, *set, &prefix, 1);
}

int bg_feed_list_set(struct bg_feed_reader *reader, const struct bg_at *at, const char *id,
		     size_t *set)
{
	const struct bg_members *entries = bg_feed_find_members(&reader->lists, id);
	bool made;
	int rc = set_of(reader, id, set, &made);

	if (rc || !made)
		return rc;
	if (entries)
		return fill_set(reader, *set, entries->prefixes, entries->count);
	return bg_feed_warn(reader, at,
			    "prefix list %s has no entries in the feed: matches nothing", id);
}

int bg_feed_group_set(struct bg_feed_reader *reader, const struct bg_at *at, const char *id,
		      size_t *set)
{
	const struct bg_members *members = bg_feed_find_members(&reader->members, id);
	const json_t *group = json_object_get(reader->group_index, id);
	bool made;
	int rc = set_of(reader, id, set, &made);

	if (rc || !made)
		return rc;
	if (members)
		return fill_set(reader, *set, members->prefixes, members->count);
	/* known, but nobody is in it: ordinary */
	if (group && reader->model->groups[json_integer_value(group)].known) {
		reader->model->sets[*set].resolved = true;
		return 0;
	}
	return bg_feed_warn(reader, at, "group %s is not in the feed: matches nothing", id);
}
