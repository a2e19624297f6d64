// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Errors: what stands in front of what, and that long ones are cut. */
#include "base/error.h"
#include "test.h"

static void an_error_is_its_code_and_a_sentence(void **state)
{
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_fail(&err, -EINVAL, "%s: found %d", "feed", 7), -EINVAL);
	assert_string_equal(err.text, "feed: found 7");
	assert_int_equal(bg_fail_in(&err, -EPROTO, "map %s", "flows"), -EPROTO);
	assert_string_equal(err.text, "map flows: feed: found 7");
}

static void out_of_memory_says_what_was_being_done(void **state)
{
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_no_memory(&err, "reading %u rules", 12u), -ENOMEM);
	assert_string_equal(err.text, "reading 12 rules: out of memory");
}

static void what_is_longer_than_an_error_is_cut(void **state)
{
	char word[sizeof(struct bg_error) + 100];
	struct bg_error err;

	(void)state;
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	bg_no_memory(&err, "%s", word);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strspn(err.text, "x"), sizeof(err.text) - 1);
	bg_fail(&err, -EINVAL, "%s", word);
	bg_fail_in(&err, -EINVAL, "feed");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strncmp(err.text, "feed: xxx", 9), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_its_code_and_a_sentence),
		cmocka_unit_test(out_of_memory_says_what_was_being_done),
		cmocka_unit_test(what_is_longer_than_an_error_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
