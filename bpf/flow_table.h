/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table (headers/flow.h): look up and renew. flow_bucket.h says where a flow is,
 * flow_create.h creates, flow_room.h decides who gives way. Whatever stands between lock and
 * unlock is inlined and calls nothing: kernels before 6.10 allow no call with a spin lock
 * held.
 *
 * A packet that changes nothing but counters and clock is looked up without the lock
 * (flow_hit(), flow_peek()). Why that finds nothing that was not there, and misses nothing
 * that is, on any machine that Linux runs on:
 *
 *  - Whoever writes a slot holds the bucket's lock and makes `version` odd before and even
 *    after, by add_in_order(): who sees anything of what is written in between also sees
 *    one of the two in `version`, if it reads that later. A reader reads `version`, then
 *    all else, then `version` again, with read_in_order() in between. Found twice the same
 *    and even, what it has read was there at once; else it has seen nothing, and
 *    flow_find() looks with the lock.
 *  - What is written beside that (flow_is_used(): flags, clock, time-out) belongs to the
 *    same flow before and after, each in one store. A reader may see one of them new and
 *    another old, as if its packet had come between two others.
 *  - A look goes to the first bucket, then, if `away` says that some of its flows are not
 *    in it, to the second. A flow that goes to its second one is counted in `away` first,
 *    then written there, then overwritten here, each in order: who does not find it here
 *    any more has seen the last of these or, by `version`, is told to look again; then it
 *    sees the two before as well. One that comes home is written here first, then overwritten
 *    there, and then `away` goes down: who found it nowhere, or was not sent on because
 *    `away` is 0, finds that the first bucket's `version` has moved, or had read it when
 *    the flow was back already. So a look that finds nothing compares that once more,
 *    when it has been at the second bucket (first_has_changed()).
 *  - Locks order by themselves (acquire, release): flow_find() needs the last of these only.
 *  - Clock and counters are written by readers, into a slot that may have become another
 *    flow's meanwhile: that one is seen a tick later or a packet more than it was. Counters
 *    are kept by direction, and the packets of one direction come on one CPU; should they
 *    not, a count may be lost. None of it changes a verdict.
 */
#ifndef BG_FLOW_TABLE_H
#define BG_FLOW_TABLE_H

#include "flow_bucket.h"
#include "flow_state.h"

enum bg_flow_result {
	BG_FLOW_MISS = 0,
	BG_FLOW_HIT,
	/* there is one, but `local` was last checked under another revision:
	 * nothing was renewed, see flow_find() */
	BG_FLOW_UNCHECKED,
	/* of a look at one bucket: not here, but it may be in the other one */
	BG_FLOW_ELSEWHERE,
};

/* What flow_create.h is given of a new flow, */
struct bg_new_flow {
	__u32 timeout_s;
	__u32 rule;
	__u32 length_bytes;
	__u32 flags;	 /* enum bg_flow_flag */
	__u32 direction; /* enum bg_direction */
	__be32 isn;
};

/* and what it and its like work with: the stack is short. */
struct bg_flow_room {
	/* the best place so far, and what was there */
	__u64 best; /* its score, 0 = none */
	__u64 seen_created_ns;
	__u64 seen_last_ns;
	__u32 seen_flags;
	__u32 seen_tag;
	__u32 which;
	__u32 slot;
	/* of the bucket that is looked at */
	__u32 share;
	__u32 mine;
	__u32 idle;
	/* who was in the way */
	__u32 displaced_was_away;
	struct bg_flow_key displaced;
	struct bg_place displaced_place;
	/* who is moved, from which bucket of the new one's, into that with this index */
	__u32 from_which;
	__u32 from_slot;
	__u32 to_index;
	struct bg_place moved_place;
	struct bg_flow moved;
};

/* Of a packet that is not judged: flow_find() does not ask under which revision the flow was
 * checked. None has this number. */
#define BG_ANY_REVISION 0

/* What flow_find() needs to know, and what it finds. */
struct bg_flow_query {
	struct bg_flow_key key;
	struct bg_place place;
	struct bg_timeouts timeouts; /* of the branch */
	__u64 now_ns;
	__u32 revision;	   /* under which the packet is judged, or BG_ANY_REVISION */
	__u32 set_flags;   /* that a hit or a new flow gets, */
	__u32 clear_flags; /* and that a hit loses; enum bg_flow_flag */
	/* answer */
	__u32 rule;
	__u32 flags;
	/* scratch */
	__u32 first_version; /* of the first bucket, when it was looked at */
	struct bg_new_flow new;
	struct bg_flow_room room;
};

