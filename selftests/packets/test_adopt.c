// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a second process takes over from the maps that a first one pinned. */
#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "branchguard.skel.h"
#include "feed_text.h"
#include "flow.h"
#include "datapath_maps.h"
#include "base/cleanup.h"
#include "pinned/image_pin.h"
#include "pinned/pin.h"
#include "test.h"

static char pin_dir[64];
static int lock_fd = -1;

static int lock_pins(void **state)
{
	struct bg_error err = {};

	(void)state;
	snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/test_adopt-%d", (int)getpid());
	if (bg_pin_lock(pin_dir, true, &lock_fd, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	return 0;
}

static int remove_pins(void **state)
{
	(void)state;
	bg_pin_clear(pin_dir);
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
	return 0;
}

static struct bg_datapath *open_pinned(__u32 max_flows, __u32 max_rules)
{
	struct bg_datapath_options options = {
		.pin_dir = pin_dir,
		.max_flows = max_flows,
		.max_rules = max_rules,
	};

	return maps_open(&options);
}

static void pin(struct bg_datapath *datapath)
{
	struct bg_error err = {};

	if (bg_datapath_pin(datapath, &err) < 0)
		fail_msg("%s", err.text);
}

static void the_next_one_goes_on_where_the_last_one_was(void **state)
{
	struct bg_datapath *first = open_pinned(64, 8), *second;
	struct bg_bucket bucket = {};
	struct bg_branch_info info;
	struct bg_rule rule = {};
	__u32 https, zero = 0;
	__u64 seed;

	(void)state;
	assert_false(first->adopted);
	maps_publish(first, TWO_RULES);
	pin(first);
	https = maps_rule(first, 443, &rule);
	maps_hit(first, https, 9);
	seed = first->skel->rodata_seed->hash_seed;
	/* a flow of a branch that is no more */
	bucket.flow[3].key.protocol = 6;
	bucket.flow[3].key.branch = 40;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(first->skel->maps.flows), &zero, &bucket,
					     BPF_ANY),
			 0);
	bg_datapath_close(first);

	second = open_pinned(64, 8);
	assert_true(second->adopted);
	assert_string_equal(second->dropped, "");
	assert_int_equal(second->revision, 1);
	assert_true(second->skel->rodata_seed->hash_seed == seed);
	maps_publish(second, NEW_BRANCH);
	assert_int_equal(second->revision, 2);
	assert_int_equal(maps_rule(second, 443, &rule), https);
	assert_int_equal(rule.hits, 9);
	assert_true(maps_branch(second, 9, &info));
	assert_int_equal(info.tag, 1);
	assert_true(maps_branch(second, 11, &info));
	assert_int_equal(info.tag, 41);
	bg_datapath_close(second);
}

/* What one datapath has compiled is put in force by a larger one in its place. */
static void an_image_that_outgrew_one_goes_to_a_larger_one(void **state)
{
	struct bg_datapath_options options = {
		.pin_dir = pin_dir, .max_flows = 64, .max_rules = 8, .image_blocks = 1024
	};
	struct bg_datapath *first = maps_open(&options), *second;
	struct bg_model *model = maps_large_model();
	struct bg_publish_times times = {};
	struct bg_image *image = NULL;
	struct bg_error err = {};
	struct bg_rule rule;
	__u32 http, https;

	(void)state;
	maps_publish(first, TWO_RULES);
	pin(first);
	http = maps_rule(first, 80, &rule);
	https = maps_rule(first, 443, &rule);
	maps_hit(first, http, 5);

	assert_int_equal(
		bg_datapath_compile(first, model, BG_MAX_IMAGE_BLOCKS, &image, &times, &err), 0);
	assert_false(bg_datapath_has_room(first, image));
	/* it cannot be had after all: the numbers are free again */
	assert_int_equal(bg_datapath_publish(first, model, image, &times, &err), -E2BIG);
	assert_int_equal(maps_rule(first, 80, &rule), http);
	assert_int_equal(first->revision, 1);
	bg_image_free(image);

	assert_int_equal(
		bg_datapath_compile(first, model, BG_MAX_IMAGE_BLOCKS, &image, &times, &err), 0);
	options.image_blocks = (__u32)image->block_count;
	options.new_policy = true;
	second = maps_open(&options);
	assert_true(bg_datapath_has_room(second, image));
	bg_datapath_take_numbers(second, first);
	if (bg_datapath_publish(second, model, image, &times, &err))
		fail_msg("%s", err.text);
	assert_int_equal(second->revision, 2);
	assert_int_equal(times.rules_added, 1);
	assert_int_equal(times.rules_removed, 1);
	assert_int_equal(times.branches_removed, 1);
	assert_int_equal(maps_rule(second, 80, &rule), http);
	assert_int_equal(rule.hits, 5);
	assert_int_equal(maps_rule(second, 443, &rule), 0);
	/* the image names rules by the numbers that the map has */
	assert_int_not_equal(maps_rule(second, 81, &rule), 0);
	assert_int_not_equal(maps_rule(second, 81, &rule), https);
	assert_int_equal(model->rules[0].number, maps_rule(second, 81, &rule));
	bg_image_free(image);
	bg_model_free(model);

	/* and it goes on from there */
	maps_publish(second, TWO_RULES);
	assert_int_equal(maps_rule(second, 80, &rule), http);
	bg_datapath_close(first);
	bg_datapath_close(second);
}

