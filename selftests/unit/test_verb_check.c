// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `check` and `version`: what they print, where, and what they exit with. */
#include <fcntl.h>
#include <jansson.h>
#include <unistd.h>

#include "test.h"
#include "verb_run.h"
#include "verbs/cli.h"

#define FEEDS "selftests/feeds/"

static char path[64];

/* A feed of one's own; ' stands for ". */
static const char *feed(const char *text)
{
	FILE *out = fopen(path, "we");

	if (!out)
		abort();
	for (; *text; text++)
		fputc(*text == '\'' ? '"' : *text, out);
	assert_int_equal(fclose(out), 0);
	return path;
}

static void has(const struct verb_run *run, int status, const char *out, const char *err)
{
	if (run->status != status || !strstr(run->out, out) || !strstr(run->err, err))
		fail_msg(
			"expected status %d, \"%s\" and \"%s\"; found status %d, \"%s\" and \"%s\"",
			status, out, err, run->status, run->out, run->err);
}

static void a_good_feed_is_summed_up(void **state)
{
	const struct verb_run *run = RUN(cmd_check, FEEDS "good-example.json");

	(void)state;
	has(run, BG_EXIT_DONE, FEEDS "good-example.json: accepted", "");
	has(run, BG_EXIT_DONE, "6 (5 ingress, 1 egress)", "");
	has(run, BG_EXIT_DONE, "1 (1 pod with 2 addresses, 1 policy)", "");
	assert_string_equal(run->err, "");
}

/* Two branches with the same groups in any place share a policy; a third has its own. */
static void policies_are_counted_by_their_groups(void **state)
{
	(void)state;
	has(RUN(cmd_check,
		feed("{'FeedVersion': 1, 'SecurityGroups': [{'GroupId': 'sg-1'}, {'GroupId': 'sg-2'}],"
		     " 'Branches': [{'Id': 'a', 'VlanId': 1, 'GroupIds': ['sg-1'], 'Pods': []},"
		     " {'Id': 'b', 'VlanId': 2, 'GroupIds': ['sg-2'], 'Pods': []},"
		     " {'Id': 'c', 'VlanId': 3, 'GroupIds': ['sg-1'], 'Pods': []}]}")),
	    BG_EXIT_DONE, "3 (0 pods with 0 addresses, 2 policies)", "");
}

