// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The log: what arrives on stderr, line by line. */
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/libbpf_log.h"
#include "base/log.h"
#include "test.h"

/* Stderr goes to a file while something is logged. */
struct capture {
	int file;
	int saved;
	char text[16384];
};

static void begin(struct capture *capture)
{
	capture->file = memfd_create("stderr", MFD_CLOEXEC);
	capture->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (capture->file < 0 || capture->saved < 0) {
		fail_msg("cannot capture stderr");
		return;
	}
	assert_true(dup2(capture->file, STDERR_FILENO) >= 0);
}

static const char *end(struct capture *capture)
{
	ssize_t length;

	if (capture->saved >= 0) {
		dup2(capture->saved, STDERR_FILENO);
		close(capture->saved);
	}
	length = pread(capture->file, capture->text, sizeof(capture->text) - 1, 0);
	close(capture->file);
	capture->text[length > 0 ? length : 0] = '\0';
	return capture->text;
}

static bool matches(const char *text, const char *pattern)
{
	regex_t regex;
	bool found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = !regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	if (!found)
		print_message("'%s' does not match '%s'\n", text, pattern);
	return found;
}

static int no_journal(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	bg_log_set_level(BG_LOG_INFO);
	return 0;
}

static void has_time_level_sentence_and_fields(void **state)
{
	struct capture capture;

	(void)state;
	begin(&capture);
	bg_log(BG_LOG_INFO, "revision in force", "revision=%u rules=+%d/-%d", 42u, 3, 1);
	assert_true(
		matches(end(&capture),
			"^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]"
			"\\.[0-9]{3}Z info \"revision in force\" revision=42 rules=\\+3/-1\n$"));
}

static void needs_no_fields(void **state)
{
	struct capture capture;

	(void)state;
	begin(&capture);
	bg_log(BG_LOG_ERROR, "it broke", NULL);
	assert_true(matches(end(&capture), "Z error \"it broke\"\n$"));
}

static void leaves_out_what_is_below_the_level(void **state)
{
	struct capture capture;

	(void)state;
	begin(&capture);
	bg_log(BG_LOG_DEBUG, "detail", NULL);
	bg_log_set_level(BG_LOG_ERROR);
	bg_log(BG_LOG_WARNING, "careful", NULL);
	assert_string_equal(end(&capture), "");
	bg_log_set_level(BG_LOG_DEBUG);
	begin(&capture);
	bg_log(BG_LOG_DEBUG, "detail", NULL);
	assert_true(matches(end(&capture), "debug \"detail\"\n$"));
}

static void gives_journald_the_priority(void **state)
{
	static const struct {
		enum bg_log_level level;
		const char *line;
	} lines[] = {
		{ BG_LOG_ERROR, "<3>\"x\" a=1\n" },
		{ BG_LOG_WARNING, "<4>\"x\" a=1\n" },
		{ BG_LOG_INFO, "<6>\"x\" a=1\n" },
		{ BG_LOG_DEBUG, "<7>\"x\" a=1\n" },
	};
	struct capture capture;

	(void)state;
	setenv("JOURNAL_STREAM", "8:12345", 1);
	bg_log_set_level(BG_LOG_DEBUG);
	for (size_t i = 0; i < 4; i++) {
		begin(&capture);
		bg_log(lines[i].level, "x", "a=%d", 1);
		assert_string_equal(end(&capture), lines[i].line);
	}
}

