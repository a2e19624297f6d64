/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which programs belong on which interfaces: a decision from the feed and the
 * table of interfaces, nothing else. */
#ifndef BG_GUARD_PLAN_H
#define BG_GUARD_PLAN_H

#include "base/dict.h"
#include "datapath/attach.h"
#include "feed/model.h"
#include "guard/netdevs.h"
#include "maps.h"

enum bg_xdp_choice { BG_XDP_OFF, BG_XDP_ON_BRANCH, BG_XDP_ON_TRUNK };

struct bg_planned {
	const struct bg_netdev *netdev;
	enum bg_role role;
	__u32 vlan;	       /* of a branch or of a pod's branch; 0: judged as no branch */
	unsigned int programs; /* set of BG_PROGRAM_BIT() */
	const struct bg_model_branch *branch; /* NULL: none in the feed */
	/* a branch or pod of this one names the interface, which is the node's own */
	const struct bg_model_branch *left_out;
};

struct bg_plan {
	struct bg_planned *planned;
	size_t count;
	struct bg_dict by_ifindex; /* → index in planned */
	bool has_trunk, has_primary;
	__u32 way_out; /* ifindex of the default route, 0 = none known: the node's own in any case */
};

/*
 * `model` is NULL before the first feed: then every interface with the name of a
 * branch is one, without rules. `primary` is that of the default route.
 * 0 or -ENOMEM; the plan points into model and netdevs.
 */
int bg_plan_make(const struct bg_model *model, const struct bg_netdevs *netdevs,
		 enum bg_xdp_choice xdp, __u32 primary, struct bg_plan *plan);
/* One more, unless it has a part or is the node's own. 0 or -ENOMEM. */
int bg_plan_add_standard_pod(struct bg_plan *plan, const struct bg_netdev *netdev,
			     const struct bg_model_branch *branch);
void bg_plan_free(struct bg_plan *plan);
const struct bg_planned *bg_plan_find(const struct bg_plan *plan, __u32 ifindex);

/* The primary interface: what the feed names, or else that of the default route. NULL: none. */
const struct bg_netdev *bg_plan_primary(const struct bg_model *model,
					const struct bg_netdevs *netdevs, __u32 primary);

unsigned int bg_role_programs(enum bg_role role, enum bg_xdp_choice xdp);

/* "vlan.eth.9" → 9; 0: no such name. */
int bg_branch_name_vlan(const char *name);

/*
 * The host end of a pod's veth. The CNI calls it vlan<hash> in strict and
 * eni<hash> in standard mode, so a pod that was attached in another mode than
 * the feed's has the other name. NULL: not there.
 */
const struct bg_netdev *bg_pod_netdev(const struct bg_netdevs *netdevs,
				      const struct bg_model_pod *pod);

/* The mode by the CNI's name of a host veth; false: it is not one of these names. */
bool bg_pod_name_mode(const char *name, enum bg_mode *mode);

#endif
