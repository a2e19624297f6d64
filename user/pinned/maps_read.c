// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads each map for the verbs that show something (status, rules, flows, monitor,
 * explain): rows with texts that surely end, sorted where people read them. It prints
 * nothing, and never writes a map.
 */
#include "pinned/maps_read.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/grow.h"
#include "base/sound.h"
#include "pinned/image_pin.h"

#define FRAGMENT_LIFE_NS (30 * BG_NS_PER_S) /* flow.h */

int bg_maps_control(const struct bg_maps *maps, struct bg_control *control, struct bg_error *err)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(maps->control_fd, &zero, control))
		return bg_map_unread(maps, "control", err);
	bg_sound_control(control);
	return 0;
}

/* Collects rows of any kind. */
struct list {
	char *rows;
	size_t count, row_bytes;
};

static void *list_add(struct list *list)
{
	char *rows = bg_grow(list->rows, list->count, list->row_bytes);

	if (!rows)
		return NULL;
	list->rows = rows;
	return rows + list->count++ * list->row_bytes;
}

/* Fills the list by walk->each(), and sorts it unless `compare` is NULL. Its rows are
 * the caller's after success. */
static int collect(const struct bg_maps *maps, struct bg_walk *walk, struct list *list,
		   int (*compare)(const void *a, const void *b), struct bg_error *err)
{
	int rc;

	walk->context = list;
	rc = bg_map_walk(maps, walk, err);
	if (rc) {
		free(list->rows);
		return rc;
	}
	if (compare && list->count)
		qsort(list->rows, list->count, list->row_bytes, compare);
	return 0;
}

static int add_branch(const void *key, const void *value, void *context)
{
	struct bg_branch_row read, *row;

	memcpy(&read.vlan, key, sizeof(read.vlan));
	memcpy(&read.info, value, sizeof(read.info));
	if (!bg_sound_branch(read.vlan, &read.info))
		return 0;
	row = list_add(context);
	if (!row)
		return -ENOMEM;
	*row = read;
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
	struct bg_walk walk = {
		.name = "branches",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_branch_info),
		.each = add_branch,
	};
	int rc = collect(maps, &walk, &list, by_vlan, err);

	if (rc)
		return rc;
	*branches = (struct bg_branch_row *)list.rows;
	*count = list.count;
	return 0;
}

int bg_maps_branch_capacity(const struct bg_maps *maps, size_t *capacity, struct bg_error *err)
{
	bg_auto_close int fd = -1;
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);

	fd = bg_maps_fd(maps, "fast_counters", sizeof(struct bg_counters), false, err);
	if (fd < 0)
		return fd;
	if (bpf_map_get_info_by_fd(fd, &info, &length))
		return bg_map_unread(maps, "fast_counters", err);
	*capacity = info.max_entries / BG_DIRECTIONS - 1; /* slot 0 is of no branch */
	return 0;
}

/* Rules by their number; numbers without a rule are zeroed. */
struct rule_list {
	struct bg_rule *rules;
	size_t room, count;
	const struct bg_walk *walk;
	bool former;
};

static int add_rule(const void *key, const void *value, void *context)
{
	struct rule_list *list = context;
	struct bg_rule read, *rule;
	__u32 number;

	memcpy(&number, key, sizeof(number));
	memcpy(&read, value, sizeof(read));
	/* a hash takes any key: but a number is one of as many as there may be rules */
	if (!number || number >= list->walk->max_entries || !bg_sound_rule(&read))
		return 0;
	if (BG_RESERVE(list->rules, list->room, (size_t)number + 1))
		return -ENOMEM;
	if (list->count <= number)
		list->count = (size_t)number + 1;
	rule = &list->rules[number];
	if (list->former && rule->revision)
		return 0; /* another one has its number by now */
	*rule = read;
	if (list->former)
		rule->revision = 0;
	return 0;
}

int bg_maps_rules(const struct bg_maps *maps, struct bg_rule **rules, size_t *count,
		  size_t *capacity, struct bg_error *err)
{
	struct rule_list list;
	struct bg_walk walk = {
		.name = "rules",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_rule),
		.each = add_rule,
		.context = &list,
	};
	int rc;

	list = (struct rule_list){ .walk = &walk };
	rc = bg_map_walk(maps, &walk, err);
	if (!rc) {
		if (capacity)
			*capacity = walk.max_entries - 1; /* number 0 is none */
		walk.name = "former_rules";
		list.former = true;
		rc = bg_map_walk(maps, &walk, err);
	}
	if (rc) {
		free(list.rules);
		return rc;
	}
	*rules = list.rules;
	*count = list.count;
	return 0;
}

