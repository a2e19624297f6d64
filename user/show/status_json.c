// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * struct bg_status as JSON, for `status --json` alone. Programs read it: a key never gets
 * another name or another meaning.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/names.h"
#include "show/out.h"
#include "show/status.h"

/* json_object_set_new() fails when the value is NULL, so after a chain of these only the
 * last result has to be checked. */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static int set_count(json_t *object, const char *key, __u64 count)
{
	return set(object, key, json_integer((json_int_t)count));
}

static json_t *done(json_t *json, int rc)
{
	if (!rc)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *moment(__u64 boottime_ns)
{
	char text[BG_FORMAT_TEXT];

	return boottime_ns ? json_string(bg_format_boottime(boottime_ns, text)) : json_null();
}

static json_t *counters_json(const struct bg_counters *counters)
{
	json_t *o = json_object(), *reasons = json_object();
	__u64 passed = 0, dropped = 0;
	int rc = 0;

	for (unsigned int reason = 0; reason < BG_REASON_MAX; reason++) {
		const char *name = bg_reason_name(reason);

		if (bg_reason_passes(reason))
			passed += counters->packets[reason];
		else
			dropped += counters->packets[reason];
		if (name && counters->packets[reason])
			rc = rc ?: set_count(reasons, name, counters->packets[reason]);
	}
	rc = rc ?: set_count(o, "passed_packets", passed) ?:
	     set_count(o, "passed_bytes", counters->passed_bytes) ?:
	     set_count(o, "dropped_packets", dropped) ?:
	     set_count(o, "dropped_bytes", counters->dropped_bytes) ?:
	     set_count(o, "short_way_packets", counters->short_way_packets);
	if (rc) {
		json_decref(reasons);
		return done(o, rc);
	}
	return done(o, set(o, "reasons", reasons));
}

static int set_counters(json_t *object, const struct bg_counters counters[BG_DIRECTIONS])
{
	return set(object, "ingress", counters_json(&counters[BG_INGRESS]))
		       ?: set(object, "egress", counters_json(&counters[BG_EGRESS]));
}

static json_t *flows_json(const size_t flows[BG_FLOW_CLASSES])
{
	json_t *o = json_object();
	int rc = 0;

	for (int i = 0; i < BG_FLOW_CLASSES; i++)
		rc = rc ?: set_count(o, bg_flow_class_names[i], flows[i]);
	return done(o, rc);
}

/* The group ids of a list joined by commas, without the "..." of one that was cut. */
static json_t *groups_json(const char *list)
{
	json_t *groups = json_array();
	char id[sizeof(((struct bg_branch_info *)0)->groups)];
	int rc = groups ? 0 : -1;

	while (*list && !rc) {
		size_t length = strcspn(list, ",");

		snprintf(id, sizeof(id), "%.*s", (int)length, list);
		if (strcmp(id, "...") != 0)
			rc = json_array_append_new(groups, bg_json_text(id));
		list += length;
		list += *list == ',';
	}
	return done(groups, rc);
}

/* vlan 0: of no branch */
static json_t *hooks_json(const struct bg_status *status, __u32 vlan)
{
	json_t *list = json_array();
	int rc = list ? 0 : -1;

	for (size_t i = 0; i < status->hook_count && !rc; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];

		if (hook->vlan != vlan)
			continue;
		rc = json_array_append_new(list,
					   json_pack("{s:s, s:i, s:s, s:s, s:s, s:b}", "interface",
						     hook->interface, "ifindex", (int)hook->ifindex,
						     "program", hook->program, "way", hook->by,
						     "where", hook->where, "shared", hook->shared));
	}
	return done(list, rc);
}

static json_t *pods_json(const struct bg_status *status, __u32 vlan)
{
	json_t *list = json_array();
	char text[BG_FORMAT_TEXT];
	int rc = list ? 0 : -1;

	for (size_t i = 0; i < status->pod_count && !rc; i++) {
		const struct bg_pod_row *row = &status->pods[i];

		if (row->pod.vlan == vlan)
			rc = json_array_append_new(list, json_string(bg_format_endpoint(
								 &row->address, 0, false, text)));
	}
	return done(list, rc);
}

/* When the daemon last saw that all programs were there. */
static json_t *seen_json(const struct bg_status *status)
{
	char text[BG_FORMAT_TEXT];

	return status->pulse.beat_ns ? json_string(bg_format_boottime(status->pulse.beat_ns, text))
				     : json_null();
}

