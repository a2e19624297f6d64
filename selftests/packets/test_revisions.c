// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a new revision does to flows that are there, and who inherits nothing. */
#include "feeds.h"
#include "story.h"

/* text and tables, to be read by row */
/* clang-format off */
#define REVALIDATE NODE_WITH("'EstablishedFlows': 'revalidate'")

/* sg-a without sgr-web and sgr-db */
#define OTHER_RULES \
	IN_A("sgr-dns", "udp", 53, 53, VPC) "," \
	OUT_A("sgr-udp", "udp", 1000, 2000, VPC) "," \
	IN_A("sgr-ping", "icmp", 8, -1, VPC)
/* the same packets by another rule */
#define WIDER_RULES \
	IN_A("sgr-wide", "tcp", 0, 65535, VPC) "," \
	IN_A("sgr-web", "tcp", 443, 443, V4("10.9.0.0/16")) "," \
	RULES_A_OUT
#define NARROW_FEED FEED(USUAL_NODE, OTHER_RULES, ALL_BRANCHES)
#define STRICT_FEED FEED(REVALIDATE, ALL_RULES, ALL_BRANCHES)
#define STRICT_NARROW_FEED FEED(REVALIDATE, OTHER_RULES, ALL_BRANCHES)
#define STRICT_WIDER_FEED FEED(REVALIDATE, WIDER_RULES, ALL_BRANCHES)

/* branch A without its first pod, then with it at another branch */
#define A_WITHOUT_POD BRANCH("eni-a", 9, "strict", "'sg-a'", SHOP_POD("cart-1", POD_TWO, POD_TWO6))
#define B_WITH_POD BRANCH("eni-b", 10, "strict", "'sg-a'", SHOP_POD("cart-0", POD, POD6))
#define WITHOUT_POD FEED(USUAL_NODE, ALL_RULES, A_WITHOUT_POD "," BRANCH_B_USUAL)
#define POD_MOVED FEED(USUAL_NODE, ALL_RULES, A_WITHOUT_POD "," B_WITH_POD)
/* another interface under the same VLAN id, with a pod of the same address */
#define REUSED_VLAN \
	FEED(USUAL_NODE, RULES_A_OUT, BRANCH("eni-z", 9, "strict", "'sg-a'", PODS_A))
/* Open to anybody in both directions: EC2 does not track that */
#define OPEN_FEED(NODE) \
	FEED(NODE, IN_A("sgr-open", "-1", -1, -1, V4("0.0.0.0/0")) "," \
		   IN_A("sgr-open6", "-1", -1, -1, V6("::/0")) "," \
		   OUT_A("sgr-out", "-1", -1, -1, V4("0.0.0.0/0")) "," \
		   OUT_A("sgr-out6", "-1", -1, -1, V6("::/0")), ALL_BRANCHES)
#define NO_BRANCH_A FEED(USUAL_NODE, ALL_RULES, BRANCH_B_USUAL)

