// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * struct bg_status in the text exposition format of Prometheus, 0.0.4. `status --metrics`,
 * the daemon's metrics file and what it tells `branchguard-fleet serve` call it; a name or label
 * never gets another meaning.
 */
#include <string.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/names.h"
#include "base/printable.h"
#include "show/health.h"
#include "show/status.h"

/* Rules that have a series; of those that are left out it is said how many they are. */
#define RULES_MOST 2000

static void describe(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP branchguard_%s %s\n# TYPE branchguard_%s %s\n", name, help, name,
		type);
}

/* A label value: quoted, escaped. One byte that is not UTF-8 (a name that was cut, an interface's)
 * would cost the collector all metrics. */
static void put_label(FILE *out, const char *name, const char *value, const char *before)
{
	unsigned int code;
	size_t bytes;

	fprintf(out, "%s%s=\"", before, name);
	for (size_t left = strlen(value); left; value += bytes, left -= bytes) {
		const enum bg_printing what = bg_printing_of(value, left, &bytes, &code);

		if (what == BG_NOT_UTF8 || what == BG_CUT_SHORT)
			fputc('?', out);
		else if (*value == '\n')
			fputs("\\n", out);
		else
			fprintf(out, "%s%.*s", *value == '\\' || *value == '"' ? "\\" : "",
				(int)bytes, value);
	}
	fputc('"', out);
}

static void put_gauge(FILE *out, const char *name, const char *help, double value)
{
	describe(out, name, "gauge", help);
	fprintf(out, "branchguard_%s %.17g\n", name, value);
}

static void put_total(FILE *out, const char *name, const char *help, __u64 value)
{
	describe(out, name, "counter", help);
	fprintf(out, "branchguard_%s %llu\n", name, value);
}

/* The counters of one branch and direction, with the labels of their series; id "" = no
 * branch. */
struct place {
	const char *id;
	unsigned int direction;
	const struct bg_counters *counters;
	bool sparse; /* no series that is 0 */
};

static void put_place(FILE *out, const char *name, const struct place *place)
{
	fprintf(out, "branchguard_%s", name);
	put_label(out, "branch", place->id, "{");
	put_label(out, "direction", bg_direction_name(place->direction), ",");
}

static void packets_of(FILE *out, const struct place *place)
{
	for (unsigned int reason = 0; reason < BG_REASON_MAX; reason++) {
		const char *name = bg_reason_name(reason);

		/* rate() does not count the packet with which a series begins, so those
		 * of drops begin with 0 */
		if (!name || (!place->counters->packets[reason] &&
			      (place->sparse || bg_reason_passes(reason) || !place->id[0])))
			continue;
		put_place(out, "packets_total", place);
		put_label(out, "reason", name, ",");
		put_label(out, "verdict", bg_reason_passes(reason) ? "pass" : "drop", ",");
		fprintf(out, "} %llu\n", place->counters->packets[reason]);
	}
}

static void bytes_of(FILE *out, const struct place *place)
{
	put_place(out, "bytes_total", place);
	fprintf(out, ",verdict=\"pass\"} %llu\n", place->counters->passed_bytes);
	put_place(out, "bytes_total", place);
	fprintf(out, ",verdict=\"drop\"} %llu\n", place->counters->dropped_bytes);
}

static void short_way_of(FILE *out, const struct place *place)
{
	put_place(out, "short_way_packets_total", place);
	fprintf(out, "} %llu\n", place->counters->short_way_packets);
}

static void each_place(FILE *out, const struct bg_status *status, bool sparse,
		       void (*put)(FILE *out, const struct place *place))
{
	for (unsigned int direction = 0; direction < BG_DIRECTIONS; direction++)
		put(out, &(struct place){ "", direction, &status->node[direction], sparse });
	for (size_t i = 0; i < status->branch_count; i++) {
		const struct bg_branch_status *branch = &status->branches[i];

		for (unsigned int direction = 0; direction < BG_DIRECTIONS; direction++)
			put(out, &(struct place){ branch->row.info.id, direction,
						  &branch->counters[direction], sparse });
	}
}

