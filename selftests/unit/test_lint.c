// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What `check` warns of beyond validation, and what it does not; and how long a
 * feed of ordinary size takes, from text to image. */
#include <time.h>

#include "compile/compile.h"
#include "compile/registry.h"
#include "feed_text.h"
#include "test.h"

/* From "tcp 1 2 10.0.0.0/8,any - - sg-2": permissions of one peer each. */
static void print_rules(FILE *out, const char *rules)
{
	char copy[512], *rest = copy, *rule;
	const char *separator = "";

	snprintf(copy, sizeof(copy), "%s", rules);
	while ((rule = strsep(&rest, ",")) && *rule) {
		char protocol[16], from[16], to[16], peer[64], ports[64] = "";
		const char *list;

		assert_int_equal(sscanf(rule, "%15s %15s %15s %63s", protocol, from, to, peer), 4);
		if (*from != '-' || from[1])
			snprintf(ports, sizeof(ports), "'FromPort':%s,'ToPort':%s,", from, to);
		if (!strncmp(peer, "sg-", 3))
			list = "'UserIdGroupPairs':[{'GroupId'";
		else if (!strncmp(peer, "pl-", 3))
			list = "'PrefixListIds':[{'PrefixListId'";
		else if (strchr(peer, ':'))
			list = "'Ipv6Ranges':[{'CidrIpv6'";
		else
			list = "'IpRanges':[{'CidrIp'";
		fprintf(out, "%s{'IpProtocol':'%s',%s%s:'%s'}]}", separator,
			strcmp(protocol, "any") ? protocol : "-1", ports, list, peer);
		separator = ",";
	}
}

/* The lints of a feed, without the parser's own warnings. */
static void lints_are(const char *text, const char *expected)
{
	struct bg_model *model = feed_parse(text);
	size_t before = model->warning_count;
	char *found = NULL;
	size_t size;
	FILE *out = open_memstream(&found, &size);

	assert_non_null(out);
	assert_int_equal(bg_feed_lint(model), 0);
	for (size_t i = before; i < model->warning_count; i++)
		fprintf(out, "%s: %s\n", model->warnings[i].pointer, model->warnings[i].text);
	assert_int_equal(fclose(out), 0);
	bg_model_free(model);
	if (strcmp(found, expected) != 0)
		fail_msg("%s\n--- expected\n%s--- found\n%s", text, expected, found);
	free(found);
}

/* Of group sg-1 with these rules (there are also sg-2, which is empty, and lists
 * pl-0 without entries, pl-1 and pl-2), and more of the document. */
static void lints_of(const char *ingress, const char *egress, const char *more,
		     const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fputs("{'FeedVersion':1,'PrefixLists':[{'PrefixListId':'pl-0','Entries':[]},"
	      "{'PrefixListId':'pl-1','Entries':[{'Cidr':'10.0.0.0/8'}]},"
	      "{'PrefixListId':'pl-2','Entries':[{'Cidr':'10.0.0.0/8'},"
	      "{'Cidr':'::/0'}]}],"
	      "'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':[",
	      out);
	print_rules(out, ingress);
	fputs("],'IpPermissionsEgress':[", out);
	print_rules(out, egress);
	fprintf(out, "]},{'GroupId':'sg-2'}]%s}", more);
	assert_int_equal(fclose(out), 0);
	lints_are(text, expected);
	free(text);
}

#define IN "/SecurityGroups/0/IpPermissions/"
#define OUT "/SecurityGroups/0/IpPermissionsEgress/"
#define NODE(more) ",'Node':{" more "}"
#define ADDRESS "'Addresses':['10.0.0.1']"
#define SERVICES "'ServiceCidrs':['172.20.0.0/16']"
#define LOCAL_DNS "'LocalServices':[{'Address':'169.254.20.10','Protocol':'udp','Port':53}]"
#define BRANCH(pods) ",'Branches':[{'Id':'eni-1','VlanId':9,'GroupIds':['sg-1'],'Pods':[" pods "]}]"
#define POD_WITH(more)                                                                             \
	BRANCH("{'Namespace':'shop','Name':'cart-0','Addresses':['10.0.0.9']" more "}")
#define POD POD_WITH("")
#define ALL "any - - 0.0.0.0/0"

