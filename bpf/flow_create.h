/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A flow comes into the table: a new one, or one out of another table. */
#ifndef BG_FLOW_CREATE_H
#define BG_FLOW_CREATE_H

#include "flow_move.h"

/* CPUs that want the same place at once: so often the one that comes too late chooses
 * again. */
#define CREATE_TRIES 3

/* Creates a flow. Returns enum bg_create_result. */
__noinline int flow_create(struct bg_flow_query *query)
{
	int result = BG_CREATE_FULL;

	if (!query)
		return BG_CREATE_FULL;
	for (int i = 0; i < CREATE_TRIES; i++) {
		int rank = flow_choose(query);

		if (rank < BG_RANK_HALF_OPEN)
			result = flow_move_any(query);
		if (result != BG_CREATE_FULL || rank == BG_RANK_KEEP)
			break;
		result = flow_put(query);
		if (result != BG_CREATE_FULL)
			break;
	}
	return result;
}

/* Writes the whole flow over the one with its key, if that was seen before it (or in any
 * case). Returns whether there is one. */
__noinline int flow_overwrite(struct bg_flow_query *query, const struct bg_flow *flow, int which,
			      int in_any_case)
{
	struct bg_bucket *bucket;
	struct bg_flow *there;
	__u32 slot, away;

	if (!query || !flow)
		return 0;
	bucket = place_bucket(&query->place, which);
	if (!bucket)
		return 0;
	bpf_spin_lock(&bucket->lock);
	slot = bucket_slot(bucket, &query->key, query->place.tag);
	if (slot < BG_BUCKET_FLOWS) {
		there = &bucket->flow[bound(unforeseen(slot), BG_BUCKET_FLOWS)];
		if (in_any_case || there->last_seen_ns < flow->last_seen_ns) {
			bucket_changes(bucket);
			away = there->flags & BG_FLOW_AWAY;
			*there = *flow;
			there->flags = (flow->flags & ~BG_FLOW_AWAY) | away;
			bucket_changes(bucket);
		}
	}
	bpf_spin_unlock(&bucket->lock);
	return slot < BG_BUCKET_FLOWS;
}

/*
 * A flow out of another table comes into this one as it is. If this table has it as
 * well, the one that was seen last stays. `query` is room to work in, since the stack
 * is short. Returns enum bg_create_result.
 */
__noinline int flow_import(const struct bg_flow *flow, struct bg_flow_query *query)
{
	int result;

	if (!flow || !query)
		return BG_CREATE_FULL;
	query->key = flow->key;
	query->now_ns = bpf_ktime_get_ns();
	if (flow_expired(flow, query->now_ns))
		return BG_CREATE_DONE;
	flow_place(&query->place, &query->key);
	if (flow_overwrite(query, flow, 0, false) || flow_overwrite(query, flow, 1, false))
		return BG_CREATE_DONE;
	query->new = (struct bg_new_flow){ .flags = flow->flags & BG_FLOW_PLATFORM };
	result = flow_create(query);
	if (result != BG_CREATE_FULL && !flow_overwrite(query, flow, 0, true))
		flow_overwrite(query, flow, 1, true);
	return result;
}

#endif