void bg_counters_add(struct bg_counters *sum, const struct bg_counters *more)
{
	for (int reason = 0; reason < BG_REASON_MAX; reason++)
		sum->packets[reason] += more->packets[reason];
	sum->passed_bytes += more->passed_bytes;
	sum->dropped_bytes += more->dropped_bytes;
	sum->short_way_packets += more->short_way_packets;
}

int bg_maps_counters(const struct bg_maps *maps, __u32 slot,
		     struct bg_counters counters[BG_DIRECTIONS], struct bg_error *err)
{
	bg_auto_free struct bg_counters *by_cpu = NULL;
	bg_auto_close int fd = -1;
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return bg_fail(err, cpus, "cannot count the CPUs: %s", strerror(-cpus));
	fd = bg_maps_fd(maps, "fast_counters", sizeof(struct bg_counters), false, err);
	if (fd < 0)
		return fd;
	by_cpu = calloc(cpus, sizeof(*by_cpu));
	if (!by_cpu)
		return bg_no_memory(err, "reading map %s/maps/fast_counters", maps->pin_dir);
	memset(counters, 0, BG_DIRECTIONS * sizeof(*counters));
	for (__u32 direction = 0; direction < BG_DIRECTIONS; direction++) {
		__u32 key = slot * BG_DIRECTIONS + direction;

		if (bpf_map_lookup_elem(fd, &key, by_cpu))
			return bg_map_unread(maps, "fast_counters", err);
		for (int cpu = 0; cpu < cpus; cpu++)
			bg_counters_add(&counters[direction], &by_cpu[cpu]);
	}
	return 0;
}

static int add_pod(const void *key, const void *value, void *context)
{
	struct bg_pod_row read, *row;

	memcpy(&read.address, key, sizeof(read.address));
	memcpy(&read.pod, value, sizeof(read.pod));
	if (!bg_sound_pod(&read.pod))
		return 0;
	row = list_add(context);
	if (!row)
		return -ENOMEM;
	*row = read;
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
	struct bg_walk walk = {
		.name = "pods",
		.key_bytes = sizeof(struct bg_addr),
		.value_bytes = sizeof(struct bg_pod),
		.each = add_pod,
	};
	int rc = collect(maps, &walk, &list, by_vlan_and_address, err);

	if (rc)
		return rc;
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
	struct bg_iface iface;

	(void)key;
	memcpy(&iface, value, sizeof(iface));
	return bg_sound_iface(&iface) ? walk->each(&iface, walk->context) : 0;
}

int bg_maps_ifaces(const struct bg_maps *maps,
		   int (*each)(const struct bg_iface *iface, void *context), void *context,
		   struct bg_error *err)
{
	struct iface_walk ifaces = { each, context };
	struct bg_walk walk = {
		.name = "ifaces",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_iface),
		.each = each_iface,
		.context = &ifaces,
	};

	return bg_map_walk(maps, &walk, err);
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
	struct bg_walk walk = {
		.name = "flows",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_bucket),
		.flags = BPF_F_LOCK, /* whole flows, not halves of two */
		.each = each_bucket,
		.context = &flows,
	};
	int rc = bg_map_walk(maps, &walk, err);

	if (capacity)
		*capacity = walk.max_entries > BG_PROBE_BUCKETS
				    ? (walk.max_entries - BG_PROBE_BUCKETS) * BG_BUCKET_FLOWS
				    : 0;
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
	struct bg_walk walk = {
		.name = "fragments",
		.key_bytes = sizeof(struct bg_fragment_key),
		.value_bytes = sizeof(struct bg_fragment),
		.each = count_fragment,
		.context = &count,
	};
	int rc = bg_map_walk(maps, &walk, err);

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
	__u32 zero = 0, info_bytes = sizeof(info);

	*found = false;
	outer = bg_maps_fd(maps, "policy", sizeof(__u32), false, err);
	if (outer < 0)
		return outer;
	inner = bg_image_open(maps->pin_dir, outer);
	if (inner == -ENOENT)
		return 0;
	if (inner < 0)
		return bg_fail(err, inner, "cannot read the image in force: %s/maps/image: %s",
			       maps->pin_dir, strerror(-inner));
	if (bpf_map_get_info_by_fd(inner, &info, &info_bytes) ||
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
