// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the event of a new flow says of when that began: just what the flow itself says, or
 * who reads both takes them for two flows. (The clock goes on between the two.)
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <unistd.h>

#include "branchguard.skel.h"
#include "datapath/test_run.h"
#include "feeds.h"
#include "rig.h"
#include "test.h"

#define FLOWS 20000
#define BATCH 1000 /* fewer than the ring holds */

static struct rig rig;
static struct ring_buffer *ring;
static __u64 told_ns[1 << 16]; /* by the client's port, 0 = not told */

static int take(void *context, void *data, size_t size_bytes)
{
	const struct bg_event *event = data;

	(void)context;
	assert_int_equal(size_bytes, sizeof(*event));
	assert_int_equal(event->type, BG_EVENT_FLOW);
	told_ns[ntohs(event->remote_port)] = event->time_ns;
	return 0;
}

static void listen_for_events(void)
{
	const struct bpf_map *control = rig.datapath->skel->maps.control;
	struct bg_control block;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(control), &zero, &block), 0);
	block.events_until_ns = ~0ull;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(control), &zero, &block, BPF_ANY), 0);
	ring = ring_buffer__new(bpf_map__fd(rig.datapath->skel->maps.events), take, NULL, NULL);
	assert_non_null(ring);
}

static void passes(enum bg_program program, const struct pkt *pkt)
{
	__u8 frame[PKT_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (__u32)pkt_build(pkt, frame));

	assert_int_equal(bpf_prog_test_run_opts(bg_program_fd(rig.datapath->skel, program), &opts),
			 0);
	assert_int_not_equal(opts.retval, TC_ACT_SHOT);
}

static void syn(int port, __u32 seq)
{
	const struct pkt pkt = { TCP(CLIENT, port, POD, 443, "S"), .seq = seq };

	passes(BG_TC_BRANCH_INGRESS, &pkt);
}

static void answer(int port, __u32 seq)
{
	const struct pkt syn_ack = { TCP(POD, 443, CLIENT, port, "SA"), .ack = seq + 1 };
	const struct pkt ack = { TCP(CLIENT, port, POD, 443, "A") };

	passes(BG_TC_BRANCH_EGRESS, &syn_ack);
	passes(BG_TC_BRANCH_INGRESS, &ack);
}

/* Flows whose event had another time, or that had none. */
static size_t compare(size_t *flows)
{
	const struct bpf_map *map = rig.datapath->skel->maps.flows;
	struct bg_bucket bucket;
	size_t others = 0;

	*flows = 0;
	for (__u32 i = 0; i < bpf_map__max_entries(map); i++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &i, &bucket), 0);
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			const struct bg_flow *flow = &bucket.flow[slot];

			if (!bucket.tag[slot])
				continue;
			++*flows;
			others += told_ns[ntohs(flow->key.remote_port)] != flow->created_ns;
		}
	}
	return others;
}

static void an_event_has_the_time_of_its_flow(void **state)
{
	const int count = rig_tries(FLOWS);
	size_t flows, others;

	(void)state;
	assert_int_equal(bg_datapath_stand_in(rig.datapath, BG_ROLE_BRANCH, BRANCH_A,
					      &(struct bg_error){}),
			 0);
	for (int i = 1; i <= count; i++) {
		syn(i, 100);
		if (i % BATCH == 0)
			ring_buffer__consume(ring);
	}
	others = compare(&flows);
	printf("# %zu flows, %zu with another time than their event\n", flows, others);
	assert_int_equal(flows, count);
	assert_int_equal(others, 0);
}

/* The old one stays until the new one's handshake is complete, which takes a while. */
static void one_that_takes_the_place_of_another_began_with_its_syn(void **state)
{
	const int port = 40000;
	size_t flows;

	(void)state;
	rig_clear(&rig);
	syn(port, 100);
	answer(port, 100);
	told_ns[port] = 0;
	syn(port, 200);
	usleep(50000); /* ticks of the clock */
	answer(port, 200);
	ring_buffer__consume(ring);
	assert_int_equal(compare(&flows), 0);
	assert_int_equal(flows, 1);
}

int main(void)
{
	static const char *const programs[] = { "tc_branch_ingress", "tc_branch_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_has_the_time_of_its_flow),
		cmocka_unit_test(one_that_takes_the_place_of_another_began_with_its_syn),
	};
	int failed;

	rig_open_only(&rig, 2 * FLOWS, programs);
	rig_publish(&rig, USUAL_FEED);
	listen_for_events();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ring_buffer__free(ring);
	rig_close(&rig);
	return failed;
}
