/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The node's own errors about what a strict pod has just sent: "time exceeded" of the first
 * hop, "too big" where the branch takes less than the veth. They are about packets that the
 * node's stack could not forward, so no verdict was given on them and no flow knows them:
 * by the fabric they would come back as errors about nothing. So what the stack may answer
 * like that is noted where the pod's packet goes to it, and an error about it goes straight
 * to the pod, one for each. Errors that nobody's packet has called for are not brought
 * there: the node has raw sockets, too.
 *
 * The notes stand in `fragments`, under the tag of no branch, which no fragment has: of each
 * address of a pod no more than SENT_MOST, whatever it sends, so that no pod pushes out other
 * pods' fragments by them. Where two meet, the error about the earlier one is lost.
 */
#ifndef BG_OWN_ERRORS_H
#define BG_OWN_ERRORS_H

#include "fragment.h"
#include "short_way.h"

/* The stack answers at once, or when a queue lets it. */
#define OWN_ERROR_TIMEOUT_NS (3 * NS_PER_S)

#define SENT_MOST 8

/* The note's key, and what tells it from others': both by the packet's flow, but for SENT_MOST
 * keys. c->flow.key is its key then. */
static __always_inline __u64 sent_key(struct bg_fragment_key *key, struct bg_case *c,
				      const struct bg_packet *packet)
{
	struct bg_place place;

	flow_key(&c->flow.key, packet, 0);
	flow_place(&place, &c->flow.key);
	key->local = packet->local;
	key->id = place.hash % SENT_MOST;
	key->direction = BG_EGRESS;
	return place.hash;
}

/* Of a note, in place of ports and the like. */
static __always_inline void *sent_hash(struct bg_fragment *sent)
{
	return (void *)sent + offsetof(struct bg_fragment, local_port);
}

/* A strict pod's packet goes to the stack: may an error come of it? `c` is never NULL. */
__noinline int note_sent(struct __sk_buff *ctx, struct bg_case *c)
{
	struct bg_fragment_key key = {};
	struct bg_fragment sent = {};
	struct bg_route *route;
	__u64 hash;
	__u32 vlan;

	if (!c || c->packet.fragment == BG_LATER_FRAGMENT || c->packet.tracking == BG_TRACK_NONE)
		return 0;
	vlan = c->verdict.vlan;
	route = bpf_map_lookup_elem(&fast_routes, &vlan);
	if (c->packet.hop_limit > 1 && (!route || !route->ifindex || fits(ctx, route->ifindex)))
		return 0;
	sent.seen_ns = case_clock_ns(c);
	hash = sent_key(&key, c, &c->packet);
	__builtin_memcpy(sent_hash(&sent), &hash, sizeof(hash));
	return !bpf_map_update_elem(&fragments, &key, &sent, BPF_ANY);
}

/* Is it an error about what a pod has just sent, the first one? `c` is never NULL. */
__noinline int is_error_about_sent(struct bg_case *c)
{
	const struct bg_packet *packet, *quoted;
	struct bg_fragment_key key = {};
	struct bg_fragment *sent;
	__u64 hash, noted;

	if (!c)
		return 0;
	packet = &c->packet;
	quoted = &c->quoted;
	if (quoted->fragment == BG_LATER_FRAGMENT || quoted->tracking == BG_TRACK_NONE ||
	    (BG_HALF(&quoted->local, 0) ^ BG_HALF(&packet->local, 0)) |
		    (BG_HALF(&quoted->local, 1) ^ BG_HALF(&packet->local, 1)))
		return 0;
	hash = sent_key(&key, c, quoted);
	sent = bpf_map_lookup_elem(&fragments, &key);
	if (!sent || case_clock_ns(c) > sent->seen_ns + OWN_ERROR_TIMEOUT_NS)
		return 0;
	__builtin_memcpy(&noted, sent_hash(sent), sizeof(noted));
	if (noted != hash)
		return 0;
	bpf_map_delete_elem(&fragments, &key);
	return 1;
}

#endif
