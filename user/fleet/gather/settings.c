// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What somebody has to write down, since no API has it: node settings and default groups, in
 * the shape of a feed, and checked as one. cmd_build.c reads the file; node_feed.c puts it
 * into feeds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/reading.h"
#include "fleet/gather/node_feed.h"

enum { NODE, DEFAULT_GROUPS };
static const char *const keys[] = { "Node", "DefaultGroupIds", NULL };
static const struct bg_shape shape = { keys, 2 };

static int unknown_key(void *context, const struct bg_at *at)
{
	(void)at;
	*(bool *)context = true;
	return -ENOMEM; /* there is nothing that goes on */
}

/* The daemon's own parser reads it, with an empty feed around it. */
static int try_in_feed(const char *file, const char *text, size_t length_bytes,
		       struct bg_cluster *cluster, struct bg_error *err)
{
	static const char head[] = "{\"FeedVersion\":1,\"SecurityGroups\":[]";
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	bg_cleanup(bg_model_free_at) struct bg_model *model = NULL;
	bg_cleanup(bg_problems_free) struct bg_problems errors = {};
	const char *brace = memchr(text, '{', length_bytes);
	const char *rest = brace + 1;
	size_t rest_bytes = length_bytes - (rest - text);
	bool is_empty = true;
	int rc;

	for (size_t i = 0; i < rest_bytes && is_empty && rest[i] != '}'; i++)
		is_empty = strchr(" \t\r\n", rest[i]);
	bg_json_raw(&feed, head, strlen(head));
	bg_json_raw(&feed, is_empty ? "" : ",", !is_empty);
	bg_json_raw(&feed, rest, rest_bytes);
	if (feed.failed)
		return bg_no_memory(err, BG_GATHERING);
	rc = bg_feed_parse(file, feed.text, feed.length_bytes, &model, &errors, err);
	if (rc && errors.count)
		return bg_fail(err, rc, "%s: %s: %s", file, errors.problem[0].pointer,
			       errors.problem[0].text);
	for (size_t i = 0; !rc && i < model->warning_count; i++) {
		const struct bg_problem *warning = &model->warnings[i];

		/* of groups: they are in the feeds that are made */
		if (strstr(warning->text, "not in the feed"))
			continue;
		if (bg_report(cluster, "%s: %s: %s", file, warning->pointer, warning->text))
			rc = bg_no_memory(err, BG_GATHERING);
	}
	return rc;
}

static int read_groups(struct bg_cluster *cluster, const struct bg_fields *fields,
		       struct bg_settings *settings, struct bg_error *err)
{
	struct bg_at list = bg_field_at(fields, DEFAULT_GROUPS);
	const struct bg_json *element;
	int rc = bg_get_array(fields, DEFAULT_GROUPS, &element, err);

	settings->has_default_groups = fields->values[DEFAULT_GROUPS];
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		const char *id;

		rc = bg_gather_value_id(cluster, element, &at, BG_ID_BYTES, &id, err);
		if (!rc && bg_names_add(&settings->default_groups, id))
			rc = bg_no_memory(err, BG_GATHERING);
	}
	bg_names_tidy(&settings->default_groups);
	return rc;
}

static int read_services(const struct bg_fields *fields, struct bg_settings *settings,
			 struct bg_error *err)
{
	static const char *const service_keys[] = { "ServiceCidrs", NULL };
	static const struct bg_shape service_shape = { service_keys, 1 };
	const struct bg_json *element;
	struct bg_fields node;
	struct bg_at at, list;
	bool present;
	int rc = bg_gather_object(fields, NODE, &service_shape, &at, &node, &present, err)
			 ?: bg_get_array(&node, 0, &element, err);

	if (rc)
		return rc;
	list = bg_field_at(&node, 0);
	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at index = bg_at_index(&list, i);
		struct bg_prefix *prefix =
			BG_GROW(settings->service_cidrs, settings->service_cidr_count);

		if (!prefix)
			return bg_no_memory(err, BG_GATHERING);
		rc = bg_gather_prefix(element, &index, false, prefix, err);
	}
	return rc;
}

int bg_settings_read(struct bg_cluster *cluster, const char *file, const char *text,
		     size_t length_bytes, struct bg_settings *settings, struct bg_error *err)
{
	bool unknown = false;
	struct bg_place place = {};
	struct bg_fields fields;
	int rc;

	bg_skip_bom(&text, &length_bytes);
	rc = bg_json_parse(text, length_bytes, NULL, &settings->document, &place, err);
	if (rc)
		return place.line ? bg_fail_in(err, rc, "%s:%u:%u", file, place.line, place.column)
				  : bg_fail_in(err, rc, "%s", file);
	rc = bg_json_fields(bg_json_root(settings->document), NULL, &shape, unknown_key, &unknown,
			    &fields, err);
	if (unknown)
		return bg_fail(err, -EINVAL,
			       "%s: found other keys than Node and DefaultGroupIds: the rest of a "
			       "feed is made from the cluster",
			       file);
	rc = rc ?: try_in_feed(file, text, length_bytes, cluster, err);
	if (rc)
		return rc;
	settings->node = fields.values[NODE];
	rc = read_groups(cluster, &fields, settings, err) ?: read_services(&fields, settings, err);
	return rc ? bg_fail_in(err, rc, "%s", file) : 0;
}

void bg_settings_release(struct bg_settings *settings)
{
	bg_json_free(settings->document);
	bg_names_release(&settings->default_groups);
	free(settings->service_cidrs);
	*settings = (struct bg_settings){};
}
