// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of verbs, `help`, and main(). What a verb does is in verbs/. */
#include <stdio.h>
#include <string.h>

#include "apart/apart.h"
#include "base/printable.h"
#include "verbs/cli.h"

static int cmd_help(int argc, char **argv);

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *about;
} verbs[] = {
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

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	}
	return NULL;
}

static void print_usage(FILE *out)
{
	fputs("usage: branchguard VERB [OPTIONS]\n\n"
	      "EC2 security groups for pods, enforced on the node in the kernel.\n\n",
	      out);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(out, "  %-9s %s\n", verbs[i].name, verbs[i].about);
	fputs("\n`branchguard VERB --help` has the options. Verbs that print take --json.\n"
	      "Exit status: 0 done, 1 failed, 2 wrong usage; errors go to stderr.\n",
	      out);
}

static int unknown_verb(const char *name)
{
	fprintf(stderr, "branchguard: unknown verb '%.80s': expected one of", name);
	for (size_t i = 0; i < VERBS; i++)
		fprintf(stderr, " %s", verbs[i].name);
	fputc('\n', stderr);
	return BG_EXIT_USAGE;
}

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
	const struct verb *verb;

	if (status >= 0)
		return status;
	if (!name) {
		print_usage(stdout);
		return bg_cli_printed("help");
	}
	verb = find_verb(name);
	if (!verb)
		return unknown_verb(name);
	return verb->run(2, (char *[]){ (char *)verb->name, (char *)"--help", NULL });
}

/* What --options prints for all verbs, each with a line of its own before its options. */
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
	const struct verb *verb;
	int status = bg_apart_main(argc, argv);

	if (status >= 0)
		return status;
	if (bg_guard_terminal())
		return BG_EXIT_FAILED;
	if (argc < 2) {
		print_usage(stderr);
		return BG_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char *)"help";
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		argv[1] = (char *)"version";
	if (!strcmp(argv[1], "--options"))
		return print_options();
	verb = find_verb(argv[1]);
	if (!verb)
		return unknown_verb(argv[1]);
	return verb->run(argc - 1, argv + 1);
}
