// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What becomes of what another daemon pinned, as tables. */
#include <linux/bpf.h>

#include "datapath/fate.h"
#include "datapath/layout_2.h"
#include "datapath/layout_3.h"
#include "maps.h"
#include "test.h"

#define NEWER (BG_ABI + 4)

static void whose_it_is_says_the_start_of_control(void **state)
{
	static const struct {
		struct bg_control_start start;
		int rc;
		const struct bg_layout *from;
		__u32 flow_layout;
	} rows[] = {
		{ { BG_ABI, 7, BG_FLOW_LAYOUT }, 0, NULL, 0 },
		{ { 1, 7, 0 }, 0, &bg_layout_1, 0 },
		/* what stands third there is something else */
		{ { 2, 7, 77 }, 0, &bg_layout_2, 0 },
		{ { 3, 7, 1 }, 0, &bg_layout_3, 0 },
		{ { NEWER, 7, BG_FLOW_LAYOUT }, 0, &bg_layout_newer, BG_FLOW_LAYOUT },
		{ { NEWER, 7, 9 }, 0, &bg_layout_newer, 9 },
		{ { UINT32_MAX, UINT32_MAX, UINT32_MAX }, 0, &bg_layout_newer, UINT32_MAX },
		/* no build had that */
		{ { 0, 7, 0 }, -EPROTO, NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bg_before before = { .flow_layout = 99 };

		assert_int_equal(bg_before_of(&rows[i].start, &before), rows[i].rc);
		assert_ptr_equal(before.from, rows[i].from);
		assert_int_equal(before.flow_layout, rows[i].flow_layout);
	}
}

#define FLOWS { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bg_bucket), 16, 0 }
#define RULES { BPF_MAP_TYPE_HASH, 4, sizeof(struct bg_rule), 8, BPF_F_NO_PREALLOC }
#define PODS { BPF_MAP_TYPE_HASH, 16, sizeof(struct bg_pod), 16384, BPF_F_NO_PREALLOC }

static void each_map_has_a_fate(void **state)
{
	static const struct bg_map_shape flows = FLOWS, rules = RULES, pods = PODS;
	static const struct bg_before ours = { NULL, 0, true }, seedless = { NULL, 0, false },
				      abi1 = { &bg_layout_1, 0, true },
				      abi2 = { &bg_layout_2, 0, true },
				      abi2_seedless = { &bg_layout_2, 0, false },
				      newer = { &bg_layout_newer, BG_FLOW_LAYOUT, true },
				      stranger = { &bg_layout_newer, BG_FLOW_LAYOUT + 1, true };
	static const struct {
		const char *what;
		const struct bg_before *before;
		const char *map;
		const struct bg_map_shape *mine;
		struct bg_map_shape theirs;
		enum bg_fate fate;
	} rows[] = {
		{ "a table of flows under the same seed", &ours, "flows", &flows, FLOWS,
		  BG_FATE_TAKEN },
		{ "one whose seed is lost", &seedless, "flows", &flows, FLOWS, BG_FATE_FLOWS },
		{ "one of another size",
		  &ours,
		  "flows",
		  &flows,
		  { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bg_bucket), 32, 0 },
		  BG_FATE_FLOWS },
		{ "a hash under its name",
		  &ours,
		  "flows",
		  &flows,
		  { BPF_MAP_TYPE_HASH, 64, sizeof(struct bg_bucket), 16, 0 },
		  BG_FATE_DROPPED },
		{ "an array with keys that none has",
		  &ours,
		  "flows",
		  &flows,
		  { BPF_MAP_TYPE_ARRAY, 64, sizeof(struct bg_bucket), 16, 0 },
		  BG_FATE_DROPPED },
		{ "buckets that only look like flows",
		  &ours,
		  "flows",
		  &flows,
		  { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bg_bucket) + 8, 16, 0 },
		  BG_FATE_DROPPED },
		{ "flows of ABI 2",
		  &abi2,
		  "flows",
		  &flows,
		  { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bg_bucket_3), 16, 0 },
		  BG_FATE_FLOWS },
		{ "those without a seed",
		  &abi2_seedless,
		  "flows",
		  &flows,
		  { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct bg_bucket_3), 16, 0 },
		  BG_FATE_FLOWS },
		{ "flows that say that they are of ABI 2, and are of today", &abi2, "flows", &flows,
		  FLOWS, BG_FATE_DROPPED },
		{ "flows of a newer build that says they are ours", &newer, "flows", &flows, FLOWS,
		  BG_FATE_TAKEN },
		{ "of one that says they are not", &stranger, "flows", &flows, FLOWS,
		  BG_FATE_DROPPED },
		{ "rules", &ours, "rules", &rules, RULES, BG_FATE_TAKEN },
		{ "rules under another --max-rules",
		  &ours,
		  "rules",
		  &rules,
		  { BPF_MAP_TYPE_HASH, 4, sizeof(struct bg_rule), 99, BPF_F_NO_PREALLOC },
		  BG_FATE_COPIED },
		{ "rules with long keys",
		  &ours,
		  "rules",
		  &rules,
		  { BPF_MAP_TYPE_HASH, 64, sizeof(struct bg_rule), 99, BPF_F_NO_PREALLOC },
		  BG_FATE_DROPPED },
		{ "rules of another length",
		  &ours,
		  "rules",
		  &rules,
		  { BPF_MAP_TYPE_HASH, 4, sizeof(struct bg_rule) + 1, 99, BPF_F_NO_PREALLOC },
		  BG_FATE_DROPPED },
		{ "rules of ABI 2, of whatever shape", &abi2, "rules", &rules, RULES,
		  BG_FATE_CONVERTED },
		{ "rules of a newer build that says they are ours", &newer, "rules", &rules, RULES,
		  BG_FATE_TAKEN },
		{ "of one that says they are not", &stranger, "rules", &rules, RULES,
		  BG_FATE_DROPPED },
		{ "pods", &ours, "pods", &pods, PODS, BG_FATE_TAKEN },
		{ "pods, of which there are more now",
		  &ours,
		  "pods",
		  &pods,
		  { BPF_MAP_TYPE_HASH, 16, sizeof(struct bg_pod), 99, BPF_F_NO_PREALLOC },
		  BG_FATE_DROPPED },
		{ "pods with other flags",
		  &ours,
		  "pods",
		  &pods,
		  { BPF_MAP_TYPE_HASH, 16, sizeof(struct bg_pod), 16384, 0 },
		  BG_FATE_DROPPED },
		{ "pods of ABI 1", &abi1, "pods", &pods, PODS, BG_FATE_CONVERTED },
		{ "pods of a newer build", &newer, "pods", &pods, PODS, BG_FATE_DROPPED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum bg_fate fate =
			bg_fate_of(rows[i].before, rows[i].map, rows[i].mine, &rows[i].theirs);

		if (fate != rows[i].fate)
			fail_msg("%s: %d, expected %d", rows[i].what, fate, rows[i].fate);
	}
}

