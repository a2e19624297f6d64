/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the datapath reports: counters always, events while somebody listens. */
#ifndef BG_REPORT_H
#define BG_REPORT_H

#include "case.h"
#include "config.h"
#include "maps.bpf.h"
#include "verifier.h"

static __always_inline struct bg_counters *case_counters(const struct bg_case *c)
{
	__u32 index = c->verdict.slot * BG_DIRECTIONS + c->direction;

	return bpf_map_lookup_elem(&fast_counters, &index);
}

static __always_inline void count(const struct bg_case *c)
{
	struct bg_counters *counter = case_counters(c);

	if (!counter)
		return;
	counter->packets[bound(c->verdict.reason, BG_REASON_MAX)]++;
	if (bg_reason_passes(c->verdict.reason))
		counter->passed_bytes += c->packet.length_bytes;
	else
		counter->dropped_bytes += c->packet.length_bytes;
}

static __always_inline void count_short_way(const struct bg_case *c)
{
	struct bg_counters *counter = case_counters(c);

	if (counter)
		counter->short_way_packets++;
}

static __always_inline struct bg_control *control_block(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* Costs one look-up and a comparison while nobody listens. */
static __always_inline void report_event(struct bg_case *c, enum bg_event_type type)
{
	const struct bg_packet *packet = &c->packet;
	struct bg_control *block = control_block();
	__u64 now_ns = case_clock_ns(c);
	struct bg_event *event;

	if (!block || block->events_until_ns < now_ns)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&block->events_lost, 1);
		return;
	}
	/* the flow has the time of its packet, which is a tick ago or more by now: who reads
	 * both knows by it that they are one */
	event->time_ns = type == BG_EVENT_FLOW ? c->flow.now_ns : now_ns;
	event->type = type;
	event->reason = c->verdict.reason;
	event->direction = c->direction;
	event->vlan = c->verdict.vlan;
	event->ifindex = c->ifindex;
	event->rule = c->verdict.rule;
	event->revision = c->verdict.revision;
	event->length_bytes = packet->length_bytes;
	event->local = packet->local;
	event->remote = packet->remote;
	event->local_port = packet->local_port;
	event->remote_port = packet->remote_port;
	event->protocol = packet->protocol;
	event->icmp_type = packet->icmp_type;
	event->icmp_code = packet->icmp_code;
	event->pad = 0;
	bpf_ringbuf_submit(event, 0);
}

/* For explain and the tests, which read the verdict and what became of it. */
static __always_inline void trace_verdict(const struct bg_case *c, __u32 action)
{
	struct bg_trace *last;
	__u32 zero = 0;

	if (!keep_trace)
		return;
	last = bpf_map_lookup_elem(&trace, &zero);
	if (!last)
		return;
	last->reason = c->verdict.reason;
	last->rule = c->verdict.rule;
	last->node_rule = c->verdict.node_rule;
	last->direction = c->direction;
	last->vlan = c->verdict.vlan;
	last->action = action;
}

#endif
