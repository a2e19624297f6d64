/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The structures of ABI 3 that are others today, frozen. ABI 1 and 2 have the same. */
#ifndef BG_DATAPATH_LAYOUT_3_H
#define BG_DATAPATH_LAYOUT_3_H

#include "datapath/layouts.h"

/* The remote port of ICMP is the type of the request alone, whoever asked; a probe's flow
 * has the branch's tag like any other. */
struct bg_flow_key_3 {
	struct bg_addr local;
	struct bg_addr remote;
	__be16 local_port;
	__be16 remote_port;
	__u32 protocol : 8; /* 0 = the slot is free */
	__u32 branch : 24;
};
BG_ASSERT_SIZE(struct bg_flow_key_3, 40);

struct bg_flow_3 {
	struct bg_flow_key_3 key;
	__u64 created_ns;
	__u64 last_seen_ns;
	__u64 bytes[2];
	__u32 packets[2];
	__u32 timeout_s;
	__u32 rule;
	__u32 revision;
	__u32 checked;
	__u16 flags; /* enum bg_flow_flag, up to PRIMARY */
	__u16 pad[3];
};
BG_ASSERT_SIZE(struct bg_flow_3, 104);

struct bg_bucket_3 {
	__u32 lock;
	__u16 overflowed;
	__u16 chosen;
	__u32 version;
	__u32 pad;
	__u16 tag[8];
	struct bg_flow_3 flow[8];
};
BG_ASSERT_SIZE(struct bg_bucket_3, 864);

extern const struct bg_moved_flows bg_flows_3;

#endif
