/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a flow is: its key, its two buckets, its slot, and how a slot is written so that a
 * reader without lock sees it (flow_table.h has the argument).
 */
#ifndef BG_FLOW_BUCKET_H
#define BG_FLOW_BUCKET_H

#include "config.h"
#include "maps.bpf.h"
#include "memory_order.h"
#include "packet.h"
#include "verifier.h"

/* Odd constants with no structure: fractional parts of square roots (as SHA-2). */
#define HASH_0 0x6a09e667f3bcc909ull
#define HASH_1 0xbb67ae8584caa73bull
#define HASH_2 0x3c6ef372fe94f82bull
#define HASH_3 0xa54ff53a5f1d36f1ull
#define HASH_4 0x510e527fade682d1ull

struct bg_place {
	__u32 first, second; /* buckets */
	__u16 tag;	     /* never 0 */
	__u64 hash;	     /* all of it, for who keeps things elsewhere */
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
	__u32 mask = flow_mask, base = 0;
	__u64 hash;

	hash = (word[0] + (hash_seed ^ HASH_0)) * (word[1] + (hash_seed ^ HASH_1)) +
	       (word[2] + (hash_seed ^ HASH_2)) * (word[3] + (hash_seed ^ HASH_3)) +
	       (word[4] ^ hash_seed) * HASH_4;
	hash ^= hash >> 32;
	hash *= HASH_1;
	hash ^= hash >> 29;
	if (key->branch & BG_FLOW_KEY_PROBE) {
		mask = BG_PROBE_BUCKETS - 1;
		base = flow_mask + 1;
	}
	place->first = base + (hash & mask);
	/* an odd distance: never the first again, unless there is but one */
	place->second = base + ((hash + ((hash >> 24) | 1)) & mask);
	place->tag = (hash >> 48) | 1;
	place->hash = hash;
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

/* The number of the lowest one. */
static __always_inline __u32 lowest_lane(__u64 lanes)
{
	__u64 lowest = lanes & -lanes;

	return (lowest >> 31 & 1) + (lowest >> 47 & 1) * 2 + (lowest >> 63) * 3;
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
			__u32 slot = half * LANES_PER_WORD + lowest_lane(lanes);

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
	add_in_order(&bucket->version, 1);
}

/* With the lock held. */
static __always_inline void bucket_clear(struct bg_bucket *bucket, __u32 slot)
{
	bucket_changes(bucket);
	bucket->tag[slot] = 0;
	bucket->flow[slot].key.protocol = 0;
	bucket_changes(bucket);
}

/* One flow more (1) or less (-1) whose first bucket this is, and which is not in it.
 * More of them before the flow is written, less of them after it is gone. */
static __always_inline void bucket_away(__u32 index, int change)
{
	struct bg_bucket *bucket = flow_bucket(index);

	if (bucket)
		add_in_order(&bucket->away, change);
}

/* The bucket that may hold a key, first = 0, second = 1. */
static __always_inline struct bg_bucket *place_bucket(const struct bg_place *place, int which)
{
	return flow_bucket(which ? place->second : place->first);
}

#endif
