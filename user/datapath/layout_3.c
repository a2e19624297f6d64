// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From ABI 3 to this build's: another flow table. layouts.c has it in its table;
 * unit/test_layouts.c tries each converter.
 *
 * `fragments` is taken over as it is, for both builds to use in the moment in which one
 * takes the other's place. Of a ping in fragments that is under way then, the later ones
 * miss who asked, and are judged by the rules.
 */
#include "datapath/layout_3.h"

#include <string.h>

#include "base/sound.h"
#include "maps.h"
#include "protocol.h"

static bool convert_control(struct bg_moving *moving)
{
	struct bg_control *control = moving->value;

	memcpy(control, moving->old_value, sizeof(*control));
	control->abi = BG_ABI;
	control->flow_layout = BG_FLOW_LAYOUT;
	bg_sound_control(control);
	return true;
}

static void convert_key(const struct bg_flow_3 *old, struct bg_flow_key *key)
{
	key->local = old->key.local;
	key->remote = old->key.remote;
	key->local_port = old->key.local_port;
	key->remote_port = old->key.remote_port;
	key->protocol = old->key.protocol;
	key->branch = old->key.branch;
	if (bg_is_icmp(old->key.protocol) && old->flags & BG_FLOW_EGRESS)
		key->remote_port |= BG_FLOW_KEY_EGRESS;
	if (old->flags & BG_FLOW_PROBE)
		key->branch |= BG_FLOW_KEY_PROBE;
}

/* The number of its SYN is not known: whatever SYN comes now is put to the rules. */
static bool convert_flow(const void *bucket, unsigned int slot, struct bg_flow *flow)
{
	const struct bg_flow_3 *old = &((const struct bg_bucket_3 *)bucket)->flow[slot];

	if (!old->key.protocol || old->key.branch & BG_FLOW_KEY_PROBE)
		return false;
	convert_key(old, &flow->key);
	flow->created_ns = old->created_ns;
	flow->last_seen_ns = old->last_seen_ns;
	memcpy(flow->bytes, old->bytes, sizeof(flow->bytes));
	memcpy(flow->packets, old->packets, sizeof(flow->packets));
	flow->timeout_s = old->timeout_s;
	flow->rule = old->rule;
	flow->revision = old->revision;
	flow->checked = old->checked;
	flow->flags = old->flags;
	return true;
}

const struct bg_moved_flows bg_flows_3 = { sizeof(struct bg_bucket_3), 8, convert_flow };

static const struct bg_move moves[] = { { "control", "control", sizeof(__u32),
					  sizeof(struct bg_control), convert_control },
					/* of programs at work */
					{ NULL, "scratch", 0, 0, NULL },
					{} };

const struct bg_layout bg_layout_3 = { .abi = 3, .moves = moves, .flows = &bg_flows_3 };
