/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The node that the stories play on, as pieces of a feed (' stands for ", see
 * feed_text.h).
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

#include "feed_text.h"

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

/* text and tables, to be read by row */
/* clang-format off */
#define USUAL_FEED FEED(USUAL_NODE, ALL_RULES, ALL_BRANCHES)

#define FEED(node, rules, branches) \
	"{'FeedVersion': 1, 'Revision': 'test', " node "," \
	" 'SecurityGroups': [{'GroupId': 'sg-a'}, {'GroupId': 'sg-b'}, {'GroupId': 'sg-node'}]," \
	" 'SecurityGroupRules': [" rules "]," \
	" 'Branches': [" branches "]}"

#define USUAL_NODE "'Node': {'GroupIds': ['sg-node'], " NODE_KEYS "}"
#define NODE_WITH(more) "'Node': {'GroupIds': ['sg-node'], " NODE_KEYS ", " more "}"
#define NODE_WITHOUT_GROUPS "'Node': {" NODE_KEYS "}"
#define NODE_KEYS \
	"'VpcCidrs': ['10.0.0.0/16'], 'ConnectionTracking':" \
	" {'TcpEstablishedTimeout': 350, 'UdpTimeout': 30, 'UdpStreamTimeout': 180}"

#define ALL_RULES RULES_A_IN "," RULES_A_OUT "," RULES_B "," RULES_NODE
#define RULES_A_IN \
	IN_A("sgr-web", "tcp", 443, 443, VPC) "," \
	IN_A("sgr-web6", "tcp", 443, 443, VPC6) "," \
	IN_A("sgr-dns", "udp", 53, 53, VPC) "," \
	IN_A("sgr-dns6", "udp", 53, 53, VPC6) "," \
	IN_A("sgr-ping", "icmp", 8, -1, VPC) "," \
	IN_A("sgr-ping6", "icmpv6", 128, -1, VPC6) "," \
	IN_A("sgr-stamp", "icmp", 13, 0, VPC) "," \
	IN_A("sgr-gre", "47", -1, -1, VPC) "," \
	IN_A("sgr-unreach", "icmp", 3, 4, V4("10.0.9.9/32"))
#define RULES_A_OUT \
	OUT_A("sgr-db", "tcp", 5432, 5432, VPC) "," \
	OUT_A("sgr-db6", "tcp", 5432, 5432, VPC6) "," \
	OUT_A("sgr-udp", "udp", 1000, 2000, VPC) "," \
	OUT_A("sgr-udp6", "udp", 1000, 2000, VPC6) "," \
	OUT_A("sgr-outping", "icmp", 8, -1, VPC) "," \
	OUT_A("sgr-outping6", "icmpv6", 128, -1, VPC6) "," \
	OUT_A("sgr-outgre", "47", -1, -1, VPC)
#define RULES_B \
	RULE("sgr-all", "sg-b", EGRESS, "-1", -1, -1, V4("0.0.0.0/0")) "," \
	RULE("sgr-all6", "sg-b", EGRESS, "-1", -1, -1, V6("::/0"))
#define RULES_NODE \
	RULE("sgr-node-web", "sg-node", INGRESS, "tcp", 443, 443, V4("10.0.200.0/24")) "," \
	RULE("sgr-node-web6", "sg-node", INGRESS, "tcp", 443, 443, V6("2001:db8:c::/48")) "," \
	RULE("sgr-node-db", "sg-node", EGRESS, "tcp", 5432, 5432, V4("10.0.200.0/24"))

#define IN_A(id, protocol, from, to, peer) RULE(id, "sg-a", INGRESS, protocol, from, to, peer)
#define OUT_A(id, protocol, from, to, peer) RULE(id, "sg-a", EGRESS, protocol, from, to, peer)
#define RULE(id, group, direction, protocol, from, to, peer) \
	"{'SecurityGroupRuleId': '" id "', 'GroupId': '" group "', " direction "," \
	" 'IpProtocol': '" protocol "', 'FromPort': " #from ", 'ToPort': " #to ", " peer "}"
#define INGRESS "'IsEgress': false"
#define EGRESS "'IsEgress': true"
#define V4(cidr) "'CidrIpv4': '" cidr "'"
#define V6(cidr) "'CidrIpv6': '" cidr "'"
#define VPC V4("10.0.0.0/16")
#define VPC6 V6("2001:db8::/32")

#define ALL_BRANCHES BRANCH_A_USUAL "," BRANCH_B_USUAL "," BRANCH_C_USUAL
#define BRANCH_A_USUAL BRANCH("eni-a", 9, "strict", "'sg-a'", PODS_A)
#define BRANCH_B_USUAL BRANCH("eni-b", 10, "strict", "'sg-b'", SHOP_POD("web-0", NEIGHBOUR, NEIGHBOUR6))
#define BRANCH_C_USUAL BRANCH("eni-c", 11, "standard", "'sg-a'", SHOP_POD("old-0", STANDARD, STANDARD6))
#define PODS_A SHOP_POD("cart-0", POD, POD6) "," SHOP_POD("cart-1", POD_TWO, POD_TWO6)

#define BRANCH(id, vlan, mode, groups, pods) \
	"{'Id': '" id "', 'VlanId': " #vlan ", 'Mode': '" mode "', 'GroupIds': [" groups "]," \
	" 'Pods': [" pods "]}"
#define SHOP_POD(name, address, address6) \
	"{'Namespace': 'shop', 'Name': '" name "', 'Addresses': ['" address "', '" address6 "']}"
/* clang-format on */

#endif
