/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The policy image: one revision of the feed, compiled, immutable.
 *
 * An image is a flat array of 32-bit cells in host byte order, cut into blocks
 * of 256 cells because a block is the value of the inner ARRAY map `image`.
 * "A cell index" below counts cells from the start of the image. Blocks past
 * `cells_used` are zero. Cell 0 belongs to the header, so index 0 never names
 * anything else and means "none".
 *
 * The way from packet to rule, always the same number of loads:
 *
 *	address --trie--> address class
 *	(protocol, port) --vector `services`--> service class, 0 = no rule has it
 *	(policy, address class) --vector `rows`--> row, 0 = nothing allowed
 *	(row, service class) --vector--> rule number, 0 = none
 *
 * A class is a set of points that no rule tells apart (Gupta & McKeown,
 * "Packet classification on multiple fields", SIGCOMM 1999).
 */
#ifndef BG_IMAGE_H
#define BG_IMAGE_H

#include "protocol.h"
#include "types.h"

#define BG_IMAGE_MAGIC 0x62676931 /* "bgi1" */

#define BG_BLOCK_CELLS 256
#define BG_BLOCK_SHIFT 8

/* Value of the inner map. */
struct bg_block {
	__u32 cell[BG_BLOCK_CELLS];
};
BG_ASSERT_SIZE(struct bg_block, 1024);

/*
 * A vector is a two-level array of cells, index → value. Its head is a run of
 * cells, each the cell index of a chunk of 64 values (the last one may be as
 * short as the vector ends). Equal chunks are stored once, and so are equal
 * heads. Neither is aligned: a run may cross from one block into the next. "A
 * vector" as a value is the cell index of its head; the reader knows the length.
 *
 *	value = cell[cell[head + index / 64] + index % 64]
 *
 * A head cell is never 0: an all-zero chunk is stored too (once).
 */
#define BG_CHUNK_CELLS 64
#define BG_CHUNK_SHIFT 6

/*
 * Address tries: the first 16 bits pick an entry in a root, then 4 bits a step,
 * path-compressed. An entry is one of
 *	a leaf: BG_LEAF | address class
 *	a short list of prefixes, the only ones here: BG_SHORTLIST |
 *	(count - 1) << BG_SHORTLIST_COUNT_SHIFT | record; record n starts at cell
 *	n * 8, the others follow
 *	a node and the nibble it branches on: nibble << BG_NIBBLE_SHIFT | node; node n
 *	starts at cell n * 32
 * Nodes are aligned to their size and short lists do not cross from one block into
 * the next: one block holds a node, or a list.
 *
 * A key is the address as 128 bits in host order, `hi` and `lo`. IPv4 stands in
 * the upper 32 bits of `hi`, the rest is 0; each family has its root:
 *
 *	entry = cell[header.trie4 or trie6 + (hi >> 48)]	(65536 cells)
 *
 * A node that branches on nibble k (bits 4k to 4k + 3, k from 4 to 31) is entered
 * only by keys that share its first 4k bits; those that do not leave with `miss`:
 *
 *	while entry is a node:
 *		if ((hi ^ key_hi) & mask_hi) | ((lo ^ key_lo) & mask_lo): entry = miss; break
 *		entry = child[((k < 16 ? hi : lo) >> (60 - k % 16 * 4)) & 15]
 *
 * The nibble stands in the entry and not in the node, so that a CPU can fetch the
 * node's key and the child at the same time. `miss` is always a leaf. k grows at
 * every step, so there are at most 28.
 *
 * The prefixes of a short list are compared one by one: they stand side by side,
 * which costs one access to memory that nobody has touched lately where nodes cost
 * one a step, and less room. Of those that cover the key the last one is the most
 * specific. The search ends there, `hit` and `miss` are leaves:
 *
 *	entry = miss of the first
 *	for each entry of the list:
 *		if !((hi ^ key_hi) >> hi_shift | (lo ^ key_lo) >> lo_shift[0] >> lo_shift[1]):
 *			entry = hit
 */
#define BG_LEAF 0x80000000u
#define BG_SHORTLIST 0x40000000u
#define BG_SHORTLIST_MOST 8
#define BG_SHORTLIST_COUNT_SHIFT 25
#define BG_SHORTLIST_MASK 0x01ffffffu
#define BG_SHORTLIST_CELLS 8
#define BG_SHORTLIST_SHIFT 3
#define BG_NODE_CELLS 32
#define BG_NODE_SHIFT 5
#define BG_NODE_MASK 0x007fffffu
#define BG_NIBBLE_SHIFT 23
#define BG_ROOT_CELLS 65536
#define BG_ROOT_BITS 16
#define BG_TRIE_MAX_STEPS 28

