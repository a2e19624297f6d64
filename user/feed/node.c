// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Node: what the feed says of the node itself. feed.c calls it, and the other parts for
 * time-outs and names of interfaces. It never asks whether an interface exists.
 */
#include "feed/reading.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* --- time-outs --- */

/* EC2's where it has them, else Linux's. For TCP, EC2 has two: this is the shorter one,
 * of newer instances, since the next packet of an idle flow brings the flow back. */
const struct bg_timeouts bg_default_timeouts = {
	.tcp_half_open_s = 60,
	.tcp_established_s = 350,
	.tcp_closing_s = 350,
	.tcp_closed_s = 10,
	.udp_s = 30,
	.udp_stream_s = 180,
	.icmp_s = 30,
	.other_s = 600,
};

int bg_feed_timeouts(struct bg_feed *feed, const struct bg_fields *fields, size_t field,
		     struct bg_timeouts *timeouts, struct bg_error *err)
{
	__u32 *const values[] = {
		&timeouts->tcp_established_s,
		&timeouts->udp_stream_s,
		&timeouts->udp_s,
		&timeouts->tcp_half_open_s,
		&timeouts->tcp_closing_s,
		&timeouts->tcp_closed_s,
		&timeouts->icmp_s,
		&timeouts->other_s,
	};
	struct bg_at at = bg_field_at(fields, field);
	struct bg_fields tracking;
	int rc;

	if (!fields->values[field])
		return 0;
	rc = bg_feed_fields(feed, fields->values[field], &at, BG_OBJECT_TRACKING, &tracking, err);
	if (rc)
		return bg_noted(feed, rc, err);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && !rc; i++) {
		int seconds = (int)*values[i];

		rc = bg_noted(feed,
			      bg_get_integer(&tracking, i, 1, BG_MAX_TIMEOUT_S, &seconds, err),
			      err);
		*values[i] = (__u32)seconds;
	}
	return rc;
}

/* --- names of interfaces --- */

bool bg_feed_name_is_valid(struct bg_text name)
{
	if (!name.length || name.length > 15 || bg_text_is(name, ".") || bg_text_is(name, ".."))
		return false;
	for (size_t i = 0; i < name.length; i++) {
		unsigned char byte = name.bytes[i];

		if (byte <= ' ' || byte >= 0x7f || byte == '/' || byte == ':')
			return false;
	}
	return true;
}

int bg_feed_interface_name(const struct bg_fields *fields, size_t field, char name[16],
			   struct bg_error *err)
{
	const struct bg_json *value = fields->values[field];

	if (!value)
		return 0;
	if (value->type != BG_JSON_STRING || !bg_feed_name_is_valid(value->text))
		return bg_field_unexpected(fields, field,
					   "the name of an interface: 1 to 15 printable "
					   "characters, no blank, '/' or ':'",
					   err);
	/* with nothing left behind it of a default that is longer */
	memset(name, 0, 16);
	bg_text_copy(value->text, name, 16);
	return 0;
}

/* --- lists --- */

static int prefix_array(struct bg_feed *feed, const struct bg_fields *fields, size_t field,
			struct bg_prefix **prefixes, size_t *count, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, field);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, field, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_prefix *prefix = BG_GROW(*prefixes, *count);

		if (!prefix)
			return bg_no_memory(err, BG_READING);
		rc = bg_noted(feed, bg_feed_prefix(feed, element, &at, BG_ANY_FAMILY, prefix, err),
			      err);
	}
	return rc;
}

static int node_addresses(struct bg_feed *feed, struct bg_model_node *node,
			  const struct bg_fields *fields, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, NODE_ADDRESSES);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, NODE_ADDRESSES, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_addr *addr = BG_GROW(node->addresses, node->address_count);

		if (!addr)
			return bg_no_memory(err, BG_READING);
		rc = bg_noted(feed, bg_feed_addr(element, &at, BG_ANY_FAMILY, addr, err), err);
	}
	return rc;
}

/* --- services on the node --- */

static int local_service(struct bg_feed *feed, const struct bg_json *value, const struct bg_at *at,
			 struct bg_model_service *service, struct bg_error *err)
{
	static const char *const protocols[] = { "tcp", "udp", NULL };
	struct bg_fields fields;
	struct bg_at where;
	int protocol = 0;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_SERVICE, &fields, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < SERVICE_USED && !rc; i++)
		rc = bg_noted(feed, bg_field_required(&fields, i, err), err);
	where = bg_field_at(&fields, SERVICE_ADDRESS);
	if (!rc && fields.values[SERVICE_ADDRESS])
		rc = bg_noted(feed,
			      bg_feed_addr(fields.values[SERVICE_ADDRESS], &where, BG_ANY_FAMILY,
					   &service->address, err),
			      err);
	if (!rc)
		rc = bg_noted(feed,
			      bg_get_word(&fields, SERVICE_PROTOCOL, protocols, &protocol, err),
			      err);
	if (rc)
		return rc;
	service->protocol = protocol ? 17 : 6;
	return bg_get_integer(&fields, SERVICE_PORT, 1, 65535, &service->port, err);
}

