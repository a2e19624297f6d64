// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Questions: their JSON form, and the packet that they stand for. */
#include <arpa/inet.h>
#include <errno.h>

#include "base/ip.h"
#include "explain/query.h"
#include "feed_text.h"
#include "test.h"

/* In `text`, ' stands for ". */
static int parse(const char *text, struct bg_query *query, struct bg_error *err)
{
	size_t length;
	char *json = json_of(text, &length);
	int rc = bg_query_parse(json, length, query, err);

	free(json);
	return rc;
}

static struct bg_question parsed(const char *text)
{
	struct bg_query query;
	struct bg_error err;

	if (parse(text, &query, &err))
		fail_msg("%s: %s", text, err.text);
	assert_false(query.is_path);
	return query.question;
}

#define WHO "'Branch': 'eni-1', 'Direction': 'ingress', "

static void fields(void **state)
{
	char text[BG_IP_TEXT];
	struct bg_question question = parsed("{" WHO "'Protocol': 'tcp', 'Remote': "
					     "'10.0.0.1', 'Port': 65535, 'Local': "
					     "'10.0.0.2'}");

	(void)state;
	assert_string_equal(question.branch, "eni-1");
	assert_int_equal(question.direction, BG_INGRESS);
	assert_int_equal(question.protocol, 6);
	assert_int_equal(question.port, 65535);
	assert_string_equal(bg_addr_format(&question.remote, text), "10.0.0.1");
	assert_true(question.has_local);
	assert_string_equal(bg_addr_format(&question.local, text), "10.0.0.2");

	question = parsed("{'Branch': '9', 'Direction': 'egress', 'Protocol': 'icmpv6', "
			  "'Remote': '2001:db8::1', 'IcmpType': 128, 'Port': null}");
	assert_int_equal(question.direction, BG_EGRESS);
	assert_int_equal(question.protocol, 58);
	assert_int_equal(question.icmp_type, 128);
	assert_int_equal(question.icmp_code, 0);
	assert_int_equal(question.port, -1);
	assert_false(question.has_local);
}

static void paths(void **state)
{
	struct bg_query query;
	struct bg_error err;

	(void)state;
	assert_int_equal(parse("{'From': 'shop/cart-0', 'To': 'node', 'Protocol': 'tcp', "
			       "'Port': 80, 'Expect': 'deny', 'Branch': null}",
			       &query, &err),
			 0);
	assert_true(query.is_path);
	assert_string_equal(query.from, "shop/cart-0");
	assert_string_equal(query.to, "node");
	assert_int_equal(query.question.protocol, 6);
	assert_int_equal(query.question.port, 80);
	assert_int_equal(query.expected, BG_EXPECT_DENY);
}

static void protocols(void **state)
{
	static const struct {
		const char *json, *more;
		int number;
	} cases[] = {
		{ "'tcp'", ", 'Port': 1", 6 },
		{ "6", ", 'Port': 1", 6 },
		{ "'17'", ", 'Port': 1", 17 },
		{ "'icmp'", ", 'IcmpType': 8", 1 },
		{ "0", "", 0 },
		{ "255", "", 255 },
		{ "47", ", 'Port': null, 'IcmpType': null, 'IcmpCode': null", 47 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "{" WHO "'Protocol': %s, 'Remote': '10.0.0.1'%s}",
			 cases[i].json, cases[i].more);
		assert_int_equal(parsed(text).protocol, cases[i].number);
	}
}

