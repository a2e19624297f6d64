/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Standard pods. What stays on the node is not filtered, what crosses the branch
 * is judged there. The rest is here: with ExternalSnat false the CNI sends IPv4
 * out of the VPC by the primary interface, with the node's address. The branch's
 * groups judge it at the pod's veth, before SNAT; the node's at the primary
 * interface. With StandardMode "per-interface" only the latter do.
 */
#ifndef BG_STANDARD_H
#define BG_STANDARD_H

#include "verdict.h"

/* Will the CNI's rules SNAT this packet of a standard pod, so that the branch
 * never sees it, and must the branch's groups admit it? Services are not known
 * before DNAT: node_egress_groups() catches those. `c` is never NULL. */
__noinline int leaves_by_primary(struct bg_case *c)
{
	struct bg_judge j = { .c = c };
	__u32 info;

	/* the CNI has no SNAT for IPv6 */
	if (!c || c->packet.ipv6 || find_branch(&j) != BG_REASON_NONE)
		return 0;
	if (j.view.header->flags & (BG_NODE_EXTERNAL_SNAT | BG_NODE_PER_INTERFACE))
		return 0;
	info = class_info(&j.view, address_class(&j.view, &c->packet.remote, false));
	return !(info & (BG_CLASS_VLAN_MASK | BG_CLASS_VPC | BG_CLASS_EXCLUDE_SNAT | BG_CLASS_NODE |
			 BG_CLASS_SERVICE | BG_CLASS_LOCAL_SERVICE));
}

/* Whose rules must admit what a standard pod sends out of the primary interface. */
static __always_inline __u16 node_egress_groups(const struct bg_case *c)
{
	struct bg_policy_view view;

	if (c->came_by == BG_PATH_JUDGED)
		return BG_GROUPS_NODE;
	if (policy_view(&view) == BG_REASON_NONE && view.header->flags & BG_NODE_PER_INTERFACE)
		return BG_GROUPS_NODE;
	return BG_GROUPS_NODE | BG_GROUPS_BRANCH;
}

/* Is it addressed to a standard pod of this node? Then says whose rules must
 * admit it, and for which branch. `c` is never NULL. */
__noinline int is_for_standard_pod(struct bg_case *c)
{
	struct bg_judge j = { .c = c };
	__u32 class;

	if (!c || policy_view(&j.view) != BG_REASON_NONE)
		return 0;
	class = address_class(&j.view, &c->packet.local, c->packet.ipv6);
	c->verdict.vlan = class_info(&j.view, class) & BG_CLASS_VLAN_MASK;
	if (!c->verdict.vlan || find_branch(&j) != BG_REASON_NONE ||
	    j.view.branch->mode != BG_STANDARD)
		return 0;
	c->groups = BG_GROUPS_NODE;
	if (!(j.view.header->flags & BG_NODE_PER_INTERFACE))
		c->groups |= BG_GROUPS_BRANCH;
	return 1;
}

#endif
