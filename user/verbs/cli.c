// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What cli.h declares, by getopt_long(). Every verb calls bg_cli() first, and
 * bg_cli_failed() or bg_cli_misused() at the end; it never ends the program itself, and
 * what an option means it does not know.
 */
#include "verbs/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/ip.h"
#include "show/out.h"

#define MAX_OPTIONS 48
#define LONG_BASE 256 /* getopt_long's value of options[0]; letters stay below */
#define HELP_VALUE (LONG_BASE + MAX_OPTIONS)
#define HELP_WIDTH 96

/* Values come from outside, so errors show no more of them than this. */
#define SHOWN "%.80s"

const char *bg_cli_program = "branchguard";

static int not_expected(const struct bg_option *option, const char *text, const char *expected,
			struct bg_error *err)
{
	return bg_fail(err, -EINVAL, "--%s '" SHOWN "': expected %s", option->name, text, expected);
}

static int set_u32(const struct bg_option *option, const char *text, struct bg_error *err)
{
	unsigned long long value;
	char expected[80];
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	/* strtoull accepts signs and white space, this does not */
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < option->min ||
	    value > option->max) {
		snprintf(expected, sizeof(expected), "a number from %u to %u", option->min,
			 option->max);
		return not_expected(option, text, expected, err);
	}
	*(__u32 *)option->value = (__u32)value;
	return 0;
}

static void join_words(const struct bg_option *option, const char *separator, char *text,
		       size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (const char *const *word = option->words; *word && used < size; word++)
		used += snprintf(text + used, size - used, "%s%s",
				 word == option->words ? "" : separator, *word);
}

static int set_enum(const struct bg_option *option, const char *text, struct bg_error *err)
{
	char words[512], expected[544];

	for (int i = 0; option->words[i]; i++) {
		if (!strcmp(option->words[i], text)) {
			*(int *)option->value = i;
			return 0;
		}
	}
	join_words(option, ", ", words, sizeof(words));
	snprintf(expected, sizeof(expected), "one of %s", words);
	return not_expected(option, text, expected, err);
}

static int set_value(const struct bg_option *option, const char *text, struct bg_error *err)
{
	char expected[BG_ADDR_EXPECTED];

	switch (option->type) {
	case BG_OPTION_FLAG:
		*(bool *)option->value = true;
		return 0;
	case BG_OPTION_FILE:
		if (strlen(text) >= PATH_MAX)
			return not_expected(option, text, "a path of less than 4096 bytes", err);
		/* fallthrough */
	case BG_OPTION_STRING:
		if (!text[0])
			return not_expected(option, text, "a value that is not empty", err);
		*(const char **)option->value = text;
		return 0;
	case BG_OPTION_U32:
		return set_u32(option, text, err);
	case BG_OPTION_ENUM:
		return set_enum(option, text, err);
	case BG_OPTION_IP:
		if (bg_addr_parse(text, option->value))
			return not_expected(option, text, bg_addr_expected(text, expected), err);
		return 0;
	case BG_OPTION_END:
		break;
	}
	return bg_fail(err, -EINVAL, "--%s: option table without a type", option->name);
}

/* The error for a word that getopt_long could not read. */
static int complain(const struct bg_command *command, int found, const char *word, int unknown,
		    struct bg_error *err)
{
	const struct bg_option *option = NULL;

	if (unknown >= LONG_BASE && unknown < HELP_VALUE)
		option = &command->options[unknown - LONG_BASE];
	for (const struct bg_option *o = command->options; !option && o->type && unknown; o++) {
		if (o->letter == unknown)
			option = o;
	}
	if (found == ':' && option)
		return bg_fail(err, -EINVAL, "--%s: expected a value after it (%s)", option->name,
			       option->help);
	if (option || unknown == HELP_VALUE)
		return bg_fail(err, -EINVAL, "--%s takes no value, found '" SHOWN "'",
			       option ? option->name : "help", word);
	if (unknown)
		return bg_fail(err, -EINVAL, "unknown option '-%c'; `%s %s --help` lists them",
			       unknown, bg_cli_program, command->verb);
	return bg_fail(err, -EINVAL,
		       "unknown or ambiguous option '" SHOWN "'; `%s %s --help` lists them", word,
		       bg_cli_program, command->verb);
}

