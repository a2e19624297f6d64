// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How full the flow table gets, in the size that the daemon gives it, what a burst of
 * connections loses, and how many flows are a second look away.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "feeds.h"
#include "rig.h"
#include "test.h"

#define USUAL_FLOWS 65536
#define USUAL_SLOTS (USUAL_FLOWS * 2)
#define USUAL_BUCKETS (USUAL_SLOTS / BG_BUCKET_FLOWS)

static struct rig rig;

static bool passes(enum hook hook, const struct pkt *pkt)
{
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];

	return bg_reason_passes(
		rig_judge(&rig, hook, BRANCH_A, frame, pkt_build(pkt, frame), &trace));
}

static int start(void **state)
{
	(void)state;
	rig_publish(&rig, USUAL_FEED);
	rig_clear(&rig);
	return 0;
}

/* So many flows are not in their first bucket. */
static unsigned int count_away(void)
{
	int fd = bpf_map__fd(rig.datapath->skel->maps.flows);
	struct bg_bucket bucket;
	unsigned int away = 0;

	for (__u32 i = 0; i < USUAL_BUCKETS; i++) {
		assert_int_equal(bpf_map_lookup_elem(fd, &i, &bucket), 0);
		away += bucket.away;
	}
	return away;
}

/* One in 5,000 at the most does not get its answer. */
static void a_burst_of_connections(void **state)
{
	const int burst = rig_tries(USUAL_FLOWS);
	int lost = 0;

	(void)state;
	for (int i = 0; i < burst; i++) {
		const struct pkt syn = { TCP(i % 2 ? CLIENT : CLIENT_TWO, 1 + i / 2, POD, 443,
					     "S") };

		assert_true(passes(TC_INGRESS, &syn));
	}
	for (int i = 0; i < burst; i++) {
		const struct pkt answer = { TCP(POD, 443, i % 2 ? CLIENT : CLIENT_TWO, 1 + i / 2,
						"SA") };

		lost += !passes(TC_EGRESS, &answer);
	}
	printf("# %d of %d were lost\n", lost, burst);
	assert_in_range(lost, 0, burst / 5000);
}

/* As migrate.c does it. Returns how many found no place. */
static int import(int program, const struct bg_flow *flows, int count)
{
	struct {
		char header[BG_IMPORT_HEADER_BYTES];
		struct bg_flow flow[BG_IMPORT_FLOWS];
	} packet = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &packet,
		    .data_size_in = BG_IMPORT_HEADER_BYTES + count * sizeof(packet.flow[0]));

	memcpy(packet.flow, flows, count * sizeof(*flows));
	assert_int_equal(bpf_prog_test_run_opts(program, &opts), 0);
	return (int)opts.retval;
}

/* Uniformly random keys, of connections that nobody's may take the place of. */
static void as_full_as_can_be(void **state)
{
	int program = bpf_program__fd(rig.datapath->skel->progs.tc_import_flows);
	int tried = 0, refused = 0, first_refused = 0, at_96_percent = 0;
	struct bg_flow flows[BG_IMPORT_FLOWS];
	unsigned int at_half = 0;

	(void)state;
	while (tried < USUAL_SLOTS) {
		for (int i = 0; i < BG_IMPORT_FLOWS; i++) {
			flows[i] = (struct bg_flow){
				.key = { .local_port = 443, .protocol = 6, .branch = 1 },
				.last_seen_ns = rig_now_ns(),
				.timeout_s = 100000,
				.flags = BG_FLOW_REPLIED | BG_FLOW_ASSURED,
			};
			for (int byte = 0; byte < 16; byte++)
				flows[i].key.remote.byte[byte] = (__u8)rand();
		}
		refused += import(program, flows, BG_IMPORT_FLOWS);
		tried += BG_IMPORT_FLOWS;
		if (refused && !first_refused)
			first_refused = tried - BG_IMPORT_FLOWS;
		if (tried - BG_IMPORT_FLOWS < USUAL_FLOWS && tried >= USUAL_FLOWS)
			at_half = count_away();
		if (tried - BG_IMPORT_FLOWS < USUAL_SLOTS / 100 * 96)
			at_96_percent = refused;
	}
	printf("# the first of %d slots was refused at %.1f %%, %.2f %% until 96 %%, %.2f %% in "
	       "the end\n",
	       USUAL_SLOTS, first_refused * 100.0 / USUAL_SLOTS,
	       at_96_percent * 100.0 / USUAL_SLOTS, refused * 100.0 / USUAL_SLOTS);
	printf("# with --max-flows of them, %u are in their second bucket\n", at_half);
	assert_in_range(at_half, 1, USUAL_FLOWS / 6);
	assert_int_equal(rig_flow_count(&rig), tried - refused);
	assert_true(first_refused >= USUAL_SLOTS / 100 * 92);
	assert_true(at_96_percent <= USUAL_SLOTS / 1000);
	assert_true(refused <= USUAL_SLOTS / 50);
}

int main(void)
{
	static const char *const programs[] = { "tc_branch_ingress", "tc_branch_egress",
						"tc_import_flows", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_burst_of_connections, start),
		cmocka_unit_test_setup(as_full_as_can_be, start),
	};

	srand(1);
	return RIG_RUN(&rig, USUAL_FLOWS, programs, tests);
}
