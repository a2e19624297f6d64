// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard health: is this node guarded? For probes and scripts: a line a concern, and
 * an exit status. show/ judges; nothing is changed.
 */
#include <string.h>

#include "base/cleanup.h"
#include "pinned/home.h"
#include "show/health.h"
#include "show/out.h"
#include "verbs/cli.h"

/* In another network namespace the same ifindex is another interface. */
static int read_status(const char *pin_dir, struct bg_status *status, struct bg_error *err)
{
	int rc = bg_status_read(pin_dir, NULL, status, err);

	if (rc)
		return rc;
	rc = bg_home_check(pin_dir, err);
	if (rc)
		bg_status_free(status);
	return rc;
}

static void judge(const char *pin_dir, struct bg_health *health)
{
	bg_cleanup(bg_status_free) struct bg_status status = {};
	bg_cleanup(bg_look_free) struct bg_look look = {};
	struct bg_error err = {};

	if (read_status(pin_dir, &status, &err))
		bg_health_unseen(err.text, health);
	else if (bg_health_look(&status, &look, &err))
		bg_health_judge(&status, NULL, err.text, health);
	else
		bg_health_judge(&status, &look, "", health);
}

int cmd_health(int argc, char **argv)
{
	const char *pin_dir = BG_DEFAULT_PIN_DIR;
	bool json = false;
	const struct bg_option options[] = {
		BG_OPTION_JSON(&json),
		BG_OPTION_PIN_DIR(&pin_dir),
		{},
	};
	const struct bg_command command = {
		.verb = "health",
		.about = "Says in a line a concern whether this node is guarded: the daemon, what "
			 "is attached, the interfaces, the feed, the tables, lost events. Exit "
			 "status: 0 all is well; 1 degraded: what is in force holds, but something "
			 "is wrong; 2 not enforcing: what no rule admits may pass, or nobody can "
			 "tell.",
		.options = options,
	};
	int exit_status = bg_cli(&command, argc, argv);
	struct bg_health health;
	struct bg_error err;
	int rc = 0;

	if (exit_status >= 0)
		return exit_status;
	judge(pin_dir, &health);
	if (json)
		rc = bg_print_json(bg_health_json(&health), &err);
	else
		bg_health_print(stdout, &health, bg_boottime_ns());
	if (rc || bg_out_finish(&err)) {
		bg_cli_failed("health", &err);
		/* nobody heard it: that is not well */
		return health.level == BG_HEALTH_WELL ? BG_EXIT_FAILED : (int)health.level;
	}
	return (int)health.level;
}
