// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the rules of a feed mean: peers, services, both ways of writing them. */
#include "feed_text.h"
#include "test.h"

/* Interfaces, delegated prefixes and branches are members; a group may name itself. */
static void a_reference_stands_for_members(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'SecurityGroups':["
		"{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'-1','UserIdGroupPairs':"
		"[{'GroupId':'sg-1'},{'GroupId':'sg-2'}]}]},"
		"{'GroupId':'sg-2','IpPermissions':[{'IpProtocol':'-1','UserIdGroupPairs':"
		"[{'GroupId':'sg-1'},{'GroupId':'sg-3'},{'GroupId':'sg-4'}]}]},"
		"{'GroupId':'sg-3'}],"
		"'NetworkInterfaces':[{'Groups':[{'GroupId':'sg-1'},{'GroupId':'sg-2'}],"
		"'PrivateIpAddresses':[{'PrivateIpAddress':'10.0.0.1'},"
		"{'PrivateIpAddress':'10.0.0.2'}],"
		"'Ipv6Addresses':[{'Ipv6Address':'2001:db8::1'}],"
		"'Ipv4Prefixes':[{'Ipv4Prefix':'10.0.1.0/28'}],"
		"'Ipv6Prefixes':[{'Ipv6Prefix':'2001:db8:1::/80'}]}],"
		"'Branches':[{'Id':'eni-1','VlanId':9,'GroupIds':['sg-1'],'Pods':["
		"{'Addresses':['10.0.0.9','2001:db8::9']},{'Addresses':['10.0.0.8']}]}]}",
		FEED_GROUPS | FEED_SETS,
		"group sg-1\n"
		"  - ingress -1 0-65535 sg-1\n"
		"  - ingress -1 0-65535 sg-2\n"
		"group sg-2\n"
		"  - ingress -1 0-65535 sg-1\n"
		"  - ingress -1 0-65535 sg-3\n"
		"  - ingress -1 0-65535 sg-4\n"
		"group sg-3\n"
		"set sg-1: 10.0.0.1/32 10.0.0.2/32 10.0.0.8/32 10.0.0.9/32 10.0.1.0/28 "
		"2001:db8::1/128 2001:db8::9/128 2001:db8:1::/80\n"
		"set sg-2: 10.0.0.1/32 10.0.0.2/32 10.0.1.0/28 2001:db8::1/128 "
		"2001:db8:1::/80\n"
		"set sg-3:\n"
		"set sg-4: (unresolved)\n");
}

/* A branch is an interface, so EC2's list has it as well. */
static void members_are_listed_once(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':"
		"[{'IpProtocol':'-1','UserIdGroupPairs':[{'GroupId':'sg-1'}]}]}],"
		"'NetworkInterfaces':[{'NetworkInterfaceId':'eni-1','Groups':[{'GroupId':'sg-1'}],"
		"'PrivateIpAddresses':[{'PrivateIpAddress':'10.0.0.9'}]}],"
		"'Branches':[{'Id':'eni-1','VlanId':9,'GroupIds':['sg-1'],"
		"'Pods':[{'Addresses':['10.0.0.9']}]}]}",
		FEED_SETS, "set sg-1: 10.0.0.9/32\n");
}

