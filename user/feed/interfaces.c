// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * NetworkInterfaces: as `aws ec2 describe-network-interfaces` prints them. The addresses
 * of each become members of its groups. feed.c calls it for each one as soon as it is
 * read; of the interface itself nothing is kept but its time-outs, unless all is.
 */
#include "feed/reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Arrays of objects, each with one key that is wanted. */
static const struct list {
	enum interface_field field;
	enum bg_family family;
	bool prefixes;
	enum bg_object object;
} lists[] = {
	{ INTERFACE_ADDRESSES, BG_IPV4, false, BG_OBJECT_IPV4_ADDRESS },
	{ INTERFACE_ADDRESSES6, BG_IPV6, false, BG_OBJECT_IPV6_ADDRESS },
	{ INTERFACE_PREFIXES, BG_IPV4, true, BG_OBJECT_IPV4_PREFIX },
	{ INTERFACE_PREFIXES6, BG_IPV6, true, BG_OBJECT_IPV6_PREFIX },
};

struct addresses {
	struct bg_prefix *prefixes;
	size_t count;
};

static void release_addresses(struct addresses *addresses)
{
	free(addresses->prefixes);
}

static int add(struct bg_feed *feed, struct addresses *addresses, const struct bg_json *value,
	       const struct bg_at *at, enum bg_family family, bool is_prefix, struct bg_error *err)
{
	struct bg_prefix *prefix = BG_GROW(addresses->prefixes, addresses->count);

	if (!prefix)
		return bg_no_memory(err, BG_READING);
	if (is_prefix)
		return bg_feed_prefix(feed, value, at, family, prefix, err);
	prefix->length = 128;
	return bg_feed_addr(value, at, family, &prefix->addr, err);
}

static int add_list(struct bg_feed *feed, struct addresses *addresses,
		    const struct bg_fields *fields, const struct list *list, struct bg_error *err)
{
	struct bg_at array = bg_field_at(fields, list->field);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, list->field, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&array, i), where;
		struct bg_fields entry;

		rc = bg_feed_fields(feed, element, &at, list->object, &entry, err)
			     ?: bg_field_required(&entry, 0, err);
		if (!rc) {
			where = bg_field_at(&entry, 0);
			rc = add(feed, addresses, entry.values[0], &where, list->family,
				 list->prefixes, err);
		}
		rc = bg_noted(feed, rc, err);
	}
	return rc;
}

static int add_single(struct bg_feed *feed, struct addresses *addresses,
		      const struct bg_fields *fields, enum interface_field field,
		      enum bg_family family, struct bg_error *err)
{
	struct bg_at at = bg_field_at(fields, field);

	if (!fields->values[field])
		return 0;
	return bg_noted(feed, add(feed, addresses, fields->values[field], &at, family, false, err),
			err);
}

static int read_addresses(struct bg_feed *feed, const struct bg_fields *fields,
			  struct addresses *addresses, struct bg_error *err)
{
	/* EC2 repeats an address in the lists; the set keeps it once */
	int rc = add_single(feed, addresses, fields, INTERFACE_ADDRESS, BG_IPV4, err);

	if (rc)
		return rc;
	rc = add_single(feed, addresses, fields, INTERFACE_ADDRESS6, BG_IPV6, err);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !rc; i++)
		rc = add_list(feed, addresses, fields, &lists[i], err);
	return rc;
}

/* `kept`: NULL, or gets the groups, as indices in feed->members. */
static int read_groups(struct bg_feed *feed, const struct bg_fields *fields,
		       const struct addresses *addresses, struct bg_model_interface *kept,
		       struct bg_error *err)
{
	struct bg_at array = bg_field_at(fields, INTERFACE_GROUPS);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, INTERFACE_GROUPS, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&array, i);
		size_t members = SIZE_MAX, *place;
		struct bg_fields group;
		struct bg_text id = {};

		rc = bg_feed_fields(feed, element, &at, BG_OBJECT_GROUP_ID, &group, err) ?:
		     bg_field_required(&group, 0, err) ?:
		     bg_get_id(&group, 0, BG_ID_BYTES, &id, err) ?:
		     bg_add_member(feed, id, addresses->prefixes, addresses->count, &members, err);
		rc = bg_noted(feed, rc, err);
		if (rc || !kept || members == SIZE_MAX)
			continue;
		place = BG_GROW(kept->groups, kept->group_count);
		if (!place)
			return bg_no_memory(err, BG_READING);
		*place = members;
	}
	return rc;
}

