// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Opening, sizing and loading the BPF object, for the daemon and for explain. It never
 * attaches or pins: a datapath that does not load leaves nothing behind.
 */
#include "datapath/datapath.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/caps.h"
#include "base/cleanup.h"
#include "base/libbpf_log.h"
#include "base/log.h"
#include "branchguard.skel.h"
#include "datapath/adopt.h"
#include "datapath/cgroup.h"
#include "datapath/migrate.h"
#include "datapath/kernel_skb.h"
#include "flow.h"
#include "pinned/home.h"

BG_CLEANUP_OF(btf__free, struct btf)

/* See bpf/memory_order.h. */
#if defined(__x86_64__) || defined(__i386__) || defined(__s390x__)
#define LOADS_MOVE false
#else
#define LOADS_MOVE true
#endif

static __u32 power_of_two_from(__u32 least)
{
	__u32 value = 1;

	while (value < least)
		value <<= 1;
	return value;
}

static int check_option(const char *what, __u32 *value, __u32 preset, __u32 least, __u32 most,
			struct bg_error *err)
{
	if (!*value)
		*value = preset;
	if (*value < least || *value > most)
		return bg_fail(err, -EINVAL, "%s %u is out of range: %u to %u", what, *value, least,
			       most);
	return 0;
}

static int check_options(struct bg_datapath_options *options, struct bg_error *err)
{
	int rc;

	rc = check_option("image capacity (KiB)", &options->image_blocks, BG_DEFAULT_IMAGE_BLOCKS,
			  1024, BG_MAX_IMAGE_BLOCKS, err) ?:
	     check_option("number of flows", &options->max_flows, BG_DEFAULT_FLOWS, 64,
			  BG_MAX_FLOWS, err) ?:
	     check_option("number of rules", &options->max_rules, BG_DEFAULT_RULES, 2, BG_MAX_RULES,
			  err) ?:
	     check_option("number of branches", &options->max_branches, BG_DEFAULT_BRANCHES, 2,
			  BG_MAX_BRANCHES, err);
	if (rc)
		return rc;
	options->max_flows = power_of_two_from(options->max_flows);
	if (options->pin_dir)
		options->trace = false;
	return 0;
}

/* Twice as many places as flows: the first one is refused when 92 % are taken. */
static __u32 bucket_count(const struct bg_datapath_options *options)
{
	return options->max_flows * 2 / BG_BUCKET_FLOWS + BG_PROBE_BUCKETS;
}

static int set_size(struct bpf_map *map, __u32 entries, struct bg_error *err)
{
	int rc = bpf_map__set_max_entries(map, entries);

	return rc ? bg_fail(err, rc, "cannot size map %s to %u entries: %s", bpf_map__name(map),
			    entries, strerror(-rc))
		  : 0;
}

static int load_error(int code, struct bg_error *err)
{
	char why[BG_CAPS_TEXT];

	/* without one of them the verifier refuses what it accepts with it */
	if (code == -EPERM || ~bg_caps() & BG_CAPS_OF_DAEMON)
		return bg_fail(err, code, "loading the BPF programs: not permitted: %s",
			       bg_caps_why(BG_CAPS_OF_DAEMON, why));
	switch (-code) {
	case ENOMEM:
		return bg_fail(err, code,
			       "loading the BPF programs: out of memory (smaller --image-mib, "
			       "--max-flows or --max-rules may help). %s",
			       bg_libbpf_kept(600));
	case EINVAL:
	case EACCES:
		return bg_fail(err, code,
			       "loading the BPF programs: the kernel refuses (Linux 6.1 is the "
			       "oldest supported). %s",
			       bg_libbpf_kept(1500));
	default:
		return bg_fail(err, code, "loading the BPF programs: %s. %s", strerror(-code),
			       bg_libbpf_kept(1500));
	}
}

static int set_sizes(struct branchguard_bpf *skel, const struct bg_datapath_options *options,
		     struct bg_error *err)
{
	return set_size(skel->maps.rules, options->max_rules, err) ?:
	       set_size(skel->maps.former_rules, options->max_rules, err) ?:
	       set_size(skel->maps.fast_counters, options->max_branches * BG_DIRECTIONS, err) ?:
	       set_size(skel->maps.counters, options->max_branches * BG_DIRECTIONS, err) ?:
	       set_size(skel->maps.flows, bucket_count(options), err);
}

