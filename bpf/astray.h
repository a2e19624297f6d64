/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What leaves by a branch and bears no mark of a veth's program. The CNI's rules for standard
 * pods go by the source alone: whoever writes a pod's there is routed out by that pod's branch,
 * wherever his packet came in. So it must have come in where the pod is. A pod whose veth is
 * gone, by all that is known, may be behind any that is not: that is a veth made anew while no
 * daemon looked.
 */
#ifndef BG_ASTRAY_H
#define BG_ASTRAY_H

#include "case.h"
#include "iface.h"

/* Has it come in elsewhere than by the veth of the pod whose source it bears? After dissect;
 * `c` is never NULL. */
__noinline int came_in_elsewhere(struct __sk_buff *ctx, struct bg_case *c)
{
	struct bg_iface *from = iface_find(ctx->ingress_ifindex);
	struct bg_addr local; /* Linux 6.1 takes a key from the stack only */
	struct bg_pod *pod;

	if (!c)
		return 0;
	/* from the network */
	if (from && (from->role == BG_ROLE_PRIMARY || from->role == BG_ROLE_TRUNK))
		return 1;
	local = c->packet.local;
	pod = bpf_map_lookup_elem(&pods, &local);
	return pod && pod->host_ifindex && pod->host_ifindex != ctx->ingress_ifindex &&
	       iface_lives(ctx, pod->host_ifindex);
}

#endif