/* After a look at both buckets that found nothing: may what was in the second have come
 * to the first meanwhile? */
static __always_inline bool first_has_changed(const struct bg_flow_query *query)
{
	struct bg_bucket *first = place_bucket(&query->place, 0);

	return first && read_once(first->version) != query->first_version;
}

/* What the flags of a flow are after this packet. */
static __always_inline __u32 flow_flags_after(__u32 flags, const struct bg_flow_query *query,
					      const struct bg_packet *packet,
					      enum bg_direction direction)
{
	/* who opened it, and where, was said when it began: answers come in by the primary
	 * interface too */
	flags = (flags & ~query->clear_flags) | (query->set_flags & ~BG_FLOW_PRIMARY);
	return flow_next_flags(flags, packet->tcp_flags, direction);
}

static __always_inline void flow_count(struct bg_flow *flow, const struct bg_packet *packet,
				       enum bg_direction direction)
{
	flow->packets[bound(direction, BG_DIRECTIONS)]++;
	flow->bytes[bound(direction, BG_DIRECTIONS)] += packet->length_bytes;
}

/* BG_FLOW_HIT: the packet is the flow's, and changes nothing but counters and clock. */
static __always_inline enum bg_flow_result flow_in_steady_state(const struct bg_flow *flow,
								struct bg_flow_query *query,
								const struct bg_packet *packet,
								enum bg_direction direction)
{
	__u32 flags = flow->flags;

	query->rule = flow->rule;
	query->flags = flags;
	if (flow_expired(flow, query->now_ns) || !flow_takes(flow, flags, packet, direction))
		return BG_FLOW_MISS;
	if (flow->checked != query->revision || flags & BG_FLOW_NEXT ||
	    flow_flags_after(flags, query, packet, direction) != flags)
		return BG_FLOW_UNCHECKED;
	return BG_FLOW_HIT;
}

/* A look at one of the two buckets, without the lock. */
static __always_inline enum bg_flow_result flow_hit_in(struct bg_flow_query *query,
						       const struct bg_packet *packet,
						       enum bg_direction direction, int which)
{
	struct bg_bucket *bucket = place_bucket(&query->place, which);
	enum bg_flow_result result = BG_FLOW_ELSEWHERE;
	struct bg_flow *flow;
	__u32 version, slot;

	if (!bucket)
		return BG_FLOW_MISS;
	version = read_once(bucket->version);
	read_in_order();
	slot = bucket_slot(bucket, &query->key, query->place.tag);
	flow = &bucket->flow[bound(slot, BG_BUCKET_FLOWS)];
	if (slot < BG_BUCKET_FLOWS)
		result = flow_in_steady_state(flow, query, packet, direction);
	else if (!which && !bucket->away)
		result = BG_FLOW_MISS;
	/* what it is now settles what follows: once for all ways that led here */
	result = unforeseen(result);
	read_in_order();
	if (version & 1 || read_once(bucket->version) != version)
		return BG_FLOW_UNCHECKED;
	if (result == BG_FLOW_HIT) {
		if (flow->last_seen_ns != query->now_ns)
			flow->last_seen_ns = query->now_ns;
		flow_count(flow, packet, direction);
	}
	if (!which)
		query->first_version = version;
	return result;
}

/*
 * Global functions, as this one, are verified once on their own; none of the pointers is
 * ever NULL, but the verifier asks.
 */
__noinline int flow_hit_second(struct bg_flow_query *query, const struct bg_packet *packet,
			       enum bg_direction direction)
{
	enum bg_flow_result result;

	if (!query || !packet)
		return BG_FLOW_MISS;
	result = flow_hit_in(query, packet, direction, 1);
	if (result != BG_FLOW_ELSEWHERE)
		return result;
	read_in_order();
	return first_has_changed(query) ? BG_FLOW_UNCHECKED : BG_FLOW_MISS;
}

/* The fast look-up. BG_FLOW_UNCHECKED: flow_find() must look, with the lock. */
static __always_inline enum bg_flow_result
flow_hit(struct bg_flow_query *query, const struct bg_packet *packet, enum bg_direction direction)
{
	enum bg_flow_result result = flow_hit_in(query, packet, direction, 0);

	return result == BG_FLOW_ELSEWHERE ? flow_hit_second(query, packet, direction) : result;
}

