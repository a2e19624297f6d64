/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Why a packet passed or was dropped. Every packet gets exactly one reason,
 * every reason one counter. The numbers are part of the ABI: a number is never
 * reused, new ones are added at the end of their half.
 *
 * BG_REASONS is the one source for the enum, the names in JSON and metrics, and
 * the table in the README. The names in struct bg_counters_info follow it.
 */
#ifndef BG_REASON_H
#define BG_REASON_H

#include "types.h"

/*	number	NAME		"name"		"meaning" */
#define BG_REASONS(X)                                                                              \
	X(0, NONE, "none", "not judged")                                                           \
	X(1, ARP, "arp", "ARP passes unfiltered")                                                  \
	X(2, NEIGHBOUR, "neighbour", "IPv6 neighbour or router discovery, or MLD")                 \
	X(3, DHCP, "dhcp", "DHCP between the node and the link of the branch")                     \
	X(4, TRACKED, "tracked", "packet of a tracked flow")                                       \
	X(5, ICMP_ERROR, "icmp-error", "ICMP error about a tracked flow")                          \
	X(6, PLATFORM, "platform", "platform service that EC2 never filters")                      \
	X(7, RULE, "rule", "allowed by a rule, flow created")                                      \
	X(8, RULE_UNTRACKED, "rule-untracked", "allowed by a rule, a kind that is not tracked")    \
	X(10, PROBE, "probe", "declared probe of this node, or its reply")                         \
	X(11, LOCAL_SERVICE, "local-service", "packet of a flow to a node-local service")          \
	X(12, UNFILTERED, "unfiltered", "traffic of this interface is not filtered here")          \
	X(32, NO_POLICY, "no-policy", "no revision is in force yet")                               \
	X(33, NO_BRANCH, "no-branch", "the revision in force has no branch for this interface")    \
	X(34, NOT_ARMED, "not-armed", "VLAN of a branch that is not armed yet")                    \
	X(35, NOT_IP, "not-ip", "neither IP nor ARP")                                              \
	X(36, MALFORMED, "malformed",                                                              \
	  "header lengths contradict each other, or a checksum would spoil a header")              \
	X(37, TRUNCATED, "truncated", "packet ends inside a header")                               \
	X(38, EXTENSION, "extension",                                                              \
	  "extension headers that cannot be walked, or a source route")                            \
	X(39, SPOOFED, "spoofed", "egress source is no address of the branch")                     \
	X(40, NOT_OURS, "not-ours", "ingress destination is no address of the branch")             \
	X(41, FRAGMENT_UNKNOWN, "fragment-unknown", "later fragment whose first one was not seen") \
	X(42, ICMP_ERROR_UNKNOWN, "icmp-error-unknown", "ICMP error about no tracked flow")        \
	X(43, NO_RULE, "no-rule", "no rule of the branch's groups allows it")                      \
	X(44, NO_NODE_RULE, "no-node-rule", "no rule of the node's groups allows it")              \
	X(45, TABLE_FULL, "table-full", "allowed, but nobody in the flow table gives way to it")   \
	X(46, FOREIGN_SOURCE, "foreign-source", "source NAT spoiled a strict pod's packet")        \
	X(47, REVOKED, "revoked", "tracked flow that no rule admits any more")                     \
	X(48, INTERNAL, "internal", "a map entry was missing that must be there")                  \
	X(49, ON_LINK, "on-link", "a strict pod speaks to its link, beside ARP, discovery, MLD")   \
	X(50, OFF_BRANCH, "off-branch", "a strict pod's packet would not leave by its branch")     \
	X(51, TAGGED, "tagged", "a VLAN tag besides the branch's own")

enum bg_reason {
#define X(number, NAME, name, meaning) BG_REASON_##NAME = number,
	BG_REASONS(X)
#undef X
};

/* Reasons below this number pass, the others drop. */
#define BG_REASON_FIRST_DROP 32
#define BG_REASON_MAX 64

static inline int bg_reason_passes(enum bg_reason reason)
{
	return reason < BG_REASON_FIRST_DROP;
}

#endif
