// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a feed may say: the keys of its objects. reading.c looks them up for every part of
 * the parser. After those that are read come those that EC2 prints and that are ignored
 * without a warning. What a value means is never decided here.
 */
#include "feed/keys.h"

static const char *const document_keys[] = {
	[ROOT_VERSION] = "FeedVersion",
	[ROOT_REVISION] = "Revision",
	[ROOT_NODE] = "Node",
	[ROOT_DEFAULT_GROUPS] = "DefaultGroupIds",
	[ROOT_GROUPS] = "SecurityGroups",
	[ROOT_RULES] = "SecurityGroupRules",
	[ROOT_LISTS] = "PrefixLists",
	[ROOT_INTERFACES] = "NetworkInterfaces",
	[ROOT_BRANCHES] = "Branches",
	"NextToken",
	"ResponseMetadata",
	NULL,
};

static const char *const node_keys[] = {
	[NODE_NAME] = "Name",
	[NODE_PRIMARY] = "PrimaryInterface",
	[NODE_TRUNK] = "TrunkInterface",
	[NODE_ADDRESSES] = "Addresses",
	[NODE_GROUPS] = "GroupIds",
	[NODE_VPC] = "VpcCidrs",
	[NODE_SERVICES] = "ServiceCidrs",
	[NODE_EXTERNAL_SNAT] = "ExternalSnat",
	[NODE_EXCLUDE_SNAT] = "ExcludeSnatCidrs",
	[NODE_LOCAL_SERVICES] = "LocalServices",
	[NODE_PROBE_SOURCES] = "ProbeSources",
	[NODE_TRACKING] = "ConnectionTracking",
	[NODE_ESTABLISHED] = "EstablishedFlows",
	[NODE_PLATFORM] = "PlatformTraffic",
	[NODE_STANDARD_MODE] = "StandardMode",
	[NODE_LIVE_MODE] = "LiveModeChange",
	NULL,
};

static const char *const service_keys[] = {
	[SERVICE_ADDRESS] = "Address",
	[SERVICE_PROTOCOL] = "Protocol",
	[SERVICE_PORT] = "Port",
	"Name",
	"Description",
	NULL,
};

static const char *const tracking_keys[] = {
	"TcpEstablishedTimeout", "UdpStreamTimeout",  "UdpTimeout",
	"TcpHalfOpenTimeout",	 "TcpClosingTimeout", "TcpClosedTimeout",
	"IcmpTimeout",		 "OtherTimeout",      NULL,
};

static const char *const group_keys[] = {
	[GROUP_ID] = "GroupId",
	[GROUP_NAME] = "GroupName",
	[GROUP_INGRESS] = "IpPermissions",
	[GROUP_EGRESS] = "IpPermissionsEgress",
	[GROUP_OWNER] = "OwnerId",
	"Description",
	"VpcId",
	"SecurityGroupArn",
	"Tags",
	NULL,
};

static const char *const permission_keys[] = {
	"IpProtocol", "FromPort",      "ToPort",	   "IpRanges",
	"Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs", NULL,
};

static const char *const ipv4_peer_keys[] = { "CidrIp", "Description", NULL };

static const char *const ipv6_peer_keys[] = { "CidrIpv6", "Description", NULL };

static const char *const list_peer_keys[] = { "PrefixListId", "Description", NULL };

static const char *const group_peer_keys[] = {
	[PEER_GROUP_ID] = "GroupId",
	[PEER_GROUP_OWNER] = "UserId",
	"Description",
	"GroupName",
	"VpcId",
	"VpcPeeringConnectionId",
	"PeeringStatus",
	NULL,
};

static const char *const rule_keys[] = {
	[FLAT_ID] = "SecurityGroupRuleId",
	[FLAT_GROUP] = "GroupId",
	[FLAT_EGRESS] = "IsEgress",
	[FLAT_PROTOCOL] = "IpProtocol",
	[FLAT_FROM] = "FromPort",
	[FLAT_TO] = "ToPort",
	[FLAT_CIDR4] = "CidrIpv4",
	[FLAT_CIDR6] = "CidrIpv6",
	[FLAT_LIST] = "PrefixListId",
	[FLAT_REFERENCE] = "ReferencedGroupInfo",
	[FLAT_OWNER] = "GroupOwnerId",
	"Description",
	"Tags",
	"SecurityGroupRuleArn",
	NULL,
};

static const char *const referenced_group_keys[] = {
	[PEER_GROUP_ID] = "GroupId",
	[PEER_GROUP_OWNER] = "UserId",
	"VpcId",
	"VpcPeeringConnectionId",
	"PeeringStatus",
	NULL,
};

/* Keys that `aws ec2` prints: describe-managed-prefix-lists,
 * get-managed-prefix-list-entries, and for AWS's own lists describe-prefix-lists (Cidrs). */
static const char *const list_keys[] = {
	[LIST_ID] = "PrefixListId",
	[LIST_ENTRIES] = "Entries",
	[LIST_CIDRS] = "Cidrs",
	"PrefixListName",
	"AddressFamily",
	"State",
	"StateMessage",
	"MaxEntries",
	"Version",
	"OwnerId",
	"PrefixListArn",
	"Tags",
	"IpamPrefixListResolverTargetId",
	"IpamPrefixListResolverSyncEnabled",
	"NextToken",
	NULL,
};

static const char *const list_entry_keys[] = { "Cidr", "Description", NULL };

