// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Loads the object, publishes to it and sends frames through its programs, for the
 * stories and the other packet tests. It reports what came of a frame and never
 * judges whether that is right.
 */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "datapath/test_run.h"
#include "feed_text.h"
#include "guard/iface_maps.h"
#include "model_maker.h"

#define SMALL_FLOWS 64
#define MOST_BRANCHES 32
#define NS_PER_S 1000000000ull

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("Bail out! ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	exit(1);
}

static void set(const struct bpf_map *map, const void *key, const void *value)
{
	struct bg_error err;

	if (bg_map_set(map, key, value, &err))
		die("%s", err.text);
}

static void open_rig(struct rig *rig, __u32 max_flows, const char *const *programs)
{
	struct bg_datapath_options options = {
		.max_flows = max_flows,
		.max_branches = MOST_BRANCHES,
		.trace = true,
		.only = programs,
		/* which flows share a bucket must not be chance */
		.hash_seed = 0x9e3779b97f4a7c15ull,
	};
	struct bg_error err;

	memset(rig, 0, sizeof(*rig));
	if (bg_datapath_open(&options, &rig->datapath, &err))
		die("%s", err.text);
	rig->cpus = libbpf_num_possible_cpus();
	rig->counter_count = (size_t)MOST_BRANCHES * BG_DIRECTIONS;
	rig->before = calloc(rig->counter_count, sizeof(*rig->before));
	rig->after = calloc(rig->counter_count, sizeof(*rig->after));
	rig->percpu = calloc((size_t)rig->cpus, sizeof(struct bg_counters));
	if (!rig->before || !rig->after || !rig->percpu)
		die("out of memory");
}

void rig_open(struct rig *rig, __u32 max_flows)
{
	static const char *const programs[] = { "xdp_branch", "xdp_trunk", "tc_branch_ingress",
						"tc_branch_egress", NULL };

	open_rig(rig, max_flows ? max_flows : SMALL_FLOWS, programs);
}

void rig_open_only(struct rig *rig, __u32 max_flows, const char *const *programs)
{
	open_rig(rig, max_flows ? max_flows : SMALL_FLOWS, programs);
}

void rig_open_all(struct rig *rig)
{
	open_rig(rig, SMALL_FLOWS, NULL);
}

void rig_close(struct rig *rig)
{
	bg_datapath_close(rig->datapath);
	bg_model_free(rig->model);
	free(rig->before);
	free(rig->after);
	free(rig->percpu);
}

void rig_publish_model(struct rig *rig, struct bg_model *model)
{
	struct bg_publish_times times;
	struct bg_error err;

	if (bg_datapath_set_model(rig->datapath, model, &times, &err))
		die("publishing: %s", err.text);
	bg_model_free(rig->model);
	rig->model = model;
}

void rig_publish(struct rig *rig, const char *feed)
{
	struct bg_model *model;
	struct bg_error err;

	if (feed_try(feed, &model, &err))
		die("%s\n  -> %s", feed, err.text);
	rig_publish_model(rig, model);
}

void rig_clear(struct rig *rig)
{
	int fragments = bpf_map__fd(rig->datapath->skel->maps.fragments);
	struct bg_fragment_key key;
	struct bg_error err;

	if (bg_datapath_forget_flows(rig->datapath, &err))
		die("%s", err.text);
	while (!bpf_map_get_next_key(fragments, NULL, &key))
		bpf_map_delete_elem(fragments, &key);
}

static void read_counters(struct rig *rig, struct bg_counters *counters)
{
	int fd = bpf_map__fd(rig->datapath->skel->maps.fast_counters);
	const struct bg_counters *by_cpu = rig->percpu;

	for (__u32 i = 0; i < rig->counter_count; i++) {
		if (bpf_map_lookup_elem(fd, &i, rig->percpu))
			die("reading counters: %s", strerror(errno));
		memset(&counters[i], 0, sizeof(*counters));
		for (int cpu = 0; cpu < rig->cpus; cpu++)
			for (int reason = 0; reason < BG_REASON_MAX; reason++)
				counters[i].packets[reason] += by_cpu[cpu].packets[reason];
	}
}

static enum bg_program program_of(enum hook hook)
{
	switch (hook) {
	case TC_INGRESS:
		return BG_TC_BRANCH_INGRESS;
	case XDP_BRANCH:
		return BG_XDP_BRANCH;
	case XDP_TRUNK:
		return BG_XDP_TRUNK;
	default:
		return BG_TC_BRANCH_EGRESS;
	}
}

static int run_program(struct rig *rig, enum hook hook, __u32 vlan, const __u8 *frame, size_t bytes,
		       struct bg_trace *trace)
{
	struct bg_test_run run = { .program = program_of(hook),
				   .frame = frame,
				   .frame_bytes = bytes,
				   .forwarded = hook == TC_EGRESS && !rig->host_sends };
	bool trunk = hook == XDP_TRUNK;
	struct bg_error err;

