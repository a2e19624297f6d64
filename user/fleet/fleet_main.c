// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet: what is done for a whole fleet, without any privilege. Its table of
 * verbs, and main(); it loads nothing into the kernel and reads no pins.
 */
#include <stdio.h>

#include "fleet/fleet.h"
#include "verbs/cli.h"
#include "verbs/program.h"
#include "verbs/version.h"

static int print_version(int argc, char **argv)
{
	const struct bg_option options[] = { {} };
	const struct bg_command command = {
		.verb = "version",
		.about = "Prints the version of the program and the commit that it was built from.",
		.options = options,
	};
	int status = bg_cli(&command, argc, argv);

	if (status >= 0)
		return status;
	printf("%s %s, commit %s\n", bg_cli_program, bg_version, bg_commit);
	return bg_cli_printed("version");
}

static const struct bg_verb verbs[] = {
	{ "build", cmd_build,
	  "the feed of a node, or parts for all, from what kubectl and aws print" },
	{ "follow", cmd_follow, "the feed of a node from such parts" },
	{ "probe", cmd_probe, "does a process that follows or publishes still run?" },
	{ "publish", cmd_publish, "parts for all nodes, whenever such answers change" },
	{ "serve", cmd_serve, "metrics and probes of this node by HTTP" },
	{ "version", print_version, "the version of the program" },
};

int main(int argc, char **argv)
{
	static const struct bg_program program = {
		.name = "branchguard-fleet",
		.about = "Feeds for the nodes of a cluster, and metrics of each.",
		.more = "",
		.verbs = verbs,
		.verb_count = sizeof(verbs) / sizeof(verbs[0]),
	};

	return bg_program_run(&program, argc, argv);
}
