/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the datapath tells: counters always, events while somebody listens. */
#ifndef BG_REPORT_H
#define BG_REPORT_H

#include "config.h"
#include "maps.bpf.h"
#include "packet.h"

struct bg_verdict {
	enum bg_reason reason;
	__u32 rule;
	__u32 node_rule;
	__u32 vlan;
	__u32 slot; /* of the branch's counters, 0 = none */
	__u32 revision;
	__u32 short_way; /* it may go on without the node's stack */
};

static __always_inline void count(const struct bg_verdict *verdict, enum bg_direction direction,
				  __u32 length_bytes)
{
	__u32 index = verdict->slot * BG_DIRECTIONS + direction;
	struct bg_counters *counter = bpf_map_lookup_elem(&counters, &index);

	if (!counter)
		return;
	counter->packets[verdict->reason & (BG_REASON_MAX - 1)]++;
	if (bg_reason_passes(verdict->reason))
		counter->passed_bytes += length_bytes;
	else
		counter->dropped_bytes += length_bytes;
}

static __always_inline struct bg_control *control_block(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&control, &zero);
}

/* Costs one look-up and a comparison while nobody listens. */
static __always_inline void tell(enum bg_event_type type, const struct bg_verdict *verdict,
				 const struct bg_packet *packet, enum bg_direction direction,
				 __u32 ifindex, __u64 now_ns)
{
	struct bg_control *block = control_block();
	struct bg_event *event;

	if (!block || block->events_until_ns < now_ns)
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		__sync_fetch_and_add(&block->events_lost, 1);
		return;
	}
	event->time_ns = now_ns;
	event->type = type;
	event->reason = verdict->reason;
	event->direction = direction;
	event->vlan = verdict->vlan;
	event->ifindex = ifindex;
	event->rule = verdict->rule;
	event->revision = verdict->revision;
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

static __always_inline void note(const struct bg_verdict *verdict, enum bg_direction direction,
				 __u32 action)
{
	struct bg_trace *last;
	__u32 zero = 0;

	if (!trace_verdict)
		return;
	last = bpf_map_lookup_elem(&trace, &zero);
	if (!last)
		return;
	last->reason = verdict->reason;
	last->rule = verdict->rule;
	last->node_rule = verdict->node_rule;
	last->direction = direction;
	last->vlan = verdict->vlan;
	last->action = action;
}

#endif
