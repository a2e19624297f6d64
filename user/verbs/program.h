/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program that is called by verbs: what main() does before and around them. */
#ifndef BG_VERBS_PROGRAM_H
#define BG_VERBS_PROGRAM_H

#include <stddef.h>
#include <stdio.h>

struct bg_verb {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the verb; returns what to exit with */
	const char *about;
};

struct bg_program {
	const char *name;
	const char *about; /* a line or several, in front of the verbs */
	const char *more;  /* behind what is said of --help; "" */
	const struct bg_verb *verbs;
	size_t verb_count;
};

/* The verbs and what they do. */
void bg_program_usage(FILE *out, const struct bg_program *program);

/* As the user named it; NULL: there is none, and stderr says which there are. */
const struct bg_verb *bg_program_verb(const struct bg_program *program, const char *name);

/*
 * Runs the verb in argv[1], or prints the usage, or what scripts read of all options
 * (--options: a line for each verb in front of those of bg_cli_options()). Returns what to
 * exit with.
 */
int bg_program_run(const struct bg_program *program, int argc, char **argv);

#endif
