/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Printing: numbers, times, addresses and flows in words for people, tables
 * whose columns fit what is in them, JSON. The formatters are pure; each writes
 * into `text` and returns it.
 */
#ifndef BG_OUT_H
#define BG_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "error.h"
#include "flow.h"
#include "maps.h"

#define BG_OUT_TEXT 96 /* what every `text` here holds */

/* "12,345" */
const char *bg_format_count(__u64 count, char *text);

/* "1 packet", "12,345 packets": the noun with an s unless there is one. */
const char *bg_format_counted(__u64 count, const char *noun, char *text);

/* "999", "12.3k", "4.5M": at most 5 characters, for columns. */
const char *bg_format_short(__u64 count, char *text);

/* "512 B", "1.5 KiB" */
const char *bg_format_bytes(__u64 bytes, char *text);

/* "0.4 s", "12 s", "3 min 20 s", "2 h 13 min", "5 d 2 h" */
const char *bg_format_duration(__u64 duration_ns, char *text);

/* "12s", "3m", "2h", "5d": one unit, for columns. */
const char *bg_format_age(__u64 duration_ns, char *text);

/* "2026-11-24T18:20:31Z"; boottime_ns is of CLOCK_BOOTTIME, monotonic_ns of
 * CLOCK_MONOTONIC, both translated by the clocks as they stand now. */
const char *bg_format_boottime(__u64 boottime_ns, char *text);
const char *bg_format_monotonic(__u64 monotonic_ns, char *text); /* with milliseconds */

/* "10.0.0.1:80", "[2001:db8::1]:80", without the port when there is none. */
const char *bg_format_endpoint(const struct bg_addr *addr, __be16 port, bool has_port, char *text);

/* "80", "1024-65535", "all", "type 8", "type 3 code 4": what a rule's ports mean. */
const char *bg_format_ports(const struct bg_rule *rule, char *text);

/* "half-open", "replied", "assured", "closing", "closed", "one-way", "stream" */
const char *bg_flow_state(const struct bg_flow *flow);

/* The flow's first direction. */
enum bg_direction bg_flow_direction(const struct bg_flow *flow);

/* Time until the flow is no more if nothing comes; 0 = it is no more. */
__u64 bg_flow_left_ns(const struct bg_flow *flow, __u64 now_ns);

/* Has the protocol ports, in flows and events? (ICMP has an id and a type.) */
bool bg_has_ports(unsigned int protocol);

/*
 * "sg-0aa11 sgr-01", "sg-0aa11 tcp 5432 from 10.0.0.0/16" where the feed gave
 * the rule no id; "" for NULL or an entry that was never used. `text` holds
 * BG_RULE_TEXT bytes.
 */
#define BG_RULE_TEXT 192
const char *bg_format_rule(const struct bg_rule *rule, char *text);

/* Control characters, which would drive the terminal, become '?'; in place. */
char *bg_printable(char *text);

/* A table of text. */
#define BG_TABLE_COLUMNS 16

struct bg_table {
	size_t columns;
	const char *const *heads; /* "^NAME" is aligned to the right */
	char **cells;
	size_t cell_count, cell_capacity;
};

/* Adds a cell, row by row; the text is copied, made printable. 0 or -ENOMEM. */
int bg_table_add(struct bg_table *table, const char *text);

/* Prints heads and rows, each line with `indent` blanks in front, and frees
 * what was added. */
void bg_table_print(FILE *out, struct bg_table *table, int indent);
void bg_table_free(struct bg_table *table);

/* A JSON string, NULL when out of memory.
 * Text that is not UTF-8 (it comes from maps) is written with `?`. */
json_t *bg_json_text(const char *text);

/* Prints indented JSON, or one line (NDJSON), and releases it. A NULL `json`
 * stands for an allocation that failed. Returns 0 or a negative errno. */
int bg_print_json(json_t *json, struct bg_error *err);
int bg_print_json_line(json_t *json, struct bg_error *err);

/* Flushes; -EIO etc. when what was printed did not arrive (a full disk, a
 * closed pipe). Every verb ends with it. */
int bg_out_finish(struct bg_error *err);

#endif