/* The object's BTF, loaded apart from it. The caller frees it. */
static int load_btf(const struct branchguard_bpf *skel, struct btf **btf, struct bg_error *err)
{
	bg_cleanup(btf__free_at) struct btf *copy = NULL;
	const void *data;
	__u32 size;
	int rc;

	data = btf__raw_data(bpf_object__btf(skel->obj), &size);
	copy = data ? btf__new(data, size) : NULL;
	if (!copy)
		return bg_fail(err, -errno, "copying the object's BTF: %s", strerror(errno));
	rc = btf__load_into_kernel(copy);
	if (rc == -EPERM)
		return load_error(rc, err);
	if (rc)
		return bg_fail(err, rc, "loading the object's BTF: %s. %s", strerror(-rc),
			       bg_libbpf_kept(600));
	*btf = bg_take_ptr(copy);
	return 0;
}

/* A map as large as an image, which tells the policy what maps to take. It has BTF because the
 * images have: without, Linux 6.1 takes them for different kinds of maps (-EINVAL when one is
 * put in force). */
static int make_template(const struct bg_datapath *datapath, struct bg_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BG_IMAGE_MAP_FLAGS,
		    .btf_key_type_id = datapath->image_btf_key,
		    .btf_value_type_id = datapath->image_btf_value);
	bg_cleanup(btf__free_at) struct btf *btf = NULL;
	const __u32 blocks = datapath->options.image_blocks;
	int fd, rc;

	rc = load_btf(datapath->skel, &btf, err);
	if (rc)
		return rc;
	opts.btf_fd = btf__fd(btf);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "template", sizeof(__u32), sizeof(struct bg_block),
			    blocks, &opts);
	if (fd == -EPERM)
		return load_error(fd, err);
	return fd < 0 ? bg_fail(err, fd, "creating an image map of %u KiB: %s", blocks,
				strerror(-fd))
		      : fd;
}

/*
 * libbpf would keep the template to the object's end, and 1.4 crashes when asked to size the
 * one that it makes itself. So the policy is made here, before the verifier wants memory, and
 * the template, which the policy no longer needs, is gone by then.
 */
static int make_policy(struct bg_datapath *datapath, struct bg_error *err)
{
	struct bpf_map *policy = datapath->skel->maps.policy;
	const struct bpf_map *image = bpf_map__inner_map(policy);
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	bg_auto_close int template_fd = -1, made_fd = -1;
	int fd = datapath->options.policy_fd, rc;

	datapath->image_btf_key = bpf_map__btf_key_type_id(image);
	datapath->image_btf_value = bpf_map__btf_value_type_id(image);
	if (datapath->policy_pinned) /* taken over */
		return 0;
	if (fd <= 0) {
		template_fd = make_template(datapath, err);
		if (template_fd < 0)
			return template_fd;
		opts.inner_map_fd = (__u32)template_fd;
		made_fd = bpf_map_create(bpf_map__type(policy), bpf_map__name(policy),
					 bpf_map__key_size(policy), bpf_map__value_size(policy),
					 bpf_map__max_entries(policy), &opts);
		fd = made_fd;
	}
	rc = fd < 0 ? fd : bpf_map__reuse_fd(policy, fd);
	return rc ? bg_fail(err, rc, "making or taking the policy map: %s. %s", strerror(-rc),
			    bg_libbpf_kept(600))
		  : 0;
}