/* Anywhere in the table: where a flow lies depends on size and seed. */
static bool has_flow_of(const struct bg_datapath *datapath, __u16 local_port, struct bg_flow *flow)
{
	const struct bpf_map *map = datapath->skel->maps.flows;
	struct bg_bucket bucket;

	for (__u32 i = 0; i < bpf_map__max_entries(map); i++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &i, &bucket), 0);
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			*flow = bucket.flow[slot];
			if (bucket.tag[slot] && flow->key.protocol &&
			    flow->key.local_port == local_port)
				return true;
		}
	}
	return false;
}

static void add_flow(const struct bg_datapath *datapath, __u32 at, const struct bg_flow *flow)
{
	int fd = bpf_map__fd(datapath->skel->maps.flows);
	struct bg_bucket bucket;

	assert_int_equal(bpf_map_lookup_elem(fd, &at, &bucket), 0);
	for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
		if (bucket.tag[slot])
			continue;
		bucket.tag[slot] = 1;
		bucket.flow[slot] = *flow;
		break;
	}
	assert_int_equal(bpf_map_update_elem(fd, &at, &bucket, BPF_ANY), 0);
}

static struct bg_flow tcp_flow(__u16 local_port)
{
	return (struct bg_flow){
		.key = { .local_port = local_port, .protocol = 6, .branch = 1 },
		.last_seen_ns = bg_boottime_ns(),
		.timeout_s = 100000,
		.rule = 3,
		.flags = BG_FLOW_REPLIED | BG_FLOW_ASSURED,
	};
}

static void other_sizes_keep_rules_and_flows(void **state)
{
	struct bg_datapath *first = open_pinned(64, 8), *second;
	struct bg_flow early = tcp_flow(1), late = tcp_flow(2), found;
	struct bg_rule rule = {};
	struct bg_error err = {};
	__u32 https;

	(void)state;
	maps_publish(first, TWO_RULES);
	pin(first);
	https = maps_rule(first, 443, &rule);
	maps_hit(first, https, 9);
	add_flow(first, 0, &early);
	second = open_pinned(128, 16);
	assert_string_equal(second->dropped, "rules,former_rules");
	maps_publish(second, OTHER_RULE);
	assert_int_equal(maps_rule(second, 443, &rule), https);
	assert_int_equal(rule.hits, 9);
	assert_true(has_flow_of(second, 1, &found));
	assert_memory_equal(&found, &early, sizeof(found));
	/* the first one's programs are still at work, and one flow gets on */
	add_flow(first, 3, &late);
	early.last_seen_ns++;
	early.flags |= BG_FLOW_FIN_LOCAL;
	memset(&found, 0, sizeof(found));
	add_flow(first, 5, &early);
	assert_int_equal(bg_datapath_finish(second, &err), 0);
	assert_true(has_flow_of(second, 2, &found));
	assert_true(has_flow_of(second, 1, &found));
	assert_memory_equal(&found, &early, sizeof(found));
	bg_datapath_close(first);
	bg_datapath_close(second);
}

