// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who of several publishers writes: the table of decisions about a Lease, by a clock that the
 * test turns, and what is read of Leases that make no sense.
 */
#include "fleet/kube/lease.h"
#include "test.h"

#define NOW_NS 1764300000123456000ull

/* A Lease as an API server has it; the caller's. */
static struct bg_lease_record record_of(const char *holder, const char *renewed, int duration_s)
{
	struct bg_lease_record record = { .duration_s = duration_s, .transitions = 3 };

	snprintf(record.holder, sizeof(record.holder), "%s", holder);
	snprintf(record.renewed, sizeof(record.renewed), "%s", renewed);
	snprintf(record.acquired, sizeof(record.acquired), "then");
	snprintf(record.version.text, sizeof(record.version.text), "7");
	return record;
}

static void saw(struct bg_lease *lease, const char *holder, const char *renewed, double now_ms)
{
	struct bg_lease_record record = record_of(holder, renewed, 15);

	bg_lease_saw(lease, &record, now_ms);
}

static json_t *body_of(struct bg_lease *lease, enum bg_lease_step step)
{
	char *text = bg_lease_body(lease, step, "kube-system", "publisher", NOW_NS);
	json_t *body = json_loads(text, 0, NULL);

	free(text);
	assert_non_null(body);
	return body;
}

/* It is asked for, and the server says that it is so. */
static void win(struct bg_lease *lease, enum bg_lease_step step, double asked_ms)
{
	json_t *body = body_of(lease, step);
	struct bg_lease_record record;
	struct bg_error err;
	char *text;

	json_object_set_new(json_object_get(body, "metadata"), "resourceVersion", json_string("8"));
	text = json_dumps(body, 0);
	assert_int_equal(bg_lease_read(text, strlen(text), &record, &err), 0);
	bg_lease_won(lease, &record, asked_ms);
	free(text);
	json_decref(body);
}

static void one_that_is_not_there_is_made(void **state)
{
	struct bg_lease lease = { .identity = "a" };

	(void)state;
	assert_int_equal(bg_lease_next(&lease, 5), BG_LEASE_READ);
	bg_lease_saw(&lease, NULL, 5);
	assert_int_equal(bg_lease_next(&lease, 5), BG_LEASE_CREATE);
	win(&lease, BG_LEASE_CREATE, 10);
	assert_true(bg_lease_is_ours(&lease));
	assert_true(lease.until_ms == 10 + BG_LEASE_WRITE_MS);
	assert_int_equal(bg_lease_next(&lease, 11), BG_LEASE_RENEW);
	assert_true(bg_lease_due_ms(&lease, 11) == 10 + BG_LEASE_RENEW_MS);
}

static void what_is_held_is_waited_for(void **state)
{
	struct bg_lease lease = { .identity = "a" };

	(void)state;
	/* whatever the time in it, and for a whole term from when it was first seen */
	saw(&lease, "b", "1970-01-01T00:00:00.000000Z", 1000);
	assert_int_equal(bg_lease_next(&lease, 1000), BG_LEASE_WAIT);
	assert_int_equal(bg_lease_next(&lease, 15999), BG_LEASE_WAIT);
	assert_int_equal(bg_lease_next(&lease, 16000), BG_LEASE_TAKE);
	assert_true(bg_lease_due_ms(&lease, 1000) == 1000 + BG_LEASE_LOOK_MS);
	assert_true(bg_lease_due_ms(&lease, 15500) == 16000);
	/* seen again, as it was */
	saw(&lease, "b", "1970-01-01T00:00:00.000000Z", 15000);
	assert_int_equal(bg_lease_next(&lease, 16000), BG_LEASE_TAKE);
	/* renewed, even backwards */
	saw(&lease, "b", "1969-01-01T00:00:00.000000Z", 15500);
	assert_int_equal(bg_lease_next(&lease, 16000), BG_LEASE_WAIT);
	assert_int_equal(bg_lease_next(&lease, 30500), BG_LEASE_TAKE);
}

