// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The map `branches` of a revision that is put in force, and the counters of branches that
 * are new. publish.c calls it, in the loop: what is armed the loop writes there, too
 * (guard/iface_maps.c), and that is kept.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/leftovers.h"
#include "datapath/publish.h"

static void join_groups(const struct bg_model *model, const struct bg_model_branch *branch,
			char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < branch->group_count; i++) {
		const char *id = model->groups[branch->groups[i]].id;
		bool last = i + 1 == branch->group_count;
		/* room for ",..." unless this is the last one */
		size_t needed = strlen(id) + (i > 0) + (last ? 0 : 4);

		if (length + needed >= size) {
			snprintf(text + length, size - length, "%s...", i ? "," : "");
			return;
		}
		length += snprintf(text + length, size - length, "%s%s", i ? "," : "", id);
	}
}

/* A slot that another branch had before starts from zero. */
static int clear_counters(const struct bg_datapath *datapath, __u32 slot, struct bg_error *err)
{
	struct bpf_map *map = datapath->skel->maps.fast_counters;
	bg_auto_free void *zeros = NULL;
	int rc = 0;

	zeros = calloc(libbpf_num_possible_cpus(), sizeof(struct bg_counters));
	if (!zeros)
		return bg_no_memory(err, "clearing the counters of a branch");
	for (__u32 direction = 0; direction < BG_DIRECTIONS && !rc; direction++) {
		__u32 index = slot * BG_DIRECTIONS + direction;

		rc = bg_map_set(map, &index, zeros, err);
	}
	return rc;
}

static bool branch_had_slot(const struct bg_publish *publish, const struct bg_model_branch *branch)
{
	for (size_t i = 0; i < publish->old_branch_count; i++) {
		const struct bg_old_branch *old = &publish->old_branches[i];

		if (old->present && old->info.slot == branch->slot &&
		    !strncmp(old->info.id, branch->id, sizeof(old->info.id) - 1))
			return true;
	}
	return false;
}

/*
 * What `branches` holds: it is written by us alone, so this is the old revision. Read in part
 * it would be another one, whose branches begin anew: not armed, and with counters at zero.
 */
static int read_branches(struct bg_publish *publish, struct bg_error *err)
{
	int fd = bpf_map__fd(publish->datapath->skel->maps.branches), rc;
	__u32 key, *last = NULL;
	struct bg_old_branch *old;

	/* room for the model's branches too, which are added as "not present" */
	publish->old_branches =
		calloc(BG_VLANS + publish->model->branch_count, sizeof(*publish->old_branches));
	if (!publish->old_branches)
		return bg_no_memory(err, "writing the branches");
	while (!(rc = bpf_map_get_next_key(fd, last, &key))) {
		/* more than there are VLANs: the walk began anew, since somebody removed an entry */
		if (publish->old_branch_count == BG_VLANS)
			return bg_fail(err, -EAGAIN, "reading map branches: it changes meanwhile");
		last = &key;
		old = &publish->old_branches[publish->old_branch_count];
		rc = bpf_map_lookup_elem(fd, &key, &old->info);
		if (rc == -ENOENT)
			continue;
		if (rc)
			break;
		old->vlan = key;
		old->present = true;
		publish->old_branch_count++;
	}
	return rc == -ENOENT ? 0 : bg_fail(err, rc, "reading map branches: %s", strerror(-rc));
}

static struct bg_old_branch *old_branch_of(struct bg_publish *publish, __u32 vlan)
{
	for (size_t i = 0; i < publish->old_branch_count; i++)
		if (publish->old_branches[i].vlan == vlan)
			return &publish->old_branches[i];
	return NULL;
}

static int write_branch(struct bg_publish *publish, const struct bg_model_branch *branch,
			struct bg_error *err)
{
	struct bg_datapath *datapath = publish->datapath;
	struct bg_old_branch *old = old_branch_of(publish, branch->vlan);
	struct bg_branch_info info = {
		.tag = branch->tag,
		.slot = branch->slot,
		.mode = branch->mode,
	};
	__u32 vlan = branch->vlan;
	int rc;

	snprintf(info.id, sizeof(info.id), "%s", branch->id);
	snprintf(info.interface, sizeof(info.interface), "%s", branch->interface);
	join_groups(publish->model, branch, info.groups, sizeof(info.groups));
	if (!branch_had_slot(publish, branch)) {
		rc = clear_counters(datapath, branch->slot, err);
		if (rc)
			return rc;
	}
	/* still on the same interface, whatever the branch is called now */
	if (old && old->present &&
	    !strncmp(old->info.interface, info.interface, sizeof(info.interface))) {
		info.ifindex = old->info.ifindex;
		info.armed_ns = old->info.armed_ns;
	}
	if (old && old->present && !memcmp(&old->info, &info, sizeof(info)))
		return 0;
	if (!old) {
		old = &publish->old_branches[publish->old_branch_count++];
		old->vlan = vlan;
	}
	return bg_map_set(datapath->skel->maps.branches, &vlan, &info, err);
}

int bg_publish_branches_write(struct bg_publish *publish, struct bg_error *err)
{
	const struct bg_model *model = publish->model;
	int rc = read_branches(publish, err);

	for (size_t i = 0; !rc && i < model->branch_count; i++)
		rc = write_branch(publish, &model->branches[i], err);
	return rc;
}

static bool model_has_vlan(const struct bg_model *model, __u32 vlan)
{
	for (size_t i = 0; i < model->branch_count; i++)
		if ((__u32)model->branches[i].vlan == vlan)
			return true;
	return false;
}

void bg_publish_branches_clear(struct bg_publish *publish, struct bg_publish_times *times)
{
	for (size_t i = 0; i < publish->model->branch_count; i++)
		publish->datapath->leftover_branch[publish->model->branches[i].vlan] = false;
	for (size_t i = 0; i < publish->old_branch_count; i++) {
		const struct bg_old_branch *old = &publish->old_branches[i];

		if (!old->present) {
			times->branches_added++;
		} else if (!model_has_vlan(publish->model, old->vlan)) {
			bg_leftover_branch(publish->datapath, old->vlan);
			times->branches_removed++;
		}
	}
}

void bg_publish_branches_take_back(struct bg_publish *publish)
{
	const int fd = bpf_map__fd(publish->datapath->skel->maps.branches);

	while (publish->old_branch_count) {
		struct bg_old_branch *old = &publish->old_branches[--publish->old_branch_count];

		if (old->present)
			bpf_map_update_elem(fd, &old->vlan, &old->info, BPF_ANY);
		else
			bg_leftover_branch(publish->datapath, old->vlan);
	}
}
