// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Test runs, for explain, the packet tests and the bench; never on a pinned datapath,
 * whose flows and counters they would change.
 */
#include "datapath/test_run.h"

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "flow.h"

int bg_datapath_stand_in(struct bg_datapath *datapath, enum bg_role role, __u32 vlan,
			 struct bg_error *err)
{
	struct bg_iface iface = datapath->stand_in;
	__u32 place;
	int rc;

	if (!iface.ifindex)
		iface.ifindex = if_nametoindex("lo");
	if (!iface.ifindex)
		return bg_fail(err, -errno, "this network namespace has no loopback device: %s",
			       strerror(errno));
	iface.role = role;
	iface.vlan = vlan;
	if (!memcmp(&iface, &datapath->stand_in, sizeof(iface)))
		return 0;
	place = iface.ifindex & (BG_IFACES - 1);
	rc = bg_map_set(datapath->skel->maps.ifaces, &iface.ifindex, &iface, err)
		     ?: bg_map_set(datapath->skel->maps.fast_ifaces, &place, &iface, err);
	if (rc)
		return rc;
	datapath->stand_in = iface;
	return 0;
}

int bg_datapath_run(struct bg_datapath *datapath, struct bg_test_run *run, struct bg_error *err)
{
	struct __sk_buff context = { .ingress_ifindex = datapath->stand_in.ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = run->frame,
		    .data_size_in = (__u32)run->frame_bytes, .repeat = 1);
	struct bpf_map *traces = datapath->skel->maps.trace;
	const char *name = bg_program_code(run->program);
	const struct bg_trace none = {};
	__u32 zero = 0;
	int rc;

	if (run->forwarded) {
		opts.ctx_in = &context;
		opts.ctx_size_in = sizeof(context);
	}
	rc = bg_map_set(traces, &zero, &none, err);
	if (rc)
		return rc;
	rc = bpf_prog_test_run_opts(bg_program_fd(datapath->skel, run->program), &opts);
	if (rc)
		return bg_fail(err, rc, "test run of %s on %zu bytes: %s", name, run->frame_bytes,
			       strerror(-rc));
	rc = bpf_map_lookup_elem(bpf_map__fd(traces), &zero, &run->trace);
	if (rc)
		return bg_fail(err, rc, "reading map trace: %s", strerror(-rc));
	run->action = (int)opts.retval;
	if (run->trace.reason != BG_REASON_NONE && run->trace.action != opts.retval)
		return bg_fail(err, -EIO, "%s returned %d, and says %d", name, run->action,
			       (int)run->trace.action);
	return 0;
}

int bg_datapath_forget_flows(struct bg_datapath *datapath, struct bg_error *err)
{
	const struct bpf_map *flows = datapath->skel->maps.flows;
	__u32 count = bpf_map__max_entries(flows);
	int rc;

	if (!datapath->empty_buckets) {
		free(datapath->bucket_keys);
		datapath->bucket_keys = calloc(count, sizeof(*datapath->bucket_keys));
		datapath->empty_buckets = calloc(count, sizeof(struct bg_bucket));
		if (!datapath->bucket_keys || !datapath->empty_buckets)
			return bg_no_memory(err, "emptying the flow table");
		for (__u32 i = 0; i < count; i++)
			datapath->bucket_keys[i] = i;
	}
	rc = bpf_map_update_batch(bpf_map__fd(flows), datapath->bucket_keys,
				  datapath->empty_buckets, &count, NULL);
	return rc ? bg_fail(err, rc, "emptying the flow table: %s", strerror(-rc)) : 0;
}
