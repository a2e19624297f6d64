// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One connection after the other on the same ports, and what neither end has said: SYNs
 * on a flow that lives, resets that are not believed, ends of an earlier connection.
 *
 * Tried for a SYN on the ports of a living flow: by the opener and against it; with its
 * rule and without; sent again with its own number before and after the handshake; with
 * another number; with the answer to another number; answered and never completed; on a
 * flow taken up mid-stream; in both families.
 */
#include "feeds.h"
#include "story.h"

/* The rules of branch A's web service are gone; flows live on. */
#define WITHOUT_WEB FEED(USUAL_NODE, RULES_A_OUT "," RULES_B "," RULES_NODE, ALL_BRANCHES)

#define SYN(SEQ) { TCP(CLIENT, 40000, POD, 443, "S"), .seq = (SEQ) }
#define SYN_ACK(ACK) { TCP(POD, 443, CLIENT, 40000, "SA"), .ack = (ACK) }
#define CLIENT_SENDS { TCP(CLIENT, 40000, POD, 443, "PA"), .payload = 1 }
#define POD_SENDS { TCP(POD, 443, CLIENT, 40000, "PA"), .payload = 1 }

#define REVALIDATED(RULES) FEED(NODE_WITH("'EstablishedFlows': 'revalidate'"), RULES, ALL_BRANCHES)

/* The pod has called the client, which calls back from and to the same ports. */
#define CROSSING                                                                                   \
	{ "the pod's SYN", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 5432, "S"), .seq = 7 },     \
	  .expect = R(RULE), .rule = "sgr-db" },                                                   \
		{ "SYN-ACK", .goes = IN, .pkt = { TCP(CLIENT, 5432, POD, 443, "SA"), .ack = 8 },   \
		  .expect = R(TRACKED), .rule = "sgr-db" },                                        \
		{ "ACK",                                                                           \
		  .goes = OUT,                                                                     \
		  .pkt = { TCP(POD, 443, CLIENT, 5432, "A") },                                     \
		  .expect = R(TRACKED),                                                            \
		  .rule = "sgr-db",                                                                \
		  .flow = "assured" },                                                             \
		{ "the client's SYN",                                                              \
		  .goes = IN,                                                                      \
		  .pkt = { TCP(CLIENT, 5432, POD, 443, "S"), .seq = 200 },                         \
		  .expect = R(RULE),                                                               \
		  .rule = "sgr-web",                                                               \
		  .flow = "assured" },                                                             \
		{ "the pod's SYN-ACK", .goes = OUT,                                                \
		  .pkt = { TCP(POD, 443, CLIENT, 5432, "SA"), .ack = 201 }, .expect = R(TRACKED),  \
		  .rule = "sgr-db" }

#define HANDSHAKE(SEQ)                                                                             \
	{ "SYN", .goes = IN, .pkt = SYN(SEQ), .expect = R(RULE), .rule = "sgr-web" },              \
		{ "SYN-ACK", .goes = OUT, .pkt = SYN_ACK((SEQ) + 1), .expect = R(TRACKED),         \
		  .rule = "sgr-web" },                                                             \
		{ "ACK",                                                                           \
		  .goes = IN,                                                                      \
		  .pkt = CLIENT_SENDS,                                                             \
		  .expect = R(TRACKED),                                                            \
		  .rule = "sgr-web",                                                               \
		  .flow = "assured" }

