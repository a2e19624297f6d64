// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes what the revision in force does not have out of the maps for people. publish_rules.c
 * and publish_branches.c call it; what the kernel would not do then, the daemon's looks do,
 * since until then people are shown a rule or a branch that is none. The policy itself is
 * never touched.
 */
#include "datapath/leftovers.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"

static int remove_from(const struct bpf_map *map, const __u32 *key)
{
	int rc = bpf_map_delete_elem(bpf_map__fd(map), key);

	return rc == -ENOENT ? 0 : rc;
}

/* Its text stays for the flows that name it. */
static int retire(const struct bg_datapath *datapath, __u32 number, __u64 how)
{
	const struct branchguard_bpf *skel = datapath->skel;
	struct bg_rule rule;
	int rc = bpf_map_lookup_elem(bpf_map__fd(skel->maps.rules), &number, &rule);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	/* without room for it, flows name a rule that is not known any more */
	rc = bpf_map_update_elem(bpf_map__fd(skel->maps.former_rules), &number, &rule, how);
	if (rc && rc != -E2BIG && rc != -ENOSPC && rc != -EEXIST)
		return rc;
	return remove_from(skel->maps.rules, &number);
}

void bg_leftover_rule(struct bg_datapath *datapath, __u32 number)
{
	datapath->rules[number].revision = 0;
	if (retire(datapath, number, BPF_ANY))
		datapath->has_leftovers = true;
}

void bg_leftover_new_rule(struct bg_datapath *datapath, __u32 number)
{
	datapath->rules[number].revision = 0;
	if (remove_from(datapath->skel->maps.rules, &number))
		datapath->has_leftovers = true;
}

void bg_leftover_branch(struct bg_datapath *datapath, __u32 vlan)
{
	if (!remove_from(datapath->skel->maps.branches, &vlan))
		return;
	datapath->leftover_branch[vlan] = true;
	datapath->has_leftovers = true;
}

static bool remove_branches(struct bg_datapath *datapath)
{
	bool all = true;

	for (__u32 vlan = 0; vlan < BG_VLANS; vlan++) {
		bool *left = &datapath->leftover_branch[vlan];

		if (*left)
			*left = remove_from(datapath->skel->maps.branches, &vlan);
		all &= !*left;
	}
	return all;
}

/* One that was never in force may have the number of a former one, whose text stays. */
static bool remove_rules(struct bg_datapath *datapath)
{
	const int fd = bpf_map__fd(datapath->skel->maps.rules);
	__u32 key, next;
	int rc = bpf_map_get_next_key(fd, NULL, &next);
	bool all = true;

	while (!rc) {
		key = next;
		/* the next key is taken before this entry goes, or else the walk starts over */
		rc = bpf_map_get_next_key(fd, &key, &next);
		if (key < datapath->options.max_rules && !datapath->rules[key].revision)
			all &= !retire(datapath, key, BPF_NOEXIST);
	}
	return all && rc == -ENOENT;
}

void bg_leftovers_take(struct bg_datapath *datapath, const struct bg_datapath *from)
{
	datapath->has_leftovers |= from->has_leftovers;
	for (__u32 vlan = 0; vlan < BG_VLANS; vlan++)
		datapath->leftover_branch[vlan] |= from->leftover_branch[vlan];
}

void bg_datapath_sweep(struct bg_datapath *datapath)
{
	bool all;

	if (!datapath->has_leftovers)
		return;
	all = remove_branches(datapath);
	all &= remove_rules(datapath);
	datapath->has_leftovers = !all;
}
