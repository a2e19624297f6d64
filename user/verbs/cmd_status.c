// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard status: what is in force, for people, programs and Prometheus. show/ gathers
 * and prints it; here are only the options.
 */
#include <errno.h>

#include "base/cleanup.h"
#include "pinned/maps_history.h"
#include "show/health.h"
#include "show/out.h"
#include "show/revisions.h"
#include "show/status.h"
#include "verbs/cli.h"
#include "verbs/version.h"

static int show(const char *pin_dir, const char *branch, bool json, bool metrics,
		struct bg_error *err)
{
	bg_cleanup(bg_status_free) struct bg_status status = {};
	bg_cleanup(bg_look_free) struct bg_look look = {};
	int rc = bg_status_read(pin_dir, branch, &status, err);
	struct bg_error unseen;

	if (rc)
		return rc;
	/* elsewhere the same ifindex is another interface; and who may not ask the kernel is
	 * shown what the maps say all the same */
	if (!metrics && !status.elsewhere && !bg_health_look(&status, &look, &unseen))
		status.look = &look;
	if (json)
		rc = bg_print_json(bg_status_json(&status), err);
	else if (metrics)
		bg_metrics_print(stdout, &status, &(struct bg_build){ bg_version, bg_commit });
	else if (bg_status_print(stdout, &status))
		rc = bg_no_memory(err, "printing the status");
	if (rc || !*status.state_error.text)
		return rc;
	bg_out_finish(err);
	return bg_fail(err, -ETIMEDOUT, "what the daemon wrote down is missing here: %s",
		       status.state_error.text);
}

static int show_revisions(const char *pin_dir, bool json, struct bg_error *err)
{
	bg_cleanup(bg_maps_close) struct bg_maps maps = { .control_fd = -1 };
	bg_auto_free struct bg_revision_row *revisions = NULL;
	size_t count = 0;
	int rc = bg_maps_open(pin_dir, &maps, err);

	rc = rc ?: bg_maps_revisions(&maps, &revisions, &count, err);
	if (rc)
		return rc;
	if (json)
		return bg_print_json(bg_revisions_json(revisions, count), err);
	if (bg_revisions_print(stdout, revisions, count))
		return bg_no_memory(err, "printing the revisions");
	return 0;
}

int cmd_status(int argc, char **argv)
{
	const char *pin_dir = BG_DEFAULT_PIN_DIR, *branch = NULL;
	bool json = false, metrics = false, revisions = false;
	const struct bg_option options[] = {
		BG_OPTION_BRANCH(&branch,
				 "of the branches only this one (id, VLAN id or interface)"),
		{
			.name = "metrics",
			.letter = 'm',
			.type = BG_OPTION_FLAG,
			.value = &metrics,
			.help = "print metrics as Prometheus scrapes them",
		},
		{
			.name = "revisions",
			.letter = 'r',
			.type = BG_OPTION_FLAG,
			.value = &revisions,
			.help = "print the last 64 revisions instead: when, for what, the SHA-256 of "
				"the feed, how many branches, groups and rules came and went",
		},
		BG_OPTION_JSON(&json),
		BG_OPTION_PIN_DIR(&pin_dir),
		{},
	};
	const struct bg_command command = {
		.verb = "status",
		.about = "Prints the revision in force, the branches with what passed and what "
			 "was dropped and why, the use of the tables, and what deserves a look. "
			 "Counts start when the maps were pinned.",
		.options = options,
	};
	int exit_status = bg_cli(&command, argc, argv);
	struct bg_error err;
	int rc;

	if (exit_status >= 0)
		return exit_status;
	if (json && metrics) {
		bg_fail(&err, -EINVAL, "--json and --metrics: expected one of them");
		return bg_cli_misused("status", &err);
	}
	if (revisions && (metrics || branch)) {
		bg_fail(&err, -EINVAL, "--revisions: %s does not go with it",
			metrics ? "--metrics" : "--branch");
		return bg_cli_misused("status", &err);
	}
	rc = revisions ? show_revisions(pin_dir, json, &err)
		       : show(pin_dir, branch, json, metrics, &err);
	if (rc || bg_out_finish(&err))
		return bg_cli_failed("status", &err);
	return BG_EXIT_DONE;
}
