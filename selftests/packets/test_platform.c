// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Step 8: what EC2 never filters, unless the feed says that we do. */
#include "feeds.h"
#include "story.h"

#define FILTER_FEED FEED(NODE_WITH("'PlatformTraffic': 'filter'"), ALL_RULES, ALL_BRANCHES)

/* tables, to be read by row */
/* clang-format off */
static const struct story platform[] = {
	{ "platform services of EC2 pass without a rule",
	  .steps = {
		  { "resolver of the VPC, UDP", .goes = OUT, .pkt = { UDP(POD, 1, "10.0.0.2", 53) },
		    .expect = R(PLATFORM), .flow = "one-way" },
		  { "its answer", .goes = IN, .pkt = { UDP("10.0.0.2", 53, POD, 1) },
		    .expect = R(TRACKED) },
		  { "resolver of the VPC, TCP", .goes = OUT,
		    .pkt = { TCP(POD, 1, "10.0.0.2", 53, "S") }, .expect = R(PLATFORM) },
		  { "resolver, link-local", .goes = OUT, .pkt = { UDP(POD, 2, "169.254.169.253", 53) },
		    .expect = R(PLATFORM) },
		  { "resolver, IPv6", .goes = OUT, .pkt = { UDP(POD6, 2, "fd00:ec2::253", 53) },
		    .expect = R(PLATFORM) },
		  { "instance metadata", .goes = OUT,
		    .pkt = { TCP(POD, 3, "169.254.169.254", 80, "S") }, .expect = R(PLATFORM),
		    .flow = "half-open" },
		  { "its answer", .goes = IN, .pkt = { TCP("169.254.169.254", 80, POD, 3, "SA") },
		    .expect = R(TRACKED) },
		  { "instance metadata, IPv6", .goes = OUT,
		    .pkt = { TCP(POD6, 3, "fd00:ec2::254", 80, "S") }, .expect = R(PLATFORM) },
		  { "task metadata of ECS", .goes = OUT,
		    .pkt = { TCP(POD, 4, "169.254.170.2", 80, "S") }, .expect = R(PLATFORM) },
		  { "time", .goes = OUT, .pkt = { UDP(POD, 123, "169.254.169.123", 123) },
		    .expect = R(PLATFORM) },
		  { "time, IPv6", .goes = OUT, .pkt = { UDP(POD6, 123, "fd00:ec2::123", 123) },
		    .expect = R(PLATFORM) },
		  { "Windows activation", .goes = OUT,
		    .pkt = { TCP(POD, 5, "169.254.169.250", 1688, "S") }, .expect = R(PLATFORM) },
		  { "Windows activation, the second address", .goes = OUT,
		    .pkt = { TCP(POD, 5, "169.254.169.251", 1688, "S") }, .expect = R(PLATFORM) },
	  } },
	{ "but not other ports, protocols, addresses or directions",
	  .steps = {
		  { "resolver on another port", .goes = OUT, .pkt = { UDP(POD, 1, "10.0.0.2", 54) },
		    .expect = R(NO_RULE) },
		  { "metadata over UDP", .goes = OUT, .pkt = { UDP(POD, 1, "169.254.169.254", 80) },
		    .expect = R(NO_RULE) },
		  { "metadata over TLS", .goes = OUT,
		    .pkt = { TCP(POD, 1, "169.254.169.254", 443, "S") }, .expect = R(NO_RULE) },
		  { "time over TCP", .goes = OUT,
		    .pkt = { TCP(POD, 1, "169.254.169.123", 123, "S") }, .expect = R(NO_RULE) },
		  { "DNS at the metadata address", .goes = OUT,
		    .pkt = { UDP(POD, 1, "169.254.169.254", 53) }, .expect = R(NO_RULE) },
		  { "an address beside them", .goes = OUT,
		    .pkt = { TCP(POD, 1, "169.254.169.252", 80, "S") }, .expect = R(NO_RULE) },
		  { "any resolver", .goes = OUT, .pkt = { UDP(POD, 1, "192.0.2.53", 53) },
		    .expect = R(NO_RULE) },
		  { "an answer that nobody asked for", .goes = IN,
		    .pkt = { UDP("10.0.0.2", 53, POD, 9) }, .expect = R(NO_RULE) },
		  { "a spoofed source", .goes = OUT, .pkt = { UDP(STRANGER, 1, "10.0.0.2", 53) },
		    .expect = R(SPOOFED) },
		  { "ping of the metadata address", .goes = OUT,
		    .pkt = { PING(POD, "169.254.169.254", 1) }, .expect = R(NO_RULE) },
	  } },
	{ "\"PlatformTraffic\": \"filter\" asks the rules",
	  .feed = FILTER_FEED,
	  .steps = {
		  { "resolver", .goes = OUT, .pkt = { UDP(POD, 1, "169.254.169.253", 53) },
		    .expect = R(NO_RULE) },
		  { "metadata", .goes = OUT, .pkt = { TCP(POD, 3, "169.254.169.254", 80, "S") },
		    .expect = R(NO_RULE) },
		  { "time", .goes = OUT, .pkt = { UDP(POD, 123, "169.254.169.123", 123) },
		    .expect = R(NO_RULE) },
		  { "DHCP", .goes = OUT, .pkt = { UDP(POD, 68, "10.0.0.1", 67) },
		    .expect = R(NO_RULE) },
		  { "a branch whose groups allow all, by that rule", .goes = OUT, .vlan = BRANCH_B,
		    .pkt = { TCP(NEIGHBOUR, 3, "169.254.169.254", 80, "S") },
		    .expect = R(RULE), .rule = "sgr-all" },
		  { "neighbour discovery still passes", .goes = OUT, .own = true,
		    .pkt = { ICMP6("fe80::1", "ff02::1", 135, 0), .ttl = 255, .payload = 16 },
		    .expect = R(NEIGHBOUR) },
		  { "and ARP", .goes = OUT, .pkt = { .ethertype = 0x0806, .payload = 28 },
		    .expect = R(ARP) },
	  } },
	{ "switching to \"filter\" leaves tracked flows alone",
	  .steps = {
		  { "metadata", .goes = OUT, .pkt = { TCP(POD, 3, "169.254.169.254", 80, "S") },
		    .expect = R(PLATFORM) },
		  { "answer under the new revision", .publish = FILTER_FEED, .goes = IN,
		    .pkt = { TCP("169.254.169.254", 80, POD, 3, "SA") }, .expect = R(TRACKED) },
		  { "a new connection", .goes = OUT,
		    .pkt = { TCP(POD, 4, "169.254.169.254", 80, "S") }, .expect = R(NO_RULE) },
	  } },
};
/* clang-format on */

int main(void)
{
	return TELL(platform, USUAL_FEED);
}
