// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard flows: the flow table, once or as it changes. It reads the pinned maps
 * without a lock, and never removes a flow.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/grow.h"
#include "base/ip.h"
#include "base/names.h"
#include "pinned/maps_read.h"
#include "show/flow_text.h"
#include "show/out.h"
#include "verbs/cli.h"
#include "protocol.h"

/* --follow looks this often, but less often if looking would take more than a tenth of
 * the time. A closed flow stays in the table longer than that. */
#define SCAN_INTERVAL_NS (500 * BG_NS_PER_MS)
#define SCAN_SHARE 10

/* JSON is written in pieces of about this size. */
#define PIECE_BYTES (64u << 10)

struct query {
	const char *pin_dir, *branch, *local, *remote, *protocol;
	bool json, follow, port_given;
	__u32 port;
	/* their meaning: */
	__u32 branch_tag; /* 0 = any */
	struct bg_prefix local_prefix, remote_prefix;
	int protocol_number; /* -1 = any */
};

/* Flows that fit the query and have not expired. */
struct snapshot {
	const struct query *query;
	__u64 now_ns;
	struct bg_flow *flows;
	size_t count;
};

static void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->flows);
	*snapshot = (struct snapshot){};
}

static bool fits(const struct query *query, const struct bg_flow_key *key)
{
	bool ports = bg_has_ports(key->protocol);

	if (query->branch_tag && query->branch_tag != key->branch)
		return false;
	if (query->local && !bg_prefix_has(&query->local_prefix, &key->local))
		return false;
	if (query->remote && !bg_prefix_has(&query->remote_prefix, &key->remote))
		return false;
	if (query->protocol_number >= 0 && query->protocol_number != (int)key->protocol)
		return false;
	return !query->port_given || (ports && (ntohs(key->local_port) == query->port ||
						ntohs(key->remote_port) == query->port));
}

static int take_flow(const struct bg_flow *flow, void *context)
{
	struct snapshot *snapshot = context;
	struct bg_flow *taken;

	if (!fits(snapshot->query, &flow->key) || !bg_flow_left_ns(flow, snapshot->now_ns))
		return 0;
	taken = BG_GROW(snapshot->flows, snapshot->count);
	if (!taken)
		return -ENOMEM;
	*taken = *flow;
	return 0;
}

/* Branch, pod, remote, ports; the same order in every snapshot. */
static int by_key(const void *a, const void *b)
{
	const struct bg_flow *x = a, *y = b;
	int order;

	if (x->key.branch != y->key.branch)
		return x->key.branch < y->key.branch ? -1 : 1;
	order = memcmp(&x->key.local, &y->key.local, sizeof(x->key.local));
	if (order)
		return order;
	order = memcmp(&x->key.remote, &y->key.remote, sizeof(x->key.remote));
	if (order)
		return order;
	if (x->key.protocol != y->key.protocol)
		return x->key.protocol < y->key.protocol ? -1 : 1;
	order = memcmp(&x->key.local_port, &y->key.local_port, 2 * sizeof(__be16));
	if (order)
		return order;
	return (x->created_ns > y->created_ns) - (x->created_ns < y->created_ns);
}

static int take_snapshot(const struct bg_maps *maps, const struct query *query,
			 struct snapshot *snapshot, struct bg_error *err)
{
	int rc;

	*snapshot = (struct snapshot){ .query = query, .now_ns = bg_monotonic_ns() };
	rc = bg_maps_flows(maps, take_flow, snapshot, NULL, err);
	if (rc) {
		size_t count = snapshot->count;

		snapshot_free(snapshot);
		return rc == -ENOMEM ? bg_fail_in(err, rc, "at flow %zu", count) : rc;
	}
	if (snapshot->count)
		qsort(snapshot->flows, snapshot->count, sizeof(*snapshot->flows), by_key);
	return 0;
}

/* Names are read again for every look, since branches and rules come and go. */
struct names {
	struct bg_flow_names view;
	struct bg_branch_row *branches;
	struct bg_rule *rules;
};