static void quotes_what_would_forge_a_line(void **state)
{
	(void)state;
	assert_string_equal(bg_quote("plain"), "\"plain\"");
	assert_string_equal(bg_quote(""), "\"\"");
	assert_string_equal(bg_quote(NULL), "\"\"");
	assert_string_equal(bg_quote("a \"b\" \\ c"), "\"a \\\"b\\\" \\\\ c\"");
	assert_string_equal(bg_quote("a\nb\x1b[31m\x7f"), "\"a\\nb\\x1b[31m\\x7f\"");
	assert_string_equal(bg_quote("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
}

static void quotes_eight_at_a_time(void **state)
{
	const char *quoted[8];
	char text[2] = "a";

	(void)state;
	for (int i = 0; i < 8; i++) {
		text[0] = (char)('a' + i);
		quoted[i] = bg_quote(text);
	}
	assert_string_equal(quoted[0], "\"a\"");
	assert_string_equal(quoted[7], "\"h\"");
}

static void cuts_long_values_whole(void **state)
{
	char text[5000];
	const char *quoted;

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	quoted = bg_quote(text);
	assert_true(strlen(quoted) <= 1023);
	assert_true(strlen(quoted) > 900);
	/* every quote inside is escaped: pairs, between two quotes */
	assert_int_equal(strlen(quoted) % 2, 0);
	assert_true(matches(quoted, "\"$"));
}

static void one_call_is_one_line(void **state)
{
	struct capture capture;
	char text[6000];
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	begin(&capture);
	bg_log(BG_LOG_INFO, "a\nb", "c=%s", "d\ne");
	line = end(&capture);
	assert_true(matches(line, "\"a\\\\nb\" c=d e\n$"));
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);

	begin(&capture);
	bg_log(BG_LOG_INFO, "long", "c=%s", text);
	line = end(&capture);
	assert_true(strlen(line) <= 4096);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);

	begin(&capture);
	bg_log(BG_LOG_INFO, text, "c=%d", 1);
	line = end(&capture);
	assert_true(strlen(line) <= 4096);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

/* libbpf warns about a file that is no object. */
static void provoke_libbpf(void)
{
	struct bpf_object *object = bpf_object__open_file("/dev/null", NULL);

	assert_null(object);
}

static void demotes_libbpf_and_keeps_its_warning(void **state)
{
	struct capture capture;
	const char *line;

	(void)state;
	bg_libbpf_log();
	bg_libbpf_last_warning();
	begin(&capture);
	provoke_libbpf();
	line = end(&capture);
	assert_true(matches(line, "Z info \"libbpf: .*\" from=libbpf\n$"));
	assert_true(matches(bg_libbpf_last_warning(), "^libbpf: .*/dev/null"));
	assert_string_equal(bg_libbpf_last_warning(), "");

	bg_log_set_level(BG_LOG_WARNING);
	begin(&capture);
	provoke_libbpf();
	assert_string_equal(end(&capture), "");
	assert_true(strlen(bg_libbpf_last_warning()) > 0);
	libbpf_set_print(NULL);
}

static void hears_nothing_from_libbpf_while_hushed(void **state)
{
	libbpf_print_fn_t before;
	struct capture capture;

	(void)state;
	bg_libbpf_log();
	bg_libbpf_last_warning();
	begin(&capture);
	before = bg_libbpf_hush();
	provoke_libbpf();
	bg_libbpf_restore(&before);
	assert_string_equal(end(&capture), "");
	assert_string_equal(bg_libbpf_last_warning(), "");

	begin(&capture);
	provoke_libbpf();
	assert_true(matches(end(&capture), "from=libbpf\n$"));
	libbpf_set_print(NULL);
}

static void keeps_the_end_of_what_libbpf_says(void **state)
{
	libbpf_print_fn_t before;
	struct capture capture;
	size_t whole;

	(void)state;
	begin(&capture);
	before = bg_libbpf_keep();
	assert_string_equal(bg_libbpf_kept(1000), "libbpf gave no reason");
	provoke_libbpf();
	assert_true(matches(bg_libbpf_kept(1000), "^libbpf: .*/dev/null"));
	whole = strlen(bg_libbpf_kept(1000));
	/* as much as there is room for, in whole lines */
	for (int i = 0; i < 1000; i++)
		provoke_libbpf();
	assert_true(matches(bg_libbpf_kept(2 * whole), "^libbpf: [^\n]*/dev/null[^\n]*$"));
	assert_true(strlen(bg_libbpf_kept(100000)) < 8192);
	/* from none on */
	bg_libbpf_keep();
	assert_string_equal(bg_libbpf_kept(1000), "libbpf gave no reason");
	bg_libbpf_restore(&before);
	assert_string_equal(end(&capture), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(has_time_level_sentence_and_fields, no_journal),
		cmocka_unit_test_setup(needs_no_fields, no_journal),
		cmocka_unit_test_setup(leaves_out_what_is_below_the_level, no_journal),
		cmocka_unit_test_setup(gives_journald_the_priority, no_journal),
		cmocka_unit_test_setup(quotes_what_would_forge_a_line, no_journal),
		cmocka_unit_test_setup(quotes_eight_at_a_time, no_journal),
		cmocka_unit_test_setup(cuts_long_values_whole, no_journal),
		cmocka_unit_test_setup(one_call_is_one_line, no_journal),
		cmocka_unit_test_setup(demotes_libbpf_and_keeps_its_warning, no_journal),
		cmocka_unit_test_setup(hears_nothing_from_libbpf_while_hushed, no_journal),
		cmocka_unit_test_setup(keeps_the_end_of_what_libbpf_says, no_journal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
