// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is refused, and in which words: place, what was found, what was expected. */
#include "feed_text.h"
#include "test.h"

struct refusal {
	const char *name;
	const char *feed; /* ' stands for " */
	const char *error;
};

#define RULE(members) FEED_RULES("{" members ",'IpRanges':[{'CidrIp':'10.0.0.0/8'}]}")
#define PEER(list) FEED_RULES("{'IpProtocol':'-1'," list "}")
#define PERMISSION "/SecurityGroups/0/IpPermissions/0"
#define FLAT(members)                                                                              \
	"{'FeedVersion':1,'SecurityGroups':[],'SecurityGroupRules':[{'GroupId':'sg-1'," members    \
	"}]}"
#define PODS "'Pods':[]"
#define AN_ID "a string of 1 to 127 bytes without control characters"
#define A_NAME "the name of an interface: 1 to 15 printable characters, no blank, '/' or ':'"
#define A_PROTOCOL                                                                                 \
	"\"-1\", \"tcp\", \"udp\", \"icmp\", \"icmpv6\" or a protocol number from 0 to 255"
#define X10 "[[[[[[[[[["

static const struct refusal refusals[] = {
	/* syntax: line and column */
	{ "nothing", "", "empty, expected a JSON object" },
	{ "blanks", " \n\t\r\n", "empty, expected a JSON object" },
	{ "an array", "[]", "1:1: found an array, expected a JSON object" },
	{ "a number", "17", "1:1: found 17, expected a JSON object" },
	{ "cut in an object", "{", "1:2: premature EOF" },
	{ "cut behind a key", "{\n  'FeedVersion':", "2:17: premature EOF" },
	{ "cut in a string", "{'FeedVersion", "1:14: premature EOF" },
	{ "cut in an interface", "{'NetworkInterfaces':[{'Groups':[", "1:34: premature EOF" },
	{ "a key with a letter too few", FEED_BRANCH("'GroupId':['sg-1']," PODS),
	  "/Branches/0/GroupId: found an unknown key, expected \"GroupIds\", which it looks like" },
	{ "with one too many", FEED_WITH("'Nodes':{}"),
	  "/Nodes: found an unknown key, expected \"Node\", which it looks like" },
	{ "with another one", FEED_WITH("'Node':{'PlatformTraffik':'filter'}"),
	  "/Node/PlatformTraffik: found an unknown key, expected \"PlatformTraffic\", which it "
	  "looks like" },
	{ "with two exchanged", FEED_WITH("'Node':{'EstablsihedFlows':'keep'}"),
	  "/Node/EstablsihedFlows: found an unknown key, expected \"EstablishedFlows\", which it "
	  "looks like" },
	{ "in another case", FEED_BRANCH("'groupids':[]," PODS),
	  "/Branches/0/groupids: found an unknown key, expected \"GroupIds\", which it looks like" },
	{ "comma too many", "{'FeedVersion':1,}", "1:18: invalid object key (must be a string)" },
	{ "comma missing", "{\n  'FeedVersion': 1\n  'Node': {}\n}",
	  "3:3: after key and value, inside map, I expect ',' or '}'" },
	{ "colon missing", "{'a' 'b'}",
	  "1:6: object key and value must be separated by a colon (':')" },
	{ "a comment", "{ // why\n}",
	  "1:3: probable comment found in input text, comments are not enabled" },
	{ "two documents", "{}\n{}", "2:1: trailing garbage" },
	{ "a key twice", "{'a': 1,\n 'b': 2,\n 'a': 3}", "3:2: a key that the object has already" },
	{ "no UTF-8", "{'a':'\xff'}", "1:7: invalid bytes in UTF8 string" },
	{ "UTF-16", "\xff\xfe{", "1:1: found UTF-16 (by its byte order mark), expected UTF-8" },
	{ "its other order", "\xfe\xff{",
	  "1:1: found UTF-16 (by its byte order mark), expected UTF-8" },
	{ "half a character", "{'a':'\xc3'}", "1:8: invalid bytes in UTF8 string" },
	{ "column counts characters", "{'\xc3\xa4\xc3\xb6':1,}",
	  "1:9: invalid object key (must be a string)" },
	{ "a line break in a string", "{'a':'b\n'}", "1:8: invalid character inside string" },
	{ "too deep", "{'a':" X10 X10 X10 X10 X10 X10 X10, "1:69: nested deeper than 64 levels" },

	/* the document */
	{ "no version", "{}", "1:1: FeedVersion is missing" },
	{ "a version of the future", "{'FeedVersion':2,'SecurityGroups':[]}",
	  "/FeedVersion: found 2, expected 1, the version that this program reads" },
	{ "the version as text", "{'FeedVersion':'1','SecurityGroups':[]}",
	  "/FeedVersion: found \"1\", expected 1, the version that this program reads" },
	{ "no groups", "{'FeedVersion':1}", "1:1: SecurityGroups is missing" },
	{ "groups by name", "{'FeedVersion':1,'SecurityGroups':{'sg-1':{}}}",
	  "/SecurityGroups: found an object, expected an array" },
	{ "a revision that is a number", FEED_WITH("'Revision':7"),
	  "/Revision: found 7, expected a string of 0 to 1024 bytes without control characters" },
	{ "interfaces that are no array", FEED_WITH("'NetworkInterfaces':{}"),
	  "/NetworkInterfaces: found an object, expected an array" },

	/* groups and rules */
	{ "a group without id", "{'FeedVersion':1,'SecurityGroups':[{'GroupName':'pay'}]}",
	  "/SecurityGroups/0: GroupId is missing" },
	{ "a group twice",
	  "{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1'},{'GroupId':'sg-1'}]}",
	  "/SecurityGroups/1/GroupId: found \"sg-1\", expected a group that does not stand in the feed already" },
	{ "an empty id", "{'FeedVersion':1,'SecurityGroups':[{'GroupId':''}]}",
	  "/SecurityGroups/0/GroupId: found \"\", expected " AN_ID },
	{ "an id that drives the terminal",
	  "{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-\\u001b[2J'}]}",
	  "/SecurityGroups/0/GroupId: found \"sg-?[2J\", expected " AN_ID },
	{ "an id with a 0 in it", "{'FeedVersion':1,'SecurityGroups':[{'GroupId':'sg-1\\u0000'}]}",
	  "/SecurityGroups/0/GroupId: found \"sg-1?\", expected " AN_ID },
	{ "an id without end",
	  "{'FeedVersion':1,'SecurityGroups':[{'GroupId':'"
	  "sg-0123456789012345678901234567890123456789012345678901234567890123456789"
	  "012345678901234567890123456789012345678901234567890123456789'}]}",
	  "/SecurityGroups/0/GroupId: found \"sg-012345678901234567890123456789012345678901234..."
	  "\", expected " AN_ID },
	{ "no protocol", RULE("'FromPort':1,'ToPort':2"), PERMISSION ": IpProtocol is missing" },
	{ "a protocol in capitals", RULE("'IpProtocol':'TCP','FromPort':1,'ToPort':2"),
	  PERMISSION "/IpProtocol: found \"TCP\", expected " A_PROTOCOL },
	{ "protocol 256", RULE("'IpProtocol':'256'"),
	  PERMISSION "/IpProtocol: found \"256\", expected " A_PROTOCOL },
	{ "protocol -2", RULE("'IpProtocol':'-2'"),
	  PERMISSION "/IpProtocol: found \"-2\", expected " A_PROTOCOL },
	{ "protocol 06", RULE("'IpProtocol':'06'"),
	  PERMISSION "/IpProtocol: found \"06\", expected " A_PROTOCOL },
	{ "a protocol that is none", RULE("'IpProtocol':true"),
	  PERMISSION "/IpProtocol: found true, expected " A_PROTOCOL },
	{ "TCP without ports", RULE("'IpProtocol':'tcp'"),
	  PERMISSION ": FromPort is missing (and 1 more error)" },
	{ "UDP with one port", RULE("'IpProtocol':'17','FromPort':53"),
	  PERMISSION ": ToPort is missing" },
	{ "a port range backwards", RULE("'IpProtocol':'tcp','FromPort':443,'ToPort':80"),
	  PERMISSION "/ToPort: found 80, expected at least FromPort, which is 443" },
	{ "port 65536", RULE("'IpProtocol':'tcp','FromPort':1,'ToPort':65536"),
	  PERMISSION "/ToPort: found 65536, expected an integer from 0 to 65535" },
	{ "port -1", RULE("'IpProtocol':'udp','FromPort':-1,'ToPort':-1"),
	  PERMISSION
	  "/FromPort: found -1, expected an integer from 0 to 65535 (and 1 more error)" },
	{ "a port as text", RULE("'IpProtocol':'tcp','FromPort':'80','ToPort':80"),
	  PERMISSION "/FromPort: found \"80\", expected an integer from 0 to 65535" },
	{ "half a port", RULE("'IpProtocol':'tcp','FromPort':80.5,'ToPort':81"),
	  PERMISSION "/FromPort: found 80.5, expected an integer from 0 to 65535" },
	{ "a port beyond all numbers",
	  RULE("'IpProtocol':'tcp','FromPort':99999999999999999999,'ToPort':81"),
	  PERMISSION "/FromPort: found 99999999999999999999, expected an integer from 0 to 65535" },
	{ "an ICMP code without type", RULE("'IpProtocol':'icmp','FromPort':-1,'ToPort':4"),
	  PERMISSION "/ToPort: found 4, expected -1: an ICMP code needs a type in FromPort" },
	{ "the same for ICMPv6", RULE("'IpProtocol':'58','ToPort':0"),
	  PERMISSION "/ToPort: found 0, expected -1: an ICMP code needs a type in FromPort" },
	{ "ICMP type 256", RULE("'IpProtocol':'icmpv6','FromPort':256,'ToPort':-1"),
	  PERMISSION "/FromPort: found 256, expected an integer from -1 to 255" },
	{ "ports that do not count, but are none", RULE("'IpProtocol':'-1','FromPort':'any'"),
	  PERMISSION "/FromPort: found \"any\", expected an integer from -1 to 65535" },
	{ "a /33", PEER("'IpRanges':[{'CidrIp':'10.0.0.0/33'}]"),
	  PERMISSION
	  "/IpRanges/0/CidrIp: found \"10.0.0.0/33\", expected an IPv4 CIDR such as 10.0.0.0/16" },
	{ "a /129", PEER("'Ipv6Ranges':[{'CidrIpv6':'2001:db8::/129'}]"),
	  PERMISSION
	  "/Ipv6Ranges/0/CidrIpv6: found \"2001:db8::/129\", expected an IPv6 CIDR such as 2001:db8::/48" },
	{ "IPv6 among IPv4", PEER("'IpRanges':[{'CidrIp':'2001:db8::/48'}]"),
	  PERMISSION
	  "/IpRanges/0/CidrIp: found \"2001:db8::/48\", expected an IPv4 CIDR such as 10.0.0.0/16" },
	{ "IPv4 among IPv6", PEER("'Ipv6Ranges':[{'CidrIpv6':'10.0.0.0/8'}]"),
	  PERMISSION
	  "/Ipv6Ranges/0/CidrIpv6: found \"10.0.0.0/8\", expected an IPv6 CIDR such as 2001:db8::/48" },
	{ "IPv4 in IPv6's clothes", PEER("'Ipv6Ranges':[{'CidrIpv6':'::ffff:10.0.0.0/104'}]"),
	  PERMISSION
	  "/Ipv6Ranges/0/CidrIpv6: found \"::ffff:10.0.0.0/104\", expected an IPv6 CIDR such as 2001:db8::/48" },
	{ "octal", PEER("'IpRanges':[{'CidrIp':'010.0.0.0/8'}]"),
	  PERMISSION
	  "/IpRanges/0/CidrIp: found \"010.0.0.0/8\", expected an IPv4 CIDR such as 10.0.0.0/16" },
	{ "a CIDR without its object", PEER("'IpRanges':['10.0.0.0/8']"),
	  PERMISSION "/IpRanges/0: found \"10.0.0.0/8\", expected an object" },
	{ "a range without CIDR", PEER("'IpRanges':[{'Description':'all'}]"),
	  PERMISSION "/IpRanges/0: CidrIp is missing" },
	{ "a pair without group", PEER("'UserIdGroupPairs':[{'UserId':'111122223333'}]"),
	  PERMISSION "/UserIdGroupPairs/0: GroupId is missing" },
	{ "a list's id that is a number", PEER("'PrefixListIds':[{'PrefixListId':5}]"),
	  PERMISSION "/PrefixListIds/0/PrefixListId: found 5, expected " AN_ID },

	/* flat rules */
	{ "a flat rule of no group",
	  "{'FeedVersion':1,'SecurityGroups':[],'SecurityGroupRules':[{}]}",
	  "/SecurityGroupRules/0: GroupId is missing (and 2 more errors)" },
	{ "a flat rule without peer", FLAT("'IpProtocol':'-1'"),
	  "/SecurityGroupRules/0: found 0 of CidrIpv4, CidrIpv6, PrefixListId and "
	  "ReferencedGroupInfo, expected one" },
	{ "a flat rule with two",
	  FLAT("'IpProtocol':'-1','CidrIpv4':'0.0.0.0/0','CidrIpv6':'::/0'"),
	  "/SecurityGroupRules/0: found 2 of CidrIpv4, CidrIpv6, PrefixListId and "
	  "ReferencedGroupInfo, expected one" },
	{ "egress as text", FLAT("'IpProtocol':'-1','CidrIpv4':'0.0.0.0/0','IsEgress':'no'"),
	  "/SecurityGroupRules/0/IsEgress: found \"no\", expected true or false" },
	{ "a flat reference without group", FLAT("'IpProtocol':'-1','ReferencedGroupInfo':{}"),
	  "/SecurityGroupRules/0/ReferencedGroupInfo: GroupId is missing" },

	/* prefix lists, interfaces */
	{ "a list twice",
	  FEED_WITH("'PrefixLists':[{'PrefixListId':'pl-1'},{'PrefixListId':'pl-1'}]"),
	  "/PrefixLists/1/PrefixListId: found \"pl-1\", expected a list that does not stand in the feed already" },
	{ "an entry that is none",
	  FEED_WITH("'PrefixLists':[{'PrefixListId':'pl-1','Entries':[{'Cidr':'any'}]}]"),
	  "/PrefixLists/0/Entries/0/Cidr: found \"any\", expected a CIDR such as 10.0.0.0/16 or 2001:db8::/48" },
	{ "an interface's bad address",
	  FEED_WITH(
		  "'NetworkInterfaces':[{},{'PrivateIpAddresses':[{'PrivateIpAddress':'10.0.0.256'}]}]"),
	  "/NetworkInterfaces/1/PrivateIpAddresses/0/PrivateIpAddress: found \"10.0.0.256\", expected an IPv4 address" },
	{ "an interface's bad prefix",
	  FEED_WITH("'NetworkInterfaces':[{'Ipv4Prefixes':[{'Ipv4Prefix':'10.0.48.0/'}]}]"),
	  "/NetworkInterfaces/0/Ipv4Prefixes/0/Ipv4Prefix: found \"10.0.48.0/\", expected an IPv4 CIDR such as 10.0.0.0/16" },
	{ "an interface that is a number", FEED_WITH("'NetworkInterfaces':[3]"),
	  "/NetworkInterfaces/0: found 3, expected an object" },

	/* the node */
	{ "a node's name of an interface", FEED_WITH("'Node':{'PrimaryInterface':'eth0/1'}"),
	  "/Node/PrimaryInterface: found \"eth0/1\", expected " A_NAME },
	{ "a node's CIDR alone", FEED_WITH("'Node':{'VpcCidrs':'10.0.0.0/16'}"),
	  "/Node/VpcCidrs: found \"10.0.0.0/16\", expected an array" },
	{ "a truth as text", FEED_WITH("'Node':{'ExternalSnat':'true'}"),
	  "/Node/ExternalSnat: found \"true\", expected true or false" },
	{ "a word that is none", FEED_WITH("'Node':{'EstablishedFlows':'drop'}"),
	  "/Node/EstablishedFlows: found \"drop\", expected \"keep\" or \"revalidate\"" },
	{ "platform traffic", FEED_WITH("'Node':{'PlatformTraffic':false}"),
	  "/Node/PlatformTraffic: found false, expected \"pass\" or \"filter\"" },
	{ "standard mode", FEED_WITH("'Node':{'StandardMode':'Both'}"),
	  "/Node/StandardMode: found \"Both\", expected \"both\" or \"per-interface\"" },
	{ "a time-out of 0", FEED_WITH("'Node':{'ConnectionTracking':{'UdpTimeout':0}}"),
	  "/Node/ConnectionTracking/UdpTimeout: found 0, expected an integer from 1 to 432000" },
	{ "a local service without port",
	  FEED_WITH("'Node':{'LocalServices':[{'Address':'169.254.20.10','Protocol':'udp'}]}"),
	  "/Node/LocalServices/0: Port is missing" },
	{ "a local service of ICMP",
	  FEED_WITH(
		  "'Node':{'LocalServices':[{'Address':'169.254.20.10','Protocol':'icmp','Port':1}]}"),
	  "/Node/LocalServices/0/Protocol: found \"icmp\", expected \"tcp\" or \"udp\"" },

	/* branches and pods */
	{ "a branch without id", FEED_WITH("'Branches':[{'VlanId':1," PODS "}]"),
	  "/Branches/0: Id is missing" },
	{ "a branch without VLAN", FEED_WITH("'Branches':[{'Id':'eni-1'," PODS "}]"),
	  "/Branches/0: VlanId is missing" },
	{ "a branch without pods", FEED_WITH("'Branches':[{'Id':'eni-1','VlanId':1}]"),
	  "/Branches/0: Pods is missing" },
	{ "VLAN 0", FEED_WITH("'Branches':[{'Id':'eni-1','VlanId':0," PODS "}]"),
	  "/Branches/0/VlanId: found 0, expected an integer from 1 to 4094" },
	{ "VLAN 4095", FEED_WITH("'Branches':[{'Id':'eni-1','VlanId':4095," PODS "}]"),
	  "/Branches/0/VlanId: found 4095, expected an integer from 1 to 4094" },
	{ "a VLAN as text", FEED_WITH("'Branches':[{'Id':'eni-1','VlanId':'9'," PODS "}]"),
	  "/Branches/0/VlanId: found \"9\", expected an integer from 1 to 4094" },
	{ "a mode that is none", FEED_BRANCH(PODS ",'Mode':'Strict'"),
	  "/Branches/0/Mode: found \"Strict\", expected \"strict\" or \"standard\"" },
	{ "an interface's name too long", FEED_BRANCH(PODS ",'Interface':'vlan.eth.1234567'"),
	  "/Branches/0/Interface: found \"vlan.eth.1234567\", expected " A_NAME },
	{ "an interface's name with a slash", FEED_BRANCH(PODS ",'Interface':'../eth0'"),
	  "/Branches/0/Interface: found \"../eth0\", expected " A_NAME },
	{ "an interface called ..", FEED_BRANCH(PODS ",'Interface':'..'"),
	  "/Branches/0/Interface: found \"..\", expected " A_NAME },
	{ "a pod without addresses", FEED_BRANCH("'Pods':[{'Name':'cart-0'}]"),
	  "/Branches/0/Pods/0: Addresses is missing" },
	{ "a pod's address with a length", FEED_BRANCH("'Pods':[{'Addresses':['10.0.0.9/32']}]"),
	  "/Branches/0/Pods/0/Addresses/0: found \"10.0.0.9/32\", expected an IPv4 or IPv6 address" },
	{ "a pod's address for many", FEED_BRANCH("'Pods':[{'Addresses':['ff02::1']}]"),
	  "/Branches/0/Pods/0/Addresses/0: found \"ff02::1\", expected the address of one host" },
	{ "a pod's address for none", FEED_BRANCH("'Pods':[{'Addresses':['0.0.0.0']}]"),
	  "/Branches/0/Pods/0/Addresses/0: found \"0.0.0.0\", expected the address of one host" },
	{ "a probe without port", FEED_POD("'Probes':[{'Protocol':'tcp'}]"),
	  "/Branches/0/Pods/0/Probes/0: Port is missing" },
	{ "a probe of port 0", FEED_POD("'Probes':[{'Protocol':'tcp','Port':0}]"),
	  "/Branches/0/Pods/0/Probes/0/Port: found 0, expected an integer from 1 to 65535" },
	{ "a probe of no protocol", FEED_POD("'Probes':[{'Protocol':'http','Port':80}]"),
	  "/Branches/0/Pods/0/Probes/0/Protocol: found \"http\", expected \"tcp\" or \"udp\" or "
	  "\"icmp\" or \"icmpv6\"" },
};

