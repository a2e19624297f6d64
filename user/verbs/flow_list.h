/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Flows that a user asks for, out of the flow table: what `flows` has of them, once or again. */
#ifndef BG_VERBS_FLOW_LIST_H
#define BG_VERBS_FLOW_LIST_H

#include "base/ip.h"
#include "base/json_writer.h"
#include "pinned/maps_read.h"
#include "show/flow_text.h"

struct bg_flow_query {
	const char *pin_dir, *branch, *local, *remote, *protocol;
	bool json, follow, port_given;
	__u32 port;
	/* their meaning: */
	__u32 branch_tag; /* 0 = any */
	struct bg_prefix local_prefix, remote_prefix;
	int protocol_number; /* -1 = any */
};

/* Flows that fit the query and have not expired. */
struct bg_flow_list {
	const struct bg_flow_query *query;
	__u64 now_ns;
	struct bg_flow *flows;
	size_t count;
};

/* Names are read again for every look, since branches and rules come and go. */
struct bg_flow_table_names {
	struct bg_flow_names view;
	struct bg_branch_row *branches;
	struct bg_rule *rules;
};

bool bg_flow_fits(const struct bg_flow_query *query, const struct bg_flow_key *key);

/* Of the list, which is the context: takes it if it fits and has not expired. */
int bg_flow_list_take(const struct bg_flow *flow, void *context);
int bg_flow_by_key(const void *a, const void *b);
/* All of them, sorted. */
int bg_flow_list_read(const struct bg_maps *maps, const struct bg_flow_query *query,
		      struct bg_flow_list *snapshot, struct bg_error *err);
void bg_flow_list_free(struct bg_flow_list *snapshot);

int bg_flow_table_names_read(const struct bg_maps *maps, struct bg_flow_table_names *names,
			     struct bg_error *err);
void bg_flow_table_names_free(struct bg_flow_table_names *names);

/* To stdout, and it is empty again. */
int bg_flow_put_json(struct bg_json_writer *text, struct bg_error *err);

#endif
