// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the maps hold before and after a publish, and what a second process takes
 * over from them. No packets, so the smallest program does.
 */
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/datapath.h"
#include "feed_text.h"
#include "flow.h"
#include "pinned/pin.h"
#include "test.h"

static const char *const cheapest[] = { "tc_trunk_guard", NULL };

/* clang-format off */
#define FEED(rules, branches) \
	"{'FeedVersion': 1, 'Revision': 'r'," \
	" 'SecurityGroups': [{'GroupId': 'sg-1', 'IpPermissions': [" rules "]}]," \
	" 'Branches': [" branches "]}"
#define PORT(port) \
	"{'IpProtocol': 'tcp', 'FromPort': " #port ", 'ToPort': " #port "," \
	" 'IpRanges': [{'CidrIp': '10.0.0.0/8'}]}"
#define BRANCH(vlan) \
	"{'Id': 'eni-" #vlan "', 'VlanId': " #vlan ", 'GroupIds': ['sg-1']," \
	" 'Pods': [{'Namespace': 'a', 'Name': 'p" #vlan "', 'Addresses': ['10.1.0." #vlan "']}]}"

#define TWO_RULES FEED(PORT(80) "," PORT(443), BRANCH(9) "," BRANCH(10))
#define OTHER_RULE FEED(PORT(443) "," PORT(8443), BRANCH(9))
#define NEW_BRANCH FEED(PORT(443), BRANCH(9) "," BRANCH(11))
#define EIGHT_RULES \
	FEED(PORT(1) "," PORT(2) "," PORT(3) "," PORT(4) "," \
	     PORT(5) "," PORT(6) "," PORT(7) "," PORT(8), BRANCH(9))
/* clang-format on */

static struct bg_datapath *open_with(const struct bg_datapath_options *options)
{
	struct bg_datapath_options cheap = *options;
	struct bg_datapath *datapath = NULL;
	struct bg_error err = {};

	cheap.only = cheapest;
	if (bg_datapath_open(&cheap, &datapath, &err))
		fail_msg("%s", err.text);
	return datapath;
}

static struct bg_publish_times publish(struct bg_datapath *datapath, const char *feed)
{
	struct bg_model *model = feed_parse(feed);
	struct bg_publish_times times;
	struct bg_error err = {};

	if (bg_datapath_set_model(datapath, model, &times, &err))
		fail_msg("%s", err.text);
	bg_model_free(model);
	return times;
}

/* Number of the rule for a port in force, 0 = none. */
static __u32 rule_of(const struct bg_datapath *datapath, int port, struct bg_rule *rule)
{
	for (__u32 number = 1; number < datapath->options.max_rules; number++) {
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.rules),
						     &number, rule),
				 0);
		if (rule->revision && rule->from_port == port)
			return number;
	}
	return 0;
}

static bool branch_of(const struct bg_datapath *datapath, __u32 vlan, struct bg_branch_info *info)
{
	return !bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.branches), &vlan, info);
}

static int image_fd(const struct bg_datapath *datapath)
{
	__u32 zero = 0, id;

	if (bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.policy), &zero, &id))
		return -ENOENT;
	return bpf_map_get_fd_by_id(id);
}

static void hit(const struct bg_datapath *datapath, __u32 number, __u64 hits)
{
	int fd = bpf_map__fd(datapath->skel->maps.rules);
	struct bg_rule rule;

	assert_int_equal(bpf_map_lookup_elem(fd, &number, &rule), 0);
	rule.hits = hits;
	assert_int_equal(bpf_map_update_elem(fd, &number, &rule, BPF_ANY), 0);
}

static const struct bg_datapath_options small = { .max_flows = 64, .max_rules = 8 };

static void a_rule_keeps_number_and_hits(void **state)
{
	struct bg_datapath *datapath = open_with(&small);
	struct bg_publish_times times;
	struct bg_rule rule = {};
	__u32 web, https;

	(void)state;
	times = publish(datapath, TWO_RULES);
	assert_int_equal(times.rules_added, 2);
	web = rule_of(datapath, 80, &rule);
	https = rule_of(datapath, 443, &rule);
	assert_string_equal(rule.group, "sg-1");
	hit(datapath, https, 7);

	times = publish(datapath, OTHER_RULE);
	assert_int_equal(times.rules_added, 1);
	assert_int_equal(times.rules_removed, 1);
	assert_int_equal(rule_of(datapath, 443, &rule), https);
	assert_int_equal(rule.hits, 7);
	assert_int_equal(rule.revision, 1);
	assert_int_equal(rule_of(datapath, 80, &rule), 0);
	/* its text stays for the flows that name it */
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.rules), &web, &rule),
			 0);
	assert_int_equal(rule.from_port, 80);
	bg_datapath_close(datapath);
}

