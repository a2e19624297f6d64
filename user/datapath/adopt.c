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
#include "datapath/fate.h"
#include "datapath/migrate.h"
#include "image.h"
#include "pinned/foreign.h"
#include "pinned/image_pin.h"
#include "pinned/pin.h"

/* What somebody is to do about a map that can be reached by its id alone. */
#define BY_ID_ONCE                                                                                 \
	" (an earlier build left no pin of it, or somebody removed that: start once with "         \
	"CAP_SYS_ADMIN, which opens it by its id and pins it)"

BG_CLEANUP_OF(btf__free, struct btf)

/* -ENOENT: no daemon was here, or one was killed before its maps were complete (control
 * is pinned last). */
static int read_control(const char *pin_dir, enum bg_pin_kind kind, struct bg_control_start *start)
{
	bg_auto_close int fd = bg_pin_get(pin_dir, kind, "control");

	return fd < 0 ? fd : bg_foreign_get(fd, 0, start, sizeof(*start));
}

/* Whose maps are these? An ABI that is not ours sets datapath->from. */
static int look_at_control(struct bg_datapath *datapath, struct bg_before *before,
			   struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	struct bg_control_start start;
	int rc = read_control(pin_dir, BG_PIN_MAPS, &start);

	if (rc == -ENOENT)
		return rc;
	if (rc)
		return bg_fail(err, rc, "reading %s/maps/control: %s", pin_dir, strerror(-rc));
	if (bg_before_of(&start, before))
		return bg_fail(err, -EPROTO,
			       "%s/maps/control says ABI %u, which no branchguard ever had: it is "
			       "not ours; give this one its own --pin-dir",
			       pin_dir, start.abi);
	datapath->from = before->from;
	datapath->from_flow_layout = before->flow_layout;
	datapath->from_abi = before->from ? start.abi : 0;
	return 0;
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
	struct bpf_map_info info;
	bg_auto_close int fd = bg_foreign_open(pin_dir, BG_PIN_MAPS, BG_CONFIG_PIN, &info);
	__u32 zero = 0, offset;
	int rc;

	if (fd < 0)
		return fd;
	btf = btf__load_from_kernel_by_id(info.btf_id);
	if (!btf)
		return -errno;
	rc = find_variable(btf, info.btf_value_type_id, "hash_seed", &offset);
	if (rc)
		return rc;
	if (offset + sizeof(*seed) > info.value_size || info.key_size != sizeof(zero) ||
	    bg_is_percpu(info.type))
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
	struct bpf_map_info info;
	bg_auto_close int fd = bg_foreign_open(pin_dir, BG_PIN_MAPS, BG_SEED_PIN, &info);

	if (fd == -ENOENT)
		return read_seed_in_config(pin_dir, seed);
	if (fd < 0)
		return fd;
	return info.value_size == sizeof(*seed) ? bg_foreign_get(fd, 0, seed, sizeof(*seed))
						: -EINVAL;
}

struct bg_map_shape bg_shape_of(const struct bpf_map *map)
{
	return (struct bg_map_shape){ bpf_map__type(map), bpf_map__key_size(map),
				      bpf_map__value_size(map), bpf_map__max_entries(map),
				      bpf_map__map_flags(map) };
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
	rc = bg_map_info(image, &info);
	if (!rc && (info.key_size != sizeof(__u32) || info.value_size != sizeof(struct bg_block)))
		rc = -EPROTO;
	rc = rc ?: bpf_map__reuse_fd(policy, fd);
	if (rc)
		return rc;
	datapath->options.image_blocks = info.max_entries;
	datapath->policy_pinned = true;
	datapath->image_fd = bg_take_fd(&image);
	return 0;
}

/* A daemon that replaced another build was killed before it was done: what programs of
 * that one noted since is in the old table. */
static int adopt_aside(struct bg_datapath *datapath)
{
	const char *pin_dir = datapath->options.pin_dir;
	int flows_fd = bpf_map__fd(datapath->skel->maps.flows);
	struct bpf_map_info old, new = {};
	const struct bg_moved_flows *as;
	struct bg_control_start start;
	struct bg_map_shape shape;
	struct bg_before before;
	bg_auto_close int fd = -1;
	int rc;

	if (datapath->from || datapath->old_flows_fd >= 0 ||
	    read_control(pin_dir, BG_PIN_ASIDE, &start) || bg_before_of(&start, &before) ||
	    (before.from == &bg_layout_newer && start.flow_layout != BG_FLOW_LAYOUT))
		return 0;
	fd = bg_foreign_open(pin_dir, BG_PIN_ASIDE, "flows", &old);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = flows_fd < 0 ? 0 : bg_map_info(flows_fd, &new);
	if (rc)
		return rc;
	as = bg_before_flows(&before);
	shape = bg_map_shape(&old);
	if (old.id != new.id && bg_fate_has_flows(as, &shape))
		bg_migrate_flows_later(datapath, bg_take_fd(&fd), as);
	return 0;
}

static int adopt_map(struct bg_datapath *datapath, const struct bg_before *before,
		     struct bpf_map *map)
{
	const struct bg_map_shape mine = bg_shape_of(map);
	const char *name = bpf_map__name(map);
	struct bpf_map_info info;
	bg_auto_close int fd = bg_foreign_open(datapath->options.pin_dir, BG_PIN_MAPS, name, &info);
	struct bg_map_shape theirs;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	theirs = bg_map_shape(&info);
	switch (bg_fate_of(before, name, &mine, &theirs)) {
	case BG_FATE_TAKEN:
		return map == datapath->skel->maps.policy ? adopt_policy(datapath, fd)
							  : bpf_map__reuse_fd(map, fd);
	case BG_FATE_FLOWS:
		bg_migrate_flows_later(datapath, bg_take_fd(&fd), bg_before_flows(before));
		return 0;
	case BG_FATE_COPIED:
	case BG_FATE_DROPPED:
		bg_migrate_note_dropped(datapath, name);
		return 0;
	case BG_FATE_CONVERTED:
		break;
	}
	return 0;
}

int bg_adopt_maps(struct bg_datapath *datapath, __u64 *seed, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	struct bg_before before;
	struct bpf_map *map;
	int rc;

	rc = look_at_control(datapath, &before, err);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	datapath->without_policy = !bg_before_is_ours(&before, "policy");
	rc = read_seed(pin_dir, seed);
	/* without it the table must be another one: only when it is not there */
	if (rc && rc != -ENOENT && rc != -EINVAL && !before.from)
		return bg_fail(err, rc, "reading the hash seed in %s/maps: %s%s", pin_dir,
			       strerror(-rc), rc == -EPERM ? BY_ID_ONCE : "");
	before.have_seed = !rc;
	bpf_object__for_each_map (map, datapath->skel->obj) {
		if (bpf_map__is_internal(map))
			continue;
		rc = adopt_map(datapath, &before, map);
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