struct bg_node {
	__u64 key_hi;
	__u64 key_lo;
	__u64 mask_hi; /* the first 4k bits of 128 */
	__u64 mask_lo;
	__u32 miss; /* entry (a leaf) for keys that differ in the skipped bits */
	__u32 pad[7];
	__u32 child[16];
};
BG_ASSERT_SIZE(struct bg_node, BG_NODE_CELLS * sizeof(__u32));

/* An entry of a short list: at most 8 prefixes that are compared one by one instead
 * of walked as a trie. */
struct bg_shortlist_entry {
	__u64 key_hi;
	__u64 key_lo;
	__u32 hit;	  /* entry (a leaf) for keys that the prefix covers */
	__u32 miss;	  /* of the first one: for keys that none covers */
	__u8 hi_shift;	  /* how many low bits of hi do not count, at most 48 */
	__u8 lo_shift[2]; /* and of lo: the sum of the two, since it may be 64 */
	__u8 pad[5];
};
BG_ASSERT_SIZE(struct bg_shortlist_entry, BG_SHORTLIST_CELLS * sizeof(__u32));

static inline __u32 bg_shortlist_count(__u32 entry)
{
	return (entry >> BG_SHORTLIST_COUNT_SHIFT & (BG_SHORTLIST_MOST - 1)) + 1;
}

/* Does the prefix cover the key? Without branches: lengths are at random. */
static inline int bg_shortlist_covers(const struct bg_shortlist_entry *entry, __u64 hi, __u64 lo)
{
	return !((hi ^ entry->key_hi) >> (entry->hi_shift & 63) |
		 (lo ^ entry->key_lo) >> (entry->lo_shift[0] & 63) >> (entry->lo_shift[1] & 63));
}

/* What a node's entry branches on: in which half of the key, and how far up. */
static inline int bg_entry_in_lo(__u32 entry)
{
	return entry >> (BG_NIBBLE_SHIFT + 4) & 1;
}

static inline __u32 bg_entry_shift(__u32 entry)
{
	return 60 - ((entry >> BG_NIBBLE_SHIFT & 15) << 2);
}

/*
 * What an address class is besides its rules: one cell a class, at
 * header.class_info + class. Bits 0-11: VLAN id of the branch that owns these
 * addresses, 0 = no branch of this node.
 */
#define BG_CLASS_VLAN_MASK 0x00000fffu
enum bg_class_flag {
	BG_CLASS_VPC = 1 << 12,		  /* in VpcCidrs */
	BG_CLASS_SERVICE = 1 << 13,	  /* in ServiceCidrs */
	BG_CLASS_NODE = 1 << 14,	  /* in Node.Addresses */
	BG_CLASS_EXCLUDE_SNAT = 1 << 15,  /* in ExcludeSnatCidrs */
	BG_CLASS_DNS = 1 << 16,		  /* VPC resolver: UDP and TCP 53 pass */
	BG_CLASS_IMDS = 1 << 17,	  /* instance metadata: TCP 80 passes */
	BG_CLASS_ECS = 1 << 18,		  /* ECS task metadata: TCP 80 passes */
	BG_CLASS_TIME = 1 << 19,	  /* Time Sync: UDP 123 passes */
	BG_CLASS_KMS = 1 << 20,		  /* Windows activation: TCP 1688 passes */
	BG_CLASS_LOCAL_SERVICE = 1 << 21, /* address of a LocalServices entry */
	BG_CLASS_PROBE_SOURCE = 1 << 22,  /* in ProbeSources */
};

/* The five key spaces of services; the index within each is given behind it. */
enum bg_service_space {
	BG_SPACE_TCP = 0,    /* destination port */
	BG_SPACE_UDP = 1,    /* destination port */
	BG_SPACE_ICMP = 2,   /* type << 8 | code */
	BG_SPACE_ICMPV6 = 3, /* type << 8 | code */
	BG_SPACE_OTHER = 4,  /* protocol number, 256 values */
	BG_SPACES = 5,
};