/*
 * A connection may follow that of this flow: how far is its handshake? Its last packet
 * makes it the flow, of which nothing of the old one's remains. With the lock held.
 */
static __always_inline void flow_follow(struct bg_bucket *bucket, struct bg_flow *flow,
					const struct bg_flow_query *query,
					const struct bg_packet *packet, enum bg_direction direction)
{
	struct bg_flow_next *next = &flow->next;
	bool from_opener = flow_direction(next->flags) == direction;
	/* another CPU's clock may be a tick ahead */
	__s64 since_ns = query->now_ns - next->since_ns;

	if (since_ns > (__s64)(query->timeouts.tcp_half_open_s * NS_PER_S)) {
		flow->flags &= ~BG_FLOW_NEXT;
		return;
	}
	if (!from_opener) {
		if ((packet->tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) &&
		    bpf_ntohl(packet->tcp_ack) == bpf_ntohl(next->isn) + 1)
			next->flags |= BG_FLOW_REPLIED;
		return;
	}
	if (!(next->flags & BG_FLOW_REPLIED) || packet->tcp_flags & (TCP_SYN | TCP_RST))
		return;
	bucket_changes(bucket);
	flow->flags = (flow->flags & BG_FLOW_AWAY) | next->flags;
	flow->rule = next->rule;
	flow->revision = next->revision;
	/* another one may be in force by now: then it is reviewed at once */
	flow->checked = next->revision;
	flow->isn = next->isn;
	flow->created_ns = next->since_ns;
	flow->bytes[BG_INGRESS] = flow->bytes[BG_EGRESS] = 0;
	flow->packets[BG_INGRESS] = flow->packets[BG_EGRESS] = 0;
	bucket_changes(bucket);
}

/* A packet comes for the flow that has its key: is it the flow's, and may the flow
 * live? Then it is counted and moves the flow's state. With the lock held. */
