// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Branches beside each other, and standard branches, whose packets must satisfy
 * the node's groups as well. */
#include "feeds.h"
#include "story.h"

#define FAR "10.0.201.7" /* in the VPC; the node's groups do not name it */

#define PER_INTERFACE FEED(NODE_WITH("'StandardMode': 'per-interface'"), ALL_RULES, ALL_BRANCHES)
#define NO_NODE_GROUPS FEED(NODE_WITHOUT_GROUPS, ALL_RULES, ALL_BRANCHES)
#define NO_GROUPS FEED(USUAL_NODE, ALL_RULES, BRANCH("eni-a", 9, "strict", "", PODS_A))
#define TWO_GROUPS                                                                                 \
	FEED(USUAL_NODE, ALL_RULES, BRANCH("eni-a", 9, "strict", "'sg-a', 'sg-b'", PODS_A))

/* tables, to be read by row */
/* clang-format off */
static const struct story branches[] = {
	{ "two branches do not see each other's flows",
	  .steps = {
		  { "A's pod calls B's", .goes = OUT,
		    .pkt = { TCP(POD, 50000, NEIGHBOUR, 5432, "S") },
		    .expect = R(RULE), .rule = "sgr-db", .flow = "half-open" },
		  { "which B has no rule for", .goes = IN, .vlan = BRANCH_B,
		    .pkt = { TCP(POD, 50000, NEIGHBOUR, 5432, "S") },
		    .expect = R(NO_RULE), .flow = NO_FLOW },
		  { "B's pod calls A's", .goes = OUT, .vlan = BRANCH_B,
		    .pkt = { TCP(NEIGHBOUR, 50000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-all" },
		  { "A judges for itself", .goes = IN,
		    .pkt = { TCP(NEIGHBOUR, 50000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "the reply leaves A by A's flow", .goes = OUT,
		    .pkt = { TCP(POD, 443, NEIGHBOUR, 50000, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-web" },
		  { "and enters B by B's", .goes = IN, .vlan = BRANCH_B,
		    .pkt = { TCP(POD, 443, NEIGHBOUR, 50000, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-all" },
		  { "B is not open to what A is open to", .goes = IN, .vlan = BRANCH_B,
		    .pkt = { TCP(CLIENT, 40000, NEIGHBOUR, 443, "S") }, .expect = R(NO_RULE) },
	  } },
	{ "the pods of a branch have its rules in common, flows of their own",
	  .steps = {
		  { "first pod", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "second pod, same ports", .goes = IN,
		    .pkt = { TCP(CLIENT, 40000, POD_TWO, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "second pod answers", .goes = OUT,
		    .pkt = { TCP(POD_TWO, 443, CLIENT, 40000, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "replied" },
		  { "the first one's flow has not moved", .goes = IN,
		    .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "half-open" },
		  { "from pod to pod over the branch: out", .goes = OUT,
		    .pkt = { PING(POD, POD_TWO, 1) }, .expect = R(RULE), .rule = "sgr-outping" },
		  { "and in again", .goes = IN, .pkt = { PING(POD, POD_TWO, 1) },
		    .expect = R(RULE), .rule = "sgr-ping" },
	  } },
	{ "a standard branch asks the node's groups too",
	  .steps = {
		  { "both allow it", .goes = IN, .vlan = BRANCH_C,
		    .pkt = { TCP(CLIENT, 40000, STANDARD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web", .node_rule = "sgr-node-web",
		    .flow = "half-open" },
		  { "the reply needs neither", .goes = OUT, .vlan = BRANCH_C,
		    .pkt = { TCP(STANDARD, 443, CLIENT, 40000, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-web" },
		  { "the branch alone", .goes = IN, .vlan = BRANCH_C,
		    .pkt = { TCP(FAR, 40000, STANDARD, 443, "S") },
		    .expect = R(NO_NODE_RULE), .rule = "sgr-web", .flow = NO_FLOW },
		  { "the node alone", .goes = IN, .vlan = BRANCH_C,
		    .pkt = { TCP(STRANGER, 40000, STANDARD, 443, "S") },
		    .expect = R(NO_RULE), .flow = NO_FLOW },
		  { "out, both", .goes = OUT, .vlan = BRANCH_C,
		    .pkt = { TCP(STANDARD, 50000, CLIENT, 5432, "S") },
		    .expect = R(RULE), .rule = "sgr-db", .node_rule = "sgr-node-db" },
		  { "out, the branch alone", .goes = OUT, .vlan = BRANCH_C,
		    .pkt = { UDP(STANDARD, 50000, CLIENT, 1000) },
		    .expect = R(NO_NODE_RULE), .rule = "sgr-udp" },
		  { "IPv6 in, both", .goes = IN, .vlan = BRANCH_C,
		    .pkt = { TCP(CLIENT6, 40000, STANDARD6, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web6", .node_rule = "sgr-node-web6" },
		  { "a strict branch does not ask them", .goes = IN,
		    .pkt = { TCP(FAR, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
	  } },
	{ "a standard branch under \"per-interface\" asks its own groups only",
	  .feed = PER_INTERFACE,
	  .steps = {
		  { "in", .goes = IN, .vlan = BRANCH_C, .pkt = { TCP(FAR, 40000, STANDARD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "out", .goes = OUT, .vlan = BRANCH_C,
		    .pkt = { UDP(STANDARD, 50000, CLIENT, 1000) },
		    .expect = R(RULE), .rule = "sgr-udp" },
		  { "which still decide", .goes = IN, .vlan = BRANCH_C,
		    .pkt = { TCP(FAR, 40000, STANDARD, 444, "S") }, .expect = R(NO_RULE) },
	  } },
	{ "a node without groups allows everything on its side",
	  .feed = NO_NODE_GROUPS,
	  .steps = {
		  { "in", .goes = IN, .vlan = BRANCH_C, .pkt = { TCP(FAR, 40000, STANDARD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "out", .goes = OUT, .vlan = BRANCH_C,
		    .pkt = { UDP(STANDARD, 50000, CLIENT, 1000) },
		    .expect = R(RULE), .rule = "sgr-udp" },
	  } },
	{ "a branch without groups is closed",
	  .feed = NO_GROUPS,
	  .steps = {
		  { "in", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(NO_RULE) },
		  { "out", .goes = OUT, .pkt = { TCP(POD, 40000, CLIENT, 5432, "S") },
		    .expect = R(NO_RULE) },
		  { "but for the platform", .goes = OUT, .pkt = { UDP(POD, 1, "10.0.0.2", 53) },
		    .expect = R(PLATFORM) },
	  } },
	{ "the rules of all groups of a branch add up",
	  .feed = TWO_GROUPS,
	  .steps = {
		  { "what the first allows", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "what the second allows", .goes = OUT,
		    .pkt = { TCP(POD, 40000, STRANGER, 25, "S") },
		    .expect = R(RULE), .rule = "sgr-all" },
		  { "what both allow goes by the first", .goes = OUT,
		    .pkt = { TCP(POD, 40000, CLIENT, 5432, "S") },
		    .expect = R(RULE), .rule = "sgr-db" },
		  { "what neither allows", .goes = IN, .pkt = { TCP(STRANGER, 40000, POD, 25, "S") },
		    .expect = R(NO_RULE) },
	  } },
	{ "an interface that is no branch of the feed",
	  .steps = {
		  { "in", .goes = IN, .vlan = 77, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(NO_BRANCH) },
		  { "out", .goes = OUT, .vlan = 77, .pkt = { TCP(POD, 40000, CLIENT, 5432, "S") },
		    .expect = R(NO_BRANCH) },
	  } },
};
/* clang-format on */

int main(void)
{
	return TELL(branches, USUAL_FEED);
}
