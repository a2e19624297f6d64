// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard monitor: prints events as they happen. They come from the daemon by its
 * socket, to as many as listen. While no daemon runs, root reads the event ring itself,
 * and goes back to the daemon when there is one again.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/names.h"
#include "pinned/event_source.h"
#include "pinned/maps_read.h"
#include "pinned/state_file.h"
#include "show/event_filter.h"
#include "show/event_names.h"
#include "show/out.h"
#include "socket/client.h"
#include "verbs/cli.h"

/* A daemon that lives answers within this time. */
#define ANSWER_MS 10000
#define WAIT_MS 500
#define BUSY_TRIES 10
/* Without a daemon one is looked for this often. */
#define LOOK_NS BG_NS_PER_S

struct monitor {
	const char *pin_dir, *branch, *reasons;
	bool json;
	__u32 count; /* 0 = without end */
	struct bg_event_filter filter;
	char socket[BG_STATE_PATH_BYTES];
	__u64 seen;
	bool started; /* what comes is printed, and that was said */
	struct bg_error *err;
	/* while it reads the ring itself: */
	struct bg_maps maps;
	struct bg_event_namer namer;
	struct bg_json_writer line;
	__u64 looked_ns;
};

/* The end after --count events, and a daemon that is there again. */
#define ENOUGH (-ECANCELED)
#define DAEMON_IS_BACK (-EALREADY)

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static int counted(struct monitor *monitor)
{
	monitor->seen++;
	return monitor->count && monitor->seen >= monitor->count ? ENOUGH : 0;
}

static void say_started(struct monitor *monitor)
{
	if (!monitor->started && !monitor->json)
		fprintf(stderr, "branchguard monitor: listening for %s; Ctrl-C ends it\n",
			monitor->filter.drops_only ? "drops" : "drops and new flows");
	monitor->started = true;
}

/* What stands between two events: some are missing here. */
static int print_gap(struct monitor *monitor, const char *event, json_t *more, const char *text)
{
	char now[BG_FORMAT_TEXT];
	json_t *json;

	bg_format_monotonic(bg_monotonic_ns(), now);
	if (!monitor->json) {
		json_decref(more);
		printf("%s %s %s\n", now, event, text);
		return bg_out_finish(monitor->err);
	}
	json = json_pack("{s:s, s:s}", "time", now, "event", event);
	if (json && more)
		json_object_update(json, more);
	json_decref(more);
	return bg_print_json_line(json, monitor->err) ?: bg_out_finish(monitor->err);
}

static int print_lost(struct monitor *monitor, __u64 lost)
{
	char count[BG_FORMAT_TEXT], text[2 * BG_FORMAT_TEXT];

	if (!lost)
		return 0;
	snprintf(text, sizeof(text), "%s: they came faster than they were read",
		 bg_format_counted(lost, "event", count));
	return print_gap(monitor, "lost", json_pack("{s:I}", "count", (json_int_t)lost), text);
}

/* The daemon went, or came: events of a moment may be missing. */
static int print_change(struct monitor *monitor, const char *text)
{
	return print_gap(monitor, "interrupted", json_pack("{s:s}", "text", text), text);
}

/* --- by the daemon ----------------------------------------------------------- */

