// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The tables of elements, by which xml.c reads. They name what gather/ takes, and require what
 * would, if it were lacking, say that something is not allowed or not there.
 */
#include "fleet/aws/ec2_answers.h"

#define TEXT(name, as, ...) { .element = (name), .key = (as), .kind = BG_XML_TEXT, __VA_ARGS__ }
#define NUMBER(name, as, ...) { .element = (name), .key = (as), .kind = BG_XML_NUMBER, __VA_ARGS__ }
#define BOOL(name, as, ...) { .element = (name), .key = (as), .kind = BG_XML_BOOL, __VA_ARGS__ }
#define LIST(name, as, of, ...)                                                                    \
	{ .element = (name), .key = (as), .kind = BG_XML_LIST, .fields = (of), __VA_ARGS__ }
#define OBJECT(name, as, of, ...)                                                                  \
	{ .element = (name), .key = (as), .kind = BG_XML_OBJECT, .fields = (of), __VA_ARGS__ }
#define ID .required = true, .mark = BG_EC2_ID
#define REQUIRED .required = true
/* Of each answer; another one each time, so that it is no part of what was answered. */
#define NEXT TEXT("nextToken", NULL, .mark = BG_EC2_NEXT)

/* --- interfaces --- */

static const struct bg_xml_field group_id[] = {
	TEXT("groupId", "GroupId", REQUIRED),
	{},
};
static const struct bg_xml_field address[] = {
	TEXT("privateIpAddress", "PrivateIpAddress", REQUIRED),
	{},
};
static const struct bg_xml_field address6[] = {
	TEXT("ipv6Address", "Ipv6Address", REQUIRED),
	{},
};
static const struct bg_xml_field prefix[] = {
	TEXT("ipv4Prefix", "Ipv4Prefix", REQUIRED),
	{},
};
static const struct bg_xml_field prefix6[] = {
	TEXT("ipv6Prefix", "Ipv6Prefix", REQUIRED),
	{},
};
static const struct bg_xml_field tracking[] = {
	NUMBER("tcpEstablishedTimeout", "TcpEstablishedTimeout"),
	NUMBER("udpStreamTimeout", "UdpStreamTimeout"),
	NUMBER("udpTimeout", "UdpTimeout"),
	{},
};
static const struct bg_xml_field interface[] = {
	TEXT("networkInterfaceId", "NetworkInterfaceId", ID),
	LIST("groupSet", "Groups", group_id, REQUIRED),
	TEXT("privateIpAddress", "PrivateIpAddress"),
	LIST("privateIpAddressesSet", "PrivateIpAddresses", address),
	TEXT("ipv6Address", "Ipv6Address"),
	LIST("ipv6AddressesSet", "Ipv6Addresses", address6),
	LIST("ipv4PrefixSet", "Ipv4Prefixes", prefix),
	LIST("ipv6PrefixSet", "Ipv6Prefixes", prefix6),
	OBJECT("connectionTrackingConfiguration", "ConnectionTrackingConfiguration", tracking),
	{},
};
static const struct bg_xml_field interfaces[] = {
	LIST("networkInterfaceSet", "NetworkInterfaces", interface, REQUIRED),
	NEXT,
	{},
};

/* --- groups and rules --- */

