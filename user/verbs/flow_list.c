// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads those flows of the table that a user asks for. cmd_flows.c prints them once,
 * flow_follow.c what becomes of them; the table is never changed.
 */
#include "verbs/flow_list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/grow.h"
#include "protocol.h"

void bg_flow_list_free(struct bg_flow_list *snapshot)
{
	free(snapshot->flows);
	*snapshot = (struct bg_flow_list){};
}

bool bg_flow_fits(const struct bg_flow_query *query, const struct bg_flow_key *key)
{
	bool ports = bg_has_ports(key->protocol);

	if (query->branch_tag && query->branch_tag != bg_flow_tag(key))
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

int bg_flow_list_take(const struct bg_flow *flow, void *context)
{
	struct bg_flow_list *snapshot = context;
	struct bg_flow *taken;

	if (!bg_flow_fits(snapshot->query, &flow->key) || !bg_flow_left_ns(flow, snapshot->now_ns))
		return 0;
	taken = BG_GROW(snapshot->flows, snapshot->count);
	if (!taken)
		return -ENOMEM;
	*taken = *flow;
	return 0;
}

/* Branch, pod, remote, ports; the same order in every snapshot. */
int bg_flow_by_key(const void *a, const void *b)
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

int bg_flow_list_read(const struct bg_maps *maps, const struct bg_flow_query *query,
		      struct bg_flow_list *snapshot, struct bg_error *err)
{
	int rc;

	*snapshot = (struct bg_flow_list){ .query = query, .now_ns = bg_monotonic_ns() };
	rc = bg_maps_flows(maps, bg_flow_list_take, snapshot, NULL, err);
	if (rc) {
		size_t count = snapshot->count;

		bg_flow_list_free(snapshot);
		return rc == -ENOMEM ? bg_fail_in(err, rc, "at flow %zu", count) : rc;
	}
	if (snapshot->count)
		qsort(snapshot->flows, snapshot->count, sizeof(*snapshot->flows), bg_flow_by_key);
	return 0;
}

void bg_flow_table_names_free(struct bg_flow_table_names *names)
{
	free(names->branches);
	free(names->rules);
	*names = (struct bg_flow_table_names){};
}

int bg_flow_table_names_read(const struct bg_maps *maps, struct bg_flow_table_names *names,
			     struct bg_error *err)
{
	int rc = bg_maps_branches(maps, &names->branches, &names->view.branch_count, err)
			 ?: bg_maps_rules(maps, &names->rules, &names->view.rule_count, NULL, err);

	bg_flow_sort_branches(names->branches, names->view.branch_count);
	names->view.branches = names->branches;
	names->view.rules = names->rules;
	return rc;
}

int bg_flow_put_json(struct bg_json_writer *text, struct bg_error *err)
{
	if (text->failed)
		return bg_no_memory(err, "making JSON");
	if (fwrite(text->text, 1, text->length_bytes, stdout) != text->length_bytes)
		return bg_fail(err, -EIO, "cannot write JSON to stdout: %s", strerror(errno));
	bg_json_clear(text);
	return 0;
}
