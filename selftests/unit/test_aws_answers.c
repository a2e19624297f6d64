// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * EC2's XML as the JSON of the CLI: answers that were recorded (selftests/fleet/recorded), what no
 * answer looks like, and pages that together are none.
 */
#include <jansson.h>

#include "base/clock.h"
#include "fleet/aws/ec2_client.h"
#include "test.h"

#define GROUPS(items)                                                                              \
	"<DescribeSecurityGroupsResponse><securityGroupInfo>" items                                \
	"</securityGroupInfo></DescribeSecurityGroupsResponse>"
#define GROUP(id, rules)                                                                           \
	"<item><groupId>" id "</groupId><ipPermissions>" rules                                     \
	"</ipPermissions><ipPermissionsEgress/></item>"
#define ONE GROUP("sg-1", "")
#define INTERFACE(id)                                                                              \
	"<item><networkInterfaceId>" id                                                            \
	"</networkInterfaceId><groupSet><item><groupId>sg-1</groupId></item></groupSet></item>"
#define INTERFACES(items, next)                                                                    \
	"<DescribeNetworkInterfacesResponse><networkInterfaceSet>" items                           \
	"</networkInterfaceSet>" next "</DescribeNetworkInterfacesResponse>"
#define NEXT(token) "<nextToken>" token "</nextToken>"

static int take(struct bg_ec2_sweep *sweep, enum bg_ec2_action action, const char *text,
		struct bg_error *err)
{
	sweep->action = action;
	*err = (struct bg_error){};
	return bg_ec2_take_page(sweep, text, strlen(text), err);
}

/* --- what is an answer --- */

static void a_group_is_what_the_cli_prints(void **state)
{
	struct bg_ec2_sweep sweep = {};
	struct bg_error err;
	int rc = take(
		&sweep, BG_EC2_GROUPS,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<DescribeSecurityGroupsResponse xmlns=\"http://ec2.amazonaws.com/doc/\">\n"
		"  <requestId>r</requestId>\n"
		"  <securityGroupInfo>\n"
		"    <item>\n"
		"      <ownerId>1</ownerId>\n"
		"      <groupId>sg-1</groupId>\n"
		"      <groupName>a &lt;b&gt; &amp; \"c\" &#x263a;</groupName>\n"
		"      <tagSet><item><key>k</key><value>v</value></item></tagSet>\n"
		"      <ipPermissions><item><ipProtocol>tcp</ipProtocol>\n"
		"        <fromPort>-1</fromPort><toPort>65535</toPort>\n"
		"        <groups><item><userId>1</userId><groupId>sg-2</groupId></item></groups>\n"
		"        <ipRanges><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges>\n"
		"        <prefixListIds><item><prefixListId>pl-1f</prefixListId></item>\n"
		"        </prefixListIds></item></ipPermissions>\n"
		"      <ipPermissionsEgress/>\n"
		"    </item>\n"
		"  </securityGroupInfo>\n"
		"</DescribeSecurityGroupsResponse>\n",
		&err);

	(void)state;
	assert_string_equal(err.text, "");
	assert_int_equal(rc, 0);
	assert_int_equal(sweep.texts.count, 1);
	assert_string_equal(sweep.texts.text[0].name, "ec2:describe-security-groups");
	assert_memory_equal(
		sweep.texts.text[0].text,
		"{\"SecurityGroups\":[{\"OwnerId\":\"1\",\"GroupId\":\"sg-1\","
		"\"GroupName\":\"a <b> & \\\"c\\\" \u263a\",\"IpPermissions\":["
		"{\"IpProtocol\":\"tcp\",\"FromPort\":-1,\"ToPort\":65535,"
		"\"UserIdGroupPairs\":[{\"UserId\":\"1\",\"GroupId\":\"sg-2\"}],"
		"\"IpRanges\":[{\"CidrIp\":\"10.0.0.0/8\"}],"
		"\"PrefixListIds\":[{\"PrefixListId\":\"pl-1f\"}]}],\"IpPermissionsEgress\":[]}]}",
		sweep.texts.text[0].length_bytes);
	assert_int_equal(sweep.lists.count, 1);
	assert_string_equal(sweep.lists.name[0], "pl-1f");
	bg_ec2_sweep_release(&sweep);
}

