// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Command lines in, values or one clear line out. */
#include "base/ip.h"
#include "test.h"
#include "verbs/cli.h"

#define MAX_WORDS 12

/* A verb with an option of every type. */
struct values {
	bool json, port_given;
	const char *name, *file, *operand;
	__u32 port;
	int color;
	struct bg_addr address;
};

static const char *const colors[] = { "red", "green", NULL };

static int parse_as(struct values *values, bool name_required, bool operand, const char *line,
		    struct bg_error *err)
{
	const struct bg_option options[] = { BG_OPTION_JSON(&values->json),
					     { .name = "name",
					       .letter = 'n',
					       .type = BG_OPTION_STRING,
					       .value = &values->name,
					       .argument = "NAME",
					       .required = name_required,
					       .help = "a name" },
					     BG_OPTION_PIN_DIR(&values->file),
					     { .name = "port",
					       .letter = 'p',
					       .type = BG_OPTION_U32,
					       .value = &values->port,
					       .given = &values->port_given,
					       .argument = "N",
					       .min = 1,
					       .max = 65535,
					       .help = "a port" },
					     { .name = "color",
					       .type = BG_OPTION_ENUM,
					       .value = &values->color,
					       .words = colors,
					       .help = "a color" },
					     { .name = "address",
					       .type = BG_OPTION_IP,
					       .value = &values->address,
					       .argument = "IP",
					       .help = "an address" },
					     {} };
	const struct bg_command command = {
		.verb = "test",
		.about = "is about nothing.",
		.options = options,
		.operand = operand ? "FEED" : NULL,
		.operand_value = operand ? &values->operand : NULL,
		.operand_required = operand,
	};
	/* values point into the words, so those stay until the next call */
	static char words[512];
	char *argv[MAX_WORDS + 1] = { (char *)"test" };
	int argc = 1;

	*values = (struct values){ .port = 7, .color = -1 };
	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word && argc < MAX_WORDS; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") != 0 ? word : (char *)"";
	err->text[0] = '\0';
	return bg_cli_parse(&command, argc, argv, err);
}

static int parse(struct values *values, const char *line, struct bg_error *err)
{
	return parse_as(values, false, false, line, err);
}

static void takes_every_type(void **state)
{
	struct values values;
	struct bg_error err;
	char text[BG_IP_TEXT];

	(void)state;
	assert_int_equal(parse(&values,
			       "--json --name shop --pin-dir=/x -p 65535 --color green "
			       "--address 2001:db8::1",
			       &err),
			 0);
	assert_true(values.json);
	assert_string_equal(values.name, "shop");
	assert_string_equal(values.file, "/x");
	assert_int_equal(values.port, 65535);
	assert_true(values.port_given);
	assert_int_equal(values.color, 1);
	assert_string_equal(bg_addr_format(&values.address, text), "2001:db8::1");
}

static void leaves_defaults_alone(void **state)
{
	struct values values;
	struct bg_error err;

	(void)state;
	assert_int_equal(parse(&values, "", &err), 0);
	assert_false(values.json);
	assert_null(values.name);
	assert_int_equal(values.port, 7);
	assert_false(values.port_given);
	assert_int_equal(values.color, -1);
}

static void takes_the_last_of_several(void **state)
{
	struct values values;
	struct bg_error err;

	(void)state;
	assert_int_equal(parse(&values, "-p 1 --port 2", &err), 0);
	assert_int_equal(values.port, 2);
}

struct refusal {
	const char *line;
	const char *text;
};

static void says_what_was_expected(void **state)
{
	static const struct refusal refusals[] = {
		{ "--port 0", "--port '0': expected a number from 1 to 65535" },
		{ "--port 65536", "--port '65536': expected a number from 1 to 65535" },
		{ "--port -1", "--port '-1': expected a number from 1 to 65535" },
		{ "--port +1", "--port '+1': expected a number from 1 to 65535" },
		{ "--port 1x", "--port '1x': expected a number from 1 to 65535" },
		{ "--port 0x10", "--port '0x10': expected a number from 1 to 65535" },
		{ "--port 99999999999999999999999",
		  "--port '99999999999999999999999': expected a number from 1 to 65535" },
		{ "-p ''", "--port '': expected a number from 1 to 65535" },
		{ "--color blue", "--color 'blue': expected one of red, green" },
		{ "--color gree", "--color 'gree': expected one of red, green" },
		{ "--address 10.0.0.300",
		  "--address '10.0.0.300': expected an IPv4 or IPv6 address" },
		{ "--name ''", "--name '': expected a value that is not empty" },
		{ "--pin-dir ''", "--pin-dir '': expected a value that is not empty" },
		{ "--name", "--name: expected a value after it (a name)" },
		{ "-n", "--name: expected a value after it (a name)" },
		{ "--json=yes", "--json takes no value, found '--json=yes'" },
		{ "--help=yes", "--help takes no value, found '--help=yes'" },
		{ "--prot 1",
		  "unknown or ambiguous option '--prot'; `branchguard test --help` lists them" },
		{ "-x", "unknown option '-x'; `branchguard test --help` lists them" },
		{ "word", "'word': expected options only" },
		{ "--json -- --name", "'--name': expected options only" },
	};
	struct values values;
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		assert_int_equal(parse(&values, refusals[i].line, &err), -EINVAL);
		assert_string_equal(err.text, refusals[i].text);
	}
}

