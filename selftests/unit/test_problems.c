// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* All errors of a feed at once, and where errors and warnings stand in the text. */
#include "feed_text.h"
#include "test.h"

/* "LINE:COLUMN: POINTER: TEXT" of each error, then "and N more". */
static char *errors_of(const char *bytes, size_t length)
{
	struct bg_problems errors = {};
	struct bg_model *model = NULL;
	struct bg_error err = {};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(bg_feed_parse("feed", bytes, length, &model, &errors, &err), -EINVAL);
	assert_null(model);
	for (size_t i = 0; i < errors.count; i++) {
		char head[BG_PROBLEM_HEAD];

		bg_problem_head(&errors.problem[i], head);
		fprintf(out, "%s%s\n", head, errors.problem[i].text);
	}
	if (errors.more)
		fprintf(out, "and %zu more\n", errors.more);
	fprintf(out, "(%s)", err.text);
	assert_int_equal(fclose(out), 0);
	bg_problems_free(&errors);
	return text;
}

static void errors_are(const char *feed, const char *expected)
{
	size_t length;
	char *json = json_of(feed, &length), *found = errors_of(json, length);

	assert_string_equal(found, expected);
	free(found);
	free(json);
}

/* One of each part of the document, several in one object, one in an object in it. */
static void every_error_is_told(void **state)
{
	(void)state;
	errors_are("{'FeedVersion': 1,\n"
		   " 'Node': {'Addresses': ['10.0.1'], 'ExternalSnat': 1,\n"
		   "          'LocalServices': [{'Address': 'x', 'Port': 0}]},\n"
		   " 'SecurityGroups': [\n"
		   "  {'GroupName': 7, 'IpPermissions': [\n"
		   "    {'IpProtocol': 'tcp', 'FromPort': 90000, 'ToPort': 'a',\n"
		   "     'IpRanges': [{'CidrIp': '10.0.0.0/33'}, {}]}]}],\n"
		   " 'NetworkInterfaces': [{'Groups': [{}],\n"
		   "   'PrivateIpAddress': 'here'}],\n"
		   " 'PrefixLists': [{'Entries': [{'Cidr': 1}, {'cidr': '10.0.0.0/8'}]}],\n"
		   " 'Branches': [{'VlanId': 5000,\n"
		   "   'Pods': [{'Addresses': ['10.0.0.1', 'no', 5]}, 6]}]}",
		   "2:25: /Node/Addresses/0: found \"10.0.1\", expected an IPv4 or IPv6 address\n"
		   "2:52: /Node/ExternalSnat: found 1, expected true or false\n"
		   "3:29: /Node/LocalServices/0: Protocol is missing\n"
		   "3:41: /Node/LocalServices/0/Address: found \"x\", expected an IPv4 or IPv6 "
		   "address\n"
		   "3:54: /Node/LocalServices/0/Port: found 0, expected an integer from 1 to "
		   "65535\n"
		   "5:3: /SecurityGroups/0: GroupId is missing\n"
		   "5:17: /SecurityGroups/0/GroupName: found 7, expected a string of 0 to 1024 "
		   "bytes without control characters\n"
		   "6:39: /SecurityGroups/0/IpPermissions/0/FromPort: found 90000, expected an "
		   "integer from 0 to 65535\n"
		   "6:56: /SecurityGroups/0/IpPermissions/0/ToPort: found \"a\", expected an "
		   "integer from 0 to 65535\n"
		   "7:30: /SecurityGroups/0/IpPermissions/0/IpRanges/0/CidrIp: found "
		   "\"10.0.0.0/33\", expected an IPv4 CIDR such as 10.0.0.0/16\n"
		   "7:46: /SecurityGroups/0/IpPermissions/0/IpRanges/1: CidrIp is missing\n"
		   "8:36: /NetworkInterfaces/0/Groups/0: GroupId is missing\n"
		   "9:24: /NetworkInterfaces/0/PrivateIpAddress: found \"here\", expected an "
		   "IPv4 address\n"
		   "10:18: /PrefixLists/0: PrefixListId is missing\n"
		   "10:40: /PrefixLists/0/Entries/0/Cidr: found 1, expected a CIDR such as "
		   "10.0.0.0/16 or 2001:db8::/48\n"
		   "10:53: /PrefixLists/0/Entries/1/cidr: found an unknown key, expected \"Cidr\", "
		   "which it looks like\n"
		   "11:15: /Branches/0: Id is missing\n"
		   "11:26: /Branches/0/VlanId: found 5000, expected an integer from 1 to 4094\n"
		   "12:40: /Branches/0/Pods/0/Addresses/1: found \"no\", expected an IPv4 or IPv6 "
		   "address\n"
		   "12:46: /Branches/0/Pods/0/Addresses/2: found 5, expected an IPv4 or IPv6 "
		   "address\n"
		   "and 1 more\n"
		   "(feed:2:25: /Node/Addresses/0: found \"10.0.1\", expected an IPv4 or IPv6 "
		   "address (and 20 more errors))");
}