/* As a daemon leaves it that is killed between the image and `control`. */
static void forget_last_revision(const struct bg_datapath *datapath)
{
	int fd = bpf_map__fd(datapath->skel->maps.control);
	struct bg_control control;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &control), 0);
	assert_int_equal(control.revision, datapath->revision);
	control.revision--;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &control, BPF_ANY), 0);
}

static void a_revision_is_never_given_out_twice(void **state)
{
	struct bg_datapath *first = open_pinned(64, 8), *second;

	(void)state;
	maps_publish(first, TWO_RULES);
	maps_publish(first, TWO_RULES);
	pin(first);
	forget_last_revision(first);
	bg_datapath_close(first);
	second = open_pinned(64, 8);
	assert_int_equal(second->revision, 2);
	bg_datapath_close(second);
}

/* The larger one has a policy of its own, so it sees that in `control` alone. */
static void nor_when_a_larger_one_takes_its_place(void **state)
{
	struct bg_datapath_options options = {
		.pin_dir = pin_dir, .max_flows = 64, .max_rules = 8, .new_policy = true
	};
	struct bg_datapath *first = open_pinned(64, 8), *second;
	struct bg_model *model = feed_parse(TWO_RULES);
	struct bg_publish_times times = {};
	struct bg_image *image = NULL;
	struct bg_error err = {};

	(void)state;
	maps_publish(first, TWO_RULES);
	maps_publish(first, TWO_RULES);
	pin(first);
	forget_last_revision(first);
	assert_int_equal(
		bg_datapath_compile(first, model, BG_MAX_IMAGE_BLOCKS, &image, &times, &err), 0);
	second = maps_open(&options);
	bg_datapath_take_numbers(second, first);
	if (bg_datapath_publish(second, model, image, &times, &err))
		fail_msg("%s", err.text);
	/* the next image's number is above that of the one in force */
	assert_int_equal(((const struct bg_header *)image->blocks)->revision, 3);
	assert_int_equal(second->revision, 3);
	bg_image_free(image);
	bg_model_free(model);
	bg_datapath_close(first);
	bg_datapath_close(second);
}

static void set_sys_admin(bool on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	const __u32 bit = 1u << CAP_SYS_ADMIN;

	assert_int_equal(syscall(SYS_capget, &header, data), 0);
	data[0].effective = on ? data[0].effective | bit : data[0].effective & ~bit;
	assert_int_equal(syscall(SYS_capset, &header, data), 0);
}

/* The next daemon knows the revision and the seed without opening a map by its id. */
static void assert_goes_on(__u32 revision, __u64 seed)
{
	struct bg_datapath *next;

	set_sys_admin(false);
	bg_pin_tidy(pin_dir);
	next = open_pinned(64, 8);
	assert_true(next->adopted);
	assert_string_equal(next->dropped, "");
	assert_int_equal(next->revision, revision);
	assert_true(next->skel->rodata_seed->hash_seed == seed);
	assert_true(next->image_fd >= 0);
	pin(next);
	assert_int_equal(bg_pin_get(pin_dir, BG_PIN_MAPS, "image_next"), -ENOENT);
	set_sys_admin(true);
	bg_datapath_close(next);
}

/* A copy of the image in force, as a publication makes the next one. */
static int other_image(const struct bg_datapath *datapath)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BG_IMAGE_MAP_FLAGS,
		    .btf_fd = bpf_object__btf_fd(datapath->skel->obj),
		    .btf_key_type_id = datapath->image_btf_key,
		    .btf_value_type_id = datapath->image_btf_value);
	bg_auto_free void *block = calloc(1, sizeof(struct bg_block));
	__u32 zero = 0;
	int fd;

	assert_non_null(block);
	assert_int_equal(bpf_map_lookup_elem(datapath->image_fd, &zero, block), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", sizeof(__u32), sizeof(struct bg_block),
			    datapath->options.image_blocks, &opts);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, block, BPF_ANY), 0);
	return fd;
}

