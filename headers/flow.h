/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The flow table: map `flows`, an ARRAY of buckets. A key hashes to two of them; its flow
 * lives in the first, or, where that has more than the other, in the second, and may
 * be moved to its other one to make room. A bucket has one lock. Packets of a flow in
 * steady state are looked up without it (`version`). The map is made mappable, though
 * nobody maps it: that puts its first byte on a page, and so each flow in lines of its own.
 *
 * Who gives way when both buckets are full is decided in them, without counters. A
 * branch's share is the bucket's slots ÷ the branches present in it, rounded up, the
 * newcomer counted:
 *
 *	1. a flow that is expired, then one that is closed
 *	2. of branches above their share, one that is half-open; the newcomer's own first
 *	3. of those, one of platform traffic
 *	4. of those but the newcomer's own, one that is assured; for a newcomer within its
 *	   share
 *	5. one of platform traffic, whoever's; for a newcomer that a rule admits
 *
 * Platform traffic pushes out no admitted flow of another branch. Probes have buckets
 * of their own, behind the others: they are always to be had.
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
	/* TCP, UDP: ports. ICMP echo and its like: the identifier in local_port; in
	 * remote_port the type of the request and, as BG_FLOW_KEY_EGRESS, who asked
	 * (host order). Others: 0. */
	__be16 local_port;
	__be16 remote_port;
	__u32 protocol : 8; /* IP protocol number; 0 = the slot is free */
	__u32 branch : 24;  /* bg_branch.tag, or that and BG_FLOW_KEY_PROBE */
};
BG_ASSERT_SIZE(struct bg_flow_key, 40);

/* Both ends may ping with one identifier: the two directions of echo are two flows. */
#define BG_FLOW_KEY_EGRESS 0x100

/* The flow of a probe: not one that the branch has by the same addresses and ports. Tags
 * are below it. */
#define BG_FLOW_KEY_PROBE 0x800000

static inline __u32 bg_flow_tag(const struct bg_flow_key *key)
{
	return key->branch & ~BG_FLOW_KEY_PROBE;
}

/* The type of the request to which a flow of ICMP belongs. */
static inline __u8 bg_flow_icmp_type(const struct bg_flow_key *key)
{
	return key->remote_port & (BG_FLOW_KEY_EGRESS - 1);
}

enum bg_flow_flag {
	BG_FLOW_EGRESS = 1 << 0,	  /* the pod opened it; else the remote did */
	BG_FLOW_REPLIED = 1 << 1,	  /* a packet of the other direction was seen */
	BG_FLOW_ASSURED = 1 << 2,	  /* and then one of the first direction again */
	BG_FLOW_FIN_LOCAL = 1 << 3,	  /* the pod sent FIN */
	BG_FLOW_FIN_REMOTE = 1 << 4,	  /* the remote sent FIN */
	BG_FLOW_RESET = 1 << 5,		  /* either sent RST, and not both have gone on since */
	BG_FLOW_MIDSTREAM = 1 << 6,	  /* taken up without its SYN */
	BG_FLOW_PROBE = 1 << 7,		  /* a local probe, on the short way */
	BG_FLOW_PLATFORM = 1 << 8,	  /* admitted as platform traffic, not by a rule */
	BG_FLOW_LOCAL_SERVICE = 1 << 9,	  /* to a node-local service */
	BG_FLOW_STACK = 1 << 10,	  /* its egress packets come through the node's stack */
	BG_FLOW_PRIMARY = 1 << 11,	  /* it came in by the primary interface: the node's */
	BG_FLOW_AWAY = 1 << 12,		  /* it is in its second bucket */
	BG_FLOW_RESUMED_LOCAL = 1 << 13,  /* since the RST: the pod has sent on, */
	BG_FLOW_RESUMED_REMOTE = 1 << 14, /* the remote has */
	BG_FLOW_NEXT = 1 << 15,		  /* `next` has a connection that may follow */
};

/* A new SYN on the ports of a flow that lives: the rules have admitted it. It becomes
 * the flow when its handshake is complete; until then the old one goes on. */
struct bg_flow_next {
	__u64 since_ns; /* when its SYN was seen last */
	__be32 isn;
	__u32 rule;
	__u32 revision;
	__u32 flags; /* enum bg_flow_flag; REPLIED: its SYN-ACK was seen */
};

struct bg_flow {
	/* what every packet looks at: one cache line */
	struct bg_flow_key key;
	__u64 last_seen_ns; /* CLOCK_MONOTONIC, to the tick */
	__u32 timeout_s;    /* idle time after which the flow is no more */
	__u32 checked;	    /* revision for which `local` was last found on the branch */
	__u32 flags;	    /* enum bg_flow_flag */
	__u32 rule;	    /* number in map `rules` that admitted it, 0 = none */
	/* and another one */
	__u64 bytes[BG_DIRECTIONS];
	__u32 packets[BG_DIRECTIONS];
	__u64 created_ns; /* by the same clock */
	__u32 revision;	  /* that admitted it (under "revalidate": last confirmed it) */
	__be32 isn;	  /* sequence number of the SYN that opened it; MIDSTREAM: 0 */
	struct bg_flow_next next;
};
BG_ASSERT_SIZE(struct bg_flow, 128);

#define BG_BUCKET_FLOWS 8

struct bg_bucket {
	struct bpf_spin_lock lock;
	__u32 away;    /* so many flows whose first bucket this is are in their second */
	__u32 version; /* odd while a slot is being written; readers without lock check it */
	__u32 pad;
	__u16 tag[BG_BUCKET_FLOWS]; /* of the key's hash; 0 = free */
	__u32 pad_line[8];
	struct bg_flow flow[BG_BUCKET_FLOWS];
};
BG_ASSERT_SIZE(struct bg_bucket, 1088);

/* The last buckets of `flows`, for probes alone. */
#define BG_PROBE_BUCKETS 256

/*
 * Flows that the loader brings into the table (program tc_import_flows): as one packet,
 * of which the kernel takes the first bytes for an Ethernet header.
 */
#define BG_IMPORT_HEADER_BYTES 16
#define BG_IMPORT_FLOWS 24

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
