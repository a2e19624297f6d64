// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * SecurityGroups: as `aws ec2 describe-security-groups` prints them. feed.c calls it; other
 * parts use its lists of group ids and its checks of protocol and ports. Never merges rules.
 */
#include "feed/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "protocol.h"

int bg_feed_group(struct bg_feed *feed, struct bg_text id, size_t *index, struct bg_error *err)
{
	struct bg_model *model = feed->model;
	const size_t *known = bg_dict_find(&feed->groups, id.bytes, id.length);
	struct bg_group *group;

	if (known) {
		*index = *known;
		return 0;
	}
	group = BG_GROW(model->groups, model->group_count);
	if (!group)
		return bg_no_memory(err, BG_READING);
	group->id = bg_text_dup(id);
	*index = model->group_count - 1;
	if (!group->id || !bg_dict_put(&feed->groups, group->id, id.length, *index, NULL))
		return bg_no_memory(err, BG_READING);
	return 0;
}

static int compare_indices(const void *a, const void *b)
{
	size_t left = *(const size_t *)a, right = *(const size_t *)b;

	return left < right ? -1 : left > right;
}

size_t bg_sort_groups(size_t *groups, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(groups, count, sizeof(*groups), compare_indices);
	for (size_t i = 0; i < count; i++) {
		if (!i || groups[i] != groups[i - 1])
			groups[kept++] = groups[i];
	}
	return kept;
}

/* "sg-1", or {"GroupId": "sg-1"} as interfaces of EC2 have it. */
static int group_id(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		    struct bg_text *id, struct bg_error *err)
{
	struct bg_fields fields;
	int rc;

	if (value->type != BG_JSON_OBJECT)
		return bg_value_id(value, at, BG_ID_BYTES, id, err);
	rc = bg_feed_fields(feed, value, at, BG_OBJECT_GROUP_ID, &fields, err);
	if (rc)
		return rc;
	if (!fields.values[0])
		return bg_field_missing(&fields, 0, err);
	return bg_get_id(&fields, 0, BG_ID_BYTES, id, err);
}

int bg_feed_group_ids(struct bg_feed *feed, const struct bg_fields *fields, size_t field,
		      size_t **groups, size_t *count, struct bg_error *err)
{
	bg_auto_free size_t *found = NULL;
	const struct bg_json *element;
	struct bg_at list = bg_field_at(fields, field);
	size_t found_count = 0;
	int rc = bg_noted(feed, bg_get_array(fields, field, &element, err), err);

	if (rc)
		return rc;
	for (size_t i = 0; element; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_text id = {};
		size_t group = 0, *place;

		rc = bg_noted(feed, group_id(feed, element, &at, &id, err), err);
		if (rc)
			return rc;
		if (!id.bytes)
			continue;
		rc = bg_feed_group(feed, id, &group, err);
		if (rc)
			return rc;
		if (!feed->model->groups[group].known &&
		    bg_warn(feed, BG_WARN_GROUP, &at, "%s is not in the feed: no rules of it",
			    feed->model->groups[group].id))
			return bg_no_memory(err, BG_READING);
		place = BG_GROW(found, found_count);
		if (!place)
			return bg_no_memory(err, BG_READING);
		*place = group;
	}
	*count = bg_sort_groups(found, found_count);
	*groups = bg_take_ptr(found);
	return 0;
}

/* --- services --- */

static int ports(struct bg_feed *feed, const struct bg_fields *fields, size_t from, size_t to,
		 struct bg_service *service, struct bg_error *err)
{
	const size_t errors = bg_problems_all(&feed->errors);
	int rc = bg_noted(feed, bg_field_required(fields, from, err), err) ?:
		 bg_noted(feed, bg_field_required(fields, to, err), err) ?:
		 bg_noted(feed, bg_get_integer(fields, from, 0, 65535, &service->from_port, err),
			  err) ?:
		 bg_noted(feed, bg_get_integer(fields, to, 0, 65535, &service->to_port, err), err);

	if (rc || bg_problems_all(&feed->errors) != errors)
		return rc;
	if (service->from_port > service->to_port) {
		char expected[48];

		snprintf(expected, sizeof(expected), "at least FromPort, which is %d",
			 service->from_port);
		return bg_field_unexpected(fields, to, expected, err);
	}
	return 0;
}

