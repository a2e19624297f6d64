// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What all that reads into the model shares: reports, and fields that are kept. And the end
 * of a model. What is in an object it does not know.
 */
#include "fleet/gather/cluster.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/reading.h"

/* --- reports --- */

int bg_report(struct bg_cluster *cluster, const char *format, ...)
{
	struct bg_report *report;
	va_list args;
	int length;

	if (cluster->report_count == BG_REPORTS_MOST) {
		cluster->more_reports++;
		return 0;
	}
	report = BG_GROW(cluster->reports, cluster->report_count);
	if (!report)
		return -ENOMEM;
	va_start(args, format);
	length = vasprintf(&report->text, format, args);
	va_end(args);
	if (length >= 0)
		return 0;
	cluster->report_count--;
	return -ENOMEM;
}

int bg_report_left_out(struct bg_cluster *cluster, const char *file, const char *kind,
		       const char *name, const struct bg_error *err)
{
	const char *text = err->text + err->place_bytes;

	if (err->place_bytes && !strncmp(text, ": ", 2))
		text += 2;
	return bg_report(cluster, "%s: %.*s%s%s%s%s: %s; left out", file, (int)err->place_bytes,
			 err->text, err->place_bytes ? ": " : "", kind, name ? " " : "",
			 name ? name : "", text);
}

/* --- fields --- */

int bg_gather_value_id(struct bg_cluster *cluster, const struct bg_json *value,
		       const struct bg_at *at, size_t most, const char **id, struct bg_error *err)
{
	struct bg_text text;
	int rc = bg_value_id(value, at, most, &text, err);

	if (rc)
		return rc;
	*id = bg_intern(&cluster->interned, text.bytes, text.length);
	return *id ? 0 : bg_no_memory(err, BG_GATHERING);
}

int bg_gather_id(struct bg_cluster *cluster, const struct bg_fields *fields, size_t field,
		 size_t most, const char **value, struct bg_error *err)
{
	struct bg_at at = bg_field_at(fields, field);

	return fields->values[field]
		       ? bg_gather_value_id(cluster, fields->values[field], &at, most, value, err)
		       : 0;
}

int bg_gather_prefix(const struct bg_json *value, const struct bg_at *at, bool is_address,
		     struct bg_prefix *prefix, struct bg_error *err)
{
	char text[BG_IP_TEXT];

	if (value->type != BG_JSON_STRING || !bg_text_copy(value->text, text, sizeof(text)) ||
	    (is_address && strchr(text, '/')) || bg_prefix_parse(text, prefix, NULL))
		return bg_json_unexpected(value, at, is_address ? "an IP address" : "a CIDR", err);
	return 0;
}

int bg_gather_object(const struct bg_fields *fields, size_t field, const struct bg_shape *shape,
		     struct bg_at *at, struct bg_fields *inner, bool *present, struct bg_error *err)
{
	*present = fields->values[field];
	*at = bg_field_at(fields, field);
	*inner = (struct bg_fields){ .at = at, .shape = shape };
	return *present ? bg_json_fields(fields->values[field], at, shape, NULL, NULL, inner, err)
			: 0;
}

/* --- the end --- */

static void release_pod(struct bg_kube_pod *pod)
{
	bg_labels_release(&pod->labels);
	bg_names_release(&pod->fargate_groups);
	free(pod->addresses);
	free(pod->probes);
}

static void release_rules(struct bg_ec2_rules *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bg_names_release(&rules[i].groups);
		bg_names_release(&rules[i].lists);
	}
	free(rules);
}

static void release_kubernetes(struct bg_cluster *cluster)
{
	for (size_t i = 0; i < cluster->node_count; i++)
		free(cluster->nodes[i].addresses);
	for (size_t i = 0; i < cluster->account_count; i++)
		bg_labels_release(&cluster->accounts[i].labels);
	for (size_t i = 0; i < cluster->service_count; i++)
		free(cluster->services[i].prefixes);
	for (size_t i = 0; i < cluster->policy_count; i++) {
		bg_selector_release(&cluster->policies[i].pods);
		bg_selector_release(&cluster->policies[i].accounts);
		bg_names_release(&cluster->policies[i].groups);
	}
	for (size_t i = 0; i < cluster->pod_count; i++)
		release_pod(&cluster->pods[i]);
	free(cluster->nodes);
	free(cluster->accounts);
	free(cluster->services);
	free(cluster->policies);
	free(cluster->pods);
}

void bg_cluster_release(struct bg_cluster *cluster)
{
	struct bg_dict *const dicts[] = {
		&cluster->nodes_by_path,    &cluster->accounts_by_path, &cluster->pods_by_path,
		&cluster->interfaces_by_id, &cluster->groups_by_id,	&cluster->rules_by_id,
		&cluster->lists_by_id,	    &cluster->policies_of,	&cluster->owners,
		&cluster->pods_on_node,
	};

	release_kubernetes(cluster);
	for (size_t i = 0; i < cluster->interface_count; i++) {
		bg_names_release(&cluster->interfaces[i].groups);
		free(cluster->interfaces[i].prefixes);
	}
	free(cluster->interfaces);
	release_rules(cluster->groups, cluster->group_count);
	release_rules(cluster->rules, cluster->rule_count);
	for (size_t i = 0; i < cluster->list_count; i++) {
		bg_names_release(&cluster->lists[i].entries);
		bg_names_release(&cluster->lists[i].last_page);
	}
	free(cluster->lists);
	for (size_t i = 0; i < sizeof(dicts) / sizeof(dicts[0]); i++)
		bg_dict_release(dicts[i]);
	free(cluster->by_node);
	for (size_t i = 0; i < cluster->report_count; i++)
		free(cluster->reports[i].text);
	free(cluster->reports);
	bg_interned_release(&cluster->interned);
	*cluster = (struct bg_cluster){};
}
