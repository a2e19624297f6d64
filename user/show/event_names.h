/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds what the numbers of an event stand for in the pinned maps. */
#ifndef BG_SHOW_EVENT_NAMES_H
#define BG_SHOW_EVENT_NAMES_H

#include "base/format.h"
#include "pinned/maps_read.h"
#include "show/event_text.h"

struct bg_event_namer {
	const struct bg_maps *maps;
	struct bg_branch_row *branches;
	size_t branch_count;
	__u64 read_ns;	/* when branches were read */
	__u32 revision; /* and of which events then came */
	int rules_fd;
	/* of the last event */
	struct bg_rule rule;
	char time[BG_FORMAT_TEXT], reason[BG_FORMAT_TEXT], rule_text[BG_RULE_TEXT];
};

/* After success it needs bg_event_namer_close(); `maps` must stay. */
int bg_event_namer_open(const struct bg_maps *maps, struct bg_event_namer *namer,
			struct bg_error *err);
void bg_event_namer_close(struct bg_event_namer *namer);

/* The names are there until the next call. Those of a revision that has just come in
 * force may be a second late. */
int bg_event_name(struct bg_event_namer *namer, const struct bg_event *event,
		  struct bg_event_names *names, struct bg_error *err);

#endif