static json_t *gaps_json(const struct bg_status *status)
{
	json_t *list = json_array();

	if (status->not_looked_at && !status->gap_count) {
		json_decref(list);
		return json_null();
	}
	for (size_t i = 0; i < status->gap_count && list; i++) {
		const struct bg_gap *gap = &status->gaps[i];

		if (json_array_append_new(list, json_pack("{s:o, s:i, s:o, s:s, s:o}", "interface",
							  bg_json_text(gap->interface), "ifindex",
							  (int)gap->ifindex, "was",
							  gap->was[0] ? bg_json_text(gap->was)
								      : json_null(),
							  "program", gap->program, "since_or_later",
							  seen_json(status)))) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *branch_json(const struct bg_status *status, const struct bg_branch_status *branch)
{
	const struct bg_branch_info *info = &branch->row.info;
	const bool armed = bg_branch_is_armed(status, branch);
	json_t *o = json_object();

	return done(o, set(o, "id", bg_json_text(info->id)) ?:
		       set_count(o, "vlan", branch->row.vlan) ?:
		       set(o, "interface", bg_json_text(info->interface)) ?:
		       set(o, "renamed_to",
			   branch->called[0] ? bg_json_text(branch->called) : json_null()) ?:
		       set(o, "ifindex",
			   info->ifindex ? json_integer(info->ifindex) : json_null()) ?:
		       set(o, "mode", json_string(bg_mode_name(info->mode))) ?:
		       set(o, "group_ids", groups_json(info->groups)) ?:
		       /* not known is neither */
		       set(o, "armed", armed && status->not_looked_at ? json_null()
								      : json_boolean(armed)) ?:
		       set(o, "up", status->elsewhere ? json_null()
						      : json_boolean(branch->ifindex_now &&
								     !branch->down)) ?:
		       set(o, "armed_since", moment(armed ? info->armed_ns : 0)) ?:
		       set(o, "pod_addresses", pods_json(status, branch->row.vlan)) ?:
		       set(o, "programs",
			   hooks_json(status, branch->row.vlan)) ?:
		       set(o, "flows", flows_json(branch->flows)) ?:
		       set_counters(o, branch->counters));
}

static json_t *branches_json(const struct bg_status *status)
{
	json_t *list = json_array();
	int rc = list ? 0 : -1;

	for (size_t i = 0; i < status->branch_count && !rc; i++)
		rc = json_array_append_new(list, branch_json(status, &status->branches[i]));
	return done(list, rc);
}

static json_t *node_json(const struct bg_status *status)
{
	json_t *o = json_object();

	return done(o, set_counters(o, status->node) ?: set(o, "programs", hooks_json(status, 0)));
}

static json_t *flow_table_json(const struct bg_status *status)
{
	json_t *o = flows_json(status->flows);

	return done(o, set_count(o, "used", bg_status_flows_used(status)) ?:
		       set_count(o, "of_probes", status->probe_flows) ?:
		       set_count(o, "capacity", status->flow_capacity) ?:
		       set_count(o, "evicted", status->control.flows_evicted));
}

static json_t *tables_json(const struct bg_status *status)
{
	const struct bg_header *image = &status->image;
	json_t *o = json_object();
	int rc;

	rc = set(o, "flows", flow_table_json(status)) ?:
	     set(o, "rules",
		 json_pack("{s:I, s:I, s:I}", "used", (json_int_t)status->rules, "unused",
			   (json_int_t)status->rules_unused, "capacity",
			   (json_int_t)status->rule_capacity)) ?:
	     set(o, "fragments",
		 json_pack("{s:I, s:I}", "used", (json_int_t)status->fragments, "capacity",
			   (json_int_t)status->fragment_capacity));
	if (!rc && status->has_image)
		rc = set(o, "image",
			 json_pack("{s:I, s:I, s:I}", "used_bytes",
				   (json_int_t)image->cells_used * (int)sizeof(__u32),
				   "capacity_bytes", (json_int_t)status->image_capacity_bytes,
				   "address_classes", (json_int_t)image->classes));
	return done(o, rc);
}

static json_t *causes_json(const struct bg_status *status)
{
	bg_auto_free struct bg_cause *causes = NULL;
	json_t *list = json_array();
	size_t count = 0;
	int rc = bg_status_causes(status, &causes, &count);

	for (size_t i = 0; i < count && !rc; i++) {
		const struct bg_cause *cause = &causes[i];

		rc = json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:b, s:o}", "subject",
							   bg_json_text(cause->subject), "text",
							   bg_json_text(cause->text), "since",
							   moment(cause->since_ns), "or_later",
							   cause->or_later, "last_seen",
							   moment(cause->last_ns)));
	}
	return done(list, rc);
}

static json_t *daemon_json(const struct bg_status *status)
{
	const struct bg_pulse *pulse = &status->pulse;
	json_t *o = json_object();

	return done(o, set(o, "running", json_boolean(status->daemon_runs)) ?:
		       set(o, "pid",
			   status->daemon.pid ? json_integer(status->daemon.pid) : json_null()) ?:
		       set(o, "started", moment(pulse->started_ns)) ?:
		       set(o, "last_heard", moment(pulse->beat_ns)) ?:
		       set(o, "last_synced", moment(pulse->synced_ns)) ?:
		       set(o, "ended", moment(pulse->ended_ns)) ?:
		       set_count(o, "programs_put_back", pulse->programs_put_back) ?:
		       set_count(o, "pins_put_back", pulse->pins_put_back));
}

