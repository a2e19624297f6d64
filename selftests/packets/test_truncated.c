// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Every header, cut at every byte. A frame that ends before the packet does is
 * truncated; a packet that is whole but ends inside a header is malformed. Not
 * one of them passes.
 */
#include "base/names.h"
#include "feeds.h"
#include "rig.h"
#include "test.h"

#define ETHERNET_BYTES 14

static struct rig rig;

/* Each passes when whole. */
static const struct sample {
	const char *name;
	struct pkt pkt;
	enum bg_direction direction;
} samples[] = {
	{ "TCP", { TCP(CLIENT, 1, POD, 443, "S"), .tcp_option_words = 3 }, BG_INGRESS },
	{ "TCP behind IPv4 options", { TCP(CLIENT, 2, POD, 443, "S"), .option_words = 5 }, 0 },
	{ "UDP", { UDP(CLIENT, 1, POD, 53) }, BG_INGRESS },
	{ "ICMP", { PING(CLIENT, POD, 1) }, BG_INGRESS },
	{ "TCP over IPv6", { TCP(CLIENT6, 1, POD6, 443, "S"), .tcp_option_words = 3 }, 0 },
	{ "UDP over IPv6", { UDP(CLIENT6, 1, POD6, 53) }, BG_INGRESS },
	{ "ICMPv6", { PING6(CLIENT6, POD6, 1) }, BG_INGRESS },
	{ "TCP behind extension headers",
	  { TCP(CLIENT6, 2, POD6, 443, "S"), .chain = "HDRA" },
	  BG_INGRESS },
	{ "UDP, first fragment over IPv6",
	  { UDP(CLIENT6, 2, POD6, 53), .more = true, .chain = "H" },
	  BG_INGRESS },
	{ "TCP out", { TCP(POD, 1, CLIENT, 5432, "S") }, BG_EGRESS },
	{ "UDP over IPv6 out", { UDP(POD6, 1, CLIENT6, 1000), .chain = "D" }, BG_EGRESS },
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

static void hooks_of(const struct sample *sample, enum hook *first, enum hook *last)
{
	*first = sample->direction == BG_EGRESS ? TC_EGRESS : TC_INGRESS;
	*last = sample->direction == BG_EGRESS ? TC_EGRESS : XDP_BRANCH;
}

static void whole_passes(void **state)
{
	const struct sample *sample = *state;
	enum hook first, last;
	struct outcome outcome;
	__u8 frame[PKT_BYTES];

	hooks_of(sample, &first, &last);
	for (enum hook hook = first; hook <= last; hook++) {
		rig_clear(&rig);
		rig_send(&rig, hook, BRANCH_A, frame, pkt_build(&sample->pkt, frame), &outcome);
		assert_string_equal(bg_reason_name(outcome.trace.reason), "rule");
		assert_true(outcome.passed);
	}
}

static void expect_drop(const struct sample *sample, enum hook hook, const struct pkt *pkt,
			bool may_be_malformed)
{
	struct outcome outcome;
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(pkt, frame);
	enum bg_reason reason;

	rig_send(&rig, hook, BRANCH_A, frame, bytes, &outcome);
	reason = outcome.trace.reason;
	if (outcome.passed || outcome.counted != 1 || outcome.counted_reason != reason ||
	    (reason != BG_REASON_TRUNCATED && !(may_be_malformed && reason == BG_REASON_MALFORMED)))
		fail_msg("%s cut to %zu bytes: %s, returned %d", sample->name, bytes,
			 bg_reason_name(reason), outcome.action);
}

/*
 * The kernel itself refuses to test-run TC on an skb too short for its IP header
 * (no driver would hand one up either); XDP sees them all.
 */
static int shortest_cut(const struct sample *sample, enum hook hook)
{
	if (hook == XDP_BRANCH)
		return ETHERNET_BYTES;
	return ETHERNET_BYTES + (pkt_is_ipv6(&sample->pkt) ? 40 : 20);
}

static void expect_every_cut_to_drop(const struct sample *sample, bool honestly)
{
	enum hook first, last;
	__u8 frame[PKT_BYTES];
	int whole = (int)pkt_build(&sample->pkt, frame);

	hooks_of(sample, &first, &last);
	rig_clear(&rig);
	for (enum hook hook = first; hook <= last; hook++) {
		for (int cut = shortest_cut(sample, hook); cut < whole; cut++) {
			struct pkt pkt = sample->pkt;

			pkt.cut = cut;
			pkt.cut_honestly = honestly;
			expect_drop(sample, hook, &pkt, honestly);
		}
	}
	assert_int_equal(rig_flow_count(&rig), 0);
}

static void every_cut_drops(void **state)
{
	expect_every_cut_to_drop(*state, false);
}

/* The lengths in the headers agree with the cut. */
static void every_honest_cut_drops(void **state)
{
	expect_every_cut_to_drop(*state, true);
}

/* Priority tags, cut: there is no ethertype to go by. */
static void cut_tags_drop(void **state)
{
	const struct sample sample = {
		.name = "tags",
		.pkt = { TCP(CLIENT, 1, POD, 443, "S"), .vlan = 0x6000, .outer_vlan = 0x6000 },
	};

	(void)state;
	for (int cut = ETHERNET_BYTES; cut < ETHERNET_BYTES + 8 + 20; cut++) {
		struct pkt pkt = sample.pkt;

		pkt.cut = cut;
		expect_drop(&sample, XDP_BRANCH, &pkt, false);
	}
}

/* A jumbo frame is more than one buffer to native XDP: what lies in the first is
 * judged, and the length is that of the whole. */
static void several_buffers(void **state)
{
	const struct pkt whole = { UDP(CLIENT, 9, POD, 53), .payload = 8000, .vlan = BRANCH_A };
	struct pkt lie = whole;
	struct outcome outcome;
	struct bg_flow flow;
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(&whole, frame);

	(void)state;
	rig_clear(&rig);
	rig_send(&rig, XDP_TRUNK, BRANCH_A, frame, bytes, &outcome);
	assert_string_equal(bg_reason_name(outcome.trace.reason), "rule");
	assert_true(outcome.passed);
	assert_true(rig_flow(&rig, BRANCH_A, BG_INGRESS, &whole, &flow));
	assert_int_equal(flow.bytes[BG_INGRESS], bytes);
	lie.cut = (int)bytes - 1;
	rig_clear(&rig);
	rig_send(&rig, XDP_TRUNK, BRANCH_A, frame, pkt_build(&lie, frame), &outcome);
	assert_string_equal(bg_reason_name(outcome.trace.reason), "truncated");
	assert_false(outcome.passed);
}

int main(void)
{
	struct CMUnitTest tests[SAMPLES * 3 + 2];
	char names[SAMPLES * 3][64];
	size_t used = 0;
	int failed;

	for (size_t i = 0; i < SAMPLES; i++) {
		static const struct {
			const char *format;
			CMUnitTestFunction function;
		} kinds[] = {
			{ "%s, whole, passes", whole_passes },
			{ "%s, cut anywhere, drops", every_cut_drops },
			{ "%s, cut and honest about it, drops", every_honest_cut_drops },
		};

		for (int kind = 0; kind < 3; kind++) {
			snprintf(names[used], sizeof(names[used]), kinds[kind].format,
				 samples[i].name);
			tests[used] = (struct CMUnitTest){ names[used], kinds[kind].function, NULL,
							   NULL, (void *)&samples[i] };
			used++;
		}
	}
	tests[used++] =
		(struct CMUnitTest){ "tags, cut anywhere, drop", cut_tags_drop, NULL, NULL, NULL };
	tests[used++] = (struct CMUnitTest){ "a packet in several buffers", several_buffers, NULL,
					     NULL, NULL };
	rig_open(&rig, 0);
	rig_publish(&rig, USUAL_FEED);
	failed = _cmocka_run_group_tests("truncated", tests, used, NULL, NULL);
	rig_close(&rig);
	return failed;
}
