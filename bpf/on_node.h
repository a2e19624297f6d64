/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What does not leave the node: probes of strict pods, node-local services, and the node's
 * errors about what a strict pod has sent (own_errors.h).
 *
 * A probe is a packet that the node itself makes, from one of its addresses (or
 * a ProbeSources address) to a declared probe port of a strict pod on this node.
 * It goes from the primary interface's egress straight to the pod's veth, and
 * the reply from there to the primary interface's ingress, before early demux
 * can claim it for a socket and the routing rules send it out. The flow is
 * marked and has a key of its own (BG_FLOW_KEY_PROBE), so that nothing else takes the
 * way back: a packet of the pod's that is not the probe's, such as a SYN on its ports, is
 * one of the branch like any other.
 */
#ifndef BG_ON_NODE_H
#define BG_ON_NODE_H

#include "own_errors.h"
#include "short_way.h"
#include "verdict.h"

/* Where a packet from a strict pod goes. */
enum bg_pod_exit {
	BG_EXIT_STACK = 0,
	BG_EXIT_SHORT_WAY,
	BG_EXIT_BY_FABRIC, /* to the node itself: the short way, even where that is off */
	BG_EXIT_SIBLING,   /* to a pod of the same branch, by the stack */
	BG_EXIT_INTO_NODE, /* into the node: the reply of a probe, or a local service */
	BG_EXIT_DROP,
};

/*
 * A later fragment goes where its first one went: it gets the ports of that before its way
 * is chosen. After consult(); `c` is never NULL.
 */
__noinline int recall_first(struct bg_case *c)
{
	return c && fragment_recall(&c->packet, c->findings.tag, c->direction, case_clock_ns(c));
}

/* Decides it for a well-formed packet (enum bg_pod_exit); what goes into the node is yet to be
 * judged. `c` is never NULL. */
__noinline int strict_pod_exit(struct bg_case *c)
{
	__u32 info;
	int flags;

	if (!c)
		return BG_EXIT_DROP;
	if (consult(c, BG_ASK_REMOTE, BG_EGRESS) != BG_REASON_NONE)
		return BG_EXIT_STACK;
	if (c->packet.fragment == BG_LATER_FRAGMENT)
		recall_first(c);
	info = c->findings.remote_info;
	if (info & (BG_CLASS_NODE | BG_CLASS_PROBE_SOURCE)) {
		flags = flow_of(c, BG_KEY_OF_PROBE);
		/* to itself, through a service: the stack knows whose address that was */
		if (flags >= 0 && !(flags & BG_FLOW_PROBE))
			return BG_EXIT_STACK;
		if (flags < 0)
			return info & BG_CLASS_NODE ? BG_EXIT_BY_FABRIC : BG_EXIT_STACK;
		case_is(c, BG_CASE_PROBE_ANSWER);
		return BG_EXIT_INTO_NODE;
	}
	if (info & BG_CLASS_LOCAL_SERVICE && is_listed(c, BG_LIST_LOCAL_SERVICES)) {
		case_is(c, BG_CASE_TO_SERVICE);
		return BG_EXIT_INTO_NODE;
	}
	if (remote_is_sibling(c))
		return BG_EXIT_SIBLING;
	return info & BG_CLASS_SERVICE ? BG_EXIT_STACK : BG_EXIT_SHORT_WAY;
}

/* From the pod's veth into the node, as if it had come in by the primary interface. */
static __always_inline int to_node(struct __sk_buff *ctx)
{
	struct bg_host *here;
	__u32 zero = 0;

	here = bpf_map_lookup_elem(&node, &zero);
	if (!here || !here->primary_ifindex)
		return TC_ACT_SHOT;
	/* the stack takes only what is addressed to the interface */
	if (bpf_skb_store_bytes(ctx, offsetof(struct ethhdr, h_dest), here->primary_mac,
				sizeof(here->primary_mac), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(here->primary_ifindex, BPF_F_INGRESS);
}

/* What is on its way out of the primary interface. */
enum bg_node_exit {
	BG_NODE_FABRIC = 0, /* not ours */
	BG_NODE_JUDGE,	    /* to the pod, if the node made it, or on */
	BG_NODE_ASK_PROBER, /* the first packet of a probe: is the sender allowed to? */
	BG_NODE_REFUSE,
};

/* enum bg_node_exit, of what the node made. `local` is the destination: a pod, or not; `c` is never NULL. */
__noinline int node_packet_exit(struct bg_case *c)
{
	const __u32 sources = BG_CLASS_NODE | BG_CLASS_PROBE_SOURCE;
	int flags;

	if (!c)
		return BG_NODE_FABRIC;
	if (consult(c, BG_ASK_LOCAL | BG_ASK_REMOTE | BG_ASK_OWNER, BG_INGRESS) != BG_REASON_NONE ||
	    c->findings.mode != BG_STRICT ||
	    !(c->findings.remote_info & (sources | BG_CLASS_LOCAL_SERVICE)))
		return BG_NODE_FABRIC;
	if (c->packet.fragment == BG_LATER_FRAGMENT)
		recall_first(c);
	if (c->findings.remote_info & BG_CLASS_LOCAL_SERVICE) {
		flags = flow_of(c, BG_KEY_OF_BRANCH);
		if (flags >= 0 && flags & BG_FLOW_LOCAL_SERVICE) {
			case_is(c, BG_CASE_FROM_SERVICE);
			return BG_NODE_JUDGE;
		}
	}
	if (!(c->findings.remote_info & sources))
		return BG_NODE_FABRIC;
	if (c->packet.icmp_error && is_error_about_sent(c)) {
		case_is(c, BG_CASE_ERROR_OF_NODE);
		return BG_NODE_JUDGE;
	}
	flags = flow_of(c, BG_KEY_OF_PROBE);
	if (flags >= 0 && flags & BG_FLOW_PROBE) {
		case_is(c, BG_CASE_PROBE);
		return BG_NODE_JUDGE;
	}
	if ((c->packet.tracking != BG_TRACK_ANY && c->packet.tracking != BG_TRACK_REQUEST) ||
	    !is_listed(c, BG_LIST_PROBES))
		return BG_NODE_FABRIC;
	return BG_NODE_ASK_PROBER;
}

#endif