static void names_free(struct names *names)
{
	free(names->branches);
	free(names->rules);
	*names = (struct names){};
}

static int read_names(const struct bg_maps *maps, struct names *names, struct bg_error *err)
{
	int rc = bg_maps_branches(maps, &names->branches, &names->view.branch_count, err)
			 ?: bg_maps_rules(maps, &names->rules, &names->view.rule_count, NULL, err);

	bg_flow_sort_branches(names->branches, names->view.branch_count);
	names->view.branches = names->branches;
	names->view.rules = names->rules;
	return rc;
}

struct json_list {
	const struct query *query;
	const struct bg_flow_names *names;
	struct bg_calendar calendar;
	struct bg_json_writer text;
	size_t count;
	__u64 now_ns;
	struct bg_error *err;
};

static void json_list_free(struct json_list *list)
{
	bg_json_writer_free(&list->text);
}

/* What is written so far. */
static int put_json(struct bg_json_writer *text, struct bg_error *err)
{
	if (text->failed)
		return bg_no_memory(err, "making JSON");
	if (fwrite(text->text, 1, text->length_bytes, stdout) != text->length_bytes)
		return bg_fail(err, -EIO, "cannot write JSON to stdout: %s", strerror(errno));
	bg_json_clear(text);
	return 0;
}

static int print_flow(const struct bg_flow *flow, void *context)
{
	struct json_list *list = context;

	if (!fits(list->query, &flow->key) || !bg_flow_left_ns(flow, list->now_ns))
		return 0;
	if (list->count++)
		bg_json_raw(&list->text, ",\n  ", 4);
	else
		bg_json_raw(&list->text, "[\n  ", 4);
	list->text.comma = false;
	bg_flow_write(&list->text, flow, list->names, &list->calendar, list->now_ns);
	return list->text.length_bytes < PIECE_BYTES ? 0 : put_json(&list->text, list->err);
}

/* As they stand in the map, which may hold millions: none is kept. */
static int print_json(const struct bg_maps *maps, const struct query *query, struct bg_error *err)
{
	bg_cleanup(names_free) struct names names = {};
	bg_cleanup(json_list_free) struct json_list list = {
		.query = query, .names = &names.view, .now_ns = bg_monotonic_ns(), .err = err
	};
	int rc = read_names(maps, &names, err);

	if (rc)
		return rc;
	bg_calendar_open(&list.calendar);
	rc = bg_maps_flows(maps, print_flow, &list, NULL, err);
	if (rc)
		return rc;
	if (list.count)
		bg_json_raw(&list.text, "\n]\n", 3);
	else
		bg_json_raw(&list.text, "[]\n", 3);
	return put_json(&list.text, err);
}

/* Sorted as far as that is cheap: of more flows the first ones make the widths, and the
 * others follow as they stand in the map. */
#define SORTED_MOST 65536

struct table_list {
	struct snapshot sorted;
	const struct bg_flow_names *names;
	struct bg_table table;
	int widths[BG_TABLE_COLUMNS];
	bool printing;
};

static void table_list_free(struct table_list *list)
{
	snapshot_free(&list->sorted);
}

static void print_row(const struct table_list *list, const struct bg_flow *flow, int *widths)
{
	char texts[BG_FLOW_COLUMNS][BG_RULE_TEXT];
	const char *cells[BG_FLOW_COLUMNS];

	bg_flow_cells(flow, list->names, list->sorted.now_ns, texts);
	for (int i = 0; i < BG_FLOW_COLUMNS; i++)
		cells[i] = texts[i];
	if (widths)
		bg_row_widths(&list->table, widths, cells);
	else
		bg_row_print(stdout, &list->table, list->widths, cells);
}

static void print_sorted(struct table_list *list)
{
	struct snapshot *sorted = &list->sorted;

	qsort(sorted->flows, sorted->count, sizeof(*sorted->flows), by_key);
	bg_row_widths(&list->table, list->widths, NULL);
	for (size_t i = 0; i < sorted->count; i++)
		print_row(list, &sorted->flows[i], list->widths);
	bg_row_print(stdout, &list->table, list->widths, NULL);
	for (size_t i = 0; i < sorted->count; i++)
		print_row(list, &sorted->flows[i], NULL);
	list->printing = true;
}

