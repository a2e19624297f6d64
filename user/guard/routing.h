/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the CNI routes standard pods: a rule `from ADDRESS lookup VLAN+100` for each, the
 * table's default route by the branch, and a route to the address, by the pod's veth, in the
 * main table. From that a decision: whose veth is a branch's though no feed says so?
 */
#ifndef BG_GUARD_ROUTING_H
#define BG_GUARD_ROUTING_H

#include "feed/model.h"
#include "guard/netdevs.h"

/* A pod that these rules name. It holds no memory of its own. */
struct bg_routed_pod {
	const struct bg_netdev *netdev;
	const struct bg_model_branch *branch; /* NULL: that one has no such address in the feed */
};

/*
 * The caller frees *pods, which points into model (may be NULL) and netdevs; one veth is in it
 * once. 0 or -ENOMEM.
 */
int bg_routed_pods(const struct bg_routing *routing, const struct bg_netdevs *netdevs,
		   const struct bg_model *model, struct bg_routed_pod **pods, size_t *count);

#endif
