// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Two CPUs in one flow table: the one looks connections up, which it must find at every
 * look, in steady state (without the lock) and when they change (with it); the other brings
 * in flows that live for some milliseconds, so that the buckets are full, and what is in
 * them is moved to make room.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "branchguard.skel.h"
#include "datapath/test_run.h"
#include "feeds.h"
#include "rig.h"
#include "test.h"

/* In a table of 16 buckets: so few that each finds a place. */
#define CONNECTIONS 48
#define SECOND_NS 1000000000ull
#define LOOKS 500
#define LIVES_NS 3000000ull
#define REVALIDATED FEED(NODE_WITH("'EstablishedFlows': 'revalidate'"), ALL_RULES, ALL_BRANCHES)

static struct rig rig;
static atomic_bool ends;

static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set); /* there may be only one */
}

/* Random flows, and so many of them that there is no room for all. */
static void *bring_in(void *unused)
{
	int program = bpf_program__fd(rig.datapath->skel->progs.tc_import_flows);
	unsigned int seed = 1;
	struct {
		char header[BG_IMPORT_HEADER_BYTES];
		struct bg_flow flow[BG_IMPORT_FLOWS];
	} packet = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet, .data_size_in = sizeof(packet));

	(void)unused;
	run_on(1);
	while (!ends) {
		for (int i = 0; i < BG_IMPORT_FLOWS; i++) {
			packet.flow[i] = (struct bg_flow){
				.key = { .local_port = 443, .protocol = 6, .branch = 1 },
				.last_seen_ns =
					rig_now_ns() - SECOND_NS + (__u64)rand_r(&seed) % LIVES_NS,
				.timeout_s = 1,
				.flags = BG_FLOW_REPLIED | BG_FLOW_ASSURED,
			};
			for (int byte = 0; byte < 16; byte++)
				packet.flow[i].key.remote.byte[byte] = (__u8)rand_r(&seed);
		}
		if (bpf_prog_test_run_opts(program, &opts))
			return "importing failed";
	}
	return NULL;
}

static bool passes(enum bg_program program, const struct pkt *pkt)
{
	__u8 frame[PKT_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (__u32)pkt_build(pkt, frame));

	assert_int_equal(bpf_prog_test_run_opts(bg_program_fd(rig.datapath->skel, program), &opts),
			 0);
	return opts.retval != TC_ACT_SHOT;
}

static void open_connection(int port)
{
	const struct pkt syn = { TCP(CLIENT, port, POD, 443, "S"), .seq = 100 };
	const struct pkt syn_ack = { TCP(POD, 443, CLIENT, port, "SA"), .ack = 101 };
	const struct pkt ack = { TCP(CLIENT, port, POD, 443, "A") };

	assert_true(passes(BG_TC_BRANCH_INGRESS, &syn));
	assert_true(passes(BG_TC_BRANCH_EGRESS, &syn_ack));
	assert_true(passes(BG_TC_BRANCH_INGRESS, &ack));
}

/* The pod's next words, one right after the other: how many belong to the connection? */
static int passed(int port)
{
	const struct pkt data = { TCP(POD, 443, CLIENT, port, "PA") };
	const __u64 before = rig_count(&rig, BG_EGRESS, BG_REASON_TRACKED);
	__u8 frame[PKT_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = (__u32)pkt_build(&data, frame), .repeat = LOOKS);
	int program = bg_program_fd(rig.datapath->skel, BG_TC_BRANCH_EGRESS);

	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	return (int)(rig_count(&rig, BG_EGRESS, BG_REASON_TRACKED) - before);
}

/* Those that are in their second bucket, as a bit each, by port. */
static __u64 away(void)
{
	const struct bpf_map *map = rig.datapath->skel->maps.flows;
	struct bg_bucket bucket;
	__u64 bits = 0;

	for (__u32 i = 0; i < bpf_map__max_entries(map) - BG_PROBE_BUCKETS; i++) {
		assert_int_equal(
			bpf_map_lookup_elem_flags(bpf_map__fd(map), &i, &bucket, BPF_F_LOCK), 0);
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			const struct bg_flow *flow = &bucket.flow[slot];
			const unsigned int port = ntohs(flow->key.remote_port);

			if (bucket.tag[slot] && port && flow->flags & BG_FLOW_AWAY)
				bits |= 1ull << port;
		}
	}
	return bits;
}

static bool enough(int rounds, int moves)
{
	return rounds >= rig_tries(100) && moves >= 20;
}

static void none_is_missed_while_others_are_moved(void **state)
{
	const __u64 end_ns = rig_now_ns() + 120 * SECOND_NS;
	int lost = 0, moves = 0, rounds;
	__u64 before, now;
	pthread_t thread;
	void *failed;

	(void)state;
	rig_publish(&rig, REVALIDATED);
	assert_int_equal(bg_datapath_stand_in(rig.datapath, BG_ROLE_BRANCH, BRANCH_A,
					      &(struct bg_error){}),
			 0);
	for (int port = 1; port <= CONNECTIONS; port++)
		open_connection(port);
	assert_int_equal(pthread_create(&thread, NULL, bring_in, NULL), 0);
	run_on(0);
	before = away();
	for (rounds = 0; !enough(rounds, moves) && rig_now_ns() < end_ns; rounds++) {
		/* under a new revision each is reviewed, with the lock */
		if (rounds % 10 == 0)
			rig_publish(&rig, REVALIDATED);
		for (int port = 1; port <= CONNECTIONS; port++)
			lost += LOOKS - passed(port);
		now = away();
		moves += __builtin_popcountll(now ^ before);
		before = now;
	}
	ends = true;
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	printf("# %d looks, %d lost; at least %d moves\n", rounds * CONNECTIONS * LOOKS, lost,
	       moves);
	assert_int_equal(lost, 0);
	assert_true(enough(rounds, moves));
}

int main(void)
{
	static const char *const programs[] = { "tc_branch_ingress", "tc_branch_egress",
						"tc_import_flows", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_is_missed_while_others_are_moved),
	};

	return RIG_RUN(&rig, 0, programs, tests);
}
