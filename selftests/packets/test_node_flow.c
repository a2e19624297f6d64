// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Flows that a standard pod has as the node, at the primary interface. What comes in for the node
 * is no verdict, but keeps them alive; and an answer is known by them although a filter of others
 * has wiped the mark of the veth's program, which no test run here has. What netfilter does is
 * what the test sends. With sockets: net/test_node_port.sh.
 *
 * Tried, in both families: a port of the node with the client's address, by TCP and UDP, with a
 * rule for nothing; the pod opens on these ports; an answer to what never came to the pod; what
 * comes for the node alone, also in fragments; what the pod opens, its rule gone, idle for as long
 * as an open flow may be; that in UDP, by ping, closed, reset; used again by another connection.
 */
#include <linux/pkt_cls.h>

#include "base/names.h"
#include "datapath/programs.h"
#include "feeds.h"
#include "model_maker.h"
#include "rig.h"
#include "test.h"

#define NODE_ADDRESS "10.0.1.10"
#define NODE_ADDRESS6 "2001:db8:1::10"
#define NODE NODE_WITH("'Addresses': ['" NODE_ADDRESS "', '" NODE_ADDRESS6 "']")
#define BY_NODE(ID, PROTOCOL, FROM, TO, PEER) RULE(ID, "sg-node", EGRESS, PROTOCOL, FROM, TO, PEER)
#define OPEN(ID, PEER)                                                                             \
	OUT_A("sgr-a" ID, "-1", -1, -1, PEER) "," BY_NODE("sgr-n" ID, "-1", -1, -1, PEER)
#define NO_RULES FEED(NODE, RULES_B, ALL_BRANCHES)
#define OUT_RULES FEED(NODE, OPEN("4", V4("0.0.0.0/0")) "," OPEN("6", V6("::/0")), ALL_BRANCHES)

/* The test runs on the loopback device, so that is the interface in question; the others are
 * names. */
enum { DEVICE = 1, PRIMARY = 4001 };

static struct rig rig;

struct family {
	const char *pod, *node, *remote;
};
static const struct family families[] = { { STANDARD, NODE_ADDRESS, STRANGER },
					  { STANDARD6, NODE_ADDRESS6, STRANGER6 } };

static int start(void **state)
{
	(void)state;
	rig_publish(&rig, NO_RULES);
	rig_clear(&rig);
	rig_enter(&rig, DEVICE, BG_ROLE_POD_STANDARD, BRANCH_C, 0);
	rig_enter(&rig, PRIMARY, BG_ROLE_PRIMARY, 0, 0);
	return 0;
}

static enum bg_reason run(enum bg_program program, __u32 came_by, const struct pkt *pkt,
			  bool *passes)
{
	struct __sk_buff context = { .ifindex = DEVICE, .ingress_ifindex = came_by };
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(pkt, frame);
	enum bg_reason reason;
	int action;

	memset(frame, 0, 6); /* the loopback's MAC */
	reason = rig_through(&rig, program, &context, frame, bytes, &action);
	*passes = action == TC_ACT_UNSPEC;
	return reason;
}

static void expect(const char *says, enum bg_program program, __u32 came_by, struct pkt pkt,
		   enum bg_reason reason)
{
	bool passes;
	enum bg_reason is = run(program, came_by, &pkt, &passes);

	if (is != reason || passes != (reason == BG_REASON_NONE || bg_reason_passes(reason)))
		fail_msg("%s: %s to %s is %s and %s, expected %s", says, pkt.from, pkt.to,
			 bg_reason_name(is), passes ? "passes" : "does not pass",
			 bg_reason_name(reason));
}

/* For the node, by the primary interface: never a verdict. */
static void comes(const char *says, struct pkt pkt)
{
	expect(says, BG_TC_NODE_INGRESS, PRIMARY, pkt, BG_REASON_NONE);
}

/* To the pod's veth, by the stack. */
static void reaches_pod(const char *says, struct pkt pkt, enum bg_reason reason)
{
	expect(says, BG_TC_POD_INGRESS, PRIMARY, pkt, reason);
}

/* From the pod's veth, with the node's address by now. */
static void leaves(const char *says, struct pkt pkt, enum bg_reason reason)
{
	expect(says, BG_TC_NODE_EGRESS, DEVICE, pkt, reason);
}

#define PKT(...) ((struct pkt){ __VA_ARGS__ })