/* All that `ours` has stands in `theirs`, too, and no list is shorter. */
static void must_be_part(json_t *ours, const json_t *theirs)
{
	if (json_is_object(ours)) {
		for (void *at = json_object_iter(ours); at; at = json_object_iter_next(ours, at))
			must_be_part(json_object_iter_value(at),
				     json_object_get(theirs, json_object_iter_key(at)));
		return;
	}
	if (json_is_array(ours)) {
		assert_int_equal(json_array_size(ours), json_array_size(theirs));
		for (size_t i = 0; i < json_array_size(ours); i++)
			must_be_part(json_array_get(ours, i), json_array_get(theirs, i));
		return;
	}
	assert_true(json_equal(ours, theirs));
}

static char *read_all(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1 << 16);

	if (!file || !fread(text, 1, (1 << 16) - 1, file))
		fail_msg("%s cannot be read", path);
	if (file)
		fclose(file);
	return text;
}

static void recorded_answers_are_those_of_the_cli(void **state)
{
	static const char *const commands[] = { "describe-network-interfaces",
						"describe-security-groups",
						"describe-security-group-rules", NULL,
						"pl-9c5c7a4eb9ec45082" };
	struct bg_ec2_sweep sweep = {};
	size_t texts = 0;

	(void)state;
	for (int i = 0; i < BG_EC2_ACTIONS; i++) {
		char path[200];
		char *xml;
		struct bg_error err;
		json_t *ours, *theirs;

		snprintf(path, sizeof(path), "selftests/fleet/recorded/%s.xml",
			 bg_ec2_answers[i].action);
		xml = read_all(path);
		bg_name_set_release(&sweep.seen);
		assert_int_equal(take(&sweep, i, xml, &err), 0);
		free(xml);
		assert_true(sweep.objects > 0);
		if (!commands[i])
			continue;
		snprintf(path, sizeof(path), "selftests/fleet/answers/%s.json", commands[i]);
		theirs = json_load_file(path, 0, NULL);
		ours = json_loadb(sweep.texts.text[texts].text,
				  sweep.texts.text[texts].length_bytes, 0, NULL);
		assert_non_null(ours);
		assert_int_equal(json_object_size(ours), 1);
		must_be_part(ours, theirs);
		json_decref(ours);
		json_decref(theirs);
		texts++;
	}
	assert_int_equal(sweep.texts.count, texts);
	assert_string_equal(sweep.texts.text[3].name, "ec2:pl-9c5c7a4eb9ec45082");
	assert_int_equal(sweep.lists.count, 1);
	assert_int_equal(sweep.versions[0], 1);
	bg_ec2_sweep_release(&sweep);
}

/* --- what is none --- */

static void other_texts_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "found no XML" },
		{ "no XML", "found no XML" },
		{ "{\"SecurityGroups\":[]}", "found no XML" },
		{ GROUPS(ONE) "<more/>", "found no XML" },
		{ "<html><body>503</body></html>", "found html, expected Describe" },
		{ "<DescribeSecurityGroupsResponse/>", "found no securityGroupInfo" },
		{ INTERFACES("", ""), "found DescribeNetworkInterfacesResponse, expected" },
		{ GROUPS("<item/>"), "found no groupId in securityGroupInfo" },
		/* a group whose rules did not come would allow nothing */
		{ GROUPS("<item><groupId>sg-1</groupId><ipPermissionsEgress/></item>"),
		  "found no ipPermissions" },
		{ GROUPS("<item><groupId>sg-1</groupId><ipPermissions/></item>"),
		  "found no ipPermissionsEgress" },
		{ GROUPS(GROUP("sg-1", "<item/>")), "found no ipProtocol" },
		{ GROUPS(GROUP("sg-1", "<item><ipProtocol>6</ipProtocol><fromPort>x</fromPort>"
				       "</item>")),
		  "fromPort is no number" },
		{ GROUPS(GROUP("sg-1", "<item><ipProtocol>6</ipProtocol><fromPort/></item>")),
		  "fromPort is no number" },
		{ GROUPS(GROUP("sg-1", "<item><ipProtocol>6</ipProtocol><fromPort>01</fromPort>"
				       "</item>")),
		  "fromPort is no number" },
		{ GROUPS(GROUP("sg-1", "<item><ipProtocol>6</ipProtocol><ipProtocol>17"
				       "</ipProtocol></item>")),
		  "ipProtocol stands twice" },
		{ GROUPS("<member/>"), "found member in securityGroupInfo, expected item" },
		{ GROUPS("text"), "found text in securityGroupInfo" },
		{ GROUPS(GROUP("<b>sg-1</b>", "")), "found b in groupId, expected text" },
		{ GROUPS(ONE ONE), "sg-1 comes twice" },
		{ GROUPS(GROUP("sg-1", "<item><ipProtocol>6</ipProtocol><prefixListIds><item>"
				       "<prefixListId>../x</prefixListId></item></prefixListIds>"
				       "</item>")),
		  "no id (pl-...)" },
		{ GROUPS(""), "there is none at all" },
		{ "<DescribeSecurityGroupsResponse>&none;</DescribeSecurityGroupsResponse>",
		  "undefined entity" },
		{ "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;\">"
		  "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;\">]><DescribeSecurityGroupsResponse>&c;"
		  "</DescribeSecurityGroupsResponse>",
		  "found a document type" },
		{ "<!DOCTYPE x SYSTEM \"file:///etc/passwd\">" GROUPS(ONE),
		  "found a document type" },
		{ GROUPS(GROUP("sg-\xff", "")), "not well-formed" },
		{ GROUPS(GROUP("sg-\x01", "")), "not well-formed" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct bg_ec2_sweep sweep = {};
		struct bg_error err;

		if (!take(&sweep, BG_EC2_GROUPS, bad[i].text, &err))
			fail_msg("was taken: %s", bad[i].text);
		if (!strstr(err.text, bad[i].why))
			fail_msg("\"%s\" of %s, expected \"%s\"", err.text, bad[i].text,
				 bad[i].why);
		assert_int_equal(sweep.texts.count, 0);
		bg_ec2_sweep_release(&sweep);
	}
}

