// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The policy of what is guarded: branches, trunks, pods' veths and the primary
 * interface, each with its programs. ifaces.c makes a plan for every sync; other files
 * of the room ask for the CNI's names. Nothing is attached, and no state is kept.
 */
#include "guard/plan.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"

#define BRANCH_PREFIX "vlan.eth."
#define STRICT_PREFIX "vlan"
#define STANDARD_PREFIX "eni"
#define NAME_HASH_DIGITS 11

unsigned int bg_role_programs(enum bg_role role, enum bg_xdp_choice xdp)
{
	unsigned int programs = bg_tc_programs(role);

	if (role == BG_ROLE_BRANCH && xdp == BG_XDP_ON_BRANCH)
		programs |= BG_PROGRAM_BIT(BG_XDP_BRANCH);
	if (role == BG_ROLE_TRUNK && xdp == BG_XDP_ON_TRUNK)
		programs |= BG_PROGRAM_BIT(BG_XDP_TRUNK);
	return programs;
}

int bg_branch_name_vlan(const char *name)
{
	const char *digits = name + strlen(BRANCH_PREFIX);
	long vlan;
	char *end;

	if (strncmp(name, BRANCH_PREFIX, strlen(BRANCH_PREFIX)) != 0 || *digits < '1' ||
	    *digits > '9')
		return 0;
	vlan = strtol(digits, &end, 10);
	return *end || vlan >= BG_VLANS - 1 ? 0 : (int)vlan;
}

static struct bg_planned *find(const struct bg_plan *plan, __u32 ifindex)
{
	const size_t *found = bg_dict_find(&plan->by_ifindex, &ifindex, sizeof(ifindex));

	return found ? &plan->planned[*found] : NULL;
}

const struct bg_planned *bg_plan_find(const struct bg_plan *plan, __u32 ifindex)
{
	return find(plan, ifindex);
}

/* The CNI's names of branches and of pods' veths. */
static bool is_named_by_cni(const struct bg_netdev *netdev)
{
	enum bg_mode mode;

	return bg_branch_name_vlan(netdev->name) || bg_pod_name_mode(netdev->name, &mode);
}

/*
 * Called the node's own, such a one would be judged by nobody: it is not, whatever a feed
 * says, or a default route that somebody advertised.
 */
static const struct bg_netdev *of_node(const struct bg_netdev *netdev)
{
	return netdev && !is_named_by_cni(netdev) ? netdev : NULL;
}

const struct bg_netdev *bg_plan_primary(const struct bg_model *model,
					const struct bg_netdevs *netdevs, __u32 primary)
{
	if (model && model->node.primary_interface[0])
		return of_node(bg_netdev_by_name(netdevs, model->node.primary_interface));
	return of_node(bg_netdev_by_index(netdevs, primary));
}

/* Cut off, it would cut off the node: no branch's or pod's, whatever a feed says, or whatever
 * else it calls the primary one. */
static bool is_node_s_own(const struct bg_plan *plan, const struct bg_netdev *netdev)
{
	return netdev->loopback || netdev->ifindex == plan->way_out;
}

static bool is_of_pods(enum bg_role role)
{
	return role == BG_ROLE_BRANCH || role == BG_ROLE_POD_STRICT || role == BG_ROLE_POD_STANDARD;
}

/* One interface may have two roles (a trunk that is the primary interface as
 * well): then it gets both sets of programs, and the first role. */
static int add(struct bg_plan *plan, const struct bg_planned *planned)
{
	struct bg_planned *known = find(plan, planned->netdev->ifindex);
	struct bg_planned added = *planned;

	const bool own =
		is_node_s_own(plan, planned->netdev) ||
		(known && (known->role == BG_ROLE_PRIMARY || known->role == BG_ROLE_TRUNK));

	if (known && own && is_of_pods(planned->role)) {
		known->left_out = planned->branch;
		return 0;
	}
	if (known) {
		known->programs |= planned->programs;
		return 0;
	}
	if (own && is_of_pods(planned->role))
		added = (struct bg_planned){ .netdev = planned->netdev,
					     .left_out = planned->branch };
	known = BG_GROW(plan->planned, plan->count);
	if (!known || !bg_dict_put(&plan->by_ifindex, &planned->netdev->ifindex,
				   sizeof(planned->netdev->ifindex), plan->count - 1, NULL))
		return -ENOMEM;
	*known = added;
	return 0;
}

