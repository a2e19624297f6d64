// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Decides which veths are those of standard pods by the CNI's routing. Called in every sync
 * with what the kernel has; it asks nothing and keeps nothing.
 */
#include "guard/routing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "guard/plan.h"

/* Where a table of the CNI's leads. */
enum leads { LEADS_NOWHERE, LEADS_TO_BRANCH, LEADS_ELSEWHERE };

static const struct bg_model_branch *branch_of_vlan(const struct bg_model *model, __u32 vlan)
{
	for (size_t i = 0; model && i < model->branch_count; i++)
		if ((__u32)model->branches[i].vlan == vlan)
			return &model->branches[i];
	return NULL;
}

static bool is_branch(const struct bg_netdev *netdev, __u32 vlan,
		      const struct bg_model_branch *branch)
{
	return (netdev->kind == BG_NETDEV_VLAN && netdev->vlan == vlan) ||
	       (__u32)bg_branch_name_vlan(netdev->name) == vlan ||
	       (branch && !strcmp(netdev->name, branch->interface));
}

static bool has_branch_interface(const struct bg_netdevs *netdevs, __u32 vlan,
				 const struct bg_model_branch *branch)
{
	size_t count;
	const struct bg_netdev *netdev = bg_netdevs_list(netdevs, &count);

	for (size_t i = 0; i < count; i++)
		if (is_branch(&netdev[i], vlan, branch))
			return true;
	return false;
}

/* 0: by its number it is no branch's. */
static __u32 table_vlan(__u32 table)
{
	__u32 vlan = table - BG_BRANCH_TABLE_BASE;

	return table > BG_BRANCH_TABLE_BASE && vlan < BG_VLANS - 1 ? vlan : 0;
}

/* Ordinary pods have such rules, too, whose tables lead to other network interfaces. */
static enum leads table_leads(const struct bg_routing *routing, const struct bg_netdevs *netdevs,
			      const struct bg_model *model, __u32 table)
{
	__u32 vlan = table_vlan(table);
	const struct bg_model_branch *branch = branch_of_vlan(model, vlan);
	enum leads leads = LEADS_NOWHERE;

	for (size_t i = 0; i < routing->default_count; i++) {
		const struct bg_default_route *route = &routing->defaults[i];
		const struct bg_netdev *netdev = bg_netdev_by_index(netdevs, route->ifindex);

		if (route->table != table)
			continue;
		if (vlan && netdev && is_branch(netdev, vlan, branch))
			return LEADS_TO_BRANCH;
		leads = LEADS_ELSEWHERE;
	}
	return leads;
}

/*
 * The VLAN of the branch that an address belongs to, 0 = none. As the kernel does, the first
 * rule counts whose table leads anywhere. If none does, as after a trunk that was down, the
 * main table takes the pod's packets: so one counts whose branch is there.
 */
static __u32 address_vlan(const struct bg_routing *routing, const struct bg_netdevs *netdevs,
			  const struct bg_model *model, const struct bg_addr *address)
{
	__u32 without_route = 0;

	for (size_t i = 0; i < routing->rule_count; i++) {
		const struct bg_routing_rule *rule = &routing->rules[i];
		__u32 vlan = table_vlan(rule->table);

		if (memcmp(&rule->from, address, sizeof(*address)) != 0)
			continue;
		switch (table_leads(routing, netdevs, model, rule->table)) {
		case LEADS_TO_BRANCH:
			return vlan;
		case LEADS_ELSEWHERE:
			return 0;
		case LEADS_NOWHERE:
			break;
		}
		if (!without_route && vlan &&
		    has_branch_interface(netdevs, vlan, branch_of_vlan(model, vlan)))
			without_route = vlan;
	}
	return without_route;
}

static bool has_address(const struct bg_model_branch *branch, const struct bg_addr *address)
{
	for (size_t i = 0; i < branch->pod_count; i++)
		for (size_t k = 0; k < branch->pods[i].address_count; k++)
			if (!memcmp(&branch->pods[i].addresses[k], address, sizeof(*address)))
				return true;
	return false;
}

static struct bg_routed_pod *get(struct bg_routed_pod **pods, size_t *count,
				 const struct bg_netdev *netdev)
{
	struct bg_routed_pod *pod;

	for (size_t i = 0; i < *count; i++)
		if ((*pods)[i].netdev == netdev)
			return &(*pods)[i];
	pod = BG_GROW(*pods, *count);
	if (pod)
		pod->netdev = netdev;
	return pod;
}

int bg_routed_pods(const struct bg_routing *routing, const struct bg_netdevs *netdevs,
		   const struct bg_model *model, struct bg_routed_pod **pods, size_t *count)
{
	bg_auto_free struct bg_routed_pod *found = NULL;
	size_t found_count = 0;

	for (size_t i = 0; i < routing->host_count; i++) {
		const struct bg_host_route *host = &routing->hosts[i];
		const struct bg_netdev *netdev = bg_netdev_by_index(netdevs, host->ifindex);
		const struct bg_model_branch *branch;
		struct bg_routed_pod *pod;
		__u32 vlan;

		if (!netdev || netdev->kind != BG_NETDEV_VETH)
			continue;
		vlan = address_vlan(routing, netdevs, model, &host->to);
		if (!vlan)
			continue;
		pod = get(&found, &found_count, netdev);
		if (!pod)
			return -ENOMEM;
		branch = branch_of_vlan(model, vlan);
		if (branch && has_address(branch, &host->to))
			pod->branch = branch;
	}
	*pods = bg_take_ptr(found);
	*count = found_count;
	return 0;
}
