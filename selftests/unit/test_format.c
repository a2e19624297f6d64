// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Numbers, times, endpoints, names and tables, as people read them. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/format.h"
#include "base/names.h"
#include "model_maker.h"
#include "show/out.h"
#include "showing.h"
#include "test.h"

#define S 1000000000ull /* ns */

static char text[BG_RULE_TEXT];

static void counts(void **state)
{
	(void)state;
	assert_string_equal(bg_format_count(0, text), "0");
	assert_string_equal(bg_format_count(999, text), "999");
	assert_string_equal(bg_format_count(1000, text), "1,000");
	assert_string_equal(bg_format_count(1234567, text), "1,234,567");
	assert_string_equal(bg_format_count(~0ull, text), "18,446,744,073,709,551,615");
	assert_string_equal(bg_format_counted(1, "packet", text), "1 packet");
	assert_string_equal(bg_format_counted(0, "packet", text), "0 packets");
	assert_string_equal(bg_format_counted(2000, "flow", text), "2,000 flows");
}

static void short_counts_fit_columns(void **state)
{
	(void)state;
	assert_string_equal(bg_format_change(10, 2, 1, text), "10(+2/-1)");
	assert_string_equal(bg_format_change(10, 0, 0, text), "10(+0/-0)");
	assert_string_equal(bg_format_change(10, -1, -1, text), "10");
	assert_string_equal(bg_format_short(0, text), "0");
	assert_string_equal(bg_format_short(9999, text), "9999");
	assert_string_equal(bg_format_short(10000, text), "10.0k");
	assert_string_equal(bg_format_short(123456, text), "123k");
	assert_string_equal(bg_format_short(999949, text), "1000k");
	assert_string_equal(bg_format_short(999950, text), "1.0M");
	assert_string_equal(bg_format_short(1500000000, text), "1.5G");
	assert_string_equal(bg_format_short(~0ull, text), "18.4E");
}

static void bytes(void **state)
{
	(void)state;
	assert_string_equal(bg_format_bytes(0, text), "0 B");
	assert_string_equal(bg_format_bytes(1023, text), "1023 B");
	assert_string_equal(bg_format_bytes(1024, text), "1.0 KiB");
	assert_string_equal(bg_format_bytes(1536, text), "1.5 KiB");
	assert_string_equal(bg_format_bytes(102400, text), "100 KiB");
	assert_string_equal(bg_format_bytes(1048575, text), "1.0 MiB");
	assert_string_equal(bg_format_bytes(~0ull, text), "16.0 EiB");
}

static void durations(void **state)
{
	(void)state;
	assert_string_equal(bg_format_duration(0, text), "0.0 s");
	assert_string_equal(bg_format_duration(S / 2, text), "0.5 s");
	assert_string_equal(bg_format_duration(59 * S, text), "59 s");
	assert_string_equal(bg_format_duration(60 * S, text), "1 min 0 s");
	assert_string_equal(bg_format_duration(3599 * S, text), "59 min 59 s");
	assert_string_equal(bg_format_duration(7980 * S, text), "2 h 13 min");
	assert_string_equal(bg_format_duration(183600 * S, text), "2 d 3 h");
	assert_string_equal(bg_format_age(599 * S, text), "599s");
	assert_string_equal(bg_format_age(600 * S, text), "10m");
	assert_string_equal(bg_format_age(36000 * S, text), "10h");
	assert_string_equal(bg_format_age(864000 * S, text), "10d");
}

/* Where a time should be may be any number: it is one of the calendar all the same. */
static void moments(void **state)
{
	static const __u64 any_ns[] = { 0, 1, INT64_MAX, 1ULL << 63, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(any_ns) / sizeof(any_ns[0]); i++) {
		assert_int_equal(strlen(bg_format_boottime(any_ns[i], text)), 20);
		assert_int_equal(strlen(bg_format_realtime(any_ns[i], text)), 20);
	}
}

static void endpoints(void **state)
{
	struct bg_addr v4 = maker_addr("10.0.0.1"), v6 = maker_addr("2001:db8::1");

	(void)state;
	assert_string_equal(bg_format_endpoint(&v4, htons(80), true, text), "10.0.0.1:80");
	assert_string_equal(bg_format_endpoint(&v6, htons(80), true, text), "[2001:db8::1]:80");
	assert_string_equal(bg_format_endpoint(&v4, htons(80), false, text), "10.0.0.1");
	assert_string_equal(bg_format_endpoint(&v6, 0, false, text), "2001:db8::1");
}

static const char *ports_of(int protocol, int from, int to)
{
	const struct bg_rule rule = { .protocol = protocol, .from_port = from, .to_port = to };

	return bg_format_ports(&rule, text);
}

static void ports(void **state)
{
	(void)state;
	assert_string_equal(ports_of(IPPROTO_TCP, 80, 80), "80");
	assert_string_equal(ports_of(IPPROTO_UDP, 1024, 65535), "1024-65535");
	assert_string_equal(ports_of(IPPROTO_TCP, 0, 65535), "all");
	assert_string_equal(ports_of(IPPROTO_TCP, 0, 0), "0");
	assert_string_equal(ports_of(IPPROTO_ICMP, -1, -1), "all");
	assert_string_equal(ports_of(IPPROTO_ICMP, 8, -1), "type 8");
	assert_string_equal(ports_of(IPPROTO_ICMPV6, 1, 4), "type 1 code 4");
	assert_string_equal(ports_of(47, 0, 65535), "all");
	assert_string_equal(ports_of(-1, 0, 65535), "all");
}