static const char *const interface_keys[] = {
	[INTERFACE_ID] = "NetworkInterfaceId",
	[INTERFACE_GROUPS] = "Groups",
	[INTERFACE_ADDRESS] = "PrivateIpAddress",
	[INTERFACE_ADDRESSES] = "PrivateIpAddresses",
	[INTERFACE_ADDRESS6] = "Ipv6Address",
	[INTERFACE_ADDRESSES6] = "Ipv6Addresses",
	[INTERFACE_PREFIXES] = "Ipv4Prefixes",
	[INTERFACE_PREFIXES6] = "Ipv6Prefixes",
	[INTERFACE_TRACKING] = "ConnectionTrackingConfiguration",
	"Association",
	"AssociatedSubnets",
	"Attachment",
	"AvailabilityZone",
	"AvailabilityZoneId",
	"DenyAllIgwTraffic",
	"Description",
	"InterfaceType",
	"Ipv6Native",
	"MacAddress",
	"Operator",
	"OutpostArn",
	"OwnerId",
	"PrivateDnsName",
	"PublicDnsName",
	"PublicIpDnsNameOptions",
	"RequesterId",
	"RequesterManaged",
	"SourceDestCheck",
	"Status",
	"SubnetId",
	"TagSet",
	"VpcId",
	NULL,
};

static const char *const ipv4_address_keys[] = { "PrivateIpAddress", "Primary", "PrivateDnsName",
						 "Association", NULL };

static const char *const ipv6_address_keys[] = { "Ipv6Address", "IsPrimaryIpv6",
						 "PublicIpv6DnsName", NULL };

static const char *const ipv4_prefix_keys[] = { "Ipv4Prefix", NULL };

static const char *const ipv6_prefix_keys[] = { "Ipv6Prefix", NULL };

static const char *const group_id_keys[] = { "GroupId", "GroupName", NULL };

static const char *const branch_keys[] = {
	[BRANCH_ID] = "Id",
	[BRANCH_VLAN] = "VlanId",
	[BRANCH_INTERFACE] = "Interface",
	[BRANCH_MODE] = "Mode",
	[BRANCH_GROUPS] = "GroupIds",
	[BRANCH_EC2_GROUPS] = "Groups",
	[BRANCH_PODS] = "Pods",
	[BRANCH_TRACKING] = "ConnectionTracking",
	"Description",
	NULL,
};

static const char *const pod_keys[] = {
	[POD_NAMESPACE] = "Namespace",
	[POD_NAME] = "Name",
	[POD_ADDRESSES] = "Addresses",
	[POD_INTERFACE] = "HostInterface",
	[POD_PROBES] = "Probes",
	"Uid",
	NULL,
};

static const char *const probe_keys[] = {
	[PROBE_PROTOCOL] = "Protocol",
	[PROBE_PORT] = "Port",
	"Description",
	NULL,
};

const struct bg_object_keys bg_objects[BG_OBJECTS] = {
	[BG_OBJECT_DOCUMENT] = { "Document", { document_keys, ROOT_USED } },
	[BG_OBJECT_NODE] = { "Node", { node_keys, NODE_USED } },
	[BG_OBJECT_SERVICE] = { "LocalServices", { service_keys, SERVICE_USED } },
	[BG_OBJECT_TRACKING] = { "ConnectionTracking", { tracking_keys, 8 } },
	[BG_OBJECT_GROUP] = { "SecurityGroups", { group_keys, GROUP_USED } },
	[BG_OBJECT_PERMISSION] = { "IpPermissions", { permission_keys, PERMISSION_USED } },
	[BG_OBJECT_IPV4_PEER] = { "IpRanges", { ipv4_peer_keys, 1 } },
	[BG_OBJECT_IPV6_PEER] = { "Ipv6Ranges", { ipv6_peer_keys, 1 } },
	[BG_OBJECT_LIST_PEER] = { "PrefixListIds", { list_peer_keys, 1 } },
	[BG_OBJECT_GROUP_PEER] = { "UserIdGroupPairs", { group_peer_keys, PEER_GROUP_USED } },
	[BG_OBJECT_RULE] = { "SecurityGroupRules", { rule_keys, FLAT_USED } },
	[BG_OBJECT_REFERENCED_GROUP] = { "ReferencedGroupInfo",
					 { referenced_group_keys, PEER_GROUP_USED } },
	[BG_OBJECT_LIST] = { "PrefixLists", { list_keys, LIST_USED } },
	[BG_OBJECT_LIST_ENTRY] = { "Entries", { list_entry_keys, 1 } },
	[BG_OBJECT_INTERFACE] = { "NetworkInterfaces", { interface_keys, INTERFACE_USED } },
	[BG_OBJECT_IPV4_ADDRESS] = { "PrivateIpAddresses", { ipv4_address_keys, 1 } },
	[BG_OBJECT_IPV6_ADDRESS] = { "Ipv6Addresses", { ipv6_address_keys, 1 } },
	[BG_OBJECT_IPV4_PREFIX] = { "Ipv4Prefixes", { ipv4_prefix_keys, 1 } },
	[BG_OBJECT_IPV6_PREFIX] = { "Ipv6Prefixes", { ipv6_prefix_keys, 1 } },
	[BG_OBJECT_GROUP_ID] = { "Groups", { group_id_keys, 1 } },
	[BG_OBJECT_BRANCH] = { "Branches", { branch_keys, BRANCH_USED } },
	[BG_OBJECT_POD] = { "Pods", { pod_keys, POD_USED } },
	[BG_OBJECT_PROBE] = { "Probes", { probe_keys, PROBE_USED } },
};
