// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From answers to the feed of a node: whatever the order of the files, with prefix lists, broken
 * objects and settings among them, and none of half a cluster. */
#include "for_gather.h"
#include "test.h"

/* Whatever the order, the feed is the same to the byte. */
static void files_in_any_order(void **state)
{
	static const char *const texts[] = {
		ITEMS(NODE_N1 "," CART),
		ITEMS(POD("cart-1", ANNOTATED("eni-2", "2", "10.0.0.2"), ON_N1, "")),
		ITEMS(CART_POLICY("'sg-1','sg-2'")),
		/* one pod as two tell it, neither of which is newer */
		ITEMS(POD("cart-2", ANNOTATED("eni-5", "5", "10.0.0.5"), ON_N1, "")),
		ITEMS(POD("cart-2", ANNOTATED("eni-6", "6", "10.0.0.6"), ON_N1, "")),
		GROUPS(GROUP("sg-1")),
		GROUPS(GROUP("sg-2")),
		INTERFACES(INTERFACE("eni-1", "sg-1", "10.0.0.1")),
		INTERFACES(INTERFACE("eni-1", "sg-2", "10.0.0.1")),
	};
	const size_t count = sizeof(texts) / sizeof(texts[0]);
	char *first = NULL;

	(void)state;
	for (size_t turn = 0; turn < 2 * count; turn++) {
		struct bg_cluster cluster = {};
		char *feed;

		for (size_t i = 0; i < count; i++) {
			size_t n = (turn + (turn < count ? i : count - i)) % count;
			char name[16];

			snprintf(name, sizeof(name), "%zu.json", n);
			gather(&cluster, name, texts[n]);
		}
		feed = gathered_feed(&cluster, false);
		/* described twice and differently, eni-1 counts as not described */
		must_report(&cluster, "interface eni-1 is described twice, differently");
		must_have(feed, "'Id':'eni-1','VlanId':9,'GroupIds':['sg-1','sg-2']");
		if (first)
			assert_string_equal(feed, first);
		else
			first = strdup(feed);
		free(feed);
		bg_cluster_release(&cluster);
	}
	free(first);
}

/* All in one text, as `{ kubectl ...; aws ...; } |` makes it. */
static void documents_one_after_the_other(void **state)
{
	feed_has(" " ITEMS(NODE_N1 "," CART) "\n" ITEMS(CART_POLICY("'sg-1'"))
			 GROUPS(GROUP("sg-1")) " \n",
		 ACTUAL("{'GroupId':'sg-1'}"), "'GroupIds':['sg-1']", NULL, NULL);
	(void)state;
}

/* The error of join or of the feed. */
static void no_feed(const char *kubectl, const char *aws, const char *expected)
{
	const struct bg_settings settings = {};
	struct bg_json_writer feed = {};
	struct bg_cluster cluster = {};
	struct bg_error err = {};

	if (*kubectl)
		gather(&cluster, "kubectl.json", kubectl);
	if (*aws)
		gather(&cluster, "aws.json", aws);
	assert_true(bg_cluster_join(&cluster, &err) ||
		    bg_node_feed(&cluster, "n1", false, &settings, &feed, &err));
	if (!strstr(err.text, expected))
		fail_msg("expected \"%s\", found \"%s\"", expected, err.text);
	bg_json_writer_free(&feed);
	bg_cluster_release(&cluster);
}

static void of_half_a_cluster_there_is_no_feed(void **state)
{
	(void)state;
	no_feed("", GROUPS("") INTERFACES(""), "no file has what `kubectl get");
	no_feed(ITEMS(NODE_N1), INTERFACES(""),
		"no file has what `aws ec2 describe-security-groups`");
	no_feed(ITEMS(NODE_N1), GROUPS(""),
		"no file has what `aws ec2 describe-network-interfaces`");
	no_feed(ITEMS(NODE_N1), GROUPS("") "{'NetworkInterfaces':[],'NextToken':'t'}",
		"the last page of `aws ec2 describe-network-interfaces` is missing: 1 was given");
	no_feed("{'kind':'List','items':[" NODE_N1 "],'metadata':{'continue':'t'}}",
		GROUPS("") INTERFACES(""), "the last page of `kubectl get");
	no_feed(ITEMS(""), GROUPS("") INTERFACES(""), "n1: the files have no such node: expected");
	no_feed(ITEMS(OBJECT("v1", "Node", "'name':'n2'", "")), GROUPS("") INTERFACES(""),
		"one that they have is n2");
	/* with its last page it is whole */
	feed_has(ITEMS(NODE_N1),
		 GROUPS("") "{'NetworkInterfaces':[],'NextToken':'t'}{'NetworkInterfaces':[],"
			    "'NextToken':null}{'NetworkInterfaces':[],'NextToken':''}",
		 "'Branches':[]", NULL, NULL);
}

