// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of verbs, `help`, and main(). What a verb does is in verbs/. */
#include <stdio.h>

#include "apart/apart.h"
#include "verbs/cli.h"
#include "verbs/program.h"

static int cmd_help(int argc, char **argv);

static const struct bg_verb verbs[] = {
	{ "run", cmd_run, "the daemon: load, attach, follow the feed and the interfaces" },
	{ "check", cmd_check, "validate a feed, sum it up, warn of what looks wrong" },
	{ "explain", cmd_explain, "the verdict on a packet that is not sent, and which rule" },
	{ "status", cmd_status, "what is in force, armed, passed, dropped, and likely causes" },
	{ "health", cmd_health, "is this node guarded? a line a concern, and an exit status" },
	{ "rules", cmd_rules, "the rules in force with their hits" },
	{ "flows", cmd_flows, "the tracked flows" },
	{ "monitor", cmd_monitor, "drops and new flows as they happen" },
	{ "unload", cmd_unload, "detach and unpin everything branchguard made" },
	{ "help", cmd_help, "this, or `help VERB`" },
	{ "version", cmd_version, "versions of the program and of what it was built with" },
};

static const struct bg_program program = {
	.name = "branchguard",
	.about = "EC2 security groups for pods, enforced on the node in the kernel.",
	.more = " Verbs that print take --json.",
	.verbs = verbs,
	.verb_count = sizeof(verbs) / sizeof(verbs[0]),
};

static int cmd_help(int argc, char **argv)
{
	const char *name = NULL;
	const struct bg_option options[] = { {} };
	const struct bg_command command = {
		.verb = "help",
		.about = "Prints the verbs, or the options of one.",
		.options = options,
		.operand = "VERB",
		.operand_value = &name,
	};
	int status = bg_cli(&command, argc, argv);
	const struct bg_verb *verb;

	if (status >= 0)
		return status;
	if (!name) {
		bg_program_usage(stdout, &program);
		return bg_cli_printed("help");
	}
	verb = bg_program_verb(&program, name);
	return verb ? verb->run(2, (char *[]){ (char *)verb->name, (char *)"--help", NULL })
		    : BG_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	int status = bg_apart_main(argc, argv);

	return status >= 0 ? status : bg_program_run(&program, argc, argv);
}