static void node_port(const struct family *f, int port)
{
	comes("SYN", PKT(TCP(f->remote, port, f->node, 30080, "S"), .seq = 100));
	reaches_pod("SYN", PKT(TCP(f->remote, port, f->pod, 443, "S"), .seq = 100),
		    BG_REASON_UNFILTERED);
	leaves("SYN-ACK", PKT(TCP(f->node, 30080, f->remote, port, "SA"), .ack = 101),
	       BG_REASON_TRACKED);
	comes("ACK", PKT(TCP(f->remote, port, f->node, 30080, "A"), .seq = 101));
	reaches_pod("ACK", PKT(TCP(f->remote, port, f->pod, 443, "A"), .seq = 101),
		    BG_REASON_TRACKED);
}

static void a_port_of_the_node(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];

		node_port(f, 40000);
		rig_age(&rig, 340);
		leaves("the server is the first to speak, late",
		       PKT(TCP(f->node, 30080, f->remote, 40000, "PA")), BG_REASON_TRACKED);
		rig_age(&rig, 340);
		comes("then the client", PKT(TCP(f->remote, 40000, f->node, 30080, "PA")));
		rig_age(&rig, 340);
		leaves("and the server", PKT(TCP(f->node, 30080, f->remote, 40000, "PA")),
		       BG_REASON_TRACKED);
		rig_age(&rig, 360);
		leaves("too late", PKT(TCP(f->node, 30080, f->remote, 40000, "PA")),
		       BG_REASON_NO_RULE);
	}
}

static void by_udp(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt question = { UDP(f->remote, 40000, f->node, 30053) };
		const struct pkt answer = { UDP(f->node, 30053, f->remote, 40000) };

		comes("a question", question);
		reaches_pod("a question", PKT(UDP(f->remote, 40000, f->pod, 53)),
			    BG_REASON_UNFILTERED);
		leaves("the answer", answer, BG_REASON_TRACKED);
		comes("another question", question);
		rig_age(&rig, 170);
		leaves("its answer takes long", answer, BG_REASON_TRACKED);
		leaves("from another port", PKT(UDP(f->node, 30054, f->remote, 40000)),
		       BG_REASON_NO_RULE);
		leaves("to another port", PKT(UDP(f->node, 30053, f->remote, 40001)),
		       BG_REASON_NO_RULE);
	}
}

/* Whatever the rules are by then: it is the node's traffic. */
static void under_another_revision(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];

		rig_publish(&rig, NO_RULES);
		node_port(f, 40000);
		rig_publish(&rig, FEED(NODE_WITH("'EstablishedFlows': 'revalidate'"), RULES_B,
				       ALL_BRANCHES));
		comes("a request", PKT(TCP(f->remote, 40000, f->node, 30080, "PA")));
		leaves("its answer", PKT(TCP(f->node, 30080, f->remote, 40000, "PA")),
		       BG_REASON_TRACKED);
	}
}

static void the_same_ports_again(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];

		node_port(f, 40000);
		leaves("FIN", PKT(TCP(f->node, 30080, f->remote, 40000, "FA")), BG_REASON_TRACKED);
		comes("FIN", PKT(TCP(f->remote, 40000, f->node, 30080, "FA")));
		/* the pod's side has seen both as well */
		reaches_pod("FIN", PKT(TCP(f->remote, 40000, f->pod, 443, "FA")),
			    BG_REASON_TRACKED);
		rig_age(&rig, 12);
		leaves("after both have closed", PKT(TCP(f->node, 30080, f->remote, 40000, "A")),
		       BG_REASON_NO_RULE);
		rig_age(&rig, 360);
		node_port(f, 40000);
	}
}

static void what_the_pod_opens_on_them(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];

		node_port(f, 40000);
		leaves("a SYN", PKT(TCP(f->node, 30080, f->remote, 40000, "S"), .seq = 7),
		       BG_REASON_NO_RULE);
		leaves("from another port", PKT(TCP(f->node, 30081, f->remote, 40000, "A")),
		       BG_REASON_NO_RULE);
		leaves("by UDP", PKT(UDP(f->node, 30080, f->remote, 40000)), BG_REASON_NO_RULE);
		leaves("and it goes on", PKT(TCP(f->node, 30080, f->remote, 40000, "PA")),
		       BG_REASON_TRACKED);
	}
}

/* What comes for the node opens nothing, nor does what reaches the pod from elsewhere. */
static void what_never_came_to_the_pod(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const char *other = i ? CLIENT6 : CLIENT;

		comes("for the node", PKT(TCP(f->remote, 40000, f->node, 22, "S")));
		leaves("its answer, from the pod", PKT(TCP(f->node, 22, f->remote, 40000, "SA")),
		       BG_REASON_NO_RULE);
		reaches_pod("from somebody else", PKT(TCP(other, 40000, f->pod, 443, "S")),
			    BG_REASON_UNFILTERED);
		leaves("its answer", PKT(TCP(f->node, 22, other, 40000, "SA")), BG_REASON_NO_RULE);
		comes("a fragment",
		      PKT(UDP(f->remote, 40000, f->node, 30053), .more = true, .payload = 64));
		comes("the rest", PKT(UDP(f->remote, 40000, f->node, 30053), .offset_bytes = 72,
				      .bare = true, .payload = 64));
		comes("a ping",
		      i ? PKT(PING6(f->remote, f->node, 1)) : PKT(PING(f->remote, f->node, 1)));
	}
	/* those at the veth */
	assert_int_equal(rig_flow_count(&rig), 2);
}