#define REFUSALS (sizeof(refusals) / sizeof(refusals[0]))

static void is_refused(void **state)
{
	const struct refusal *refusal = *state;
	struct bg_error err = {};

	assert_string_equal(feed_error(refusal->feed, &err), refusal->error);
}

/* Objects of many keys: k0 to kN, then `last`. */
static void many_keys(int keys, const char *last, const char *expected)
{
	char *text = NULL;
	struct bg_error err = {};
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fputc('{', out);
	for (int i = 0; i < keys; i++)
		fprintf(out, "'k%d':0,\n", i);
	fprintf(out, "'%s':0}", last);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(feed_error(text, &err), expected);
	free(text);
}

static void a_key_twice_among_many(void **state)
{
	(void)state;
	many_keys(23, "k0", "24:1: a key that the object has already");
	many_keys(24, "k23", "25:1: a key that the object has already");
	many_keys(25, "k0", "26:1: a key that the object has already");
	many_keys(500, "k499", "501:1: a key that the object has already");
	many_keys(500, "k500", "1:1: FeedVersion is missing");
}

static void more_keys_than_an_object_may_have(void **state)
{
	(void)state;
	many_keys(1023, "last", "1:1: FeedVersion is missing");
	many_keys(1024, "last", "1025:6: more than 1024 keys in one object");
}

int main(void)
{
	static struct CMUnitTest tests[REFUSALS + 2] = {
		[REFUSALS] = cmocka_unit_test(a_key_twice_among_many),
		[REFUSALS + 1] = cmocka_unit_test(more_keys_than_an_object_may_have),
	};

	for (size_t i = 0; i < REFUSALS; i++)
		tests[i] = (struct CMUnitTest){ .name = refusals[i].name,
						.test_func = is_refused,
						.initial_state = (void *)&refusals[i] };
	return _cmocka_run_group_tests("feed errors", tests, REFUSALS + 2, NULL, NULL);
}
