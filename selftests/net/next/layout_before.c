// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From what this tree pins to what make.sh beside it makes of that: a layout_N.c of
 * user/datapath, with the shortest way to say what the old values were, since it is known
 * in which place each has grown by eight bytes.
 */
#include <string.h>

#include "datapath/layouts.h"
#include "maps.h"

#define GREW_BYTES 8
#define OLD(type) (sizeof(type) - GREW_BYTES)

static bool convert_control(struct bg_moving *moving)
{
	struct bg_control *control = moving->value;

	memcpy(control, moving->old_value, OLD(*control));
	control->abi = BG_ABI;
	control->flow_layout = BG_FLOW_LAYOUT;
	return true;
}

static bool convert_iface(struct bg_moving *moving)
{
	struct bg_iface *iface = moving->value;

	memcpy(moving->key, moving->old_key, sizeof(__u32));
	memcpy(iface, moving->old_value, OLD(*iface));
	return iface->ifindex;
}

static bool convert_home(struct bg_moving *moving)
{
	memcpy(moving->value, moving->old_value, OLD(struct bg_home));
	return true;
}

static bool convert_counters(struct bg_moving *moving)
{
	struct bg_counters *counters = moving->value;

	memcpy(moving->key, moving->old_key, sizeof(__u32));
	memcpy(counters->packets, moving->old_value, OLD(*counters));
	return true;
}

static bool convert_flow(const void *bucket, unsigned int slot, struct bg_flow *flow)
{
	const char *old =
		(const char *)bucket + offsetof(struct bg_bucket, flow) + slot * OLD(*flow);

	memcpy(flow, old, offsetof(struct bg_flow, next_mark));
	memcpy(&flow->next_mark + 1, old + offsetof(struct bg_flow, next_mark),
	       OLD(*flow) - offsetof(struct bg_flow, next_mark));
	flow->next_mark = ABI_BEFORE;
	return flow->key.protocol;
}

static const struct bg_moved_flows flows = {
	sizeof(struct bg_bucket) - BG_BUCKET_FLOWS * GREW_BYTES,
	BG_BUCKET_FLOWS,
	convert_flow,
};

static const struct bg_move moves[] = {
	{ "control", "control", sizeof(__u32), OLD(struct bg_control), convert_control },
	{ "ifaces", "ifaces", sizeof(__u32), OLD(struct bg_iface), convert_iface },
	{ "fast_ifaces", "fast_ifaces", sizeof(__u32), OLD(struct bg_iface), convert_iface },
	{ "home", "home", sizeof(__u32), OLD(struct bg_home), convert_home },
	{ "fast_counters", "fast_counters", sizeof(__u32), OLD(struct bg_counters),
	  convert_counters },
	{}
};

const struct bg_layout bg_layout_before = { .abi = ABI_BEFORE, .moves = moves, .flows = &flows };
