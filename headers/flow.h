/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table: map `flows`, an ARRAY of buckets. A flow lives in the bucket
 * that its key hashes to, or, when that one was full of assured flows, in the
 * bucket of the second hash. A bucket has one lock; slots never move. Packets of
 * a flow in steady state are looked up without the lock (`version`).
 *
 * Who gives way when a bucket is full, in this order: an expired flow, the
 * oldest half-open flow of the same branch, the oldest half-open flow of any
 * branch. Assured flows never do: a flood of half-open flows is confined to
 * the slots that assured flows leave, and first to its own branch's.
 */
#ifndef BG_FLOW_H
#define BG_FLOW_H

#include "types.h"

#include <linux/bpf.h>

/*
 * Normalized: the pod's address and port are `local` in both directions, so one
 * look-up finds a flow from either side.
 */
struct bg_flow_key {
	struct bg_addr local;
	struct bg_addr remote;
	/* TCP, UDP: ports. ICMP echo and its like: the identifier in local_port,
	 * the type of the request in remote_port (host order). Others: 0. */
	__be16 local_port;
	__be16 remote_port;
	__u32 protocol : 8; /* IP protocol number; 0 = the slot is free */
	__u32 branch : 24;  /* bg_branch.tag */
};
BG_ASSERT_SIZE(struct bg_flow_key, 40);

enum bg_flow_flag {
	BG_FLOW_EGRESS = 1 << 0,	/* the pod opened it; else the remote did */
	BG_FLOW_REPLIED = 1 << 1,	/* a packet of the other direction was seen */
	BG_FLOW_ASSURED = 1 << 2,	/* and then one of the first direction again */
	BG_FLOW_FIN_LOCAL = 1 << 3,	/* the pod sent FIN */
	BG_FLOW_FIN_REMOTE = 1 << 4,	/* the remote sent FIN */
	BG_FLOW_RESET = 1 << 5,		/* either sent RST */
	BG_FLOW_MIDSTREAM = 1 << 6,	/* taken up without its SYN */
	BG_FLOW_PROBE = 1 << 7,		/* a local probe, on the short way */
	BG_FLOW_PLATFORM = 1 << 8,	/* admitted as platform traffic, not by a rule */
	BG_FLOW_LOCAL_SERVICE = 1 << 9, /* to a node-local service */
	BG_FLOW_STACK = 1 << 10,	/* its egress packets come through the node's stack */
	BG_FLOW_PRIMARY = 1 << 11,	/* it came in by the primary interface: the node's */
};

struct bg_flow {
	struct bg_flow_key key;
	__u64 created_ns;   /* CLOCK_MONOTONIC, to the tick */
	__u64 last_seen_ns; /* by the same clock */
	__u64 bytes[BG_DIRECTIONS];
	__u32 packets[BG_DIRECTIONS];
	__u32 timeout_s; /* idle time after which the flow is no more */
	__u32 rule;	 /* number in map `rules` that admitted it, 0 = none */
	__u32 revision;	 /* that admitted it (under "revalidate": last confirmed it) */
	__u32 checked;	 /* revision for which `local` was last found on the branch */
	__u16 flags;	 /* enum bg_flow_flag */
	__u16 pad[3];
};
BG_ASSERT_SIZE(struct bg_flow, 104);

#define BG_BUCKET_FLOWS 8

struct bg_bucket {
	struct bpf_spin_lock lock;
	__u16 overflowed; /* a flow of this bucket went to its second one */
	__u16 chosen;	  /* scratch of whoever holds the lock */
	__u32 version;	  /* odd while a slot is being written; readers without lock check it */
	__u32 pad;
	__u16 tag[BG_BUCKET_FLOWS]; /* of the key's hash; 0 = free */
	struct bg_flow flow[BG_BUCKET_FLOWS];
};
BG_ASSERT_SIZE(struct bg_bucket, 864);

/*
 * Flows that the loader brings into the table (program tc_import_flows): as one packet,
 * of which the kernel takes the first bytes for an Ethernet header.
 */
#define BG_IMPORT_HEADER_BYTES 16
#define BG_IMPORT_FLOWS 32

/*
 * Ports of a datagram's first fragment, for the later ones: map `fragments`,
 * LRU_HASH, entries older than 30 s are ignored (RFC 791 reassembly time-out).
 */
struct bg_fragment_key {
	struct bg_addr local;
	struct bg_addr remote;
	__u32 id;	     /* as it stands in the header */
	__u32 protocol : 8;  /* as the fragment header names it */
	__u32 branch : 23;   /* low bits of bg_branch.tag */
	__u32 direction : 1; /* enum bg_direction */
};
BG_ASSERT_SIZE(struct bg_fragment_key, 40);

struct bg_fragment {
	__u64 seen_ns;
	__be16 local_port; /* as in bg_flow_key */
	__be16 remote_port;
	__u8 protocol; /* upper layer */
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 tracking; /* enum bg_tracking of bpf/packet.h */
};
BG_ASSERT_SIZE(struct bg_fragment, 16);

#endif
