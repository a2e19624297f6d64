/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Metrics of what is pinned, as the text that a collector reads. */
#ifndef BG_SHOW_METRICS_TEXT_H
#define BG_SHOW_METRICS_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/build.h"
#include "base/error.h"

/* *text is the caller's, to be freed. `state` is what the daemon's state file says, which is not
 * read. Not `goes_on`: it is the last one of the daemon. */
int bg_metrics_text(const char *pin_dir, json_t *state, const struct bg_build *build, bool goes_on,
		    char **text, size_t *length_bytes, struct bg_error *err);

#endif
