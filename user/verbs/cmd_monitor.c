// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard monitor: prints the event ring as it fills. Events exist only while it
 * listens; it starts again when the daemon has replaced the maps.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/names.h"
#include "pinned/event_source.h"
#include "pinned/maps_read.h"
#include "show/event_text.h"
#include "show/out.h"
#include "verbs/cli.h"

struct query {
	const char *pin_dir, *branch, *reasons;
	bool json, drops_only;
	__u32 count; /* 0 = without end */
	/* their meaning: */
	__u64 reason_mask; /* 0 = any */
	__u32 vlan;	   /* 0 = any */
};

struct monitor {
	const struct query *query;
	const struct bg_maps *maps;
	struct bg_branch_row *branches;
	size_t branch_count;
	__u64 branches_read_ns;
	int rules_fd;
	__u64 seen;
	struct bg_error *err;
};

/* take_event() returns it after --count events. */
#define ENOUGH (-ECANCELED)

/* For a branch that is not known, branches are read again, but not more often. */
#define REREAD_NS BG_NS_PER_S

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static void monitor_free(struct monitor *monitor)
{
	free(monitor->branches);
	if (monitor->rules_fd >= 0)
		close(monitor->rules_fd);
}

static int read_branches(struct monitor *monitor)
{
	struct bg_branch_row *branches = NULL;
	size_t count = 0;
	int rc = bg_maps_branches(monitor->maps, &branches, &count, monitor->err);

	if (rc)
		return rc;
	free(monitor->branches);
	monitor->branches = branches;
	monitor->branch_count = count;
	monitor->branches_read_ns = bg_monotonic_ns();
	return 0;
}

static bool wanted(const struct query *query, const struct bg_event *event)
{
	if (query->drops_only && event->type != BG_EVENT_DROP)
		return false;
	if (query->vlan && query->vlan != event->vlan)
		return false;
	return !query->reason_mask ||
	       query->reason_mask & (1ull << (event->reason & (BG_REASON_MAX - 1)));
}

static int take_event(const struct bg_event *event, void *context)
{
	struct monitor *monitor = context;
	const struct query *query = monitor->query;
	const struct bg_branch_row *branch;
	struct bg_rule rule = {};
	int rc = 0;

	if (!wanted(query, event))
		return 0;
	branch = bg_branch_of_vlan(monitor->branches, monitor->branch_count, event->vlan);
	if (!branch && event->vlan && bg_monotonic_ns() - monitor->branches_read_ns > REREAD_NS) {
		rc = read_branches(monitor);
		if (rc)
			return rc;
		branch = bg_branch_of_vlan(monitor->branches, monitor->branch_count, event->vlan);
	}
	if (event->rule && bpf_map_lookup_elem(monitor->rules_fd, &event->rule, &rule))
		memset(&rule, 0, sizeof(rule));
	if (query->json)
		rc = bg_print_json_line(bg_event_json(event, branch, &rule), monitor->err);
	else
		bg_event_print(stdout, event, branch, &rule);
	if (rc || !query->count)
		return rc;
	return ++monitor->seen >= query->count ? ENOUGH : 0;
}

static int report_lost(struct bg_event_source *source, const struct query *query,
		       struct bg_error *err)
{
	__u64 lost = bg_events_lost(source);
	char text[BG_FORMAT_TEXT], now[BG_FORMAT_TEXT];

	if (!lost)
		return 0;
	bg_format_monotonic(bg_monotonic_ns(), now);
	if (query->json)
		return bg_print_json_line(json_pack("{s:s, s:s, s:I}", "time", now, "event", "lost",
						    "count", (json_int_t)lost),
					  err);
	printf("%s lost %s: they came faster than they were read\n", now,
	       bg_format_counted(lost, "event", text));
	return 0;
}

static int print_events(struct monitor *monitor)
{
	bg_cleanup(bg_events_close) struct bg_event_source source = { .lock_fd = -1 };
	const struct query *query = monitor->query;
	int rc = bg_events_open(monitor->maps, take_event, monitor, &source, monitor->err);

	if (rc)
		return rc;
	if (!query->json)
		fprintf(stderr, "branchguard monitor: listening for %s; Ctrl-C ends it\n",
			query->drops_only ? "drops" : "drops and new flows");
	while (!stopped && !rc) {
		rc = bg_events_wait(monitor->maps, &source, monitor->err);
		if (rc == ENOUGH)
			return bg_out_finish(monitor->err);
		if (rc)
			return rc;
		rc = report_lost(&source, query, monitor->err);
		if (rc)
			return rc;
		rc = bg_out_finish(monitor->err);
	}
	return rc;
}

