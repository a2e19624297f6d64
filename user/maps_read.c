// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "maps_read.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

#define NS_PER_S 1000000000ull
#define FRAGMENT_LIFE_NS (30 * NS_PER_S) /* flow.h */

/* Arrays are read in pieces of about this size. */
#define PIECE_BYTES (1u << 20)

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (__u64)now.tv_sec * NS_PER_S + (__u64)now.tv_nsec;
}

__u64 bg_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

__u64 bg_boottime_ns(void)
{
	return clock_ns(CLOCK_BOOTTIME);
}

static int open_map(const char *pin_dir, const char *name, bool write, struct bpf_map_info *info,
		    struct bg_error *err)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = write ? 0 : BPF_F_RDONLY);
	__u32 info_bytes = sizeof(*info);
	bg_auto_close int fd = -1;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/maps/%s", pin_dir, name) >= (int)sizeof(path))
		return bg_fail(err, -ENAMETOOLONG, "--pin-dir %.80s...: the path is too long",
			       pin_dir);
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return bg_fail(err, -ENOENT,
			       "branchguard is not loaded: %s: %s; start it with `branchguard run "
			       "--feed FILE`, or name its --pin-dir",
			       path, strerror(errno));
	if (fd < 0 && (errno == EPERM || errno == EACCES))
		return bg_fail(err, -EPERM, "cannot open map %s: %s; run as root", path,
			       strerror(errno));
	if (fd < 0)
		return bg_fail(err, -errno,
			       "cannot open map %s: %s; expected a map that branchguard pinned "
			       "on a BPF file system",
			       path, strerror(errno));
	memset(info, 0, sizeof(*info));
	if (bpf_map_get_info_by_fd(fd, info, &info_bytes))
		return bg_fail(err, -errno, "cannot ask the kernel about map %s: %s", path,
			       strerror(errno));
	return bg_take_fd(&fd);
}

int bg_maps_fd(const struct bg_maps *maps, const char *name, size_t value_bytes, bool write,
	       struct bg_error *err)
{
	struct bpf_map_info info;
	int fd = open_map(maps->pin_dir, name, write, &info, err);

	if (fd < 0 || info.value_size == value_bytes)
		return fd;
	close(fd);
	return bg_fail(
		err, -EPROTO,
		"map %s/maps/%s has values of %u bytes, expected %zu: another version of "
		"branchguard pinned it; use that version, or restart the daemon with this one",
		maps->pin_dir, name, info.value_size, value_bytes);
}

int bg_maps_open(const char *pin_dir, struct bg_maps *maps, struct bg_error *err)
{
	bg_auto_close int fd = -1;
	bg_auto_free __u32 *value = NULL;
	struct bpf_map_info info;
	__u32 zero = 0, abi;

	fd = open_map(pin_dir, "control", false, &info, err);
	if (fd < 0)
		return fd;
	/* the ABI stands first in every ABI, whatever its size */
	value = calloc(1, info.value_size + sizeof(*value));
	if (!value)
		return bg_fail(err, -ENOMEM, "out of memory");
	if (info.key_size != sizeof(zero) || bpf_map_lookup_elem(fd, &zero, value))
		return bg_fail(err, -EPROTO, "%s/maps/control is no control map of branchguard",
			       pin_dir);
	abi = value[0];
	if (abi != BG_ABI)
		return bg_fail(err, -EPROTO,
			       "%s/maps was pinned by a branchguard with ABI %u, this one has ABI "
			       "%d; use that version, or unload it and start this one",
			       pin_dir, abi, BG_ABI);
	if (info.value_size != sizeof(struct bg_control))
		return bg_fail(err, -EPROTO,
			       "%s/maps/control says ABI %u, but has %u bytes instead of %zu: "
			       "branchguard did not pin it",
			       pin_dir, abi, info.value_size, sizeof(struct bg_control));
	*maps = (struct bg_maps){ .pin_dir = pin_dir, .control_fd = bg_take_fd(&fd) };
	return 0;
}

void bg_maps_close(struct bg_maps *maps)
{
	if (maps->control_fd >= 0)
		close(maps->control_fd);
	maps->control_fd = -1;
}

static int read_failed(const struct bg_maps *maps, const char *name, struct bg_error *err)
{
	return bg_fail(err, -errno, "cannot read map %s/maps/%s: %s", maps->pin_dir, name,
		       strerror(errno));
}

int bg_maps_control(const struct bg_maps *maps, struct bg_control *control, struct bg_error *err)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(maps->control_fd, &zero, control))
		return read_failed(maps, "control", err);
	control->feed_revision[sizeof(control->feed_revision) - 1] = '\0';
	return 0;
}

