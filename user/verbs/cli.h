/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The command line. A verb describes itself in one table; parsing, checking and
 * the text of --help all come from it, so they cannot disagree.
 *
 * A verb looks like this:
 *
 *	int cmd_example(int argc, char **argv)
 *	{
 *		const char *pin_dir = BG_DEFAULT_PIN_DIR;
 *		bool json = false;
 *		const struct bg_option options[] = {
 *			BG_OPTION_PIN_DIR(&pin_dir),
 *			BG_OPTION_JSON(&json),
 *			{}
 *		};
 *		const struct bg_command command = {
 *			.verb = "example", .about = "shows how.", .options = options,
 *		};
 *		int status = bg_cli(&command, argc, argv);
 *
 *		if (status >= 0)
 *			return status;
 *		...
 *		return bg_cli_failed("example", &err);
 *	}
 */
#ifndef BG_VERBS_CLI_H
#define BG_VERBS_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "pinned/pin.h"
#include "types.h"

/* What the program is called in usage and errors: "branchguard". */
extern const char *bg_cli_program;

/* What the program exits with. */
enum bg_exit { BG_EXIT_DONE = 0, BG_EXIT_FAILED = 1, BG_EXIT_USAGE = 2 };

enum bg_option_type {
	BG_OPTION_END = 0, /* of the table */
	BG_OPTION_FLAG,	   /* bool: set to true */
	BG_OPTION_STRING,  /* const char *: not empty */
	BG_OPTION_FILE,	   /* const char *: not empty, shorter than PATH_MAX */
	BG_OPTION_U32,	   /* __u32: decimal, from min to max */
	BG_OPTION_ENUM,	   /* int: index in words */
	BG_OPTION_IP,	   /* struct bg_addr */
};

struct bg_option {
	const char *name; /* without the dashes */
	char letter;	  /* short form, or 0 */
	bool required;
	enum bg_option_type type;
	void *value;	      /* what is set, as the type says; before, it has the default */
	bool *given;	      /* set to true, if not NULL */
	const char *argument; /* "N", "DIR"; NULL for flags; words are shown for enums */
	const char *help;
	__u32 min, max;		  /* BG_OPTION_U32 */
	const char *const *words; /* BG_OPTION_ENUM: ends with NULL */
};

struct bg_command {
	const char *verb;
	const char *about; /* a sentence or several, for --help */
	const struct bg_option *options;
	/* One operand at most: its name in the usage line, NULL = takes none. */
	const char *operand;
	const char **operand_value;
	bool operand_required;
	/* Or any number of them: the first in argv, and how many there are. */
	char ***operands;
	size_t *operand_count;
};

#define BG_OPTION_PIN_DIR(pointer)                                                                 \
	{                                                                                          \
		.name = "pin-dir",                                                                 \
		.type = BG_OPTION_FILE,                                                            \
		.value = (pointer),                                                                \
		.argument = "DIR",                                                                 \
		.help = "where maps, links and programs are pinned (default " BG_DEFAULT_PIN_DIR   \
			")",                                                                       \
	}
#define BG_OPTION_BRANCH(pointer, what)                                                            \
	{                                                                                          \
		.name = "branch",                                                                  \
		.letter = 'b',                                                                     \
		.type = BG_OPTION_STRING,                                                          \
		.value = (pointer),                                                                \
		.argument = "BRANCH",                                                              \
		.help = what,                                                                      \
	}
#define BG_OPTION_JSON(pointer)                                                                    \
	{                                                                                          \
		.name = "json",                                                                    \
		.letter = 'j',                                                                     \
		.type = BG_OPTION_FLAG,                                                            \
		.value = (pointer),                                                                \
		.help = "print JSON",                                                              \
	}

/* What bg_cli_parse() returns when one of these options was given. */
#define BG_CLI_HELP 1	 /* --help */
#define BG_CLI_OPTIONS 2 /* --options, alone */

/*
 * Reads argv (argv[0] is the verb) into the values. Returns 0, one of those, or
 * -EINVAL with one line that names the option, the value and what was expected.
 */
int bg_cli_parse(const struct bg_command *command, int argc, char **argv, struct bg_error *err);

/* The text of --help; the caller frees it. NULL when out of memory. */
char *bg_cli_help(const struct bg_command *command);

/*
 * The text of --options, for scripts: completion is made from it, and the manual
 * is compared with it. One line for each option or operand, with tabs between
 *
 *	VERB KIND --NAME -LETTER ARGUMENT "required" HELP
 *
 * KIND is flag, string, file, number, word, address or operand; ARGUMENT of a word
 * has all words with "|" between. The caller frees it. NULL when out of memory.
 */
char *bg_cli_options(const struct bg_command *command);

/* Parses, prints help or error. Returns what to exit with, or -1: go on. */
int bg_cli(const struct bg_command *command, int argc, char **argv);

/* Prints "branchguard VERB: TEXT" on stderr; return its value from the verb. */
int bg_cli_failed(const char *verb, const struct bg_error *err);
int bg_cli_misused(const char *verb, const struct bg_error *err);

/* At the end of what was printed on stdout by hand: DONE, or FAILED in words when it could not
 * all be written. */
int bg_cli_printed(const char *verb);

/* The verbs, each in its cmd_*.c. They return an enum bg_exit; cmd_health an enum
 * bg_health_level. */
int cmd_run(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_rules(int argc, char **argv);
int cmd_flows(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_unload(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
