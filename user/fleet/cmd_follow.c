// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet follow: puts a node's feed together from parts, and prints it, or keeps a
 * file what they make of it. Of parts that do not belong together it makes nothing.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fleet/fleet.h"
#include "fleet/follow_parts.h"
#include "fleet/parts/assemble.h"
#include "fleet/parts_reader.h"
#include "fleet/signals.h"
#include "show/out.h"
#include "verbs/cli.h"

static int print_feed(const char *source, const char *node, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer feed = {};
	struct bg_parts_reader reader = {};
	const struct bg_part_source parts = bg_parts_reader_source(&reader);
	int rc = bg_parts_dir_open(source, &reader.dir, err);

	if (rc)
		return rc;
	rc = bg_parts_assemble(&parts, node, false, &feed, err);
	bg_parts_reader_release(&reader);
	close(reader.dir.fd);
	if (!rc)
		fwrite(feed.text, 1, feed.length_bytes, stdout);
	return rc;
}

int cmd_follow(int argc, char **argv)
{
	struct bg_follow follow = { .source = "" };
	const struct bg_option options[] = {
		{ .name = "node",
		  .letter = 'n',
		  .required = true,
		  .type = BG_OPTION_STRING,
		  .value = &follow.node,
		  .argument = "NAME",
		  .help = "whose feed, by its name in Kubernetes" },
		{ .name = "output",
		  .letter = 'o',
		  .type = BG_OPTION_FILE,
		  .value = &follow.output,
		  .argument = "FILE",
		  .help = "instead of printing it, keep this file what the parts make of it, until "
			  "SIGTERM" },
		{ .name = "state",
		  .type = BG_OPTION_FILE,
		  .value = &follow.state,
		  .argument = "FILE",
		  .help = "with --output: write down here what is there, and since when and why it is "
			  "stale (JSON)" },
		{}
	};
	const struct bg_command command = {
		.verb = "follow",
		.about =
			"Puts the feed of a node together from the parts that `branchguard-fleet build "
			"--parts` writes into a directory, if every part that it needs is there and "
			"whole, and prints it; with --output it goes on, and puts it into a file whenever "
			"it is another one. What is there stays when parts are missing, broken or gone.",
		.options = options,
		.operand = "DIR",
		.operand_required = true,
		.operand_value = &follow.source,
	};
	int status = bg_cli(&command, argc, argv);
	struct bg_error err;

	if (status >= 0)
		return status;
	if (bg_follow_check(follow.source, &err))
		return bg_cli_misused("follow", &err);
	if (follow.state && !follow.output) {
		bg_fail(&err, -EINVAL, "--state needs --output");
		return bg_cli_misused("follow", &err);
	}
	if (follow.output) {
		bg_end_by_signals();
		bg_follow_run(&follow, &err);
		return bg_cli_failed("follow", &err);
	}
	if (print_feed(follow.source, follow.node, &err))
		return bg_cli_failed("follow", &err);
	return bg_cli_printed("follow");
}
