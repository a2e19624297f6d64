// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard rules: what the map `rules` holds, sorted for people. It shows what is in
 * force, never what a feed says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/names.h"
#include "pinned/maps_read.h"
#include "show/out.h"
#include "verbs/cli.h"

struct query {
	const char *pin_dir, *branch, *group;
	bool json, unused;
};

/* A rule with its number, which sorting does not change. */
struct row {
	const struct bg_rule *rule;
	__u32 number;
};

/* Group, direction, protocol, ports, peer: so the rules of a group come together. */
static int by_rule(const void *a, const void *b)
{
	const struct bg_rule *x = ((const struct row *)a)->rule;
	const struct bg_rule *y = ((const struct row *)b)->rule;
	int order = strcmp(x->group, y->group);

	if (order)
		return order;
	if (x->direction != y->direction)
		return x->direction < y->direction ? -1 : 1;
	if (x->protocol != y->protocol)
		return x->protocol < y->protocol ? -1 : 1;
	if (x->from_port != y->from_port)
		return x->from_port < y->from_port ? -1 : 1;
	order = strcmp(x->peer, y->peer);
	if (order)
		return order;
	return (((const struct row *)a)->number > ((const struct row *)b)->number) * 2 - 1;
}

/* Is the id in this list with commas? *cut: the list is not complete, so "no" may be
 * wrong. */
static bool in_list(const char *list, const char *id, bool *cut)
{
	size_t length = strlen(id);

	*cut = false;
	for (const char *item = list; *item;) {
		size_t item_length = strcspn(item, ",");

		if (item_length == length && !strncmp(item, id, length))
			return true;
		if (item_length == 3 && !strncmp(item, "...", 3))
			*cut = true;
		item += item_length;
		if (*item == ',')
			item++;
	}
	return false;
}

static json_t *row_json(const struct row *row)
{
	const struct bg_rule *rule = row->rule;
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];

	return json_pack("{s:i, s:o, s:o, s:s, s:s, s:i, s:i, s:s, s:o, s:i, s:I}", "rule",
			 (int)row->number, "group_id", bg_json_text(rule->group), "rule_id",
			 rule->rule_id[0] ? bg_json_text(rule->rule_id) : json_null(), "direction",
			 bg_direction_name(rule->direction), "protocol",
			 bg_protocol_format(rule->protocol, protocol), "from_port",
			 (int)rule->from_port, "to_port", (int)rule->to_port, "ports",
			 bg_format_ports(rule, ports), "peer", bg_json_text(rule->peer),
			 "since_revision", (int)rule->revision, "hits", (json_int_t)rule->hits);
}

static int print_rows_json(const struct row *rows, size_t count, struct bg_error *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count && list; i++) {
		if (json_array_append_new(list, row_json(&rows[i]))) {
			json_decref(list);
			list = NULL;
		}
	}
	return bg_print_json(list, err);
}

static int print_rows(const struct row *rows, size_t count, struct bg_error *err)
{
	static const char *const heads[] = { "GROUP",  "RULE", "DIRECTION", "PROTOCOL",
					     "^PORTS", "PEER", "^SINCE",    "^HITS" };
	struct bg_table table = { .columns = 8, .heads = heads };
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++) {
		const struct bg_rule *rule = rows[i].rule;
		char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT], since[16],
			hits[BG_FORMAT_TEXT];

		snprintf(since, sizeof(since), "r%u", rule->revision);
		rc = bg_table_add(&table, rule->group) ?:
		     bg_table_add(&table, rule->rule_id[0] ? rule->rule_id : "-") ?:
		     bg_table_add(&table, bg_direction_name(rule->direction)) ?:
		     bg_table_add(&table, bg_protocol_format(rule->protocol, protocol)) ?:
		     bg_table_add(&table, bg_format_ports(rule, ports)) ?:
		     bg_table_add(&table, rule->peer) ?:
		     bg_table_add(&table, since) ?:
		     bg_table_add(&table, bg_format_count(rule->hits, hits));
	}
	if (rc) {
		bg_table_free(&table);
		return bg_no_memory(err, "printing %zu rules", count);
	}
	bg_table_print(stdout, &table, 0);
	return 0;
}

/* The rules in force that the query is about, sorted; *rows has room for all. */
static size_t choose_rows(const struct query *query, const struct bg_branch_row *branch,
			  const struct bg_rule *rules, size_t rule_count, struct row *rows)
{
	bool cut = false;
	size_t count = 0;

	for (size_t i = 1; i < rule_count; i++) {
		const struct bg_rule *rule = &rules[i];
		bool list_cut = false;

		if (!rule->revision || (query->unused && rule->hits))
			continue;
		if (query->group && strcmp(query->group, rule->group) != 0)
			continue;
		if (branch && !in_list(branch->info.groups, rule->group, &list_cut)) {
			cut |= list_cut;
			continue;
		}
		rows[count++] = (struct row){ rule, (__u32)i };
	}
	if (cut)
		fprintf(stderr,
			"branchguard rules: branch %s has more groups than map `branches` holds; "
			"rules of %s only\n",
			branch->info.id, branch->info.groups);
	qsort(rows, count, sizeof(*rows), by_rule);
	return count;
}

static int show(const struct query *query, struct bg_error *err)
{
	bg_auto_free struct bg_branch_row *branches = NULL;
	bg_auto_free struct bg_rule *rules = NULL;
	bg_auto_free struct row *rows = NULL;
	const struct bg_branch_row *branch = NULL;
	size_t branch_count = 0, rule_count = 0, count;
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	int rc;

	rc = bg_maps_open(query->pin_dir, &maps, err);
	if (rc)
		return rc;
	rc = bg_maps_branches(&maps, &branches, &branch_count, err)
		     ?: bg_maps_rules(&maps, &rules, &rule_count, NULL, err);
	if (rc)
		return rc;
	if (query->branch) {
		branch = bg_branch_find(branches, branch_count, query->branch, err);
		if (!branch)
			return -ENOENT;
	}
	rows = calloc(rule_count + 1, sizeof(*rows));
	if (!rows)
		return bg_no_memory(err, "listing %zu rules", rule_count);
	count = choose_rows(query, branch, rules, rule_count, rows);
	if (query->json)
		return print_rows_json(rows, count, err);
	if (count)
		return print_rows(rows, count, err);
	fprintf(stderr, "branchguard rules: no rule%s\n",
		query->branch || query->group || query->unused ? " fits the filters"
							       : " is in force");
	return 0;
}

int cmd_rules(int argc, char **argv)
{
	struct query query = { .pin_dir = BG_DEFAULT_PIN_DIR };
	const struct bg_option options[] = {
		BG_OPTION_BRANCH(&query.branch,
				 "only rules of this branch's groups (id, VLAN id or interface)"),
		{ .name = "group",
		  .letter = 'g',
		  .type = BG_OPTION_STRING,
		  .value = &query.group,
		  .argument = "GROUP",
		  .help = "only rules of this group (sg-...)" },
		{ .name = "unused",
		  .letter = 'u',
		  .type = BG_OPTION_FLAG,
		  .value = &query.unused,
		  .help = "only rules that admitted no flow yet" },
		BG_OPTION_JSON(&query.json),
		BG_OPTION_PIN_DIR(&query.pin_dir),
		{}
	};
	const struct bg_command command = {
		.verb = "rules",
		.about = "Prints the rules in force, one peer of one permission a line, with the "
			 "number of flows that each admitted (HITS) and the first revision that "
			 "had it (SINCE).",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (show(&query, &err) || bg_out_finish(&err))
		return bg_cli_failed("rules", &err);
	return BG_EXIT_DONE;
}