/* What is wrong is named: the key, what was found, what was expected. */
static void refusals(void **state)
{
	static const struct {
		const char *text, *names, *expects;
	} cases[] = {
		{ "", "column", "" },
		{ "{", "column", "" },
		{ "{} {}", "column", "" },
		{ "\xff\xfe", "column", "" },
		{ "[]", "an array", "an object" },
		{ "'x'", "column", "" },
		{ "{'Branch': 'a', 'Branch': 'b'}", "column", "" },
		{ "{}", "Branch is missing", "id of a branch" },
		{ "{'Branch': 9}", "Branch is an integer", "id of a branch" },
		{ "{'Branch': ''}", "Branch has 0 bytes", "expected 1" },
		{ "{'Branch': 'a'}", "Direction is missing", "ingress or egress" },
		{ "{'Branch': 'a', 'Direction': 'in'}", "'in'", "ingress or egress" },
		{ "{'Branch': 'a', 'Direction': true}", "a boolean", "ingress or egress" },
		{ "{" WHO "'Remote': '10.0.0.1'}", "Protocol is missing", "tcp" },
		{ "{" WHO "'Protocol': 'sctp6'}", "'sctp6'", "tcp" },
		{ "{" WHO "'Protocol': '-1'}", "'-1'", "0 to 255" },
		{ "{" WHO "'Protocol': 'all'}", "'all'", "0 to 255" },
		{ "{" WHO "'Protocol': -1}", "Protocol is -1", "0 to 255" },
		{ "{" WHO "'Protocol': 256}", "Protocol is 256", "0 to 255" },
		{ "{" WHO "'Protocol': 6.0}", "a real number", "tcp" },
		{ "{" WHO "'Protocol': 'tcp'}", "Remote is missing", "IP address" },
		{ "{" WHO "'Protocol': 'tcp', 'Remote': '10.0.0.0/8'}", "10.0.0.0/8",
		  "IPv4 or IPv6" },
		{ "{" WHO "'Protocol': 'tcp', 'Remote': '10.0.0.1'}", "Port is missing",
		  "destination port" },
		{ "{" WHO "'Protocol': 'tcp', 'Remote': '10.0.0.1', 'Port': '80'}",
		  "Port is a string", "0 to 65535" },
		{ "{" WHO "'Protocol': 'udp', 'Remote': '10.0.0.1', 'Port': 65536}",
		  "Port is 65536", "0 to 65535" },
		{ "{" WHO "'Protocol': 'udp', 'Remote': '10.0.0.1', 'Port': -1}", "Port is -1",
		  "0 to 65535" },
		{ "{" WHO "'Protocol': 'icmp', 'Remote': '10.0.0.1'}", "IcmpType is missing",
		  "8 and 128" },
		{ "{" WHO "'Protocol': 'icmp', 'Remote': '10.0.0.1', 'IcmpType': -1}",
		  "IcmpType is -1", "0 to 255" },
		{ "{" WHO "'Protocol': 'icmp', 'Remote': '10.0.0.1', 'IcmpType': 8, "
		  "'IcmpCode': 256}",
		  "IcmpCode is 256", "0 to 255" },
		{ "{" WHO "'Protocol': 47, 'Remote': '10.0.0.1', 'Local': '::1'}",
		  "different families", "" },
		{ "{" WHO "'Protocol': 44, 'Remote': '2001:db8::1'}", "extension header",
		  "behind it" },
		/* what would be ignored is refused */
		{ "{'Prot': 'tcp'}", "'Prot' is an unknown key",
		  "expected Protocol or Port, which" },
		{ "{'Port': 80, 'Prot': 'tcp'}", "'Prot' is an unknown key",
		  "expected Protocol, which" },
		{ "{'From': 'cart-0'}", "To is missing", "a pod, \"node\" or an address" },
		{ "{'To': 'cart-0'}", "From is missing", "a pod, \"node\" or an address" },
		{ "{'From': 'a', 'To': ''}", "To has 0 bytes", "expected 1 to 319" },
		{ "{'From': 'a', 'To': 'b'}", "Protocol is missing", "tcp" },
		{ "{'From': 'a', 'To': 'b', 'Protocol': 'tcp'}", "Port is missing",
		  "destination port" },
		{ "{'From': 'a', 'To': 'b', 'Protocol': 'tcp', 'Port': 1, 'Remote': '10.0.0.1'}",
		  "Remote with From and To", "IcmpCode and Expect only" },
		{ "{'From': 'a', 'To': 'b', 'Branch': 'eni-1'}", "Branch with From and To",
		  "IcmpCode and Expect only" },
		{ "{'from': 'a', 'To': 'b'}", "'from' is an unknown key", "expected From, which" },
		{ "{" WHO "'Protocoll': 'tcp'}", "'Protocoll' is an unknown key",
		  "expected Protocol, which" },
		{ "{'branch': 'a'}", "'branch' is an unknown key", "expected Branch, which" },
		{ "{" WHO "'Protocol': 'tcp', 'Remote': '10.0.0.1', 'Port': 1, 'Note': null}",
		  "'Note' is an unknown key", "Expect only" },
		{ "{" WHO "'Protocol': 'tcp', 'Remote': '10.0.0.1', 'Port': 1, 'IcmpType': 3}",
		  "IcmpType with Protocol tcp", "only icmp and icmpv6" },
		{ "{" WHO "'Protocol': 'udp', 'Remote': '10.0.0.1', 'Port': 1, 'IcmpCode': 0}",
		  "IcmpCode with Protocol udp", "only icmp and icmpv6" },
		{ "{" WHO "'Protocol': 'icmp', 'Remote': '10.0.0.1', 'IcmpType': 8, 'Port': 80}",
		  "Port with Protocol icmp", "only tcp and udp" },
		{ "{" WHO "'Protocol': 132, 'Remote': '10.0.0.1', 'Port': 80}",
		  "Port with Protocol 132", "only tcp and udp" },
		{ "{" WHO "'Protocol': 47, 'Remote': '10.0.0.1', 'IcmpType': 8}",
		  "IcmpType with Protocol 47", "only icmp and icmpv6" },
		{ "{" WHO "'Protocol': 'icmp', 'Remote': '2001:db8::1', 'IcmpType': 8}",
		  "icmp is of IPv4, and 2001:db8::1", "icmpv6 (echo request is type 128)" },
		{ "{" WHO "'Protocol': 'icmpv6', 'Remote': '10.0.0.1', 'IcmpType': 128}",
		  "icmpv6 is of IPv6, and 10.0.0.1", "icmp (echo request is type 8)" },
		{ "{" WHO "'Protocol': 'tcp', 'Remote': '::ffff:10.0.2.20', 'Port': 1}",
		  "'::ffff:10.0.2.20'", "written as IPv4: 10.0.2.20" },
		{ "{" WHO "'Protocol': 47, 'Remote': '10.0.0.1', 'Expect': 'pass'}", "'pass'",
		  "allow or deny" },
		{ "{" WHO "'Protocol': 47, 'Remote': '10.0.0.1', 'Expect': true}", "a boolean",
		  "allow or deny" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_query query = { .question.port = 4711 };
		struct bg_error err = {};
		int rc = parse(cases[i].text, &query, &err);

		if (rc != -EINVAL || !strstr(err.text, cases[i].names) ||
		    !strstr(err.text, cases[i].expects))
			fail_msg("%s: %d, '%s'", cases[i].text, rc, err.text);
		assert_int_equal(query.question.port, 4711); /* left alone */
	}
}

/* Whoever typed options hears of options. */
static void words_of_options(void **state)
{
	static const struct {
		struct bg_question question;
		const char *says;
	} cases[] = {
		{ { .protocol = 6, .port = -1, .icmp_type = -1 }, "--port is missing" },
		{ { .protocol = 1, .port = -1, .icmp_type = -1 }, "--icmp-type is missing" },
		{ { .protocol = 6, .port = 1, .icmp_type = 3 }, "--icmp-type with --protocol tcp" },
		{ { .protocol = 1, .port = 1, .icmp_type = 3 }, "--port with --protocol icmp" },
		{ { .protocol = 58, .port = -1, .icmp_type = 128 },
		  "--protocol icmpv6 is of IPv6" },
	};
	struct bg_question apart = { .protocol = 47, .port = -1, .icmp_type = -1 };
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_question question = cases[i].question;

		bg_addr_parse("10.0.0.1", &question.remote);
		assert_int_equal(bg_question_check(&question, &bg_question_options, &err), -EINVAL);
		if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("'%s', expected '%s'", err.text, cases[i].says);
	}
	apart.has_local = true;
	bg_addr_parse("10.0.0.1", &apart.remote);
	bg_addr_parse("::1", &apart.local);
	assert_int_equal(bg_question_check(&apart, &bg_question_options, &err), -EINVAL);
	assert_non_null(strstr(err.text, "--local and --remote"));
}