static void what_the_pod_opens(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];

		rig_publish(&rig, OUT_RULES);
		leaves("SYN", PKT(TCP(f->node, 61000, f->remote, 5432, "S"), .seq = 100),
		       BG_REASON_RULE);
		comes("SYN-ACK", PKT(TCP(f->remote, 5432, f->node, 61000, "SA"), .ack = 101));
		leaves("ACK", PKT(TCP(f->node, 61000, f->remote, 5432, "A")), BG_REASON_TRACKED);
		leaves("UDP", PKT(UDP(f->node, 61001, f->remote, 53)), BG_REASON_RULE);
		comes("the answer", PKT(UDP(f->remote, 53, f->node, 61001)));
		leaves("and on", PKT(UDP(f->node, 61001, f->remote, 53)), BG_REASON_TRACKED);
		leaves("a ping",
		       i ? PKT(PING6(f->node, f->remote, 9)) : PKT(PING(f->node, f->remote, 9)),
		       BG_REASON_RULE);
		rig_age(&rig, 20);
		comes("its reply",
		      i ? PKT(PONG6(f->remote, f->node, 9)) : PKT(PONG(f->remote, f->node, 9)));
		rig_age(&rig, 20);
		rig_publish(&rig, NO_RULES);
		leaves("pings on",
		       i ? PKT(PING6(f->node, f->remote, 9)) : PKT(PING(f->node, f->remote, 9)),
		       BG_REASON_TRACKED);
		leaves("the rules are gone", PKT(TCP(f->node, 61002, f->remote, 5432, "S")),
		       BG_REASON_NO_RULE);
		rig_age(&rig, 130);
		leaves("kept: UDP after 170 s", PKT(UDP(f->node, 61001, f->remote, 53)),
		       BG_REASON_TRACKED);
		rig_age(&rig, 160);
		leaves("kept: TCP after 330 s", PKT(TCP(f->node, 61000, f->remote, 5432, "PA")),
		       BG_REASON_TRACKED);
		rig_age(&rig, 340);
		comes("a late answer", PKT(TCP(f->remote, 5432, f->node, 61000, "PA")));
		rig_age(&rig, 340);
		leaves("kept", PKT(TCP(f->node, 61000, f->remote, 5432, "PA")), BG_REASON_TRACKED);
		comes("FIN", PKT(TCP(f->remote, 5432, f->node, 61000, "FA")));
		leaves("FIN", PKT(TCP(f->node, 61000, f->remote, 5432, "FA")), BG_REASON_TRACKED);
		rig_age(&rig, 12);
		leaves("closed", PKT(TCP(f->node, 61000, f->remote, 5432, "A")), BG_REASON_NO_RULE);
	}
}

static void rules_that_are_put_again(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];

		rig_publish(&rig, OUT_RULES);
		leaves("SYN", PKT(TCP(f->node, 61000, f->remote, 5432, "S"), .seq = 100),
		       BG_REASON_RULE);
		comes("SYN-ACK", PKT(TCP(f->remote, 5432, f->node, 61000, "SA"), .ack = 101));
		rig_publish(&rig, FEED(NODE_WITH("'EstablishedFlows': 'revalidate'"), RULES_B,
				       ALL_BRANCHES));
		comes("an answer changes nothing", PKT(TCP(f->remote, 5432, f->node, 61000, "A")));
		leaves("\"revalidate\" cuts it", PKT(TCP(f->node, 61000, f->remote, 5432, "A")),
		       BG_REASON_REVOKED);
	}
}

int main(void)
{
	static const char *const programs[] = { "tc_node_egress", "tc_node_ingress",
						"tc_pod_ingress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_port_of_the_node, start),
		cmocka_unit_test_setup(by_udp, start),
		cmocka_unit_test_setup(under_another_revision, start),
		cmocka_unit_test_setup(the_same_ports_again, start),
		cmocka_unit_test_setup(what_the_pod_opens_on_them, start),
		cmocka_unit_test_setup(what_never_came_to_the_pod, start),
		cmocka_unit_test_setup(what_the_pod_opens, start),
		cmocka_unit_test_setup(rules_that_are_put_again, start),
	};

	return RIG_RUN(&rig, 0, programs, tests);
}