/* One map being read by batches. */
struct walk {
	const char *name;
	size_t key_bytes, value_bytes;
	__u64 flags; /* BPF_F_LOCK or 0 */
	int (*each)(const void *key, const void *value, void *context);
	void *context;
	size_t max_entries; /* set by walk_map() */
};

/* A hash is read at one go, since a piece must hold its fullest bucket. */
static __u32 piece_entries(const struct bpf_map_info *info)
{
	__u32 entries = PIECE_BYTES / info->value_size;

	if (info->type != BPF_MAP_TYPE_ARRAY || entries > info->max_entries)
		return info->max_entries;
	return entries ? entries : 1;
}

static int walk_map(const struct bg_maps *maps, struct walk *walk, struct bg_error *err)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = walk->flags);
	bg_auto_free char *keys = NULL, *values = NULL;
	struct bpf_map_info info;
	bg_auto_close int fd = -1;
	char position[64]; /* a key, or a number */
	void *from = NULL;
	__u32 piece;
	int rc;

	fd = bg_maps_fd(maps, walk->name, walk->value_bytes, false, err);
	if (fd < 0)
		return fd;
	piece = sizeof(info);
	if (bpf_map_get_info_by_fd(fd, &info, &piece) || info.key_size != walk->key_bytes)
		return bg_fail(err, -EPROTO, "map %s/maps/%s has keys of %u bytes, expected %zu",
			       maps->pin_dir, walk->name, info.key_size, walk->key_bytes);
	walk->max_entries = info.max_entries;
	piece = piece_entries(&info);
	keys = calloc(piece, walk->key_bytes);
	values = calloc(piece, walk->value_bytes);
	if (!keys || !values)
		return bg_fail(err, -ENOMEM, "out of memory for map %s: %u entries of %zu bytes",
			       walk->name, piece, walk->value_bytes);
	for (bool more = true; more;) {
		__u32 count = piece;

		if (bpf_map_lookup_batch(fd, from, position, keys, values, &count, &opts)) {
			if (errno != ENOENT)
				return read_failed(maps, walk->name, err);
			more = false; /* that was the last piece */
		}
		from = position;
		for (__u32 i = 0; i < count; i++) {
			rc = walk->each(keys + i * walk->key_bytes, values + i * walk->value_bytes,
					walk->context);
			if (rc)
				return rc;
		}
	}
	return 0;
}

/* Rows of any kind, collected. */
struct list {
	char *rows;
	size_t count, capacity, row_bytes;
};

static void *list_add(struct list *list)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		char *rows = reallocarray(list->rows, capacity, list->row_bytes);

		if (!rows)
			return NULL;
		list->rows = rows;
		list->capacity = capacity;
	}
	return list->rows + list->count++ * list->row_bytes;
}

static int add_branch(const void *key, const void *value, void *context)
{
	struct bg_branch_row *row = list_add(context);

	if (!row)
		return -ENOMEM;
	memcpy(&row->vlan, key, sizeof(row->vlan));
	memcpy(&row->info, value, sizeof(row->info));
	row->info.id[sizeof(row->info.id) - 1] = '\0';
	row->info.interface[sizeof(row->info.interface) - 1] = '\0';
	row->info.groups[sizeof(row->info.groups) - 1] = '\0';
	return 0;
}

static int by_vlan(const void *a, const void *b)
{
	const struct bg_branch_row *x = a, *y = b;

	return (x->vlan > y->vlan) - (x->vlan < y->vlan);
}

int bg_maps_branches(const struct bg_maps *maps, struct bg_branch_row **branches, size_t *count,
		     struct bg_error *err)
{
	struct list list = { .row_bytes = sizeof(struct bg_branch_row) };
	struct walk walk = {
		.name = "branches",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_branch_info),
		.each = add_branch,
		.context = &list,
	};
	int rc = walk_map(maps, &walk, err);

	if (rc) {
		free(list.rows);
		return rc == -ENOMEM ? bg_fail(err, rc, "out of memory") : rc;
	}
	if (list.count)
		qsort(list.rows, list.count, list.row_bytes, by_vlan);
	*branches = (struct bg_branch_row *)list.rows;
	*count = list.count;
	return 0;
}

static int add_rule(const void *key, const void *value, void *context)
{
	struct bg_rule *rule = list_add(context);

	(void)key; /* arrays come in order */
	if (!rule)
		return -ENOMEM;
	memcpy(rule, value, sizeof(*rule));
	rule->group[sizeof(rule->group) - 1] = '\0';
	rule->rule_id[sizeof(rule->rule_id) - 1] = '\0';
	rule->peer[sizeof(rule->peer) - 1] = '\0';
	return 0;
}