/* Wherever a publication breaks off, and without CAP_SYS_ADMIN. */
static void the_image_in_force_is_found_by_path(void **state)
{
	struct bg_datapath_options larger = {
		.pin_dir = pin_dir, .max_flows = 64, .max_rules = 8, .new_policy = true
	};
	struct bg_datapath *first = open_pinned(64, 8), *second;
	int policy_fd = bpf_map__fd(first->skel->maps.policy);
	__u64 seed = first->skel->rodata_seed->hash_seed;
	bg_auto_close int image_fd = -1;
	__u32 zero = 0;

	(void)state;
	maps_publish(first, TWO_RULES);
	pin(first);
	assert_goes_on(1, seed);
	maps_publish(first, TWO_RULES);
	assert_goes_on(2, seed);

	/* announced, and then the end */
	image_fd = other_image(first);
	assert_int_equal(bg_image_announce(pin_dir, image_fd), 0);
	assert_goes_on(2, seed);
	/* in force, and then the end */
	assert_int_equal(bg_image_announce(pin_dir, image_fd), 0);
	assert_int_equal(bpf_map_update_elem(policy_fd, &zero, &image_fd, BPF_ANY), 0);
	assert_goes_on(2, seed);

	/* a larger one in place of this one, which ends before its policy is pinned */
	second = maps_open(&larger);
	maps_publish(second, TWO_RULES);
	assert_int_equal(bg_image_announce(pin_dir, second->image_fd), 0);
	assert_goes_on(second->revision, seed);
	/* or right after that */
	assert_int_equal(bg_image_announce(pin_dir, second->image_fd), 0);
	assert_int_equal(bg_pin_put(pin_dir, BG_PIN_MAPS, "policy",
				    bpf_map__fd(second->skel->maps.policy)),
			 0);
	assert_goes_on(second->revision, seed);
	bg_datapath_close(second);
	bg_datapath_close(first);
}

/* As an earlier build left it: by its id, once, then by path. */
static void an_image_without_a_pin_is_found_by_its_id(void **state)
{
	struct bg_datapath_options options = {
		.pin_dir = pin_dir, .max_flows = 64, .max_rules = 8, .only = maps_programs
	};
	struct bg_datapath *first = open_pinned(64, 8), *second = NULL;
	__u64 seed = first->skel->rodata_seed->hash_seed;
	struct bg_error err = {};

	(void)state;
	maps_publish(first, TWO_RULES);
	pin(first);
	bg_datapath_close(first);
	assert_int_equal(bg_pin_remove(pin_dir, BG_PIN_MAPS, "image"), 0);
	set_sys_admin(false);
	assert_int_equal(bg_datapath_open(&options, &second, &err), -EPERM);
	set_sys_admin(true);
	assert_non_null(strstr(err.text, "CAP_SYS_ADMIN"));
	second = open_pinned(64, 8);
	pin(second);
	bg_datapath_close(second);
	assert_goes_on(1, seed);
}

/* As a newer build leaves it. */
static void set_abi(const struct bg_datapath *datapath, __u32 abi, __u32 flow_layout)
{
	struct bg_control control = { .abi = abi, .revision = 7, .flow_layout = flow_layout };
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(datapath->skel->maps.control), &zero,
					     &control, BPF_ANY),
			 0);
}

static void add_iface(const struct bg_datapath *datapath, const struct bg_iface *iface)
{
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(datapath->skel->maps.ifaces),
					     &iface->ifindex, iface, BPF_ANY),
			 0);
}

static void a_newer_one_is_replaced_with_what_is_known_of_it(void **state)
{
	const struct bg_iface branch = {
		.ifindex = 9, .role = BG_ROLE_BRANCH, .vlan = 11, .flags = BG_IFACE_OUR_QDISC
	};
	struct bg_datapath *first = open_pinned(64, 8), *second;
	struct bg_flow flow = tcp_flow(1), found;
	struct bg_iface iface;
	struct bg_error err = {};
	struct bg_rule rule;
	__u32 vlan = 11, armed;

	(void)state;
	maps_publish(first, TWO_RULES);
	pin(first);
	add_flow(first, 0, &flow);
	add_iface(first, &branch);
	for (__u32 flow_layout = BG_FLOW_LAYOUT; flow_layout < BG_FLOW_LAYOUT + 2; flow_layout++) {
		const bool known = flow_layout == BG_FLOW_LAYOUT;

		set_abi(first, BG_ABI + 1, flow_layout);
		second = open_pinned(64, 8);
		assert_non_null(second->from);
		assert_true(second->without_policy);
		assert_int_equal(second->revision, 7);
		assert_int_equal(has_flow_of(second, 1, &found), known);
		assert_int_equal(maps_rule(second, 443, &rule) != 0, known);
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(second->skel->maps.ifaces),
						     &branch.ifindex, &iface),
				 0);
		assert_int_equal(iface.flags, BG_IFACE_OUR_QDISC);
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(second->skel->maps.fast_vlans),
						     &vlan, &armed),
				 0);
		assert_int_equal(armed, 9);
		/* until its maps are pinned, the other one's stand as they are */
		if (!known)
			break;
		bg_datapath_close(second);
	}
	maps_publish(second, TWO_RULES);
	pin(second);
	assert_null(second->from);
	assert_true(bg_pin_aside_is_there(pin_dir));
	assert_int_equal(bg_datapath_finish(second, &err), 0);
	assert_false(bg_pin_aside_is_there(pin_dir));
	bg_datapath_close(first);
	bg_datapath_close(second);
	second = open_pinned(64, 8);
	assert_null(second->from);
	assert_int_equal(second->revision, 8);
	bg_datapath_close(second);
}