static char *request_text(const struct monitor *monitor)
{
	json_t *json = json_pack("{s:s, s:b, s:s*, s:s*}", "method", "events", "drops_only",
				 (int)monitor->filter.drops_only, "branch", monitor->branch,
				 "reasons", monitor->reasons);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

static int print_for_people(struct monitor *monitor, const json_t *json)
{
	char groups[BG_EVENT_GROUPS_BYTES];
	struct bg_event_names names;
	struct bg_event event;

	if (!bg_event_read(json, &event, &names, groups))
		return 0; /* of a daemon that knows more than this */
	bg_event_print(stdout, &event, &names);
	return counted(monitor);
}

static bool is_lost(const char *line)
{
	return strstr(line, "\"event\":\"lost\"");
}

static int take_line(struct monitor *monitor, const char *line)
{
	json_t *json;
	int rc;

	if (monitor->json) {
		if (puts(line) == EOF)
			return bg_out_finish(monitor->err);
		return is_lost(line) ? 0 : counted(monitor);
	}
	json = json_loads(line, 0, NULL);
	if (is_lost(line))
		rc = print_lost(monitor, json_integer_value(json_object_get(json, "count")));
	else
		rc = print_for_people(monitor, json);
	json_decref(json);
	return rc;
}

/* The first line: it listens, or cannot. */
static int take_answer(struct monitor *monitor, struct bg_client *client)
{
	const __u64 end_ns = bg_monotonic_ns() + ANSWER_MS * BG_NS_PER_MS;
	const char *text;
	json_t *json;
	char *line;
	int rc = 0;

	while (!rc && !stopped && bg_monotonic_ns() < end_ns)
		rc = bg_client_line(client, WAIT_MS, &line, monitor->err);
	if (rc < 0 || stopped)
		return rc < 0 ? rc : 0;
	if (!rc)
		return bg_fail(monitor->err, -ETIMEDOUT,
			       "the daemon that listens at %s does not answer: is it stopped?",
			       monitor->socket);
	json = json_loads(line, 0, NULL);
	text = json_string_value(json_object_get(json, "error"));
	if (text)
		rc = bg_fail(monitor->err,
			     json_is_true(json_object_get(json, "busy")) ? -EBUSY : -EREMOTEIO,
			     "%s", text);
	else
		rc = 0;
	json_decref(json);
	return rc;
}

/* Until the daemon ends: -EPIPE. -ENOENT: there is none. */
static int print_from_daemon(struct monitor *monitor)
{
	bg_cleanup(bg_client_close_at) struct bg_client *client = NULL;
	bg_auto_free char *request = request_text(monitor);
	char *line = NULL;
	int rc;

	if (!request)
		return bg_no_memory(monitor->err, "asking for events");
	rc = bg_client_open(monitor->socket, request, &client, monitor->err);
	if (rc)
		return rc;
	rc = take_answer(monitor, client);
	if (rc)
		return rc;
	if (monitor->started)
		rc = print_change(monitor, "the daemon runs again, and events come from it");
	say_started(monitor);
	while (!stopped && rc >= 0) {
		/* before it waits, so that what has come is seen */
		if (!bg_client_has_line(client))
			rc = bg_out_finish(monitor->err);
		if (!rc)
			rc = bg_client_line(client, WAIT_MS, &line, monitor->err);
		if (rc > 0 && line)
			rc = take_line(monitor, line);
	}
	return rc;
}

/* --- without a daemon ---------------------------------------------------------- */

static int take_event(const struct bg_event *event, void *context)
{
	struct monitor *monitor = context;
	struct bg_event_names names;
	int rc;

	if (!bg_event_wanted(&monitor->filter, event))
		return 0;
	rc = bg_event_name(&monitor->namer, event, &names, monitor->err);
	if (rc)
		return rc;
	if (!monitor->json) {
		bg_event_print(stdout, event, &names);
		return counted(monitor);
	}
	bg_json_clear(&monitor->line);
	bg_event_write(&monitor->line, event, &names);
	bg_json_raw(&monitor->line, "\n", 1);
	if (monitor->line.failed)
		return bg_no_memory(monitor->err, "printing an event");
	fwrite(monitor->line.text, 1, monitor->line.length_bytes, stdout);
	return counted(monitor);
}

static bool daemon_is_back(struct monitor *monitor)
{
	static const char request[] = "{\"method\":\"daemon\"}";
	bg_cleanup(bg_client_close_at) struct bg_client *client = NULL;
	struct bg_error err;

	if (bg_monotonic_ns() - monitor->looked_ns < LOOK_NS)
		return false;
	monitor->looked_ns = bg_monotonic_ns();
	return !bg_client_open(monitor->socket, request, &client, &err);
}

static int read_ring(struct monitor *monitor)
{
	bg_cleanup(bg_events_close) struct bg_event_source source = { .lock_fd = -1 };
	int rc = bg_events_open(&monitor->maps, take_event, monitor, &source, monitor->err);

	if (rc)
		return rc;
	if (monitor->started)
		rc = print_change(monitor, "the daemon has ended; events are read without it");
	say_started(monitor);
	while (!stopped && !rc) {
		rc = bg_events_wait(&monitor->maps, &source, monitor->err) ?:
		     print_lost(monitor, bg_events_lost(&source)) ?:
		     bg_out_finish(monitor->err);
		if (!rc && daemon_is_back(monitor))
			rc = DAEMON_IS_BACK;
	}
	return rc;
}

/* Until there is a daemon, or the maps are others. */
static int print_from_ring(struct monitor *monitor)
{
	const struct bg_branch_row *branch;
	int rc = bg_maps_open(monitor->pin_dir, &monitor->maps, monitor->err);

	if (rc)
		return rc;
	rc = bg_event_namer_open(&monitor->maps, &monitor->namer, monitor->err);
	if (!rc && monitor->branch) {
		branch = bg_branch_find(monitor->namer.branches, monitor->namer.branch_count,
					monitor->branch, monitor->err);
		rc = branch ? 0 : -ENOENT;
		monitor->filter.vlan = branch ? branch->vlan : 0;
	}
	if (!rc)
		rc = read_ring(monitor);
	bg_event_namer_close(&monitor->namer);
	bg_maps_close(&monitor->maps);
	return rc;
}

/* --- both ------------------------------------------------------------------------ */

/* Who may not read the ring waits for the next daemon. */
static int wait_for_daemon(struct monitor *monitor)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * BG_NS_PER_MS };
	int rc = print_change(monitor, "the daemon has ended; waiting for the next one");

	while (!rc && !stopped && !daemon_is_back(monitor))
		nanosleep(&pause, NULL);
	return rc;
}

