// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Addresses and prefixes: what is read, what is refused, how it is printed. */
#include "base/ip.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void addresses_are_read_and_printed(void **state)
{
	static const struct {
		const char *text, *printed;
	} good[] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "10.0.47.90", "10.0.47.90" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "2001:DB8:0:0:0:0:0:90", "2001:db8::90" },
		{ "2001:db8::90", "2001:db8::90" },
		{ "64:ff9b::10.0.0.1", "64:ff9b::a00:1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		char text[BG_IP_TEXT];
		struct bg_addr addr;

		if (bg_addr_parse(good[i].text, &addr))
			fail_msg("%s is refused", good[i].text);
		assert_string_equal(bg_addr_format(&addr, text), good[i].printed);
		assert_int_equal(bg_addr_is_v4(&addr), !strchr(good[i].text, ':'));
	}
}

static void what_is_no_address_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		" 10.0.0.1",
		"10.0.0.1 ",
		"10.0.0",
		"10.0.0.256",
		"10.0.0.01",
		"010.0.0.1",
		"10.0.0.1.2",
		"10.0.0.0/8",
		"0x0a000001",
		"167772161",
		"localhost",
		":",
		":::",
		"2001:db8::1::2",
		"2001:db8::12345",
		"1:2:3:4:5:6:7:8:9",
		"fe80::1%eth0",
		"[::1]",
		/* one address must not have two spellings: rules and members would miss it */
		"::ffff:10.0.0.1",
		"::FFFF:a00:1",
		"0:0:0:0:0:ffff:10.0.0.1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bg_addr before, addr;

		memset(&before, 0x5a, sizeof(before));
		addr = before;
		if (bg_addr_parse(bad[i], &addr) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
		assert_memory_equal(&addr, &before, sizeof(addr));
	}
}

static void prefixes_are_read_masked_and_printed(void **state)
{
	static const struct {
		const char *text, *printed;
		int length;
		bool had_host_bits;
	} good[] = {
		{ "0.0.0.0/0", "0.0.0.0/0", 96, false },
		{ "10.0.0.0/8", "10.0.0.0/8", 104, false },
		{ "10.1.2.3/8", "10.0.0.0/8", 104, true },
		{ "10.1.2.3/31", "10.1.2.2/31", 127, true },
		{ "10.1.2.3/32", "10.1.2.3/32", 128, false },
		{ "10.1.2.3", "10.1.2.3/32", 128, false },
		{ "128.0.0.0/1", "128.0.0.0/1", 97, false },
		{ "255.255.255.255/0", "0.0.0.0/0", 96, true },
		{ "::/0", "::/0", 0, false },
		{ "2001:db8::1/48", "2001:db8::/48", 48, true },
		{ "2001:db8::1/128", "2001:db8::1/128", 128, false },
		{ "2001:db8::1", "2001:db8::1/128", 128, false },
		{ "8000::/1", "8000::/1", 1, false },
		{ "fe80::/10", "fe80::/10", 10, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct bg_prefix prefix;
		char text[BG_IP_TEXT];
		bool had_host_bits;

		if (bg_prefix_parse(good[i].text, &prefix, &had_host_bits))
			fail_msg("%s is refused", good[i].text);
		assert_string_equal(bg_prefix_format(&prefix, text), good[i].printed);
		assert_int_equal(prefix.length, good[i].length);
		assert_int_equal(had_host_bits, good[i].had_host_bits);
		assert_int_equal(bg_prefix_parse(good[i].text, &prefix, NULL), 0);
	}
}

static void what_is_no_prefix_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/8",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/08",
		"10.0.0.0/8 ",
		"10.0.0.0/ 8",
		"10.0.0.0/8/8",
		"10.0.0.0/255.0.0.0",
		"10.0.0.0/4294967304",
		"10.0.0.0/99999999999999999999",
		"10.0.0/8",
		"10/8",
		"::/129",
		"2001:db8::/0x20",
		"::ffff:10.0.0.0/104",
		"any",
		"000000000000000000000000000000000000000000000000000000000000000000000000/8",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bg_prefix prefix;

		if (bg_prefix_parse(bad[i], &prefix, NULL) != -EINVAL)
			fail_msg("\"%s\" is taken", bad[i]);
	}
}