/* Monitors one set of maps until the daemon replaces it. */
static int monitor_once(struct query *query, struct bg_error *err)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_cleanup(monitor_free) struct monitor monitor = {
		.query = query, .maps = &maps, .rules_fd = -1, .err = err
	};
	const struct bg_branch_row *branch;
	int rc = bg_maps_open(query->pin_dir, &maps, err) ?: read_branches(&monitor);

	if (rc)
		return rc;
	if (query->branch) {
		branch = bg_branch_find(monitor.branches, monitor.branch_count, query->branch, err);
		if (!branch)
			return -ENOENT;
		query->vlan = branch->vlan;
	}
	monitor.rules_fd = bg_maps_fd(&maps, "rules", sizeof(struct bg_rule), false, err);
	if (monitor.rules_fd < 0)
		return monitor.rules_fd;
	return print_events(&monitor);
}

static int understand(struct query *query, struct bg_error *err)
{
	char name[64];

	for (const char *item = query->reasons; item && *item;) {
		size_t length = strcspn(item, ",");
		int reason;

		snprintf(name, sizeof(name), "%.*s", (int)(length < 63 ? length : 63), item);
		reason = bg_reason_find(name);
		if (reason < 0)
			return bg_fail(err, -EINVAL,
				       "--reason '%s': expected names of reasons, joined by "
				       "commas, such as no-rule,spoofed; `branchguard monitor "
				       "--help` lists them",
				       name);
		query->reason_mask |= 1ull << reason;
		item += length;
		item += *item == ',';
	}
	return 0;
}

/* "Reasons: no-rule (...), ..." for --help. */
static char *about_text(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fputs("Prints packets that are dropped and flows that begin, as it happens, one a line: "
	      "branch, direction, pod, the other end, and why. Nothing is recorded while nobody "
	      "listens. Reasons of drops:",
	      out);
	for (unsigned int i = BG_REASON_FIRST_DROP; i < BG_REASON_MAX; i++) {
		if (bg_reason_name(i))
			fprintf(out, "%s %s", i == BG_REASON_FIRST_DROP ? "" : ",",
				bg_reason_name(i));
	}
	fputs(". Reasons of flows: rule, platform, probe.", out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

int cmd_monitor(int argc, char **argv)
{
	struct query query = { .pin_dir = BG_DEFAULT_PIN_DIR };
	const struct bg_option options[] = {
		BG_OPTION_BRANCH(&query.branch,
				 "only events of this branch (id, VLAN id or interface)"),
		{ .name = "reason",
		  .letter = 'r',
		  .type = BG_OPTION_STRING,
		  .value = &query.reasons,
		  .argument = "NAMES",
		  .help = "only events with one of these reasons, joined by commas" },
		{ .name = "drops-only",
		  .letter = 'd',
		  .type = BG_OPTION_FLAG,
		  .value = &query.drops_only,
		  .help = "no new flows" },
		{ .name = "count",
		  .letter = 'c',
		  .type = BG_OPTION_U32,
		  .value = &query.count,
		  .argument = "N",
		  .min = 1,
		  .max = 4294967295u,
		  .help = "end after N events" },
		{ .name = "json",
		  .letter = 'j',
		  .type = BG_OPTION_FLAG,
		  .value = &query.json,
		  .help = "print one JSON object a line" },
		BG_OPTION_PIN_DIR(&query.pin_dir),
		{}
	};
	const struct sigaction action = { .sa_handler = stop };
	bg_auto_free char *about = about_text();
	const struct bg_command command = {
		.verb = "monitor",
		.about = about ? about : "",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;
	int rc;

	if (status >= 0)
		return status;
	if (understand(&query, &err))
		return bg_cli_misused("monitor", &err);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	do {
		err.text[0] = '\0';
		rc = monitor_once(&query, &err);
	} while (rc == -ESTALE && !stopped);
	if (rc && !(stopped && rc == -ESTALE))
		return bg_cli_failed("monitor", &err);
	return BG_EXIT_DONE;
}
