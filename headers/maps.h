/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keys and values of the other maps, and the names under which all are pinned
 * (PIN_DIR/maps/NAME). flow.h has the flow table, image.h the policy image.
 *
 * For people: a `bpftool map dump` prints what there is, and nothing else.
 *	branches	HASH			VLAN id			struct bg_branch_info
 *	ifaces		HASH			ifindex			struct bg_iface
 *	pods		HASH			struct bg_addr		struct bg_pod
 *	routes		HASH			VLAN id			struct bg_route_info
 *	rules		HASH			rule number		struct bg_rule
 *	former_rules	HASH			rule number		struct bg_rule
 *	counters	HASH			struct bg_counters_key	struct bg_counters_info
 *	node		ARRAY			0			struct bg_host
 *	control		ARRAY			0			struct bg_control
 *	home		ARRAY			0			struct bg_home
 *	revisions	HASH			revision		struct bg_revision
 *	pulse		ARRAY			0			struct bg_pulse
 *	sightings	HASH			struct bg_sighting_key	struct bg_sighting
 *
 * For programs: found without hashing, and so mostly empty.
 *	policy		ARRAY_OF_MAPS		0			map of struct bg_block
 *	fast_ifaces	ARRAY			ifindex % 1024		struct bg_iface
 *	fast_vlans	ARRAY			VLAN id			__u32 ifindex, 0 = not armed
 *	fast_routes	ARRAY			VLAN id			struct bg_route
 *	fast_counters	PERCPU_ARRAY		slot * 2 + direction	struct bg_counters
 *	flows		ARRAY			hash			struct bg_bucket
 *	fragments	LRU_HASH		struct bg_fragment_key	struct bg_fragment
 *	events		RINGBUF			-			struct bg_event
 *	trace		ARRAY			0			struct bg_trace
 *	image, config, seed: the map that `policy` holds, and the programs' read-only data
 *
 * Where a value has the same thing twice, once as text, the text is for people and
 * programs do not read it.
 */
#ifndef BG_MAPS_H
#define BG_MAPS_H

#include "reason.h"
#include "types.h"

/*
 * Which interface a program runs on. `ifaces` has them all; `fast_ifaces` has most
 * of them once more, direct-mapped by the low bits of the ifindex (an inlined array
 * look-up). Where two of them meet, the later one is found in `ifaces` alone. Whatever
 * is in `fast_ifaces` is in `ifaces`. Written by the loader, read by every program.
 */
#define BG_IFACES 1024
#define BG_IFACE_BYTES 16 /* of an interface's name, IFNAMSIZ */

enum bg_role {
	BG_ROLE_NONE = 0,
	BG_ROLE_BRANCH = 1, /* vlan.eth.N */
	BG_ROLE_TRUNK = 2,
	BG_ROLE_POD_STRICT = 3,	  /* host veth of a strict pod */
	BG_ROLE_POD_STANDARD = 4, /* host veth of a standard pod */
	BG_ROLE_PRIMARY = 5,
};

struct bg_iface {
	__u32 ifindex; /* 0 = free */
	enum bg_role role;
	__u32 vlan;			/* of a branch or a pod's branch */
	__u32 flags;			/* enum bg_iface_flag */
	char interface[BG_IFACE_BYTES]; /* its name when it was entered */
};
BG_ASSERT_SIZE(struct bg_iface, 32);

enum bg_iface_flag {
	/* somebody else's program runs behind ours at TC ingress: a redirect would
	 * pass it by, so packets keep to the stack */
	BG_IFACE_SHARED = 1 << 0,
	/* its clsact qdisc was made by us: `unload` takes it away again */
	BG_IFACE_OUR_QDISC = 1 << 1,
};

#define BG_TIME_BYTES 24 /* "2026-11-24T18:20:31Z" */
#define BG_ADDR_BYTES 40 /* the longest IPv6 address as text */
#define BG_MAC_BYTES 18	 /* "02:42:0a:00:2f:52" */

/* What a person wants to know of a branch; the datapath does not read it. */
struct bg_branch_info {
	char id[32]; /* "eni-0b2c" */
	char interface[BG_IFACE_BYTES];
	__u32 ifindex; /* 0 = absent */
	__u32 tag;
	__u32 slot;
	enum bg_mode mode;
	__u64 armed_ns;			 /* CLOCK_BOOTTIME when it was armed, 0 = not armed */
	char armed_since[BG_TIME_BYTES]; /* the same as the calendar had it then, or "" */
	char groups[192];		 /* ids, joined by commas, "..." when cut */
};
BG_ASSERT_SIZE(struct bg_branch_info, 288);