static inline enum bg_service_space bg_space_of(int protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return BG_SPACE_TCP;
	case IPPROTO_UDP:
		return BG_SPACE_UDP;
	case IPPROTO_ICMP:
		return BG_SPACE_ICMP;
	case IPPROTO_ICMPV6:
		return BG_SPACE_ICMPV6;
	default:
		return BG_SPACE_OTHER;
	}
}

/* One direction of one set of groups. All zero = nothing is allowed. */
struct bg_policy {
	__u32 rows;		   /* vector: address class → row (itself a vector) */
	__u32 services[BG_SPACES]; /* vectors: index in the space → service class */
	__u32 pad[2];
};
BG_ASSERT_SIZE(struct bg_policy, 32);

/* Time-outs in seconds; EC2's ConnectionTracking and what it leaves open. */
struct bg_timeouts {
	__u32 tcp_half_open_s;	 /* before three-way traffic */
	__u32 tcp_established_s; /* EC2: TcpEstablishedTimeout */
	__u32 tcp_closing_s;	 /* a FIN was seen */
	__u32 tcp_closed_s;	 /* RST, or FIN both ways */
	__u32 udp_s;		 /* one way; EC2: UdpTimeout */
	__u32 udp_stream_s;	 /* both ways, more than once; EC2: UdpStreamTimeout */
	__u32 icmp_s;
	__u32 other_s; /* EC2: 600 */
};
BG_ASSERT_SIZE(struct bg_timeouts, 32);

enum bg_branch_flag {
	/* packets that cross the branch must satisfy the node's groups too */
	BG_BRANCH_NODE_GROUPS = 1 << 0,
};

/*
 * Lists of services at addresses: fewer than BG_LIST_MOST entries of two cells,
 * ascending (first cell, then second), none twice:
 *	address class
 *	protocol << 16 | port (host order)
 */
#define BG_LIST_MOST 65536

/* A branch; 64 cells, aligned to its size. Found by header.branches + VLAN id. */
struct bg_branch {
	__u32 tag;   /* names the branch in flow keys; 24 bits, never reused */
	__u32 slot;  /* index of its counters */
	__u32 mode;  /* enum bg_mode */
	__u32 flags; /* enum bg_branch_flag */
	struct bg_policy policy[BG_DIRECTIONS];
	struct bg_timeouts timeouts;
	__u32 vlan;
	/* Declared probes: cell index of probe_count entries, by the pod's class. */
	__u32 probes;
	__u32 probe_count;
	__u32 pad;
	/* An address of the branch for each family, IPv4 (mapped) first, all 0 = none:
	 * a branch has one pod as a rule, and its address need not be looked up. */
	struct bg_addr first_local[2];
	__u32 pad2[24];
};
BG_ASSERT_SIZE(struct bg_branch, 256);
#define BG_BRANCH_CELLS 64

enum bg_header_flag {
	BG_NODE_REVALIDATE = 1 << 0,	  /* EstablishedFlows: "revalidate" */
	BG_NODE_FILTER_PLATFORM = 1 << 1, /* PlatformTraffic: "filter" */
	BG_NODE_EXTERNAL_SNAT = 1 << 2,	  /* ExternalSnat */
	BG_NODE_PER_INTERFACE = 1 << 3,	  /* StandardMode: "per-interface" */
	BG_NODE_HAS_GROUPS = 1 << 4,	  /* Node.GroupIds is given */
	BG_NODE_STANDARD = 1 << 5,	  /* a branch is standard */
};

/* Block 0. */
struct bg_header {
	__u32 magic;
	__u32 abi;
	__u32 revision; /* number of the accepted revision, from 1, never reused */
	__u32 flags;	/* enum bg_header_flag */
	__u32 cells_used;
	__u32 classes;		   /* address classes; class 0 is "no rule names it" */
	__u32 trie4;		   /* cell index of BG_ROOT_CELLS entries, IPv4 */
	__u32 trie6;		   /* and IPv6 */
	__u32 class_info;	   /* cell index of `classes` cells */
	__u32 branches;		   /* cell index of BG_VLANS cells: bg_branch or 0 */
	__u32 local_services;	   /* cell index of local_service_count entries */
	__u32 local_service_count; /* by the service's class */
	struct bg_policy node_policy[BG_DIRECTIONS]; /* Node.GroupIds */
	struct bg_timeouts node_timeouts; /* of flows that standard pods have as the node */
	__u32 pad[220];
};
BG_ASSERT_SIZE(struct bg_header, sizeof(struct bg_block));

#endif