static void a_cut_answer_is_refused_wherever(void **state)
{
	char *xml = read_all("selftests/fleet/recorded/DescribeSecurityGroups.xml");
	const size_t length = strlen(xml) - strlen("\n");

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		struct bg_ec2_sweep sweep = { .action = BG_EC2_GROUPS };
		struct bg_error err;

		if (!bg_ec2_take_page(&sweep, xml, cut, &err))
			fail_msg("was taken with %zu of %zu bytes", cut, length);
		bg_ec2_sweep_release(&sweep);
	}
	free(xml);
}

static void depth_has_a_bound(void **state)
{
	static const size_t depths[] = { 60, 100, 1000000 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct bg_ec2_sweep sweep = {};
		struct bg_error err;
		char *text = malloc(depths[i] * 7 + sizeof(GROUPS(ONE))), *at = text;
		const char *groups = GROUPS(ONE), *within = strstr(groups, "><") + 1;
		int rc;

		at += sprintf(at, "%.*s", (int)(within - groups), groups);
		for (size_t k = 0; k < depths[i]; k++)
			at += sprintf(at, "<x>");
		for (size_t k = 0; k < depths[i]; k++)
			at += sprintf(at, "</x>");
		snprintf(at, sizeof(GROUPS(ONE)), "%s", within);
		rc = take(&sweep, BG_EC2_GROUPS, text, &err);
		if (i)
			assert_non_null(strstr(err.text, "more than 64 deep"));
		assert_int_equal(rc, i ? -EPROTO : 0);
		bg_ec2_sweep_release(&sweep);
		free(text);
	}
}

static void a_text_has_a_bound(void **state)
{
	struct bg_ec2_sweep sweep = {};
	struct bg_error err;
	char *text;

	(void)state;
	assert_true(asprintf(&text, INTERFACES(INTERFACE("eni-1"), NEXT("%0*d")), 70000, 1) > 0);
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, text, &err), -EPROTO);
	assert_non_null(strstr(err.text, "a text has more than"));
	bg_ec2_sweep_release(&sweep);
	free(text);
}

/* --- pages --- */

static void pages_belong_together(void **state)
{
	struct bg_ec2_sweep sweep = {};
	struct bg_error err;

	(void)state;
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES,
			      INTERFACES(INTERFACE("eni-1"), NEXT("a&amp;b")), &err),
			 0);
	assert_string_equal(sweep.next, "a&b");
	/* (an empty page is one) */
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, INTERFACES("", NEXT("c")), &err), 0);
	assert_string_equal(sweep.next, "c");
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, INTERFACES(INTERFACE("eni-2"), ""), &err),
			 0);
	assert_null(sweep.next);
	assert_int_equal(sweep.texts.count, 3);
	/* the place is another one each time, and no part of the text */
	assert_null(memmem(sweep.texts.text[0].text, sweep.texts.text[0].length_bytes, "a&b", 3));
	assert_memory_equal(sweep.texts.text[1].text,
			    "{\"NetworkInterfaces\":[],\"NextToken\":\"more\"}",
			    sweep.texts.text[1].length_bytes);
	bg_ec2_sweep_release(&sweep);
}

