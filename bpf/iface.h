/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which interface is this? One inlined look-up, a hash only on collision. */
#ifndef BG_IFACE_H
#define BG_IFACE_H

#include <linux/errno.h>

#include "maps.bpf.h"

/* NULL: an interface that the loader has not entered. */
static __always_inline struct bg_iface *iface_find(__u32 ifindex)
{
	__u32 place = ifindex & (BG_IFACES - 1);
	struct bg_iface *iface = bpf_map_lookup_elem(&fast_ifaces, &place);

	if (iface && iface->ifindex == ifindex)
		return iface;
	return bpf_map_lookup_elem(&ifaces, &ifindex);
}

/* The VLAN of a branch interface, 0 = it is none. */
static __always_inline __u32 iface_branch_vlan(__u32 ifindex)
{
	struct bg_iface *iface = iface_find(ifindex);

	return iface && iface->role == BG_ROLE_BRANCH ? iface->vlan : 0;
}

/* Do other programs run on this interface, which a redirect would pass by? */
static __always_inline bool iface_is_shared(__u32 ifindex)
{
	struct bg_iface *iface = iface_find(ifindex);

	return !iface || iface->flags & BG_IFACE_SHARED;
}

/*
 * May packets between this veth and this branch pass the node's stack by, which would do as
 * well? In both directions or in none: conntrack and programs of others see all of a
 * connection, or nothing.
 */
static __always_inline bool way_is_open(__u32 veth_ifindex, __u32 branch_ifindex)
{
	return !iface_is_shared(veth_ifindex) && !iface_is_shared(branch_ifindex);
}

/* Is there still an interface of that index? */
static __always_inline bool iface_lives(void *ctx, __u32 ifindex)
{
	__u32 mtu_bytes = 0;

	return bpf_check_mtu(ctx, ifindex, &mtu_bytes, 0, 0) != -ENODEV;
}

/*
 * The ifindex of the armed branch of a VLAN, 0 = not armed. Its interface may have gone
 * while no daemon looked, and another of that VLAN have come, which is not guarded.
 */
static __always_inline __u32 vlan_armed_ifindex(void *ctx, __u32 vlan)
{
	__u32 *armed = bpf_map_lookup_elem(&fast_vlans, &vlan);
	__u32 ifindex = armed ? *armed : 0;

	return ifindex && iface_lives(ctx, ifindex) ? ifindex : 0;
}

#endif