static void an_abi_that_never_was_is_refused(void **state)
{
	struct bg_datapath_options options = { .pin_dir = pin_dir, .only = maps_programs };
	struct bg_datapath *first = open_pinned(64, 8), *second = NULL;
	struct bg_error err = {};

	(void)state;
	pin(first);
	set_abi(first, 0, 0);
	bg_datapath_close(first);
	assert_int_equal(bg_datapath_open(&options, &second, &err), -EPROTO);
	assert_null(second);
	assert_non_null(strstr(err.text, "--pin-dir"));
}

/* Killed between pinning aside and the name that counts: that is no map yet, and nobody's. */
static void what_was_half_pinned_aside_goes_with_the_rest(void **state)
{
	struct bg_datapath *datapath = open_pinned(64, 8);
	int control_fd = bpf_map__fd(datapath->skel->maps.control);
	struct bg_error err = {};

	(void)state;
	pin(datapath);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bg_pin_aside_make(pin_dir, &err), 0);
		assert_int_equal(bg_pin_put(pin_dir, BG_PIN_ASIDE, "flows", control_fd), 0);
		assert_int_equal(bg_pin_put(pin_dir, BG_PIN_ASIDE, "control_new", control_fd), 0);
	}
	assert_int_equal(bg_datapath_finish(datapath, &err), 0);
	assert_false(bg_pin_aside_is_there(pin_dir));
	assert_int_equal(bg_pin_aside_make(pin_dir, &err), 0);
	assert_int_equal(bg_pin_put(pin_dir, BG_PIN_ASIDE, "control_new", control_fd), 0);
	bg_datapath_close(datapath);
	assert_int_equal(bg_pin_clear(pin_dir), 0);
}

static void one_writer_at_a_time(void **state)
{
	struct bg_error err = {};
	int fd = -1;

	(void)state;
	assert_int_equal(bg_pin_lock(pin_dir, true, &fd, &err), -EBUSY);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(err.text, pin_dir));
}

static void pins_need_bpffs(void **state)
{
	struct bg_error err = {};
	int fd = -1;

	(void)state;
	assert_int_equal(bg_pin_lock("/tmp/branchguard", true, &fd, &err), -ENODEV);
	assert_non_null(strstr(err.text, "mount -t bpf"));
	assert_int_equal(access("/tmp/branchguard", F_OK), -1);
	assert_int_equal(bg_pin_lock("relative", true, &fd, &err), -EINVAL);
}

#define PINNED(test) cmocka_unit_test_setup_teardown(test, lock_pins, remove_pins)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PINNED(the_next_one_goes_on_where_the_last_one_was),
		PINNED(an_image_that_outgrew_one_goes_to_a_larger_one),
		PINNED(other_sizes_keep_rules_and_flows),
		PINNED(a_revision_is_never_given_out_twice),
		PINNED(nor_when_a_larger_one_takes_its_place),
		PINNED(the_image_in_force_is_found_by_path),
		PINNED(an_image_without_a_pin_is_found_by_its_id),
		PINNED(a_newer_one_is_replaced_with_what_is_known_of_it),
		PINNED(an_abi_that_never_was_is_refused),
		PINNED(what_was_half_pinned_aside_goes_with_the_rest),
		PINNED(one_writer_at_a_time),
		cmocka_unit_test(pins_need_bpffs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