static void a_feed_that_is_fine(void **state)
{
	(void)state;
	lints_of("tcp 80 80 10.0.0.0/16", ALL, NODE(ADDRESS "," SERVICES "," LOCAL_DNS) POD, "");
	lints_are(feed_example, "");
	lints_are("{'FeedVersion':1,'SecurityGroups':[]}", "");
}

/* Said, not left out: a query that found nothing by mistake looks like this. */
static void lists_that_are_empty(void **state)
{
	static const char interfaces[] =
		"/NetworkInterfaces: is empty: rules that name a group admit branches of this feed "
		"and nobody else\n";

	(void)state;
	lints_are(
		"{'FeedVersion':1,'SecurityGroups':[],'Branches':[]}",
		"/Branches: is empty: branches that are in force stay so while they live, and any "
		"other one drops everything\n");
	/* nobody refers to them */
	lints_of("tcp 80 80 10.0.0.0/16", ALL, ",'NetworkInterfaces':[]" POD, "");
	/* the branch itself is a member */
	lints_of("tcp 80 80 sg-1", ALL, ",'NetworkInterfaces':[]" POD, interfaces);
	lints_of("tcp 80 80 sg-1", ALL,
		 ",'NetworkInterfaces':[{'NetworkInterfaceId':'eni-7',"
		 "'PrivateIpAddress':'10.0.0.7'}]" POD,
		 "");
	lints_of("tcp 80 80 sg-1", ALL, POD, "");
}

static void rules_that_can_never_match(void **state)
{
	(void)state;
	lints_of("icmp -1 -1 ::/0,icmpv6 128 0 10.0.0.0/8", "", "",
		 IN "0/Ipv6Ranges/0: group sg-1: rule ingress icmp all from ::/0 can never match: "
		    "icmp is IPv4's, and ::/0 has only IPv6 addresses (icmpv6 is meant?)\n" IN
		    "1/IpRanges/0: group sg-1: rule ingress icmpv6 type 128 code 0 from 10.0.0.0/8 "
		    "can never match: icmpv6 is IPv6's, and 10.0.0.0/8 has only IPv4 addresses "
		    "(icmp is meant?)\n");
	/* one warning for all rules that name it */
	lints_of("any - - sg-2,tcp 1 1 sg-2", "any - - pl-0", "",
		 IN "0/UserIdGroupPairs/0: group sg-1: rule ingress everything from sg-2 can never "
		    "match: sg-2 has no members in this feed\n" OUT
		    "0/PrefixListIds/0: group sg-1: rule egress everything to pl-0 can never "
		    "match: pl-0 has no entries in this feed\n");
	/* a list of both families matches in one of them */
	lints_of("icmp 8 0 pl-2,icmpv6 128 0 pl-2", "", "", "");
}

static void rules_that_add_nothing(void **state)
{
	(void)state;
	/* to a rule with a broader CIDR or more ports, whichever comes first */
	lints_of("tcp 443 443 10.9.1.0/24,tcp 443 443 10.9.0.0/16,tcp 80 8080 10.9.0.0/16,"
		 "tcp 90 91 10.9.0.0/16",
		 "", "",
		 IN "1/IpRanges/0: group sg-1: rule ingress tcp 443 from 10.9.0.0/16 adds nothing "
		    "to ingress tcp 80-8080 from 10.9.0.0/16\n" IN
		    "3/IpRanges/0: group sg-1: rule ingress tcp 90-91 from 10.9.0.0/16 adds "
		    "nothing to ingress tcp 80-8080 from 10.9.0.0/16\n" IN
		    "0/IpRanges/0: group sg-1: rule ingress tcp 443 from 10.9.1.0/24 adds nothing "
		    "to ingress tcp 80-8080 from 10.9.0.0/16\n");
	/* to everything; ::/0 is not IPv4's */
	lints_of("", "any - - ::/0,tcp 1 2 2001:db8::/32,tcp 1 2 10.0.0.0/8", "",
		 OUT
		 "1/Ipv6Ranges/0: group sg-1: rule egress tcp 1-2 to 2001:db8::/32 adds nothing "
		 "to egress everything to ::/0\n");
	lints_of("icmp 3 -1 10.0.0.0/8,icmp 3 4 10.0.0.0/8,icmp 8 0 10.0.0.0/8", "", "",
		 IN
		 "1/IpRanges/0: group sg-1: rule ingress icmp type 3 code 4 from 10.0.0.0/8 adds "
		 "nothing to ingress icmp type 3 from 10.0.0.0/8\n");
	/* the same list; what a list holds today is not what it means */
	lints_of("tcp 1 10 pl-1,tcp 5 6 pl-1,tcp 5 6 10.0.0.0/8", "", "",
		 IN "1/PrefixListIds/0: group sg-1: rule ingress tcp 5-6 from pl-1 adds nothing to "
		    "ingress tcp 1-10 from pl-1\n");
}

