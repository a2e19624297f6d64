/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers, times, addresses and rules in words for people. Pure; each but the last
 * writes into `text`, which holds BG_FORMAT_TEXT bytes unless another size is named,
 * and returns it.
 */
#ifndef BG_BASE_FORMAT_H
#define BG_BASE_FORMAT_H

#include <stdbool.h>
#include <stdio.h>

#include "maps.h"

#define BG_FORMAT_TEXT 96

/* "12,345" */
const char *bg_format_count(__u64 count, char *text);

/* "1 packet", "12,345 packets": the noun with an s unless there is one. */
const char *bg_format_counted(__u64 count, const char *noun, char *text);

/* "10(+2/-1)"; "10" when what came and went is not known, which is less than 0. */
const char *bg_format_change(__s64 count, __s32 added, __s32 removed, char *text);

/* "999", "12.3k", "4.5M": at most 5 characters, for columns. */
const char *bg_format_short(__u64 count, char *text);

/* "512 B", "1.5 KiB" */
const char *bg_format_bytes(__u64 bytes, char *text);

/* "0.4 s", "12 s", "3 min 20 s", "2 h 13 min", "5 d 2 h" */
const char *bg_format_duration(__u64 duration_ns, char *text);

/* "12s", "3m", "2h", "5d": one unit, for columns. */
const char *bg_format_age(__u64 duration_ns, char *text);

/* "2026-11-24T18:20:31Z"; boottime_ns is of CLOCK_BOOTTIME, monotonic_ns of
 * CLOCK_MONOTONIC. How long ago that was is counted back from the present time, so
 * the text may change when somebody sets the system's clock. */
const char *bg_format_boottime(__u64 boottime_ns, char *text);
const char *bg_format_monotonic(__u64 monotonic_ns, char *text); /* with milliseconds */

/* The same of a time by CLOCK_REALTIME, as the calendar had it then. */
const char *bg_format_realtime(__u64 realtime_ns, char *text);

/* "10.0.0.1:80", "[2001:db8::1]:80", without the port when there is none. */
const char *bg_format_endpoint(const struct bg_addr *addr, __be16 port, bool has_port, char *text);

/* "02:42:0a:00:2f:52"; `text` holds BG_MAC_BYTES bytes. */
const char *bg_format_mac(const __u8 mac[6], char *text);

/* "80", "1024-65535", "all", "type 8", "type 3 code 4": what a rule's ports mean. */
const char *bg_format_ports(const struct bg_rule *rule, char *text);

/*
 * "sg-0aa11 sgr-01", "sg-0aa11 tcp 5432 from 10.0.0.0/16" where the feed gave
 * the rule no id; "" for NULL or an entry that was never used. `text` holds
 * BG_RULE_TEXT bytes.
 */
#define BG_RULE_TEXT 192
const char *bg_format_rule(const struct bg_rule *rule, char *text);

/*
 * Puts the words of `text` and a newline. Lines are `width` wide, if no word is
 * longer, and go on at column `indent`; the cursor is at `column`: there, or behind
 * something that a space parts from the first word.
 */
void bg_put_wrapped(FILE *out, const char *text, int column, int indent, int width);

#endif
