/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What does not leave the node: probes of strict pods, and node-local services.
 *
 * A probe is a packet that the node itself makes, from one of its addresses (or
 * a ProbeSources address) to a declared probe port of a strict pod on this node.
 * It goes from the primary interface's egress straight to the pod's veth, and
 * the reply from there to the primary interface's ingress, before early demux
 * can claim it for a socket and the routing rules send it out. The flow is
 * marked, so that nothing else takes the way back.
 */
#ifndef BG_LOCAL_H
#define BG_LOCAL_H

#include "short_way.h"

/* Entries of { address class, protocol << 16 | port } that are looked through;
 * the compiler refuses longer lists. */
#define LOCAL_LIST_MAX 256

static __always_inline bool listed(const struct bg_policy_view *view, __u32 list, __u32 entries,
				   __u32 class, __u8 protocol, __be16 port)
{
	__u32 service = (__u32)protocol << 16;

	if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP)
		service |= bpf_ntohs(port);
	for (__u32 i = 0; i < LOCAL_LIST_MAX; i++) {
		if (i >= entries)
			break;
		if (image_cell(view->image, list + 2 * i) == class &&
		    image_cell(view->image, list + 2 * i + 1) == service)
			return true;
	}
	return false;
}

/* Where a packet from a strict pod goes. */
enum bg_pod_way {
	BG_WAY_STACK = 0,
	BG_WAY_SHORT,
	BG_WAY_NODE,  /* to the node itself, by the fabric: short, with or without option */
	BG_WAY_LOCAL, /* into the node: the reply of a probe, or a local service */
	BG_WAY_DROP,
};

/* Decides it for a well-formed packet; judges it where it will not cross the
 * branch. `c` is never NULL. */
__noinline int strict_pod_way(struct bg_case *c)
{
	struct bg_judge j = { .c = c };
	__u32 class, info;
	int flags;

	if (!c || find_branch(&j) != BG_REASON_NONE)
		return BG_WAY_STACK;
	class = address_class(&j.view, &c->packet.remote, c->packet.ipv6);
	info = class_info(&j.view, class);
	if (info & (BG_CLASS_NODE | BG_CLASS_PROBE_SOURCE)) {
		c->flow.now_ns = case_clock_ns(c);
		flow_key(&c->flow.key, &c->packet, j.view.branch->tag);
		flags = flow_peek(&c->flow.key, c->flow.now_ns);
		if (flags >= 0 && flags & BG_FLOW_PROBE) {
			c->exempt = BG_REASON_PROBE;
			return verdict(c) ? BG_WAY_LOCAL : BG_WAY_DROP;
		}
		return info & BG_CLASS_NODE ? BG_WAY_NODE : BG_WAY_STACK;
	}
	if (info & BG_CLASS_LOCAL_SERVICE &&
	    listed(&j.view, j.view.header->local_services, j.view.header->local_service_count,
		   class, c->packet.protocol, c->packet.remote_port)) {
		c->flow.set_flags = BG_FLOW_LOCAL_SERVICE;
		return verdict(c) ? BG_WAY_LOCAL : BG_WAY_DROP;
	}
	return info & BG_CLASS_SERVICE ? BG_WAY_STACK : BG_WAY_SHORT;
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

/* A packet that the node made, on its way out of the primary interface. */
enum bg_node_way {
	BG_NODE_FABRIC = 0, /* not ours */
	BG_NODE_TO_POD,
	BG_NODE_ASK_PROBER, /* the first packet of a probe: is the sender allowed to? */
};

/* `local` is the destination: a pod, or not. `c` is never NULL. */
__noinline int node_packet_way(struct bg_case *c)
{
	struct bg_judge j = { .c = c };
	__u32 class, pod_class, info;
	int flags;

	if (!c || policy_view(&j.view) != BG_REASON_NONE)
		return BG_NODE_FABRIC;
	pod_class = address_class(&j.view, &c->packet.local, c->packet.ipv6);
	c->verdict.vlan = class_info(&j.view, pod_class) & BG_CLASS_VLAN_MASK;
	if (!c->verdict.vlan || find_branch(&j) != BG_REASON_NONE ||
	    j.view.branch->mode != BG_STRICT)
		return BG_NODE_FABRIC;
	class = address_class(&j.view, &c->packet.remote, c->packet.ipv6);
	info = class_info(&j.view, class);
	if (!(info & (BG_CLASS_NODE | BG_CLASS_PROBE_SOURCE | BG_CLASS_LOCAL_SERVICE)))
		return BG_NODE_FABRIC;
	flow_key(&c->flow.key, &c->packet, j.view.branch->tag);
	flags = flow_peek(&c->flow.key, case_clock_ns(c));
	if (flags >= 0 && flags & (BG_FLOW_PROBE | BG_FLOW_LOCAL_SERVICE))
		return BG_NODE_TO_POD;
	if (!(info & (BG_CLASS_NODE | BG_CLASS_PROBE_SOURCE)) ||
	    !listed(&j.view, j.view.branch->probes, j.view.branch->probe_count, pod_class,
		    c->packet.protocol, c->packet.local_port))
		return BG_NODE_FABRIC;
	return c->packet.tracking == BG_TRACK_ANY || c->packet.tracking == BG_TRACK_REQUEST
		       ? BG_NODE_ASK_PROBER
		       : BG_NODE_FABRIC;
}

#endif