static void branches_come_and_go(void **state)
{
	struct bg_datapath *datapath = open_with(&small);
	struct bg_branch_info first, info;
	struct bg_publish_times times;

	(void)state;
	publish(datapath, TWO_RULES);
	assert_true(branch_of(datapath, 9, &first));
	assert_string_equal(first.id, "eni-9");
	assert_string_equal(first.interface, "vlan.eth.9");
	assert_string_equal(first.groups, "sg-1");
	assert_int_equal(first.ifindex, 0);
	times = publish(datapath, NEW_BRANCH);
	assert_int_equal(times.branches_added, 1);
	assert_int_equal(times.branches_removed, 1);
	assert_true(branch_of(datapath, 9, &info));
	assert_memory_equal(&info, &first, sizeof(info));
	assert_false(branch_of(datapath, 10, &info));
	assert_true(branch_of(datapath, 11, &info));
	/* no flow of eni-10 may pass for one of eni-11 */
	assert_int_equal(info.tag, 3);
	bg_datapath_close(datapath);
}

static void counters_of_a_slot_start_from_zero(void **state)
{
	struct bg_datapath_options options = small;
	struct bg_counters *counters;
	struct bg_datapath *datapath;
	int cpus = libbpf_num_possible_cpus(), fd;
	struct bg_branch_info info;
	__u32 index;

	(void)state;
	options.max_branches = 3; /* two slots: eni-11 gets the one of eni-10 */
	datapath = open_with(&options);
	fd = bpf_map__fd(datapath->skel->maps.counters);
	counters = calloc(cpus, sizeof(*counters));
	assert_non_null(counters);
	publish(datapath, TWO_RULES);
	assert_true(branch_of(datapath, 10, &info));
	index = info.slot * BG_DIRECTIONS;
	counters[0].packets[BG_REASON_RULE] = 5;
	assert_int_equal(bpf_map_update_elem(fd, &index, counters, BPF_ANY), 0);
	publish(datapath, OTHER_RULE);
	publish(datapath, NEW_BRANCH);
	assert_true(branch_of(datapath, 11, &info));
	assert_int_equal(info.slot * BG_DIRECTIONS, index);
	assert_int_equal(bpf_map_lookup_elem(fd, &index, counters), 0);
	for (int cpu = 0; cpu < cpus; cpu++)
		assert_int_equal(counters[cpu].packets[BG_REASON_RULE], 0);
	free(counters);
	bg_datapath_close(datapath);
}

static void an_image_in_force_is_frozen(void **state)
{
	struct bg_datapath *datapath = open_with(&small);
	bg_auto_close int fd = -1;
	struct bg_header header;
	__u32 zero = 0;

	(void)state;
	assert_int_equal(image_fd(datapath), -ENOENT);
	publish(datapath, TWO_RULES);
	fd = image_fd(datapath);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &header), 0);
	assert_int_equal(header.revision, 1);
	assert_int_equal(bpf_map_update_elem(fd, &zero, &header, BPF_ANY), -EPERM);
	bg_datapath_close(datapath);
}

static char *make_snapshot(const struct bg_datapath *datapath, size_t *size)
{
	const struct bpf_map *rules = datapath->skel->maps.rules;
	struct bg_branch_info info;
	FILE *out;
	char *text;

	out = open_memstream(&text, size);
	assert_non_null(out);
	for (__u32 number = 0; number < datapath->options.max_rules; number++) {
		struct bg_rule rule;

		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(rules), &number, &rule), 0);
		fwrite(&rule, sizeof(rule), 1, out);
	}
	for (__u32 vlan = 0; vlan < BG_VLANS; vlan++)
		if (branch_of(datapath, vlan, &info))
			fwrite(&info, sizeof(info), 1, out);
	fclose(out);
	return text;
}

/* Whose image is larger than 1024 blocks. It has the rule of port 80, and the one
 * of port 81 is new to TWO_RULES. */
