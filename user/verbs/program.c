// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From the command line to a verb. The main() of each program calls it with its table; it
 * knows no verb but `help` and `version`, which are options as well.
 */
#include "verbs/program.h"

#include <string.h>

#include "base/printable.h"
#include "verbs/cli.h"

void bg_program_usage(FILE *out, const struct bg_program *program)
{
	fprintf(out, "usage: %s VERB [OPTIONS]\n\n%s\n\n", program->name, program->about);
	for (size_t i = 0; i < program->verb_count; i++)
		fprintf(out, "  %-9s %s\n", program->verbs[i].name, program->verbs[i].about);
	fprintf(out,
		"\n`%s VERB --help` has the options.%s\n"
		"Exit status: 0 done, 1 failed, 2 wrong usage; errors go to stderr.\n",
		program->name, program->more);
}

static const struct bg_verb *find(const struct bg_program *program, const char *name)
{
	for (size_t i = 0; i < program->verb_count; i++)
		if (!strcmp(program->verbs[i].name, name))
			return &program->verbs[i];
	return NULL;
}

const struct bg_verb *bg_program_verb(const struct bg_program *program, const char *name)
{
	const struct bg_verb *verb = find(program, name);

	if (verb)
		return verb;
	fprintf(stderr, "%s: unknown verb '%.80s': expected one of", program->name, name);
	for (size_t i = 0; i < program->verb_count; i++)
		fprintf(stderr, " %s", program->verbs[i].name);
	fputc('\n', stderr);
	return NULL;
}

static int print_options(const struct bg_program *program)
{
	int status = BG_EXIT_DONE;

	for (size_t i = 0; i < program->verb_count && !status; i++) {
		const struct bg_verb *verb = &program->verbs[i];

		printf("%s\tverb\t\t\t\t\t%s\n", verb->name, verb->about);
		status = verb->run(2, (char *[]){ (char *)verb->name, (char *)"--options", NULL });
	}
	return status;
}

int bg_program_run(const struct bg_program *program, int argc, char **argv)
{
	const struct bg_verb *verb;

	bg_cli_program = program->name;
	if (bg_guard_terminal())
		return BG_EXIT_FAILED;
	if (argc < 2) {
		bg_program_usage(stderr, program);
		return BG_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char *)"help";
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		argv[1] = (char *)"version";
	if (!strcmp(argv[1], "--options"))
		return print_options(program);
	/* where it is no verb of its own, it has no more to say */
	if (!strcmp(argv[1], "help") && !find(program, "help")) {
		bg_program_usage(stdout, program);
		return bg_cli_printed("help");
	}
	verb = bg_program_verb(program, argv[1]);
	return verb ? verb->run(argc - 1, argv + 1) : BG_EXIT_USAGE;
}