static int icmp_type(struct bg_feed *feed, const struct bg_fields *fields, size_t from, size_t to,
		     struct bg_service *service, struct bg_error *err)
{
	const size_t errors = bg_problems_all(&feed->errors);
	int rc;

	service->from_port = -1;
	service->to_port = -1;
	rc = bg_noted(feed, bg_get_integer(fields, from, -1, 255, &service->from_port, err), err)
		     ?: bg_noted(feed, bg_get_integer(fields, to, -1, 255, &service->to_port, err),
				 err);
	if (rc || bg_problems_all(&feed->errors) != errors)
		return rc;
	if (service->from_port < 0 && service->to_port >= 0)
		return bg_field_unexpected(fields, to, "-1: an ICMP code needs a type in FromPort",
					   err);
	return 0;
}

/* For some of these protocols EC2 prints -1 or 65535; they mean nothing. */
static int ignored_ports(struct bg_feed *feed, const struct bg_fields *fields, size_t from,
			 size_t to, struct bg_service *service, struct bg_error *err)
{
	int ignored;

	service->from_port = 0;
	service->to_port = 65535;
	return bg_noted(feed, bg_get_integer(fields, from, -1, 65535, &ignored, err), err)
		       ?: bg_noted(feed, bg_get_integer(fields, to, -1, 65535, &ignored, err), err);
}

int bg_feed_service(struct bg_feed *feed, const struct bg_fields *fields, size_t protocol,
		    size_t from, size_t to, struct bg_service *service, struct bg_error *err)
{
	struct bg_at at = bg_field_at(fields, protocol);
	int rc;

	if (!fields->values[protocol])
		return bg_field_missing(fields, protocol, err);
	rc = bg_feed_protocol(fields->values[protocol], &at, true, &service->protocol, err);
	if (rc)
		return rc;
	switch (service->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return ports(feed, fields, from, to, service, err);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return icmp_type(feed, fields, from, to, service, err);
	default:
		return ignored_ports(feed, fields, from, to, service, err);
	}
}

/* --- permissions --- */

int bg_feed_add_rule(struct bg_feed *feed, const struct bg_model_rule *rule, struct bg_error *err)
{
	struct bg_model *model = feed->model;
	struct bg_model_rule *added = BG_GROW(model->rules, model->rule_count);

	if (!added)
		return bg_no_memory(err, BG_READING);
	*added = *rule;
	if (feed->first_rule[rule->set] == SIZE_MAX)
		feed->first_rule[rule->set] = model->rule_count - 1;
	model->groups[rule->group].rule_count++;
	return 0;
}

static int peer_set(struct bg_feed *feed, enum bg_peer_list list, const struct bg_json *value,
		    const struct bg_at *at, size_t *set, struct bg_error *err)
{
	struct bg_fields fields;
	struct bg_prefix prefix;
	struct bg_text id = {};
	struct bg_at where;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_IPV4_PEER + list, &fields, err);

	if (rc)
		return rc;
	if (!fields.values[0])
		return bg_field_missing(&fields, 0, err);
	if (list == BG_PEERS_IPV4 || list == BG_PEERS_IPV6) {
		where = bg_field_at(&fields, 0);
		rc = bg_feed_prefix(feed, fields.values[0], &where,
				    list == BG_PEERS_IPV4 ? BG_IPV4 : BG_IPV6, &prefix, err);
		return rc ? rc : bg_cidr_set(feed, &prefix, true, set, err);
	}
	rc = bg_get_id(&fields, 0, BG_ID_BYTES, &id, err);
	if (rc)
		return rc;
	if (list == BG_PEERS_LISTS)
		return bg_list_set(feed, id, true, set, err);
	return bg_feed_account(feed, id, fields.values[PEER_GROUP_OWNER], err)
		       ?: bg_group_set(feed, id, true, set, err);
}

