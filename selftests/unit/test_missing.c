// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The rule that is missing: words, EC2's shape, and a command that a shell takes whole. */
#include <unistd.h>

#include "base/ip.h"
#include "explain/missing.h"
#include "test.h"

static const char *const one[] = { "sg-cart" }, *const two[] = { "sg-cart", "sg-all" };

static struct bg_question question_of(enum bg_direction direction, int protocol, int port, int code,
				      const char *remote)
{
	struct bg_question question = { .direction = direction, .protocol = protocol, .port = -1 };

	question.icmp_type = -1;
	if (protocol == 6 || protocol == 17)
		question.port = port;
	else
		question.icmp_type = port;
	question.icmp_code = code;
	assert_int_equal(bg_addr_parse(remote, &question.remote), 0);
	return question;
}

/* clang-format off */
static const struct {
	enum bg_direction direction;
	int protocol, port, code;
	const char *remote, *peer, *more;
	bool list;
	const char *text, *command;
} cases[] = {
	{ BG_EGRESS, 6, 5432, 0, "10.0.3.30", "sg-0db", NULL, false,
	  "a rule of eni-cart's groups (sg-cart): egress tcp 5432 to sg-0db",
	  "aws ec2 authorize-security-group-egress --group-id sg-cart --ip-permissions "
	  "'IpProtocol=tcp,FromPort=5432,ToPort=5432,UserIdGroupPairs=[{GroupId=sg-0db}]'" },
	{ BG_INGRESS, 17, 53, 0, "10.0.3.30", "sg-1", "sg-2", false,
	  "a rule of eni-cart's groups (sg-cart): ingress udp 53 from sg-1 (or sg-2)",
	  "aws ec2 authorize-security-group-ingress --group-id sg-cart --ip-permissions "
	  "'IpProtocol=udp,FromPort=53,ToPort=53,UserIdGroupPairs=[{GroupId=sg-1}]'" },
	{ BG_EGRESS, 6, 443, 0, "52.1.2.3", "pl-0e5", NULL, true,
	  "a rule of eni-cart's groups (sg-cart): egress tcp 443 to pl-0e5",
	  "aws ec2 authorize-security-group-egress --group-id sg-cart --ip-permissions "
	  "'IpProtocol=tcp,FromPort=443,ToPort=443,PrefixListIds=[{PrefixListId=pl-0e5}]'" },
	{ BG_EGRESS, 6, 443, 0, "52.1.2.3", NULL, NULL, false,
	  "a rule of eni-cart's groups (sg-cart): egress tcp 443 to 52.1.2.3/32",
	  "aws ec2 authorize-security-group-egress --group-id sg-cart --ip-permissions "
	  "'IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges=[{CidrIp=52.1.2.3/32}]'" },
	{ BG_INGRESS, 58, 128, 0, "2001:db8::1", NULL, NULL, false,
	  "a rule of eni-cart's groups (sg-cart): ingress icmpv6 type 128 code 0 from 2001:db8::1/128",
	  "aws ec2 authorize-security-group-ingress --group-id sg-cart --ip-permissions "
	  "'IpProtocol=icmpv6,FromPort=128,ToPort=0,Ipv6Ranges=[{CidrIpv6=2001:db8::1/128}]'" },
	{ BG_INGRESS, 1, 3, 4, "10.0.0.1", NULL, NULL, false,
	  "a rule of eni-cart's groups (sg-cart): ingress icmp type 3 code 4 from 10.0.0.1/32",
	  "aws ec2 authorize-security-group-ingress --group-id sg-cart --ip-permissions "
	  "'IpProtocol=icmp,FromPort=3,ToPort=4,IpRanges=[{CidrIp=10.0.0.1/32}]'" },
	{ BG_EGRESS, 47, -1, 0, "10.0.0.1", "sg-0db", NULL, false,
	  "a rule of eni-cart's groups (sg-cart): egress 47 to sg-0db",
	  "aws ec2 authorize-security-group-egress --group-id sg-cart --ip-permissions "
	  "'IpProtocol=47,UserIdGroupPairs=[{GroupId=sg-0db}]'" },
};
/* clang-format on */