/* The branches of a feed, by what interfaces have in common with them. */
struct branches {
	struct bg_dict by_interface; /* → index in the model */
	bool has_vlan[BG_VLANS];
};

static int learn_branches(const struct bg_model *model, struct branches *branches)
{
	for (size_t i = 0; model && i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		branches->has_vlan[branch->vlan] = true;
		if (!bg_dict_put(&branches->by_interface, branch->interface,
				 strlen(branch->interface), i, NULL))
			return -ENOMEM;
	}
	return 0;
}

static void release_branches(struct branches *branches)
{
	bg_dict_release(&branches->by_interface);
}

static int add_branches(struct bg_plan *plan, const struct bg_model *model,
			const struct bg_netdevs *netdevs, enum bg_xdp_choice xdp)
{
	bg_cleanup(release_branches) struct branches branches = {};
	size_t count;
	const struct bg_netdev *netdev = bg_netdevs_list(netdevs, &count);
	int rc = learn_branches(model, &branches);

	for (size_t i = 0; i < count && !rc; i++, netdev++) {
		const size_t *found =
			bg_dict_find(&branches.by_interface, netdev->name, strlen(netdev->name));
		const struct bg_model_branch *branch = found ? &model->branches[*found] : NULL;
		struct bg_planned planned = {
			.netdev = netdev,
			.role = BG_ROLE_BRANCH,
			.vlan = branch ? branch->vlan : bg_branch_name_vlan(netdev->name),
			.programs = bg_role_programs(BG_ROLE_BRANCH, xdp),
			.branch = branch,
		};

		if (!planned.vlan)
			continue;
		/* the feed has this VLAN on another interface: no rules for this one */
		if (!branch && branches.has_vlan[planned.vlan])
			planned.vlan = 0;
		rc = add(plan, &planned);
	}
	return rc;
}

static int add_trunk(struct bg_plan *plan, const struct bg_netdev *netdev, enum bg_xdp_choice xdp)
{
	struct bg_planned planned = {
		.netdev = netdev,
		.role = BG_ROLE_TRUNK,
		.programs = bg_role_programs(BG_ROLE_TRUNK, xdp),
	};

	plan->has_trunk = true;
	return add(plan, &planned);
}

static int add_named_trunk(struct bg_plan *plan, const struct bg_model *model,
			   const struct bg_netdevs *netdevs, enum bg_xdp_choice xdp)
{
	const struct bg_netdev *trunk = NULL;

	if (model)
		trunk = of_node(bg_netdev_by_name(netdevs, model->node.trunk_interface));
	return trunk ? add_trunk(plan, trunk, xdp) : 0;
}