static json_t *json_of_run(const struct verb_run *run)
{
	json_error_t error;
	json_t *json = json_loads(run->out, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("no JSON: %s: \"%s\"", error.text, run->out);
	return json;
}

static void a_sum_for_programs(void **state)
{
	const struct verb_run *run = RUN(cmd_check, "--json", FEEDS "good-example.json");
	json_t *json = json_of_run(run);

	(void)state;
	assert_int_equal(run->status, BG_EXIT_DONE);
	assert_true(json_is_true(json_object_get(json, "accepted")));
	assert_int_equal(json_integer_value(json_object_get(json, "ingress_rules")), 5);
	assert_int_equal(json_integer_value(json_object_get(json, "pods")), 1);
	json_decref(json);
}

/* A name is bytes, and JSON is not. */
static void a_file_may_be_called_as_it_likes(void **state)
{
	char odd[sizeof(path) + 1];
	const struct verb_run *run;
	json_t *json;

	(void)state;
	feed("{'FeedVersion': 1, 'SecurityGroups': []}");
	snprintf(odd, sizeof(odd), "%s\xff", path);
	assert_int_equal(rename(path, odd), 0);
	run = RUN(cmd_check, "--json", odd);
	unlink(odd);
	json = json_of_run(run);
	assert_int_equal(run->status, BG_EXIT_DONE);
	assert_non_null(strstr(json_string_value(json_object_get(json, "feed")), path));
	json_decref(json);
}

static const char *const suspect =
	"{'FeedVersion': 1, 'Unheard': 2, 'SecurityGroups': [],"
	" 'Branches': [{'Id': 'a', 'VlanId': 1, 'GroupIds': ['sg-9'], 'Pods': []}]}";

static void what_looks_wrong_is_an_error_where_that_is_asked_for(void **state)
{
	(void)state;
	has(RUN(cmd_check, feed(suspect)), BG_EXIT_DONE, "named but not in the feed", "");
	has(RUN(cmd_check, feed(suspect)), BG_EXIT_DONE, "/Unheard", "");
	has(RUN(cmd_check, "--strict", feed(suspect)), BG_EXIT_FAILED, "accepted", "");
	has(RUN(cmd_check, "--strict", FEEDS "good-least.json"), BG_EXIT_DONE, "accepted", "");
}

static void a_feed_that_is_refused_is_no_sum(void **state)
{
	const struct verb_run *run = RUN(cmd_check, FEEDS "bad-cidr.json");
	json_t *json;

	(void)state;
	/* one error is a line as any verb's */
	assert_int_equal(run->status, BG_EXIT_FAILED);
	assert_string_equal(run->out, "");
	assert_int_equal(strncmp(run->err, "branchguard check: " FEEDS "bad-cidr.json:", 30), 0);
	/* several are a list, with their places */
	run = RUN(cmd_check, feed("{'FeedVersion': 1, 'SecurityGroups': [],\n"
				  " 'Branches': [{'VlanId': 5000}, 7]}"));
	has(run, BG_EXIT_FAILED, "", "refused, ");
	has(run, BG_EXIT_FAILED, "", ":2:");
	has(run, BG_EXIT_FAILED, "", "/Branches/1");
	run = RUN(cmd_check, "--json", path);
	json = json_of_run(run);
	assert_int_equal(run->status, BG_EXIT_FAILED);
	assert_true(json_is_false(json_object_get(json, "accepted")));
	assert_true(json_array_size(json_object_get(json, "errors")) >= 2);
	assert_int_equal(json_integer_value(json_object_get(json, "error_count")),
			 json_array_size(json_object_get(json, "errors")));
	json_decref(json);
}

static void more_errors_than_are_listed_are_counted(void **state)
{
	static char text[1 << 16];
	size_t used = (size_t)snprintf(text, sizeof(text),
				       "{'FeedVersion': 1, 'SecurityGroups': [], 'Branches': [7");

	(void)state;
	for (int i = 0; i < 2000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, ",7");
	snprintf(text + used, sizeof(text) - used, "]}");
	has(RUN(cmd_check, feed(text)), BG_EXIT_FAILED, "", "  and ");
	has(RUN(cmd_check, path), BG_EXIT_FAILED, "", "refused, 2001 errors:");
}

static void what_is_no_file_and_no_operand(void **state)
{
	(void)state;
	has(RUN(cmd_check, "/nowhere/feed.json"), BG_EXIT_FAILED, "",
	    "/nowhere/feed.json: opening the feed: No such file or directory");
	has(RUN(cmd_check, "/tmp"), BG_EXIT_FAILED, "", "found a directory, expected a file");
	has(RUN(cmd_check), BG_EXIT_USAGE, "", "expected FEED");
	has(RUN(cmd_check, "a", "b"), BG_EXIT_USAGE, "", "'b': expected one FEED only");
	has(RUN(cmd_check, "--help"), BG_EXIT_DONE, "--strict", "");
	has(RUN(cmd_check, "--options"), BG_EXIT_DONE, "check\tflag\t--strict\t", "");
}

/* A disk that is full is no success. */
static void what_cannot_be_printed_is_told(void **state)
{
	static const char *const cases[][4] = { { FEEDS "good-least.json" },
						{ "--json", FEEDS "good-least.json" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int full_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

		assert_true(full_fd >= 0);
		assert_int_equal(verb_end(verb_begin(cmd_check, cases[i], full_fd, full_fd)),
				 BG_EXIT_FAILED);
		close(full_fd);
	}
}

static void a_version_is_one_line(void **state)
{
	json_t *json = json_of_run(RUN(cmd_version, "--json"));

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "version")), "0.0-test");
	assert_string_equal(json_string_value(json_object_get(json, "commit")), "0123abc");
	assert_int_equal(json_integer_value(json_object_get(json, "abi")), BG_ABI);
	json_decref(json);
	has(RUN(cmd_version), BG_EXIT_DONE, "branchguard 0.0-test, commit 0123abc, ABI ", "");
	has(RUN(cmd_version, "now"), BG_EXIT_USAGE, "", "'now': expected options only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_feed_is_summed_up),
		cmocka_unit_test(policies_are_counted_by_their_groups),
		cmocka_unit_test(a_sum_for_programs),
		cmocka_unit_test(a_file_may_be_called_as_it_likes),
		cmocka_unit_test(what_looks_wrong_is_an_error_where_that_is_asked_for),
		cmocka_unit_test(a_feed_that_is_refused_is_no_sum),
		cmocka_unit_test(more_errors_than_are_listed_are_counted),
		cmocka_unit_test(what_is_no_file_and_no_operand),
		cmocka_unit_test(what_cannot_be_printed_is_told),
		cmocka_unit_test(a_version_is_one_line),
	};
	int status;

	snprintf(path, sizeof(path), "/tmp/test_verb_check-%d", getpid());
	status = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return status;
}