	if (bg_datapath_stand_in(rig->datapath, trunk ? BG_ROLE_TRUNK : BG_ROLE_BRANCH,
				 trunk ? 0 : vlan, &err))
		die("%s", err.text);
	if (trunk) /* the branch is armed on the interface that the test runs on */
		set(rig->datapath->skel->maps.fast_vlans, &vlan, &rig->datapath->stand_in.ifindex);
	if (bg_datapath_run(rig->datapath, &run, &err))
		die("%s", err.text);
	*trace = run.trace;
	return run.action;
}

static bool action_passes(enum hook hook, int action)
{
	if (hook == XDP_BRANCH || hook == XDP_TRUNK)
		return action == XDP_PASS;
	return action == TC_ACT_UNSPEC || action == TC_ACT_REDIRECT;
}

void rig_send(struct rig *rig, enum hook hook, __u32 vlan, const __u8 *frame, size_t bytes,
	      struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	read_counters(rig, rig->before);
	outcome->action = run_program(rig, hook, vlan, frame, bytes, &outcome->trace);
	outcome->passed = action_passes(hook, outcome->action);
	read_counters(rig, rig->after);
	for (__u32 i = 0; i < rig->counter_count; i++) {
		for (int reason = 0; reason < BG_REASON_MAX; reason++) {
			__u64 delta =
				rig->after[i].packets[reason] - rig->before[i].packets[reason];

			if (!delta)
				continue;
			outcome->counted += (__u32)delta;
			outcome->counted_reason = reason;
			outcome->counted_direction = i % BG_DIRECTIONS;
			outcome->counted_slot = i / BG_DIRECTIONS;
		}
	}
}

int rig_tries(int count)
{
	return getenv("BG_IN_VM") ? count / 5 : count;
}

enum bg_reason rig_judge(struct rig *rig, enum hook hook, __u32 vlan, const __u8 *frame,
			 size_t bytes, struct bg_trace *trace)
{
	run_program(rig, hook, vlan, frame, bytes, trace);
	return trace->reason;
}

__u64 rig_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec;
}

/*
 * The clock cannot be put forward, so what was seen is put back: on a machine
 * that has not been up for as long, to before the clock began. That is the same
 * modulo 2^64, unless the flow had ended by then.
 */
static void age_flow(struct bg_flow *flow, __u64 by_ns)
{
	__u64 age_ns = rig_now_ns() - flow->last_seen_ns + by_ns;

	flow->last_seen_ns -= by_ns;
	flow->next.since_ns -= by_ns;
	if (age_ns > flow->timeout_s * NS_PER_S) {
		flow->last_seen_ns = 1;
		flow->timeout_s = 0;
	}
}

enum bg_reason rig_through(struct rig *rig, enum bg_program program, struct __sk_buff *context,
			   const __u8 *frame, size_t bytes, int *action)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)bytes,
		    .repeat = 1, .ctx_in = context, .ctx_size_in = sizeof(*context));
	const struct bpf_map *traces = rig->datapath->skel->maps.trace;
	struct bg_trace trace = {};
	__u32 zero = 0;

	set(traces, &zero, &trace);
	if (bpf_prog_test_run_opts(bg_program_fd(rig->datapath->skel, program), &opts))
		die("running program %d: %s", program, strerror(errno));
	if (bpf_map_lookup_elem(bpf_map__fd(traces), &zero, &trace))
		die("reading the trace: %s", strerror(errno));
	*action = (int)opts.retval;
	return trace.reason;
}

void rig_age(struct rig *rig, unsigned int seconds)
{
	int flows = bpf_map__fd(rig->datapath->skel->maps.flows);
	int fragments = bpf_map__fd(rig->datapath->skel->maps.fragments);
	__u64 by_ns = seconds * NS_PER_S;
	struct bg_fragment_key key, *last = NULL;
	struct bg_fragment fragment;
	struct bg_bucket bucket;

	for (__u32 i = 0; i < bpf_map__max_entries(rig->datapath->skel->maps.flows); i++) {
		if (bpf_map_lookup_elem(flows, &i, &bucket))
			die("reading flows: %s", strerror(errno));
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++)
			if (bucket.tag[slot])
				age_flow(&bucket.flow[slot], by_ns);
		if (bpf_map_update_elem(flows, &i, &bucket, BPF_ANY))
			die("writing flows: %s", strerror(errno));
	}
	while (!bpf_map_get_next_key(fragments, last, &key)) {
		last = &key;
		if (bpf_map_lookup_elem(fragments, &key, &fragment))
			continue;
		/* modulo 2^64, too: the datapath's timeout brings it back above 0 */
		fragment.seen_ns -= by_ns;
		bpf_map_update_elem(fragments, &key, &fragment, BPF_ANY);
	}
}