#define LISTED                                                                                     \
	GROUPS("{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'-1','PrefixListIds':[{"          \
	       "'PrefixListId':'pl-1'}]}]}")                                                       \
	ACTUAL("{'GroupId':'sg-1'}")

static void prefix_lists(void **state)
{
	static const char items[] = ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'"));

	(void)state;
	/* nothing is said of a list without entries: the daemon keeps those that it had */
	feed_has(items, LISTED, "'PrefixListId':'pl-1'", "Entries",
		 "the feed has no entries of pl-1");
	feed_has(items,
		 LISTED "{'PrefixLists':[{'PrefixListId':'pl-1','State':'create-complete'}]}",
		 "'PrefixListId':'pl-1'", "Entries", "the feed has no entries of pl-1");
	/* an empty one is empty */
	feed_has(items, LISTED "{'PrefixListId':'pl-1','Entries':[]}",
		 "{'PrefixListId':'pl-1','Entries':[]}", NULL, NULL);
	/* two pages, and AWS's own form */
	feed_has(items,
		 LISTED
		 "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}],'NextToken':'t'}"
		 "{'PrefixListId':'pl-1','Entries':[{'Cidr':'2001:db8::/32'}]}",
		 "'Entries':[{'Cidr':'192.0.2.0/24'},{'Cidr':'2001:db8::/32'}]", NULL, NULL);
	feed_has(items, LISTED "{'PrefixLists':[{'PrefixListId':'pl-1','Cidrs':['192.0.2.0/24']}]}",
		 "'Entries':[{'Cidr':'192.0.2.0/24'}]", NULL, NULL);
	/* the last page is missing, or two answers differ */
	feed_has(items,
		 LISTED
		 "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}],'NextToken':'t'}",
		 "pl-1", "192.0.2", "prefix list pl-1: the last page of its entries is missing");
	feed_has(items,
		 LISTED "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0/24'}]}"
			"{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.3.0/24'}]}",
		 "pl-1", "192.0.", "prefix list pl-1 is described twice, differently");
	feed_has(items,
		 LISTED "{'PrefixListId':'pl-1','Entries':[{'Cidr':'192.0.2.0'},{'Cidr':'x'}]}",
		 "pl-1", "192.0.2",
		 "/Entries/1/Cidr: prefix list pl-1: found \"x\", expected a CIDR");
}

static void entries_without_an_id_are_their_files(void **state)
{
	struct bg_cluster cluster = {};
	struct bg_error err;

	(void)state;
	gather(&cluster, "/tmp/pl-x/entries of pl-0e5.json",
	       "{'Entries':[{'Cidr':'192.0.2.0/24'}]}");
	assert_int_equal(cluster.list_count, 1);
	assert_string_equal(cluster.lists[0].id, "pl-0e5");
	assert_int_equal(gather_try(&cluster, "pl-1/entries.json", "{'Entries':[]}", &err),
			 -EINVAL);
	must_have(err.text, "whose entries are these?");
	bg_cluster_release(&cluster);
}

