// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Metrics for the textfile collector of node_exporter, as a text. The daemon calls it every
 * few seconds and has the text written elsewhere.
 */
#include "show/metrics_text.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "show/status.h"

int bg_metrics_text(const char *pin_dir, json_t *state, const struct bg_build *build, bool goes_on,
		    char **text, size_t *length_bytes, struct bg_error *err)
{
	bg_cleanup(bg_status_free) struct bg_status status = {};
	bg_auto_free char *result = NULL;
	FILE *out;
	int rc = bg_status_read_maps(pin_dir, NULL, state, &status, err);

	if (rc)
		return rc;
	status.daemon_runs &= goes_on;
	out = open_memstream(&result, length_bytes);
	if (!out)
		return bg_no_memory(err, "metrics");
	bg_metrics_print(out, &status, build);
	if (fclose(out))
		return bg_no_memory(err, "metrics");
	*text = bg_take_ptr(result);
	return 0;
}
