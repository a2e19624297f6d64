// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* When a counter rose, which names of revisions were used twice, how many are kept, and how
 * they are shown. */
#include "daemon/running.h"
#include "pinned/maps_history.h"
#include "scripted_maps.h"
#include "show/revisions.h"
#include "showing.h"
#include "test.h"

#define S BG_NS_PER_S

static void a_look_at_a_counter(void **state)
{
	static const struct {
		const char *name;
		struct bg_sighting before;
		__u64 count;
		struct bg_look_at at;
		struct bg_sighting after;
		bool written;
	} cases[] = {
		{ "nobody ever looked, so nobody knows when",
		  {},
		  7,
		  { 0, 100 * S, true },
		  { 7, 7, 0, 0 },
		  true },
		{ "the first rise",
		  {},
		  7,
		  { 97 * S, 100 * S + 1, false },
		  { 7, 0, 100 * S, 100 * S },
		  true },
		{ "nothing new",
		  { 7, 0, 1, 2 },
		  7,
		  { 897 * S, 900 * S, false },
		  { 7, 0, 1, 2 },
		  false },
		{ "it goes on",
		  { 7, 2, 100 * S, 110 * S },
		  9,
		  { 397 * S, 400 * S, false },
		  { 9, 2, 100 * S, 400 * S },
		  true },
		{ "it was quiet for long",
		  { 7, 2, 100 * S + 1, 110 * S },
		  9,
		  { 408 * S, 411 * S, false },
		  { 9, 7, 411 * S, 411 * S },
		  true },
		{ "it began anew",
		  { 7, 2, 100 * S + 1, 110 * S + 1 },
		  3,
		  { 117 * S, 120 * S, false },
		  { 3, 0, 120 * S, 120 * S },
		  true },
		{ "and stands at zero",
		  { 7, 2, 100, 110 },
		  0,
		  { 117 * S, 120 * S, false },
		  {},
		  true },
		{ "it rose while nobody looked",
		  { 7, 2, 100 * S, 110 * S },
		  9,
		  { 500 * S, 4000 * S, false },
		  { 9, 7, 500 * S + 1, 4000 * S + 1 },
		  true },
		{ "for the first time",
		  {},
		  9,
		  { 500 * S, 4000 * S, false },
		  { 9, 0, 500 * S + 1, 4000 * S + 1 },
		  true },
		{ "and goes on under our eyes",
		  { 9, 7, 500 * S + 1, 4000 * S + 1 },
		  10,
		  { 4000 * S, 4003 * S, false },
		  { 10, 7, 500 * S + 1, 4003 * S },
		  true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_sighting sighting = cases[i].before;
		bool written = bg_sighting_look(&sighting, &cases[i].at, cases[i].count);

		if (written != cases[i].written ||
		    memcmp(&sighting, &cases[i].after, sizeof(sighting)) != 0)
			fail_msg("%s: %d, { %llu, %llu, %llu, %llu }", cases[i].name, written,
				 sighting.count, sighting.before, sighting.since_ns,
				 sighting.last_ns);
	}
}

#define LONG_NAME "a name that is cut is as good as any other one that begins as it"

static const struct bg_revision_row rows[] = {
	{ 3, { .feed_revision = "a", .sha256 = "11", .groups_added = -1, .unix_ns = 1000 * S } },
	{ 4, { .feed_revision = "b", .sha256 = "22", .rules = 5, .rules_added = 2 } },
	{ 5, { .feed_revision = "a", .sha256 = "11", .cause = BG_REVISION_OF_MODES } },
	{ 6, { .feed_revision = "a", .sha256 = "33" } },
	{ 7, { .feed_revision = "", .sha256 = "44" } },
	{ 8, { .feed_revision = "", .sha256 = "55" } },
	{ 9, { .feed_revision = LONG_NAME, .sha256 = "66" } },
	{ 10, { .feed_revision = LONG_NAME, .sha256 = "77" } },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void a_name_of_two_contents(void **state)
{
	/* of each row: the number of the revision whose name it bears */
	static const __u32 reused[ROWS] = { 0, 0, 0, 5, 0, 0, 0, 0 };

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		const struct bg_revision_row *row = bg_revision_reused(rows, ROWS, &rows[i]);

		assert_int_equal(row ? row->number : 0, reused[i]);
	}
	assert_ptr_equal(bg_revision_find(rows, ROWS, 7), &rows[4]);
	assert_null(bg_revision_find(rows, ROWS, 2));
	assert_null(bg_revision_find(NULL, 0, 2));
}

static void begin_revision(struct bg_daemon *daemon, __u32 number)
{
	const struct bg_revision counted = { .cause = BG_REVISION_OF_MODES };
	const struct bg_model model = {};
	const __u8 content[SHA256_DIGEST_LENGTH] = {};

	daemon->datapath->revision = number;
	bg_history_revision(daemon, &model, content, &counted);
}

static bool is_listed(__u32 number)
{
	return script_entry("revisions", &number);
}

/* Those that could not go in their time go with the next one. */
static void so_many_are_kept(void **state)
{
	struct bg_daemon daemon = { .datapath = script_datapath() };
	__u32 number = 0;

	(void)state;
	while (number < BG_REVISIONS_KEPT + 5)
		begin_revision(&daemon, ++number);
	assert_int_equal(script_entries("revisions"), BG_REVISIONS_KEPT);
	assert_false(is_listed(5));
	assert_true(is_listed(6));
	/* until the list is full */
	script_map_fails("revisions", SCRIPT_DELETE, EBUSY);
	while (number < 5 + 2 * BG_REVISIONS_KEPT)
		begin_revision(&daemon, ++number);
	begin_revision(&daemon, ++number);
	assert_int_equal(script_entries("revisions"), 2 * BG_REVISIONS_KEPT);
	assert_false(is_listed(number));
	script_map_fails("revisions", SCRIPT_DELETE, 0);
	begin_revision(&daemon, ++number);
	begin_revision(&daemon, ++number);
	assert_int_equal(script_entries("revisions"), BG_REVISIONS_KEPT);
	assert_true(is_listed(number));
}

static void revisions_are_shown(void **state)
{
	struct memory memory;
	json_t *json, *row;

	(void)state;
	open_memory(&memory);
	assert_int_equal(bg_revisions_print(memory.out, rows, ROWS), 0);
	fclose(memory.out);
	assert_non_null(strstr(memory.printed, "r4 "));
	assert_non_null(strstr(memory.printed, " 5(+2/-0) "));
	assert_non_null(strstr(memory.printed, "a (also r5!)\n"));
	assert_non_null(strstr(memory.printed, "r3  1970-01-01T00:16:40Z  feed "));
	/* the latest one first */
	assert_true(strstr(memory.printed, "r10") < strstr(memory.printed, "r9"));
	free(memory.printed);

	json = bg_revisions_json(rows, ROWS);
	assert_int_equal(json_array_size(json), ROWS);
	row = json_array_get(json, 4); /* revision 6 */
	assert_int_equal(json_integer_value(json_object_get(row, "feed_revision_also_of")), 5);
	row = json_array_get(json, 5);
	assert_string_equal(json_string_value(json_object_get(row, "for")), "modes");
	row = json_object_get(json_array_get(json, 7), "groups");
	assert_true(json_is_null(json_object_get(row, "added")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_look_at_a_counter),
		cmocka_unit_test(a_name_of_two_contents),
		cmocka_unit_test(so_many_are_kept),
		cmocka_unit_test(revisions_are_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