static int take_row(const struct bg_flow *flow, void *context)
{
	struct table_list *list = context;

	if (!list->printing && list->sorted.count < SORTED_MOST)
		return take_flow(flow, &list->sorted);
	if (!fits(list->sorted.query, &flow->key) || !bg_flow_left_ns(flow, list->sorted.now_ns))
		return 0;
	if (!list->printing)
		print_sorted(list);
	print_row(list, flow, NULL);
	return ferror(stdout) ? -EIO : 0;
}

static int print_table(const struct bg_maps *maps, const struct query *query, struct bg_error *err)
{
	bg_cleanup(names_free) struct names names = {};
	bg_cleanup(table_list_free) struct table_list list = {
		.sorted = { .query = query, .now_ns = bg_monotonic_ns() },
		.names = &names.view,
		.table = { .columns = BG_FLOW_COLUMNS, .heads = bg_flow_heads },
	};
	int rc = read_names(maps, &names, err);

	if (rc)
		return rc;
	rc = bg_maps_flows(maps, take_row, &list, NULL, err);
	if (rc == -EIO)
		return bg_out_finish(err) ?: rc;
	if (rc)
		return rc;
	if (list.sorted.count && !list.printing)
		print_sorted(&list);
	if (!list.printing)
		fputs("branchguard flows: no flow\n", stderr);
	return 0;
}

static int show_once(const struct bg_maps *maps, const struct query *query, struct bg_error *err)
{
	return query->json ? print_json(maps, query, err) : print_table(maps, query, err);
}

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static int print_change(const char *change, const struct bg_flow *flow, const struct names *names,
			const struct query *query, __u64 now_ns, struct bg_error *err)
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
	return put_json(&text, err);
}

/* Which of two flows comes first, as by_key() has it; NULL, of a list that has
 * ended, comes last. */
static int order_of(const struct bg_flow *before, const struct bg_flow *after)
{
	if (!before)
		return 1;
	if (!after)
		return -1;
	return by_key(before, after);
}

/* Two sorted lists, walked side by side. */
static int print_changes(const struct query *query, const struct snapshot *before,
			 const struct snapshot *after, const struct names *names,
			 struct bg_error *err)
{
	size_t i = 0, j = 0;
	int rc = 0;

	while (!rc && (i < before->count || j < after->count)) {
		const struct bg_flow *old = i < before->count ? &before->flows[i] : NULL;
		const struct bg_flow *new = j < after->count ? &after->flows[j] : NULL;
		int order = order_of(old, new);

		if (order < 0)
			rc = print_change("ended", old, names, query, after->now_ns, err);
		else if (order > 0)
			rc = print_change("new", new, names, query, after->now_ns, err);
		i += order <= 0;
		j += order >= 0;
	}
	return rc;
}

static int follow(const struct bg_maps *maps, const struct query *query, struct bg_error *err)
{
	const struct sigaction action = { .sa_handler = stop };
	bg_cleanup(snapshot_free) struct snapshot before = {};
	int rc = take_snapshot(maps, query, &before, err);

	if (rc)
		return rc;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!stopped) {
		bg_cleanup(snapshot_free) struct snapshot after = {};
		bg_cleanup(names_free) struct names names = {};
		__u64 pause_ns = (bg_monotonic_ns() - before.now_ns) * SCAN_SHARE;
		struct timespec pause;

		if (pause_ns < SCAN_INTERVAL_NS)
			pause_ns = SCAN_INTERVAL_NS;
		pause.tv_sec = (time_t)(pause_ns / (1000 * BG_NS_PER_MS));
		pause.tv_nsec = (long)(pause_ns % (1000 * BG_NS_PER_MS));
		if (nanosleep(&pause, NULL))
			continue;
		rc = take_snapshot(maps, query, &after, err) ?: read_names(maps, &names, err) ?:
		     print_changes(query, &before, &after, &names, err) ?: bg_out_finish(err);
		if (rc)
			return rc;
		snapshot_free(&before);
		before = after;
		after = (struct snapshot){};
	}
	return 0;
}