int bg_maps_rules(const struct bg_maps *maps, struct bg_rule **rules, size_t *count,
		  struct bg_error *err)
{
	struct list list = { .row_bytes = sizeof(struct bg_rule) };
	struct walk walk = {
		.name = "rules",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_rule),
		.each = add_rule,
		.context = &list,
	};
	int rc = walk_map(maps, &walk, err);

	if (rc) {
		free(list.rows);
		return rc == -ENOMEM ? bg_fail(err, rc, "out of memory") : rc;
	}
	*rules = (struct bg_rule *)list.rows;
	*count = list.count;
	return 0;
}

int bg_maps_counters(const struct bg_maps *maps, __u32 slot,
		     struct bg_counters counters[BG_DIRECTIONS], struct bg_error *err)
{
	bg_auto_free struct bg_counters *by_cpu = NULL;
	bg_auto_close int fd = -1;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return bg_fail(err, cpus, "cannot count the CPUs: %s", strerror(-cpus));
	fd = bg_maps_fd(maps, "counters", sizeof(struct bg_counters), false, err);
	if (fd < 0)
		return fd;
	by_cpu = calloc(cpus, sizeof(*by_cpu));
	if (!by_cpu)
		return bg_fail(err, -ENOMEM, "out of memory");
	memset(counters, 0, BG_DIRECTIONS * sizeof(*counters));
	for (__u32 direction = 0; direction < BG_DIRECTIONS; direction++) {
		__u32 key = slot * BG_DIRECTIONS + direction;

		if (bpf_map_lookup_elem(fd, &key, by_cpu))
			return read_failed(maps, "counters", err);
		for (int cpu = 0; cpu < cpus; cpu++) {
			for (int reason = 0; reason < BG_REASON_MAX; reason++)
				counters[direction].packets[reason] += by_cpu[cpu].packets[reason];
			counters[direction].passed_bytes += by_cpu[cpu].passed_bytes;
			counters[direction].dropped_bytes += by_cpu[cpu].dropped_bytes;
			counters[direction].short_way_packets += by_cpu[cpu].short_way_packets;
		}
	}
	return 0;
}

static int add_pod(const void *key, const void *value, void *context)
{
	struct bg_pod_row *row = list_add(context);

	if (!row)
		return -ENOMEM;
	memcpy(&row->address, key, sizeof(row->address));
	memcpy(&row->pod, value, sizeof(row->pod));
	return 0;
}

static int by_vlan_and_address(const void *a, const void *b)
{
	const struct bg_pod_row *x = a, *y = b;

	if (x->pod.vlan != y->pod.vlan)
		return x->pod.vlan < y->pod.vlan ? -1 : 1;
	return memcmp(&x->address, &y->address, sizeof(x->address));
}

int bg_maps_pods(const struct bg_maps *maps, struct bg_pod_row **pods, size_t *count,
		 struct bg_error *err)
{
	struct list list = { .row_bytes = sizeof(struct bg_pod_row) };
	struct walk walk = {
		.name = "pods",
		.key_bytes = sizeof(struct bg_addr),
		.value_bytes = sizeof(struct bg_pod),
		.each = add_pod,
		.context = &list,
	};
	int rc = walk_map(maps, &walk, err);

	if (rc) {
		free(list.rows);
		return rc == -ENOMEM ? bg_fail(err, rc, "out of memory") : rc;
	}
	if (list.count)
		qsort(list.rows, list.count, list.row_bytes, by_vlan_and_address);
	*pods = (struct bg_pod_row *)list.rows;
	*count = list.count;
	return 0;
}

struct iface_walk {
	int (*each)(const struct bg_iface *iface, void *context);
	void *context;
};

static int each_iface(const void *key, const void *value, void *context)
{
	const struct iface_walk *walk = context;
	const struct bg_iface *iface = value;

	(void)key;
	return iface->ifindex ? walk->each(iface, walk->context) : 0;
}

int bg_maps_ifaces(const struct bg_maps *maps,
		   int (*each)(const struct bg_iface *iface, void *context), void *context,
		   struct bg_error *err)
{
	struct iface_walk ifaces = { each, context };
	struct walk walk = {
		.name = "ifaces",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_iface),
		.each = each_iface,
		.context = &ifaces,
	};
	int rc = walk_map(maps, &walk, err);

	if (rc)
		return rc;
	walk.name = "more_ifaces";
	return walk_map(maps, &walk, err);
}

struct flow_walk {
	int (*each)(const struct bg_flow *flow, void *context);
	void *context;
};

