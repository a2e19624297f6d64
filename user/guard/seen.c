// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compares a model with the table of interfaces, for who settles what is in force. Called
 * for each document and after each change of interfaces; it decides nothing.
 */
#include "guard/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "datapath/attach.h"
#include "guard/plan.h"

/* One that carries another VLAN is not the branch's, whatever its name. */
static const struct bg_netdev *branch_netdev(const struct bg_netdevs *netdevs,
					     const struct bg_model_branch *branch)
{
	const struct bg_netdev *netdev = bg_netdev_by_name(netdevs, branch->interface);

	if (netdev &&
	    (netdev->loopback || (netdev->kind == BG_NETDEV_VLAN && netdev->vlan != branch->vlan)))
		return NULL;
	return netdev;
}

/* A table can be late, or not be had: who is not in it is asked for. */
static bool is_still_there(const struct bg_netdevs *netdevs, __u32 ifindex, const char *name)
{
	const struct bg_netdev *netdev = bg_netdev_by_name(netdevs, name);

	if (!ifindex)
		return false;
	if (netdev)
		return netdev->ifindex == ifindex;
	netdev = bg_netdev_by_index(netdevs, ifindex);
	return !netdev && bg_interface_is_here(ifindex);
}

static bool pod_is_alive(const struct bg_netdevs *netdevs, const struct bg_model_pod *pod)
{
	const struct bg_netdev *netdev = bg_pod_netdev(netdevs, pod);

	if (netdev)
		return pod->ifindex && netdev->ifindex == pod->ifindex;
	return is_still_there(netdevs, pod->ifindex, pod->host_interface);
}

static bool is_alive(const struct bg_netdevs *netdevs, const struct bg_model_branch *branch)
{
	if (!is_still_there(netdevs, branch->ifindex, branch->interface))
		return false;
	for (size_t i = 0; i < branch->pod_count; i++)
		if (pod_is_alive(netdevs, &branch->pods[i]))
			return true;
	return false;
}

void bg_sight_free(struct bg_sight *sight)
{
	free(sight->branches);
	free(sight->pods);
	free(sight->alive);
	*sight = (struct bg_sight){};
}

static int allocate(const struct bg_model *document, const struct bg_model *in_force,
		    struct bg_sight *sight)
{
	size_t pods = 0;

	for (size_t i = 0; i < document->branch_count; i++)
		pods += document->branches[i].pod_count;
	sight->branches = calloc(document->branch_count + 1, sizeof(bool));
	sight->pods = calloc(pods + 1, sizeof(bool));
	sight->alive = calloc((in_force ? in_force->branch_count : 0) + 1, sizeof(bool));
	return sight->branches && sight->pods && sight->alive ? 0 : -ENOMEM;
}

int bg_sight_take(const struct bg_model *document, const struct bg_model *in_force,
		  const struct bg_netdevs *netdevs, struct bg_sight *sight)
{
	struct bg_sight taken = {};
	size_t pod = 0;

	if (allocate(document, in_force, &taken)) {
		bg_sight_free(&taken);
		return -ENOMEM;
	}
	for (size_t i = 0; i < document->branch_count; i++) {
		const struct bg_model_branch *branch = &document->branches[i];

		taken.branches[i] = branch_netdev(netdevs, branch);
		for (size_t k = 0; k < branch->pod_count; k++)
			taken.pods[pod++] = bg_pod_netdev(netdevs, &branch->pods[k]);
	}
	for (size_t i = 0; in_force && i < in_force->branch_count; i++)
		taken.alive[i] = is_alive(netdevs, &in_force->branches[i]);
	*sight = taken;
	return 0;
}

static bool note(__u32 *ifindex, const struct bg_netdev *netdev)
{
	__u32 before = *ifindex;

	/* who is not there now may come back as who it was */
	if (netdev)
		*ifindex = netdev->ifindex;
	return *ifindex != before;
}

bool bg_sight_note(struct bg_model *in_force, const struct bg_netdevs *netdevs)
{
	bool changed = false;

	for (size_t i = 0; i < in_force->branch_count; i++) {
		struct bg_model_branch *branch = &in_force->branches[i];

		if (branch->kept_since_ns)
			continue;
		changed |= note(&branch->ifindex, branch_netdev(netdevs, branch));
		for (size_t k = 0; k < branch->pod_count; k++)
			changed |= note(&branch->pods[k].ifindex,
					bg_pod_netdev(netdevs, &branch->pods[k]));
	}
	return changed;
}