static const struct bg_xml_field range[] = {
	TEXT("cidrIp", "CidrIp", REQUIRED),
	{},
};
static const struct bg_xml_field range6[] = {
	TEXT("cidrIpv6", "CidrIpv6", REQUIRED),
	{},
};
static const struct bg_xml_field list_peer[] = {
	TEXT("prefixListId", "PrefixListId", REQUIRED, .mark = BG_EC2_LIST),
	{},
};
/* (of a group of another account, in a VPC that is gone, only the name may be there) */
static const struct bg_xml_field group_peer[] = {
	TEXT("groupId", "GroupId"),
	TEXT("userId", "UserId"),
	{},
};
static const struct bg_xml_field permission[] = {
	TEXT("ipProtocol", "IpProtocol", REQUIRED),
	NUMBER("fromPort", "FromPort"),
	NUMBER("toPort", "ToPort"),
	LIST("ipRanges", "IpRanges", range),
	LIST("ipv6Ranges", "Ipv6Ranges", range6),
	LIST("prefixListIds", "PrefixListIds", list_peer),
	LIST("groups", "UserIdGroupPairs", group_peer),
	{},
};
static const struct bg_xml_field group[] = {
	TEXT("groupId", "GroupId", ID),
	TEXT("groupName", "GroupName"),
	LIST("ipPermissions", "IpPermissions", permission, REQUIRED),
	LIST("ipPermissionsEgress", "IpPermissionsEgress", permission, REQUIRED),
	TEXT("ownerId", "OwnerId"),
	{},
};
static const struct bg_xml_field groups[] = {
	LIST("securityGroupInfo", "SecurityGroups", group, REQUIRED),
	NEXT,
	{},
};
static const struct bg_xml_field rule[] = {
	TEXT("securityGroupRuleId", "SecurityGroupRuleId", ID),
	TEXT("groupId", "GroupId", REQUIRED),
	BOOL("isEgress", "IsEgress", REQUIRED),
	TEXT("ipProtocol", "IpProtocol", REQUIRED),
	NUMBER("fromPort", "FromPort"),
	NUMBER("toPort", "ToPort"),
	TEXT("cidrIpv4", "CidrIpv4"),
	TEXT("cidrIpv6", "CidrIpv6"),
	TEXT("prefixListId", "PrefixListId", .mark = BG_EC2_LIST),
	OBJECT("referencedGroupInfo", "ReferencedGroupInfo", group_peer),
	TEXT("groupOwnerId", "GroupOwnerId"),
	{},
};
static const struct bg_xml_field rules[] = {
	LIST("securityGroupRuleSet", "SecurityGroupRules", rule, REQUIRED),
	NEXT,
	{},
};

/* --- prefix lists --- */

static const struct bg_xml_field list[] = {
	TEXT("prefixListId", "PrefixListId", ID),
	NUMBER("version", "Version"),
	{},
};
static const struct bg_xml_field lists[] = {
	LIST("prefixListSet", "PrefixLists", list, REQUIRED),
	NEXT,
	{},
};
static const struct bg_xml_field entry[] = {
	TEXT("cidr", "Cidr", ID),
	{},
};
static const struct bg_xml_field entries[] = {
	LIST("entrySet", "Entries", entry, REQUIRED),
	NEXT,
	{},
};

const struct bg_ec2_answer bg_ec2_answers[BG_EC2_ACTIONS] = {
	[BG_EC2_INTERFACES] = { "DescribeNetworkInterfaces", "describe-network-interfaces",
				"DescribeNetworkInterfacesResponse", interfaces, 1000, true, true },
	/* (a group may have a thousand rules) */
	[BG_EC2_GROUPS] = { "DescribeSecurityGroups", "describe-security-groups",
			    "DescribeSecurityGroupsResponse", groups, 200, true, true },
	[BG_EC2_RULES] = { "DescribeSecurityGroupRules", "describe-security-group-rules",
			   "DescribeSecurityGroupRulesResponse", rules, 1000, false, false },
	[BG_EC2_LISTS] = { "DescribeManagedPrefixLists", "describe-managed-prefix-lists",
			   "DescribeManagedPrefixListsResponse", lists, 100, false, false },
	[BG_EC2_ENTRIES] = { "GetManagedPrefixListEntries", "get-managed-prefix-list-entries",
			     "GetManagedPrefixListEntriesResponse", entries, 100, false, false },
};

/* --- errors and keys --- */

static const struct bg_xml_field error[] = {
	TEXT("Code", "Code", REQUIRED, .mark = BG_AWS_CODE),
	TEXT("Message", "Message", .mark = BG_AWS_MESSAGE),
	{},
};
static const struct bg_xml_field errors[] = {
	OBJECT("Error", "Error", error, REQUIRED),
	{},
};
const struct bg_xml_field bg_ec2_error_fields[] = {
	OBJECT("Errors", "Errors", errors, REQUIRED),
	{},
};
const struct bg_xml_field bg_sts_error_fields[] = {
	OBJECT("Error", "Error", error, REQUIRED),
	{},
};

static const struct bg_xml_field keys[] = {
	TEXT("AccessKeyId", "AccessKeyId", REQUIRED),
	TEXT("SecretAccessKey", "SecretAccessKey", REQUIRED),
	/* (as the agent of Pod Identity calls it) */
	TEXT("SessionToken", "Token", REQUIRED),
	TEXT("Expiration", "Expiration", REQUIRED),
	{},
};
static const struct bg_xml_field assumed[] = {
	OBJECT("Credentials", "Credentials", keys, REQUIRED),
	{},
};
const struct bg_xml_field bg_sts_fields[] = {
	OBJECT("AssumeRoleWithWebIdentityResult", "Result", assumed, REQUIRED),
	{},
};