static int permission(struct bg_feed *feed, struct bg_model_rule *rule, const struct bg_json *value,
		      const struct bg_at *at, struct bg_error *err)
{
	size_t before = feed->model->rule_count;
	struct bg_service service = {};
	struct bg_fields fields;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_PERMISSION, &fields, err);

	if (rc)
		return rc;
	rc = bg_noted(feed,
		      bg_feed_service(feed, &fields, PERMISSION_PROTOCOL, PERMISSION_FROM,
				      PERMISSION_TO, &service, err),
		      err);
	if (rc)
		return rc;
	rule->protocol = service.protocol;
	rule->from_port = service.from_port;
	rule->to_port = service.to_port;
	for (int list = 0; list < BG_PEERS_FLAT; list++) {
		struct bg_at peers = bg_field_at(&fields, PERMISSION_PEERS + list);
		const struct bg_json *peer;

		rc = bg_noted(feed, bg_get_array(&fields, PERMISSION_PEERS + list, &peer, err),
			      err);
		rule->list = list;
		rule->peer = 0;
		for (; peer && !rc; peer = peer->next, rule->peer++) {
			struct bg_at where = bg_at_index(&peers, rule->peer);

			rc = peer_set(feed, list, peer, &where, &rule->set, err)
				     ?: bg_feed_add_rule(feed, rule, err);
			rc = bg_noted(feed, rc, err);
		}
		if (rc)
			return rc;
	}
	if (feed->model->rule_count == before &&
	    bg_warn(feed, BG_WARN_RULE, at, "names no peer: it allows nothing"))
		return bg_no_memory(err, BG_READING);
	return 0;
}

static int permissions(struct bg_feed *feed, size_t group, enum bg_direction direction,
		       const struct bg_fields *fields, size_t field, struct bg_error *err)
{
	struct bg_model_rule rule = { .group = group, .direction = direction };
	struct bg_at list = bg_field_at(fields, field);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, field, &element, err), err);

	for (; element && !rc; element = element->next, rule.permission++) {
		struct bg_at at = bg_at_index(&list, rule.permission);

		rc = bg_noted(feed, permission(feed, &rule, element, &at, err), err);
	}
	return rc;
}

static int one_group(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
		     struct bg_error *err)
{
	struct bg_text id = { "", 0 }, name = {};
	struct bg_fields fields;
	struct bg_group *group;
	size_t index = 0;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_GROUP, &fields, err);

	if (rc)
		return rc;
	rc = bg_noted(feed, bg_field_required(&fields, GROUP_ID, err), err) ?:
	     bg_noted(feed, bg_get_id(&fields, GROUP_ID, BG_ID_BYTES, &id, err), err) ?:
	     bg_noted(feed, bg_get_text(&fields, GROUP_NAME, BG_TEXT_BYTES, &name, err), err) ?:
	     bg_feed_account(feed, id, fields.values[GROUP_OWNER], err) ?:
	     bg_feed_group(feed, id, &index, err);
	if (rc)
		return rc;
	group = &feed->model->groups[index];
	if (group->known && id.length) {
		bg_field_unexpected(&fields, GROUP_ID,
				    "a group that does not stand in the feed already", err);
		rc = bg_noted(feed, -EINVAL, err);
		if (rc)
			return rc;
	}
	group->known = true;
	group->first_rule = feed->model->rule_count;
	if (name.bytes && !group->name) {
		group->name = bg_text_dup(name);
		if (!group->name)
			return bg_no_memory(err, BG_READING);
	}
	rc = permissions(feed, index, BG_INGRESS, &fields, GROUP_INGRESS, err);
	if (rc)
		return rc;
	rc = permissions(feed, index, BG_EGRESS, &fields, GROUP_EGRESS, err);
	group->stated[BG_INGRESS] = fields.values[GROUP_INGRESS];
	group->stated[BG_EGRESS] = fields.values[GROUP_EGRESS];
	group->defined = (fields.values[GROUP_INGRESS] && fields.values[GROUP_INGRESS]->first) ||
			 (fields.values[GROUP_EGRESS] && fields.values[GROUP_EGRESS]->first);
	return rc;
}

int bg_feed_groups(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		   struct bg_error *err)
{
	struct bg_at list = bg_field_at(root, field);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(root, field, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);

		rc = bg_noted(feed, one_group(feed, element, &at, err), err);
	}
	return rc;
}