static void put_traffic(FILE *out, const struct bg_status *status, bool sparse)
{
	describe(out, "packets_total", "counter",
		 "Packets by branch (empty: no branch), direction and reason.");
	each_place(out, status, sparse, packets_of);
	describe(out, "bytes_total", "counter", "Bytes by branch, direction and verdict.");
	each_place(out, status, sparse, bytes_of);
	describe(out, "short_way_packets_total", "counter",
		 "Passed packets that did not go through the node's network stack.");
	each_place(out, status, sparse, short_way_of);
}

static void put_branch_gauge(FILE *out, const char *name, const struct bg_branch_status *branch,
			     bool value)
{
	const struct bg_branch_info *info = &branch->row.info;

	fprintf(out, "branchguard_%s", name);
	put_label(out, "branch", info->id, "{");
	put_label(out, "interface", info->interface, ",");
	put_label(out, "mode", bg_mode_name(info->mode), ",");
	fprintf(out, ",vlan=\"%u\"} %d\n", branch->row.vlan, value);
}

/* No figure is better than one that is not known. */
static void put_branches(FILE *out, const struct bg_status *status)
{
	if (!status->not_looked_at)
		describe(out, "branch_armed", "gauge",
			 "1 when the branch's interface is there, up or down, and its programs are "
			 "attached.");
	for (size_t i = 0; i < status->branch_count && !status->not_looked_at; i++)
		put_branch_gauge(out, "branch_armed", &status->branches[i],
				 bg_branch_is_armed(status, &status->branches[i]));
	if (!status->elsewhere)
		describe(out, "branch_up", "gauge",
			 "1 when the branch's interface is there and up; else its pods reach "
			 "nobody.");
	for (size_t i = 0; i < status->branch_count && !status->elsewhere; i++)
		put_branch_gauge(out, "branch_up", &status->branches[i],
				 status->branches[i].ifindex_now && !status->branches[i].down);
	describe(out, "flows", "gauge", "Tracked flows by branch and state.");
	for (size_t i = 0; i < status->branch_count; i++) {
		const struct bg_branch_status *branch = &status->branches[i];

		for (int c = 0; c < BG_FLOWS_EXPIRED; c++) {
			put_label(out, "branch", branch->row.info.id, "branchguard_flows{");
			put_label(out, "state", bg_flow_class_names[c], ",");
			fprintf(out, "} %zu\n", branch->flows[c]);
		}
	}
}

static void put_tables(FILE *out, const struct bg_status *status)
{
	__u64 lost;

	put_gauge(out, "flows_used",
		  "Live flows of all branches, removed ones included, probes' left out.",
		  (double)bg_status_flows_used(status));
	put_gauge(out, "flows_capacity", "Places for them: two for each of --max-flows.",
		  (double)status->flow_capacity);
	put_gauge(out, "flows_of_probes", "Live flows of probes, which have places of their own.",
		  (double)status->probe_flows);
	put_total(out, "flows_evicted_total", "Flows that gave way to newer ones while they lived.",
		  status->control.flows_evicted);
	put_gauge(out, "fragments_used", "Fragmented datagrams under way.",
		  (double)status->fragments);
	put_gauge(out, "fragments_capacity", "Fragmented datagrams that are remembered.",
		  (double)status->fragment_capacity);
	put_gauge(out, "rules_used", "Rules in force.", (double)status->rules);
	put_gauge(out, "rules_capacity", "Rules that can be in force.",
		  (double)status->rule_capacity);
	put_gauge(out, "image_bytes", "Size of the policy image in force.",
		  status->has_image ? (double)status->image.cells_used * sizeof(__u32) : 0);
	put_gauge(out, "image_capacity_bytes", "Size that a policy image may have.",
		  (double)status->image_capacity_bytes);
	put_gauge(out, "event_listeners", "Who listens for events by the daemon's socket.",
		  (double)bg_status_listeners(status, &lost));
	put_total(out, "events_lost_total", "Events that came faster than they were read.",
		  status->control.events_lost);
	put_total(out, "listener_events_lost_total",
		  "Events that one of several listeners was too slow for.", lost);
}

static double seconds(__u64 ns)
{
	const __u64 ms = ns / BG_NS_PER_MS;

	return (double)ms / 1000;
}

/* 0 when it never was. */
static double unix_time(const struct bg_status *status, __u64 boottime_ns)
{
	return boottime_ns ? seconds(bg_realtime_ns() - status->now_boottime_ns + boottime_ns) : 0;
}