static __always_inline enum bg_flow_result
flow_is_used(struct bg_bucket *bucket, struct bg_flow *flow, struct bg_flow_query *query,
	     const struct bg_packet *packet, enum bg_direction direction)
{
	if (flow_expired(flow, query->now_ns) || !flow_takes(flow, flow->flags, packet, direction))
		return BG_FLOW_MISS;
	if (query->revision == BG_ANY_REVISION)
		query->revision = flow->checked;
	if (flow->checked == query->revision && flow->flags & BG_FLOW_NEXT)
		flow_follow(bucket, flow, query, packet, direction);
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

/* A look at one of the two buckets, with its lock. */
__noinline int flow_find_in(struct bg_flow_query *query, const struct bg_packet *packet,
			    enum bg_direction direction, int which)
{
	enum bg_flow_result result = BG_FLOW_ELSEWHERE;
	struct bg_bucket *bucket;
	__u32 slot;

	if (!query || !packet)
		return BG_FLOW_MISS;
	bucket = place_bucket(&query->place, which);
	if (!bucket)
		return BG_FLOW_MISS;
	bpf_spin_lock(&bucket->lock);
	slot = bucket_slot(bucket, &query->key, query->place.tag);
	if (slot < BG_BUCKET_FLOWS) {
		result = flow_is_used(bucket, &bucket->flow[bound(slot, BG_BUCKET_FLOWS)], query,
				      packet, direction);
	} else if (!which) {
		query->first_version = bucket->version;
		if (!bucket->away)
			result = BG_FLOW_MISS;
	}
	bpf_spin_unlock(&bucket->lock);
	return result;
}

/* A look at both buckets may miss a flow that is moved from the second to the first
 * meanwhile: so often it is looked for again. */
#define FLOW_LOOKS 3

/*
 * For packets that change a flow's state. BG_FLOW_UNCHECKED: the caller makes sure that
 * the flow may live under this revision, calls flow_confirm() and looks again.
 */
static __always_inline enum bg_flow_result
flow_find(struct bg_flow_query *query, const struct bg_packet *packet, enum bg_direction direction)
{
	for (int look = 0; look < FLOW_LOOKS; look++) {
		int result = flow_find_in(query, packet, direction, 0);

		if (result == BG_FLOW_ELSEWHERE)
			result = flow_find_in(query, packet, direction, 1);
		if (result != BG_FLOW_ELSEWHERE)
			return result;
		if (!first_has_changed(query))
			break;
	}
	return BG_FLOW_MISS;
}

/* What flow_confirm() does to a flow. */
enum bg_flow_change {
	BG_FLOW_KEEP,	 /* it may live on under this revision */
	BG_FLOW_READMIT, /* the rules of this revision admit it, by `rule` */
	BG_FLOW_FORGET,	 /* it may not live on */
};

__noinline int flow_confirm_in(const struct bg_flow_query *query, enum bg_flow_change change,
			       __u32 rule, int which)
{
	bool gone_from_second = false;
	struct bg_bucket *bucket;
	struct bg_flow *flow;
	__u32 slot;

	if (!query)
		return 0;
	bucket = place_bucket(&query->place, which);
	if (!bucket)
		return 0;
	bpf_spin_lock(&bucket->lock);
	slot = bucket_slot(bucket, &query->key, query->place.tag);
	if (slot < BG_BUCKET_FLOWS) {
		slot = bound(unforeseen(slot), BG_BUCKET_FLOWS);
		flow = &bucket->flow[slot];
		if (change == BG_FLOW_FORGET) {
			gone_from_second = flow->flags & BG_FLOW_AWAY;
			bucket_clear(bucket, slot);
		} else {
			bucket_changes(bucket);
			if (change == BG_FLOW_READMIT) {
				flow->rule = rule;
				flow->revision = query->revision;
			}
			flow->checked = query->revision;
			bucket_changes(bucket);
		}
	}
	bpf_spin_unlock(&bucket->lock);
	if (gone_from_second)
		bucket_away(query->place.first, -1);
	return 0;
}

/* In both buckets: while it is moved, it is in both. */
static __always_inline void flow_confirm(const struct bg_flow_query *query,
					 enum bg_flow_change change, __u32 rule)
{
	flow_confirm_in(query, change, rule, 0);
	flow_confirm_in(query, change, rule, 1);
}

/* What flow_peek() says when there are no flags to tell. */
enum bg_peek {
	BG_PEEK_NONE = -1,
	BG_PEEK_ELSEWHERE = -2, /* not here, but it may be in the other bucket */
	BG_PEEK_AGAIN = -3,	/* somebody has written meanwhile */
};

__noinline int flow_peek_in(struct bg_flow_query *query, const struct bg_packet *packet,
			    enum bg_direction direction, int which)
{
	const struct bg_flow *flow;
	int result = BG_PEEK_ELSEWHERE;
	struct bg_bucket *bucket;
	__u32 version, slot;

	if (!query || !packet)
		return BG_PEEK_NONE;
	bucket = place_bucket(&query->place, which);
	if (!bucket)
		return BG_PEEK_NONE;
	version = read_once(bucket->version);
	read_in_order();
	slot = bucket_slot(bucket, &query->key, query->place.tag);
	flow = &bucket->flow[bound(slot, BG_BUCKET_FLOWS)];
	if (slot < BG_BUCKET_FLOWS) {
		result = flow->flags;
		if (flow_expired(flow, query->now_ns) ||
		    !flow_takes(flow, flow->flags, packet, direction))
			result = BG_PEEK_NONE;
	} else if (!which && !bucket->away) {
		result = BG_PEEK_NONE;
	}
	read_in_order();
	if (version & 1 || read_once(bucket->version) != version)
		return BG_PEEK_AGAIN;
	if (!which)
		query->first_version = version;
	else if (result == BG_PEEK_ELSEWHERE)
		result = first_has_changed(query) ? BG_PEEK_AGAIN : BG_PEEK_NONE;
	return result;
}

/* The flags of the live flow that has query->key and takes the packet, BG_PEEK_NONE = there
 * is none. Renews nothing; without the lock. */
__noinline int flow_peek(struct bg_flow_query *query, const struct bg_packet *packet,
			 enum bg_direction direction)
{
	if (!query || !packet)
		return BG_PEEK_NONE;
	flow_place(&query->place, &query->key);
	for (int look = 0; look < FLOW_LOOKS; look++) {
		int result = flow_peek_in(query, packet, direction, 0);

		if (result == BG_PEEK_ELSEWHERE)
			result = flow_peek_in(query, packet, direction, 1);
		if (result != BG_PEEK_AGAIN)
			return result;
	}
	return BG_PEEK_NONE;
}

#endif
