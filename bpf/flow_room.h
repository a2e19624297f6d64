/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Room in the flow table: where a new flow goes, and who gives way (headers/flow.h has
 * the order). flow_move.h makes room where nobody does, flow_create.h uses both. A program
 * holds one lock at a time, and what happens under it is to be short: a place is chosen
 * without lock, and taken with it if what was seen there is still there.
 */
#ifndef BG_FLOW_ROOM_H
#define BG_FLOW_ROOM_H

#include "flow_table.h"

enum bg_create_result {
	BG_CREATE_FULL = 0,
	BG_CREATE_DONE,
	BG_CREATE_EVICTED, /* done, and a flow that lived gave way */
};

/* Who gives way first has the highest rank. A score is a rank, and below it the age. */
enum bg_rank {
	BG_RANK_KEEP = 0,
	BG_RANK_PLATFORM_OF_ANYBODY,
	BG_RANK_ASSURED,
	BG_RANK_PLATFORM,
	BG_RANK_HALF_OPEN,
	BG_RANK_OWN_HALF_OPEN,
	BG_RANK_CLOSED,
	BG_RANK_EXPIRED,
	BG_RANK_FREE,
	BG_RANK_SAME, /* the key has a flow: it is over, or another connection may follow */
};

#define RANK_SHIFT 60
#define SCORE(rank) ((__u64)(rank) << RANK_SHIFT)

static __always_inline __u64 score_of(enum bg_rank rank, const struct bg_flow *flow, __u64 now_ns)
{
	__u64 age_ns = now_ns - flow->last_seen_ns;

	/* another CPU's clock may be a tick ahead */
	if (now_ns < flow->last_seen_ns)
		age_ns = 0;
	return rank == BG_RANK_KEEP ? 0 : SCORE(rank) | (age_ns & (SCORE(1) - 1));
}

/* 1 if they are equal, else 0, without a branch: the verifier would follow both. */
static __always_inline __u32 equal(__u32 a, __u32 b)
{
	return ((__u64)(a ^ b) - 1) >> 63;
}

/* That place it will be, unless a better one is found. */
static __always_inline void choose(struct bg_flow_room *room, const struct bg_bucket *bucket,
				   int which, __u32 slot, __u64 score)
{
	const struct bg_flow *flow = &bucket->flow[slot];

	room->best = score;
	room->which = which;
	room->slot = slot;
	room->seen_tag = bucket->tag[slot];
	room->seen_flags = flow->flags;
	room->seen_created_ns = flow->created_ns;
	room->seen_last_ns = flow->last_seen_ns;
}

/* Is it still as it was when it was chosen? With the lock held. */
static __always_inline bool is_as_chosen(const struct bg_flow_room *room,
					 const struct bg_bucket *bucket, __u32 slot)
{
	const struct bg_flow *flow = &bucket->flow[slot];

	if (bucket->tag[slot] != room->seen_tag)
		return false;
	return !room->seen_tag ||
	       (flow->flags == room->seen_flags && flow->created_ns == room->seen_created_ns &&
		flow->last_seen_ns == room->seen_last_ns);
}

/* --- in full buckets -------------------------------------------------------------- */

/* `above`: its branch has more than its share. `within`: the newcomer's has not. */
static __always_inline enum bg_rank rank_of_living(__u32 flags, bool own, bool above,
						   __u32 new_flags, bool within)
{
	bool platform = flags & BG_FLOW_PLATFORM, assured = flags & BG_FLOW_ASSURED;
	bool for_platform = new_flags & BG_FLOW_PLATFORM;

	if (for_platform && !platform && !own)
		return BG_RANK_KEEP;
	if (above && !assured)
		return own ? BG_RANK_OWN_HALF_OPEN : BG_RANK_HALF_OPEN;
	if (above && platform)
		return BG_RANK_PLATFORM;
	if (above && !own && within)
		return BG_RANK_ASSURED;
	return platform && !for_platform ? BG_RANK_PLATFORM_OF_ANYBODY : BG_RANK_KEEP;
}

/* How many flows of a branch are in the bucket, whatever state they are in. */
static __always_inline __u32 flows_of(const struct bg_bucket *bucket, __u32 branch)
{
	__u32 count = 0;

	for (int i = 0; i < BG_BUCKET_FLOWS; i++)
		count += equal(branch, bucket->flow[i].key.branch);
	return count;
}

