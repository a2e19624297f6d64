/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The last revisions, for people and as JSON. */
#ifndef BG_SHOW_REVISIONS_H
#define BG_SHOW_REVISIONS_H

#include <jansson.h>
#include <stdio.h>

#include "pinned/maps_history.h"

/* "feed", "modes", "interfaces", "restart" */
const char *bg_revision_cause_name(enum bg_revision_cause cause);

/* The latest one first. 0 or -ENOMEM; NULL when out of memory. */
int bg_revisions_print(FILE *out, const struct bg_revision_row *revisions, size_t count);
json_t *bg_revisions_json(const struct bg_revision_row *revisions, size_t count);

#endif