static void expectations(void **state)
{
	static const struct {
		const char *json;
		enum bg_expected expected;
	} cases[] = {
		{ "", BG_EXPECT_NOTHING },
		{ ", 'Expect': null", BG_EXPECT_NOTHING },
		{ ", 'Expect': 'allow'", BG_EXPECT_ALLOW },
		{ ", 'Expect': 'deny'", BG_EXPECT_DENY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_query query;
		struct bg_error err;
		char text[256];

		snprintf(text, sizeof(text), "{" WHO "'Protocol': 47, 'Remote': '10.0.0.1'%s}",
			 cases[i].json);
		assert_int_equal(parse(text, &query, &err), 0);
		assert_int_equal(query.expected, cases[i].expected);
	}
}

static void long_branch(void **state)
{
	char text[512], name[300];
	struct bg_query query;
	struct bg_error err;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[BG_QUESTION_BRANCH_BYTES - 1] = '\0';
	snprintf(text, sizeof(text),
		 "{'Branch': '%s', 'Direction': 'egress', 'Protocol': 50, "
		 "'Remote': '10.0.0.1'}",
		 name);
	assert_string_equal(parsed(text).branch, name);
	name[BG_QUESTION_BRANCH_BYTES - 1] = 'x';
	name[BG_QUESTION_BRANCH_BYTES] = '\0';
	snprintf(text, sizeof(text), "{'Branch': '%s'}", name);
	assert_int_equal(parse(text, &query, &err), -EINVAL);
}

static __u32 sum(__u32 start, const __u8 *data, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		start += i & 1 ? data[i] : (__u32)data[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

static size_t frame_of(const char *json, __u8 *frame)
{
	struct bg_question question = parsed(json);

	if (!question.has_local)
		fail_msg("%s: no Local", json);
	return bg_question_frame(&question, frame);
}

#define FROM4 "'Remote': '10.1.2.3', 'Local': '10.0.47.90', "
#define FROM6 "'Remote': '2001:db8::1', 'Local': '2001:db8::90', "

static void frame_of_tcp(void **state)
{
	__u8 frame[BG_QUESTION_BYTES], *ip = frame + 14, *tcp = frame + 34;

	(void)state;
	assert_int_equal(frame_of("{" WHO FROM4 "'Protocol': 'tcp', 'Port': 5432}", frame),
			 14 + 20 + 20);
	assert_memory_equal(frame + 12, "\x08\x00\x45", 3);
	assert_int_equal(ip[2] << 8 | ip[3], 40);
	assert_int_equal(ip[9], 6);
	assert_memory_equal(ip + 12, "\x0a\x01\x02\x03\x0a\x00\x2f\x5a", 8);
	assert_int_equal(sum(0, ip, 20), 0xffff);
	assert_int_equal(tcp[0] << 8 | tcp[1], BG_QUESTION_CLIENT_PORT);
	assert_int_equal(tcp[2] << 8 | tcp[3], 5432);
	assert_int_equal(tcp[12] >> 4, 5);
	assert_int_equal(tcp[13], 2); /* SYN */
	assert_int_equal(sum(sum(6 + 20, ip + 12, 8), tcp, 20), 0xffff);
}

/* Egress: the addresses change places, the port is the remote's. */
static void frame_of_udp_over_ipv6(void **state)
{
	__u8 frame[BG_QUESTION_BYTES], *ip = frame + 14, *udp = frame + 54;

	(void)state;
	assert_int_equal(frame_of("{'Branch': 'b', 'Direction': 'egress', " FROM6
				  "'Protocol': 'udp', 'Port': 53}",
				  frame),
			 14 + 40 + 8);
	assert_memory_equal(frame + 12, "\x86\xdd\x60", 3);
	assert_int_equal(ip[4] << 8 | ip[5], 8);
	assert_int_equal(ip[6], 17);
	assert_int_equal(ip[7], 64);
	assert_int_equal(ip[23], 0x90); /* source: the pod */
	assert_int_equal(ip[39], 0x01);
	assert_int_equal(udp[2] << 8 | udp[3], 53);
	assert_int_equal(udp[4] << 8 | udp[5], 8);
	assert_int_equal(sum(sum(17 + 8, ip + 8, 32), udp, 8), 0xffff);
}

static void frames_of_icmp(void **state)
{
	__u8 frame[BG_QUESTION_BYTES], *icmp = frame + 34;

	(void)state;
	assert_int_equal(frame_of("{" WHO FROM4 "'Protocol': 'icmp', 'IcmpType': 3, "
				  "'IcmpCode': 4}",
				  frame),
			 14 + 20 + 8);
	assert_memory_equal(icmp, "\x03\x04", 2);
	assert_int_equal(sum(0, icmp, 8), 0xffff);

	frame_of("{" WHO FROM6 "'Protocol': 'icmpv6', 'IcmpType': 128}", frame);
	icmp = frame + 54;
	assert_int_equal(icmp[0], 128);
	assert_int_equal(sum(sum(58 + 8, frame + 22, 32), icmp, 8), 0xffff);
	assert_int_equal(frame[14 + 7], 64);
	/* on the wire these come with the hop limits that make them count */
	frame_of("{" WHO FROM6 "'Protocol': 'icmpv6', 'IcmpType': 135}", frame);
	assert_int_equal(frame[14 + 7], 255);
	frame_of("{" WHO FROM6 "'Protocol': 'icmpv6', 'IcmpType': 130}", frame);
	assert_int_equal(frame[14 + 7], 1);
}

static void frame_of_another_protocol(void **state)
{
	__u8 frame[BG_QUESTION_BYTES];

	(void)state;
	assert_int_equal(frame_of("{" WHO FROM4 "'Protocol': 47}", frame), 14 + 20 + 8);
	assert_int_equal(frame[14 + 9], 47);
}

static void as_text(void **state)
{
	char text[BG_QUESTION_TEXT];
	struct bg_question question;

	(void)state;
	question = parsed("{" WHO FROM4 "'Protocol': 'tcp', 'Port': 80}");
	assert_string_equal(bg_question_format(&question, text),
			    "tcp 10.1.2.3:49152 -> 10.0.47.90:80");
	question = parsed("{'Branch': 'b', 'Direction': 'egress', " FROM6
			  "'Protocol': 'udp', 'Port': 80}");
	assert_string_equal(bg_question_format(&question, text),
			    "udp [2001:db8::90]:49152 -> [2001:db8::1]:80");
	question = parsed("{" WHO FROM4 "'Protocol': 'icmp', 'IcmpType': 8}");
	assert_string_equal(bg_question_format(&question, text),
			    "icmp 10.1.2.3 -> 10.0.47.90 type 8 code 0");
	question = parsed("{" WHO FROM4 "'Protocol': 47}");
	assert_string_equal(bg_question_format(&question, text), "47 10.1.2.3 -> 10.0.47.90");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),	    cmocka_unit_test(protocols),
		cmocka_unit_test(refusals),	    cmocka_unit_test(long_branch),
		cmocka_unit_test(frame_of_tcp),	    cmocka_unit_test(frame_of_udp_over_ipv6),
		cmocka_unit_test(frames_of_icmp),   cmocka_unit_test(frame_of_another_protocol),
		cmocka_unit_test(as_text),	    cmocka_unit_test(expectations),
		cmocka_unit_test(words_of_options), cmocka_unit_test(paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