static struct bg_model *large_model(void)
{
	struct bg_model *model;
	size_t feed_size;
	char *feed;
	FILE *out = open_memstream(&feed, &feed_size);

	assert_non_null(out);
	fprintf(out, "{'FeedVersion': 1, 'SecurityGroups': [{'GroupId': 'sg-1', 'IpPermissions': ["
		     "{'IpProtocol': 'tcp', 'FromPort': 81, 'ToPort': 81,"
		     " 'PrefixListIds': [{'PrefixListId': 'pl-1'}]}," PORT(
			     80) "]}],"
				 " 'PrefixLists': [{'PrefixListId': 'pl-1', 'Entries': [");
	for (int i = 0; i < 20000; i++)
		fprintf(out, "%s{'Cidr': '%d.%d.%d.1/32'}", i ? "," : "", 11 + i % 80, i / 80 % 256,
			i * 7 % 256);
	fprintf(out, "]}], 'Branches': [" BRANCH(9) "]}");
	fclose(out);
	model = feed_parse(feed);
	free(feed);
	return model;
}

/* More rules than fit, and an image larger than the capacity. */
static void a_refused_model_changes_nothing(void **state)
{
	struct bg_datapath_options options = small;
	char *before, *after;
	struct bg_publish_times times;
	size_t size_before, size_after;
	struct bg_error err = {};
	struct bg_datapath *datapath;
	struct bg_model *model;

	(void)state;
	options.image_blocks = 1024;
	datapath = open_with(&options);
	publish(datapath, TWO_RULES);
	before = make_snapshot(datapath, &size_before);

	model = feed_parse(EIGHT_RULES);
	assert_int_equal(bg_datapath_set_model(datapath, model, &times, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "--max-rules"));
	bg_model_free(model);

	model = large_model();
	assert_int_equal(bg_datapath_set_model(datapath, model, &times, &err), -E2BIG);
	bg_model_free(model);

	after = make_snapshot(datapath, &size_after);
	assert_int_equal(size_after, size_before);
	assert_memory_equal(after, before, size_before);
	assert_int_equal(datapath->revision, 1);
	free(before);
	free(after);
	bg_datapath_close(datapath);
}

/* --- a second process -------------------------------------------------------- */

static char pin_dir[64];
static int lock_fd = -1;

static int lock_pins(void **state)
{
	struct bg_error err = {};

	(void)state;
	snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/test_datapath-%d", (int)getpid());
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

	return open_with(&options);
}

static void pin(struct bg_datapath *datapath)
{
	struct bg_error err = {};

	if (bg_datapath_pin(datapath, &err))
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
	publish(first, TWO_RULES);
	pin(first);
	https = rule_of(first, 443, &rule);
	hit(first, https, 9);
	seed = first->skel->rodata->hash_seed;
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
	assert_true(second->skel->rodata->hash_seed == seed);
	publish(second, NEW_BRANCH);
	assert_int_equal(second->revision, 2);
	assert_int_equal(rule_of(second, 443, &rule), https);
	assert_int_equal(rule.hits, 9);
	assert_true(branch_of(second, 9, &info));
	assert_int_equal(info.tag, 1);
	assert_true(branch_of(second, 11, &info));
	assert_int_equal(info.tag, 41);
	bg_datapath_close(second);
}

