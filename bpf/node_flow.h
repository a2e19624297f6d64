/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flows that a standard pod has as the node: what it sends leaves with the node's address
 * (SNAT), or is the answer to what came for a port of the node (DNAT). Both are judged as
 * they leave the primary interface, and begin and live by what comes in there, too: else they
 * would stay half-open, and an answer would be known by the mark in tc_index alone, which a
 * filter of others at the veth wipes by TC_ACT_OK (short_way.h).
 *
 * Nothing that comes for the node is dropped here, and it opens no flow by itself: most of it is
 * for no pod. What was seen last stands in the case (`arrived`); if the stack brings it to a
 * standard pod's veth, which it does before this CPU sees another packet come in, its flow begins.
 * Where a queue is in between, it does not, and the mark has to do.
 */
#ifndef BG_NODE_FLOW_H
#define BG_NODE_FLOW_H

#include "verdict.h"

/* For what comes in by the primary interface and is no pod's. `c` is never NULL. */
__noinline int node_receives(struct bg_case *c)
{
	struct bg_policy_view view;
	struct bg_arrival *arrived;

	if (!c || policy_view(&view) != BG_REASON_NONE ||
	    !(view.header->flags & BG_NODE_STANDARD) || c->packet.fragment == BG_LATER_FRAGMENT ||
	    c->packet.tracking == BG_TRACK_NONE)
		return 0;
	arrived = &c->arrived;
	arrived->to = c->packet.local;
	arrived->to_port = c->packet.local_port;
	arrived->from = c->packet.remote;
	arrived->from_port = c->packet.remote_port;
	arrived->protocol = c->packet.protocol;
	c->flow.now_ns = case_clock_ns(c);
	/* what leaves is reviewed, not this */
	c->flow.revision = BG_ANY_REVISION;
	c->flow.timeouts = view.header->node_timeouts;
	c->flow.set_flags = c->flow.clear_flags = 0;
	flow_key(&c->flow.key, &c->packet, 0);
	flow_place(&c->flow.place, &c->flow.key);
	if (flow_find_in(&c->flow, &c->packet, BG_INGRESS, 0) == BG_FLOW_ELSEWHERE)
		flow_find_in(&c->flow, &c->packet, BG_INGRESS, 1);
	return 0;
}

/* A flow has begun at a standard pod's veth: so does the node's, if that is how the packet came
 * here. `c` is never NULL. */
__noinline int node_flow_begins(struct bg_case *c)
{
	const struct bg_arrival *arrived;
	const struct bg_packet *packet;

	if (!c)
		return 0;
	arrived = &c->arrived;
	packet = &c->packet;
	if (!bg_has_ports(packet->protocol) || packet->fragment || packet->tcp_flags & TCP_RST ||
	    arrived->protocol != packet->protocol || arrived->from_port != packet->remote_port ||
	    (BG_HALF(&arrived->from, 0) ^ BG_HALF(&packet->remote, 0)) |
		    (BG_HALF(&arrived->from, 1) ^ BG_HALF(&packet->remote, 1)))
		return 0;
	c->flow.key.local = arrived->to;
	c->flow.key.local_port = arrived->to_port;
	c->flow.key.branch = 0;
	flow_place(&c->flow.place, &c->flow.key);
	return begin_flow(&c->flow);
}

#endif
