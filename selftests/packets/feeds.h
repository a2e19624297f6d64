/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The node that the stories play on, as pieces of a feed.
 *
 *	branch A	VLAN 9, strict		POD (POD6) and POD_TWO, groups sg-a
 *	branch B	VLAN 10, strict		NEIGHBOUR, groups sg-b: may call anybody
 *	branch C	VLAN 11, standard	STANDARD, groups sg-a and the node's
 *
 * sg-a lets in from the VPC: TCP 443, UDP 53, echo and timestamp requests, GRE;
 * and out to it: TCP 5432, UDP 1000-2000, echo requests, GRE. In both families.
 */
#ifndef FEEDS_H
#define FEEDS_H

#define BRANCH_A 9
#define BRANCH_B 10
#define BRANCH_C 11

#define POD "10.0.47.90"
#define POD6 "2001:db8::90"
#define POD_TWO "10.0.47.91"
#define POD_TWO6 "2001:db8::91"
#define NEIGHBOUR "10.0.47.100"
#define NEIGHBOUR6 "2001:db8::100"
#define STANDARD "10.0.47.110"
#define STANDARD6 "2001:db8::110"

#define CLIENT "10.0.200.1" /* in the VPC */
#define CLIENT6 "2001:db8:c::1"
#define CLIENT_TWO "10.0.201.1"
#define STRANGER "192.0.2.1" /* outside */
#define STRANGER6 "2001:dead::1"

/* JSON as it is, commas included, for a C string. */
#define JSON(...) #__VA_ARGS__

/* JSON and tables, to be read by row */
/* clang-format off */
#define TIMEOUTS \
	JSON("ConnectionTracking": \
	     {"TcpEstablishedTimeout": 350, "UdpTimeout": 30, "UdpStreamTimeout": 180})

/* EXTRA: further keys, each with a comma in front */
#define NODE(EXTRA) \
	JSON("Node": {"VpcCidrs": ["10.0.0.0/16"], "GroupIds": ["sg-node"],) TIMEOUTS EXTRA "}"

#define RULE(ID, GROUP, EGRESS, PROTOCOL, FROM, TO, PEER) \
	"{\"SecurityGroupRuleId\": \"" ID "\", \"GroupId\": \"" GROUP "\", \"IsEgress\": " EGRESS \
	", \"IpProtocol\": \"" PROTOCOL "\", \"FromPort\": " FROM ", \"ToPort\": " TO ", " PEER "}"
#define V4(CIDR) "\"CidrIpv4\": \"" CIDR "\""
#define V6(CIDR) "\"CidrIpv6\": \"" CIDR "\""
#define IN_A(ID, PROTOCOL, FROM, TO, PEER) RULE(ID, "sg-a", "false", PROTOCOL, FROM, TO, PEER)
#define OUT_A(ID, PROTOCOL, FROM, TO, PEER) RULE(ID, "sg-a", "true", PROTOCOL, FROM, TO, PEER)
#define VPC V4("10.0.0.0/16")
#define VPC6 V6("2001:db8::/32")

#define RULES_A_IN \
	IN_A("sgr-web", "tcp", "443", "443", VPC) \
	"," IN_A("sgr-web6", "tcp", "443", "443", VPC6) \
	"," IN_A("sgr-dns", "udp", "53", "53", VPC) \
	"," IN_A("sgr-dns6", "udp", "53", "53", VPC6) \
	"," IN_A("sgr-ping", "icmp", "8", "-1", VPC) \
	"," IN_A("sgr-ping6", "icmpv6", "128", "-1", VPC6) \
	"," IN_A("sgr-stamp", "icmp", "13", "0", VPC) \
	"," IN_A("sgr-gre", "47", "-1", "-1", VPC) \
	"," IN_A("sgr-unreach", "icmp", "3", "4", V4("10.0.9.9/32"))
#define RULES_A_OUT \
	OUT_A("sgr-db", "tcp", "5432", "5432", VPC) \
	"," OUT_A("sgr-db6", "tcp", "5432", "5432", VPC6) \
	"," OUT_A("sgr-udp", "udp", "1000", "2000", VPC) \
	"," OUT_A("sgr-udp6", "udp", "1000", "2000", VPC6) \
	"," OUT_A("sgr-outping", "icmp", "8", "-1", VPC) \
	"," OUT_A("sgr-outping6", "icmpv6", "128", "-1", VPC6) \
	"," OUT_A("sgr-outgre", "47", "-1", "-1", VPC)
#define RULES_B \
	RULE("sgr-all", "sg-b", "true", "-1", "-1", "-1", V4("0.0.0.0/0")) \
	"," RULE("sgr-all6", "sg-b", "true", "-1", "-1", "-1", V6("::/0"))
#define RULES_NODE \
	RULE("sgr-node-web", "sg-node", "false", "tcp", "443", "443", V4("10.0.200.0/24")) \
	"," RULE("sgr-node-web6", "sg-node", "false", "tcp", "443", "443", V6("2001:db8:c::/48")) \
	"," RULE("sgr-node-db", "sg-node", "true", "tcp", "5432", "5432", V4("10.0.200.0/24"))

#define BRANCH(ID, VLAN, MODE, GROUPS, PODS) \
	"{\"Id\": \"" ID "\", \"VlanId\": " VLAN ", \"Mode\": \"" MODE "\", \"GroupIds\": " GROUPS \
	", \"Pods\": [" PODS "]}"
#define POD_JSON(NAME, ADDRESS, ADDRESS6) \
	"{\"Namespace\": \"shop\", \"Name\": \"" NAME "\", \"Addresses\": [" \
	"\"" ADDRESS "\", \"" ADDRESS6 "\"]}"
#define PODS_A POD_JSON("cart-0", POD, POD6) "," POD_JSON("cart-1", POD_TWO, POD_TWO6)
#define JSON_A BRANCH("eni-a", "9", "strict", "[\"sg-a\"]", PODS_A)
#define JSON_B BRANCH("eni-b", "10", "strict", "[\"sg-b\"]", POD_JSON("web-0", NEIGHBOUR, NEIGHBOUR6))
#define JSON_C BRANCH("eni-c", "11", "standard", "[\"sg-a\"]", POD_JSON("old-0", STANDARD, STANDARD6))

#define GROUPS_JSON \
	JSON("SecurityGroups": [{"GroupId": "sg-a"}, {"GroupId": "sg-b"}, {"GroupId": "sg-node"}])

#define FEED(NODE_JSON, RULES, BRANCHES) \
	"{\"FeedVersion\": 1, \"Revision\": \"test\", " NODE_JSON ", " GROUPS_JSON \
	", \"SecurityGroupRules\": [" RULES "], \"Branches\": [" BRANCHES "]}"

#define ALL_RULES RULES_A_IN "," RULES_A_OUT "," RULES_B "," RULES_NODE
#define ALL_BRANCHES JSON_A "," JSON_B "," JSON_C
/* clang-format on */

#define USUAL_FEED FEED(NODE(""), ALL_RULES, ALL_BRANCHES)

#endif
