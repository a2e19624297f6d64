// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard flows --follow. That a flow begins the daemon tells by its socket; the table
 * is looked at from time to time for those that end, of which nobody tells, and for what no
 * event was of. Without a daemon it is looked at for all.
 */
#include "verbs/flow_follow.h"

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/grow.h"
#include "pinned/state_file.h"
#include "protocol.h"
#include "show/event_text.h"
#include "show/out.h"
#include "socket/client.h"

/* --follow looks this often, but less often if looking would take more than a tenth of
 * the time. A closed flow stays in the table longer than that. */
#define SCAN_INTERVAL_NS (500 * BG_NS_PER_MS)
#define SCAN_SHARE 10

/* A daemon is looked for this often. */
#define LOOK_NS BG_NS_PER_S

struct follower {
	const struct bg_maps *maps;
	const struct bg_flow_query *query;
	struct bg_error *err;
	struct bg_flow_list before; /* the last look */
	struct bg_flow_list early;  /* those of which events have come since */
	struct bg_flow_table_names names;
	__u32 revision; /* of the names */
	char socket[BG_STATE_PATH_BYTES];
	struct bg_client *client; /* NULL: no daemon tells */
	bool told;
	__u64 asked_ns;
};

static void free_follower(struct follower *follower)
{
	bg_client_close(follower->client);
	bg_flow_list_free(&follower->before);
	bg_flow_list_free(&follower->early);
	bg_flow_table_names_free(&follower->names);
}

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static int print_change(const char *change, const struct bg_flow *flow,
			const struct bg_flow_table_names *names, const struct bg_flow_query *query,
			__u64 now_ns, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer text = {};
	struct bg_calendar calendar;
	char when[BG_CALENDAR_TEXT];

	bg_calendar_open(&calendar);
	/* a flow has the time at which it began; it ended since the last look */
	bg_calendar_format(&calendar, change[0] == 'n' ? flow->created_ns : now_ns, when);
	if (!query->json) {
		printf("%s %-5s ", when, change);
		bg_flow_print_line(stdout, flow, &names->view, now_ns);
		return putchar('\n') == EOF ? bg_out_finish(err) : 0;
	}
	bg_flow_write(&text, flow, &names->view, &calendar, now_ns);
	if (!text.failed)
		text.length_bytes--; /* two more keys in front of the brace */
	bg_json_key(&text, "event");
	bg_json_plain(&text, change);
	bg_json_key(&text, "time");
	bg_json_plain(&text, when);
	bg_json_close(&text, '}');
	bg_json_raw(&text, "\n", 1);
	return bg_flow_put_json(&text, err);
}

/* --- what the daemon tells ------------------------------------------------------- */

static void without_daemon(struct follower *follower, const char *why)
{
	bg_client_close(bg_take_ptr(follower->client));
	if (!follower->told)
		fprintf(stderr,
			"branchguard flows: no daemon tells what begins (%s): the table is looked at "
			"from time to time\n",
			why);
	follower->told = true;
}

static void listen_to_daemon(struct follower *follower)
{
	const char *branch = follower->query->branch;
	bg_auto_free char *text = NULL;
	struct bg_error err;
	json_t *request;

	if (follower->client || bg_monotonic_ns() - follower->asked_ns < LOOK_NS)
		return;
	follower->asked_ns = bg_monotonic_ns();
	request = json_pack("{s:s, s:b, s:s*}", "method", "events", "flows_only", 1, "branch",
			    branch);
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (!text)
		without_daemon(follower, "out of memory");
	else if (bg_client_open(follower->socket, text, &follower->client, &err))
		without_daemon(follower, err.text);
}

static int read_names(struct follower *follower)
{
	bg_flow_table_names_free(&follower->names);
	return bg_flow_table_names_read(follower->maps, &follower->names, follower->err);
}

static __u32 tag_of(const struct follower *follower, __u32 vlan)
{
	for (size_t i = 0; i < follower->names.view.branch_count; i++)
		if (follower->names.branches[i].vlan == vlan)
			return follower->names.branches[i].info.tag;
	return 0;
}

/* As it was when its first packet had passed; its idle time nobody has told. */
static struct bg_flow flow_of(const struct bg_event *event, __u32 tag)
{
	const bool is_egress = event->direction == BG_EGRESS;
	struct bg_flow flow = {
		.key = { .local = event->local,
			 .remote = event->remote,
			 .local_port = event->local_port,
			 .remote_port = event->remote_port,
			 .protocol = event->protocol,
			 .branch = tag },
		.created_ns = event->time_ns,
		.last_seen_ns = event->time_ns,
		.rule = event->rule,
		.revision = event->revision,
		.flags = (is_egress ? BG_FLOW_EGRESS : 0) |
			 (event->reason == BG_REASON_PLATFORM ? BG_FLOW_PLATFORM : 0),
	};

	flow.packets[event->direction] = 1;
	flow.bytes[event->direction] = event->length_bytes;
	return flow;
}

/* Keys first, then when it began: an event has the time of its flow. NULL, of a list that has
 * ended, comes last. */
static int order_of(const struct bg_flow *before, const struct bg_flow *after)
{
	if (!before)
		return 1;
	if (!after)
		return -1;
	return bg_flow_by_key(before, after);
}

