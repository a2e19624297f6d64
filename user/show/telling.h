/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the daemon tells of its node to who serves that by HTTP (fleet/serve/). */
#ifndef BG_SHOW_TELLING_H
#define BG_SHOW_TELLING_H

#include <jansson.h>

#include "base/build.h"
#include "show/health.h"

/*
 * A line of JSON: { "metrics": TEXT, "health": NAME, "text": TEXT, "ready": BOOL }, as
 * Prometheus, people and probes read them. `state` is what the daemon's state file says.
 * NULL: out of memory, or the pins cannot be read, *err.
 */
char *bg_telling(const char *pin_dir, json_t *state, const struct bg_build *build,
		 struct bg_error *err);

/* Follows the node's daemon feed and interfaces, and is everything judged? */
bool bg_is_ready(const struct bg_status *status, const struct bg_health *health);

#endif