static void a_prefix_has_the_addresses_of_its_family(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool has;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "10.1.2.3/32", "10.1.2.3", true },
		{ "10.1.2.3/32", "10.1.2.2", false },
		{ "10.1.2.2/31", "10.1.2.3", true },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "::", true },
		{ "::/0", "10.0.0.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bg_prefix prefix;
		struct bg_addr addr;

		assert_int_equal(bg_prefix_parse(cases[i].prefix, &prefix, NULL), 0);
		assert_int_equal(bg_addr_parse(cases[i].addr, &addr), 0);
		if (bg_prefix_has(&prefix, &addr) != cases[i].has)
			fail_msg("%s in %s: not %d", cases[i].addr, cases[i].prefix, cases[i].has);
	}
}

static int compare(const void *a, const void *b)
{
	return bg_prefix_compare(a, b);
}

static void sorted_a_broader_prefix_stands_before_what_it_holds(void **state)
{
	static const char *const sorted[] = { "::/0",	    "0.0.0.0/0",    "10.0.0.0/8",
					      "10.0.0.0/9", "10.0.0.0/32",  "10.0.0.1/32",
					      "11.0.0.0/8", "2001:db8::/32" };
	static const int shuffled[] = { 5, 0, 7, 3, 1, 6, 2, 4 };
	struct bg_prefix prefixes[COUNT(sorted)];

	(void)state;
	for (size_t i = 0; i < COUNT(sorted); i++)
		assert_int_equal(bg_prefix_parse(sorted[shuffled[i]], &prefixes[i], NULL), 0);
	qsort(prefixes, COUNT(sorted), sizeof(prefixes[0]), compare);
	for (size_t i = 0; i < COUNT(sorted); i++) {
		char text[BG_IP_TEXT];

		assert_string_equal(bg_prefix_format(&prefixes[i], text), sorted[i]);
		assert_int_equal(bg_prefix_compare(&prefixes[i], &prefixes[i]), 0);
	}
}

/* Every length of both families: what is printed reads as the same. */
static void printing_and_reading_are_inverse(void **state)
{
	(void)state;
	for (unsigned int length = 0; length <= 160; length++) {
		bool v4 = length > 128;
		struct bg_prefix prefix, again;
		char text[BG_IP_TEXT], printed[BG_IP_TEXT];

		snprintf(text, sizeof(text), "%s/%u", v4 ? "255.255.255.255" : "fedc:ba98::ffff",
			 v4 ? length - 128 : length);
		assert_int_equal(bg_prefix_parse(text, &prefix, NULL), 0);
		bg_prefix_format(&prefix, printed);
		assert_int_equal(bg_prefix_parse(printed, &again, NULL), 0);
		assert_memory_equal(&prefix.addr, &again.addr, sizeof(prefix.addr));
		assert_int_equal(prefix.length, again.length);
		assert_int_equal(prefix.length, v4 ? length - 128 + BG_V4_BITS : length);
	}
}

/* What is refused is put right, if it is only written in another way. */
static void what_is_expected(void **state)
{
	char expected[BG_ADDR_EXPECTED];
	struct bg_prefix prefix;
	struct bg_addr addr;
	char text[BG_IP_TEXT];

	(void)state;
	assert_string_equal(bg_addr_expected("::ffff:10.0.2.20", expected),
			    "it written as IPv4: 10.0.2.20");
	assert_string_equal(bg_addr_expected("::FFFF:a00:214", expected),
			    "it written as IPv4: 10.0.2.20");
	assert_string_equal(bg_addr_expected("::ffff:10.0.2.2000", expected),
			    "an IPv4 or IPv6 address");
	assert_string_equal(bg_addr_expected("", expected), "an IPv4 or IPv6 address");
	bg_addr_parse("10.0.2.20", &addr);
	prefix = bg_prefix_of(&addr, BG_V4_BITS + 28);
	assert_string_equal(bg_prefix_format(&prefix, text), "10.0.2.16/28");
	prefix = bg_prefix_of(&addr, 128);
	assert_string_equal(bg_prefix_format(&prefix, text), "10.0.2.20/32");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_expected),
		cmocka_unit_test(addresses_are_read_and_printed),
		cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
		cmocka_unit_test(prefixes_are_read_masked_and_printed),
		cmocka_unit_test(what_is_no_prefix_is_refused),
		cmocka_unit_test(a_prefix_has_the_addresses_of_its_family),
		cmocka_unit_test(sorted_a_broader_prefix_stands_before_what_it_holds),
		cmocka_unit_test(printing_and_reading_are_inverse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
