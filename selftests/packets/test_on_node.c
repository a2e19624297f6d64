// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Local services and probes in fragments. Nothing is attached; with sockets:
 * net/test_local_services.sh.
 *
 * Tried, in both families: a question and an answer in three fragments, of a service that is
 * declared and of one that is not, of a probe, later ones of an unknown datagram, a first one
 * that no rule admits.
 */
#include <linux/pkt_cls.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "datapath/programs.h"
#include "feeds.h"
#include "model_maker.h"
#include "rig.h"
#include "test.h"

#define NODE_ADDRESS "10.0.1.10"
#define NODE_ADDRESS6 "2001:db8:1::10"
#define DNS "169.254.20.10"
#define DNS6 "fd00:ec2::10"
#define PROBED                                                                                     \
	"{'Namespace': 'shop', 'Name': 'cart-0', 'Addresses': ['" POD "', '" POD6                  \
	"'], 'Probes': [{'Protocol': 'udp', 'Port': 8081}]}"
#define ANY_DNS(ID, PEER) OUT_A(ID, "udp", 53, 54, PEER)
#define THE_FEED                                                                                   \
	FEED(NODE_WITH("'Addresses': ['" NODE_ADDRESS "', '" NODE_ADDRESS6                         \
		       "'], 'LocalServices': [{'Address': '" DNS                                   \
		       "', 'Protocol': 'udp', 'Port': 53}, {'Address': '" DNS6                     \
		       "', 'Protocol': 'udp', 'Port': 53}]"),                                      \
	     ALL_RULES "," ANY_DNS("sgr-local", V4("169.254.20.10/32")) "," ANY_DNS(               \
		     "sgr-local6", V6("fd00:ec2::10/128")),                                        \
	     BRANCH("eni-a", 9, "strict", "'sg-a'", PROBED) "," BRANCH_B_USUAL "," BRANCH_C_USUAL)

/* The loopback device, which stands for each of ours in turn. */
enum { DEVICE = 1 };

static struct rig rig;

static int start(void **state)
{
	struct bg_host host = { .primary_ifindex = DEVICE, .primary_mac = { 2 } };
	struct bg_error err;
	__u32 zero = 0;

	(void)state;
	rig_publish(&rig, THE_FEED);
	rig_clear(&rig);
	rig_enter(&rig, DEVICE, BG_ROLE_POD_STRICT, BRANCH_A, 0);
	assert_int_equal(bg_map_set(rig.datapath->skel->maps.node, &zero, &host, &err), 0);
	rig_set_pod(&rig, POD, BRANCH_A, DEVICE);
	rig_set_pod(&rig, POD6, BRANCH_A, DEVICE);
	return 0;
}

/* The reason, NONE = no verdict. */
static enum bg_reason run(enum bg_program program, const struct pkt *pkt, int *action)
{
	struct __sk_buff context = { .ifindex = DEVICE };
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(pkt, frame);

	memset(frame, 0, 6); /* the loopback's MAC */
	return rig_through(&rig, program, &context, frame, bytes, action);
}

static void expect(const char *says, enum bg_program program, const struct pkt *pkt,
		   enum bg_reason reason, int action)
{
	int got;
	enum bg_reason is = run(program, pkt, &got);

	if (is != reason || got != action)
		fail_msg("%s: %s to %s is %s and %d, expected %s and %d", says, pkt->from, pkt->to,
			 bg_reason_name(is), got, bg_reason_name(reason), action);
}

/* Redirected into the node, or to the pod. */
static void redirected(const char *says, enum bg_program program, const struct pkt *pkt,
		       enum bg_reason reason)
{
	expect(says, program, pkt, reason, TC_ACT_REDIRECT);
}

/* By the fabric; of a pod's, the veth's program says that no route leads there (here). */
static void not_redirected(const char *says, enum bg_program program, const struct pkt *pkt)
{
	if (program == BG_TC_POD_EGRESS)
		expect(says, program, pkt, BG_REASON_OFF_BRANCH, TC_ACT_SHOT);
	else
		expect(says, program, pkt, BG_REASON_NONE, TC_ACT_UNSPEC);
}

