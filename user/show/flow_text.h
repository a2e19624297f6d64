/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A tracked flow as a row of a table, as a line and as JSON. Pure. */
#ifndef BG_SHOW_FLOW_TEXT_H
#define BG_SHOW_FLOW_TEXT_H

#include "base/calendar.h"
#include "base/format.h"
#include "base/json_writer.h"
#include "pinned/maps_read.h"
#include "show/out.h"

/* "half-open", "replied", "assured", "closing", "closed", "one-way", "stream" */
const char *bg_flow_state(const struct bg_flow *flow);

/* The flow's first direction. */
enum bg_direction bg_flow_direction(const struct bg_flow *flow);

/* Time until the flow expires if no packet comes; 0 = it has expired. */
__u64 bg_flow_left_ns(const struct bg_flow *flow, __u64 now_ns);

/* What a flow's numbers stand for; all borrowed. */
struct bg_flow_names {
	const struct bg_branch_row *branches; /* as bg_flow_sort_branches() sorts them */
	size_t branch_count;
	const struct bg_rule *rules;
	size_t rule_count;
};

/* By tag, which flows have. */
void bg_flow_sort_branches(struct bg_branch_row *branches, size_t count);

#define BG_FLOW_COLUMNS 13
extern const char *const bg_flow_heads[BG_FLOW_COLUMNS];

/* A row of printable cells. */
void bg_flow_cells(const struct bg_flow *flow, const struct bg_flow_names *names, __u64 now_ns,
		   char cells[BG_FLOW_COLUMNS][BG_RULE_TEXT]);

/* One line of fixed columns for --follow, without the newline. */
void bg_flow_print_line(FILE *out, const struct bg_flow *flow, const struct bg_flow_names *names,
			__u64 now_ns);

/* Writes one object. */
void bg_flow_write(struct bg_json_writer *writer, const struct bg_flow *flow,
		   const struct bg_flow_names *names, struct bg_calendar *calendar, __u64 now_ns);

#endif
