/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps by which the programs know interfaces and pods: ifaces, fast_ifaces,
 * fast_vlans, branches and pods (headers/maps.h). */
#ifndef BG_GUARD_IFACE_MAPS_H
#define BG_GUARD_IFACE_MAPS_H

#include "datapath/datapath.h"
#include "guard/netdevs.h"
#include "maps.h"

int bg_iface_set(const struct bg_datapath *datapath, const struct bg_iface *iface,
		 struct bg_error *err);
/* false: the kernel says that it is not entered so, whatever was written once. */
bool bg_iface_is_entered(const struct bg_datapath *datapath, const struct bg_iface *iface);
/* The interface is entered nowhere any more. An error, here and below: what could not be
 * cleared may still be there. */
int bg_iface_clear(const struct bg_datapath *datapath, __u32 ifindex);

/* Every interface that is entered; an error if they cannot all be read. */
int bg_iface_each(const struct bg_datapath *datapath,
		  void (*each)(const struct bg_iface *iface, void *context), void *context);

/* Arms a VLAN on this interface: from now on the trunk lets its frames pass. */
int bg_vlan_set(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex,
		struct bg_error *err);
/* The VLAN is not armed any more, unless another interface has it by now. */
int bg_vlan_clear(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex);

/* The interface of a VLAN's branch; armed_ns 0: it is not armed. Does nothing when the
 * map has no such branch. */
int bg_branch_set(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex, __u64 armed_ns,
		  struct bg_error *err);

/* Since when the branch is armed on this interface, 0 = it is not. */
__u64 bg_branch_armed_ns(const struct bg_datapath *datapath, __u32 vlan, __u32 ifindex);

/* When a daemon last said that it lives, 0 = not known. */
__u64 bg_last_beat_ns(const struct bg_datapath *datapath);

/*
 * Brings `pods` in line with the model and the interfaces. Hardware addresses
 * that are known stay as long as the interface does.
 */
int bg_pods_sync(const struct bg_datapath *datapath, const struct bg_model *model,
		 struct bg_netdevs *netdevs, struct bg_error *err);

/* The interface is gone: another one may have its ifindex, and not be that pod's. */
int bg_pods_forget(const struct bg_datapath *datapath, __u32 ifindex);

/* The kernel learned a neighbour's hardware address, perhaps that of a pod. */
void bg_pods_neighbour(const struct bg_datapath *datapath, const struct bg_neighbour *neighbour);

#endif
