/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The metrics file, written by a process beside the daemon: its directory may stall. */
#ifndef BG_DAEMON_METRICS_OUT_H
#define BG_DAEMON_METRICS_OUT_H

#include "apart/files.h"
#include "base/work.h"
#include "daemon/daemon.h"
#include "pinned/state_file.h"

struct bg_metrics_out {
	const struct bg_daemon_options *options;
	const struct bg_state *state;
	struct bg_work work;
	struct bg_files file;
	int text_fd; /* what is being written, -1 = nothing */
	int rc;
	struct bg_error err;
	bool failed; /* and that was logged */
};

/* Without a metrics file nothing here does anything. */
int bg_metrics_out_open(struct bg_metrics_out *out, const struct bg_daemon_options *options,
			const struct bg_state *state, struct bg_error *err);
void bg_metrics_out_close(struct bg_metrics_out *out);

/* Metrics as they are now; if the last ones are not written yet, these are left out. */
void bg_metrics_out_put(struct bg_metrics_out *out);
/* work.done_fd can be read. */
void bg_metrics_out_done(struct bg_metrics_out *out);
/* The last ones, which say that the daemon does not run: waited for until then, CLOCK_MONOTONIC. */
void bg_metrics_out_last(struct bg_metrics_out *out, double end_ms);

#endif
