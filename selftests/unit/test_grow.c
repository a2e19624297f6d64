// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Arrays that grow: what they hold, what is zeroed, and what is refused. */
#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>

#include "test.h"

struct entry {
	uint32_t value, more[6];
};

static void an_array_grows_by_an_entry_that_is_zeroed(void **state)
{
	struct entry *entries = NULL;
	size_t count = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		struct entry *entry = BG_GROW(entries, count);

		assert_non_null(entry);
		assert_ptr_equal(entry, &entries[i]);
		assert_int_equal(count, i + 1);
		assert_int_equal(entry->value, 0);
		assert_int_equal(entry->more[5], 0);
		*entry = (struct entry){ .value = i, .more[5] = i };
	}
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(entries[i].value, i);
		assert_int_equal(entries[i].more[5], i);
	}
	free(entries);
}

/* The sanitizers watch that what is written is within the room. */
static void an_array_may_shrink_to_any_count_and_grow_again(void **state)
{
	uint32_t *values = NULL;
	uint32_t count = 0; /* of any integer type */

	(void)state;
	for (uint32_t most = 1; most < 70; most++)
		for (uint32_t least = 0; least < most; least += 3) {
			while (count < most) {
				uint32_t *value = BG_GROW(values, count);

				assert_non_null(value);
				assert_int_equal(*value, 0);
				*value = count;
			}
			count = least;
			for (uint32_t i = 0; i < count; i++)
				assert_int_equal(values[i], i + 1);
		}
	free(values);
}

static void what_cannot_grow_stays_as_it_was(void **state)
{
	uint32_t *values = NULL, *before;
	size_t count = 0, many = SIZE_MAX / 4 + 1, most = SIZE_MAX / 2 + 1;

	(void)state;
	before = BG_GROW(values, count);
	assert_non_null(before);
	*before = 7;
	/* bytes that no size_t holds, then entries that none does */
	assert_null(BG_GROW(values, many));
	assert_null(BG_GROW(values, most));
	assert_int_equal(many, SIZE_MAX / 4 + 1);
	assert_int_equal(most, SIZE_MAX / 2 + 1);
	assert_ptr_equal(values, before);
	assert_int_equal(values[0], 7);
	free(values);
}

static void reserved_room_doubles_and_is_zeroed(void **state)
{
	uint32_t *values = NULL;
	size_t room = 0, before;

	(void)state;
	assert_int_equal(BG_RESERVE(values, room, 0), 0);
	assert_non_null(values);
	assert_true(room > 0);
	for (size_t needed = 1; needed < 5000; needed += needed / 3 + 1) {
		before = room;
		assert_int_equal(BG_RESERVE(values, room, needed), 0);
		assert_true(room >= needed);
		assert_true(room == before || room >= 2 * before);
		for (size_t i = before; i < room; i++)
			assert_int_equal(values[i], 0);
		for (size_t i = 0; i < room; i++)
			values[i] = 1;
	}
	free(values);
}

static void what_cannot_be_reserved_stays_as_it_was(void **state)
{
	uint32_t *values = NULL, *before;
	uint32_t room = 0; /* of any integer type */
	uint32_t room_before;

	(void)state;
	if (BG_RESERVE(values, room, 3))
		abort();
	/* cppcheck does not see that the macro sets it */
	/* cppcheck-suppress nullPointer */
	values[2] = 7;
	before = values;
	room_before = room;
	assert_int_equal(BG_RESERVE(values, room, SIZE_MAX), -ENOMEM);
	assert_int_equal(BG_RESERVE(values, room, SIZE_MAX / 4 + 1), -ENOMEM);
	assert_int_equal(room, room_before);
	assert_ptr_equal(values, before);
	assert_int_equal(values[2], 7);
	free(values);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_array_grows_by_an_entry_that_is_zeroed),
		cmocka_unit_test(an_array_may_shrink_to_any_count_and_grow_again),
		cmocka_unit_test(what_cannot_grow_stays_as_it_was),
		cmocka_unit_test(reserved_room_doubles_and_is_zeroed),
		cmocka_unit_test(what_cannot_be_reserved_stays_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
