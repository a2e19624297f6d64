// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The writer of JSON, compared with the library. */
#include <jansson.h>

#include "base/json_writer.h"
#include "test.h"

static void expect_written(struct bg_json_writer *writer, const char *expected)
{
	assert_false(writer->failed);
	bg_json_raw(writer, "", 1);
	assert_string_equal(writer->text, expected);
	bg_json_writer_free(writer);
}

static void values_are_parted(void **state)
{
	struct bg_json_writer writer = {};

	(void)state;
	bg_json_open(&writer, '[');
	bg_json_open(&writer, '{');
	bg_json_key(&writer, "a");
	bg_json_number(&writer, 0);
	bg_json_key(&writer, "b");
	bg_json_open(&writer, '[');
	bg_json_close(&writer, ']');
	bg_json_key(&writer, "c");
	bg_json_string(&writer, NULL);
	bg_json_close(&writer, '}');
	bg_json_bool(&writer, true);
	bg_json_bool(&writer, false);
	bg_json_number(&writer, 18446744073709551615ull);
	bg_json_plain(&writer, "x");
	bg_json_close(&writer, ']');
	expect_written(&writer,
		       "[{\"a\":0,\"b\":[],\"c\":null},true,false,18446744073709551615,\"x\"]");
}

static void seconds_have_a_fraction(void **state)
{
	struct bg_json_writer writer = {};

	(void)state;
	bg_json_ms(&writer, 0);
	bg_json_ms(&writer, 1);
	bg_json_ms(&writer, 120);
	bg_json_ms(&writer, 12300);
	bg_json_ms(&writer, 99999);
	expect_written(&writer, "0.0,0.001,0.12,12.3,99.999");
}

/* Bytes that make UTF-8 often, and often nearly. */
static void random_text(char *text, size_t room)
{
	static const char *const pieces[] = { "a",
					      "\"",
					      "\\",
					      "/",
					      "\n",
					      "\x01",
					      "\x1f",
					      "\x7f",
					      "\xc3\xa4",
					      "\xe2\x82\xac",
					      "\xf0\x9f\x98\x80",
					      "\xed\x9f\xbf",
					      "\xed\xa0\x80",
					      "\xc0\x80",
					      "\xe0\x9f\xbf",
					      "\xf4\x8f\xbf\xbf",
					      "\xf4\x90\x80\x80",
					      "\xff",
					      "\x80",
					      "\xe2\x82" };
	const int count = sizeof(pieces) / sizeof(pieces[0]);
	int good = rand() % 2, length = rand() % 12;
	size_t used = 0;

	text[0] = '\0';
	for (int i = 0; i < length && used + 8 < room; i++)
		used += snprintf(text + used, room - used, "%s",
				 pieces[rand() % (good ? 12 : count)]);
}

static void texts_are_the_librarys(void **state)
{
	struct bg_json_writer writer = {};
	size_t bad = 0;

	(void)state;
	srand(7);
	for (int i = 0; i < 20000; i++) {
		char text[128], *expected;
		json_t *json;

		random_text(text, sizeof(text));
		bg_json_clear(&writer);
		bg_json_string(&writer, text);
		json = json_string(text);
		if (!json) { /* not UTF-8: what is not ASCII is `?` */
			for (char *c = text; *c; c++)
				*c = *c & 0x80 ? '?' : *c;
			json = json_string(text);
			bad++;
		}
		expected = json_dumps(json, JSON_ENCODE_ANY);
		assert_int_equal(writer.length_bytes, strlen(expected));
		assert_memory_equal(writer.text, expected, writer.length_bytes);
		free(expected);
		json_decref(json);
	}
	assert_in_range(bad, 2000, 15000);
	bg_json_writer_free(&writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_parted),
		cmocka_unit_test(seconds_have_a_fraction),
		cmocka_unit_test(texts_are_the_librarys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