static bool is_alive(const struct bg_bucket *bucket, int slot, __u64 now_ns)
{
	const struct bg_flow *flow = &bucket->flow[slot];

	return bucket->tag[slot] && flow->key.protocol &&
	       now_ns <= flow->last_seen_ns + flow->timeout_s * NS_PER_S;
}

size_t rig_flow_count(struct rig *rig)
{
	int flows = bpf_map__fd(rig->datapath->skel->maps.flows);
	struct bg_bucket bucket;
	size_t count = 0;

	for (__u32 i = 0; i < bpf_map__max_entries(rig->datapath->skel->maps.flows); i++) {
		if (bpf_map_lookup_elem(flows, &i, &bucket))
			die("reading flows: %s", strerror(errno));
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++)
			count += is_alive(&bucket, slot, rig_now_ns());
	}
	return count;
}

__u64 rig_count(struct rig *rig, enum bg_direction direction, enum bg_reason reason)
{
	__u64 sum = 0;

	read_counters(rig, rig->after);
	for (__u32 i = direction; i < rig->counter_count; i += BG_DIRECTIONS)
		sum += rig->after[i].packets[reason];
	return sum;
}

size_t rig_capacity(const struct rig *rig)
{
	return ((size_t)bpf_map__max_entries(rig->datapath->skel->maps.flows) - BG_PROBE_BUCKETS) *
	       BG_BUCKET_FLOWS;
}

static void key_of(const struct pkt *pkt, enum bg_direction direction, __u32 tag,
		   struct bg_flow_key *key)
{
	bool in = direction == BG_INGRESS;

	memset(key, 0, sizeof(*key));
	key->local = maker_addr(in ? pkt->to : pkt->from);
	key->remote = maker_addr(in ? pkt->from : pkt->to);
	key->protocol = (__u32)pkt->protocol & 0xff;
	key->branch = tag & 0xffffff;
	if (pkt->protocol == 6 || pkt->protocol == 17) {
		key->local_port = htons((__u16)(in ? pkt->dport : pkt->sport));
		key->remote_port = htons((__u16)(in ? pkt->sport : pkt->dport));
	} else if (pkt->protocol == 1 && !pkt_is_ipv6(pkt)) {
		key->local_port = htons((__u16)pkt->id);
		key->remote_port = pkt->type == 13 || pkt->type == 14 ? 13 : 8;
		if ((pkt->type == 8 || pkt->type == 13) != in)
			key->remote_port |= BG_FLOW_KEY_EGRESS;
	} else if (pkt->protocol == 58 && pkt_is_ipv6(pkt)) {
		key->local_port = htons((__u16)pkt->id);
		key->remote_port = 128;
		if ((pkt->type == 128) != in)
			key->remote_port |= BG_FLOW_KEY_EGRESS;
	}
}

bool rig_flow(struct rig *rig, __u32 vlan, enum bg_direction direction, const struct pkt *pkt,
	      struct bg_flow *flow)
{
	int flows = bpf_map__fd(rig->datapath->skel->maps.flows);
	struct bg_bucket bucket;
	struct bg_flow_key key;

	key_of(pkt, direction, rig_branch_tag(rig, vlan), &key);
	for (__u32 i = 0; i < bpf_map__max_entries(rig->datapath->skel->maps.flows); i++) {
		if (bpf_map_lookup_elem(flows, &i, &bucket))
			die("reading flows: %s", strerror(errno));
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			if (!is_alive(&bucket, slot, rig_now_ns()) ||
			    memcmp(&bucket.flow[slot].key, &key, sizeof(key)) != 0)
				continue;
			*flow = bucket.flow[slot];
			return true;
		}
	}
	return false;
}

const char *rig_rule_id(const struct rig *rig, __u32 number)
{
	for (size_t i = 0; number && i < rig->model->rule_count; i++)
		if (rig->model->rules[i].number == number)
			return rig->model->rules[i].rule_id ? rig->model->rules[i].rule_id : "?";
	return NULL;
}

__u32 rig_branch_tag(const struct rig *rig, __u32 vlan)
{
	for (size_t i = 0; rig->model && i < rig->model->branch_count; i++)
		if ((__u32)rig->model->branches[i].vlan == vlan)
			return rig->model->branches[i].tag;
	return 0;
}

void rig_enter(struct rig *rig, __u32 ifindex, enum bg_role role, __u32 vlan, __u32 flags)
{
	struct bg_iface iface = { .ifindex = ifindex, .role = role, .vlan = vlan, .flags = flags };
	struct bg_error err;

	if (bg_iface_set(rig->datapath, &iface, &err))
		die("%s", err.text);
}

void rig_set_pod(struct rig *rig, const char *address, __u32 vlan, __u32 ifindex)
{
	const struct bg_addr key = maker_addr(address);
	struct bg_pod pod = { .vlan = vlan, .host_ifindex = ifindex };
	struct bg_error err;

	if (bg_map_set(rig->datapath->skel->maps.pods, &key, &pod, &err))
		die("%s", err.text);
}
