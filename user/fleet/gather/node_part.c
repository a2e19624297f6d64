// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The Node of a feed: what the API server says of the node and of services, and what the
 * settings say. node_feed.c calls it, and for the small things that both write.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "fleet/gather/node_feed.h"
#include "fleet/gather/shaped.h"

void bg_put_key(struct bg_json_writer *out, const char *key)
{
	if (out->comma)
		bg_json_raw(out, ",", 1);
	bg_json_raw(out, "\n ", 2);
	out->comma = false;
	bg_json_key(out, key);
}

void bg_put_names(struct bg_json_writer *out, const char *key, const struct bg_names *names)
{
	bg_json_key(out, key);
	bg_json_open(out, '[');
	for (size_t i = 0; i < names->count; i++)
		bg_json_string(out, names->name[i]);
	bg_json_close(out, ']');
}

void bg_put_prefix(struct bg_json_writer *out, const struct bg_prefix *prefix)
{
	char text[BG_IP_TEXT];

	if (prefix->length == 128)
		bg_json_plain(out, bg_addr_format(&prefix->addr, text));
	else
		bg_json_plain(out, bg_prefix_format(prefix, text));
}

static void copy_value(struct bg_json_writer *out, const struct bg_json *value)
{
	const bool is_object = value->type == BG_JSON_OBJECT;
	struct bg_error unused;

	if (value->type == BG_JSON_NULL) {
		bg_json_null(out);
		return;
	}
	if (!is_object && value->type != BG_JSON_ARRAY) {
		if (bg_shaped_scalar(out, value, NULL, &unused))
			out->failed = true;
		return;
	}
	bg_json_open(out, is_object ? '{' : '[');
	for (const struct bg_json *child = value->first; child; child = child->next) {
		if (is_object) {
			struct bg_json key = { .type = BG_JSON_STRING, .text = child->key };

			if (bg_shaped_scalar(out, &key, NULL, &unused))
				out->failed = true;
			bg_json_raw(out, ":", 1);
			out->comma = false;
		}
		copy_value(out, child);
	}
	bg_json_close(out, is_object ? '}' : ']');
}

static bool is_set(const struct bg_settings *settings, const char *key)
{
	for (const struct bg_json *child = settings->node ? settings->node->first : NULL; child;
	     child = child->next)
		if (bg_text_is(child->key, key) && child->type != BG_JSON_NULL)
			return true;
	return false;
}

static int by_prefix(const void *a, const void *b)
{
	return bg_prefix_compare(a, b);
}

static bool covers(const struct bg_prefix *range, const struct bg_prefix *prefix)
{
	return range->length <= prefix->length && bg_prefix_has(range, &prefix->addr) &&
	       bg_prefix_is_v4(range) == bg_prefix_is_v4(prefix);
}

/* The pod of this node, by its annotation and by EC2, whose address it is; NULL: none. */
static const struct bg_kube_pod *pod_with(const struct bg_gathered_node *node,
					  const struct bg_prefix *prefix)
{
	for (size_t i = 0; i < node->branch_count; i++) {
		const struct bg_gathered_branch *branch = &node->branches[i];

		if (!branch->interface || branch->in_doubt ||
		    !bg_interface_has(branch->interface, &prefix->addr))
			continue;
		for (size_t k = 0; k < branch->pod_count; k++)
			for (size_t n = 0; n < branch->pods[k]->address_count; n++)
				if (!memcmp(&branch->pods[k]->addresses[n], &prefix->addr,
					    sizeof(prefix->addr)))
					return branch->pods[k];
	}
	return NULL;
}

/* Anybody's Service may name any address as an external one, but what a pod sends must not be
 * taken for a service's answer. */
static int is_a_service_s(struct bg_cluster *cluster, const struct bg_gathered_node *node,
			  const struct bg_kube_service *service, const struct bg_prefix *prefix)
{
	const struct bg_kube_pod *pod = service->is_range ? NULL : pod_with(node, prefix);
	char text[BG_IP_TEXT];

	if (!pod)
		return 1;
	return bg_report(cluster,
			 "Service %s: it has the address %s, which is that of Pod %s: the address "
			 "is left out of ServiceCidrs",
			 service->object.path, bg_addr_format(&prefix->addr, text),
			 pod->object.path);
}

/* All that kube-proxy translates: what is in a range that is there does not stand alone. */
static int put_services(struct bg_cluster *cluster, const struct bg_gathered_node *node,
			const struct bg_settings *settings, struct bg_json_writer *out)
{
	bg_auto_free struct bg_prefix *prefixes = NULL;
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < settings->service_cidr_count; i++) {
		struct bg_prefix *added = BG_GROW(prefixes, count);

		if (!added)
			return -ENOMEM;
		*added = settings->service_cidrs[i];
	}
	for (size_t i = 0; i < cluster->service_count; i++) {
		const struct bg_kube_service *service = &cluster->services[i];

		for (size_t k = 0; k < service->prefix_count && !service->object.stale; k++) {
			const int rc =
				is_a_service_s(cluster, node, service, &service->prefixes[k]);
			struct bg_prefix *added = rc > 0 ? BG_GROW(prefixes, count) : NULL;

			if (!rc)
				continue;
			if (!added)
				return -ENOMEM;
			*added = service->prefixes[k];
		}
	}
	/* a range sorts in front of what is in it */
	if (count)
		qsort(prefixes, count, sizeof(*prefixes), by_prefix);
	for (size_t i = 0; i < count; i++)
		if (!kept || !covers(&prefixes[kept - 1], &prefixes[i]))
			prefixes[kept++] = prefixes[i];
	bg_json_key(out, "ServiceCidrs");
	bg_json_open(out, '[');
	for (size_t i = 0; i < kept; i++) {
		char text[BG_IP_TEXT];

		bg_json_plain(out, bg_prefix_format(&prefixes[i], text));
	}
	bg_json_close(out, ']');
	return 0;
}

int bg_put_node(struct bg_cluster *cluster, const struct bg_gathered_node *node, bool standard,
		const struct bg_settings *settings, struct bg_json_writer *out)
{
	const struct bg_kube_node *object = node->object;
	int rc;

	bg_put_key(out, "Node");
	bg_json_open(out, '{');
	bg_json_key(out, "Name");
	bg_json_string(out, node->name);
	if (object && !is_set(settings, "Addresses")) {
		bg_json_key(out, "Addresses");
		bg_json_open(out, '[');
		for (size_t i = 0; i < object->address_count; i++)
			bg_put_prefix(out, &object->addresses[i]);
		bg_json_close(out, ']');
	}
	if (standard && !is_set(settings, "GroupIds")) {
		if (node->groups.count)
			bg_put_names(out, "GroupIds", &node->groups);
		else if (
			bg_report(
				cluster,
				"the node's groups are not known (EC2's answer has no interface with "
				"its address), so for standard pods it counts as one that allows "
				"everything: give GroupIds in --settings"))
			return -ENOMEM;
	}
	rc = put_services(cluster, node, settings, out);
	for (const struct bg_json *child = settings->node ? settings->node->first : NULL; child;
	     child = child->next) {
		char key[64];

		if (!bg_text_copy(child->key, key, sizeof(key)) || !strcmp(key, "Name") ||
		    !strcmp(key, "ServiceCidrs"))
			continue;
		bg_json_key(out, key);
		copy_value(out, child);
	}
	bg_json_close(out, '}');
	return rc;
}