static int take_operand(const struct bg_command *command, int argc, char **argv,
			struct bg_error *err)
{
	if (!command->operand && argc)
		return bg_fail(err, -EINVAL, "'" SHOWN "': expected options only", argv[0]);
	if (argc > 1 && !command->operands)
		return bg_fail(err, -EINVAL, "'" SHOWN "': expected one %s only", argv[1],
			       command->operand);
	if (!command->operand)
		return 0;
	if (!argc) {
		if (command->operand_required)
			return bg_fail(err, -EINVAL, "expected %s", command->operand);
		return 0;
	}
	for (int i = 0; i < argc; i++) {
		if (!argv[i][0] || strlen(argv[i]) >= PATH_MAX)
			return bg_fail(err, -EINVAL, "'" SHOWN "': expected %s, of 1 to 4095 bytes",
				       argv[i], command->operand);
	}
	if (command->operands) {
		*command->operands = argv;
		*command->operand_count = argc;
	} else {
		*command->operand_value = argv[0];
	}
	return 0;
}

int bg_cli_parse(const struct bg_command *command, int argc, char **argv, struct bg_error *err)
{
	struct option longs[MAX_OPTIONS + 2] = {};
	char letters[2 * MAX_OPTIONS + 4] = ":h";
	bool given[MAX_OPTIONS] = {};
	size_t count = 0, used = 2;
	int found, rc;

	if (argc == 2 && !strcmp(argv[1], "--options"))
		return BG_CLI_OPTIONS;
	for (; count < MAX_OPTIONS && command->options[count].type; count++) {
		const struct bg_option *option = &command->options[count];
		int has_arg = option->type == BG_OPTION_FLAG ? no_argument : required_argument;

		longs[count] = (struct option){ option->name, has_arg, NULL, LONG_BASE + count };
		if (!option->letter)
			continue;
		letters[used++] = option->letter;
		if (has_arg == required_argument)
			letters[used++] = ':';
	}
	longs[count] = (struct option){ "help", no_argument, NULL, HELP_VALUE };

	optind = 0; /* makes glibc's getopt_long start from the beginning */
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		size_t index = 0;

		if (found == 'h' || found == HELP_VALUE)
			return BG_CLI_HELP;
		if (found == '?' || found == ':')
			return complain(command, found, argv[optind - 1], optopt, err);
		if (found >= LONG_BASE)
			index = found - LONG_BASE;
		else
			while (command->options[index].letter != found)
				index++;
		rc = set_value(&command->options[index], optarg, err);
		if (rc)
			return rc;
		given[index] = true;
		if (command->options[index].given)
			*command->options[index].given = true;
	}
	for (size_t i = 0; i < count; i++) {
		if (command->options[i].required && !given[i])
			return bg_fail(err, -EINVAL, "--%s is missing (%s)",
				       command->options[i].name, command->options[i].help);
	}
	return take_operand(command, argc - optind, argv + optind, err);
}

/* What follows the option in the help, "" for a flag; `words` is room for an enum's. */
static const char *argument_of(const struct bg_option *option, char *words, size_t size)
{
	if (option->type == BG_OPTION_ENUM && !option->argument) {
		join_words(option, "|", words, size);
		return words;
	}
	return option->argument ? option->argument : "";
}

static void option_head(const struct bg_option *option, char *text, size_t size)
{
	char short_form[8] = "    ", words[256];
	const char *argument = argument_of(option, words, sizeof(words));

	if (option->letter)
		snprintf(short_form, sizeof(short_form), "-%c, ", option->letter);
	snprintf(text, size, "  %s--%s%s%s", short_form, option->name, argument[0] ? " " : "",
		 argument);
}