/* The look that has just been may have found it, too. */
static bool was_seen(const struct bg_flow_list *list, const struct bg_flow *flow)
{
	size_t from = 0, to = list->count;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int order = order_of(&list->flows[middle], flow);

		if (!order)
			return true;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

/* Probes, and what has no ports, the next look finds: an event does not tell all of their
 * key. */
static int take_event(struct follower *follower, const struct bg_event *event)
{
	struct bg_flow flow, *taken;
	int rc;

	if (event->type != BG_EVENT_FLOW || !bg_has_ports(event->protocol) || !event->time_ns ||
	    (event->reason != BG_REASON_RULE && event->reason != BG_REASON_PLATFORM))
		return 0;
	if (event->revision != follower->revision || !tag_of(follower, event->vlan)) {
		rc = read_names(follower);
		if (rc)
			return rc;
		follower->revision = event->revision;
	}
	flow = flow_of(event, tag_of(follower, event->vlan));
	if (!flow.key.branch || !bg_flow_fits(follower->query, &flow.key) ||
	    was_seen(&follower->before, &flow))
		return 0;
	taken = BG_GROW(follower->early.flows, follower->early.count);
	if (!taken)
		return bg_no_memory(follower->err, "following the flows");
	*taken = flow;
	return print_change("new", &flow, &follower->names, follower->query, bg_monotonic_ns(),
			    follower->err);
}

static int take_line(struct follower *follower, const char *line)
{
	char groups[BG_EVENT_GROUPS_BYTES];
	json_t *json = json_loads(line, 0, NULL);
	const char *error = json_string_value(json_object_get(json, "error"));
	struct bg_event_names names;
	struct bg_event event;
	int rc = 0;

	if (error)
		without_daemon(follower, error);
	else if (bg_event_read(json, &event, &names, groups))
		rc = take_event(follower, &event);
	json_decref(json);
	return rc;
}

static int wait_with_daemon(struct follower *follower, __u64 left_ns)
{
	struct bg_error err;
	char *line;
	int rc;

	rc = bg_client_line(follower->client, (int)(left_ns / BG_NS_PER_MS) + 1, &line, &err);
	if (rc < 0)
		without_daemon(follower, err.text);
	if (rc <= 0)
		return 0;
	rc = take_line(follower, line);
	if (!rc && (!follower->client || !bg_client_has_line(follower->client)))
		rc = bg_out_finish(follower->err);
	return rc;
}

static int wait_until(struct follower *follower, __u64 end_ns)
{
	__u64 now_ns;
	int rc = 0;

	while (!rc && !stopped && (now_ns = bg_monotonic_ns()) < end_ns) {
		const struct timespec pause = { .tv_nsec = 100 * BG_NS_PER_MS };

		listen_to_daemon(follower);
		if (follower->client)
			rc = wait_with_daemon(follower, end_ns - now_ns);
		else
			nanosleep(&pause, NULL);
	}
	return rc;
}

/* --- what the table says ----------------------------------------------------------- */

/* Two sorted lists, walked side by side. */
static int print_changes(struct follower *follower, const struct bg_flow_list *before,
			 const struct bg_flow_list *after)
{
	size_t i = 0, j = 0;
	int rc = 0;

	while (!rc && (i < before->count || j < after->count)) {
		const struct bg_flow *old = i < before->count ? &before->flows[i] : NULL;
		const struct bg_flow *new = j < after->count ? &after->flows[j] : NULL;
		int order = order_of(old, new);

		if (order < 0 && old)
			rc = print_change("ended", old, &follower->names, follower->query,
					  after->now_ns, follower->err);
		else if (order > 0 && new)
			rc = print_change("new", new, &follower->names, follower->query,
					  after->now_ns, follower->err);
		i += order <= 0;
		j += order >= 0;
	}
	return rc;
}

/* What events have told counts as seen. */
static int add_early(struct follower *follower)
{
	struct bg_flow_list *before = &follower->before, *early = &follower->early;

	for (size_t i = 0; i < early->count; i++) {
		struct bg_flow *added = BG_GROW(before->flows, before->count);

		if (!added)
			return bg_no_memory(follower->err, "following the flows");
		*added = early->flows[i];
	}
	if (early->count)
		qsort(before->flows, before->count, sizeof(*before->flows), bg_flow_by_key);
	bg_flow_list_free(early);
	return 0;
}

static int look(struct follower *follower)
{
	bg_cleanup(bg_flow_list_free) struct bg_flow_list after = {};
	int rc;

	rc = bg_flow_list_read(follower->maps, follower->query, &after, follower->err) ?:
	     read_names(follower) ?:
	     add_early(follower) ?:
	     print_changes(follower, &follower->before, &after) ?:
	     bg_out_finish(follower->err);
	if (rc)
		return rc;
	bg_flow_list_free(&follower->before);
	follower->before = after;
	after = (struct bg_flow_list){};
	return 0;
}

int bg_flow_follow(const struct bg_maps *maps, const struct bg_flow_query *query,
		   struct bg_error *err)
{
	const struct sigaction action = { .sa_handler = stop };
	bg_cleanup(free_follower) struct follower follower = { .maps = maps,
							       .query = query,
							       .err = err };
	int rc;

	bg_socket_path(query->pin_dir, follower.socket);
	/* first, so that what begins during the look is told */
	listen_to_daemon(&follower);
	rc = read_names(&follower) ?: bg_flow_list_read(maps, query, &follower.before, err);
	if (rc)
		return rc;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!rc && !stopped) {
		const __u64 now_ns = bg_monotonic_ns();
		__u64 pause_ns = (now_ns - follower.before.now_ns) * SCAN_SHARE;

		if (pause_ns < SCAN_INTERVAL_NS)
			pause_ns = SCAN_INTERVAL_NS;
		rc = wait_until(&follower, now_ns + pause_ns);
		if (!rc && !stopped)
			rc = look(&follower);
	}
	return rc;
}
