// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of the feed's keys is whole: a hole would end an object's keys early. */
#include "feed/keys.h"
#include "test.h"

static size_t count_keys(const struct bg_shape *shape)
{
	size_t count = 0;

	while (shape->keys[count])
		count++;
	return count;
}

static void every_object_has_a_name_and_its_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < BG_OBJECTS; i++) {
		const struct bg_object_keys *object = &bg_objects[i];

		assert_non_null(object->name);
		assert_in_range(object->shape.used, 1, BG_SHAPE_MAX);
		assert_true(count_keys(&object->shape) >= object->shape.used);
	}
}

static void no_key_stands_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < BG_OBJECTS; i++) {
		const char *const *keys = bg_objects[i].shape.keys;

		for (size_t n = 0; keys[n]; n++) {
			for (size_t k = 0; k < n; k++)
				assert_string_not_equal(keys[n], keys[k]);
		}
		for (size_t n = 0; n < i; n++)
			assert_string_not_equal(bg_objects[n].name, bg_objects[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_object_has_a_name_and_its_keys),
		cmocka_unit_test(no_key_stands_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