static void prefix_lists_of_both_families(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'PrefixLists':[{'PrefixListId':'pl-1','Entries':["
		"{'Cidr':'10.1.0.0/16'},{'Cidr':'2001:db8::/32','Description':'six'}]},"
		"{'PrefixListId':'pl-2','Entries':[]}],"
		"'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':[{'IpProtocol':'udp',"
		"'FromPort':53,'ToPort':53,'PrefixListIds':[{'PrefixListId':'pl-1'},"
		"{'PrefixListId':'pl-2'},{'PrefixListId':'pl-3'}]}]}]}",
		FEED_GROUPS | FEED_SETS,
		"group sg-1\n"
		"  - ingress 17 53-53 pl-1\n"
		"  - ingress 17 53-53 pl-2\n"
		"  - ingress 17 53-53 pl-3\n"
		"set pl-1: 10.1.0.0/16 2001:db8::/32\n"
		"set pl-2:\n"
		"set pl-3: (unresolved)\n");
}

/* Names of different kinds do not mix, whatever they look like. */
static void a_peer_is_of_its_kind(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'PrefixLists':[{'PrefixListId':'sg-1','Entries':"
		"[{'Cidr':'10.1.0.0/16'}]}],'SecurityGroups':[{'GroupId':'sg-1',"
		"'IpPermissions':[{'IpProtocol':'-1','PrefixListIds':[{'PrefixListId':'sg-1'}],"
		"'IpRanges':[{'CidrIp':'10.2.0.0/16'}],'UserIdGroupPairs':[{'GroupId':'sg-1'},"
		"{'GroupId':'10.2.0.0/16'}]}]}]}",
		FEED_SETS,
		"set 10.2.0.0/16: 10.2.0.0/16\n"
		"set sg-1: 10.1.0.0/16\n"
		"set sg-1:\n"
		"set 10.2.0.0/16: (unresolved)\n");
}

static void services(void **state)
{
	static const struct {
		const char *permission, *expected;
	} cases[] = {
		{ "'IpProtocol':'tcp','FromPort':0,'ToPort':65535", "6 0-65535" },
		{ "'IpProtocol':'udp','FromPort':53,'ToPort':53", "17 53-53" },
		{ "'IpProtocol':'6','FromPort':1,'ToPort':2", "6 1-2" },
		{ "'IpProtocol':'icmp','FromPort':-1,'ToPort':-1", "1 -1--1" },
		{ "'IpProtocol':'icmp','FromPort':8,'ToPort':-1", "1 8--1" },
		{ "'IpProtocol':'icmp','FromPort':3,'ToPort':4", "1 3-4" },
		{ "'IpProtocol':'icmp'", "1 -1--1" },
		{ "'IpProtocol':'icmpv6','FromPort':128,'ToPort':0", "58 128-0" },
		{ "'IpProtocol':'58','FromPort':-1,'ToPort':-1", "58 -1--1" },
		{ "'IpProtocol':'-1'", "-1 0-65535" },
		{ "'IpProtocol':'-1','FromPort':-1,'ToPort':-1", "-1 0-65535" },
		{ "'IpProtocol':'-1','FromPort':0,'ToPort':65535", "-1 0-65535" },
		{ "'IpProtocol':'47'", "47 0-65535" },
		{ "'IpProtocol':'50','FromPort':-1,'ToPort':-1", "50 0-65535" },
		{ "'IpProtocol':'0'", "0 0-65535" },
		{ "'IpProtocol':'255'", "255 0-65535" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512], expected[128];

		snprintf(text, sizeof(text),
			 FEED_RULES("{%s,'IpRanges':[{'CidrIp':'10.0.0.0/8'}]}"),
			 cases[i].permission);
		snprintf(expected, sizeof(expected), "group sg-1\n  - ingress %s 10.0.0.0/8\n",
			 cases[i].expected);
		feed_is(text, FEED_GROUPS | FEED_WARNINGS, expected);
	}
}

/* rows of rules; clang-format would stack them */
/* clang-format off */
#define FLAT(id, group, is_egress, more) \
	"{'SecurityGroupRuleId':'" id "','GroupId':'" group "','IsEgress':" is_egress "," more "}"

#define FLAT_RULES_ALONE \
	FLAT("sgr-1", "sg-1", "false", \
	     "'IpProtocol':'tcp','FromPort':80,'ToPort':80,'CidrIpv4':'10.0.0.0/8'") "," \
	FLAT("sgr-2", "sg-1", "false", \
	     "'IpProtocol':'tcp','FromPort':80,'ToPort':80,'CidrIpv6':'::/0'") "," \
	FLAT("sgr-3", "sg-2", "false", \
	     "'IpProtocol':'icmp','FromPort':-1,'ToPort':-1,'PrefixListId':'pl-1'") "," \
	FLAT("sgr-4", "sg-1", "true", "'IpProtocol':'-1','FromPort':-1,'ToPort':-1," \
	     "'ReferencedGroupInfo':{'GroupId':'sg-1','UserId':'111122223333'}")

#define FLAT_RULES_BESIDE \
	FLAT("sgr-1", "sg-1", "false", \
	     "'IpProtocol':'tcp','FromPort':80,'ToPort':80,'CidrIpv4':'10.1.0.0/16'") "," \
	FLAT("sgr-2", "sg-1", "false", \
	     "'IpProtocol':'tcp','FromPort':81,'ToPort':81,'CidrIpv4':'10.1.0.0/16'") "," \
	FLAT("sgr-3", "sg-1", "true", \
	     "'IpProtocol':'tcp','FromPort':80,'ToPort':80,'CidrIpv4':'10.1.0.0/16'")
/* clang-format on */

static void flat_rules_alone_define_the_group(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1'}],"
		"'PrefixLists':[{'PrefixListId':'pl-1','Entries':[{'Cidr':'10.1.0.0/16'}]}],"
		"'SecurityGroupRules':[" FLAT_RULES_ALONE "]}",
		FEED_GROUPS | FEED_WARNINGS,
		"group sg-1\n"
		"  sgr-1 ingress 6 80-80 10.0.0.0/8\n"
		"  sgr-2 ingress 6 80-80 ::/0\n"
		"  sgr-4 egress -1 0-65535 sg-1\n"
		"group sg-2\n"
		"  sgr-3 ingress 1 -1--1 pl-1\n");
}

/* Beside permissions they only give ids; one that no permission matches is stale. */
static void flat_rules_beside_permissions_name_them(void **state)
{
	(void)state;
	feed_is("{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1','IpPermissions':["
		"{'IpProtocol':'tcp','FromPort':80,'ToPort':80,'IpRanges':"
		"[{'CidrIp':'10.0.0.0/8'},{'CidrIp':'10.1.0.0/16'}]}]}],"
		"'SecurityGroupRules':[" FLAT_RULES_BESIDE "]}",
		FEED_GROUPS,
		"group sg-1\n"
		"  - ingress 6 80-80 10.0.0.0/8\n"
		"  sgr-1 ingress 6 80-80 10.1.0.0/16\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reference_stands_for_members),
		cmocka_unit_test(members_are_listed_once),
		cmocka_unit_test(prefix_lists_of_both_families),
		cmocka_unit_test(a_peer_is_of_its_kind),
		cmocka_unit_test(services),
		cmocka_unit_test(flat_rules_alone_define_the_group),
		cmocka_unit_test(flat_rules_beside_permissions_name_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
