// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every program loads, and passes nothing before there is a revision. */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "feeds.h"
#include "rig.h"
#include "test.h"

static struct rig rig;

/* In btf, the name of the member of struct `id` at bit_offset; NULL if there is none. */
static const char *member_at(const struct btf *btf, __u32 id, __u32 bit_offset)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	for (__u16 i = 0; i < btf_vlen(type); i++)
		if (btf_member_bit_offset(type, i) == bit_offset)
			return btf__name_by_offset(btf, btf_members(type)[i].name_off);
	return NULL;
}

/* struct bg_counters_info is written by hand: bpftool prints these names. */
static void every_reason_has_a_counter_of_its_name(void **state)
{
	const struct btf *btf = bpf_object__btf(rig.datapath->skel->obj);
	const int id = btf__find_by_name_kind(btf, "bg_counters_info", BTF_KIND_STRUCT);
	const __u32 first_bit = offsetof(struct bg_counters_info, none) * 8;
	const __u32 before_reasons = 5;
	static const struct {
		int number;
		const char *name;
	} reasons[] = {
#define X(number, NAME, name, meaning) { number, name },
		BG_REASONS(X)
#undef X
	};

	(void)state;
	assert_in_range(id, 1, INT32_MAX);
	/* and nothing else has a name: the gaps have none */
	assert_int_equal(btf_vlen(btf__type_by_id(btf, (__u32)id)),
			 before_reasons + sizeof(reasons) / sizeof(reasons[0]));
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const char *member =
			member_at(btf, (__u32)id, first_bit + (__u32)reasons[i].number * 64);
		char expected[32];

		snprintf(expected, sizeof(expected), "%s", reasons[i].name);
		for (char *dash = expected; (dash = strchr(dash, '-')); dash++)
			*dash = '_';
		assert_non_null(member);
		assert_string_equal(member, expected);
	}
}

static void nothing_passes_before_the_first_revision(void **state)
{
	static const struct pkt packets[] = {
		{ .ethertype = 0x0806, .payload = 28 },
		{ TCP(CLIENT, 1, POD, 443, "S") },
		{ TCP(CLIENT6, 1, POD6, 443, "S") },
		{ ICMP6("fe80::1", "ff02::1", 135, 0), .ttl = 255, .payload = 16 },
		{ UDP("0.0.0.0", 68, "255.255.255.255", 67) },
		{ UDP(POD, 1, "169.254.169.253", 53) },
		{ UDP(CLIENT, 1, POD, 53), .offset_bytes = 8, .bare = true, .payload = 8 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		for (enum hook hook = TC_INGRESS; hook <= TC_EGRESS; hook++) {
			struct pkt pkt = packets[i];
			struct outcome outcome;
			__u8 frame[PKT_BYTES];

			pkt.vlan = hook == XDP_TRUNK ? BRANCH_A : 0;
			rig_send(&rig, hook, BRANCH_A, frame, pkt_build(&pkt, frame), &outcome);
			assert_string_equal(bg_reason_name(outcome.trace.reason), "no-policy");
			assert_int_equal(outcome.counted, 1);
			assert_string_equal(bg_reason_name(outcome.counted_reason), "no-policy");
			assert_int_equal(outcome.counted_slot, 0);
			assert_false(outcome.passed);
		}
	}
}

/* A VLAN that is not armed: the trunk's program drops what is tagged with it. */
static void trunk_drops_what_is_not_armed(void **state)
{
	const struct pkt pkt = { TCP(CLIENT, 1, POD, 443, "S"), .vlan = BRANCH_A };
	__u32 vlan = BRANCH_A, none = 0;
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];
	size_t bytes = pkt_build(&pkt, frame);
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (__u32)bytes,
		    .repeat = 1);
	struct bg_error err;
	__u32 zero = 0;

	(void)state;
	rig_publish(&rig, USUAL_FEED);
	assert_int_equal(bg_map_set(rig.datapath->skel->maps.fast_vlans, &vlan, &none, &err), 0);
	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(rig.datapath->skel->progs.xdp_trunk), &run),
		0);
	assert_int_equal(run.retval, 1 /* XDP_DROP */);
	bpf_map_lookup_elem(bpf_map__fd(rig.datapath->skel->maps.trace), &zero, &trace);
	assert_string_equal(bg_reason_name(trace.reason), "not-armed");
	assert_int_equal(rig_judge(&rig, XDP_TRUNK, BRANCH_A, frame, bytes, &trace),
			 BG_REASON_RULE);
	assert_int_equal(trace.vlan, BRANCH_A);
}

/* What has no tag on the trunk is the node's own. */
static void trunk_leaves_untagged_frames_alone(void **state)
{
	const struct pkt pkt = { TCP(CLIENT, 1, POD, 443, "S") };
	struct outcome outcome;
	__u8 frame[PKT_BYTES];

	(void)state;
	rig_send(&rig, XDP_TRUNK, BRANCH_A, frame, pkt_build(&pkt, frame), &outcome);
	assert_true(outcome.passed);
	assert_int_equal(outcome.counted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_counter_of_its_name),
		cmocka_unit_test(nothing_passes_before_the_first_revision),
		cmocka_unit_test(trunk_drops_what_is_not_armed),
		cmocka_unit_test(trunk_leaves_untagged_frames_alone),
	};
	int failed;

	rig_open_all(&rig);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_close(&rig);
	return failed;
}
