/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Later fragments carry no ports: they take those that the first fragment of
 * their datagram left when it passed. Nothing is guessed.
 */
#ifndef BG_FRAGMENT_H
#define BG_FRAGMENT_H

#include "flow_table.h"

/* RFC 791 § 3.2: a datagram is given up after 15 s at the least; Linux: 30 s. */
#define FRAGMENT_TIMEOUT_NS (30 * NS_PER_S)

static __always_inline void fragment_key(struct bg_fragment_key *key,
					 const struct bg_packet *packet, __u32 branch_tag,
					 enum bg_direction direction)
{
	key->local = packet->local;
	key->remote = packet->remote;
	key->id = packet->fragment_id;
	key->protocol = packet->fragment_protocol;
	key->branch = branch_tag & 0x7fffff;
	key->direction = direction;
}

/* The first fragment passed: remember what the later ones lack. */
static __always_inline void fragment_remember(const struct bg_packet *packet, __u32 branch_tag,
					      enum bg_direction direction, __u64 now_ns)
{
	struct bg_fragment fragment = {
		.seen_ns = now_ns,
		.local_port = packet->local_port,
		.remote_port = packet->remote_port,
		.protocol = packet->protocol,
		.icmp_type = packet->icmp_type,
		.icmp_code = packet->icmp_code,
		.tracking = packet->tracking,
	};
	struct bg_fragment_key key = {};

	fragment_key(&key, packet, branch_tag, direction);
	bpf_map_update_elem(&fragments, &key, &fragment, BPF_ANY);
}

/* Fills in what a later fragment lacks; false when its first one was not seen. */
static __always_inline bool fragment_recall(struct bg_packet *packet, __u32 branch_tag,
					    enum bg_direction direction, __u64 now_ns)
{
	struct bg_fragment_key key = {};
	struct bg_fragment *fragment;

	fragment_key(&key, packet, branch_tag, direction);
	fragment = bpf_map_lookup_elem(&fragments, &key);
	if (!fragment || now_ns > fragment->seen_ns + FRAGMENT_TIMEOUT_NS)
		return false;
	packet->local_port = fragment->local_port;
	packet->remote_port = fragment->remote_port;
	packet->protocol = fragment->protocol;
	packet->icmp_type = fragment->icmp_type;
	packet->icmp_code = fragment->icmp_code;
	packet->tracking = fragment->tracking;
	return true;
}

#endif
