/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An event as a line for people and as one of JSON, which can be read back. Pure. */
#ifndef BG_SHOW_EVENT_TEXT_H
#define BG_SHOW_EVENT_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/json_writer.h"
#include "maps.h"

/* What an event's numbers stand for; NULL: not known, or there is none. */
struct bg_event_names {
	const char *time;   /* as bg_format_monotonic() writes it; never NULL */
	const char *reason; /* never NULL */
	const char *branch;
	const char *groups;			    /* of the branch, joined by commas */
	const char *group_id, *rule_id, *rule_text; /* as bg_format_rule() writes it */
};

/* Prints a line with its newline. */
void bg_event_print(FILE *out, const struct bg_event *event, const struct bg_event_names *names);

/* Writes one object. */
void bg_event_write(struct bg_json_writer *writer, const struct bg_event *event,
		    const struct bg_event_names *names);

/*
 * From such an object: what bg_event_print() needs. The names point into it and into
 * `groups`. False: it is no event.
 */
#define BG_EVENT_GROUPS_BYTES 256
bool bg_event_read(const json_t *json, struct bg_event *event, struct bg_event_names *names,
		   char groups[BG_EVENT_GROUPS_BYTES]);

#endif