static void rules(void **state)
{
	struct bg_rule rule = { .group = "sg-1",
				.rule_id = "sgr-1",
				.peer = "10.0.0.0/8",
				.protocol = IPPROTO_TCP,
				.from_port = 80,
				.to_port = 81 };

	(void)state;
	assert_string_equal(bg_format_rule(&rule, text), "sg-1 sgr-1");
	rule.rule_id[0] = '\0';
	assert_string_equal(bg_format_rule(&rule, text), "sg-1 tcp 80-81 from 10.0.0.0/8");
	rule.direction = BG_EGRESS;
	rule.protocol = -1;
	assert_string_equal(bg_format_rule(&rule, text), "sg-1 all to 10.0.0.0/8");
	rule.group[0] = '\0';
	assert_string_equal(bg_format_rule(&rule, text), "");
	assert_string_equal(bg_format_rule(NULL, text), "");
}

static void names(void **state)
{
	char protocol[BG_PROTOCOL_TEXT];

	(void)state;
	assert_string_equal(bg_reason_name(BG_REASON_NO_RULE), "no-rule");
	assert_null(bg_reason_name(BG_REASON_MAX - 1));
	assert_null(bg_reason_name(100000));
	assert_string_equal(bg_reason_meaning(100000), "");
	assert_int_equal(bg_reason_find("spoofed"), BG_REASON_SPOOFED);
	assert_int_equal(bg_reason_find("no-such"), -1);
	assert_string_equal(bg_direction_name(BG_EGRESS), "egress");
	assert_string_equal(bg_direction_name(7), "unknown");
	assert_string_equal(bg_protocol_format(IPPROTO_ICMPV6, protocol), "icmpv6");
	assert_string_equal(bg_protocol_format(132, protocol), "132");
	assert_int_equal(bg_protocol_parse("udp"), IPPROTO_UDP);
	assert_int_equal(bg_protocol_parse("255"), 255);
	assert_int_equal(bg_protocol_parse("all"), -1);
	assert_int_equal(bg_protocol_parse("256"), -2);
	assert_int_equal(bg_protocol_parse("-3"), -2);
	assert_int_equal(bg_protocol_parse("tcpx"), -2);
	assert_int_equal(bg_protocol_parse(""), -2);
}

static void tables_fit_what_is_in_them(void **state)
{
	static const char *const heads[] = { "NAME", "^COUNT", "LAST" };
	static const char *const cells[] = { "a", "1", "x", "longer name", "123,456", "y z" };
	struct bg_table table = { .columns = 3, .heads = heads };
	struct memory memory;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(bg_table_add(&table, cells[i]), 0);
	open_memory(&memory);
	bg_table_print(memory.out, &table, 1);
	expect_printed(&memory, " NAME           COUNT  LAST\n"
				" a                  1  x\n"
				" longer name  123,456  y z\n");
	assert_null(table.cells);
}

static void tables_do_not_drive_the_terminal(void **state)
{
	static const char *const heads[] = { "NAME" };
	struct bg_table table = { .columns = 1, .heads = heads };
	struct memory memory;

	(void)state;
	assert_int_equal(bg_table_add(&table, "a\x1b[2J\nb"), 0);
	open_memory(&memory);
	bg_table_print(memory.out, &table, 0);
	expect_printed(&memory, "NAME\na?[2J?b\n");
}

static void text_is_wrapped_between_words(void **state)
{
	struct memory memory;

	(void)state;
	open_memory(&memory);
	bg_put_wrapped(memory.out, "one two  three", 0, 0, 7);
	expect_printed(&memory, "one two\nthree\n");

	/* behind a head, and no wider than said to a column */
	open_memory(&memory);
	fputs("head:", memory.out);
	bg_put_wrapped(memory.out, "one two three four", 5, 2, 9);
	expect_printed(&memory, "head: one\n  two\n  three\n  four\n");

	/* a word that fits in no line stands alone in one */
	open_memory(&memory);
	bg_put_wrapped(memory.out, "a longer-than-that b", 0, 0, 6);
	expect_printed(&memory, "a\nlonger-than-that\nb\n");

	open_memory(&memory);
	bg_put_wrapped(memory.out, "", 0, 0, 6);
	expect_printed(&memory, "\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
		cmocka_unit_test(short_counts_fit_columns),
		cmocka_unit_test(bytes),
		cmocka_unit_test(durations),
		cmocka_unit_test(moments),
		cmocka_unit_test(endpoints),
		cmocka_unit_test(ports),
		cmocka_unit_test(rules),
		cmocka_unit_test(names),
		cmocka_unit_test(tables_fit_what_is_in_them),
		cmocka_unit_test(tables_do_not_drive_the_terminal),
		cmocka_unit_test(text_is_wrapped_between_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