/* Nothing of what was never done. */
static void put_since(FILE *out, const struct bg_status *status, const char *name, const char *help,
		      __u64 boottime_ns)
{
	if (boottime_ns && status->now_boottime_ns >= boottime_ns)
		put_gauge(out, name, help, seconds(status->now_boottime_ns - boottime_ns));
}

/* What the last revision took, by the state file. */
static void put_took(FILE *out, const struct bg_status *status)
{
	static const struct {
		const char *key, *name, *help;
	} steps[] = {
		{ "ParseMs", "revision_parse_seconds",
		  "How long the feed of the last revision took to be read and parsed." },
		{ "CompileMs", "revision_compile_seconds",
		  "How long the last revision took to be compiled." },
		{ "PublishMs", "revision_publish_seconds",
		  "How long the last revision took to be put in force, once compiled." },
	};
	const json_t *took = json_object_get(status->state, "RevisionTook");

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const json_t *ms = json_object_get(took, steps[i].key);

		if (json_is_number(ms))
			put_gauge(out, steps[i].name, steps[i].help, json_number_value(ms) / 1000);
	}
}

static void put_gaps(FILE *out, const struct bg_status *status)
{
	describe(out, "program_missing", "gauge",
		 "1 for each program that must be at an interface and is not.");
	for (size_t i = 0; i < status->gap_count; i++) {
		const struct bg_gap *gap = &status->gaps[i];

		fputs("branchguard_program_missing", out);
		put_label(out, "interface", gap->interface, "{");
		put_label(out, "program", gap->program, ",");
		fprintf(out, ",ifindex=\"%u\",vlan=\"%u\"} 1\n", gap->ifindex, gap->vlan);
	}
}

/* Of rules that admitted nothing there is no series, and so of most there is none. */
static void put_rules(FILE *out, const struct bg_status *status)
{
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];
	size_t put = 0, left_out = 0;

	describe(out, "rule_hits_total", "counter",
		 "Flows that a rule in force admitted; rules that admitted none are left out.");
	for (size_t i = 1; i < status->rule_list_count; i++) {
		const struct bg_rule *rule = &status->rule_list[i];

		if (!rule->revision || !rule->hits)
			continue;
		if (put++ >= RULES_MOST) {
			left_out++;
			continue;
		}
		fprintf(out, "branchguard_rule_hits_total{rule=\"%zu\"", i);
		put_label(out, "group", rule->group, ",");
		put_label(out, "rule_id", rule->rule_id, ",");
		put_label(out, "direction", bg_direction_name(rule->direction), ",");
		put_label(out, "protocol", bg_protocol_format(rule->protocol, protocol), ",");
		put_label(out, "ports", bg_format_ports(rule, ports), ",");
		put_label(out, "peer", rule->peer, ",");
		fprintf(out, "} %llu\n", rule->hits);
	}
	put_gauge(out, "rules_unused", "Rules in force that admitted no flow yet.",
		  (double)status->rules_unused);
	put_gauge(out, "rules_left_out", "Rules with hits that have no series, being too many.",
		  (double)left_out);
}

static void put_daemon(FILE *out, const struct bg_status *status)
{
	const struct bg_pulse *pulse = &status->pulse;

	put_gauge(out, "feed_last_read_timestamp_seconds",
		  "Unix time when the feed's file was read, or found to be the same; 0 = never.",
		  unix_time(status, pulse->feed_read_ns));
	put_gauge(out, "interfaces_last_synced_timestamp_seconds",
		  "Unix time when all interfaces were known and what they need was done; 0 = "
		  "never.",
		  unix_time(status, pulse->synced_ns));
	put_since(out, status, "feed_age_seconds",
		  "Time since the feed's file was read, or found to be the same.",
		  pulse->feed_read_ns);
	put_gauge(out, "feed_refused_since_timestamp_seconds",
		  "Unix time of the first refusal since a feed was accepted; 0 = there was none.",
		  unix_time(status, bg_status_refused_since(status)));
	put_total(out, "feeds_accepted_total", "Feeds that came in force.", pulse->feeds_accepted);
	put_total(out, "feeds_refused_total", "Feeds that were refused, or could not be read.",
		  pulse->feeds_refused);
	put_total(out, "programs_put_back_total",
		  "Programs that somebody took away and the daemon put back.",
		  pulse->programs_put_back);
	put_total(out, "pins_put_back_total", "Pins that somebody removed and the daemon put back.",
		  pulse->pins_put_back);
	if (!status->not_looked_at)
		put_gauge(out, "missing_programs",
			  "Programs that must be at an interface and are not.",
			  (double)status->gap_count);
	if (!status->not_looked_at)
		put_gaps(out, status);
}