/* One slot, after rank_bucket() has looked at all of them. */
__noinline int rank_slot(struct bg_flow_query *query, int which, __u32 slot)
{
	const struct bg_bucket *bucket;
	const struct bg_flow *flow;
	__u32 branch, newcomer, count;
	enum bg_rank rank;
	__u64 score;

	if (!query)
		return 0;
	bucket = place_bucket(&query->place, which);
	if (!bucket)
		return 0;
	slot = bound(slot, BG_BUCKET_FLOWS);
	flow = &bucket->flow[slot];
	newcomer = query->key.branch;
	branch = flow->key.branch;
	if (!bucket->tag[slot]) {
		rank = BG_RANK_FREE;
	} else if (flow_expired(flow, query->now_ns)) {
		rank = BG_RANK_EXPIRED;
	} else if (flow_closed(flow->flags)) {
		rank = BG_RANK_CLOSED;
	} else {
		count = flows_of(bucket, branch) + equal(branch, newcomer);
		rank = rank_of_living(flow->flags, branch == newcomer, count > query->room.share,
				      query->new.flags, query->room.mine < query->room.share);
	}
	score = score_of(rank, flow, query->now_ns);
	if (score > query->room.best)
		choose(&query->room, bucket, which, slot, score);
	return 0;
}

/* The slots of one bucket, by the shares of the branches in it. */
__noinline int rank_bucket(struct bg_flow_query *query, int which)
{
	const struct bg_bucket *bucket;
	__u32 branches = 0, mine;

	if (!query)
		return 0;
	bucket = place_bucket(&query->place, which);
	if (!bucket)
		return 0;
	for (int i = 0; i < BG_BUCKET_FLOWS; i++) {
		__u32 before = 0;

		for (int j = 0; j < i; j++)
			before += equal(bucket->flow[i].key.branch, bucket->flow[j].key.branch);
		branches += equal(before, 0);
	}
	mine = flows_of(bucket, query->key.branch);
	branches += equal(mine, 0);
	query->room.mine = mine;
	query->room.share = (BG_BUCKET_FLOWS + branches - 1) / branches;
	for (__u32 slot = 0; slot < BG_BUCKET_FLOWS; slot++)
		rank_slot(query, which, slot);
	return 0;
}

/* --- the place of a new flow ------------------------------------------------------- */

/* Lanes of the word that are 0, as their top bits; unlike tag_lanes() without one too many. */
static __always_inline __u64 free_lanes(__u64 word)
{
	return ~((((word & ~LANES_TOP) + ~LANES_TOP) | word) | ~LANES_TOP);
}

static __always_inline __u32 bucket_load(const struct bg_bucket *bucket)
{
	const __u64 *tags = (const void *)bucket->tag;
	__u64 lanes = (free_lanes(tags[0]) >> 15) + (free_lanes(tags[1]) >> 15);

	return BG_BUCKET_FLOWS - (__u32)(lanes * LANES_ONE >> 48);
}

/* A slot that nobody has; BG_BUCKET_FLOWS = none. */
static __always_inline __u32 free_slot(const struct bg_bucket *bucket)
{
	const __u64 *tags = (const void *)bucket->tag;
	__u64 lanes = free_lanes(tags[0]);

	if (lanes)
		return lowest_lane(lanes);
	lanes = free_lanes(tags[1]);
	return lanes ? LANES_PER_WORD + lowest_lane(lanes) : BG_BUCKET_FLOWS;
}

/* So many go to their first bucket in any case, so that most flows are found at once, and new
 * ones look at one bucket. It costs nothing of what the table takes: see packets/test_capacity. */
#define FIRST_BUCKET_FLOWS 4

/*
 * The place of the key's own flow; else a free one in the emptier bucket; false: neither.
 * Flows that are over stay where they are until somebody wants their place, and those in
 * their second bucket send every miss there meanwhile (`away`). So a new flow looks at one
 * slot of its first bucket, by chance, and takes that if its flow has expired. Where few
 * are, nobody does: others come, and then there are not few any more.
 */
__noinline int choose_unused(struct bg_flow_query *query)
{
	struct bg_bucket *first, *second, *bucket;
	__u32 slot, load;

	if (!query)
		return false;
	first = place_bucket(&query->place, 0);
	second = place_bucket(&query->place, 1);
	if (!first || !second)
		return false;
	slot = bucket_slot(first, &query->key, query->place.tag);
	if (slot < BG_BUCKET_FLOWS) {
		slot = bound(unforeseen(slot), BG_BUCKET_FLOWS);
		choose(&query->room, first, 0, slot, SCORE(BG_RANK_SAME));
		return true;
	}
	/* the second is far away, in memory: not looked at for nothing */
	if (first->away) {
		slot = bucket_slot(second, &query->key, query->place.tag);
		if (slot < BG_BUCKET_FLOWS) {
			slot = bound(unforeseen(slot), BG_BUCKET_FLOWS);
			choose(&query->room, second, 1, slot, SCORE(BG_RANK_SAME));
			return true;
		}
	}
	bucket = first;
	load = bucket_load(first);
	if (load >= FIRST_BUCKET_FLOWS) {
		slot = bound(query->place.tag >> 1, BG_BUCKET_FLOWS);
		if (first->tag[slot] && flow_expired(&first->flow[slot], query->now_ns)) {
			choose(&query->room, first, 0, slot, SCORE(BG_RANK_EXPIRED));
			return true;
		}
		if (bucket_load(second) < load)
			bucket = second;
	}
	slot = free_slot(bucket);
	if (slot == BG_BUCKET_FLOWS)
		return false;
	query->room.best = SCORE(BG_RANK_FREE);
	query->room.which = bucket == second;
	query->room.slot = slot;
	query->room.seen_tag = 0;
	return true;
}

