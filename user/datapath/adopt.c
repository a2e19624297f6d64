// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Taking over the pinned maps of an earlier daemon. datapath.c calls it while it opens
 * with a pin directory, and what is pinned there stays as it is until the daemon calls
 * bg_datapath_pin().
 */
#include "datapath/adopt.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/layouts.h"
#include "datapath/migrate.h"
#include "flow.h"
#include "pinned/image_pin.h"
#include "pinned/pin.h"

#define BUCKET_BATCH 1024

/* What somebody is to do about a map that can be reached by its id alone. */
#define BY_ID_ONCE                                                                                 \
	" (an earlier build left no pin of it, or somebody removed that: start once with "         \
	"CAP_SYS_ADMIN, which opens it by its id and pins it)"

BG_CLEANUP_OF(btf__free, struct btf)

static int map_info(int fd, struct bpf_map_info *info)
{
	__u32 length = sizeof(*info);

	memset(info, 0, sizeof(*info));
	return bpf_map_get_info_by_fd(fd, info, &length);
}

/* What stands first in `control` in every ABI; before ABI 3 without flow_layout. */
struct control_start {
	__u32 abi, revision, flow_layout;
};

/* -ENOENT: no daemon was here, or one was killed before its maps were complete (control
 * is pinned last). */
static int read_control(const char *pin_dir, enum bg_pin_kind kind, struct control_start *start)
{
	bg_auto_close int fd = bg_pin_get(pin_dir, kind, "control");
	bg_auto_free char *value = NULL;
	struct bpf_map_info info;
	__u32 zero = 0;
	int rc;

	if (fd < 0)
		return fd;
	rc = map_info(fd, &info);
	if (rc)
		return rc;
	if (info.key_size != sizeof(zero))
		return -EPROTO;
	value = calloc(1, info.value_size + sizeof(*start));
	if (!value)
		return -ENOMEM;
	rc = bpf_map_lookup_elem(fd, &zero, value);
	memcpy(start, value, sizeof(*start));
	return rc;
}

/* Whose maps are these? An ABI that is not ours sets datapath->from. */
static int look_at_control(struct bg_datapath *datapath, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	struct control_start start;
	int rc = read_control(pin_dir, BG_PIN_MAPS, &start);

	if (rc == -ENOENT)
		return rc;
	if (rc)
		return bg_fail(err, rc, "reading %s/maps/control: %s", pin_dir, strerror(-rc));
	if (start.abi == BG_ABI)
		return 0;
	datapath->from = bg_layout_of(start.abi);
	if (!datapath->from && start.abi < BG_ABI)
		return bg_fail(err, -EPROTO,
			       "%s/maps/control says ABI %u, which no branchguard ever had: it is "
			       "not ours; give this one its own --pin-dir",
			       pin_dir, start.abi);
	if (!datapath->from) {
		datapath->from = &bg_layout_newer;
		datapath->from_flow_layout = start.flow_layout;
	}
	datapath->from_abi = start.abi;
	return 0;
}

/* Is the map that is pinned under this name one that this build can go on with? */
static bool is_ours(const struct bg_datapath *datapath, const char *map)
{
	return !datapath->from || !bg_layout_makes(datapath->from, datapath->from_flow_layout, map);
}

/* The place of a variable in a data section, by the BTF that its map carries. */
static int find_variable(const struct btf *btf, __u32 section_id, const char *name, __u32 *offset)
{
	const struct btf_type *section = btf__type_by_id(btf, section_id);
	const struct btf_var_secinfo *variable;

	if (!section || !btf_is_datasec(section))
		return -ENOENT;
	variable = btf_var_secinfos(section);
	for (int i = 0; i < btf_vlen(section); i++, variable++) {
		const struct btf_type *type = btf__type_by_id(btf, variable->type);

		if (strcmp(btf__name_by_offset(btf, type->name_off), name) != 0)
			continue;
		*offset = variable->offset;
		return 0;
	}
	return -ENOENT;
}

/* A build of before that had no map for the seed. Takes CAP_SYS_ADMIN, for the BTF. */
static int read_seed_in_config(const char *pin_dir, __u64 *seed)
{
	bg_cleanup(btf__free_at) struct btf *btf = NULL;
	bg_auto_free char *value = NULL;
	bg_auto_close int fd = -1;
	struct bpf_map_info info;
	__u32 zero = 0, offset;
	int rc;

	fd = bg_pin_get(pin_dir, BG_PIN_MAPS, BG_CONFIG_PIN);
	if (fd < 0)
		return fd;
	rc = map_info(fd, &info);
	if (rc)
		return rc;
	btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!btf)
		return -errno;
	rc = find_variable(btf, info.btf_value_type_id, "hash_seed", &offset);
	if (rc)
		return rc;
	if (offset + sizeof(*seed) > info.value_size)
		return -EINVAL;
	value = malloc(info.value_size);
	if (!value)
		return -ENOMEM;
	rc = bpf_map_lookup_elem(fd, &zero, value);
	if (rc)
		return rc;
	memcpy(seed, value + offset, sizeof(*seed));
	return 0;
}

