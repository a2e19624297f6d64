/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Standard pods. What stays on the node is not filtered, what crosses the branch
 * is judged there. The rest is here: with ExternalSnat false the CNI sends IPv4
 * out of the VPC by the primary interface, with the node's address. The branch's
 * groups judge it at the pod's veth, before SNAT; the node's at the primary
 * interface. With StandardMode "per-interface" only the node's do.
 */
#ifndef BG_STANDARD_H
#define BG_STANDARD_H

#include "verdict.h"

/*
 * Did the remote open the packet's flow, at the primary interface? The flow says so,
 * but where the pod's side judges nothing a reply may have been taken for a first
 * packet: that is so for services, and with "per-interface" for all that leaves
 * there, unless it is TCP and its SYN was seen.
 */
static __always_inline bool came_in_by_primary(struct bg_case *c)
{
	int flags = flow_of(c, BG_KEY_OF_BRANCH);

	if (flags < 0 || !(flags & BG_FLOW_PRIMARY) || c->findings.remote_info & BG_CLASS_SERVICE)
		return false;
	return !(c->findings.header_flags & BG_NODE_PER_INTERFACE) ||
	       (c->packet.protocol == IPPROTO_TCP && !(flags & BG_FLOW_MIDSTREAM));
}

/*
 * Will the CNI's rules send this packet of a standard pod out by the primary
 * interface? The branch never sees it then: its flow or the branch's groups must
 * admit it here. The answer to what came in there goes back there (connection mark
 * 0x80), whatever its destination; other IPv4 out of the VPC is SNATed. Services are
 * not known before DNAT: BG_CASE_PRIMARY_LEAVES catches those. What the CNI does,
 * user/explain/path.c predicts without a packet.
 */
static __always_inline bool leaves_by_primary(struct bg_case *c)
{
	/* the CNI has neither for IPv6 */
	if (c->packet.ipv6 || consult(c, BG_ASK_REMOTE, BG_EGRESS) != BG_REASON_NONE)
		return false;
	if (came_in_by_primary(c))
		return true;
	if (c->findings.header_flags & (BG_NODE_EXTERNAL_SNAT | BG_NODE_PER_INTERFACE))
		return false;
	return !(c->findings.remote_info &
		 (BG_CLASS_VLAN_MASK | BG_CLASS_VPC | BG_CLASS_EXCLUDE_SNAT | BG_CLASS_NODE |
		  BG_CLASS_SERVICE | BG_CLASS_LOCAL_SERVICE));
}

/* Is it addressed to a standard pod of this node? c->verdict.vlan is its branch then. */
static __always_inline bool is_for_standard_pod(struct bg_case *c)
{
	return consult(c, BG_ASK_LOCAL | BG_ASK_OWNER, BG_INGRESS) == BG_REASON_NONE &&
	       c->findings.mode == BG_STANDARD;
}

#endif
