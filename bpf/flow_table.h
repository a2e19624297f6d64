/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table (headers/flow.h): look up and renew, create, and who gives
 * way. Whatever stands between lock and unlock is inlined and calls nothing:
 * kernels before 6.10 allow no call with a spin lock held.
 */
#ifndef BG_FLOW_TABLE_H
#define BG_FLOW_TABLE_H

#include "config.h"
#include "maps.bpf.h"
#include "packet.h"
#include "verifier.h"

#define NS_PER_S 1000000000ull

/* Odd constants with no structure: fractional parts of square roots (as SHA-2). */
#define HASH_0 0x6a09e667f3bcc909ull
#define HASH_1 0xbb67ae8584caa73bull
#define HASH_2 0x3c6ef372fe94f82bull
#define HASH_3 0xa54ff53a5f1d36f1ull
#define HASH_4 0x510e527fade682d1ull

struct bg_place {
	__u32 first, second; /* buckets */
	__u16 tag;	     /* never 0 */
};

enum bg_flow_result {
	BG_FLOW_MISS = 0,
	BG_FLOW_HIT,
	/* there is one, but `local` was last checked under another revision:
	 * nothing was renewed, see flow_find() */
	BG_FLOW_UNCHECKED,
};

static __always_inline void flow_key(struct bg_flow_key *key, const struct bg_packet *packet,
				     __u32 branch_tag)
{
	key->local = packet->local;
	key->remote = packet->remote;
	key->local_port = packet->local_port;
	key->remote_port = packet->remote_port;
	key->protocol = packet->protocol;
	key->branch = branch_tag;
}

/*
 * Where a key belongs. Pairs of words are multiplied under the secret (the NH
 * family of UMAC, RFC 4418 § 5.2), so that nobody outside can aim at a bucket;
 * the three products do not wait for each other.
 */
static __always_inline void flow_place(struct bg_place *place, const struct bg_flow_key *key)
{
	const __u64 *word = (const void *)key;
	__u64 hash;

	hash = (word[0] + (hash_seed ^ HASH_0)) * (word[1] + (hash_seed ^ HASH_1)) +
	       (word[2] + (hash_seed ^ HASH_2)) * (word[3] + (hash_seed ^ HASH_3)) +
	       (word[4] ^ hash_seed) * HASH_4;
	hash ^= hash >> 32;
	hash *= HASH_1;
	hash ^= hash >> 29;
	place->first = hash & flow_mask;
	/* an odd distance: never the first again, unless there is but one */
	place->second = (place->first + ((hash >> 24) | 1)) & flow_mask;
	place->tag = (hash >> 48) | 1;
}

static __always_inline struct bg_bucket *flow_bucket(__u32 index)
{
	return bpf_map_lookup_elem(&flows, &index);
}