static const struct story revisions[] = {
	{ "\"keep\": a tracked flow lives on when its rule goes",
	  .steps = {
		  { "SYN", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "SYN-ACK", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-web" },
		  { "under the new revision: not a new connection", .publish = NARROW_FEED,
		    .goes = IN, .pkt = { TCP(CLIENT, 40001, POD, 443, "S") },
		    .expect = R(NO_RULE) },
		  { "but the old one", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "A") },
		    .expect = R(TRACKED), .flow = "assured" },
		  { "both ways", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "PA") },
		    .expect = R(TRACKED) },
		  { "and its errors", .goes = IN,
		    .pkt = { ICMP4(CLIENT, POD, 3, 4),
			     .quote = &(const struct pkt){ TCP(POD, 443, CLIENT, 40000, "A") } },
		    .expect = R(ICMP_ERROR) },
	  } },
	{ "\"revalidate\": a tracked flow dies with its rule",
	  .feed = STRICT_FEED,
	  .steps = {
		  { "SYN", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "UDP", .goes = IN, .pkt = { UDP(CLIENT, 40000, POD, 53) },
		    .expect = R(RULE), .rule = "sgr-dns" },
		  { "SYN of the pod", .goes = OUT, .pkt = { TCP(POD, 50000, CLIENT, 5432, "S") },
		    .expect = R(RULE), .rule = "sgr-db" },
		  { "ping", .goes = IN, .pkt = { PING(CLIENT, POD, 1) },
		    .expect = R(RULE), .rule = "sgr-ping" },
		  { "the rule went: its packet drops", .publish = STRICT_NARROW_FEED, .goes = IN,
		    .pkt = { TCP(CLIENT, 40000, POD, 443, "A") },
		    .expect = R(REVOKED), .flow = NO_FLOW },
		  { "the flow is no more", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "A") },
		    .expect = R(NO_RULE) },
		  { "a reply is judged by the first direction", .goes = IN,
		    .pkt = { TCP(CLIENT, 5432, POD, 50000, "SA") },
		    .expect = R(REVOKED), .flow = NO_FLOW },
		  { "what a rule admits lives on, the reply too", .goes = OUT,
		    .pkt = { UDP(POD, 53, CLIENT, 40000) },
		    .expect = R(TRACKED), .rule = "sgr-dns" },
		  { "an echo reply by the rule for requests", .goes = OUT,
		    .pkt = { PONG(POD, CLIENT, 1) }, .expect = R(TRACKED), .rule = "sgr-ping" },
	  } },
	{ "\"keep\": what EC2 would not track and cut lives on, too",
	  .feed = OPEN_FEED(USUAL_NODE),
	  .steps = {
		  { "in", .goes = IN, .pkt = { TCP(STRANGER, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-open", .flow = "half-open" },
		  { "out", .goes = OUT, .pkt = { UDP(POD6, 50000, STRANGER6, 9) },
		    .expect = R(RULE), .rule = "sgr-out6", .flow = "one-way" },
		  { "the rules went: no new one", .publish = NARROW_FEED, .goes = IN,
		    .pkt = { TCP(STRANGER, 40001, POD, 443, "S") }, .expect = R(NO_RULE) },
		  { "but the old one", .goes = OUT, .pkt = { TCP(POD, 443, STRANGER, 40000, "SA") },
		    .expect = R(TRACKED), .flow = "replied" },
		  { "IPv6, out", .goes = IN, .pkt = { UDP(STRANGER6, 9, POD6, 50000) },
		    .expect = R(TRACKED) },
	  } },
	{ "\"revalidate\" cuts it",
	  .feed = OPEN_FEED(REVALIDATE),
	  .steps = {
		  { "in", .goes = IN, .pkt = { TCP(STRANGER, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-open", .flow = "half-open" },
		  { "out", .goes = OUT, .pkt = { UDP(POD6, 50000, STRANGER6, 9) },
		    .expect = R(RULE), .rule = "sgr-out6", .flow = "one-way" },
		  { "the rules went", .publish = STRICT_NARROW_FEED, .goes = OUT,
		    .pkt = { TCP(POD, 443, STRANGER, 40000, "SA") }, .expect = R(REVOKED) },
		  { "IPv6, out", .goes = IN, .pkt = { UDP(STRANGER6, 9, POD6, 50000) },
		    .expect = R(REVOKED) },
	  } },
	{ "\"revalidate\": another rule may admit it",
	  .feed = STRICT_FEED,
	  .steps = {
		  { "SYN", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "the reply, by the rule that admits it now", .publish = STRICT_WIDER_FEED,
		    .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-wide", .flow = "replied" },
		  { "and so from now on", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "A") },
		    .expect = R(TRACKED), .rule = "sgr-wide", .flow = "assured" },
	  } },
	{ "an address that left the branch takes its flows along",
	  .steps = {
		  { "SYN", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "SYN to the other pod", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD_TWO, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "the pod went", .publish = WITHOUT_POD, .goes = IN,
		    .pkt = { TCP(CLIENT, 40000, POD, 443, "A") },
		    .expect = R(NOT_OURS), .flow = NO_FLOW },
		  { "nor may it answer", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "SA") },
		    .expect = R(SPOOFED) },
		  { "the other one stays", .goes = OUT,
		    .pkt = { TCP(POD_TWO, 443, CLIENT, 40000, "SA") },
		    .expect = R(TRACKED), .rule = "sgr-web" },
		  { "at another branch it starts from nothing", .publish = POD_MOVED,
		    .goes = OUT, .vlan = BRANCH_B, .pkt = { TCP(POD, 443, CLIENT, 40000, "A") },
		    .expect = R(NO_RULE) },
		  { "by that branch's rules", .goes = IN, .vlan = BRANCH_B,
		    .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
	  } },
	{ "a VLAN id that another interface takes over inherits no flows",
	  .steps = {
		  { "SYN", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "first fragment", .goes = IN,
		    .pkt = { UDP(CLIENT, 1, POD, 53), .ident = 5, .more = true, .payload = 8 },
		    .expect = R(RULE), .rule = "sgr-dns" },
		  { "same VLAN, address and ports: another branch", .publish = REUSED_VLAN,
		    .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "SA") },
		    .expect = R(NO_RULE) },
		  { "nor toward the pod", .goes = IN,
		    .pkt = { TCP(CLIENT, 40000, POD, 443, "A") }, .expect = R(NO_RULE) },
		  { "and fragments", .goes = IN,
		    .pkt = { UDP(CLIENT, 1, POD, 53), .ident = 5, .offset_bytes = 16, .bare = true,
			     .payload = 8 },
		    .expect = R(FRAGMENT_UNKNOWN) },
		  { "errors too", .goes = IN,
		    .pkt = { ICMP4(CLIENT, POD, 3, 4),
			     .quote = &(const struct pkt){ TCP(POD, 443, CLIENT, 40000, "A") } },
		    .expect = R(ICMP_ERROR_UNKNOWN) },
	  } },
	{ "a branch that the feed no longer has",
	  .steps = {
		  { "SYN", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "S") },
		    .expect = R(RULE), .rule = "sgr-web" },
		  { "nothing passes in", .publish = NO_BRANCH_A, .goes = IN,
		    .pkt = { TCP(CLIENT, 40000, POD, 443, "A") }, .expect = R(NO_BRANCH) },
		  { "nothing passes out", .goes = OUT,
		    .pkt = { TCP(POD, 443, CLIENT, 40000, "SA") }, .expect = R(NO_BRANCH) },
		  { "not even ARP", .goes = OUT, .pkt = { .ethertype = 0x0806, .payload = 28 },
		    .expect = R(NO_BRANCH) },
		  { "back again, the flow is of a branch that is gone", .publish = USUAL_FEED,
		    .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "SA") },
		    .expect = R(NO_RULE) },
	  } },
};
/* clang-format on */

int main(void)
{
	return TELL(revisions, USUAL_FEED);
}
