// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard flows: the flow table, once or as it changes. It reads the pinned maps
 * without a lock, and never removes a flow.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/grow.h"
#include "base/ip.h"
#include "base/names.h"
#include "pinned/maps_read.h"
#include "show/flow_text.h"
#include "show/out.h"
#include "verbs/cli.h"
#include "verbs/flow_follow.h"
#include "verbs/flow_list.h"

/* JSON is written in pieces of about this size. */
#define PIECE_BYTES (64u << 10)

struct json_list {
	const struct bg_flow_query *query;
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

static int print_flow(const struct bg_flow *flow, void *context)
{
	struct json_list *list = context;

	if (!bg_flow_fits(list->query, &flow->key) || !bg_flow_left_ns(flow, list->now_ns))
		return 0;
	if (list->count++)
		bg_json_raw(&list->text, ",\n  ", 4);
	else
		bg_json_raw(&list->text, "[\n  ", 4);
	list->text.comma = false;
	bg_flow_write(&list->text, flow, list->names, &list->calendar, list->now_ns);
	return list->text.length_bytes < PIECE_BYTES ? 0 : bg_flow_put_json(&list->text, list->err);
}

/* As they stand in the map, which may hold millions: none is kept. */
static int print_json(const struct bg_maps *maps, const struct bg_flow_query *query,
		      struct bg_error *err)
{
	bg_cleanup(bg_flow_table_names_free) struct bg_flow_table_names names = {};
	bg_cleanup(json_list_free) struct json_list list = {
		.query = query, .names = &names.view, .now_ns = bg_monotonic_ns(), .err = err
	};
	int rc = bg_flow_table_names_read(maps, &names, err);

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
	return bg_flow_put_json(&list.text, err);
}

/* Sorted as far as that is cheap: of more flows the first ones make the widths, and the
 * others follow as they stand in the map. */
#define SORTED_MOST 65536

struct table_list {
	struct bg_flow_list sorted;
	const struct bg_flow_names *names;
	struct bg_table table;
	int widths[BG_TABLE_COLUMNS];
	bool printing;
};

static void table_list_free(struct table_list *list)
{
	bg_flow_list_free(&list->sorted);
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
	struct bg_flow_list *sorted = &list->sorted;

	qsort(sorted->flows, sorted->count, sizeof(*sorted->flows), bg_flow_by_key);
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
		return bg_flow_list_take(flow, &list->sorted);
	if (!bg_flow_fits(list->sorted.query, &flow->key) ||
	    !bg_flow_left_ns(flow, list->sorted.now_ns))
		return 0;
	if (!list->printing)
		print_sorted(list);
	print_row(list, flow, NULL);
	return ferror(stdout) ? -EIO : 0;
}

static int print_table(const struct bg_maps *maps, const struct bg_flow_query *query,
		       struct bg_error *err)
{
	bg_cleanup(bg_flow_table_names_free) struct bg_flow_table_names names = {};
	bg_cleanup(table_list_free) struct table_list list = {
		.sorted = { .query = query, .now_ns = bg_monotonic_ns() },
		.names = &names.view,
		.table = { .columns = BG_FLOW_COLUMNS, .heads = bg_flow_heads },
	};
	int rc = bg_flow_table_names_read(maps, &names, err);

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

static int show_once(const struct bg_maps *maps, const struct bg_flow_query *query,
		     struct bg_error *err)
{
	return query->json ? print_json(maps, query, err) : print_table(maps, query, err);
}

/* Values of options that the option table cannot check. */
static int understand(struct bg_flow_query *query, struct bg_error *err)
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

static int show(struct bg_flow_query *query, struct bg_error *err)
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
	return query->follow ? bg_flow_follow(&maps, query, err) : show_once(&maps, query, err);
}

int cmd_flows(int argc, char **argv)
{
	struct bg_flow_query query = { .pin_dir = BG_DEFAULT_PIN_DIR };
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
		  .help = "go on: print flows that begin, as the daemon tells, and that end, within "
			  "a second or so, until interrupted" },
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
