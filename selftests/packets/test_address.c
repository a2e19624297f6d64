// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Step 4: whose addresses these are; and what is no discovery (test_exempt.c has what is). */
#include "feeds.h"
#include "story.h"

#define LINK_LOCAL "fe80::1"
#define ALL_NODES "ff02::1"

/* tables, to be read by row */
/* clang-format off */
static const struct story addresses[] = {
	{ "discovery that a router let through is none",
	  .steps = {
		  { "neighbour solicitation, hop limit 254", .goes = IN,
		    .pkt = { ICMP6(CLIENT6, POD6, 135, 0), .ttl = 254, .payload = 24 },
		    .expect = R(NO_RULE) },
		  { "router advertisement, hop limit 64", .goes = IN,
		    .pkt = { ICMP6(LINK_LOCAL, POD6, 134, 0), .ttl = 64, .payload = 8 },
		    .expect = R(NO_RULE) },
		  { "to a group, hop limit 64", .goes = IN,
		    .pkt = { ICMP6(LINK_LOCAL, ALL_NODES, 134, 0), .ttl = 64, .payload = 8 },
		    .expect = R(NOT_OURS) },
		  { "MLD query, hop limit 2", .goes = IN,
		    .pkt = { ICMP6(LINK_LOCAL, ALL_NODES, 130, 0), .ttl = 2, .payload = 16 },
		    .expect = R(NOT_OURS) },
		  { "MLD query, hop limit 255", .goes = IN,
		    .pkt = { ICMP6(LINK_LOCAL, ALL_NODES, 130, 0), .ttl = 255, .payload = 16 },
		    .expect = R(NOT_OURS) },
		  { "a fragment of one", .goes = IN,
		    .pkt = { ICMP6(LINK_LOCAL, POD6, 134, 0), .ttl = 255, .payload = 8,
			     .more = true },
		    .expect = R(NO_RULE) },
		  { "ICMPv6 in an IPv4 packet", .goes = IN,
		    .pkt = { ICMP6(CLIENT, POD, 135, 0), .ttl = 255, .payload = 24 },
		    .expect = R(NO_RULE) },
		  { "an echo request with hop limit 255 is no discovery", .goes = IN,
		    .pkt = { PING6(STRANGER6, POD6, 1), .ttl = 255 }, .expect = R(NO_RULE) },
	  } },
	{ "only the branch's addresses leave, only they are reached",
	  .steps = {
		  { "the pod's own", .goes = OUT, .pkt = { TCP(POD, 1, CLIENT, 5432, "S") },
		    .expect = R(RULE), .rule = "sgr-db" },
		  { "its second pod's", .goes = OUT, .pkt = { TCP(POD_TWO, 1, CLIENT, 5432, "S") },
		    .expect = R(RULE), .rule = "sgr-db" },
		  { "another branch's", .goes = OUT, .pkt = { TCP(NEIGHBOUR, 1, CLIENT, 5432, "S") },
		    .expect = R(SPOOFED) },
		  { "a stranger's", .goes = OUT, .pkt = { TCP(STRANGER, 1, CLIENT, 5432, "S") },
		    .expect = R(SPOOFED) },
		  { "a stranger's, IPv6", .goes = OUT,
		    .pkt = { TCP(STRANGER6, 1, CLIENT6, 5432, "S") }, .expect = R(SPOOFED) },
		  { "nobody's", .goes = OUT, .pkt = { TCP("0.0.0.0", 1, CLIENT, 5432, "S") },
		    .expect = R(SPOOFED) },
		  { "a link-local one", .goes = OUT, .pkt = { TCP(LINK_LOCAL, 1, CLIENT6, 5432, "S") },
		    .expect = R(SPOOFED) },
		  { "toward another branch's pod", .goes = IN,
		    .pkt = { TCP(CLIENT, 1, NEIGHBOUR, 443, "S") }, .expect = R(NOT_OURS) },
		  { "toward a stranger", .goes = IN, .pkt = { TCP(CLIENT, 1, STRANGER, 443, "S") },
		    .expect = R(NOT_OURS) },
		  { "broadcast", .goes = IN, .pkt = { UDP(CLIENT, 1, "255.255.255.255", 53) },
		    .expect = R(NOT_OURS) },
		  { "multicast", .goes = IN, .pkt = { UDP(CLIENT, 1, "224.0.0.251", 53) },
		    .expect = R(NOT_OURS) },
		  { "multicast, IPv6", .goes = IN, .pkt = { UDP(CLIENT6, 1, "ff02::fb", 53) },
		    .expect = R(NOT_OURS) },
		  { "a flow of the second pod is not the first one's", .goes = IN,
		    .pkt = { TCP(CLIENT, 5432, POD, 2, "SA") }, .expect = R(NO_RULE) },
		  { "it is its own", .goes = IN, .pkt = { TCP(CLIENT, 5432, POD_TWO, 1, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-db" },
		  { "a spoofed packet of a tracked flow's ports", .goes = OUT,
		    .pkt = { TCP(NEIGHBOUR, 1, CLIENT, 5432, "A") }, .expect = R(SPOOFED) },
		  { "a spoofed later fragment", .goes = OUT,
		    .pkt = { UDP(STRANGER, 1, CLIENT, 1000), .offset_bytes = 64, .bare = true,
			     .payload = 64 },
		    .expect = R(SPOOFED) },
		  { "a spoofed ICMP error", .goes = OUT,
		    .pkt = { ICMP4(STRANGER, CLIENT, 3, 3),
			     .quote = &(const struct pkt){ TCP(CLIENT, 1, STRANGER, 443, "S") } },
		    .expect = R(SPOOFED) },
	  } },
	{ "a pod with addresses of both families",
	  .steps = {
		  { "IPv4 in", .goes = IN, .pkt = { TCP(CLIENT, 1, POD_TWO, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "IPv6 in", .goes = IN, .pkt = { TCP(CLIENT6, 1, POD_TWO6, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web6" },
		  { "IPv4 out", .goes = OUT, .pkt = { UDP(POD_TWO, 1, CLIENT, 2000) },
		    .expect = R(RULE), .rule = "sgr-udp" },
		  { "IPv6 out", .goes = OUT, .pkt = { UDP(POD_TWO6, 1, CLIENT6, 2000) },
		    .expect = R(RULE), .rule = "sgr-udp6" },
		  { "an IPv4 rule is not for IPv6", .goes = IN,
		    .pkt = { OTHER(CLIENT6, POD_TWO6, 47) }, .expect = R(NO_RULE) },
	  } },
};
/* clang-format on */

int main(void)
{
	return TELL(addresses, USUAL_FEED);
}