/* What one datapath has compiled is put in force by a larger one in its place. */
static void an_image_that_outgrew_one_goes_to_a_larger_one(void **state)
{
	struct bg_datapath_options options = {
		.pin_dir = pin_dir, .max_flows = 64, .max_rules = 8, .image_blocks = 1024
	};
	struct bg_datapath *first = open_with(&options), *second;
	struct bg_model *model = large_model();
	struct bg_publish_times times = {};
	struct bg_image *image = NULL;
	struct bg_error err = {};
	struct bg_rule rule;
	__u32 http, https;

	(void)state;
	publish(first, TWO_RULES);
	pin(first);
	http = rule_of(first, 80, &rule);
	https = rule_of(first, 443, &rule);
	hit(first, http, 5);

	assert_int_equal(
		bg_datapath_compile(first, model, BG_MAX_IMAGE_BLOCKS, &image, &times, &err), 0);
	assert_false(bg_datapath_has_room(first, image));
	/* it cannot be had after all: the numbers are free again */
	assert_int_equal(bg_datapath_publish(first, model, image, &times, &err), -E2BIG);
	assert_int_equal(rule_of(first, 80, &rule), http);
	assert_int_equal(first->revision, 1);
	bg_image_free(image);

	assert_int_equal(
		bg_datapath_compile(first, model, BG_MAX_IMAGE_BLOCKS, &image, &times, &err), 0);
	options.image_blocks = (__u32)image->block_count;
	options.new_policy = true;
	second = open_with(&options);
	assert_true(bg_datapath_has_room(second, image));
	bg_datapath_take_numbers(second, first);
	if (bg_datapath_publish(second, model, image, &times, &err))
		fail_msg("%s", err.text);
	assert_int_equal(second->revision, 2);
	assert_int_equal(times.rules_added, 1);
	assert_int_equal(times.rules_removed, 1);
	assert_int_equal(times.branches_removed, 1);
	assert_int_equal(rule_of(second, 80, &rule), http);
	assert_int_equal(rule.hits, 5);
	assert_int_equal(rule_of(second, 443, &rule), 0);
	/* the image names rules by the numbers that the map has */
	assert_int_not_equal(rule_of(second, 81, &rule), 0);
	assert_int_not_equal(rule_of(second, 81, &rule), https);
	assert_int_equal(model->rules[0].number, rule_of(second, 81, &rule));
	bg_image_free(image);
	bg_model_free(model);

	/* and it goes on from there */
	publish(second, TWO_RULES);
	assert_int_equal(rule_of(second, 80, &rule), http);
	bg_datapath_close(first);
	bg_datapath_close(second);
}

static void other_sizes_keep_rules_and_drop_flows(void **state)
{
	struct bg_datapath *first = open_pinned(64, 8), *second;
	struct bg_rule rule = {};
	__u32 https;

	(void)state;
	publish(first, TWO_RULES);
	pin(first);
	https = rule_of(first, 443, &rule);
	hit(first, https, 9);
	bg_datapath_close(first);
	second = open_pinned(128, 16);
	assert_string_equal(second->dropped, "rules,flows");
	publish(second, OTHER_RULE);
	assert_int_equal(rule_of(second, 443, &rule), https);
	assert_int_equal(rule.hits, 9);
	bg_datapath_close(second);
}

/* Of a daemon that was killed between the image and `control`. */
static void a_revision_is_never_given_out_twice(void **state)
{
	struct bg_datapath *first = open_pinned(64, 8), *second;
	struct bg_control control;
	__u32 zero = 0;
	int fd;

	(void)state;
	publish(first, TWO_RULES);
	publish(first, TWO_RULES);
	pin(first);
	fd = bpf_map__fd(first->skel->maps.control);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &control), 0);
	assert_int_equal(control.revision, 2);
	control.revision = 1;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &control, BPF_ANY), 0);
	bg_datapath_close(first);
	second = open_pinned(64, 8);
	assert_int_equal(second->revision, 2);
	bg_datapath_close(second);
}

static void another_abi_is_left_alone(void **state)
{
	struct bg_datapath_options options = { .pin_dir = pin_dir, .only = cheapest };
	struct bg_datapath *first = open_pinned(64, 8), *second = NULL;
	struct bg_control control = { .abi = BG_ABI + 1 };
	struct bg_error err = {};
	__u32 zero = 0;

	(void)state;
	pin(first);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(first->skel->maps.control), &zero,
					     &control, BPF_ANY),
			 0);
	bg_datapath_close(first);
	assert_int_equal(bg_datapath_open(&options, &second, &err), -EPROTO);
	assert_null(second);
	assert_non_null(strstr(err.text, "unload"));
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
		cmocka_unit_test(a_rule_keeps_number_and_hits),
		cmocka_unit_test(branches_come_and_go),
		cmocka_unit_test(counters_of_a_slot_start_from_zero),
		cmocka_unit_test(an_image_in_force_is_frozen),
		cmocka_unit_test(a_refused_model_changes_nothing),
		PINNED(the_next_one_goes_on_where_the_last_one_was),
		PINNED(an_image_that_outgrew_one_goes_to_a_larger_one),
		PINNED(other_sizes_keep_rules_and_drop_flows),
		PINNED(a_revision_is_never_given_out_twice),
		PINNED(another_abi_is_left_alone),
		PINNED(one_writer_at_a_time),
		cmocka_unit_test(pins_need_bpffs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