static void terms_have_bounds(void **state)
{
	static const struct {
		int duration_s;
		double term_ms;
	} terms[] = {
		{ 0, 15000 }, { 1, 15000 }, { 15, 15000 }, { 60, 60000 }, { 2147483647, 600000 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
		struct bg_lease lease = { .identity = "a" };
		struct bg_lease_record record = record_of("b", "x", terms[i].duration_s);

		bg_lease_saw(&lease, &record, 100);
		assert_int_equal(bg_lease_next(&lease, 99 + terms[i].term_ms), BG_LEASE_WAIT);
		assert_int_equal(bg_lease_next(&lease, 100 + terms[i].term_ms), BG_LEASE_TAKE);
	}
}

static void what_is_free_is_taken_and_counted(void **state)
{
	struct bg_lease lease = { .identity = "a" };
	json_t *body, *spec;

	(void)state;
	saw(&lease, "", "x", 1000);
	assert_int_equal(bg_lease_next(&lease, 1000), BG_LEASE_TAKE);
	body = body_of(&lease, BG_LEASE_TAKE);
	spec = json_object_get(body, "spec");
	assert_string_equal(json_string_value(json_object_get(spec, "holderIdentity")), "a");
	assert_int_equal(json_integer_value(json_object_get(spec, "leaseTransitions")), 4);
	assert_int_equal(json_integer_value(json_object_get(spec, "leaseDurationSeconds")), 15);
	assert_string_equal(json_string_value(json_object_get(spec, "renewTime")),
			    "2025-11-28T03:20:00.123456Z");
	assert_string_equal(json_string_value(json_object_get(json_object_get(body, "metadata"),
							      "resourceVersion")),
			    "7");
	json_decref(body);
	win(&lease, BG_LEASE_TAKE, 1001);
	/* a renewal counts nothing, and says since when it is ours */
	body = body_of(&lease, BG_LEASE_RENEW);
	spec = json_object_get(body, "spec");
	assert_int_equal(json_integer_value(json_object_get(spec, "leaseTransitions")), 4);
	assert_string_equal(json_string_value(json_object_get(spec, "acquireTime")),
			    "2025-11-28T03:20:00.123456Z");
	json_decref(body);
	body = body_of(&lease, BG_LEASE_RELEASE);
	spec = json_object_get(body, "spec");
	assert_string_equal(json_string_value(json_object_get(spec, "holderIdentity")), "");
	json_decref(body);
}

static void a_renewal_without_an_answer_is_found_again(void **state)
{
	struct bg_lease lease = { .identity = "a" };
	char before[BG_LEASE_TIME_TEXT];

	(void)state;
	bg_lease_saw(&lease, NULL, 0);
	win(&lease, BG_LEASE_CREATE, 0);
	snprintf(before, sizeof(before), "%s", lease.seen.renewed);
	for (int taken = 0; taken < 2; taken++) {
		/* (the body remembers what was asked for) */
		free(bg_lease_body(&lease, BG_LEASE_RENEW, "n", "l", NOW_NS + 1000000000));
		lease.known = false;
		assert_int_equal(bg_lease_next(&lease, 4000), BG_LEASE_READ);
		saw(&lease, "a", taken ? lease.asked : before, 4000);
		assert_int_equal(bg_lease_next(&lease, 4000), BG_LEASE_RENEW);
		assert_true(lease.until_ms == BG_LEASE_WRITE_MS);
	}
}

static void what_another_takes_is_lost_at_once(void **state)
{
	struct bg_lease lease = { .identity = "a" };

	(void)state;
	bg_lease_saw(&lease, NULL, 0);
	win(&lease, BG_LEASE_CREATE, 0);
	saw(&lease, "b", "x", 100);
	assert_true(lease.until_ms == 0);
	assert_int_equal(bg_lease_next(&lease, 100), BG_LEASE_WAIT);
	/* and is ours no more when it looks like it did */
	saw(&lease, "a", "2025-11-28T03:20:00.123456Z", 200);
	assert_false(bg_lease_is_ours(&lease));
	assert_int_equal(bg_lease_next(&lease, 200), BG_LEASE_WAIT);
	/* nor after it was deleted */
	bg_lease_saw(&lease, NULL, 300);
	assert_int_equal(bg_lease_next(&lease, 300), BG_LEASE_CREATE);
	assert_true(lease.until_ms == 0);
}

static void another_with_our_name_is_another(void **state)
{
	struct bg_lease lease = { .identity = "a" };

	(void)state;
	saw(&lease, "a", "2025-11-28T03:20:00.123456Z", 0);
	assert_int_equal(bg_lease_next(&lease, 0), BG_LEASE_WAIT);
	assert_int_equal(bg_lease_next(&lease, 15000), BG_LEASE_TAKE);
}

static void what_others_write_around_it_is_no_renewal_and_stays(void **state)
{
	static const char text[] =
		"{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"9\",\"labels\":{\"k\":\"v\"}},"
		"\"spec\":{\"holderIdentity\":\"b\",\"renewTime\":\"x\",\"acquireTime\":\"then\","
		"\"leaseDurationSeconds\":15,\"leaseTransitions\":3}}";
	struct bg_lease lease = { .identity = "a" };
	struct bg_lease_record record;
	struct bg_error err;
	json_t *body;

	(void)state;
	saw(&lease, "b", "x", 0);
	assert_int_equal(bg_lease_read(text, strlen(text), &record, &err), 0);
	bg_lease_saw(&lease, &record, 14000);
	assert_int_equal(bg_lease_next(&lease, 15000), BG_LEASE_TAKE);
	body = body_of(&lease, BG_LEASE_TAKE);
	assert_non_null(
		json_object_get(json_object_get(json_object_get(body, "metadata"), "labels"), "k"));
	json_decref(body);
	bg_lease_record_release(&lease.seen);
}

static void odd_leases_are_none(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} answers[] = {
		{ "", -EPROTO },
		{ "[]", -EPROTO },
		{ "{\"kind\":\"Lease\"", -EPROTO },
		{ "{\"kind\":\"Secret\",\"metadata\":{\"resourceVersion\":\"1\"}}", -EPROTO },
		{ "{\"kind\":\"Lease\",\"metadata\":{}}", -EPROTO },
		{ "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"../1\"}}", -EPROTO },
		{ "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},"
		  "\"spec\":{\"holderIdentity\":7}}",
		  -EPROTO },
		{ "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},"
		  "\"spec\":{\"renewTime\":{}}}",
		  -EPROTO },
		{ "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":null}",
		  0 },
		{ "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},"
		  "\"spec\":{\"leaseTransitions\":-5,\"leaseDurationSeconds\":\"x\","
		  "\"holderIdentity\":null}}",
		  0 },
		{ "{\"kind\":\"Lease\",\"metadata\":{\"resourceVersion\":\"1\"},"
		  "\"spec\":{\"leaseTransitions\":2147483647}}",
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct bg_lease_record record = {};
		struct bg_error err = {};

		assert_int_equal(bg_lease_read(answers[i].text, strlen(answers[i].text), &record,
					       &err),
				 answers[i].rc);
		assert_true(!*err.text == !answers[i].rc);
		assert_int_equal(record.transitions, 0);
		assert_string_equal(record.holder, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_not_there_is_made),
		cmocka_unit_test(what_is_held_is_waited_for),
		cmocka_unit_test(terms_have_bounds),
		cmocka_unit_test(what_is_free_is_taken_and_counted),
		cmocka_unit_test(a_renewal_without_an_answer_is_found_again),
		cmocka_unit_test(what_another_takes_is_lost_at_once),
		cmocka_unit_test(another_with_our_name_is_another),
		cmocka_unit_test(what_others_write_around_it_is_no_renewal_and_stays),
		cmocka_unit_test(odd_leases_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
