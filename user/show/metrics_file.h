/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Metrics for the textfile collector of node_exporter. */
#ifndef BG_SHOW_METRICS_FILE_H
#define BG_SHOW_METRICS_FILE_H

#include "base/error.h"

/* Writes the metrics of what is pinned in pin_dir; the file is replaced by one rename. */
int bg_metrics_write(const char *pin_dir, const char *path, struct bg_error *err);

#endif
