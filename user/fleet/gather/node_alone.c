// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a node has by itself: its settings, its branches, the groups that these need. Also the
 * pieces of a feed that stand in a feed made at once (node_feed.c) and in one that is put
 * together from parts (fleet/parts/). It knows nothing of rules.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fleet/gather/members.h"
#include "fleet/gather/node_feed.h"

/* --- small things --- */

void bg_put_line(struct bg_json_writer *out)
{
	if (out->comma)
		bg_json_raw(out, ",", 1);
	bg_json_raw(out, "\n  ", 3);
	out->comma = false;
}

void bg_put_default_groups(struct bg_json_writer *out, const struct bg_settings *settings)
{
	if (!settings->has_default_groups)
		return;
	bg_json_raw(out, ",\n ", 3);
	out->comma = false;
	bg_put_names(out, "DefaultGroupIds", &settings->default_groups);
}

/* --- which groups --- */

int bg_needed_groups(const struct bg_gathered_node *node, bool standard,
		     const struct bg_settings *settings, struct bg_names *needed)
{
	bool defaults = false;

	for (size_t i = 0; i < node->branch_count; i++) {
		const struct bg_gathered_branch *branch = &node->branches[i];

		defaults |= !branch->has_groups;
		if (bg_names_add_all(needed, &branch->groups))
			return -ENOMEM;
	}
	if (defaults && bg_names_add_all(needed, &settings->default_groups))
		return -ENOMEM;
	if (standard && bg_names_add_all(needed, &node->groups))
		return -ENOMEM;
	bg_names_tidy(needed);
	return 0;
}

/* --- members --- */

static void put_kind(struct bg_json_writer *out, const struct bg_gathered_members *members,
		     bool ipv6, bool prefixes)
{
	static const char *const list_keys[] = { "PrivateIpAddresses", "Ipv6Addresses",
						 "Ipv4Prefixes", "Ipv6Prefixes" };
	static const char *const keys[] = { "PrivateIpAddress", "Ipv6Address", "Ipv4Prefix",
					    "Ipv6Prefix" };
	const int kind = (prefixes ? 2 : 0) + ipv6;
	bool opened = false;

	for (size_t i = 0; i < members->count; i++) {
		const struct bg_prefix *prefix = &members->prefixes[i];

		if (bg_prefix_is_v4(prefix) == ipv6 || (prefix->length != 128) != prefixes)
			continue;
		if (!opened) {
			bg_json_key(out, list_keys[kind]);
			bg_json_open(out, '[');
			opened = true;
		}
		bg_json_open(out, '{');
		bg_json_key(out, keys[kind]);
		bg_put_prefix(out, prefix);
		bg_json_close(out, '}');
	}
	if (opened)
		bg_json_close(out, ']');
}

void bg_put_interface(struct bg_json_writer *out, const char *group,
		      const struct bg_gathered_members *members)
{
	bg_put_line(out);
	bg_json_open(out, '{');
	bg_json_key(out, "Groups");
	bg_json_open(out, '[');
	bg_json_open(out, '{');
	bg_json_key(out, "GroupId");
	bg_json_string(out, group);
	bg_json_close(out, '}');
	bg_json_close(out, ']');
	for (int kind = 0; kind < 4; kind++)
		put_kind(out, members, kind & 1, kind & 2);
	bg_json_close(out, '}');
}

/* --- branches --- */

static void put_pod(struct bg_json_writer *out, const struct bg_kube_pod *pod)
{
	int last = 0;

	bg_json_open(out, '{');
	bg_json_key(out, "Namespace");
	bg_json_string(out, pod->object.namespace);
	bg_json_key(out, "Name");
	bg_json_string(out, pod->object.name);
	bg_json_key(out, "Addresses");
	bg_json_open(out, '[');
	for (size_t i = 0; i < pod->address_count; i++) {
		struct bg_prefix prefix = { pod->addresses[i], 128 };

		bg_put_prefix(out, &prefix);
	}
	bg_json_close(out, ']');
	bg_json_key(out, "Probes");
	bg_json_open(out, '[');
	for (size_t i = 0; i < pod->probe_count; last = pod->probes[i++].port) {
		if (pod->probes[i].port == last)
			continue;
		bg_json_open(out, '{');
		bg_json_key(out, "Protocol");
		bg_json_plain(out, "tcp");
		bg_json_key(out, "Port");
		bg_json_number(out, pod->probes[i].port);
		bg_json_close(out, '}');
	}
	bg_json_close(out, ']');
	bg_json_close(out, '}');
}

static void put_timeouts(struct bg_json_writer *out, const struct bg_ec2_interface *interface)
{
	bool opened = false;

	for (int i = 0; i < BG_TRACKED_TIMEOUTS && interface; i++) {
		if (!interface->timeouts_s[i])
			continue;
		if (!opened) {
			bg_json_key(out, "ConnectionTracking");
			bg_json_open(out, '{');
			opened = true;
		}
		bg_json_key(out, bg_tracked_timeouts[i]);
		bg_json_number(out, interface->timeouts_s[i]);
	}
	if (opened)
		bg_json_close(out, '}');
}

void bg_put_branches(struct bg_json_writer *out, const struct bg_gathered_node *node, bool standard)
{
	bg_put_key(out, "Branches");
	bg_json_open(out, '[');
	for (size_t i = 0; i < node->branch_count; i++) {
		const struct bg_gathered_branch *branch = &node->branches[i];

		bg_put_line(out);
		bg_json_open(out, '{');
		bg_json_key(out, "Id");
		bg_json_string(out, branch->id);
		bg_json_key(out, "VlanId");
		bg_json_number(out, branch->vlan);
		if (standard) {
			bg_json_key(out, "Mode");
			bg_json_plain(out, "standard");
		}
		if (branch->has_groups)
			bg_put_names(out, "GroupIds", &branch->groups);
		put_timeouts(out, branch->interface);
		bg_json_key(out, "Pods");
		bg_json_open(out, '[');
		for (size_t k = 0; k < branch->pod_count; k++)
			put_pod(out, branch->pods[k]);
		bg_json_close(out, ']');
		bg_json_close(out, '}');
	}
	bg_json_close(out, ']');
}

/* --- the node alone --- */

static int put_alone(struct bg_cluster *cluster, const struct bg_gathered_node *node, bool standard,
		     const struct bg_settings *settings, struct bg_node_alone *alone)
{
	struct bg_json_writer *out = &alone->feed;

	if (bg_needed_groups(node, standard, settings, &alone->groups) ||
	    bg_own_members(cluster, node->name, &alone->own))
		return -ENOMEM;
	bg_json_open(out, '{');
	if (bg_put_node(cluster, node, standard, settings, out))
		return -ENOMEM;
	bg_put_default_groups(out, settings);
	bg_put_branches(out, node, standard);
	bg_json_close(out, '}');
	alone->branch_count = node->branch_count;
	return out->failed ? -ENOMEM : 0;
}

int bg_node_alone(struct bg_cluster *cluster, const char *name, bool standard,
		  const struct bg_settings *settings, struct bg_node_alone *alone,
		  struct bg_error *err)
{
	struct bg_gathered_node node = {};
	int rc = bg_node_branches(cluster, name, &node, err);

	if (!rc && put_alone(cluster, &node, standard, settings, alone))
		rc = bg_no_memory(err, BG_GATHERING);
	bg_gathered_node_release(&node);
	return rc;
}

void bg_node_alone_release(struct bg_node_alone *alone)
{
	bg_json_writer_free(&alone->feed);
	bg_names_release(&alone->groups);
	free(alone->own.prefixes);
	*alone = (struct bg_node_alone){};
}
