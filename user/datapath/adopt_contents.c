// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reading what is in the maps that were taken over, and copying what is in those whose size
 * the options have changed. datapath.c calls it after the load; nothing is pinned here, and
 * no number is believed that this build would not give out.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/sound.h"
#include "branchguard.skel.h"
#include "datapath/adopt.h"
#include "datapath/fate.h"
#include "flow.h"
#include "pinned/foreign.h"

#define BUCKET_BATCH 1024

static int copy_entries(int from, const struct bpf_map *into, void *value)
{
	__u32 key, *last = NULL;
	int rc;

	while (!(rc = bpf_map_get_next_key(from, last, &key))) {
		last = &key;
		/* there may be fewer places now */
		if (key >= bpf_map__max_entries(into))
			continue;
		rc = bpf_map_lookup_elem(from, &key, value)
			     ?: bpf_map_update_elem(bpf_map__fd(into), &key, value, BPF_ANY);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Of an array or a hash by number; the same number has the same entry in the new one. */
static int copy_map(const struct bg_datapath *datapath, const struct bpf_map *map)
{
	const struct bg_before before = { datapath->from, datapath->from_flow_layout, true };
	const struct bg_map_shape mine = bg_shape_of(map);
	bg_auto_free void *value = NULL;
	struct bpf_map_info info;
	bg_auto_close int fd =
		bg_foreign_open(datapath->options.pin_dir, BG_PIN_MAPS, bpf_map__name(map), &info);
	struct bg_map_shape theirs;
	size_t size;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	theirs = bg_map_shape(&info);
	if (bg_fate_of(&before, bpf_map__name(map), &mine, &theirs) != BG_FATE_COPIED)
		return 0;
	size = (info.value_size + 7) & ~7u;
	if (bg_is_percpu(info.type))
		size *= (size_t)libbpf_num_possible_cpus();
	value = malloc(size);
	return value ? copy_entries(fd, map, value) : -ENOMEM;
}

static int adopt_rules(struct bg_datapath *datapath)
{
	int fd = bpf_map__fd(datapath->skel->maps.rules);
	struct bg_rule *rules = datapath->rules;
	__u32 key, *last = NULL;
	int rc;

	rc = copy_map(datapath, datapath->skel->maps.rules)
		     ?: copy_map(datapath, datapath->skel->maps.former_rules);
	if (rc)
		return rc;
	while (!(rc = bpf_map_get_next_key(fd, last, &key))) {
		last = &key;
		if (!key || key >= datapath->options.max_rules)
			continue;
		rc = bpf_map_lookup_elem(fd, &key, &rules[key]);
		if (rc)
			return rc;
		if (!bg_sound_rule(&rules[key])) {
			rules[key] = (struct bg_rule){};
			continue;
		}
		if (bg_registry_adopt_rule(datapath->registry, key, &rules[key]) == -ENOMEM)
			return -ENOMEM;
		rules[key].hits = 0;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int adopt_counters(struct bg_datapath *datapath)
{
	return copy_map(datapath, datapath->skel->maps.fast_counters);
}

static int adopt_branches(struct bg_datapath *datapath)
{
	int fd = bpf_map__fd(datapath->skel->maps.branches), rc;
	struct bg_branch_info branch;
	__u32 key, *last = NULL;

	while (!(rc = bpf_map_get_next_key(fd, last, &key))) {
		last = &key;
		rc = bpf_map_lookup_elem(fd, &key, &branch);
		if (rc)
			return rc;
		/* a branch whose slot or tag cannot be kept gets new ones */
		if (bg_sound_branch(key, &branch) &&
		    bg_registry_adopt_branch(datapath->registry, &branch) == -ENOMEM)
			return -ENOMEM;
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Flows stay after their branch is gone, with its tag; no other branch may get that tag. */
static int adopt_tags(struct bg_datapath *datapath)
{
	const struct bpf_map *map = datapath->skel->maps.flows;
	__u32 total = bpf_map__max_entries(map), batch, count;
	bg_auto_free struct bg_bucket *buckets = NULL;
	bg_auto_free __u32 *keys = NULL;
	int rc = 0;

	buckets = calloc(BUCKET_BATCH, sizeof(*buckets));
	keys = calloc(BUCKET_BATCH, sizeof(*keys));
	if (!buckets || !keys)
		return -ENOMEM;
	for (__u32 done = 0; done < total && !rc; done += count) {
		count = BUCKET_BATCH;
		rc = bpf_map_lookup_batch(bpf_map__fd(map), done ? &batch : NULL, &batch, keys,
					  buckets, &count, NULL);
		for (__u32 i = 0; i < count * BG_BUCKET_FLOWS; i++) {
			const struct bg_flow *flow =
				&buckets[i / BG_BUCKET_FLOWS].flow[i % BG_BUCKET_FLOWS];

			if (flow->key.protocol)
				bg_registry_adopt_tag(datapath->registry, bg_flow_tag(&flow->key));
		}
		if (!count)
			break;
	}
	return rc == -ENOENT ? 0 : rc;
}

/*
 * The last revision that was in force. A daemon that was killed in the middle of a
 * publish has written it into the image, but not yet into `control`.
 */
static int adopt_revision(struct bg_datapath *datapath)
{
	struct bg_control control;
	struct bg_header header;
	__u32 zero = 0;
	int rc;

	rc = bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.control), &zero, &control);
	if (rc)
		return rc;
	datapath->revision = control.revision;
	if (datapath->image_fd < 0)
		return 0;
	rc = bpf_map_lookup_elem(datapath->image_fd, &zero, &header);
	if (rc)
		return rc;
	if (header.revision > datapath->revision)
		datapath->revision = header.revision;
	return 0;
}

int bg_adopt_contents(struct bg_datapath *datapath, struct bg_error *err)
{
	static const struct {
		const char *map;
		int (*adopt)(struct bg_datapath *datapath);
	} steps[] = {
		{ "rules", adopt_rules },	{ "fast_counters", adopt_counters },
		{ "branches", adopt_branches }, { "flows", adopt_tags },
		{ "control", adopt_revision },
	};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int rc = steps[i].adopt(datapath);

		if (rc)
			return bg_fail(err, rc,
				       "reading what an earlier daemon left in the map %s: %s",
				       steps[i].map, strerror(-rc));
	}
	return 0;
}