/* A value for each CPU is more than the room for one. */
static void entries_move_from_maps_that_have_them(void **state)
{
	static const struct bg_move move = { "branches", "branches", 4, 100, NULL };
	static const struct {
		struct bg_map_shape theirs;
		bool percpu, can;
	} rows[] = {
		{ { BPF_MAP_TYPE_HASH, 4, 100, 1, 0 }, false, true },
		{ { BPF_MAP_TYPE_HASH, 8, 120, 1, 0 }, false, true },
		{ { BPF_MAP_TYPE_ARRAY, 4, 100, 1, 0 }, false, true },
		{ { BPF_MAP_TYPE_HASH, 3, 100, 1, 0 }, false, false },
		{ { BPF_MAP_TYPE_HASH, 4, 99, 1, 0 }, false, false },
		{ { BPF_MAP_TYPE_HASH, BG_FOREIGN_KEY_BYTES, 100, 1, 0 }, false, true },
		{ { BPF_MAP_TYPE_HASH, BG_FOREIGN_KEY_BYTES + 1, 100, 1, 0 }, false, false },
		{ { BPF_MAP_TYPE_PERCPU_HASH, 4, 100, 1, 0 }, false, false },
		{ { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 100, 1, 0 }, true, true },
		{ { BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 100, 1, 0 }, true, true },
		{ { BPF_MAP_TYPE_ARRAY, 4, 100, 1, 0 }, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(bg_fate_can_move(&move, &rows[i].theirs, rows[i].percpu),
				 rows[i].can);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_it_is_says_the_start_of_control),
		cmocka_unit_test(each_map_has_a_fate),
		cmocka_unit_test(entries_move_from_maps_that_have_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