/* Values of options that the option table cannot check. */
static int understand(struct query *query, struct bg_error *err)
{
	query->protocol_number = query->protocol ? bg_protocol_parse(query->protocol) : -1;
	if (query->protocol_number == -2)
		return bg_fail(err, -EINVAL,
			       "--protocol '%.80s': expected tcp, udp, icmp, icmpv6 or a number "
			       "from 0 to 255",
			       query->protocol);
	if (query->local && bg_prefix_parse(query->local, &query->local_prefix, NULL))
		return bg_fail(err, -EINVAL, "--local '%.80s': expected an address or a CIDR",
			       query->local);
	if (query->remote && bg_prefix_parse(query->remote, &query->remote_prefix, NULL))
		return bg_fail(err, -EINVAL, "--remote '%.80s': expected an address or a CIDR",
			       query->remote);
	return 0;
}

static int show(struct query *query, struct bg_error *err)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_auto_free struct bg_branch_row *branches = NULL;
	const struct bg_branch_row *branch;
	size_t count = 0;
	int rc = bg_maps_open(query->pin_dir, &maps, err);

	if (rc)
		return rc;
	if (query->branch) {
		rc = bg_maps_branches(&maps, &branches, &count, err);
		if (rc)
			return rc;
		branch = bg_branch_find(branches, count, query->branch, err);
		if (!branch)
			return -ENOENT;
		query->branch_tag = branch->info.tag;
	}
	return query->follow ? follow(&maps, query, err) : show_once(&maps, query, err);
}

int cmd_flows(int argc, char **argv)
{
	struct query query = { .pin_dir = BG_DEFAULT_PIN_DIR };
	const struct bg_option options[] = {
		BG_OPTION_BRANCH(&query.branch,
				 "only flows of this branch (id, VLAN id or interface)"),
		{ .name = "local",
		  .type = BG_OPTION_STRING,
		  .value = &query.local,
		  .argument = "CIDR",
		  .help = "only flows of pods with such an address" },
		{ .name = "remote",
		  .type = BG_OPTION_STRING,
		  .value = &query.remote,
		  .argument = "CIDR",
		  .help = "only flows whose other end has such an address" },
		{ .name = "port",
		  .letter = 'p',
		  .type = BG_OPTION_U32,
		  .value = &query.port,
		  .given = &query.port_given,
		  .argument = "N",
		  .max = 65535,
		  .help = "only TCP and UDP flows with this port at either end" },
		{ .name = "protocol",
		  .type = BG_OPTION_STRING,
		  .value = &query.protocol,
		  .argument = "P",
		  .help = "only flows of this protocol: tcp, udp, icmp, icmpv6 or a number" },
		{ .name = "follow",
		  .letter = 'f',
		  .type = BG_OPTION_FLAG,
		  .value = &query.follow,
		  .help = "go on: print flows that begin and end, within a second or so, until "
			  "interrupted" },
		{ .name = "json",
		  .letter = 'j',
		  .type = BG_OPTION_FLAG,
		  .value = &query.json,
		  .help = "print JSON; with --follow one object a line" },
		BG_OPTION_PIN_DIR(&query.pin_dir),
		{}
	};
	const struct bg_command command = {
		.verb = "flows",
		.about = "Prints the tracked flows: who talks with whom, in what state, for how "
			 "long, and which rule of which revision (REV) let the flow in. The arrow "
			 "points from the end that opened it. IN and OUT are packets/bytes toward "
			 "and from the pod; LEFT is the time until an idle flow is forgotten.",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (understand(&query, &err))
		return bg_cli_misused("flows", &err);
	if (show(&query, &err) || bg_out_finish(&err))
		return bg_cli_failed("flows", &err);
	return BG_EXIT_DONE;
}