static void words_and_commands(void **state)
{
	char text[BG_MISSING_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_question question = question_of(cases[i].direction, cases[i].protocol,
							  cases[i].port, cases[i].code,
							  cases[i].remote);
		struct bg_missing missing = {
			.owner = "eni-cart",
			.groups = one,
			.group_count = 1,
			.question = &question,
			.peers = { cases[i].peer, cases[i].more },
			.peer_count = (cases[i].peer != NULL) + (cases[i].more != NULL),
			.peers_are_lists = cases[i].list,
		};

		assert_string_equal(bg_missing_text(&missing, text), cases[i].text);
		assert_string_equal(bg_missing_command(&missing, text), cases[i].command);
	}
}

/* EC2 looks for a group in the account that asks, unless another one is named. */
static void a_group_of_another_account(void **state)
{
	struct bg_question question = question_of(BG_EGRESS, 6, 5432, 0, "10.9.3.30");
	struct bg_missing missing = {
		.owner = "eni-cart",
		.groups = one,
		.group_count = 1,
		.question = &question,
		.peers = { "sg-0far" },
		.peer_count = 1,
		.peer_account = "111122223333",
	};
	char text[BG_MISSING_TEXT];

	(void)state;
	assert_string_equal(
		bg_missing_command(&missing, text),
		"aws ec2 authorize-security-group-egress --group-id sg-cart --ip-permissions "
		"'IpProtocol=tcp,FromPort=5432,ToPort=5432,"
		"UserIdGroupPairs=[{GroupId=sg-0far,UserId=111122223333}]'");
	assert_string_equal(bg_missing_text(&missing, text),
			    "a rule of eni-cart's groups (sg-cart): egress tcp 5432 to sg-0far");
}

static void whose_groups(void **state)
{
	struct bg_question question = question_of(BG_EGRESS, 6, 80, 0, "10.0.0.1");
	struct bg_missing missing = {
		.owner = "the node", .groups = two, .group_count = 2, .question = &question
	};
	char text[BG_MISSING_TEXT];

	(void)state;
	assert_string_equal(
		bg_missing_text(&missing, text),
		"a rule of the node's groups (sg-cart, sg-all): egress tcp 80 to 10.0.0.1/32");
	assert_non_null(strstr(bg_missing_command(&missing, text), "--group-id sg-cart "));
	/* some that nobody knows here */
	missing.group_count = 0;
	missing.groups_unknown = true;
	assert_string_equal(bg_missing_text(&missing, text),
			    "a rule of the node's groups: egress tcp 80 to 10.0.0.1/32");
	assert_string_equal(bg_missing_command(&missing, text), "");
	missing.groups_unknown = false;
	missing.owner = "eni-bare";
	assert_string_equal(bg_missing_text(&missing, text),
			    "a group: eni-bare has none, so nothing is allowed");
	assert_string_equal(bg_missing_command(&missing, text), "");
}

/* The command's words as a shell reads them, one a line; the caller frees. */
static char *words_of(const char *command)
{
	char path[] = "/tmp/bg-missing-XXXXXX", line[4096];
	size_t length;
	FILE *out;
	int fd = mkstemp(path);

	if (fd < 0)
		abort();
	out = fdopen(fd, "w");
	if (!out)
		abort();
	fprintf(out, "aws() { for word; do printf '<%%s>\\n' \"$word\"; done; }\n%s\n", command);
	fclose(out);
	snprintf(line, sizeof(line), "sh %s 2>&1", path);
	out = popen(line, "r");
	if (!out)
		abort();
	length = fread(line, 1, sizeof(line) - 1, out);
	line[length] = '\0';
	assert_int_equal(pclose(out), 0);
	unlink(path);
	return strdup(line);
}

