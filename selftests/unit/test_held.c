// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The state in force as text: what is written is read again, and nothing else is. */
#include "feed/held.h"
#include "feed_text.h"
#include "test.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEAD "branchguard held 1\nboot b\ntext 1 " SHA "\n"

#define FEED                                                                                       \
	"{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1','GroupName':'pay',"                  \
	"'IpPermissions':[{'IpProtocol':'tcp','FromPort':1,'ToPort':2,"                            \
	"'IpRanges':[{'CidrIp':'10.0.0.0/8'}],'Ipv6Ranges':[{'CidrIpv6':'2001:db8::/48'}],"        \
	"'PrefixListIds':[{'PrefixListId':'pl-1'}],'UserIdGroupPairs':[{'GroupId':'sg-2'}]},"      \
	"{'IpProtocol':'icmp','IpRanges':[{'CidrIp':'10.0.0.0/8'}]}],"                             \
	"'IpPermissionsEgress':[{'IpProtocol':'-1','IpRanges':[{'CidrIp':'0.0.0.0/0'}]},"          \
	"{'IpProtocol':'50','IpRanges':[{'CidrIp':'10.0.0.0/8'}]}]}],"                             \
	"'SecurityGroupRules':[{'SecurityGroupRuleId':'sgr-1','GroupId':'sg-1','IpProtocol':"      \
	"'tcp','FromPort':1,'ToPort':2,'CidrIpv4':'10.0.0.0/8'}],"                                 \
	"'PrefixLists':[{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'},"                \
	"{'Cidr':'2001:db8:1::/64'}]}],"                                                           \
	"'Branches':[{'Id':'eni 1','VlanId':9,'Mode':'standard','GroupIds':['sg-1','sg-2'],"       \
	"'ConnectionTracking':{'UdpTimeout':7},"                                                   \
	"'Pods':[{'Namespace':'shop','Name':'cart-0','Addresses':['10.0.0.9','2001:db8::9'],"      \
	"'HostInterface':'veth1','Probes':[{'Protocol':'tcp','Port':80},{'Protocol':'icmp'}]},"    \
	"{'Addresses':[]}]}]}"

static struct bg_model *all_kept(void)
{
	/* the quote in the name stays a quote */
	struct bg_model *model = feed_parse(FEED);

	model->branches[0].kept_since_ns = 11;
	model->branches[0].ifindex = 5;
	model->branches[0].pods[0].ifindex = 6;
	model->groups[0].kept_since_ns = 12;
	for (size_t i = 0; i < model->set_count; i++)
		if (model->sets[i].kind == BG_SET_LIST)
			model->sets[i].kept_since_ns = 13;
	return model;
}

static struct bg_json_writer written(const struct bg_model *model)
{
	struct bg_json_writer writer = {};

	bg_held_write(model, model, "boot id", 1, SHA, &writer);
	assert_false(writer.failed);
	return writer;
}

static void what_is_written_is_read(void **state)
{
	struct bg_model *model = all_kept(), *again = NULL;
	struct bg_json_writer writer = written(model);
	struct bg_held held = {};
	struct bg_error err = {};
	char *before, *after;

	(void)state;
	assert_int_equal(bg_held_read(writer.text, writer.length_bytes, &held, &err), 0);
	assert_string_equal(held.boot, "boot id");
	assert_int_equal(held.slot, 1);
	assert_string_equal(held.sha256, SHA);
	if (bg_feed_parse("feed", held.feed, held.feed_bytes, &again, NULL, &err))
		fail_msg("%s\n%.*s", err.text, (int)held.feed_bytes, held.feed);
	bg_held_apply(&held, true, again);
	assert_int_equal(again->branches[0].ifindex, 5);
	assert_int_equal(again->branches[0].pods[0].ifindex, 6);
	assert_int_equal(again->branches[0].pods[1].ifindex, 0);
	assert_true(again->branches[0].kept_since_ns == 11);
	assert_true(again->groups[0].kept_since_ns == 12);
	assert_int_equal(again->branches[0].timeouts.udp_s, 7);
	before = feed_describe(model, FEED_GROUPS | FEED_BRANCHES);
	after = feed_describe(again, FEED_GROUPS | FEED_BRANCHES);
	assert_string_equal(before, after);
	for (size_t i = 0; i < again->set_count; i++) {
		if (again->sets[i].kind != BG_SET_LIST)
			continue;
		assert_true(again->sets[i].kept_since_ns == 13);
		assert_int_equal(again->sets[i].prefix_count, 2);
	}
	free(before);
	free(after);
	bg_held_free(&held);
	bg_json_writer_free(&writer);
	bg_model_free(again);
	bg_model_free(model);
}

/* Cut anywhere, it is refused, and so is what has a byte more. */
static void cut_short(void **state)
{
	struct bg_model *model = all_kept();
	struct bg_json_writer writer = written(model);
	struct bg_held held = {};
	struct bg_error err;

	(void)state;
	for (size_t i = 0; i < writer.length_bytes; i++) {
		char *copy = malloc(i ? i : 1);

		assert_non_null(copy);
		memcpy(copy, writer.text, i);
		if (!bg_held_read(copy, i, &held, &err))
			fail_msg("%zu bytes of %zu are taken", i, writer.length_bytes);
		free(copy);
	}
	bg_json_raw(&writer, "\n", 1);
	assert_int_equal(bg_held_read(writer.text, writer.length_bytes, &held, &err), -EINVAL);
	bg_json_writer_free(&writer);
	bg_model_free(model);
}

static void damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"branchguard held 2\nboot b\ntext 1 " SHA "\nfeed 0\n",
		"branchguard held 1\nboot \ntext 1 " SHA "\nfeed 0\n",
		"branchguard held 1\nboot b\ntext 2 " SHA "\nfeed 0\n",
		"branchguard held 1\nboot b\ntext 1 0" SHA "\nfeed 0\n",
		"branchguard held 1\nboot b\ntext 1 ../../etc/passwd\nfeed 0\n",
		HEAD "pod 1 eth0\nfeed 0\n",
		HEAD "branch 1 2 9 eth0\nfeed 0\n",
		HEAD "branch 1 -2 9 eth0 id\nfeed 0\n",
		HEAD "branch 1 2 9 eth0123456789abc id\nfeed 0\n",
		HEAD "branch 99999999999999999999999 2 9 eth0 id\nfeed 0\n",
		HEAD "branch 1 4294967297 9 eth0 id\nfeed 0\n",
		HEAD "branch 1 2 9 eth0 i\x1b[2Jd\nfeed 0\n",
		HEAD "group 1\nfeed 0\n",
		HEAD "list x pl-1\nfeed 0\n",
		HEAD "open 1\nfeed 0\n",
		HEAD "feed 1\n",
		HEAD "feed 99999999\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct bg_held held = {};
		struct bg_error err = {};

		if (bg_held_read(texts[i], strlen(texts[i]), &held, &err) != -EINVAL)
			fail_msg("taken: %s", texts[i]);
		assert_non_null(strstr(err.text, "the state in force: line"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
