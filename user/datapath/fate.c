// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The decisions of a take-over. adopt.c and migrate.c ask it with what the kernel says of
 * each map; nothing is opened, read or written here, and no shape is believed that the
 * kernel did not tell.
 */
#include "datapath/fate.h"

#include <errno.h>
#include <string.h>

int bg_before_of(const struct bg_control_start *start, struct bg_before *before)
{
	*before = (struct bg_before){};
	if (start->abi == BG_ABI)
		return 0;
	before->from = bg_layout_of(start->abi);
	if (before->from)
		return 0;
	if (start->abi < BG_ABI)
		return -EPROTO;
	before->from = &bg_layout_newer;
	before->flow_layout = start->flow_layout;
	return 0;
}

bool bg_before_is_ours(const struct bg_before *before, const char *map)
{
	return !before->from || !bg_layout_makes(before->from, before->flow_layout, map);
}

const struct bg_moved_flows *bg_before_flows(const struct bg_before *before)
{
	return before->from && before->from->flows ? before->from->flows : &bg_flows_today;
}

bool bg_fate_has_flows(const struct bg_moved_flows *as, const struct bg_map_shape *theirs)
{
	return theirs->type == BPF_MAP_TYPE_ARRAY && theirs->key_bytes == sizeof(__u32) &&
	       theirs->value_bytes == as->bucket_bytes;
}

bool bg_fate_can_move(const struct bg_move *move, const struct bg_map_shape *theirs, bool percpu)
{
	return theirs->key_bytes >= move->key_bytes && theirs->key_bytes <= BG_FOREIGN_KEY_BYTES &&
	       theirs->value_bytes >= move->value_bytes && bg_is_percpu(theirs->type) == percpu;
}

/* What a new map gets of one whose size the options have changed. */
static bool is_copied(const char *map)
{
	static const char *const copied[] = { "rules", "former_rules", "fast_counters" };

	for (size_t i = 0; i < sizeof(copied) / sizeof(copied[0]); i++)
		if (!strcmp(map, copied[i]))
			return true;
	return false;
}

static bool have_the_same_entries(const struct bg_map_shape *a, const struct bg_map_shape *b)
{
	return a->type == b->type && a->key_bytes == b->key_bytes &&
	       a->value_bytes == b->value_bytes;
}

static enum bg_fate fate_of_flows(const struct bg_before *before, const struct bg_map_shape *theirs)
{
	/* a newer build may have them in a way that only looks like this one's */
	if (before->from == &bg_layout_newer && !bg_before_is_ours(before, "flows"))
		return BG_FATE_DROPPED;
	return bg_fate_has_flows(bg_before_flows(before), theirs) ? BG_FATE_FLOWS : BG_FATE_DROPPED;
}

enum bg_fate bg_fate_of(const struct bg_before *before, const char *map,
			const struct bg_map_shape *mine, const struct bg_map_shape *theirs)
{
	const bool ours = bg_before_is_ours(before, map);
	const bool fits = ours && !memcmp(mine, theirs, sizeof(*mine));

	/* with another seed, each flow has another place */
	if (!strcmp(map, "flows") && !(fits && before->have_seed))
		return fate_of_flows(before, theirs);
	if (fits)
		return BG_FATE_TAKEN;
	if (ours && is_copied(map) && have_the_same_entries(mine, theirs))
		return BG_FATE_COPIED;
	return bg_layout_moves(before->from, map) ? BG_FATE_CONVERTED : BG_FATE_DROPPED;
}
