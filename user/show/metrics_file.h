/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Metrics for the textfile collector of node_exporter. */
#ifndef BG_SHOW_METRICS_FILE_H
#define BG_SHOW_METRICS_FILE_H

#include <stdbool.h>

#include "base/build.h"
#include "base/error.h"

/* Writes the metrics of what is pinned in pin_dir; the file is replaced by one rename. Not
 * `goes_on`: this is the last time that the daemon writes it. */
int bg_metrics_write(const char *pin_dir, const char *path, const struct bg_build *build,
		     bool goes_on, struct bg_error *err);

#endif
