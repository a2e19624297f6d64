// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From ABI 2 to this build's. layouts.c has it in its table; unit/test_layouts.c tries
 * each converter. What is only text for people, the daemon writes at its next look.
 */
#include "datapath/layout_2.h"

#include <stdio.h>
#include <string.h>

#include "base/format.h"
#include "base/sound.h"
#include "datapath/layout_3.h"
#include "maps.h"

static __u32 number(const void *bytes)
{
	__u32 value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static bool is_vlan(const void *key)
{
	return number(key) && number(key) < BG_VLANS;
}

static bool convert_control(struct bg_moving *moving)
{
	const struct bg_control_2 *old = moving->old_value;
	struct bg_control *control = moving->value;

	control->abi = BG_ABI;
	control->revision = old->revision;
	control->flow_layout = BG_FLOW_LAYOUT;
	control->events_until_ns = old->events_until_ns;
	control->events_lost = old->events_lost;
	control->flows_evicted = old->flows_evicted;
	control->published_ns = old->published_ns;
	memcpy(control->feed_revision, old->feed_revision, sizeof(control->feed_revision));
	bg_sound_control(control);
	return true;
}

static bool convert_iface(struct bg_moving *moving)
{
	const struct bg_iface_2 *old = moving->old_value;
	struct bg_iface *iface = moving->value;

	memcpy(moving->key, &old->ifindex, sizeof(old->ifindex));
	iface->ifindex = old->ifindex;
	iface->role = old->role;
	iface->vlan = old->vlan;
	iface->flags = old->flags;
	return bg_sound_iface(iface);
}

/* `ifaces` had no two with the same place, and `more_ifaces` has no place here. */
static bool convert_fast_iface(struct bg_moving *moving)
{
	const struct bg_iface *iface = moving->value;
	bool there = convert_iface(moving);

	memcpy(moving->key, moving->old_key, sizeof(__u32));
	/* in another place nobody would find it */
	return there && number(moving->key) == (iface->ifindex & (BG_IFACES - 1));
}

static bool convert_vlan(struct bg_moving *moving)
{
	memcpy(moving->key, moving->old_key, sizeof(__u32));
	memcpy(moving->value, moving->old_value, sizeof(__u32));
	return number(moving->value) && is_vlan(moving->key);
}

static bool convert_branch(struct bg_moving *moving)
{
	const struct bg_branch_info_2 *old = moving->old_value;
	struct bg_branch_info *branch = moving->value;
	char since[BG_FORMAT_TEXT];

	memcpy(moving->key, moving->old_key, sizeof(__u32));
	memcpy(branch->id, old->id, sizeof(branch->id));
	memcpy(branch->interface, old->interface, sizeof(branch->interface));
	branch->ifindex = old->ifindex;
	branch->tag = old->tag;
	branch->slot = old->slot;
	branch->mode = old->mode;
	branch->armed_ns = old->armed_ns;
	if (old->armed_ns)
		snprintf(branch->armed_since, sizeof(branch->armed_since), "%s",
			 bg_format_boottime(old->armed_ns, since));
	memcpy(branch->groups, old->groups, sizeof(branch->groups));
	return bg_sound_branch(number(moving->key), branch);
}

static bool convert_pod(struct bg_moving *moving)
{
	const struct bg_pod_2 *old = moving->old_value;
	struct bg_pod *pod = moving->value;

	memcpy(moving->key, moving->old_key, sizeof(struct bg_addr));
	pod->vlan = old->vlan;
	pod->host_ifindex = old->host_ifindex;
	pod->branch_ifindex = old->branch_ifindex;
	pod->mode = old->mode;
	memcpy(pod->mac, old->mac, sizeof(pod->mac));
	memcpy(pod->host_mac, old->host_mac, sizeof(pod->host_mac));
	return bg_sound_pod(pod);
}

static bool convert_route(struct bg_moving *moving)
{
	const struct bg_route_2 *old = moving->old_value;
	struct bg_route *route = moving->value;

	memcpy(moving->key, moving->old_key, sizeof(__u32));
	route->ifindex = old->ifindex;
	route->gateway4 = old->gateway4;
	route->gateway6 = old->gateway6;
	return old->ifindex && is_vlan(moving->key);
}

/* Whatever is in `fast_routes` is in `routes`: empty so far. */
static bool convert_route_info(struct bg_moving *moving)
{
	const struct bg_route_2 *old = moving->old_value;

	memcpy(moving->key, moving->old_key, sizeof(__u32));
	return old->ifindex && is_vlan(moving->key);
}

static bool convert_host(struct bg_moving *moving)
{
	const struct bg_host_2 *old = moving->old_value;
	struct bg_host *host = moving->value;

	host->primary_ifindex = old->primary_ifindex;
	memcpy(host->primary_mac, old->primary_mac, sizeof(host->primary_mac));
	return true;
}

static bool convert_rule(struct bg_moving *moving)
{
	const struct bg_rule_2 *old = moving->old_value;
	struct bg_rule *rule = moving->value;

	memcpy(moving->key, moving->old_key, sizeof(__u32));
	memcpy(rule->group, old->group, sizeof(rule->group));
	memcpy(rule->rule_id, old->rule_id, sizeof(rule->rule_id));
	memcpy(rule->peer, old->peer, sizeof(rule->peer));
	rule->direction = old->direction;
	rule->protocol = old->protocol;
	rule->from_port = old->from_port;
	rule->to_port = old->to_port;
	rule->revision = old->revision;
	rule->hits = old->hits;
	return number(moving->key) && bg_sound_rule(rule);
}

static bool convert_rule_in_force(struct bg_moving *moving)
{
	return convert_rule(moving) && ((const struct bg_rule_2 *)moving->old_value)->revision;
}

static bool convert_former_rule(struct bg_moving *moving)
{
	const struct bg_rule_2 *old = moving->old_value;

	return convert_rule(moving) && !old->revision && old->group[0];
}

static bool convert_counters(struct bg_moving *moving)
{
	_Static_assert(sizeof(struct bg_counters) == sizeof(struct bg_counters_2),
		       "reasons keep their numbers");
	memcpy(moving->key, moving->old_key, sizeof(__u32));
	memcpy(moving->value, moving->old_value, sizeof(struct bg_counters));
	return true;
}

#define K4 sizeof(__u32)

const struct bg_move bg_moves_2[] = {
	{ "control", "control", K4, sizeof(struct bg_control_2), convert_control },
	{ "ifaces", "ifaces", K4, sizeof(struct bg_iface_2), convert_iface },
	{ "more_ifaces", "ifaces", K4, sizeof(struct bg_iface_2), convert_iface },
	{ "ifaces", "fast_ifaces", K4, sizeof(struct bg_iface_2), convert_fast_iface },
	{ "vlans", "fast_vlans", K4, K4, convert_vlan },
	{ "branches", "branches", K4, sizeof(struct bg_branch_info_2), convert_branch },
	{ "pods", "pods", sizeof(struct bg_addr), sizeof(struct bg_pod_2), convert_pod },
	{ "ways", "routes", K4, sizeof(struct bg_route_2), convert_route_info },
	{ "ways", "fast_routes", K4, sizeof(struct bg_route_2), convert_route },
	{ "node", "node", K4, sizeof(struct bg_host_2), convert_host },
	{ "rules", "rules", K4, sizeof(struct bg_rule_2), convert_rule_in_force },
	{ "rules", "former_rules", K4, sizeof(struct bg_rule_2), convert_former_rule },
	{ "counters", "fast_counters", K4, sizeof(struct bg_counters_2), convert_counters },
	/* for people, and written by the daemon: from the one above */
	{ NULL, "counters", 0, 0, NULL },
	/* of programs at work */
	{ NULL, "scratch", 0, 0, NULL },
	{}
};

const struct bg_layout bg_layout_2 = { .abi = 2, .moves = bg_moves_2, .flows = &bg_flows_3 };