/* Whatever an id of the feed is, it stays one word, and nothing of it is run. */
static void hostile_ids(void **state)
{
	static const char *const ids[] = {
		"sg-1'; echo broken; '",
		"$(echo broken)",
		"`echo broken`",
		"sg 1",
		"a\"b",
		"a\\'b",
		"*",
		"sg-1;reboot",
		"~root",
		"a|b>c",
		"!!",
		"sg-\xe2\x80\xaex",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct bg_question question = question_of(BG_EGRESS, 6, 80, 0, "10.0.0.1");
		struct bg_missing missing = { .owner = "eni-1",
					      .groups = &ids[i],
					      .group_count = 1,
					      .question = &question,
					      .peers = { ids[i] },
					      .peer_count = 1 };
		char command[BG_MISSING_TEXT], expected[1024], *words;

		words = words_of(bg_missing_command(&missing, command));
		snprintf(expected, sizeof(expected),
			 "<ec2>\n<authorize-security-group-egress>\n<--group-id>\n<%s>\n"
			 "<--ip-permissions>\n<IpProtocol=tcp,FromPort=80,ToPort=80,"
			 "UserIdGroupPairs=[{GroupId=%s}]>\n",
			 ids[i], ids[i]);
		assert_string_equal(words, expected);
		free(words);
	}
}

/* A command that does not fit is none: half of one could be another. */
static void too_long(void **state)
{
	struct bg_question question = question_of(BG_EGRESS, 6, 80, 0, "10.0.0.1");
	char id[2 * BG_MISSING_TEXT], text[BG_MISSING_TEXT];
	const char *const ids[] = { id };
	struct bg_missing missing = {
		.owner = "eni-1", .groups = ids, .group_count = 1, .question = &question
	};

	(void)state;
	memset(id, 'x', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	assert_string_equal(bg_missing_command(&missing, text), "");
	assert_int_equal(strlen(bg_missing_text(&missing, text)), BG_MISSING_TEXT - 1);
}

static void as_json(void **state)
{
	struct bg_question question = question_of(BG_EGRESS, 6, 5432, 0, "10.0.3.30");
	struct bg_missing missing = { .owner = "eni-cart",
				      .groups = two,
				      .group_count = 2,
				      .question = &question,
				      .peers = { "sg-0db" },
				      .peer_count = 1 };
	json_t *expected, *found = bg_missing_json(&missing);
	char command[BG_MISSING_TEXT], text[BG_MISSING_TEXT];

	(void)state;
	expected = json_pack("{s:s, s:[s,s], s:s, s:{s:s, s:i, s:i, s:[{s:s}]}, s:s, s:s}", "Owner",
			     "eni-cart", "GroupIds", "sg-cart", "sg-all", "Direction", "egress",
			     "IpPermission", "IpProtocol", "tcp", "FromPort", 5432, "ToPort", 5432,
			     "UserIdGroupPairs", "GroupId", "sg-0db", "Text",
			     bg_missing_text(&missing, text), "Command",
			     bg_missing_command(&missing, command));
	assert_non_null(expected);
	assert_true(json_equal(found, expected));
	json_decref(expected);
	json_decref(found);
	missing.peer_account = "111122223333";
	found = bg_missing_json(&missing);
	expected = json_pack("{s:s, s:i, s:i, s:[{s:s, s:s}]}", "IpProtocol", "tcp", "FromPort",
			     5432, "ToPort", 5432, "UserIdGroupPairs", "GroupId", "sg-0db",
			     "UserId", "111122223333");
	assert_true(json_equal(json_object_get(found, "IpPermission"), expected));
	json_decref(expected);
	json_decref(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_commands), cmocka_unit_test(a_group_of_another_account),
		cmocka_unit_test(whose_groups),	      cmocka_unit_test(hostile_ids),
		cmocka_unit_test(too_long),	      cmocka_unit_test(as_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