static int local_services(struct bg_feed *feed, struct bg_model_node *node,
			  const struct bg_fields *fields, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, NODE_LOCAL_SERVICES);
	const struct bg_json *element;
	int rc = bg_noted(feed, bg_get_array(fields, NODE_LOCAL_SERVICES, &element, err), err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_model_service *service =
			BG_GROW(node->local_services, node->local_service_count);

		if (!service)
			return bg_no_memory(err, BG_READING);
		rc = bg_noted(feed, local_service(feed, element, &at, service, err), err);
	}
	return rc;
}

/* --- the whole --- */

static int node_words(struct bg_feed *feed, struct bg_model_node *node,
		      const struct bg_fields *fields, struct bg_error *err)
{
	static const char *const established[] = { "keep", "revalidate", NULL };
	static const char *const platform[] = { "pass", "filter", NULL };
	static const char *const standard[] = { "both", "per-interface", NULL };
	const struct {
		enum node_field field;
		const char *const *words;
		bool *value;
	} words[] = {
		{ NODE_ESTABLISHED, established, &node->revalidate },
		{ NODE_PLATFORM, platform, &node->filter_platform },
		{ NODE_STANDARD_MODE, standard, &node->per_interface },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		int word = 0;
		int rc = bg_noted(
			feed, bg_get_word(fields, words[i].field, words[i].words, &word, err), err);

		if (rc)
			return rc;
		*words[i].value = word != 0;
	}
	return 0;
}

static int node_lists(struct bg_feed *feed, struct bg_model_node *node,
		      const struct bg_fields *fields, struct bg_error *err)
{
	int rc = node_addresses(feed, node, fields, err) ?:
		 prefix_array(feed, fields, NODE_VPC, &node->vpc_cidrs, &node->vpc_cidr_count,
			      err) ?:
		 prefix_array(feed, fields, NODE_SERVICES, &node->service_cidrs,
			      &node->service_cidr_count, err) ?:
		 prefix_array(feed, fields, NODE_EXCLUDE_SNAT, &node->exclude_snat_cidrs,
			      &node->exclude_snat_cidr_count, err) ?:
		 prefix_array(feed, fields, NODE_PROBE_SOURCES, &node->probe_sources,
			      &node->probe_source_count, err) ?:
		 local_services(feed, node, fields, err) ?:
		 bg_feed_group_ids(feed, fields, NODE_GROUPS, &node->groups, &node->group_count,
				   err);

	node->has_groups = fields->values[NODE_GROUPS];
	return rc;
}

int bg_feed_node(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		 struct bg_error *err)
{
	struct bg_model_node *node = &feed->model->node;
	struct bg_at at = bg_field_at(root, field);
	struct bg_text name = { "", 0 };
	struct bg_fields fields = { .at = &at, .shape = &bg_objects[BG_OBJECT_NODE].shape };
	int rc;

	node->timeouts = bg_default_timeouts;
	/* where nobody gives it: as tcp_established_s of the branch, see branches.c */
	node->timeouts.tcp_closing_s = 0;
	if (root->values[field]) {
		rc = bg_feed_fields(feed, root->values[field], &at, BG_OBJECT_NODE, &fields, err);
		if (rc)
			return bg_noted(feed, rc, err);
	}
	rc = bg_noted(feed, bg_get_text(&fields, NODE_NAME, BG_TEXT_BYTES, &name, err), err);
	if (rc)
		return rc;
	node->name = bg_text_dup(name);
	if (!node->name)
		return bg_no_memory(err, BG_READING);
	return bg_noted(feed,
			bg_feed_interface_name(&fields, NODE_PRIMARY, node->primary_interface, err),
			err) ?:
	       bg_noted(feed,
			bg_feed_interface_name(&fields, NODE_TRUNK, node->trunk_interface, err),
			err) ?:
	       node_lists(feed, node, &fields, err) ?:
	       node_words(feed, node, &fields, err) ?:
	       bg_noted(feed, bg_get_bool(&fields, NODE_EXTERNAL_SNAT, &node->external_snat, err), err) ?:
	       bg_noted(feed, bg_get_bool(&fields, NODE_LIVE_MODE, &node->live_mode_change, err), err) ?:
	       bg_feed_timeouts(feed, &fields, NODE_TRACKING, &node->timeouts, err);
}