static void pages_that_make_no_sweep(void **state)
{
	struct bg_ec2_sweep sweep = {};
	struct bg_error err;

	(void)state;
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, INTERFACES(INTERFACE("eni-1"), NEXT("a")),
			      &err),
			 0);
	/* something went from one page to the next while it was read */
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, INTERFACES(INTERFACE("eni-1"), ""), &err),
			 -ESTALE);
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, INTERFACES(INTERFACE("eni-2"), NEXT("a")),
			      &err),
			 -EPROTO);
	assert_non_null(strstr(err.text, "never end"));
	bg_ec2_sweep_release(&sweep);
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, INTERFACES("", ""), &err), -ENODATA);
	/* of rules there may be none */
	assert_int_equal(take(&sweep, BG_EC2_RULES,
			      "<DescribeSecurityGroupRulesResponse><securityGroupRuleSet/>"
			      "<nextToken/></DescribeSecurityGroupRulesResponse>",
			      &err),
			 0);
	bg_ec2_sweep_release(&sweep);
}

/* Each page names another one, and there is nothing in any of them. */
static void pages_without_an_end_are_refused(void **state)
{
	struct bg_ec2_sweep sweep = {};
	struct bg_error err;
	char text[300];
	int rc = 0, pages = 0;

	(void)state;
	while (!rc && pages < 20000) {
		snprintf(text, sizeof(text),
			 "<DescribeSecurityGroupRulesResponse><securityGroupRuleSet/>"
			 "<nextToken>%d</nextToken></DescribeSecurityGroupRulesResponse>",
			 ++pages);
		rc = take(&sweep, BG_EC2_RULES, text, &err);
	}
	assert_int_equal(rc, -E2BIG);
	assert_int_equal(pages, 10000);
	assert_non_null(strstr(err.text, "10000 pages, and each says that more follow"));
	bg_ec2_sweep_release(&sweep);
}

/* What a server says becomes memory of ours, and is counted whatever it is. */
static void all_that_is_kept_is_counted(void **state)
{
	struct bg_ec2_sweep sweep = {};
	struct bg_error err;
	char *text;

	(void)state;
	assert_int_equal(take(&sweep, BG_EC2_LISTS,
			      "<DescribeManagedPrefixListsResponse><prefixListSet><item>"
			      "<prefixListId>pl-1</prefixListId></item></prefixListSet>"
			      "<nextToken>there</nextToken></DescribeManagedPrefixListsResponse>",
			      &err),
			 0);
	assert_true(sweep.bytes > strlen("pl-1") + strlen("there"));
	bg_ec2_sweep_release(&sweep);
	assert_true(asprintf(&text, INTERFACES(INTERFACE("eni-1"), NEXT("%0*d")), 8193, 1) > 0);
	assert_int_equal(take(&sweep, BG_EC2_INTERFACES, text, &err), -EPROTO);
	assert_non_null(strstr(err.text, "8192 bytes"));
	bg_ec2_sweep_release(&sweep);
	free(text);
}

static void unchanged(void *context)
{
	(void)context;
}

/* Nor may one go on for ever of which each page comes, slowly. */
static void a_sweep_has_an_end(void **state)
{
	struct bg_ec2 ec2 = { .sweeping = true, .changed = unchanged, .url = "https://ec2" };

	(void)state;
	bg_ec2_open(&ec2);
	ec2.begun_ms = bg_monotonic_ms() - 3601 * 1000.0;
	bg_ec2_run(&ec2);
	assert_true(ec2.failed);
	assert_false(ec2.sweeping);
	assert_int_equal(ec2.requests, 0);
	assert_non_null(
		strstr(ec2.wrong.text,
		       "DescribeNetworkInterfaces at https://ec2: not all has come within 3600 s"));
	assert_true(ec2.due_ms > bg_monotonic_ms());
	bg_ec2_close(&ec2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_what_the_cli_prints),
		cmocka_unit_test(recorded_answers_are_those_of_the_cli),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(a_cut_answer_is_refused_wherever),
		cmocka_unit_test(depth_has_a_bound),
		cmocka_unit_test(a_text_has_a_bound),
		cmocka_unit_test(pages_belong_together),
		cmocka_unit_test(pages_that_make_no_sweep),
		cmocka_unit_test(pages_without_an_end_are_refused),
		cmocka_unit_test(all_that_is_kept_is_counted),
		cmocka_unit_test(a_sweep_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