static json_t *interfaces_json(const struct bg_status *status)
{
	const json_t *list = bg_status_interfaces(status);
	json_t *interfaces = json_array();
	int rc = interfaces ? 0 : -1;

	for (size_t i = 0; i < json_array_size(list) && !rc; i++) {
		const json_t *from = json_array_get(list, i);
		const char *interface = json_string_value(json_object_get(from, "Interface"));
		const char *text = json_string_value(json_object_get(from, "Text"));
		const json_int_t since_ns = json_integer_value(json_object_get(from, "SinceNs"));

		rc = json_array_append_new(
			interfaces,
			json_pack("{s:s, s:s, s:o, s:b}", "interface", interface ? interface : "",
				  "text", text ? text : "", "since", moment((__u64)since_ns),
				  "open", json_is_true(json_object_get(from, "Open"))));
	}
	return done(interfaces, rc);
}

/* Errors or warnings about the feed. */
static json_t *problems_json(const json_t *list)
{
	json_t *problems = json_array();
	int rc = problems ? 0 : -1;

	for (size_t i = 0; i < json_array_size(list) && !rc; i++) {
		const json_t *from = json_array_get(list, i);
		const char *pointer = json_string_value(json_object_get(from, "Pointer"));
		const char *text = json_string_value(json_object_get(from, "Text"));

		rc = json_array_append_new(
			problems,
			json_pack("{s:s, s:I, s:I, s:s}", "pointer", pointer ? pointer : "", "line",
				  json_integer_value(json_object_get(from, "Line")), "column",
				  json_integer_value(json_object_get(from, "Column")), "text",
				  text ? text : ""));
	}
	return done(problems, rc);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static json_t *kept_json(const json_t *list)
{
	json_t *kept = json_array();
	int rc = kept ? 0 : -1;

	for (size_t i = 0; i < json_array_size(list) && !rc; i++) {
		const json_t *from = json_array_get(list, i);

		rc = json_array_append_new(
			kept, json_pack("{s:s, s:s, s:o}", "kind", text_of(from, "Kind"), "id",
					text_of(from, "Id"), "since",
					moment((__u64)json_integer_value(
						json_object_get(from, "SinceNs")))));
	}
	return done(kept, rc);
}

static json_t *left_out_json(const json_t *list)
{
	json_t *left_out = json_array();
	int rc = left_out ? 0 : -1;

	for (size_t i = 0; i < json_array_size(list) && !rc; i++) {
		const json_t *from = json_array_get(list, i);

		rc = json_array_append_new(left_out, json_pack("{s:s, s:s}", "pointer",
							       text_of(from, "Pointer"), "what",
							       text_of(from, "What")));
	}
	return done(left_out, rc);
}

static json_t *feed_json(const struct bg_status *status)
{
	json_t *o = json_object(), *refused = json_null();
	size_t warnings, errors, left_out;
	__u64 refused_ns;
	const char *refusal = bg_status_refusal(status, &refused_ns);
	const json_t *left_out_list = bg_status_left_out(status, &left_out);
	const json_t *list = bg_status_warnings(status, &warnings);
	const json_t *error_list = bg_status_errors(status, &errors);

	if (refusal)
		refused = json_pack("{s:s, s:o, s:o, s:o, s:I}", "error", refusal, "time",
				    moment(refused_ns), "since",
				    moment(bg_status_refused_since(status)), "errors",
				    problems_json(error_list), "error_count", (json_int_t)errors);
	return done(o, set(o, "last_refused", refused) ?:
		       set(o, "source", bg_json_text(bg_status_feed(status))) ?:
		       set(o, "last_read", moment(status->pulse.feed_read_ns)) ?:
		       set_count(o, "accepted_count", status->pulse.feeds_accepted) ?:
		       set_count(o, "refused_count", status->pulse.feeds_refused) ?:
		       set_count(o, "warning_count", warnings) ?:
		       set(o, "warnings", problems_json(list)) ?:
		       set(o, "kept", kept_json(bg_status_kept(status))) ?:
		       set_count(o, "left_out_count", left_out) ?:
		       set(o, "left_out", left_out_json(left_out_list)));
}

json_t *bg_status_json(const struct bg_status *status)
{
	const struct bg_control *control = &status->control;
	json_t *o = json_object();
	__u64 lost;

	return done(o, set(o, "revision",
			   control->revision ? json_integer(control->revision) : json_null()) ?:
		       set(o, "feed_revision", bg_json_text(control->feed_revision)) ?:
		       set(o, "published", moment(control->published_ns)) ?:
		       set(o, "daemon", daemon_json(status)) ?:
		       set(o, "feed", feed_json(status)) ?:
		       set(o, "interface_problems",
			   interfaces_json(status)) ?:
		       set(o, "missing_programs", gaps_json(status)) ?:
		       set(o, "branches", branches_json(status)) ?:
		       set(o, "node", node_json(status)) ?:
		       set(o, "tables", tables_json(status)) ?:
		       set_count(o, "events_lost", control->events_lost) ?:
		       set_count(o, "listeners", bg_status_listeners(status, &lost)) ?:
		       set_count(o, "events_lost_by_listeners", lost) ?:
		       set(o, "causes", causes_json(status)));
}
