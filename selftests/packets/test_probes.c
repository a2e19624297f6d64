// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Probes of a strict pod, at the primary interface and at the pod's veth: their flows are
 * apart from the branch's, what is not theirs is judged like anything else, and nobody
 * takes their place. With sockets: net/test_probes.sh.
 *
 * Tried with what the prober has left: a SYN of the pod's on its ports, before and after
 * the answer, and after a reset; a ping back; a packet from another port; an error about a
 * probe; and a probe while the rest of the table is full.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "datapath/test_run.h"
#include "feeds.h"
#include "model_maker.h"
#include "rig.h"
#include "test.h"

#define NODE_ADDRESS "10.0.1.10"
#define NODE_ADDRESS6 "2001:db8:1::10"
#define PROBED                                                                                     \
	"{'Namespace': 'shop', 'Name': 'cart-0', 'Addresses': ['" POD "', '" POD6                  \
	"'], 'Probes': [{'Protocol': 'tcp', 'Port': 8080}, {'Protocol': 'udp', 'Port': 8081}]}"
#define PROBED_FEED                                                                                \
	FEED(NODE_WITH("'Addresses': ['" NODE_ADDRESS "', '" NODE_ADDRESS6 "']"), ALL_RULES,       \
	     BRANCH("eni-a", 9, "strict", "'sg-a'", PROBED) "," BRANCH_B_USUAL)

static struct rig rig;

/* One frame through one of the programs of probes; the reason, NONE = it gave no verdict. */
static enum bg_reason run(enum bg_program program, const struct pkt *pkt, int *action)
{
	const bool node = program == BG_TC_NODE_EGRESS;
	__u8 frame[PKT_BYTES];
	struct bg_test_run test = { .program = program,
				    .frame = frame,
				    .frame_bytes = pkt_build(pkt, frame) };
	struct bg_error err = {};

	if (bg_datapath_stand_in(rig.datapath, node ? BG_ROLE_PRIMARY : BG_ROLE_POD_STRICT,
				 node ? 0 : BRANCH_A, &err) ||
	    bg_datapath_run(rig.datapath, &test, &err))
		fail_msg("%s", err.text);
	*action = test.action;
	return test.trace.reason;
}

static void expect(enum bg_program program, const struct pkt *pkt, enum bg_reason reason,
		   int action)
{
	int got;
	enum bg_reason is = run(program, pkt, &got);

	if (is != reason || got != action)
		fail_msg("port %d to %d: %s and %d, expected %s and %d", pkt->sport, pkt->dport,
			 bg_reason_name(is), got, bg_reason_name(reason), action);
}

/* The node sends it, and it goes straight to the pod. */
static void probes(const struct pkt *pkt)
{
	expect(BG_TC_NODE_EGRESS, pkt, BG_REASON_PROBE, TC_ACT_REDIRECT);
}

/* The pod sends it, and it goes straight into the node. */
static void answers(const struct pkt *pkt)
{
	expect(BG_TC_POD_EGRESS, pkt, BG_REASON_PROBE, TC_ACT_REDIRECT);
}

/* The pod sends it: it does not go into the node, but to the branch, to which no route leads
 * here (test_exits has those), and which does not let it out. */
static void is_not_the_probes(const struct pkt *pkt)
{
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];

	expect(BG_TC_POD_EGRESS, pkt, BG_REASON_OFF_BRANCH, TC_ACT_SHOT);
	assert_string_equal(bg_reason_name(rig_judge(&rig, TC_EGRESS, BRANCH_A, frame,
						     pkt_build(pkt, frame), &trace)),
			    pkt->type ? "icmp-error-unknown" : "no-rule");
}

static void set_maps(void)
{
	struct bg_host host = { .primary_mac = { 2 } };
	struct bg_pod pod = { .vlan = BRANCH_A, .mac = { 2, 1 }, .host_mac = { 2, 2 } };
	const char *const addresses[] = { POD, POD6 };
	struct bg_error err;
	__u32 zero = 0;

	assert_int_equal(bg_datapath_stand_in(rig.datapath, BG_ROLE_PRIMARY, 0, &err), 0);
	host.primary_ifindex = pod.host_ifindex = rig.datapath->stand_in.ifindex;
	assert_int_equal(bg_map_set(rig.datapath->skel->maps.node, &zero, &host, &err), 0);
	for (int i = 0; i < 2; i++) {
		const struct bg_addr address = maker_addr(addresses[i]);

		assert_int_equal(bg_map_set(rig.datapath->skel->maps.pods, &address, &pod, &err),
				 0);
	}
}

static int start(void **state)
{
	(void)state;
	rig_publish(&rig, PROBED_FEED);
	rig_clear(&rig);
	set_maps();
	return 0;
}

struct family {
	const char *node, *pod;
};
static const struct family families[] = { { NODE_ADDRESS, POD }, { NODE_ADDRESS6, POD6 } };

static void handshake(const struct family *f, int port)
{
	const struct pkt syn = { TCP(f->node, port, f->pod, 8080, "S"), .seq = 100 };
	const struct pkt syn_ack = { TCP(f->pod, 8080, f->node, port, "SA"), .ack = 101 };
	const struct pkt ack = { TCP(f->node, port, f->pod, 8080, "A") };

	probes(&syn);
	probes(&syn);
	answers(&syn_ack);
	probes(&ack);
}

