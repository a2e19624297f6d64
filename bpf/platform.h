/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traffic that EC2 never filters, whatever the groups say ("Security groups",
 * VPC user guide): resolver, instance metadata, ECS task metadata, time sync,
 * Windows activation. The addresses are marked in the image's class_info.
 */
#ifndef BG_PLATFORM_H
#define BG_PLATFORM_H

#include "case.h"

/* `direction`: the one in which the flow was opened. */
static __always_inline bool is_platform(const struct bg_case *c, enum bg_direction direction)
{
	const struct bg_packet *packet = &c->packet;
	bool tcp = packet->protocol == IPPROTO_TCP, udp = packet->protocol == IPPROTO_UDP;
	__u32 info = c->findings.remote_info;

	/* the pod asks; the answers belong to the flow that this opens */
	if (direction != BG_EGRESS || c->findings.header_flags & BG_NODE_FILTER_PLATFORM)
		return false;
	if (!tcp && !udp)
		return false;
	switch (bpf_ntohs(packet->remote_port)) {
	case 53:
		return info & BG_CLASS_DNS;
	case 80:
		return tcp && info & (BG_CLASS_IMDS | BG_CLASS_ECS);
	case 123:
		return udp && info & BG_CLASS_TIME;
	case 1688:
		return tcp && info & BG_CLASS_KMS;
	default:
		return false;
	}
}

#endif
