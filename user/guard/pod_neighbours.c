// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What goes the short way, or is a probe, bears the hardware address that map `pods` has: that
 * of the veth's far end, when the pod was armed. A pod may change it, or have its address behind
 * a bridge of its own, as a virtual machine has. The kernel would find out, but nothing asks it
 * about pods that no packet reaches by the stack. So the daemon's loop has it asked, a few
 * addresses a round, as if a packet were sent there: that costs a pod a request for its
 * address (ARP, neighbour solicitation) about twice a minute. Standard pods are the stack's. What
 * fails is tried again by the next round; nothing here changes who is guarded.
 */
#include "guard/pod_neighbours.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"

static void ask(struct bg_netdevs *netdevs, __u32 ifindex, const struct bg_addr *address)
{
	struct bg_neighbour neighbour = {};
	int rc = bg_netdev_neighbour(netdevs, ifindex, address, &neighbour);

	if ((!rc && !neighbour.permanent) || rc == -ENOENT)
		bg_netdev_use_neighbour(netdevs, ifindex, address);
}

void bg_pods_ask(const struct bg_datapath *datapath, struct bg_netdevs *netdevs,
		 struct bg_addr *last)
{
	int fd = bpf_map__fd(datapath->skel->maps.pods);

	for (int i = 0; i < BG_PODS_ASKED; i++) {
		struct bg_addr address;
		struct bg_pod pod;

		if (bpf_map_get_next_key(fd, last, &address)) {
			memset(last, 0, sizeof(*last));
			return;
		}
		*last = address;
		if (!bpf_map_lookup_elem(fd, &address, &pod) && pod.mode == BG_STRICT &&
		    pod.host_ifindex)
			ask(netdevs, pod.host_ifindex, &address);
	}
}