static int read_seed(const char *pin_dir, __u64 *seed)
{
	bg_auto_close int fd = bg_pin_get(pin_dir, BG_PIN_MAPS, BG_SEED_PIN);
	struct bpf_map_info info;
	__u32 zero = 0;
	int rc;

	if (fd == -ENOENT)
		return read_seed_in_config(pin_dir, seed);
	if (fd < 0)
		return fd;
	rc = map_info(fd, &info);
	if (rc)
		return rc;
	return info.value_size == sizeof(*seed) ? bpf_map_lookup_elem(fd, &zero, seed) : -EINVAL;
}

static bool definition_fits(const struct bpf_map *map, const struct bpf_map_info *info)
{
	return info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	       info->value_size == bpf_map__value_size(map) &&
	       info->max_entries == bpf_map__max_entries(map) &&
	       info->map_flags == bpf_map__map_flags(map);
}

/* The outer map only takes images of the capacity of the one that is in it. */
static int adopt_policy(struct bg_datapath *datapath, int fd)
{
	struct bpf_map *policy = datapath->skel->maps.policy;
	bg_auto_close int image = -1;
	struct bpf_map_info info;
	int rc;

	if (datapath->options.new_policy)
		return 0;
	image = bg_image_open(datapath->options.pin_dir, fd);
	/* without a pin of it, as older builds leave it: then the feed makes a new one */
	if (image == -EPERM && datapath->from) {
		datapath->without_policy = true;
		return 0;
	}
	if (image < 0)
		return image == -ENOENT ? 0 : image;
	rc = map_info(image, &info) ?: bpf_map__reuse_fd(policy, fd);
	if (rc)
		return rc;
	datapath->options.image_blocks = info.max_entries;
	datapath->policy_pinned = true;
	datapath->image_fd = bg_take_fd(&image);
	return 0;
}

/* The flows of a table that cannot be taken over are brought into the new one. */
static int adopt_flows_only(struct bg_datapath *datapath, int *fd, const struct bpf_map_info *info)
{
	const struct bg_moved_flows *as = &bg_flows_today;

	if (datapath->from && datapath->from->flows)
		as = datapath->from->flows;
	if (info->type != BPF_MAP_TYPE_ARRAY || info->value_size != as->bucket_bytes ||
	    (datapath->from == &bg_layout_newer && !is_ours(datapath, "flows"))) {
		bg_migrate_note_dropped(datapath, "flows");
		return 0;
	}
	bg_migrate_flows_later(datapath, bg_take_fd(fd), as);
	return 0;
}

/* A daemon that replaced another build was killed before it was done: what programs of
 * that one noted since is in the old table. */
static int adopt_aside(struct bg_datapath *datapath)
{
	const char *pin_dir = datapath->options.pin_dir;
	const struct bg_moved_flows *as = &bg_flows_today;
	int flows_fd = bpf_map__fd(datapath->skel->maps.flows);
	struct bpf_map_info old, new = {};
	const struct bg_layout *layout;
	bg_auto_close int fd = -1;
	struct control_start start;
	int rc;

	if (datapath->from || datapath->old_flows_fd >= 0 ||
	    read_control(pin_dir, BG_PIN_ASIDE, &start))
		return 0;
	layout = bg_layout_of(start.abi);
	if (!layout && (start.abi < BG_ABI || start.flow_layout != BG_FLOW_LAYOUT))
		return 0;
	if (layout && layout->flows)
		as = layout->flows;
	fd = bg_pin_get(pin_dir, BG_PIN_ASIDE, "flows");
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = map_info(fd, &old);
	if (!rc && flows_fd >= 0)
		rc = map_info(flows_fd, &new);
	if (!rc && old.id != new.id &&old.value_size == as->bucket_bytes)
		bg_migrate_flows_later(datapath, bg_take_fd(&fd), as);
	return rc;
}