/* Where the feed names none: the parents of the branches. */
static int add_parent_trunks(struct bg_plan *plan, const struct bg_model *model,
			     const struct bg_netdevs *netdevs, enum bg_xdp_choice xdp)
{
	size_t branches = plan->count;
	const struct bg_netdev *trunk;
	int rc;

	if (model && model->node.trunk_interface[0])
		return 0;
	for (size_t i = 0; i < branches; i++) {
		const struct bg_netdev *netdev = plan->planned[i].netdev;

		if (plan->planned[i].role != BG_ROLE_BRANCH || netdev->kind != BG_NETDEV_VLAN ||
		    netdev->lower_netnsid >= 0)
			continue;
		trunk = bg_netdev_by_index(netdevs, netdev->lower);
		rc = trunk ? add_trunk(plan, trunk, xdp) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

static bool is_hash(const char *text)
{
	size_t length = 0;

	while (isxdigit((unsigned char)text[length]))
		length++;
	return length == NAME_HASH_DIGITS && !text[length];
}

bool bg_pod_name_mode(const char *name, enum bg_mode *mode)
{
	if (!strncmp(name, STRICT_PREFIX, strlen(STRICT_PREFIX)) &&
	    is_hash(name + strlen(STRICT_PREFIX)))
		*mode = BG_STRICT;
	else if (!strncmp(name, STANDARD_PREFIX, strlen(STANDARD_PREFIX)) &&
		 is_hash(name + strlen(STANDARD_PREFIX)))
		*mode = BG_STANDARD;
	else
		return false;
	return true;
}

const struct bg_netdev *bg_pod_netdev(const struct bg_netdevs *netdevs,
				      const struct bg_model_pod *pod)
{
	const struct bg_netdev *netdev = bg_netdev_by_name(netdevs, pod->host_interface);
	const char *name = pod->host_interface;
	enum bg_mode mode;
	char other[32];

	if (netdev || !bg_pod_name_mode(name, &mode))
		return netdev;
	snprintf(other, sizeof(other), "%s%s", mode == BG_STRICT ? STANDARD_PREFIX : STRICT_PREFIX,
		 name + strlen(name) - NAME_HASH_DIGITS);
	return bg_netdev_by_name(netdevs, other);
}

static int add_pods(struct bg_plan *plan, const struct bg_model *model,
		    const struct bg_netdevs *netdevs)
{
	for (size_t i = 0; model && i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		enum bg_role role = branch->mode == BG_STANDARD ? BG_ROLE_POD_STANDARD
								: BG_ROLE_POD_STRICT;

		for (size_t j = 0; j < branch->pod_count; j++) {
			struct bg_planned planned = {
				.netdev = bg_pod_netdev(netdevs, &branch->pods[j]),
				.role = role,
				.vlan = branch->vlan,
				.programs = bg_role_programs(role, BG_XDP_OFF),
				.branch = branch,
			};
			int rc = planned.netdev ? add(plan, &planned) : 0;

			if (rc)
				return rc;
		}
	}
	return 0;
}

static int add_primary(struct bg_plan *plan, const struct bg_model *model,
		       const struct bg_netdevs *netdevs, __u32 primary)
{
	struct bg_planned planned = {
		.netdev = bg_plan_primary(model, netdevs, primary),
		.role = BG_ROLE_PRIMARY,
		.programs = bg_role_programs(BG_ROLE_PRIMARY, BG_XDP_OFF),
	};

	if (!planned.netdev)
		return 0;
	plan->has_primary = true;
	return add(plan, &planned);
}

int bg_plan_make(const struct bg_model *model, const struct bg_netdevs *netdevs,
		 enum bg_xdp_choice xdp, __u32 primary, struct bg_plan *plan)
{
	struct bg_plan made = {
		.way_out = of_node(bg_netdev_by_index(netdevs, primary)) ? primary : 0,
	};
	int rc;

	/* the node's own first: no feed gives them another role. An interface that is
	 * primary and trunk has the role of the primary one, and both sets of programs */
	rc = add_primary(&made, model, netdevs, primary) ?:
	     add_named_trunk(&made, model, netdevs, xdp) ?:
	     add_branches(&made, model, netdevs, xdp) ?:
	     add_parent_trunks(&made, model, netdevs, xdp) ?:
	     add_pods(&made, model, netdevs);
	if (rc) {
		bg_plan_free(&made);
		return rc;
	}
	*plan = made;
	return 0;
}

int bg_plan_add_standard_pod(struct bg_plan *plan, const struct bg_netdev *netdev,
			     const struct bg_model_branch *branch)
{
	struct bg_planned planned = {
		.netdev = netdev,
		.role = BG_ROLE_POD_STANDARD,
		.vlan = branch ? branch->vlan : 0,
		.programs = bg_role_programs(BG_ROLE_POD_STANDARD, BG_XDP_OFF),
		.branch = branch,
	};

	return find(plan, netdev->ifindex) || is_node_s_own(plan, netdev) ? 0 : add(plan, &planned);
}

void bg_plan_free(struct bg_plan *plan)
{
	bg_dict_release(&plan->by_ifindex);
	free(plan->planned);
	plan->planned = NULL;
	plan->count = 0;
}