static void rules_that_do_add(void **state)
{
	(void)state;
	/* a port more, another half, another protocol, the other direction */
	lints_of("tcp 1 10 10.0.0.0/8,tcp 10 11 10.0.0.0/9,udp 1 1 10.0.0.0/16,"
		 "any - - 10.128.0.0/9",
		 "tcp 5 5 10.0.0.0/16", "", "");
	/* sorted behind 10.0.0.0/16, but not inside of it */
	lints_of("any - - 10.0.0.0/16,tcp 1 1 10.1.0.0/16,tcp 2 2 10.0.0.0/8", "", "", "");
}

static void peers_that_are_service_addresses(void **state)
{
	(void)state;
	lints_of("any - - 172.20.0.10/32", "tcp 443 443 172.20.0.0/24,udp 1 1 172.16.0.0/12",
		 NODE(SERVICES),
		 OUT "0/IpRanges/0: group sg-1: rule egress tcp 443 to 172.20.0.0/24 names service "
		     "addresses: the verdict falls after their translation, so allow the pods "
		     "behind them instead\n");
}

static void branches_without_rules(void **state)
{
	(void)state;
	lints_of("", "", POD,
		 "/Branches/0: branch eni-1: its groups have no rule that can match: nothing is "
		 "allowed\n");
	/* groups and pods that are not there are the parser's to report */
	lints_of(ALL, "", BRANCH(""), "");
	lints_of(ALL, "", ",'Branches':[{'Id':'a','VlanId':9,'Pods':[{'Addresses':['10.0.0.9']}]}]",
		 "");
}

static void pods_that_cannot_reach_dns(void **state)
{
	(void)state;
	lints_of("", "tcp 443 443 0.0.0.0/0", POD,
		 "/Branches/0: branch eni-1: no egress rule admits UDP 53: its pods reach only the "
		 "resolver of the VPC\n");
	lints_of("", "tcp 53 53 0.0.0.0/0,udp 54 60 0.0.0.0/0",
		 NODE("'PlatformTraffic':'filter'") POD,
		 "/Branches/0: branch eni-1: no egress rule admits UDP 53: its pods reach no DNS "
		 "server\n");
	lints_of("", "udp 53 53 10.0.0.2/32", POD, "");
	lints_of("", "udp 1 60 10.0.0.2/32", NODE(LOCAL_DNS) POD,
		 "/Branches/0: branch eni-1: no egress rule admits UDP 53 to the DNS server in "
		 "/Node/LocalServices\n");
	lints_of("", "udp 53 53 169.254.20.10/32", NODE(LOCAL_DNS) POD, "");
	lints_of("", ALL, NODE(LOCAL_DNS) POD, "");
}

static void pods_that_cannot_be_probed(void **state)
{
	static const char cannot[] =
		"/Branches/0/Pods/0: pod shop/cart-0: kubelet cannot probe it: it declares no "
		"Probes, and no ingress rule of eni-1 admits an address of the node\n";

	(void)state;
	lints_of("tcp 80 80 10.9.0.0/16", ALL, NODE(ADDRESS) POD, cannot);
	lints_of("udp 80 80 10.0.0.0/16", ALL, NODE(ADDRESS) POD, cannot);
	lints_of("tcp 80 80 10.0.0.0/16", ALL, NODE(ADDRESS) POD, "");
	lints_of("any - - 10.0.0.1/32", ALL, NODE(ADDRESS) POD, "");
	lints_of("", ALL, NODE(ADDRESS) POD_WITH(",'Probes':[{'Port':80}]"), "");
	/* of a node whose addresses are not known */
	lints_of("", ALL, POD, "");
	lints_of("", ALL, POD_WITH(",'Probes':[{'Port':80}]"),
		 "/Node/Addresses: pods declare Probes, but the feed gives no address of the node "
		 "that they may come from\n");
}

/* --- how long it takes --- */