static int each_bucket(const void *key, const void *value, void *context)
{
	const struct flow_walk *walk = context;
	const struct bg_bucket *bucket = value;

	(void)key;
	for (int i = 0; i < BG_BUCKET_FLOWS; i++) {
		int rc;

		if (!bucket->tag[i] || !bucket->flow[i].key.protocol)
			continue;
		rc = walk->each(&bucket->flow[i], walk->context);
		if (rc)
			return rc;
	}
	return 0;
}

int bg_maps_flows(const struct bg_maps *maps,
		  int (*each)(const struct bg_flow *flow, void *context), void *context,
		  size_t *capacity, struct bg_error *err)
{
	struct flow_walk flows = { each, context };
	struct walk walk = {
		.name = "flows",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_bucket),
		.flags = BPF_F_LOCK, /* whole flows, not halves of two */
		.each = each_bucket,
		.context = &flows,
	};
	int rc = walk_map(maps, &walk, err);

	if (capacity)
		*capacity = walk.max_entries * BG_BUCKET_FLOWS;
	return rc;
}

struct fragment_count {
	__u64 since_ns;
	size_t used;
};

static int count_fragment(const void *key, const void *value, void *context)
{
	struct fragment_count *count = context;
	struct bg_fragment fragment;

	(void)key;
	memcpy(&fragment, value, sizeof(fragment));
	if (fragment.seen_ns >= count->since_ns)
		count->used++;
	return 0;
}

int bg_maps_fragments(const struct bg_maps *maps, size_t *used, size_t *capacity,
		      struct bg_error *err)
{
	__u64 now_ns = bg_monotonic_ns();
	struct fragment_count count = {
		.since_ns = now_ns > FRAGMENT_LIFE_NS ? now_ns - FRAGMENT_LIFE_NS : 0,
	};
	struct walk walk = {
		.name = "fragments",
		.key_bytes = sizeof(struct bg_fragment_key),
		.value_bytes = sizeof(struct bg_fragment),
		.each = count_fragment,
		.context = &count,
	};
	int rc = walk_map(maps, &walk, err);

	if (rc)
		return rc;
	*used = count.used;
	*capacity = walk.max_entries;
	return 0;
}

int bg_maps_image(const struct bg_maps *maps, struct bg_header *header, size_t *capacity_bytes,
		  bool *found, struct bg_error *err)
{
	bg_auto_close int outer = -1, inner = -1;
	struct bpf_map_info info = {};
	__u32 zero = 0, id, info_bytes = sizeof(info);

	*found = false;
	outer = bg_maps_fd(maps, "policy", sizeof(id), false, err);
	if (outer < 0)
		return outer;
	if (bpf_map_lookup_elem(outer, &zero, &id))
		return errno == ENOENT ? 0 : read_failed(maps, "policy", err);
	inner = bpf_map_get_fd_by_id(id);
	if (inner < 0 && errno == ENOENT)
		return 0; /* replaced this moment */
	if (inner < 0 || bpf_map_get_info_by_fd(inner, &info, &info_bytes) ||
	    info.value_size != sizeof(*header) || bpf_map_lookup_elem(inner, &zero, header))
		return bg_fail(err, -errno, "cannot read the image of map %s/maps/policy: %s",
			       maps->pin_dir, strerror(errno));
	*capacity_bytes = (size_t)info.max_entries * sizeof(struct bg_block);
	*found = header->magic == BG_IMAGE_MAGIC;
	return 0;
}

const struct bg_branch_row *bg_branch_of_vlan(const struct bg_branch_row *branches, size_t count,
					      __u32 vlan)
{
	for (size_t i = 0; i < count; i++) {
		if (branches[i].vlan == vlan)
			return &branches[i];
	}
	return NULL;
}

const struct bg_branch_row *bg_branch_of_tag(const struct bg_branch_row *branches, size_t count,
					     __u32 tag)
{
	for (size_t i = 0; i < count; i++) {
		if (branches[i].info.tag == tag)
			return &branches[i];
	}
	return NULL;
}

const struct bg_branch_row *bg_branch_find(const struct bg_branch_row *branches, size_t count,
					   const char *name, struct bg_error *err)
{
	char names[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		char vlan[16];

		snprintf(vlan, sizeof(vlan), "%u", branches[i].vlan);
		if (!strcmp(branches[i].info.id, name) ||
		    !strcmp(branches[i].info.interface, name) || !strcmp(vlan, name))
			return &branches[i];
		if (used < sizeof(names))
			used += snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
					 branches[i].info.id);
	}
	bg_fail(err, -ENOENT,
		"--branch '%.80s': expected the id, VLAN id or interface of a branch; %s%s", name,
		count ? "there are " : "there is none", names);
	return NULL;
}
