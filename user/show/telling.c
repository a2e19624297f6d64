// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Metrics and health of this moment in one line, for the daemon's socket: daemon/answers.c
 * calls it from the loop. It asks the maps and the kernel as `status` and `health` do, and
 * waits for nobody else.
 */
#include "show/telling.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "show/out.h"

bool bg_is_ready(const struct bg_status *status, const struct bg_health *health)
{
	return status->control.revision && health->level != BG_HEALTH_NOT_ENFORCING &&
	       health->concerns[BG_CONCERN_DAEMON].level == BG_HEALTH_WELL;
}

static void judge(const struct bg_status *status, struct bg_health *health)
{
	bg_cleanup(bg_look_free) struct bg_look look = {};
	struct bg_error err = {};

	*health = (struct bg_health){};
	if (bg_health_look(status, &look, &err))
		bg_health_judge(status, NULL, err.text, health);
	else
		bg_health_judge(status, &look, "", health);
}

/* Both texts, each in memory of its own. */
static int print(const struct bg_status *status, const struct bg_build *build,
		 const struct bg_health *health, char **metrics, char **text)
{
	size_t length_bytes;
	FILE *out = open_memstream(metrics, &length_bytes);

	if (!out)
		return -1;
	bg_metrics_print_sparse(out, status, build, health);
	if (fclose(out))
		return -1;
	out = open_memstream(text, &length_bytes);
	if (!out)
		return -1;
	bg_health_print(out, health, status->now_boottime_ns);
	return fclose(out);
}

char *bg_telling(const char *pin_dir, json_t *state, const struct bg_build *build,
		 struct bg_error *err)
{
	bg_cleanup(bg_status_free) struct bg_status status = {};
	bg_auto_free char *metrics = NULL, *text = NULL;
	struct bg_health health;
	json_t *json;
	char *line;

	if (bg_status_read_maps(pin_dir, NULL, state, &status, err))
		return NULL;
	judge(&status, &health);
	json = print(&status, build, &health, &metrics, &text)
		       ? NULL
		       : json_pack("{s:o, s:s, s:o, s:b}", "metrics", bg_json_text(metrics),
				   "health", bg_health_name(health.level), "text",
				   bg_json_text(text), "ready", bg_is_ready(&status, &health));
	line = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!line)
		bg_no_memory(err, "telling of the node");
	return line;
}