/* Who reads the ring goes over to a new daemon within a second or so. */
static int print_once_free(struct monitor *monitor)
{
	const struct timespec pause = { .tv_nsec = WAIT_MS * BG_NS_PER_MS };
	int rc = print_from_daemon(monitor);

	for (int i = 0; i < BUSY_TRIES && rc == -EBUSY && !stopped; i++) {
		nanosleep(&pause, NULL);
		rc = print_from_daemon(monitor);
	}
	return rc;
}

static int print_events(struct monitor *monitor)
{
	int rc = 0;

	while (!stopped) {
		monitor->err->text[0] = '\0';
		rc = print_once_free(monitor);
		if (rc != -ENOENT && rc != -EPIPE)
			break;
		rc = print_from_ring(monitor);
		if (rc == -EPERM && monitor->started)
			rc = wait_for_daemon(monitor) ?: DAEMON_IS_BACK;
		if (rc != DAEMON_IS_BACK && rc != -ESTALE)
			break;
	}
	if (rc == ENOUGH || (stopped && (rc == -ESTALE || rc == DAEMON_IS_BACK)))
		rc = 0;
	return rc ?: bg_out_finish(monitor->err);
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
	struct monitor monitor = { .pin_dir = BG_DEFAULT_PIN_DIR };
	const struct bg_option options[] = {
		BG_OPTION_BRANCH(&monitor.branch,
				 "only events of this branch (id, VLAN id or interface)"),
		{ .name = "reason",
		  .letter = 'r',
		  .type = BG_OPTION_STRING,
		  .value = &monitor.reasons,
		  .argument = "NAMES",
		  .help = "only events with one of these reasons, joined by commas" },
		{ .name = "drops-only",
		  .letter = 'd',
		  .type = BG_OPTION_FLAG,
		  .value = &monitor.filter.drops_only,
		  .help = "no new flows" },
		{ .name = "count",
		  .letter = 'c',
		  .type = BG_OPTION_U32,
		  .value = &monitor.count,
		  .argument = "N",
		  .min = 1,
		  .max = 4294967295u,
		  .help = "end after N events" },
		{ .name = "json",
		  .letter = 'j',
		  .type = BG_OPTION_FLAG,
		  .value = &monitor.json,
		  .help = "print one JSON object a line" },
		BG_OPTION_PIN_DIR(&monitor.pin_dir),
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
	struct bg_error err = {};
	int rc;

	if (status >= 0)
		return status;
	monitor.err = &err;
	if (monitor.reasons &&
	    bg_event_filter_reasons(&monitor.filter, "--reason", monitor.reasons, &err))
		return bg_cli_misused("monitor", &err);
	bg_socket_path(monitor.pin_dir, monitor.socket);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	rc = print_events(&monitor);
	bg_json_writer_free(&monitor.line);
	return rc ? bg_cli_failed("monitor", &err) : BG_EXIT_DONE;
}