static void put_build(FILE *out, const struct bg_build *build)
{
	describe(out, "build_info", "gauge", "What this branchguard was built from.");
	put_label(out, "version", build->version, "branchguard_build_info{");
	put_label(out, "commit", build->commit, ",");
	fprintf(out, ",abi=\"%d\"} 1\n", BG_ABI);
}

static void put_kept(FILE *out, const json_t *list)
{
	static const struct {
		const char *kind, *label;
	} kinds[] = { { "branch", "branch" },
		      { "group", "group" },
		      { "prefix list", "prefix_list" } };

	describe(out, "kept", "gauge",
		 "What the feed lacks and stays in force, since it or what needs it lives.");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t count = 0;

		for (size_t k = 0; k < json_array_size(list); k++) {
			const char *kind =
				json_string_value(json_object_get(json_array_get(list, k), "Kind"));

			count += kind && !strcmp(kind, kinds[i].kind);
		}
		fprintf(out, "branchguard_kept{kind=\"%s\"} %zu\n", kinds[i].label, count);
	}
}

static void put_revision(FILE *out, const struct bg_status *status)
{
	const struct bg_control *control = &status->control;
	__u64 refused_ns;
	const char *refusal = bg_status_refusal(status, &refused_ns);
	size_t warnings, left_out;
	double age_s = (double)(status->now_boottime_ns - control->published_ns) / BG_NS_PER_S;

	bg_status_warnings(status, &warnings);
	bg_status_left_out(status, &left_out);
	put_gauge(out, "feed_refused",
		  "1 when the feed as it is now was refused and an older revision is in force.",
		  refusal != NULL);
	put_gauge(out, "feed_warnings", "Warnings about the feed in force.", (double)warnings);
	put_kept(out, bg_status_kept(status));
	put_gauge(out, "feed_left_out",
		  "Branches and addresses of the feed that are not in force, since others claim "
		  "them, too.",
		  (double)left_out);
	put_gauge(out, "interface_problems", "Interfaces that could not be armed.",
		  (double)json_array_size(bg_status_interfaces(status)));
	put_gauge(out, "daemon_running",
		  "1 when a daemon follows feed and interfaces; believe it as long as "
		  "metrics_timestamp_seconds is young.",
		  status->daemon_runs && !bg_daemon_unheard_ns(status));
	put_gauge(out, "metrics_timestamp_seconds",
		  "Unix time when these metrics were taken: alert when it does not grow.",
		  seconds(bg_realtime_ns()));
	put_gauge(out, "revision", "Number of the revision in force, 0 = none.", control->revision);
	if (!control->revision)
		return;
	describe(out, "revision_info", "gauge", "The feed's own name of the revision in force.");
	put_label(out, "feed_revision", control->feed_revision, "branchguard_revision_info{");
	fputs("} 1\n", out);
	put_gauge(out, "revision_age_seconds", "Time since the revision came into force.", age_s);
	put_took(out, status);
}

static void put_all(FILE *out, const struct bg_status *status, const struct bg_build *build,
		    bool sparse)
{
	put_build(out, build);
	put_revision(out, status);
	put_daemon(out, status);
	put_branches(out, status);
	put_traffic(out, status, sparse);
	put_tables(out, status);
	put_rules(out, status);
}

void bg_metrics_print(FILE *out, const struct bg_status *status, const struct bg_build *build)
{
	put_all(out, status, build, false);
}

void bg_metrics_print_sparse(FILE *out, const struct bg_status *status,
			     const struct bg_build *build, const struct bg_health *health)
{
	put_all(out, status, build, true);
	describe(out, "health", "gauge",
		 "What `branchguard health` says of each concern: 0 well, 1 degraded, 2 not "
		 "enforcing.");
	for (int i = 0; i < BG_CONCERNS; i++)
		if (health->concerns[i].known)
			fprintf(out, "branchguard_health{concern=\"%s\"} %d\n", bg_concern_name(i),
				health->concerns[i].level);
}