static void errors_of_syntax_come_last(void **state)
{
	(void)state;
	errors_are("{'NetworkInterfaces': [{'PrivateIpAddress': 1}, 2],\n 'Branches': [}",
		   "1:45: /NetworkInterfaces/0/PrivateIpAddress: found 1, expected an IPv4 "
		   "address\n"
		   "1:49: /NetworkInterfaces/1: found 2, expected an object\n"
		   "2:15: unallowed token at this point in JSON text\n"
		   "(feed:1:45: /NetworkInterfaces/0/PrivateIpAddress: found 1, expected an IPv4 "
		   "address (and 2 more errors))");
}

/* However many there are, the one that ended the reading is told. */
static void many_errors_and_one_of_syntax(void **state)
{
	char *text = NULL, *found;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	fputs("{\"NetworkInterfaces\":[", out);
	for (int i = 0; i < 100000; i++)
		fputs("1,\n", out);
	assert_int_equal(fclose(out), 0);
	found = errors_of(text, size);
	assert_non_null(strstr(found, "1:23: /NetworkInterfaces/0: found 1"));
	assert_non_null(strstr(found, "\n100001:1: premature EOF\nand 99981 more\n"));
	free(found);
	free(text);
}

/* Strings with escapes, keys with slashes, values of each kind, characters of more bytes. */
static void places_of_values(void **state)
{
	static const struct {
		const char *pointer;
		struct bg_place place;
	} expected[] = {
		{ "/a~1b", { 2, 9 } },
		{ "/a~1b/0", { 2, 10 } },
		{ "/a~1b/1", { 2, 19 } },
		{ "/a~1b/2", { 2, 32 } },
		{ "/a~1b/3", { 3, 2 } },
		{ "/a~1b/4", { 3, 8 } },
		{ "/a~1b/5/0/x", { 3, 21 } },
		{ "/b", { 4, 16 } },
		{ "/b/0", { 4, 16 } },
		{ "/c/d", {} },
		{ "", {} },
		{ "/a~1b/0", { 2, 10 } },
	};
	static const char text[] = "\xef\xbb\xbf{\n \"a/b\": [\"\\\"q\\\"\", "
				   "\"\xc3\xa4\\\\\\u00e4\", null,\n true, false, [{\"x\":{}}]],"
				   "\n \"\xc3\xa4\": {}, \"b\": -1.5}";
	struct bg_problem problems[sizeof(expected) / sizeof(expected[0])] = {};
	size_t count = sizeof(expected) / sizeof(expected[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		problems[i].pointer = (char *)expected[i].pointer;
	assert_int_equal(bg_problems_locate(problems, count, text, sizeof(text) - 1), 0);
	for (size_t i = 0; i < count; i++)
		if (problems[i].place.line != expected[i].place.line ||
		    problems[i].place.column != expected[i].place.column)
			fail_msg("%s: found %u:%u, expected %u:%u", expected[i].pointer,
				 problems[i].place.line, problems[i].place.column,
				 expected[i].place.line, expected[i].place.column);
}

static void warnings_have_places(void **state)
{
	struct bg_model *model = feed_parse("{'FeedVersion':1,'SecurityGroups':[],\n"
					    " 'Comment': 1,\n"
					    " 'Branches':[\n"
					    "  {'Id':'eni-1','VlanId':9,\n"
					    "   'GroupIds':['sg-1'],'Pods':[]}]}");
	static const struct bg_place expected[] = { { 5, 16 }, { 5, 31 }, { 2, 13 } };

	(void)state;
	assert_int_equal(model->warning_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(model->warnings[i].place.line, expected[i].line);
		assert_int_equal(model->warnings[i].place.column, expected[i].column);
	}
	bg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_is_told),
		cmocka_unit_test(errors_of_syntax_come_last),
		cmocka_unit_test(many_errors_and_one_of_syntax),
		cmocka_unit_test(places_of_values),
		cmocka_unit_test(warnings_have_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