/* Where a local pod is, for packets that reach it without the node's routing. */
struct bg_pod {
	__u32 vlan;
	__u32 host_ifindex;   /* host end of its veth */
	__u32 branch_ifindex; /* vlan.eth.N */
	enum bg_mode mode;
	__u8 mac[6]; /* of the pod's end, all 0 = not known */
	__u8 host_mac[6];
	char address[BG_ADDR_BYTES]; /* the key */
	char mac_text[BG_MAC_BYTES]; /* "" = not known */
	char host_mac_text[BG_MAC_BYTES];
};
BG_ASSERT_SIZE(struct bg_pod, 104);

/* The route out of a branch, for what passes by the node's routing. Written by the
 * loader from table VLAN + 100; all 0 = not known, the stack routes. */
struct bg_route {
	__u32 ifindex; /* vlan.eth.N */
	__u32 pad[3];
	struct bg_addr gateway4; /* mapped; 0 = none */
	struct bg_addr gateway6;
};
BG_ASSERT_SIZE(struct bg_route, 48);

/* The same for people: of those branches only that have one. */
struct bg_route_info {
	char interface[BG_IFACE_BYTES];
	char gateway4[BG_ADDR_BYTES]; /* "" = none */
	char gateway6[BG_ADDR_BYTES];
};
BG_ASSERT_SIZE(struct bg_route_info, 96);

/* The node's own end of local probes and services. */
struct bg_host {
	__u32 primary_ifindex; /* 0 = not known: probes take the fabric */
	__u8 primary_mac[6];
	char primary_interface[BG_IFACE_BYTES];
	char primary_mac_text[BG_MAC_BYTES];
};
BG_ASSERT_SIZE(struct bg_host, 44);

/*
 * A rule of the feed, one peer of one permission, as bpftool prints it. `rules` has
 * those in force. One that is not any more goes to `former_rules`, so that flows which
 * it admitted can be told by it; it stays there until another rule gets its number.
 */
struct bg_rule {
	char group[24];	  /* "sg-0aa11" */
	char rule_id[24]; /* "sgr-01", or "" */
	char peer[48];	  /* CIDR, pl- or sg- id */
	enum bg_direction direction;
	__s32 protocol;	 /* -1 = all */
	__s32 from_port; /* ICMP: type; -1 = any */
	__s32 to_port;	 /* ICMP: code; -1 = any */
	__u32 revision;	 /* first revision that had it */
	__u32 pad;
	__u64 hits; /* flows it admitted */
};
BG_ASSERT_SIZE(struct bg_rule, 128);

/*
 * Packets of one branch and direction by reason, as the datapath counts them. Slot 0
 * counts what belongs to no branch.
 */
struct bg_counters {
	__u64 packets[BG_REASON_MAX];
	__u64 passed_bytes;
	__u64 dropped_bytes;
	__u64 short_way_packets; /* of those that passed: not through the node's stack */
};
BG_ASSERT_SIZE(struct bg_counters, sizeof(__u64) * (BG_REASON_MAX + 3));

struct bg_counters_key {
	__u32 vlan; /* 0: what belongs to no branch */
	enum bg_direction direction;
};
BG_ASSERT_SIZE(struct bg_counters_key, 8);

/*
 * The same for people: the sum over all CPUs, each reason by its name. The loader adds
 * them up once a second. Each name stands where its number puts it; where there is no
 * reason, there is a gap without a name, of which BTF knows nothing.
 */
#define BG_GAP                                                                                     \
__u64:                                                                                             \
	64
struct bg_counters_info {
	char branch[32];	   /* id, "" = of no branch */
	char as_of[BG_TIME_BYTES]; /* when they were added up */
	__u64 passed_bytes;
	__u64 dropped_bytes;
	__u64 short_way_packets;
	__u64 none, arp, neighbour, dhcp, tracked, icmp_error, platform, rule, rule_untracked;
	BG_GAP;
	__u64 probe, local_service, unfiltered;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	BG_GAP;
	__u64 no_policy, no_branch, not_armed, not_ip, malformed, truncated, extension, spoofed,
		not_ours, fragment_unknown, icmp_error_unknown, no_rule, no_node_rule, table_full,
		foreign_source, revoked, internal, on_link, off_branch, tagged;
};
BG_ASSERT_SIZE(struct bg_counters_info, 32 + BG_TIME_BYTES + sizeof(__u64) * (3 + 52));

enum bg_event_type {
	BG_EVENT_DROP = 1,
	BG_EVENT_FLOW = 2, /* a flow was created */
};

struct bg_event {
	__u64 time_ns; /* CLOCK_MONOTONIC; of a flow: its created_ns */
	enum bg_event_type type;
	enum bg_reason reason;
	enum bg_direction direction;
	__u32 vlan;
	__u32 ifindex;
	__u32 rule;
	__u32 revision;
	__u32 length_bytes;
	struct bg_addr local;
	struct bg_addr remote;
	__be16 local_port;
	__be16 remote_port;
	__u8 protocol;
	__u8 icmp_type;
	__u8 icmp_code;
	__u8 pad;
};
BG_ASSERT_SIZE(struct bg_event, 80);

