// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Adds up what the datapath has counted. The programs count by CPU in an array, which
 * costs a packet next to nothing; a hash costs each one a tenth of its time. So that
 * people see with bpftool what there is and nothing else, the daemon calls this once a
 * second. Nobody else reads the result: status adds up for itself.
 */
#include "datapath/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/format.h"
#include "base/sound.h"
#include "branchguard.skel.h"
#include "pinned/maps_read.h"

struct tally {
	const struct bg_datapath *datapath;
	struct bg_counters *by_cpu;
	int cpus;
	char as_of[BG_FORMAT_TEXT];
	bool has_branch[BG_VLANS]; /* or 0: what belongs to none */
};

static void free_tally(struct tally *tally)
{
	free(tally->by_cpu);
}

/* Both directions of one slot. */
static int add_up(struct tally *tally, __u32 vlan, const struct bg_branch_info *branch,
		  struct bg_error *err)
{
	const struct bpf_map *fast = tally->datapath->skel->maps.fast_counters;

	for (__u32 direction = 0; direction < BG_DIRECTIONS; direction++) {
		const struct bg_counters_key key = { .vlan = vlan, .direction = direction };
		__u32 index = branch->slot * BG_DIRECTIONS + direction;
		struct bg_counters_info info = {};
		struct bg_counters sum = {};
		int rc = bpf_map_lookup_elem(bpf_map__fd(fast), &index, tally->by_cpu);

		if (rc)
			return bg_fail(err, rc, "reading map fast_counters: %s", strerror(-rc));
		for (int cpu = 0; cpu < tally->cpus; cpu++)
			bg_counters_add(&sum, &tally->by_cpu[cpu]);
		memcpy(info.branch, branch->id, sizeof(info.branch));
		snprintf(info.as_of, sizeof(info.as_of), "%s", tally->as_of);
		info.passed_bytes = sum.passed_bytes;
		info.dropped_bytes = sum.dropped_bytes;
		info.short_way_packets = sum.short_way_packets;
		memcpy(&info.none, sum.packets,
		       sizeof(info) - offsetof(struct bg_counters_info, none));
		rc = bg_map_set(tally->datapath->skel->maps.counters, &key, &info, err);
		if (rc)
			return rc;
	}
	tally->has_branch[vlan] = true;
	return 0;
}

static int add_up_branches(struct tally *tally, struct bg_error *err)
{
	int fd = bpf_map__fd(tally->datapath->skel->maps.branches), rc;
	struct bg_branch_info branch = {};
	__u32 vlan, *last = NULL;

	rc = add_up(tally, 0, &branch, err);
	if (rc)
		return rc;
	while (!(rc = bpf_map_get_next_key(fd, last, &vlan))) {
		last = &vlan;
		rc = bpf_map_lookup_elem(fd, &vlan, &branch);
		if (rc == -ENOENT || (!rc && !bg_sound_branch(vlan, &branch)))
			continue;
		if (rc)
			break;
		rc = add_up(tally, vlan, &branch, err);
		if (rc)
			return rc;
	}
	/* whom this does not find, the next step takes for gone */
	return rc == -ENOENT ? 0 : bg_fail(err, rc, "reading map branches: %s", strerror(-rc));
}

static void remove_others(const struct tally *tally)
{
	int fd = bpf_map__fd(tally->datapath->skel->maps.counters);
	struct bg_counters_key key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &next);

	while (more) {
		key = next;
		/* the next key is taken before this entry goes, or else the walk starts over */
		more = !bpf_map_get_next_key(fd, &key, &next);
		if (key.vlan >= BG_VLANS || !tally->has_branch[key.vlan])
			bpf_map_delete_elem(fd, &key);
	}
}

int bg_datapath_tally(const struct bg_datapath *datapath, struct bg_error *err)
{
	bg_cleanup(free_tally) struct tally tally = {
		.datapath = datapath,
		.cpus = libbpf_num_possible_cpus(),
	};
	int rc;

	if (tally.cpus < 0)
		return bg_fail(err, tally.cpus, "cannot count the CPUs: %s", strerror(-tally.cpus));
	tally.by_cpu = calloc((size_t)tally.cpus, sizeof(*tally.by_cpu));
	if (!tally.by_cpu)
		return bg_no_memory(err, "adding up the counters");
	bg_format_boottime(bg_boottime_ns(), tally.as_of);
	rc = add_up_branches(&tally, err);
	if (rc)
		return rc;
	remove_others(&tally);
	return 0;
}