static __always_inline bool flow_key_equal(const struct bg_flow_key *a, const struct bg_flow_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

static __always_inline bool flow_expired(const struct bg_flow *flow, __u64 now_ns)
{
	return now_ns > flow->last_seen_ns + flow->timeout_s * NS_PER_S;
}

static __always_inline bool flow_closed(__u16 flags)
{
	return flags & BG_FLOW_RESET || (flags & (BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE)) ==
						(BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE);
}

static __always_inline enum bg_direction flow_direction(__u16 flags)
{
	return flags & BG_FLOW_EGRESS ? BG_EGRESS : BG_INGRESS;
}

/* Does the packet belong to a flow with these flags? */
static __always_inline bool flow_takes(__u16 flags, const struct bg_packet *packet,
				       enum bg_direction direction)
{
	bool first_direction = flow_direction(flags) == direction;

	if (packet->tracking == BG_TRACK_REQUEST)
		return first_direction;
	if (packet->tracking == BG_TRACK_REPLY)
		return !first_direction;
	/* a new connection on the ports of a closed one is judged as a first one */
	return !((packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && flow_closed(flags));
}

/* Flags after this packet; tcp_flags is 0 for all but TCP. */
static __always_inline __u16 flow_next_flags(__u16 flags, __u8 tcp_flags,
					     enum bg_direction direction)
{
	if (flow_direction(flags) != direction)
		flags |= BG_FLOW_REPLIED;
	else if (flags & BG_FLOW_REPLIED && !(tcp_flags & (TCP_SYN | TCP_RST)))
		flags |= BG_FLOW_ASSURED;
	if (tcp_flags & TCP_RST)
		flags |= BG_FLOW_RESET;
	if (tcp_flags & TCP_FIN)
		flags |= direction == BG_EGRESS ? BG_FLOW_FIN_LOCAL : BG_FLOW_FIN_REMOTE;
	return flags;
}

static __always_inline __u32 flow_timeout_s(const struct bg_timeouts *timeouts, __u8 protocol,
					    __u16 flags)
{
	switch (protocol) {
	case IPPROTO_TCP:
		if (flow_closed(flags))
			return timeouts->tcp_closed_s;
		if (flags & (BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE))
			return timeouts->tcp_closing_s;
		return flags & BG_FLOW_ASSURED ? timeouts->tcp_established_s
					       : timeouts->tcp_half_open_s;
	case IPPROTO_UDP:
		return flags & BG_FLOW_ASSURED ? timeouts->udp_stream_s : timeouts->udp_s;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return timeouts->icmp_s;
	default:
		return timeouts->other_s;
	}
}

#define LANES_ONE 0x0001000100010001ull
#define LANES_TOP 0x8000800080008000ull
#define LANES_PER_WORD 4

/* Lanes of the word that equal the tag, as their top bits. A lane above an equal
 * one may be marked wrongly: the key is compared in any case. */
static __always_inline __u64 tag_lanes(__u64 word, __u16 tag)
{
	__u64 differs = word ^ (tag * LANES_ONE);

	return (differs - LANES_ONE) & ~differs & LANES_TOP;
}

/*
 * The slot of a key, BG_BUCKET_FLOWS = none. The eight tags are compared at once
 * (two words of four), so that a miss costs next to nothing. With the lock held, or
 * between two looks at `version`.
 */
static __always_inline __u32 bucket_slot(const struct bg_bucket *bucket,
					 const struct bg_flow_key *key, __u16 tag)
{
	const __u64 *tags = (const void *)bucket->tag;

	for (__u32 half = 0; half < BG_BUCKET_FLOWS / LANES_PER_WORD; half++) {
		__u64 lanes = tag_lanes(tags[half & 1], tag);

		for (int i = 0; i < LANES_PER_WORD && lanes; i++) {
			__u64 lowest = lanes & -lanes;
			__u32 slot = half * LANES_PER_WORD + (lowest >> 31 & 1) +
				     (lowest >> 47 & 1) * 2 + (lowest >> 63) * 3;

			slot = bound(unforeseen(slot), BG_BUCKET_FLOWS);
			if (flow_key_equal(&bucket->flow[slot].key, key))
				return slot;
			lanes &= lanes - 1;
		}
	}
	return BG_BUCKET_FLOWS;
}

/* Before and after a slot is written: a reader without the lock must not take it for
 * whole while it is half-written. */
static __always_inline void bucket_changes(struct bg_bucket *bucket)
{
	__sync_fetch_and_add(&bucket->version, 1);
}

/* The bucket that may hold a key, first = 0, second = 1. */
static __always_inline struct bg_bucket *place_bucket(const struct bg_place *place, int which)
{
	return flow_bucket(which ? place->second : place->first);
}

/* What flow_find() needs to know, and what it finds. */
struct bg_flow_query {
	struct bg_flow_key key;
	struct bg_place place;
	struct bg_timeouts timeouts; /* of the branch */
	__u64 now_ns;
	__u32 revision;
	__u16 set_flags;   /* that a hit or a new flow gets, */
	__u16 clear_flags; /* and that a hit loses; enum bg_flow_flag */
	/* answer */
	__u32 rule;
	__u32 flags;
};

/* What the flags of a flow are after this packet. */
static __always_inline __u16 flow_flags_after(__u16 flags, const struct bg_flow_query *query,
					      const struct bg_packet *packet,
					      enum bg_direction direction)
{
	flags = (flags & ~query->clear_flags) | query->set_flags;
	return flow_next_flags(flags, packet->tcp_flags, direction);
}

static __always_inline void flow_count(struct bg_flow *flow, const struct bg_packet *packet,
				       enum bg_direction direction)
{
	flow->packets[bound(direction, BG_DIRECTIONS)]++;
	flow->bytes[bound(direction, BG_DIRECTIONS)] += packet->length_bytes;
}

/*
 * The fast look-up: a packet that changes nothing but counters and clock needs no
 * lock. Whoever writes a slot makes `version` odd before and even again after
 * (atomically, hence in order); a look-up that sees it move has seen nothing. Its
 * volatile reads are for that order (the memory model), not for the verifier.
 * Counters are kept by direction, and the packets of one direction come on one
 * CPU; should they not, a count may be lost, never a verdict.
 *
 * BG_FLOW_UNCHECKED: flow_find() must look, with the lock.
 */
static __always_inline enum bg_flow_result
flow_hit(struct bg_flow_query *query, const struct bg_packet *packet, enum bg_direction direction)
{
	for (int which = 0; which < 2; which++) {
		struct bg_bucket *bucket = place_bucket(&query->place, which);
		__u32 version, slot;
		struct bg_flow *flow;
		bool overflowed;
		__u16 flags;

		if (!bucket)
			return BG_FLOW_MISS;
		version = *(volatile __u32 *)&bucket->version;
		overflowed = *(volatile __u16 *)&bucket->overflowed;
		slot = bucket_slot(bucket, &query->key, query->place.tag);
		flow = &bucket->flow[bound(slot, BG_BUCKET_FLOWS)];
		flags = *(volatile __u16 *)&flow->flags;
		query->rule = flow->rule;
		query->flags = flags;
		if (version & 1 || *(volatile __u32 *)&bucket->version != version)
			return BG_FLOW_UNCHECKED;
		if (slot < BG_BUCKET_FLOWS) {
			if (flow_expired(flow, query->now_ns) ||
			    !flow_takes(flags, packet, direction))
				return BG_FLOW_MISS;
			if (flow->checked != query->revision ||
			    flow_flags_after(flags, query, packet, direction) != flags)
				return BG_FLOW_UNCHECKED;
			if (flow->last_seen_ns != query->now_ns)
				flow->last_seen_ns = query->now_ns;
			flow_count(flow, packet, direction);
			return BG_FLOW_HIT;
		}
		if (!overflowed)
			return BG_FLOW_MISS;
	}
	return BG_FLOW_MISS;
}

/* A packet comes for the flow that has its key: is it the flow's, and may the flow
 * live? Then it is counted and moves the flow's state. With the lock held. */
static __always_inline enum bg_flow_result flow_is_used(struct bg_flow *flow,
							struct bg_flow_query *query,
							const struct bg_packet *packet,
							enum bg_direction direction)
{
	if (flow_expired(flow, query->now_ns) || !flow_takes(flow->flags, packet, direction))
		return BG_FLOW_MISS;
	query->rule = flow->rule;
	query->flags = flow->flags;
	if (flow->checked != query->revision)
		return BG_FLOW_UNCHECKED;
	flow->last_seen_ns = query->now_ns;
	flow_count(flow, packet, direction);
	flow->flags = flow_flags_after(flow->flags, query, packet, direction);
	flow->timeout_s = flow_timeout_s(&query->timeouts, packet->protocol, flow->flags);
	return BG_FLOW_HIT;
}

/*
 * The same with the lock, for packets that change a flow's state.
 * BG_FLOW_UNCHECKED: the caller makes sure that the flow may live under this
 * revision, calls flow_confirm() and looks again.
 *
 * A global function, verified once on its own, as are the others of their kind
 * here and in verdict.h; none of the pointers is ever NULL, but the verifier asks.
 */
__noinline int flow_find(struct bg_flow_query *query, const struct bg_packet *packet,
			 enum bg_direction direction)
{
	if (!query || !packet)
		return BG_FLOW_MISS;
	for (int which = 0; which < 2; which++) {
		struct bg_bucket *bucket = place_bucket(&query->place, which);
		enum bg_flow_result result = BG_FLOW_MISS;
		struct bg_flow *flow;
		bool overflowed;
		__u32 slot;

		if (!bucket)
			break;
		bpf_spin_lock(&bucket->lock);
		overflowed = bucket->overflowed;
		slot = bucket_slot(bucket, &query->key, query->place.tag);
		if (slot < BG_BUCKET_FLOWS) {
			flow = &bucket->flow[bound(slot, BG_BUCKET_FLOWS)];
			result = flow_is_used(flow, query, packet, direction);
		}
		bpf_spin_unlock(&bucket->lock);
		if (result || !overflowed)
			return result;
	}
	return BG_FLOW_MISS;
}

/* What flow_confirm() does to a flow. */
enum bg_flow_change {
	BG_FLOW_KEEP,	 /* it may live on under this revision */
	BG_FLOW_READMIT, /* the rules of this revision admit it, by `rule` */
	BG_FLOW_FORGET,	 /* it may not live on */
};

static __always_inline void flow_confirm(const struct bg_flow_query *query,
					 enum bg_flow_change change, __u32 rule)
{
	for (int which = 0; which < 2; which++) {
		struct bg_bucket *bucket = place_bucket(&query->place, which);
		struct bg_flow *flow;
		__u32 slot;

		if (!bucket)
			break;
		bpf_spin_lock(&bucket->lock);
		slot = bucket_slot(bucket, &query->key, query->place.tag);
		if (slot < BG_BUCKET_FLOWS) {
			slot = bound(unforeseen(slot), BG_BUCKET_FLOWS);
			flow = &bucket->flow[slot];
			if (change == BG_FLOW_FORGET) {
				bucket_changes(bucket);
				bucket->tag[slot] = 0;
				flow->key.protocol = 0;
				bucket_changes(bucket);
			} else {
				flow->checked = query->revision;
			}
			if (change == BG_FLOW_READMIT) {
				flow->rule = rule;
				flow->revision = query->revision;
			}
		}
		bpf_spin_unlock(&bucket->lock);
	}
}

/* The flags of a live flow, -1 = none. Renews nothing. */
__noinline int flow_peek(const struct bg_flow_key *key, __u64 now_ns)
{
	struct bg_place place;
	int flags = -1;

	if (!key)
		return -1;
	flow_place(&place, key);
	for (int which = 0; which < 2 && flags < 0; which++) {
		struct bg_bucket *bucket = place_bucket(&place, which);
		struct bg_flow *flow;
		__u32 slot;

		if (!bucket)
			break;
		bpf_spin_lock(&bucket->lock);
		slot = bucket_slot(bucket, key, place.tag);
		flow = &bucket->flow[bound(slot, BG_BUCKET_FLOWS)];
		if (slot < BG_BUCKET_FLOWS && !flow_expired(flow, now_ns))
			flags = flow->flags;
		bpf_spin_unlock(&bucket->lock);
	}
	return flags;
}

struct bg_new_flow {
	__u32 timeout_s;
	__u32 rule;
	__u32 length_bytes;
	__u16 flags;	  /* enum bg_flow_flag */
	__u16 direction;  /* enum bg_direction */
	__u64 best_score; /* scratch of flow_create(), for from_memory() */
};

/* The order of giving way, in the upper bits of a score; the age decides below. */
#define SCORE_KEEP 0ull
#define SCORE_HALF_OPEN (1ull << 60)
#define SCORE_OWN_HALF_OPEN (2ull << 60)
#define SCORE_EXPIRED (3ull << 60)
#define SCORE_FREE (4ull << 60)
#define SCORE_SAME (5ull << 60)
#define SCORE_AGE_MASK ((1ull << 60) - 1)

static __always_inline __u64 flow_score(const struct bg_bucket *bucket, const struct bg_flow *flow,
					int i, const struct bg_flow_query *query)
{
	__u64 age_ns = (query->now_ns - flow->last_seen_ns) & SCORE_AGE_MASK;

	if (!bucket->tag[i])
		return SCORE_FREE;
	if (bucket->tag[i] == query->place.tag && flow_key_equal(&flow->key, &query->key))
		return SCORE_SAME;
	if (flow_expired(flow, query->now_ns))
		return SCORE_EXPIRED | age_ns;
	if (flow->flags & BG_FLOW_ASSURED)
		return SCORE_KEEP;
	return age_ns |
	       (flow->key.branch == query->key.branch ? SCORE_OWN_HALF_OPEN : SCORE_HALF_OPEN);
}

static __always_inline void flow_write(struct bg_bucket *bucket, const struct bg_flow_query *query,
				       const struct bg_new_flow *new)
{
	__u32 slot = bound(from_memory(bucket->chosen), BG_BUCKET_FLOWS);
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
	flow->flags = new->flags;
	flow->timeout_s = new->timeout_s;
	bucket_changes(bucket);
}

enum bg_create_result {
	BG_CREATE_FULL = 0,
	BG_CREATE_DONE,
	BG_CREATE_EVICTED, /* done, and a half-open flow gave way */
};

/* Creates a flow. Returns enum bg_create_result. */
__noinline int flow_create(const struct bg_flow_query *query, struct bg_new_flow *new)
{
	enum bg_create_result result = BG_CREATE_FULL;

	if (!query || !new)
		return BG_CREATE_FULL;
	for (int which = 0; which < 2 && result == BG_CREATE_FULL; which++) {
		struct bg_bucket *bucket = place_bucket(&query->place, which);

		if (!bucket)
			break;
		new->best_score = SCORE_KEEP;
		bpf_spin_lock(&bucket->lock);
		for (int i = 0; i < BG_BUCKET_FLOWS; i++) {
			__u64 score = flow_score(bucket, &bucket->flow[i], i, query);

			if (score > from_memory(new->best_score)) {
				new->best_score = score;
				bucket->chosen = i;
			}
		}
		if (from_memory(new->best_score) == SCORE_KEEP) {
			bucket->overflowed = 1;
		} else {
			flow_write(bucket, query, new);
			result = from_memory(new->best_score) < SCORE_EXPIRED ? BG_CREATE_EVICTED
									      : BG_CREATE_DONE;
		}
		bpf_spin_unlock(&bucket->lock);
	}
	return result;
}

/* Writes the whole flow over the one with its key, if that was seen before it (or in any
 * case). Returns whether there is one. */
static __always_inline bool flow_overwrite(const struct bg_place *place, const struct bg_flow *flow,
					   bool in_any_case)
{
	bool found = false;

	for (int which = 0; which < 2 && !found; which++) {
		struct bg_bucket *bucket = place_bucket(place, which);
		struct bg_flow *there;
		__u32 slot;

		if (!bucket)
			break;
		bpf_spin_lock(&bucket->lock);
		slot = bucket_slot(bucket, &flow->key, place->tag);
		if (slot < BG_BUCKET_FLOWS) {
			found = true;
			there = &bucket->flow[bound(unforeseen(slot), BG_BUCKET_FLOWS)];
			if (in_any_case || there->last_seen_ns < flow->last_seen_ns) {
				bucket_changes(bucket);
				*there = *flow;
				bucket_changes(bucket);
			}
		}
		bpf_spin_unlock(&bucket->lock);
	}
	return found;
}

/*
 * A flow out of another table comes into this one as it is. If this table has it as
 * well, the one that was seen last stays. `query` is room to work in, since the stack
 * is short. Returns enum bg_create_result.
 */
__noinline int flow_import(const struct bg_flow *flow, struct bg_flow_query *query)
{
	struct bg_new_flow new = {};
	int result;

	if (!flow || !query)
		return BG_CREATE_FULL;
	query->key = flow->key;
	query->now_ns = bpf_ktime_get_ns();
	if (flow_expired(flow, query->now_ns))
		return BG_CREATE_DONE;
	flow_place(&query->place, &query->key);
	if (flow_overwrite(&query->place, flow, false))
		return BG_CREATE_DONE;
	result = flow_create(query, &new);
	if (result != BG_CREATE_FULL)
		flow_overwrite(&query->place, flow, true);
	return result;
}

#endif