/* Kernels before 5.11 charged maps to this limit, and containers still get a low one. */
static void raise_memlock(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int random_seed(__u64 *seed, struct bg_error *err)
{
	if (getrandom(seed, sizeof(*seed), 0) != sizeof(*seed))
		return bg_fail(err, -errno, "getrandom: %s", strerror(errno));
	return 0;
}

static bool is_listed(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static void choose_programs(struct branchguard_bpf *skel, const struct bg_datapath_options *options)
{
	struct bpf_program *program;

	/* only where there are flows to bring in */
	if (!options->only)
		bpf_program__set_autoload(skel->progs.tc_import_flows, false);
	bpf_object__for_each_program (program, skel->obj) {
		const char *name = bpf_program__name(program);

		if ((options->only && !is_listed(name, options->only)) ||
		    (options->without && is_listed(name, options->without)))
			bpf_program__set_autoload(program, false);
	}
}

/* Where the kernel does not say, all is judged but that; where it could not be asked, the next
 * start asks again. */
static int see_what_is_filled_in(struct bg_datapath *datapath, struct bg_error *err)
{
	struct branchguard_bpf__rodata *config = datapath->skel->rodata;
	struct bg_skb_layout layout;
	int rc = bg_skb_layout_read(&layout, err);

	if (rc && rc != -EOPNOTSUPP)
		return rc;
	if (rc && datapath->options.pin_dir)
		bg_log(BG_LOG_WARNING,
		       "checksums that a device fills in are not looked at: a pod with a packet "
		       "socket can have two bytes of a header changed behind the verdict",
		       "why=%s", bg_quote(err->text));
	config->skb_summed = layout.summed;
	config->skb_summed_shift = layout.summed_shift;
	config->skb_csum_start = layout.csum_start;
	config->skb_csum_offset = layout.csum_offset;
	config->skb_head = layout.head;
	config->skb_data = layout.data;
	config->skb_piece = layout.piece;
	config->skb_piece_bytes = layout.piece_bytes;
	return 0;
}

static int open_and_load(struct bg_datapath *datapath, struct bg_error *err)
{
	bg_auto_libbpf libbpf_print_fn_t before = bg_libbpf_keep();
	struct bg_datapath_options *options = &datapath->options;
	struct branchguard_bpf *skel;
	__u64 seed = options->hash_seed;
	int rc;

	skel = datapath->skel = branchguard_bpf__open();
	if (!skel)
		return bg_fail(err, -errno, "opening the BPF object: %s. %s", strerror(errno),
			       bg_libbpf_kept(600));
	choose_programs(skel, options);
	rc = seed ? 0 : random_seed(&seed, err);
	if (rc)
		return rc;
	rc = set_sizes(skel, options, err);
	if (rc)
		return rc;
	if (options->pin_dir) {
		rc = bg_adopt_maps(datapath, &seed, err);
		if (rc)
			return rc;
	}
	rc = make_policy(datapath, err);
	if (rc)
		return rc;
	skel->rodata->flow_mask = bpf_map__max_entries(skel->maps.flows) - BG_PROBE_BUCKETS - 1;
	skel->rodata_seed->hash_seed = seed;
	skel->rodata->loads_move = LOADS_MOVE;
	skel->rodata->keep_trace = options->trace;
	skel->rodata->short_way = !options->no_short_way;
	rc = see_what_is_filled_in(datapath, err);
	if (rc)
		return rc;
	if (options->probe_cgroup) {
		__u64 id;
		__u32 level;

		rc = bg_cgroup_find(options->probe_cgroup, &id, &level, err);
		if (rc)
			return rc;
		skel->rodata->probe_cgroup = id;
		skel->rodata->probe_cgroup_level = level;
	}
	rc = branchguard_bpf__load(skel);
	return rc ? load_error(rc, err) : 0;
}

int bg_datapath_open(const struct bg_datapath_options *options, struct bg_datapath **out,
		     struct bg_error *err)
{
	bg_cleanup(bg_datapath_close_at) struct bg_datapath *datapath = NULL;
	struct bg_control control = { .abi = BG_ABI, .flow_layout = BG_FLOW_LAYOUT };
	struct bg_home home = {};
	__u32 zero = 0;
	int rc;

	datapath = calloc(1, sizeof(*datapath));
	if (!datapath)
		return bg_no_memory(err, "loading the BPF programs");
	datapath->image_fd = -1;
	datapath->options = *options;
	datapath->old_flows_fd = -1;
	rc = check_options(&datapath->options, err);
	if (rc)
		return rc;
	raise_memlock();
	rc = open_and_load(datapath, err);
	if (rc)
		return rc;

	datapath->rules = calloc(datapath->options.max_rules, sizeof(*datapath->rules));
	datapath->registry =
		bg_registry_new(datapath->options.max_rules, datapath->options.max_branches);
	if (!datapath->rules || !datapath->registry)
		return bg_no_memory(err, "loading the BPF programs");
	if (datapath->adopted)
		rc = bg_migrate_maps(datapath, err) ?:
		     bg_migrate_flows(datapath, err) ?:
		     bg_adopt_contents(datapath, err);
	else
		rc = bg_map_set(datapath->skel->maps.control, &zero, &control, err);
	if (!rc && options->pin_dir)
		rc = bg_home_here(&home, err);
	if (!rc)
		rc = bg_map_set(datapath->skel->maps.home, &zero, &home, err);
	if (rc)
		return rc;
	*out = bg_take_ptr(datapath);
	return 0;
}

void bg_datapath_close(struct bg_datapath *datapath)
{
	if (!datapath)
		return;
	bg_registry_free(datapath->registry);
	branchguard_bpf__destroy(datapath->skel);
	if (datapath->image_fd >= 0)
		close(datapath->image_fd);
	if (datapath->old_flows_fd >= 0)
		close(datapath->old_flows_fd);
	free(datapath->rules);
	free(datapath->bucket_keys);
	free(datapath->empty_buckets);
	free(datapath);
}

int bg_map_set(const struct bpf_map *map, const void *key, const void *value, struct bg_error *err)
{
	int rc = bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY);

	if (rc == -E2BIG || rc == -ENOSPC)
		return bg_fail(err, rc, "map %s is full (%u entries)", bpf_map__name(map),
			       bpf_map__max_entries(map));
	return rc ? bg_fail(err, rc, "writing map %s: %s", bpf_map__name(map), strerror(-rc)) : 0;
}