/* An interface without an address is nobody's other end. */
static int keep_interface(struct bg_feed *feed, struct bg_text id, struct addresses *addresses,
			  struct bg_model_interface **kept, struct bg_error *err)
{
	struct bg_model_interface *interface;

	*kept = NULL;
	if (!feed->keep_all || !addresses->count)
		return 0;
	interface = BG_GROW(feed->model->interfaces, feed->model->interface_count);
	if (!interface)
		return bg_no_memory(err, BG_READING);
	interface->id = id.bytes ? bg_text_dup(id) : strdup("");
	if (!interface->id)
		return bg_no_memory(err, BG_READING);
	interface->prefixes = calloc(addresses->count, sizeof(*interface->prefixes));
	if (!interface->prefixes)
		return bg_no_memory(err, BG_READING);
	memcpy(interface->prefixes, addresses->prefixes,
	       addresses->count * sizeof(*interface->prefixes));
	interface->prefix_count = addresses->count;
	*kept = interface;
	return 0;
}

int bg_feed_resolve_interfaces(struct bg_feed *feed, struct bg_error *err)
{
	struct bg_model *model = feed->model;

	for (size_t i = 0; i < model->interface_count; i++) {
		struct bg_model_interface *interface = &model->interfaces[i];

		for (size_t k = 0; k < interface->group_count; k++) {
			const char *id = feed->members[interface->groups[k]].group_id;
			int rc = bg_feed_group(feed, (struct bg_text){ id, strlen(id) },
					       &interface->groups[k], err);

			if (rc)
				return rc;
		}
		interface->group_count = bg_sort_groups(interface->groups, interface->group_count);
	}
	return 0;
}

static int read_tracking(struct bg_feed *feed, const struct bg_fields *fields, struct bg_text id,
			 struct bg_error *err)
{
	struct bg_tracking *tracking;
	struct bg_timeouts timeouts = {};
	int rc = bg_feed_timeouts(feed, fields, INTERFACE_TRACKING, &timeouts, err);

	if (rc || !id.bytes || !fields->values[INTERFACE_TRACKING] ||
	    !fields->values[INTERFACE_TRACKING]->first)
		return rc;
	tracking = BG_GROW(feed->tracking, feed->tracking_count);
	if (!tracking)
		return bg_no_memory(err, BG_READING);
	tracking->timeouts = timeouts;
	tracking->interface_id = bg_text_dup(id);
	if (!tracking->interface_id || !bg_dict_put(&feed->tracking_by_id, tracking->interface_id,
						    id.length, feed->tracking_count - 1, NULL))
		return bg_no_memory(err, BG_READING);
	return 0;
}

int bg_feed_interface(struct bg_feed *feed, size_t index, const struct bg_json *value,
		      struct bg_error *err)
{
	bg_cleanup(release_addresses) struct addresses addresses = {};
	struct bg_at list = bg_at_key(NULL, "NetworkInterfaces");
	struct bg_at at = bg_at_index(&list, index);
	struct bg_model_interface *kept = NULL;
	struct bg_text id = {};
	struct bg_fields fields;

	return bg_feed_fields(feed, value, &at, BG_OBJECT_INTERFACE, &fields, err) ?:
	       bg_noted(feed, bg_get_id(&fields, INTERFACE_ID, BG_ID_BYTES, &id, err), err) ?:
	       read_addresses(feed, &fields, &addresses, err) ?:
	       keep_interface(feed, id, &addresses, &kept, err) ?:
	       read_groups(feed, &fields, &addresses, kept, err) ?:
	       read_tracking(feed, &fields, id, err);
}