static void a_probe_and_its_answers(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt data = { TCP(f->pod, 8080, f->node, 40000, "PA") };
		const struct pkt query = { UDP(f->node, 40000, f->pod, 8081) };
		const struct pkt answer = { UDP(f->pod, 8081, f->node, 40000) };

		handshake(f, 40000);
		answers(&data);
		probes(&query);
		answers(&answer);
	}
}

static void what_the_pod_opens_is_no_answer(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt syn = { TCP(f->pod, 8080, f->node, 40000, "S"), .seq = 7 };
		const struct pkt reset = { TCP(f->pod, 8080, f->node, 40000, "R") };
		const struct pkt data = { TCP(f->pod, 8080, f->node, 40000, "PA") };
		const struct pkt other = { TCP(f->pod, 8080, f->node, 40001, "PA") };
		const struct pkt query = { UDP(f->pod, 8080, f->node, 40000) };

		is_not_the_probes(&syn);
		handshake(f, 40000);
		is_not_the_probes(&syn);
		is_not_the_probes(&other);
		is_not_the_probes(&query);
		/* and the probe goes on */
		answers(&data);
		answers(&reset);
		is_not_the_probes(&syn);
	}
}

/* The next one from the same port, while the last one's flow is there. */
static void one_probe_after_the_other(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct family *f = &families[i];
		const struct pkt syn = { TCP(f->node, 40000, f->pod, 8080, "S"), .seq = 300 };
		const struct pkt syn_ack = { TCP(f->pod, 8080, f->node, 40000, "SA"), .ack = 301 };
		const struct pkt ack = { TCP(f->node, 40000, f->pod, 8080, "A") };

		handshake(f, 40000);
		probes(&syn);
		answers(&syn_ack);
		probes(&ack);
	}
}

/* The pod's "port unreachable" about a probe goes back by the branch, as it always did. */
static void an_error_about_a_probe(void **state)
{
	const struct pkt query = { UDP(NODE_ADDRESS, 40000, POD, 8081) };
	const struct pkt other = { UDP(NODE_ADDRESS, 40001, POD, 8081) };
	struct pkt error = { .from = POD,
			     .to = NODE_ADDRESS,
			     .protocol = 1,
			     .type = 3,
			     .code = 3,
			     .quote = &query };
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];

	(void)state;
	probes(&query);
	expect(BG_TC_POD_EGRESS, &error, BG_REASON_OFF_BRANCH, TC_ACT_SHOT);
	assert_string_equal(bg_reason_name(rig_judge(&rig, TC_EGRESS, BRANCH_A, frame,
						     pkt_build(&error, frame), &trace)),
			    "icmp-error");
	error.quote = &other;
	is_not_the_probes(&error);
}

/* Nor does a probe's flow let anything of the branch's pass, by the fabric. */
static void its_flow_is_not_the_branchs(void **state)
{
	const struct pkt data = { TCP(NODE_ADDRESS, 40000, POD, 8080, "PA") };
	const struct pkt reply = { TCP(POD, 8080, NODE_ADDRESS, 40000, "PA") };
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];

	(void)state;
	handshake(&families[0], 40000);
	assert_string_equal(bg_reason_name(rig_judge(&rig, TC_INGRESS, BRANCH_A, frame,
						     pkt_build(&data, frame), &trace)),
			    "no-rule");
	assert_string_equal(bg_reason_name(rig_judge(&rig, TC_EGRESS, BRANCH_A, frame,
						     pkt_build(&reply, frame), &trace)),
			    "no-rule");
}

/* One pod without rules fills the table with questions to the resolver, answered. */
static void while_the_table_is_full(void **state)
{
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];

	(void)state;
	for (int port = 1; port <= 3000; port++) {
		const struct pkt query = { UDP(NEIGHBOUR, port, "10.0.0.2", 53) };
		const struct pkt answer = { UDP("10.0.0.2", 53, NEIGHBOUR, port) };

		rig_judge(&rig, TC_EGRESS, BRANCH_B, frame, pkt_build(&query, frame), &trace);
		rig_judge(&rig, TC_INGRESS, BRANCH_B, frame, pkt_build(&answer, frame), &trace);
		rig_judge(&rig, TC_EGRESS, BRANCH_B, frame, pkt_build(&query, frame), &trace);
	}
	assert_int_equal(rig_flow_count(&rig), rig_capacity(&rig));
	for (int port = 40000; port < 40100; port++)
		for (int i = 0; i < 2; i++)
			handshake(&families[i], port);
	assert_int_equal(rig_flow_count(&rig), rig_capacity(&rig) + 200);
}

int main(void)
{
	static const char *const programs[] = { "tc_node_egress", "tc_pod_egress",
						"tc_branch_ingress", "tc_branch_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_probe_and_its_answers, start),
		cmocka_unit_test_setup(what_the_pod_opens_is_no_answer, start),
		cmocka_unit_test_setup(one_probe_after_the_other, start),
		cmocka_unit_test_setup(an_error_about_a_probe, start),
		cmocka_unit_test_setup(its_flow_is_not_the_branchs, start),
		cmocka_unit_test_setup(while_the_table_is_full, start),
	};

	return RIG_RUN(&rig, 0, programs, tests);
}
