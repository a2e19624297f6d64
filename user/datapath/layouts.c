// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of other layouts, and what is taken from newer ones. migrate.c asks it when
 * what is pinned has another ABI; layouts.h says what a new row takes. Nothing is read
 * or written here.
 */
#include "datapath/layouts.h"

#include <string.h>

#include "base/sound.h"
#include "maps.h"

static const struct bg_layout *const layouts[] = { &bg_layout_1, &bg_layout_2, &bg_layout_3 };

const struct bg_layout *bg_layout_of(__u32 abi)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i]->abi == abi)
			return layouts[i];
	return NULL;
}

static bool is_one_of(const char *map, const char *const *names)
{
	for (; *names; names++)
		if (!strcmp(map, *names))
			return true;
	return false;
}

bool bg_layout_moves(const struct bg_layout *layout, const char *map)
{
	for (const struct bg_move *move = layout ? layout->moves : NULL; move && move->into; move++)
		if (!strcmp(move->into, map))
			return true;
	return false;
}

bool bg_layout_makes(const struct bg_layout *layout, __u32 flow_layout, const char *map)
{
	static const char *const of_flows[] = { "flows", "branches", "rules", "former_rules",
						NULL };

	if (layout == &bg_layout_newer)
		return flow_layout != BG_FLOW_LAYOUT || !is_one_of(map, of_flows);
	if (!strcmp(map, "policy"))
		return layout->other_policy;
	if (!strcmp(map, "flows"))
		return layout->flows;
	return bg_layout_moves(layout, map);
}

static bool flow_of_today(const void *bucket, unsigned int slot, struct bg_flow *flow)
{
	*flow = ((const struct bg_bucket *)bucket)->flow[slot];
	return flow->key.protocol;
}

const struct bg_moved_flows bg_flows_today = { sizeof(struct bg_bucket), BG_BUCKET_FLOWS,
					       flow_of_today };

/* --- newer ones -------------------------------------------------------------- */

static bool newer_control(struct bg_moving *moving)
{
	const struct bg_control_start *old = moving->old_value;
	struct bg_control *control = moving->value;

	control->abi = BG_ABI;
	control->revision = old->revision;
	control->flow_layout = BG_FLOW_LAYOUT;
	return true;
}

/* The first four fields of a value in `ifaces`, whatever is its key. */
struct iface_start {
	__u32 ifindex, role, vlan, flags;
};

static bool newer_iface(struct bg_moving *moving)
{
	const struct iface_start *old = moving->old_value;
	struct bg_iface *iface = moving->value;

	memcpy(moving->key, &old->ifindex, sizeof(old->ifindex));
	iface->ifindex = old->ifindex;
	iface->role = old->role;
	iface->vlan = old->vlan;
	iface->flags = old->flags;
	return bg_sound_iface(iface);
}

static bool newer_fast_iface(struct bg_moving *moving)
{
	const struct iface_start *old = moving->old_value;
	__u32 place = old->ifindex & (BG_IFACES - 1);
	bool there = newer_iface(moving);

	memcpy(moving->key, &place, sizeof(place));
	return there;
}

static bool newer_vlan(struct bg_moving *moving)
{
	const struct iface_start *old = moving->old_value;

	memcpy(moving->key, &old->vlan, sizeof(old->vlan));
	memcpy(moving->value, &old->ifindex, sizeof(old->ifindex));
	return old->ifindex && old->role == BG_ROLE_BRANCH && old->vlan && old->vlan < BG_VLANS;
}

static const struct bg_move newer_moves[] = {
	{ "control", "control", sizeof(__u32), sizeof(struct bg_control_start), newer_control },
	{ "ifaces", "ifaces", sizeof(__u32), sizeof(struct iface_start), newer_iface },
	{ "ifaces", "fast_ifaces", sizeof(__u32), sizeof(struct iface_start), newer_fast_iface },
	{ "ifaces", "fast_vlans", sizeof(__u32), sizeof(struct iface_start), newer_vlan },
	{}
};

const struct bg_layout bg_layout_newer = { .other_policy = true, .moves = newer_moves };
