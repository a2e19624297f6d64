/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A flow of a full bucket goes to its other one, if there is room; the new one gets its
 * place. For a moment there are two copies: who looks finds one of them, and if the
 * original changes meanwhile, the copy is thrown away. Readers without lock do not miss
 * it (flow_table.h).
 */
#ifndef BG_FLOW_MOVE_H
#define BG_FLOW_MOVE_H

#include "flow_room.h"

/* A slot that is free or whose flow has expired; BG_BUCKET_FLOWS = none. Without a branch. */
static __always_inline __u32 idle_slot(const struct bg_bucket *bucket, __u64 now_ns, __u32 *found)
{
	*found = BG_BUCKET_FLOWS;
	for (__u32 i = 0; i < BG_BUCKET_FLOWS; i++) {
		const struct bg_flow *flow = &bucket->flow[i];
		__u64 left_ns = flow->last_seen_ns + flow->timeout_s * NS_PER_S - now_ns;
		__u32 idle = (__u32)(left_ns >> 63) | equal(bucket->tag[i], 0);

		*found += (i - *found) * idle;
	}
	return from_memory(*found);
}

/* Is it still what was copied? Counters and clock may have moved on. */
static __always_inline bool flow_unchanged(const struct bg_flow *flow, const struct bg_flow *copy)
{
	return flow_key_equal(&flow->key, &copy->key) && flow->flags == copy->flags &&
	       flow->checked == copy->checked && flow->rule == copy->rule &&
	       flow->timeout_s == copy->timeout_s && flow->next.flags == copy->next.flags &&
	       flow->next.isn == copy->next.isn;
}

/* Whoever is in the slot, into query->room.moved; false: there is no room for it elsewhere. */
__noinline int flow_pick(struct bg_flow_query *query, int which, __u32 slot)
{
	struct bg_bucket *from, *to;
	struct bg_flow_room *room;
	__u32 index;
	bool same;

	if (!query)
		return false;
	room = &query->room;
	slot = bound(slot, BG_BUCKET_FLOWS);
	index = which ? query->place.second : query->place.first;
	from = flow_bucket(index);
	if (!from)
		return false;
	/* without the lock, to begin with */
	room->displaced = from->flow[slot].key;
	flow_place(&room->moved_place, &room->displaced);
	room->to_index = room->moved_place.first;
	if (room->to_index == index)
		room->to_index = room->moved_place.second;
	to = flow_bucket(room->to_index);
	if (!to || room->to_index == index ||
	    idle_slot(to, query->now_ns, &room->idle) == BG_BUCKET_FLOWS)
		return false;
	room->from_which = which;
	room->from_slot = slot;
	bpf_spin_lock(&from->lock);
	room->moved = from->flow[slot];
	same = from->tag[slot] == room->moved_place.tag &&
	       flow_key_equal(&from->flow[slot].key, &room->displaced);
	bpf_spin_unlock(&from->lock);
	return same;
}

static __always_inline bool goes_away(const struct bg_flow_room *room)
{
	return room->to_index != room->moved_place.first;
}

/* First the copy. Returns whether there was room. */
__noinline int flow_copy(struct bg_flow_query *query)
{
	struct bg_flow_room *room;
	struct bg_bucket *to;
	__u32 slot;

	if (!query)
		return false;
	room = &query->room;
	to = flow_bucket(room->to_index);
	if (!to)
		return false;
	room->displaced_was_away = 0;
	if (goes_away(room))
		bucket_away(room->moved_place.first, 1);
	bpf_spin_lock(&to->lock);
	slot = idle_slot(to, query->now_ns, &room->idle);
	if (slot < BG_BUCKET_FLOWS) {
		slot = bound(unforeseen(slot), BG_BUCKET_FLOWS);
		note_displaced(to, slot, room);
		bucket_changes(to);
		to->tag[slot] = room->moved_place.tag;
		to->flow[slot] = room->moved;
		to->flow[slot].flags ^= BG_FLOW_AWAY;
		bucket_changes(to);
	}
	bpf_spin_unlock(&to->lock);
	if (slot == BG_BUCKET_FLOWS && goes_away(room))
		bucket_away(room->moved_place.first, -1);
	settle_displaced(room);
	return slot < BG_BUCKET_FLOWS;
}

/* Then the new one over the original, if that is what was copied. */
__noinline int flow_replace(struct bg_flow_query *query)
{
	struct bg_flow_room *room;
	struct bg_bucket *from;
	bool done, away;
	__u32 slot;

	if (!query)
		return false;
	room = &query->room;
	away = room->from_which;
	from = place_bucket(&query->place, away);
	if (!from)
		return false;
	slot = bound(room->from_slot, BG_BUCKET_FLOWS);
	if (away)
		bucket_away(query->place.first, 1);
	bpf_spin_lock(&from->lock);
	done = from->tag[slot] == room->moved_place.tag &&
	       flow_unchanged(&from->flow[slot], &room->moved) &&
	       bucket_slot(from, &query->key, query->place.tag) == BG_BUCKET_FLOWS;
	if (done)
		flow_write(from, slot, query, away ? BG_FLOW_AWAY : 0);
	bpf_spin_unlock(&from->lock);
	if (!done && away)
		bucket_away(query->place.first, -1);
	/* it has come home */
	if (done && !goes_away(room))
		bucket_away(room->moved_place.first, -1);
	return done;
}

/* Else throws the copy away; but if that has lived on meanwhile, it stays. */
__noinline int flow_uncopy(struct bg_flow_query *query)
{
	struct bg_flow_room *room;
	struct bg_bucket *to;
	bool gone = false;
	__u32 slot;

	if (!query)
		return false;
	room = &query->room;
	to = flow_bucket(room->to_index);
	if (!to)
		return false;
	room->moved.flags ^= BG_FLOW_AWAY;
	bpf_spin_lock(&to->lock);
	slot = bucket_slot(to, &room->moved.key, room->moved_place.tag);
	if (slot < BG_BUCKET_FLOWS) {
		slot = bound(unforeseen(slot), BG_BUCKET_FLOWS);
		gone = flow_unchanged(&to->flow[slot], &room->moved);
		if (gone)
			bucket_clear(to, slot);
	}
	bpf_spin_unlock(&to->lock);
	if (gone && goes_away(room))
		bucket_away(room->moved_place.first, -1);
	return gone;
}

/* The new one gets a place if whoever is there can go elsewhere; which and where of 0 to 15. */
__noinline int flow_move(struct bg_flow_query *query, __u32 which_and_slot)
{
	if (!query)
		return BG_CREATE_FULL;
	if (!flow_pick(query, which_and_slot / BG_BUCKET_FLOWS, which_and_slot) ||
	    !flow_copy(query))
		return BG_CREATE_FULL;
	if (flow_replace(query))
		return BG_CREATE_DONE;
	flow_uncopy(query);
	return BG_CREATE_FULL;
}

/* Whoever of both buckets can go elsewhere makes room. */
__noinline int flow_move_any(struct bg_flow_query *query)
{
	int result = BG_CREATE_FULL;

	if (!query)
		return BG_CREATE_FULL;
	for (__u32 i = 0; i < 2 * BG_BUCKET_FLOWS && result == BG_CREATE_FULL; i++)
		result = flow_move(query, i);
	return result;
}

#endif