struct bg_control {
	/* these three stay where they are in every ABI */
	__u32 abi;	   /* BG_ABI */
	__u32 revision;	   /* number of the image in force, 0 = none */
	__u32 flow_layout; /* BG_FLOW_LAYOUT; before ABI 3 something else stood here */
	__u32 pad;
	__u64 events_until_ns; /* CLOCK_MONOTONIC; `monitor` moves it on while it listens */
	__u64 events_lost;
	__u64 flows_evicted;	       /* flows that gave way while they lived */
	__u64 published_ns;	       /* CLOCK_BOOTTIME of the last publish */
	char published[BG_TIME_BYTES]; /* the same as the calendar had it then */
	char feed_revision[64];	       /* "Revision" of the feed, as given */
};
BG_ASSERT_SIZE(struct bg_control, 136);

/* Whose interfaces these are: ifindexes mean nothing in another network namespace. */
struct bg_home {
	__u64 netns_cookie; /* SO_NETNS_COOKIE, 0 = not written yet */
};
BG_ASSERT_SIZE(struct bg_home, 8);

/*
 * What was in force and when, for `status --revisions`, for the revisions that flows and
 * rules name, and for auditors: the last BG_REVISIONS_KEPT. The datapath reads none.
 */
#define BG_REVISIONS_KEPT 64

enum bg_revision_cause {
	BG_REVISION_OF_FEED = 0,  /* the feed has another content */
	BG_REVISION_OF_MODES = 1, /* the same feed; a branch has another mode now */
	/* the same feed; of what it lacks or claims twice, something came or went */
	BG_REVISION_OF_INTERFACES = 2,
	/* the same feed; a daemon that began with other sizes, modes or another build */
	BG_REVISION_OF_RESTART = 3,
};

struct bg_revision {
	char feed_revision[64]; /* "Revision" of the feed, as given */
	char sha256[72];	/* of the feed's text, as sha256sum prints it */
	__u64 boot_ns;		/* CLOCK_BOOTTIME when it came into force */
	__u64 unix_ns;		/* CLOCK_REALTIME then */
	char time[24];		/* the same as text: "2026-11-27T00:42:00Z" */
	enum bg_revision_cause cause;
	__u32 branches, branches_added, branches_removed;
	__u32 rules, rules_added, rules_removed;
	/* by id; -1 = not known: the one before was another daemon's */
	__s32 groups, groups_added, groups_removed;
	__u32 members;
	__u32 warnings;
};
BG_ASSERT_SIZE(struct bg_revision, 224);

/*
 * When a counter rose, as the daemon saw it from time to time. A time that is odd is a bound:
 * nobody had looked for a while, so it was at any moment meanwhile.
 */
#define BG_BOUND 1
struct bg_sighting {
	__u64 count;	/* when it was looked at last */
	__u64 before;	/* and before the rise that began at since_ns */
	__u64 since_ns; /* CLOCK_BOOTTIME, or later; 0 = it has not risen since it is looked at */
	__u64 last_ns;	/* when it was last found higher than before; or earlier */
};
BG_ASSERT_SIZE(struct bg_sighting, 32);

/* Of the drops of one branch, direction and reason. */
struct bg_sighting_key {
	__u32 tag; /* of the branch, 0 = of none */
	enum bg_direction direction;
	enum bg_reason reason;
};
BG_ASSERT_SIZE(struct bg_sighting_key, 12);

/* That the daemon lives, and what it has done. Times are of CLOCK_BOOTTIME, 0 = never;
 * counts go on with the next daemon. */
struct bg_pulse {
	__u64 started_ns;
	__u64 beat_ns;	    /* it looked after programs and pins, about once a second */
	__u64 synced_ns;    /* it knew all interfaces, and what they need was done */
	__u64 feed_read_ns; /* the feed's file was read, or found to be the same */
	__u64 ended_ns;	    /* it ended by itself, 0 = it did not */
	__u64 feeds_accepted;
	__u64 feeds_refused;
	__u64 programs_put_back; /* that somebody took away */
	__u64 pins_put_back;
	struct bg_sighting events_lost;	  /* control.events_lost */
	struct bg_sighting flows_evicted; /* control.flows_evicted */
	__u32 pid;			  /* as the daemon sees it */
	__u32 feed_refused;		  /* 1: the feed as it is now was refused */
};
BG_ASSERT_SIZE(struct bg_pulse, 144);

/* The last verdict, written only when the object is loaded with trace = true
 * (explain and the packet tests). */
struct bg_trace {
	enum bg_reason reason;
	__u32 rule;
	__u32 node_rule;
	enum bg_direction direction;
	__u32 vlan;
	__u32 action; /* XDP_* or TC_ACT_* that the program returned */
};
BG_ASSERT_SIZE(struct bg_trace, 24);

#endif
