// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compares a model with the table of interfaces, for who settles what is in force. Called
 * for each document and after each change of interfaces; it decides nothing.
 */
#include "guard/seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dict.h"
#include "datapath/attach.h"
#include "guard/plan.h"

/* The table by name. */
struct names {
	const struct bg_netdevs *netdevs;
	const struct bg_netdev *list;
	struct bg_dict index;
};

static void release_names(struct names *names)
{
	bg_dict_release(&names->index);
}

static int learn_names(const struct bg_netdevs *netdevs, struct names *names)
{
	size_t count;

	names->netdevs = netdevs;
	names->list = bg_netdevs_list(netdevs, &count);
	for (size_t i = 0; i < count; i++)
		if (!bg_dict_put(&names->index, names->list[i].name, strlen(names->list[i].name), i,
				 NULL))
			return -ENOMEM;
	return 0;
}

static const struct bg_netdev *by_name(const struct names *names, const char *name)
{
	const size_t *index = *name ? bg_dict_find(&names->index, name, strlen(name)) : NULL;

	return index ? &names->list[*index] : NULL;
}

static const struct bg_netdev *pod_netdev(const struct names *names, const struct bg_model_pod *pod)
{
	const struct bg_netdev *netdev = by_name(names, pod->host_interface);
	enum bg_mode mode;

	if (netdev || !bg_pod_name_mode(pod->host_interface, &mode))
		return netdev;
	return bg_pod_netdev(names->netdevs, pod);
}

/* One that carries another VLAN is not the branch's, whatever its name. */
static const struct bg_netdev *branch_netdev(const struct names *names,
					     const struct bg_model_branch *branch)
{
	const struct bg_netdev *netdev = by_name(names, branch->interface);

	if (netdev &&
	    (netdev->loopback || (netdev->kind == BG_NETDEV_VLAN && netdev->vlan != branch->vlan)))
		return NULL;
	return netdev;
}

/* A table can be late, or not be had: who is not in it is asked for. */
static bool is_still_there(const struct names *names, __u32 ifindex, const char *name)
{
	const struct bg_netdev *netdev = by_name(names, name);

	if (!ifindex)
		return false;
	if (netdev)
		return netdev->ifindex == ifindex;
	netdev = bg_netdev_by_index(names->netdevs, ifindex);
	return !netdev && bg_interface_is_here(ifindex);
}

static bool pod_is_alive(const struct names *names, const struct bg_model_pod *pod)
{
	const struct bg_netdev *netdev = pod_netdev(names, pod);

	if (netdev)
		return pod->ifindex && netdev->ifindex == pod->ifindex;
	return is_still_there(names, pod->ifindex, pod->host_interface);
}

static bool is_alive(const struct names *names, const struct bg_model_branch *branch)
{
	if (!is_still_there(names, branch->ifindex, branch->interface))
		return false;
	for (size_t i = 0; i < branch->pod_count; i++)
		if (pod_is_alive(names, &branch->pods[i]))
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
	bg_cleanup(release_names) struct names names = {};
	struct bg_sight taken = {};
	size_t pod = 0;

	if (allocate(document, in_force, &taken) || learn_names(netdevs, &names)) {
		bg_sight_free(&taken);
		return -ENOMEM;
	}
	for (size_t i = 0; i < document->branch_count; i++) {
		const struct bg_model_branch *branch = &document->branches[i];

		taken.branches[i] = branch_netdev(&names, branch);
		for (size_t k = 0; k < branch->pod_count; k++)
			taken.pods[pod++] = pod_netdev(&names, &branch->pods[k]);
	}
	for (size_t i = 0; in_force && i < in_force->branch_count; i++)
		taken.alive[i] = is_alive(&names, &in_force->branches[i]);
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

int bg_sight_note(struct bg_model *in_force, const struct bg_netdevs *netdevs)
{
	bg_cleanup(release_names) struct names names = {};
	bool changed = false;

	if (learn_names(netdevs, &names))
		return -ENOMEM;
	for (size_t i = 0; i < in_force->branch_count; i++) {
		struct bg_model_branch *branch = &in_force->branches[i];

		if (branch->kept_since_ns)
			continue;
		changed |= note(&branch->ifindex, branch_netdev(&names, branch));
		for (size_t k = 0; k < branch->pod_count; k++)
			changed |= note(&branch->pods[k].ifindex,
					pod_netdev(&names, &branch->pods[k]));
	}
	return changed;
}