/* CPU time of this process: others must not make the test fail. */
static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* 100,000 interfaces of one group, 1,000 rules in each of three groups. */
static char *ordinary_feed(size_t *length)
{
	char *text = NULL, *json;
	FILE *out = open_memstream(&text, length);

	assert_non_null(out);
	fputs("{'FeedVersion':1,'SecurityGroups':[", out);
	for (int g = 0; g < 3; g++) {
		fprintf(out,
			"%s{'GroupId':'sg-%d','IpPermissionsEgress':[{'IpProtocol':"
			"'-1','IpRanges':[{'CidrIp':'0.0.0.0/0'}]}],"
			"'IpPermissions':[{'IpProtocol':'tcp','FromPort':5432,"
			"'ToPort':5432,'UserIdGroupPairs':[{'GroupId':'sg-9'}]}",
			g ? "," : "", g);
		for (int i = 1; i < 1000; i++)
			fprintf(out,
				",{'IpProtocol':'tcp','FromPort':%d,'ToPort':%d,"
				"'IpRanges':[{'CidrIp':'10.%d.%d.0/24'}]}",
				i, i + g, i & 255, i >> 8);
		fputs("]}", out);
	}
	fputs("],'NetworkInterfaces':[", out);
	for (int i = 0; i < 100000; i++)
		fprintf(out,
			"%s{'NetworkInterfaceId':'eni-%017x','Status':'in-use',"
			"'MacAddress':'02:00:00:00:00:00','Groups':[{'GroupId':"
			"'sg-9','GroupName':'db'}],'PrivateIpAddresses':[{'Primary':"
			"true,'PrivateIpAddress':'10.%d.%d.%d'}]}",
			i ? "," : "", i, 1 + (i >> 16), i >> 8 & 255, i & 255);
	fputs("],'Branches':[", out);
	for (int i = 1; i < 10; i++)
		fprintf(out,
			"%s{'Id':'eni-%d','VlanId':%d,'GroupIds':['sg-%d'],'Pods':"
			"[{'Name':'p%d','Addresses':['10.200.0.%d']}]}",
			i > 1 ? "," : "", i, i, i % 3, i, i);
	fputs("]}", out);
	assert_int_equal(fclose(out), 0);
	json = json_of(text, length);
	free(text);
	return json;
}

/* Well under a second by itself; the limit only catches what is of another order. */
#define LIMIT_MS 3000

static void a_hundred_thousand_members(void **state)
{
	struct bg_registry *registry = bg_registry_new(1 << 16, 256);
	struct bg_model *model = NULL;
	struct bg_image *image = NULL;
	struct bg_error err = {};
	double start_ms, parsed_ms, numbered_ms, compiled_ms, end_ms;
	size_t length;
	char *text = ordinary_feed(&length);
	int rc;

	(void)state;
	assert_non_null(registry);
	start_ms = now_ms();
	rc = bg_feed_parse("feed", text, length, &model, NULL, &err);
	parsed_ms = now_ms();
	if (!rc)
		rc = bg_registry_assign(registry, model, &err);
	numbered_ms = now_ms();
	if (!rc)
		rc = bg_compile(model, 1, 1 << 14, &image, &err);
	compiled_ms = now_ms();
	if (!rc)
		rc = bg_feed_lint(model);
	end_ms = now_ms();
	if (rc)
		fail_msg("%s", err.text);
	print_message("# %zu KiB, %zu members, %zu rules: parse %.0f ms, number %.0f ms, compile "
		      "%.0f ms, lint %.0f ms\n",
		      length >> 10, model->member_count, model->rule_count, parsed_ms - start_ms,
		      numbered_ms - parsed_ms, compiled_ms - numbered_ms, end_ms - compiled_ms);
	assert_int_equal(model->member_count, 100000 + 999 + 1);
	assert_int_equal(model->rule_count, 3003);
	assert_true(end_ms - start_ms < LIMIT_MS);
	bg_image_free(image);
	bg_model_free(model);
	bg_registry_free(registry);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_feed_that_is_fine),
		cmocka_unit_test(lists_that_are_empty),
		cmocka_unit_test(rules_that_can_never_match),
		cmocka_unit_test(rules_that_add_nothing),
		cmocka_unit_test(rules_that_do_add),
		cmocka_unit_test(peers_that_are_service_addresses),
		cmocka_unit_test(branches_without_rules),
		cmocka_unit_test(pods_that_cannot_reach_dns),
		cmocka_unit_test(pods_that_cannot_be_probed),
		cmocka_unit_test(a_hundred_thousand_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