static int adopt_map(struct bg_datapath *datapath, struct bpf_map *map, bool have_seed)
{
	const char *name = bpf_map__name(map);
	bg_auto_close int fd = -1;
	struct bpf_map_info info;
	bool same;
	int rc;

	fd = bg_pin_get(datapath->options.pin_dir, BG_PIN_MAPS, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = map_info(fd, &info);
	if (rc)
		return rc;
	same = is_ours(datapath, name) && definition_fits(map, &info);
	if (map == datapath->skel->maps.flows && !(same && have_seed))
		return adopt_flows_only(datapath, &fd, &info);
	if (!same) {
		if (!bg_layout_moves(datapath->from, name))
			bg_migrate_note_dropped(datapath, name);
		return 0;
	}
	if (map == datapath->skel->maps.policy)
		return adopt_policy(datapath, fd);
	return bpf_map__reuse_fd(map, fd);
}

int bg_adopt_maps(struct bg_datapath *datapath, __u64 *seed, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	struct bpf_map *map;
	bool have_seed;
	int rc;

	rc = look_at_control(datapath, err);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	datapath->without_policy = !is_ours(datapath, "policy");
	rc = read_seed(pin_dir, seed);
	/* without it the table must be another one: only when it is not there */
	if (rc && rc != -ENOENT && rc != -EINVAL && !datapath->from)
		return bg_fail(err, rc, "reading the hash seed in %s/maps: %s%s", pin_dir,
			       strerror(-rc), rc == -EPERM ? BY_ID_ONCE : "");
	have_seed = !rc;
	bpf_object__for_each_map (map, datapath->skel->obj) {
		if (bpf_map__is_internal(map))
			continue;
		rc = adopt_map(datapath, map, have_seed);
		if (rc)
			return bg_fail(err, rc, "taking over %s/maps/%s: %s%s", pin_dir,
				       bpf_map__name(map), strerror(-rc),
				       rc == -EPERM ? BY_ID_ONCE : "");
	}
	rc = adopt_aside(datapath);
	if (rc)
		return bg_fail(err, rc, "looking at %s/maps_aside: %s", pin_dir, strerror(-rc));
	datapath->adopted = true;
	return 0;
}

/* For an array whose size the options have changed (--max-branches): the same index has the same entry in the new one. */
static int copy_array(const struct bg_datapath *datapath, const struct bpf_map *map)
{
	bool percpu = bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY;
	bg_auto_free char *value = NULL;
	bg_auto_close int fd = -1;
	struct bpf_map_info info;
	size_t size;
	int rc;

	if (!is_ours(datapath, bpf_map__name(map)))
		return 0;
	fd = bg_pin_get(datapath->options.pin_dir, BG_PIN_MAPS, bpf_map__name(map));
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = map_info(fd, &info);
	if (rc)
		return rc;
	if (info.type != bpf_map__type(map) || info.value_size != bpf_map__value_size(map) ||
	    info.max_entries == bpf_map__max_entries(map))
		return 0;
	size = (info.value_size + 7) & ~7u;
	if (percpu)
		size *= libbpf_num_possible_cpus();
	value = malloc(size);
	if (!value)
		return -ENOMEM;
	for (__u32 i = 0; i < info.max_entries && i < bpf_map__max_entries(map); i++) {
		rc = bpf_map_lookup_elem(fd, &i, value);
		if (rc)
			return rc;
		rc = bpf_map_update_elem(bpf_map__fd(map), &i, value, BPF_ANY);
		if (rc)
			return rc;
	}
	return 0;
}

/* The same for rules, of which there may be fewer places now. */
static int copy_rules(const struct bg_datapath *datapath, const struct bpf_map *map)
{
	bg_auto_close int fd = -1;
	struct bpf_map_info info;
	__u32 key, *last = NULL;
	struct bg_rule rule;
	int rc;

	if (!is_ours(datapath, bpf_map__name(map)))
		return 0;
	fd = bg_pin_get(datapath->options.pin_dir, BG_PIN_MAPS, bpf_map__name(map));
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = map_info(fd, &info);
	if (rc)
		return rc;
	if (info.type != bpf_map__type(map) || info.value_size != sizeof(rule) ||
	    info.max_entries == bpf_map__max_entries(map))
		return 0;
	while (!(rc = bpf_map_get_next_key(fd, last, &key))) {
		last = &key;
		if (key >= bpf_map__max_entries(map))
			continue;
		rc = bpf_map_lookup_elem(fd, &key, &rule)
			     ?: bpf_map_update_elem(bpf_map__fd(map), &key, &rule, BPF_ANY);
		if (rc)
			return rc;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int adopt_rules(struct bg_datapath *datapath)
{
	int fd = bpf_map__fd(datapath->skel->maps.rules);
	struct bg_rule *rules = datapath->rules;
	__u32 key, *last = NULL;
	int rc;

	rc = copy_rules(datapath, datapath->skel->maps.rules)
		     ?: copy_rules(datapath, datapath->skel->maps.former_rules);
	if (rc)
		return rc;
	while (!(rc = bpf_map_get_next_key(fd, last, &key))) {
		last = &key;
		if (!key || key >= datapath->options.max_rules)
			continue;
		rc = bpf_map_lookup_elem(fd, &key, &rules[key]);
		if (rc)
			return rc;
		if (bg_registry_adopt_rule(datapath->registry, key, &rules[key]) == -ENOMEM)
			return -ENOMEM;
		rules[key].hits = 0;
	}
	return rc == -ENOENT ? 0 : rc;
}

static int adopt_counters(struct bg_datapath *datapath)
{
	return copy_array(datapath, datapath->skel->maps.fast_counters);
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
		if (bg_registry_adopt_branch(datapath->registry, &branch) == -ENOMEM)
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
				bg_registry_adopt_tag(datapath->registry, flow->key.branch);
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