static void cuts_long_values(void **state)
{
	char line[400] = "--port ";
	struct values values;
	struct bg_error err;

	(void)state;
	memset(line + 7, '9', 300);
	assert_int_equal(parse(&values, line, &err), -EINVAL);
	assert_true(strlen(err.text) < 200);
	assert_non_null(strstr(err.text, "expected a number"));
}

static void asks_for_what_is_required(void **state)
{
	struct values values;
	struct bg_error err;

	(void)state;
	assert_int_equal(parse_as(&values, true, false, "--json", &err), -EINVAL);
	assert_string_equal(err.text, "--name is missing (a name)");
	assert_int_equal(parse_as(&values, false, true, "--json", &err), -EINVAL);
	assert_string_equal(err.text, "expected FEED");
	assert_int_equal(parse_as(&values, false, true, "a b", &err), -EINVAL);
	assert_string_equal(err.text, "'b': expected one FEED only");
	assert_int_equal(parse_as(&values, false, true, "a --json", &err), 0);
	assert_string_equal(values.operand, "a");
	assert_true(values.json);
}

/* Options may stand among them. */
static void takes_any_number_of_operands(void **state)
{
	struct {
		char **files;
		size_t count;
	} given = {};
	bool json = false;
	const struct bg_option options[] = { BG_OPTION_JSON(&json), {} };
	const struct bg_command command = {
		.verb = "test",
		.about = "is about nothing.",
		.options = options,
		.operand = "FILE",
		.operand_required = true,
		.operands = &given.files,
		.operand_count = &given.count,
	};
	char *argv[] = { (char *)"test", (char *)"a", (char *)"--json", (char *)"b", NULL };
	char *empty[] = { (char *)"test", (char *)"a", (char *)"", NULL };
	struct bg_error err;
	char *help;

	(void)state;
	assert_int_equal(bg_cli_parse(&command, 4, argv, &err), 0);
	assert_true(json);
	assert_int_equal(given.count, 2);
	assert_string_equal(given.files[0], "a");
	assert_string_equal(given.files[1], "b");
	assert_int_equal(bg_cli_parse(&command, 1, argv, &err), -EINVAL);
	assert_string_equal(err.text, "expected FILE");
	assert_int_equal(bg_cli_parse(&command, 3, empty, &err), -EINVAL);
	help = bg_cli_help(&command);
	assert_non_null(help);
	assert_memory_equal(help, "usage: branchguard test [OPTIONS] FILE...\n", 42);
	free(help);
}

static void helps_before_it_complains(void **state)
{
	struct values values;
	struct bg_error err;

	(void)state;
	assert_int_equal(parse_as(&values, true, true, "--help", &err), BG_CLI_HELP);
	assert_int_equal(parse_as(&values, true, true, "-h", &err), BG_CLI_HELP);
}

static void says_its_options_alone(void **state)
{
	struct values values;
	struct bg_error err;

	(void)state;
	assert_int_equal(parse_as(&values, true, true, "--options", &err), BG_CLI_OPTIONS);
	assert_int_equal(parse(&values, "--json --options", &err), -EINVAL);
}

/* What help and the options of scripts are made from. */
static bool sample_json;
static int sample_color;
static __u32 sample_port;
static const struct bg_option sample_options[] = {
	BG_OPTION_JSON(&sample_json),
	{ .name = "port",
	  .letter = 'p',
	  .type = BG_OPTION_U32,
	  .value = &sample_port,
	  .argument = "N",
	  .required = true,
	  .help = "a port" },
	{ .name = "color",
	  .type = BG_OPTION_ENUM,
	  .value = &sample_color,
	  .words = colors,
	  .help = "a color whose description is so long that it goes on in the next line "
		  "of the help" },
	{}
};
static const struct bg_command sample = {
	.verb = "test",
	.about = "is about nothing.",
	.options = sample_options,
	.operand = "FEED",
};

static void help_is_made_from_the_table(void **state)
{
	char *help = bg_cli_help(&sample);

	(void)state;
	assert_non_null(help);
	assert_string_equal(
		help,
		"usage: branchguard test --port N [OPTIONS] [FEED]\n\n"
		"is about nothing.\n\n"
		"Options:\n"
		"  -j, --json                    print JSON\n"
		"  -p, --port N                  (required) a port\n"
		"      --color red|green         a color whose description is so long that it goes on in the next\n"
		"                                line of the help\n"
		"  -h, --help                    print this\n");
	free(help);
}

static void scripts_are_told_from_the_table(void **state)
{
	char *options = bg_cli_options(&sample);

	(void)state;
	assert_non_null(options);
	assert_string_equal(options,
			    "test\tflag\t--json\t-j\t\t\tprint JSON\n"
			    "test\tnumber\t--port\t-p\tN\trequired\ta port\n"
			    "test\tword\t--color\t\tred|green\t\ta color whose "
			    "description is so long that it goes on in the next line of the "
			    "help\n"
			    "test\toperand\t\t\tFEED\t\t\n");
	free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_every_type),
		cmocka_unit_test(leaves_defaults_alone),
		cmocka_unit_test(takes_the_last_of_several),
		cmocka_unit_test(says_what_was_expected),
		cmocka_unit_test(cuts_long_values),
		cmocka_unit_test(takes_any_number_of_operands),
		cmocka_unit_test(asks_for_what_is_required),
		cmocka_unit_test(helps_before_it_complains),
		cmocka_unit_test(says_its_options_alone),
		cmocka_unit_test(help_is_made_from_the_table),
		cmocka_unit_test(scripts_are_told_from_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