#define HELP_COLUMN 32

static void print_option(FILE *out, const char *head, const char *help, bool required)
{
	char text[1024];

	fprintf(out, "%-*s", HELP_COLUMN - 1, head);
	if (strlen(head) >= HELP_COLUMN - 1)
		fprintf(out, "\n%*s", HELP_COLUMN, "");
	else
		fputc(' ', out);
	snprintf(text, sizeof(text), "%s%s", required ? "(required) " : "", help);
	bg_put_wrapped(out, text, HELP_COLUMN, HELP_COLUMN, HELP_WIDTH);
}

char *bg_cli_help(const struct bg_command *command)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "usage: %s %s", bg_cli_program, command->verb);
	for (const struct bg_option *option = command->options; option->type; option++) {
		if (option->required)
			fprintf(out, " --%s %s", option->name,
				option->argument ? option->argument : "VALUE");
	}
	fputs(" [OPTIONS]", out);
	if (command->operand)
		fprintf(out, command->operand_required ? " %s%s" : " [%s%s]", command->operand,
			command->operands ? "..." : "");
	fputs("\n\n", out);
	bg_put_wrapped(out, command->about, 0, 0, HELP_WIDTH);
	fputs("\nOptions:\n", out);
	for (const struct bg_option *option = command->options; option->type; option++) {
		char head[320];

		option_head(option, head, sizeof(head));
		print_option(out, head, option->help, option->required);
	}
	print_option(out, "  -h, --help", "print this", false);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static const char *kind_of(enum bg_option_type type)
{
	static const char *const kinds[] = {
		[BG_OPTION_FLAG] = "flag",   [BG_OPTION_STRING] = "string",
		[BG_OPTION_FILE] = "file",   [BG_OPTION_U32] = "number",
		[BG_OPTION_ENUM] = "word",   [BG_OPTION_IP] = "address",
		[BG_OPTION_END] = "operand",
	};

	return kinds[type];
}

char *bg_cli_options(const struct bg_command *command)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (const struct bg_option *option = command->options; option->type; option++) {
		char letter[3] = "", words[256];

		if (option->letter)
			snprintf(letter, sizeof(letter), "-%c", option->letter);
		fprintf(out, "%s\t%s\t--%s\t%s\t%s\t%s\t%s\n", command->verb, kind_of(option->type),
			option->name, letter, argument_of(option, words, sizeof(words)),
			option->required ? "required" : "", option->help);
	}
	if (command->operand)
		fprintf(out, "%s\t%s\t\t\t%s\t%s\t\n", command->verb, kind_of(BG_OPTION_END),
			command->operand, command->operand_required ? "required" : "");
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

int bg_cli(const struct bg_command *command, int argc, char **argv)
{
	bg_auto_free char *text = NULL;
	struct bg_error err;
	int rc = bg_cli_parse(command, argc, argv, &err);

	if (!rc)
		return -1;
	if (rc < 0)
		return bg_cli_misused(command->verb, &err);
	text = rc == BG_CLI_HELP ? bg_cli_help(command) : bg_cli_options(command);
	if (!text) {
		bg_no_memory(&err, "help");
		return bg_cli_failed(command->verb, &err);
	}
	fputs(text, stdout);
	return bg_cli_printed(command->verb);
}

int bg_cli_printed(const char *verb)
{
	struct bg_error err;

	return bg_out_finish(&err) ? bg_cli_failed(verb, &err) : BG_EXIT_DONE;
}

int bg_cli_failed(const char *verb, const struct bg_error *err)
{
	fprintf(stderr, "%s %s: %s\n", bg_cli_program, verb, err->text);
	return BG_EXIT_FAILED;
}

int bg_cli_misused(const char *verb, const struct bg_error *err)
{
	fprintf(stderr, "%s %s: %s\n", bg_cli_program, verb, err->text);
	return BG_EXIT_USAGE;
}
