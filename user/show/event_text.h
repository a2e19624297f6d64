/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An event as a line and as JSON. Pure. */
#ifndef BG_SHOW_EVENT_TEXT_H
#define BG_SHOW_EVENT_TEXT_H

#include "pinned/maps_read.h"
#include "show/out.h"

/* `branch` and `rule` may be NULL: not known. Prints a line with its newline. */
void bg_event_print(FILE *out, const struct bg_event *event, const struct bg_branch_row *branch,
		    const struct bg_rule *rule);

/* NULL when out of memory. */
json_t *bg_event_json(const struct bg_event *event, const struct bg_branch_row *branch,
		      const struct bg_rule *rule);

#endif