/* The best place, into query->room; returns its rank. */
static __always_inline int flow_choose(struct bg_flow_query *query)
{
	query->room.best = 0;
	if (!choose_unused(query)) {
		rank_bucket(query, 0);
		if (query->room.best < SCORE(BG_RANK_EXPIRED))
			rank_bucket(query, 1);
	}
	return query->room.best >> RANK_SHIFT;
}

/* Whoever is in the slot goes; with the lock held. settle_displaced() follows without. */
static __always_inline void note_displaced(const struct bg_bucket *bucket, __u32 slot,
					   struct bg_flow_room *room)
{
	const struct bg_flow *flow = &bucket->flow[slot];

	room->displaced_was_away = bucket->tag[slot] && flow->flags & BG_FLOW_AWAY;
	if (room->displaced_was_away)
		room->displaced = flow->key;
}

static __always_inline void settle_displaced(struct bg_flow_room *room)
{
	if (!room->displaced_was_away)
		return;
	flow_place(&room->displaced_place, &room->displaced);
	bucket_away(room->displaced_place.first, -1);
}

static __always_inline void flow_write(struct bg_bucket *bucket, __u32 slot,
				       const struct bg_flow_query *query, __u32 away)
{
	const struct bg_new_flow *new = &query->new;
	struct bg_flow *flow = &bucket->flow[slot];

	bucket_changes(bucket);
	bucket->tag[slot] = query->place.tag;
	flow->key = query->key;
	flow->created_ns = query->now_ns;
	flow->last_seen_ns = query->now_ns;
	flow->bytes[BG_INGRESS] = new->direction == BG_INGRESS ? new->length_bytes : 0;
	flow->bytes[BG_EGRESS] = new->direction == BG_EGRESS ? new->length_bytes : 0;
	flow->packets[BG_INGRESS] = new->direction == BG_INGRESS;
	flow->packets[BG_EGRESS] = new->direction == BG_EGRESS;
	flow->rule = new->rule;
	flow->revision = query->revision;
	flow->checked = query->revision;
	flow->flags = new->flags | away;
	flow->timeout_s = new->timeout_s;
	flow->isn = new->isn;
	flow->next = (struct bg_flow_next){};
	bucket_changes(bucket);
}

/* The flow lives on; what was admitted now may follow it (flow_follow()). */
static __always_inline void flow_write_next(struct bg_flow *flow, const struct bg_flow_query *query)
{
	const struct bg_new_flow *new = &query->new;
	struct bg_flow_next *next = &flow->next;
	bool same = next->isn == new->isn &&flow_direction(next->flags) ==
		    flow_direction(new->flags);
	bool again = flow->flags & BG_FLOW_NEXT && same;

	/* its SYN, sent again though the answer was on its way */
	next->flags = new->flags | (again ? next->flags & BG_FLOW_REPLIED : 0);
	next->since_ns = query->now_ns;
	next->isn = new->isn;
	next->rule = new->rule;
	next->revision = query->revision;
	flow->flags |= BG_FLOW_NEXT;
}

/* Takes the place that flow_choose() has found. BG_CREATE_FULL: somebody was faster. */
__noinline int flow_put(struct bg_flow_query *query)
{
	enum bg_create_result result = BG_CREATE_FULL;
	bool away, more_away = false;
	struct bg_bucket *bucket;
	struct bg_flow *flow;
	__u32 slot, own;

	if (!query)
		return BG_CREATE_FULL;
	away = query->room.which;
	bucket = place_bucket(&query->place, away);
	if (!bucket)
		return BG_CREATE_FULL;
	slot = bound(query->room.slot, BG_BUCKET_FLOWS);
	flow = &bucket->flow[slot];
	query->room.displaced_was_away = 0;
	if (away)
		bucket_away(query->place.first, 1);
	bpf_spin_lock(&bucket->lock);
	own = bucket_slot(bucket, &query->key, query->place.tag);
	if ((own == BG_BUCKET_FLOWS || own == slot) && is_as_chosen(&query->room, bucket, slot)) {
		result = query->room.best < SCORE(BG_RANK_CLOSED) ? BG_CREATE_EVICTED
								  : BG_CREATE_DONE;
		/* one that was reset may go on, if neither end believes it */
		if (own == slot && !flow_expired(flow, query->now_ns) && !flow_fins(flow->flags)) {
			flow_write_next(flow, query);
		} else {
			note_displaced(bucket, slot, &query->room);
			flow_write(bucket, slot, query, away ? BG_FLOW_AWAY : 0);
			more_away = away;
		}
	}
	bpf_spin_unlock(&bucket->lock);
	if (away && !more_away)
		bucket_away(query->place.first, -1);
	settle_displaced(&query->room);
	return result;
}

#endif