/* tables, to be read by row */
/* clang-format off */
static const struct story connections[] = {
	{ "a SYN on a living flow is put to the rules: without one it alone is dropped",
	  .steps = {
		  HANDSHAKE(100),
		  { "another number, rule gone", .publish = WITHOUT_WEB, .goes = IN, .pkt = SYN(200),
		    .expect = R(NO_RULE), .flow = "assured" },
		  { "the same number as long ago", .goes = IN, .pkt = SYN(100),
		    .expect = R(NO_RULE), .flow = "assured" },
		  { "the connection goes on", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .flow = "assured" },
		  { "in both directions", .goes = OUT, .pkt = POD_SENDS,
		    .expect = R(TRACKED), .flow = "assured" },
	  } },
	{ "nor may the other end open where it only answers",
	  .steps = {
		  HANDSHAKE(100),
		  { "the pod's SYN", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "S"), .seq = 7 },
		    .expect = R(NO_RULE), .flow = "assured" },
		  { "the connection goes on", .goes = OUT, .pkt = POD_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "assured" },
	  } },
	{ "the first SYN sent again is the flow's, until its handshake is complete",
	  .steps = {
		  { "SYN", .goes = IN, .pkt = SYN(100), .expect = R(RULE), .rule = "sgr-web" },
		  { "sent again", .publish = WITHOUT_WEB, .goes = IN, .pkt = SYN(100),
		    .expect = R(TRACKED), .flow = "half-open" },
		  { "SYN-ACK", .goes = OUT, .pkt = SYN_ACK(101), .expect = R(TRACKED), .flow = "replied" },
		  { "sent again, its answer was lost", .goes = IN, .pkt = SYN(100),
		    .expect = R(TRACKED), .flow = "replied" },
		  { "ACK", .goes = IN, .pkt = CLIENT_SENDS, .expect = R(TRACKED), .flow = "assured" },
		  { "now it would be another connection", .goes = IN, .pkt = SYN(100),
		    .expect = R(NO_RULE), .flow = "assured" },
	  } },
	{ "an admitted SYN leaves the old flow, until its own handshake is complete",
	  .steps = {
		  HANDSHAKE(100),
		  { "the pod has nothing more to say", .goes = OUT,
		    .pkt = { TCP(POD, 443, CLIENT, 40000, "FA") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "a SYN with another number", .goes = IN, .pkt = SYN(200),
		    .expect = R(RULE), .rule = "sgr-web", .flow = "closing" },
		  { "the old connection speaks", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "an answer to another SYN", .goes = OUT, .pkt = SYN_ACK(101),
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "completes nothing", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "its answer", .goes = OUT, .pkt = SYN_ACK(201),
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "a word of the pod's completes nothing", .goes = OUT, .pkt = POD_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "the opener's does: nothing is inherited", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "assured", .timeout_s = 350 },
		  { "a reply after 340 s", .wait_s = 340, .goes = OUT, .pkt = POD_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "assured", .timeout_s = 350 },
	  } },
	{ "its SYN is sent again while the answer is on its way",
	  .steps = {
		  HANDSHAKE(100),
		  { "a SYN with another number", .goes = IN, .pkt = SYN(200),
		    .expect = R(RULE), .rule = "sgr-web", .flow = "assured" },
		  { "its answer", .goes = OUT, .pkt = SYN_ACK(201),
		    .expect = R(TRACKED), .rule = "sgr-web" },
		  { "it again", .goes = IN, .pkt = SYN(200), .expect = R(RULE), .rule = "sgr-web" },
		  { "the pod closes the old one", .goes = OUT,
		    .pkt = { TCP(POD, 443, CLIENT, 40000, "FA") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "the opener's ACK: nothing is inherited", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "assured", .timeout_s = 350 },
	  } },
	{ "one that nobody answered in time follows nothing",
	  .steps = {
		  HANDSHAKE(100),
		  { "a SYN with another number", .goes = IN, .pkt = SYN(200),
		    .expect = R(RULE), .rule = "sgr-web", .flow = "assured" },
		  { "the pod closes the old one", .goes = OUT,
		    .pkt = { TCP(POD, 443, CLIENT, 40000, "FA") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "its answer after a minute", .wait_s = 61, .goes = OUT, .pkt = SYN_ACK(201),
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "completes nothing", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
	  } },
	{ "the other end opens on the ports of a flow, by a rule of its own; then the rule goes",
	  .steps = {
		  CROSSING,
		  { "the opener's ACK, its rule gone", .publish = WITHOUT_WEB, .goes = IN,
		    .pkt = { TCP(CLIENT, 5432, POD, 443, "A") },
		    .expect = R(TRACKED), .flow = "assured" },
		  { "the pod may answer", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 5432, "PA") },
		    .expect = R(TRACKED), .flow = "assured" },
		  { "but not open", .goes = IN, .pkt = { TCP(CLIENT, 5432, POD, 443, "S"), .seq = 9 },
		    .expect = R(NO_RULE), .flow = "assured" },
	  } },
	{ "the same where flows are put to the rules again: it is cut",
	  .feed = REVALIDATED(ALL_RULES),
	  .steps = {
		  CROSSING,
		  { "the opener's ACK, its rule gone",
		    .publish = REVALIDATED(RULES_A_OUT "," RULES_B "," RULES_NODE), .goes = IN,
		    .pkt = { TCP(CLIENT, 5432, POD, 443, "A") },
		    .expect = R(REVOKED), .flow = NO_FLOW },
	  } },
	{ "where the rule of the other goes, it goes along, and is taken up mid-stream",
	  .feed = REVALIDATED(ALL_RULES),
	  .steps = {
		  CROSSING,
		  { "the opener's ACK, the other's rule gone",
		    .publish = REVALIDATED(RULES_A_IN "," RULES_B "," RULES_NODE), .goes = IN,
		    .pkt = { TCP(CLIENT, 5432, POD, 443, "A") },
		    .expect = R(REVOKED), .flow = NO_FLOW },
		  { "and its next word", .goes = IN, .pkt = { TCP(CLIENT, 5432, POD, 443, "PA") },
		    .expect = R(RULE), .rule = "sgr-web", .flow = "half-open" },
	  } },
	{ "a new connection after both have closed",
	  .steps = {
		  HANDSHAKE(100),
		  { "FIN", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "FA") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closing" },
		  { "FIN", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "FA") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed", .timeout_s = 10 },
		  { "SYN", .goes = IN, .pkt = SYN(200), .expect = R(RULE), .rule = "sgr-web",
		    .flow = "half-open" },
	  } },
	{ "a reset that neither end believes ends nothing",
	  .steps = {
		  HANDSHAKE(100),
		  { "RST of somebody", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "R") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed", .timeout_s = 240 },
		  { "the pod's word after 230 s", .wait_s = 230, .goes = OUT, .pkt = POD_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed", .timeout_s = 240 },
		  { "and the client's answer: it lives", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "assured", .timeout_s = 350 },
		  { "as before", .wait_s = 340, .goes = OUT, .pkt = POD_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "assured" },
	  } },
	{ "nor does it, with a SYN behind it",
	  .steps = {
		  HANDSHAKE(100),
		  { "RST of somebody", .goes = IN, .pkt = { TCP(CLIENT, 40000, POD, 443, "R") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed", .timeout_s = 240 },
		  { "and a SYN", .goes = IN, .pkt = SYN(200), .expect = R(RULE), .rule = "sgr-web",
		    .flow = "closed", .timeout_s = 240 },
		  { "the pod's word after 230 s", .wait_s = 230, .goes = OUT, .pkt = POD_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web" },
		  { "and the client's answer: it lives", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "assured", .timeout_s = 350 },
	  } },
	{ "a client that crashed comes back on the same ports",
	  .steps = {
		  HANDSHAKE(100),
		  { "RST", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "R") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed" },
		  { "SYN", .goes = IN, .pkt = SYN(200), .expect = R(RULE), .rule = "sgr-web" },
		  { "SYN-ACK", .goes = OUT, .pkt = SYN_ACK(201), .expect = R(TRACKED),
		    .rule = "sgr-web" },
		  { "ACK", .goes = IN, .pkt = CLIENT_SENDS, .expect = R(TRACKED),
		    .rule = "sgr-web", .flow = "assured", .timeout_s = 350 },
	  } },
	{ "a handshake that is refused, and tried again",
	  .steps = {
		  { "SYN", .goes = IN, .pkt = SYN(100), .expect = R(RULE), .rule = "sgr-web" },
		  { "RST", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "RA") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed", .timeout_s = 60 },
		  { "SYN again", .goes = IN, .pkt = SYN(100), .expect = R(RULE),
		    .rule = "sgr-web" },
		  { "SYN-ACK", .goes = OUT, .pkt = SYN_ACK(101), .expect = R(TRACKED),
		    .rule = "sgr-web" },
		  { "ACK", .goes = IN, .pkt = CLIENT_SENDS, .expect = R(TRACKED),
		    .rule = "sgr-web", .flow = "assured", .timeout_s = 350 },
	  } },
	{ "one end alone does not take it back, nor does a RST",
	  .steps = {
		  HANDSHAKE(100),
		  { "RST", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "R") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed" },
		  { "the client goes on", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed" },
		  { "and gets RST again", .goes = OUT, .pkt = { TCP(POD, 443, CLIENT, 40000, "R") },
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed" },
		  { "then the client alone", .goes = IN, .pkt = CLIENT_SENDS,
		    .expect = R(TRACKED), .rule = "sgr-web", .flow = "closed" },
		  { "after 250 s nothing is left to answer to", .wait_s = 250, .goes = OUT,
		    .pkt = POD_SENDS, .expect = R(NO_RULE), .flow = NO_FLOW },
	  } },
	{ "a new SYN on a flow taken up mid-stream",
	  .steps = {
		  { "mid-stream", .goes = IN, .pkt = CLIENT_SENDS, .expect = R(RULE),
		    .rule = "sgr-web", .flow = "half-open" },
		  { "SYN with number 0, rule gone", .publish = WITHOUT_WEB, .goes = IN,
		    .pkt = { TCP(CLIENT, 40000, POD, 443, "S") }, .expect = R(NO_RULE) },
	  } },
	{ "IPv6: a SYN on a living flow",
	  .steps = {
		  { "SYN", .goes = IN, .pkt = { TCP(CLIENT6, 40000, POD6, 443, "S"), .seq = 100 },
		    .expect = R(RULE), .rule = "sgr-web6" },
		  { "SYN-ACK", .goes = OUT, .pkt = { TCP(POD6, 443, CLIENT6, 40000, "SA"), .ack = 101 },
		    .expect = R(TRACKED), .rule = "sgr-web6" },
		  { "ACK", .goes = IN, .pkt = { TCP(CLIENT6, 40000, POD6, 443, "A") },
		    .expect = R(TRACKED), .rule = "sgr-web6", .flow = "assured" },
		  { "the pod's SYN", .goes = OUT, .pkt = { TCP(POD6, 443, CLIENT6, 40000, "S") },
		    .expect = R(NO_RULE), .flow = "assured" },
		  { "SYN, rule gone", .publish = WITHOUT_WEB, .goes = IN,
		    .pkt = { TCP(CLIENT6, 40000, POD6, 443, "S"), .seq = 200 },
		    .expect = R(NO_RULE), .flow = "assured" },
	  } },
	{ "both ends ping with one identifier",
	  .steps = {
		  { "the remote asks", .goes = IN, .pkt = { PING(CLIENT, POD, 77) },
		    .expect = R(RULE), .rule = "sgr-ping", .flow = "one-way" },
		  { "the pod asks", .goes = OUT, .pkt = { PING(POD, CLIENT, 77) },
		    .expect = R(RULE), .rule = "sgr-outping", .flow = "one-way" },
		  { "the pod answers", .goes = OUT, .pkt = { PONG(POD, CLIENT, 77) },
		    .expect = R(TRACKED), .rule = "sgr-ping" },
		  { "the remote answers", .goes = IN, .pkt = { PONG(CLIENT, POD, 77) },
		    .expect = R(TRACKED), .rule = "sgr-outping" },
		  { "the remote asks again", .goes = IN, .pkt = { PING(CLIENT, POD, 77) },
		    .expect = R(TRACKED), .rule = "sgr-ping" },
		  { "the pod asks again", .goes = OUT, .pkt = { PING(POD, CLIENT, 77) },
		    .expect = R(TRACKED), .rule = "sgr-outping" },
		  { "IPv6: the remote asks", .goes = IN, .pkt = { PING6(CLIENT6, POD6, 77) },
		    .expect = R(RULE), .rule = "sgr-ping6" },
		  { "IPv6: the pod asks", .goes = OUT, .pkt = { PING6(POD6, CLIENT6, 77) },
		    .expect = R(RULE), .rule = "sgr-outping6" },
		  { "IPv6: the remote answers", .goes = IN, .pkt = { PONG6(CLIENT6, POD6, 77) },
		    .expect = R(TRACKED), .rule = "sgr-outping6" },
		  { "IPv6: the pod answers", .goes = OUT, .pkt = { PONG6(POD6, CLIENT6, 77) },
		    .expect = R(TRACKED), .rule = "sgr-ping6" },
	  } },
};

/* clang-format on */

int main(void)
{
	return TELL(connections, USUAL_FEED);
}
