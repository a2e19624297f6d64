// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * branchguard-fleet: what is done for a whole fleet, without any privilege. Its table of
 * verbs, and main(); it loads nothing into the kernel and reads no pins.
 */
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "fleet/fleet.h"
#include "verbs/cli.h"
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

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} verbs[] = {
	{ "build", cmd_build,
	  "the feed of a node, or parts for all, from what kubectl and aws print" },
	{ "follow", cmd_follow, "the feed of a node from such parts" },
	{ "serve", cmd_serve, "metrics and probes of this node by HTTP" },
	{ "version", print_version, "the version of the program" },
};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static int print_usage(FILE *out)
{
	fprintf(out, "usage: %s VERB [OPTIONS]\n\nFeeds for the nodes of a cluster.\n\n",
		bg_cli_program);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].about);
	fprintf(out,
		"\n`%s VERB --help` has the options.\n"
		"Exit status: 0 done, 1 failed, 2 wrong usage; errors go to stderr.\n",
		bg_cli_program);
	return out == stdout ? bg_cli_printed("help") : BG_EXIT_USAGE;
}

static int print_options(void)
{
	for (size_t i = 0; i < VERBS; i++) {
		int status;

		printf("%s\tverb\t\t\t\t\t%s\n", verbs[i].name, verbs[i].about);
		status = verbs[i].run(2, (char *[]){ (char *)verbs[i].name, (char *)"--options",
						     NULL });
		if (status)
			return status;
	}
	return BG_EXIT_DONE;
}

int main(int argc, char **argv)
{
	bg_cli_program = "branchguard-fleet";
	if (bg_guard_terminal())
		return BG_EXIT_FAILED;
	if (argc < 2)
		return print_usage(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return print_usage(stdout);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		argv[1] = (char *)"version";
	if (!strcmp(argv[1], "--options"))
		return print_options();
	for (size_t i = 0; i < VERBS; i++)
		if (!strcmp(verbs[i].name, argv[1]))
			return verbs[i].run(argc - 1, argv + 1);
	fprintf(stderr, "%s: unknown verb '%.80s': `%s --help` lists them\n", bg_cli_program,
		argv[1], bg_cli_program);
	return BG_EXIT_USAGE;
}
