// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet publish: keeps the parts of all nodes' feeds what kubectl and aws print, as
 * long as somebody has them print it anew. It asks nobody over a network.
 */
#include <errno.h>
#include <string.h>

#include "fleet/fleet.h"
#include "fleet/publisher.h"
#include "fleet/signals.h"
#include "fleet/target_dir.h"
#include "verbs/cli.h"

static int check(const struct bg_publish *publish, const char *to, struct bg_error *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	const char *colon = strchr(to, ':');

	if (colon && (size_t)(colon - to) == strspn(to, letters))
		return bg_fail(err, -EINVAL,
			       "--to %s: %.*s: is no target that this program knows: expected a "
			       "directory (./%s is one by that name)",
			       to, (int)(colon - to), to, to);
	for (size_t i = 0; i < publish->wanted.file_count; i++)
		if (!strcmp(publish->wanted.files[i], "-"))
			return bg_fail(err, -EINVAL,
				       "-: stdin is read once, and nobody refreshes it: expected "
				       "files and directories");
	return 0;
}

static int publish_to(struct bg_publish *publish, const char *to)
{
	struct bg_error err;
	int rc = bg_target_dir_new(to, &publish->target, &err);

	if (rc)
		return bg_cli_failed("publish", &err);
	bg_end_by_signals();
	rc = bg_publish_run(publish, &err);
	publish->target->calls->close(publish->target);
	return rc ? bg_cli_failed("publish", &err) : BG_EXIT_DONE;
}

int cmd_publish(int argc, char **argv)
{
	struct bg_publish publish = {
		.wanted = { .kind = BG_FILE_REGULAR, .max_shrink_percent = BG_SHRINK_PERCENT },
	};
	const char *to;
	const struct bg_option options[] = {
		{ .name = "to",
		  .required = true,
		  .type = BG_OPTION_FILE,
		  .value = &to,
		  .argument = "DIR",
		  .help = "the directory that has the parts, which `follow` puts together; one "
			  "publisher at a time" },
		{ .name = "state",
		  .type = BG_OPTION_FILE,
		  .value = &publish.state,
		  .argument = "FILE",
		  .help = "write down here what was published, and since when and why something is "
			  "held (JSON)" },
		{ .name = "max-age",
		  .type = BG_OPTION_U32,
		  .value = &publish.max_age_s,
		  .argument = "SECONDS",
		  .min = 1,
		  .max = 30 * 86400,
		  .help = "publish nothing while an answer was written longer ago (default: any "
			  "will do)" },
		{ .name = "max-shrink",
		  .type = BG_OPTION_U32,
		  .value = &publish.wanted.max_shrink_percent,
		  .argument = "PERCENT",
		  .max = 100,
		  .help = "publish nothing while more of the nodes, branches, groups or members "
			  "that DIR has would be gone (default 20)" },
		{ .name = "mode",
		  .type = BG_OPTION_ENUM,
		  .value = &publish.wanted.mode,
		  .words = bg_sweep_modes,
		  .help = "of all branches: POD_SECURITY_GROUP_ENFORCING_MODE of aws-node "
			  "(default strict)" },
		{ .name = "settings",
		  .type = BG_OPTION_FILE,
		  .value = &publish.wanted.settings_path,
		  .argument = "FILE",
		  .help = "Node and DefaultGroupIds of a feed, as for build" },
		{ .name = "once",
		  .type = BG_OPTION_FLAG,
		  .value = &publish.once,
		  .help = "do it once, and exit with 1 when something is held" },
		{}
	};
	const struct bg_command command = {
		.verb = "publish",
		.about =
			"Stays, and keeps the parts of all nodes' feeds what the answers make of them "
			"that `build` reads: whenever others have replaced one of the files, parts that "
			"are another text are written, and nothing else. While answers are cut, a page "
			"is missing, or too much would be gone, the parts that there are stay. SIGHUP "
			"has it read all at once.",
		.options = options,
		.operand = "FILE",
		.operand_required = true,
		.operands = &publish.wanted.files,
		.operand_count = &publish.wanted.file_count,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	return check(&publish, to, &err) ? bg_cli_misused("publish", &err)
					 : publish_to(&publish, to);
}