static void broken_objects_of_ec2(void **state)
{
	(void)state;
	/* rules by themselves would define a group that was left out */
	feed_has(
		ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		GROUPS("{'GroupId':'sg-1','IpPermissions':7}") "{'SecurityGroupRules':[{'GroupId':"
							       "'sg-1','IpProtocol':'-1','CidrIpv4':'10.0.0.0/8','SecurityGroupRuleId':'sgr-1'}]}" ACTUAL(
								       "{'GroupId':'sg-1'}"),
		"'SecurityGroups':[]", "sgr-1",
		"/SecurityGroups/0/IpPermissions: group sg-1: found 7");
	feed_has(
		ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		GROUPS("{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'tcp','FromPort':1,'ToPort':"
		       "70000}]}") ACTUAL("{'GroupId':'sg-1'}"),
		"'SecurityGroups':[]", NULL,
		"aws.json: /SecurityGroups/0/IpPermissions/0/ToPort: group sg-1: found 70000");
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1") ",{'GroupName':'x'}")
			 INTERFACES("7,{'NetworkInterfaceId':'eni-9','PrivateIpAddress':'x'},"
				    "{'NetworkInterfaceId':'eni-1','Groups':[{'GroupId':'sg-1'}]}"),
		 "'GroupIds':['sg-1']", NULL,
		 "aws.json: /NetworkInterfaces/1/PrivateIpAddress: interface eni-9: found \"x\"");
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP(
			 "sg-1")) "{'SecurityGroupRules':[{'GroupId':'sg-1','IpProtocol':'tcp',"
				  "'FromPort':1,'ToPort':2,'CidrIpv4':'10.0.0.0/33',"
				  "'SecurityGroupRuleId':'sgr-1'}]}" ACTUAL("{'GroupId':'sg-1'}"),
		 "'sg-1'", "sgr-1", "/SecurityGroupRules/0/CidrIpv4: rule sgr-1: ");
	feed_has(ITEMS(NODE_N1 "," CART "," CART_POLICY("'sg-1'")),
		 GROUPS(GROUP("sg-1") ",{'GroupId':'sg-1','GroupName':'other'}")
			 ACTUAL("{'GroupId':'sg-1'}"),
		 "'SecurityGroups':[]", NULL, "group sg-1 is described twice, differently");
}

static char *with_settings(struct bg_cluster *cluster, const char *text, struct bg_error *err)
{
	struct bg_settings settings = {};
	struct bg_json_writer feed = {};
	char *copy = strdup(text), *result = NULL;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	gather(cluster, "kubectl.json", ITEMS(NODE_N1 "," CART));
	gather(cluster, "aws.json",
	       GROUPS(GROUP("sg-1")) INTERFACES(INTERFACE("eni-n", "sg-1", "10.0.1.10")));
	if (!bg_settings_read(cluster, "settings.json", copy, strlen(copy), &settings, err) &&
	    !bg_cluster_join(cluster, err) &&
	    !bg_node_feed(cluster, "n1", true, &settings, &feed, err))
		result = strndup(feed.text, feed.length_bytes);
	bg_json_writer_free(&feed);
	bg_settings_release(&settings);
	free(copy);
	return result;
}

static void settings_are_taken_as_they_are(void **state)
{
	struct bg_cluster cluster = {};
	struct bg_error err;
	char *feed = with_settings(
		&cluster,
		"{'Node':{'Name':'x','VpcCidrs':['10.0.0.0/16'],'ExternalSnat':true,'ServiceCidrs':["
		"'172.20.0.0/16'],'LocalServices':[{'Address':'169.254.20.10','Protocol':'udp','Port':"
		"53}]}}",
		&err);

	(void)state;
	assert_non_null(feed);
	must_have(feed,
		  "'Node':{'Name':'n1','Addresses':['10.0.1.10'],'GroupIds':['sg-1'],"
		  "'ServiceCidrs':['172.20.0.0/16'],'VpcCidrs':['10.0.0.0/16'],'ExternalSnat':"
		  "true,'LocalServices':[{'Address':'169.254.20.10','Protocol':'udp','Port':53}]}");
	must_have(feed, "'Mode':'standard'");
	free(feed);
	bg_cluster_release(&cluster);
}

static void settings_that_are_wrong(void **state)
{
	static const char *const cases[][2] = {
		{ "{'Node':{'VpcCidrs':['x']}}", "settings.json: /Node/VpcCidrs/0: found" },
		{ "{'Branches':[]}",
		  "settings.json: found other keys than Node and DefaultGroupIds" },
		{ "[]", "settings.json:1:1: found an array, expected a JSON object" },
		{ "{'Node':{}} {}", "settings.json:1:" },
		{ "{'DefaultGroupIds':[7]}", "settings.json: /DefaultGroupIds/0: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_cluster cluster = {};
		struct bg_error err = {};

		assert_null(with_settings(&cluster, cases[i][0], &err));
		must_have(err.text, cases[i][1]);
		bg_cluster_release(&cluster);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_in_any_order),
		cmocka_unit_test(documents_one_after_the_other),
		cmocka_unit_test(of_half_a_cluster_there_is_no_feed),
		cmocka_unit_test(prefix_lists),
		cmocka_unit_test(entries_without_an_id_are_their_files),
		cmocka_unit_test(broken_objects_of_ec2),
		cmocka_unit_test(settings_are_taken_as_they_are),
		cmocka_unit_test(settings_that_are_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