struct family {
	const char *pod, *node, *service;
};
static const struct family families[] = { { POD, NODE_ADDRESS, DNS },
					  { POD6, NODE_ADDRESS6, DNS6 } };

#define FIRST .more = true, .payload = 64
#define MIDDLE .offset_bytes = 72, .more = true, .bare = true, .payload = 64
#define LAST .offset_bytes = 136, .bare = true, .payload = 64

/* All of a datagram that goes the same way, whoever sends it. */
static void in_fragments(const char *says, enum bg_program program, const char *from, int sport,
			 const char *to, int dport, enum bg_reason reason)
{
	const struct pkt all[] = { { UDP(from, sport, to, dport), .ident = 7, FIRST },
				   { UDP(from, sport, to, dport), .ident = 7, MIDDLE },
				   { UDP(from, sport, to, dport), .ident = 7, LAST } };
	const struct pkt unknown = { UDP(from, sport, to, dport), .ident = 8, LAST };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		redirected(says, program, &all[i], reason);
	not_redirected("of another datagram", program, &unknown);
	rig_age(&rig, 31);
	not_redirected("long after the first", program, &all[2]);
}

static void a_local_service_in_fragments(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt question = { UDP(f->pod, 40000, f->service, 53) };

		redirected("a small one", BG_TC_POD_EGRESS, &question, BG_REASON_RULE);
		in_fragments("a question", BG_TC_POD_EGRESS, f->pod, 40000, f->service, 53,
			     BG_REASON_LOCAL_SERVICE);
		redirected("later", BG_TC_POD_EGRESS, &question, BG_REASON_RULE);
		in_fragments("the answer", BG_TC_NODE_EGRESS, f->service, 53, f->pod, 40000,
			     BG_REASON_LOCAL_SERVICE);
	}
}

static void what_is_not_declared_or_admitted_in_fragments(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt first = { UDP(f->pod, 1, f->service, 54), .ident = 7, FIRST };
		const struct pkt last = { UDP(f->pod, 1, f->service, 54), .ident = 7, LAST };

		not_redirected("another port", BG_TC_POD_EGRESS, &first);
		not_redirected("another port, the rest", BG_TC_POD_EGRESS, &last);
	}
	rig_publish(&rig, FEED(NODE_WITH("'LocalServices': [{'Address': '" DNS
					 "', 'Protocol': 'udp', 'Port': 53}]"),
			       ALL_RULES,
			       BRANCH("eni-a", 9, "strict", "'sg-a'", PROBED) "," BRANCH_B_USUAL));
	for (int i = 0; i < 2; i++) {
		/* the rest of what was dropped is not sent on */
		const struct pkt part[] = { { UDP(POD, 40000, DNS, 53), .ident = 9, FIRST },
					    { UDP(POD, 40000, DNS, 53), .ident = 9, LAST } };

		expect("no rule", BG_TC_POD_EGRESS, &part[i],
		       i ? BG_REASON_OFF_BRANCH : BG_REASON_NO_RULE, TC_ACT_SHOT);
	}
}

static void a_probe_in_fragments(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];

		in_fragments("a probe", BG_TC_NODE_EGRESS, f->node, 40000, f->pod, 8081,
			     BG_REASON_PROBE);
		redirected("again", BG_TC_NODE_EGRESS,
			   &(const struct pkt){ UDP(f->node, 40000, f->pod, 8081) },
			   BG_REASON_PROBE);
		in_fragments("its answer", BG_TC_POD_EGRESS, f->pod, 8081, f->node, 40000,
			     BG_REASON_PROBE);
	}
}

int main(void)
{
	static const char *const programs[] = { "tc_node_egress", "tc_pod_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_local_service_in_fragments, start),
		cmocka_unit_test_setup(what_is_not_declared_or_admitted_in_fragments, start),
		cmocka_unit_test_setup(a_probe_in_fragments, start),
	};

	return RIG_RUN(&rig, 0, programs, tests);
}
