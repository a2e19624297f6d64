/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The structures of ABI 2 that are others today, frozen. ABI 1 has the same. */
#ifndef BG_DATAPATH_LAYOUT_2_H
#define BG_DATAPATH_LAYOUT_2_H

#include "datapath/layouts.h"

struct bg_control_2 {
	__u32 abi;
	__u32 revision;
	__u64 events_until_ns;
	__u64 events_lost;
	__u64 flows_evicted;
	__u64 published_ns;
	char feed_revision[64];
};
BG_ASSERT_SIZE(struct bg_control_2, 104);

/* In `ifaces`, an array by ifindex % 1024, and in `more_ifaces`, a hash by ifindex. */
struct bg_iface_2 {
	__u32 ifindex; /* 0 = free */
	__u32 role;
	__u32 vlan;
	__u32 flags;
};
BG_ASSERT_SIZE(struct bg_iface_2, 16);

struct bg_branch_info_2 {
	char id[32];
	char interface[16];
	__u32 ifindex;
	__u32 tag;
	__u32 slot;
	__u32 mode;
	__u64 armed_ns;
	char groups[192];
};
BG_ASSERT_SIZE(struct bg_branch_info_2, 264);

struct bg_pod_2 {
	__u32 vlan;
	__u32 host_ifindex;
	__u32 branch_ifindex;
	__u32 mode;
	__u8 mac[6];
	__u8 host_mac[6];
	__u32 pad;
};
BG_ASSERT_SIZE(struct bg_pod_2, 32);

/* In `ways`, an array by VLAN id. */
struct bg_route_2 {
	__u32 ifindex; /* 0 = not known */
	__u32 pad[3];
	struct bg_addr gateway4;
	struct bg_addr gateway6;
};
BG_ASSERT_SIZE(struct bg_route_2, 48);

struct bg_host_2 {
	__u32 primary_ifindex;
	__u8 primary_mac[6];
	__u8 pad[6];
};
BG_ASSERT_SIZE(struct bg_host_2, 16);

/* In `rules`, an array by number that has those of former revisions, too. */
struct bg_rule_2 {
	char group[24];
	char rule_id[24];
	char peer[48];
	__u32 direction;
	__s32 protocol;
	__s32 from_port;
	__s32 to_port;
	__u32 revision; /* 0 = not in force */
	__u32 pad;
	__u64 hits;
};
BG_ASSERT_SIZE(struct bg_rule_2, 128);

/* In `counters`, a per-CPU array by slot * 2 + direction. */
struct bg_counters_2 {
	__u64 packets[64];
	__u64 passed_bytes;
	__u64 dropped_bytes;
	__u64 short_way_packets;
};
BG_ASSERT_SIZE(struct bg_counters_2, 536);

/* Into what this build has; ends with one that goes into NULL. */
extern const struct bg_move bg_moves_2[];

#endif
