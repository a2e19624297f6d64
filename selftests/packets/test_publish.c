// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the maps hold before and after a publish. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/leftovers.h"
#include "datapath/tally.h"
#include "feed_text.h"
#include "datapath_maps.h"
#include "test.h"

/* clang-format off */
#define EIGHT_RULES \
	FEED(PORT(1) "," PORT(2) "," PORT(3) "," PORT(4) "," \
	     PORT(5) "," PORT(6) "," PORT(7) "," PORT(8), BRANCH(9))
/* clang-format on */

/* A map from which nothing can be deleted; -1 = none. */
static int sticky_fd = -1;

int __real_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_delete_elem(int fd, const void *key);
int __wrap_bpf_map_delete_elem(int fd, const void *key)
{
	if (fd != sticky_fd)
		return __real_bpf_map_delete_elem(fd, key);
	errno = ENOMEM;
	return -ENOMEM;
}

static int image_fd(const struct bg_datapath *datapath)
{
	__u32 zero = 0, id;

	if (bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.policy), &zero, &id))
		return -ENOENT;
	return bpf_map_get_fd_by_id(id);
}

static const struct bg_datapath_options small = { .max_flows = 64, .max_rules = 8 };

static void a_rule_keeps_number_and_hits(void **state)
{
	struct bg_datapath *datapath = maps_open(&small);
	struct bg_publish_times times;
	int former = bpf_map__fd(datapath->skel->maps.former_rules);
	struct bg_rule rule = {};
	__u32 web, https;

	(void)state;
	times = maps_publish(datapath, TWO_RULES);
	assert_int_equal(times.rules_added, 2);
	web = maps_rule(datapath, 80, &rule);
	https = maps_rule(datapath, 443, &rule);
	assert_string_equal(rule.group, "sg-1");
	maps_hit(datapath, https, 7);

	times = maps_publish(datapath, OTHER_RULE);
	assert_int_equal(times.rules_added, 1);
	assert_int_equal(times.rules_removed, 1);
	assert_int_equal(maps_rule(datapath, 443, &rule), https);
	assert_int_equal(rule.hits, 7);
	assert_int_equal(rule.revision, 1);
	assert_int_equal(maps_rule(datapath, 80, &rule), 0);
	/* its text stays for the flows that name it */
	assert_int_equal(bpf_map_lookup_elem(former, &web, &rule), 0);
	assert_int_equal(rule.from_port, 80);
	bg_datapath_close(datapath);
}

/* A person who dumps the map sees the rules in force, and no number that is free. */
static void a_dump_of_rules_has_those_in_force(void **state)
{
	struct bg_datapath_options options = small;
	struct bg_datapath *datapath;
	struct bg_rule rule;
	__u32 web;

	(void)state;
	options.max_rules = 4; /* three numbers: the fourth rule gets the first one's */
	datapath = maps_open(&options);
	assert_int_equal(maps_count(datapath->skel->maps.rules), 0);
	maps_publish(datapath, TWO_RULES);
	web = maps_rule(datapath, 80, &rule);
	assert_int_equal(maps_count(datapath->skel->maps.rules), 2);
	assert_int_equal(maps_count(datapath->skel->maps.former_rules), 0);
	maps_publish(datapath, OTHER_RULE);
	assert_int_equal(maps_count(datapath->skel->maps.rules), 2);
	assert_int_equal(maps_count(datapath->skel->maps.former_rules), 1);
	maps_publish(datapath, TWO_RULES);
	assert_int_equal(maps_rule(datapath, 80, &rule), web);
	assert_int_equal(rule.revision, 3);
	assert_int_equal(maps_count(datapath->skel->maps.rules), 2);
	assert_int_equal(maps_count(datapath->skel->maps.former_rules), 1);
	bg_datapath_close(datapath);
}

/* And what was counted, by branch, direction and reason, on all CPUs. */
static void a_dump_of_counters_has_the_branches_in_force(void **state)
{
	struct bg_datapath *datapath = maps_open(&small);
	const struct bpf_map *fast = datapath->skel->maps.fast_counters;
	const struct bpf_map *map = datapath->skel->maps.counters;
	struct bg_counters_key key = { .vlan = 10, .direction = BG_EGRESS };
	int cpus = libbpf_num_possible_cpus();
	struct bg_counters_info counted;
	struct bg_counters *by_cpu;
	struct bg_branch_info info;
	struct bg_error err;
	__u32 index;

	(void)state;
	by_cpu = calloc(cpus, sizeof(*by_cpu));
	assert_non_null(by_cpu);
	maps_publish(datapath, TWO_RULES);
	assert_true(maps_branch(datapath, 10, &info));
	for (int cpu = 0; cpu < cpus; cpu++) {
		by_cpu[cpu].packets[BG_REASON_TRACKED] = 5;
		by_cpu[cpu].packets[BG_REASON_INTERNAL] = 1;
		by_cpu[cpu].passed_bytes = 100;
		by_cpu[cpu].dropped_bytes = 10;
		by_cpu[cpu].short_way_packets = 2;
	}
	index = info.slot * BG_DIRECTIONS + BG_EGRESS;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(fast), &index, by_cpu, BPF_ANY), 0);
	assert_int_equal(bg_datapath_tally(datapath, &err), 0);
	/* two branches, and what belongs to none */
	assert_int_equal(maps_count(map), 3 * BG_DIRECTIONS);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &key, &counted), 0);
	assert_string_equal(counted.branch, "eni-10");
	assert_int_equal(counted.tracked, 5 * cpus);
	assert_int_equal(counted.internal, cpus);
	assert_int_equal(counted.no_rule, 0);
	assert_int_equal(counted.passed_bytes, 100 * cpus);
	assert_int_equal(counted.dropped_bytes, 10 * cpus);
	assert_int_equal(counted.short_way_packets, 2 * cpus);
	assert_int_equal(counted.as_of[19], 'Z');
	maps_publish(datapath, OTHER_RULE);
	assert_int_equal(bg_datapath_tally(datapath, &err), 0);
	assert_int_equal(maps_count(map), 2 * BG_DIRECTIONS);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &key, &counted), -ENOENT);
	free(by_cpu);
	bg_datapath_close(datapath);
}

static void branches_come_and_go(void **state)
{
	struct bg_datapath *datapath = maps_open(&small);
	struct bg_branch_info first, info;
	struct bg_publish_times times;

	(void)state;
	maps_publish(datapath, TWO_RULES);
	assert_true(maps_branch(datapath, 9, &first));
	assert_string_equal(first.id, "eni-9");
	assert_string_equal(first.interface, "vlan.eth.9");
	assert_string_equal(first.groups, "sg-1");
	assert_int_equal(first.ifindex, 0);
	times = maps_publish(datapath, NEW_BRANCH);
	assert_int_equal(times.branches_added, 1);
	assert_int_equal(times.branches_removed, 1);
	assert_true(maps_branch(datapath, 9, &info));
	assert_memory_equal(&info, &first, sizeof(info));
	assert_false(maps_branch(datapath, 10, &info));
	assert_true(maps_branch(datapath, 11, &info));
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
	datapath = maps_open(&options);
	fd = bpf_map__fd(datapath->skel->maps.fast_counters);
	counters = calloc(cpus, sizeof(*counters));
	assert_non_null(counters);
	maps_publish(datapath, TWO_RULES);
	assert_true(maps_branch(datapath, 10, &info));
	index = info.slot * BG_DIRECTIONS;
	counters[0].packets[BG_REASON_RULE] = 5;
	assert_int_equal(bpf_map_update_elem(fd, &index, counters, BPF_ANY), 0);
	maps_publish(datapath, OTHER_RULE);
	maps_publish(datapath, NEW_BRANCH);
	assert_true(maps_branch(datapath, 11, &info));
	assert_int_equal(info.slot * BG_DIRECTIONS, index);
	assert_int_equal(bpf_map_lookup_elem(fd, &index, counters), 0);
	for (int cpu = 0; cpu < cpus; cpu++)
		assert_int_equal(counters[cpu].packets[BG_REASON_RULE], 0);
	free(counters);
	bg_datapath_close(datapath);
}

/* Maps of images that this process holds open, by what the kernel says of its files. */
static int open_image_maps(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		struct bpf_map_info info = {};
		__u32 length = sizeof(info);

		if (!bpf_map_get_info_by_fd(fd, &info, &length) &&
		    info.type == BPF_MAP_TYPE_ARRAY && info.value_size == sizeof(struct bg_block))
			count++;
	}
	return count;
}

/* One is as large as all others together: a template that stays open costs it twice. */
static void no_image_map_stays_open(void **state)
{
	struct bg_datapath *datapath = maps_open(&small);

	(void)state;
	assert_int_equal(open_image_maps(), 0);
	maps_publish(datapath, TWO_RULES);
	assert_int_equal(open_image_maps(), 0);
	bg_datapath_close(datapath);
}

static void an_image_in_force_is_frozen(void **state)
{
	struct bg_datapath *datapath = maps_open(&small);
	bg_auto_close int fd = -1;
	struct bg_header header;
	__u32 zero = 0;

	(void)state;
	assert_int_equal(image_fd(datapath), -ENOENT);
	maps_publish(datapath, TWO_RULES);
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

		if (!bpf_map_lookup_elem(bpf_map__fd(rules), &number, &rule))
			fwrite(&rule, sizeof(rule), 1, out);
	}
	for (__u32 vlan = 0; vlan < BG_VLANS; vlan++)
		if (maps_branch(datapath, vlan, &info))
			fwrite(&info, sizeof(info), 1, out);
	fclose(out);
	return text;
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
	datapath = maps_open(&options);
	maps_publish(datapath, TWO_RULES);
	before = make_snapshot(datapath, &size_before);

	model = feed_parse(EIGHT_RULES);
	assert_int_equal(bg_datapath_set_model(datapath, model, &times, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "--max-rules"));
	bg_model_free(model);

	model = maps_large_model();
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

/* What the kernel would not take away is taken away later, without another revision. */
static void what_is_left_over_goes_later(void **state)
{
	struct bg_datapath *datapath = maps_open(&small);
	const struct branchguard_bpf *skel = datapath->skel;
	struct bg_branch_info info;
	struct bg_rule rule;

	(void)state;
	maps_publish(datapath, TWO_RULES);
	sticky_fd = bpf_map__fd(skel->maps.rules);
	maps_publish(datapath, OTHER_RULE);
	bg_datapath_sweep(datapath);
	assert_int_equal(maps_count(skel->maps.rules), 3);
	sticky_fd = -1;
	bg_datapath_sweep(datapath);
	assert_int_equal(maps_count(skel->maps.rules), 2);
	assert_int_equal(maps_rule(datapath, 80, &rule), 0);
	assert_int_equal(maps_count(skel->maps.former_rules), 1);

	maps_publish(datapath, TWO_RULES);
	sticky_fd = bpf_map__fd(skel->maps.branches);
	maps_publish(datapath, OTHER_RULE);
	bg_datapath_sweep(datapath);
	assert_true(maps_branch(datapath, 10, &info));
	sticky_fd = -1;
	bg_datapath_sweep(datapath);
	assert_false(maps_branch(datapath, 10, &info));
	assert_true(maps_branch(datapath, 9, &info));

	/* what is in force again meanwhile is not taken away */
	maps_publish(datapath, TWO_RULES);
	sticky_fd = bpf_map__fd(skel->maps.branches);
	maps_publish(datapath, OTHER_RULE);
	sticky_fd = -1;
	maps_publish(datapath, TWO_RULES);
	bg_datapath_sweep(datapath);
	assert_true(maps_branch(datapath, 10, &info));
	assert_int_equal(maps_count(skel->maps.rules), 2);
	bg_datapath_close(datapath);
}

/* The same of a revision that did not come in force. */
static void what_was_taken_back_goes_later(void **state)
{
	struct bg_datapath *datapath = maps_open(&small);
	const struct bpf_map *rules = datapath->skel->maps.rules;
	struct bg_model *model = feed_parse(OTHER_RULE);
	struct bg_publish_times times;
	struct bg_image *image = NULL;
	struct bg_error err = {};
	struct bg_rule rule;
	int no_image = -1;

	(void)state;
	maps_publish(datapath, TWO_RULES);
	for (int tries = 0; tries < 2; tries++) {
		assert_int_equal(bg_datapath_compile(datapath, model, 4096, &image, &times, &err),
				 0);
		bg_image_free(image);
		sticky_fd = bpf_map__fd(rules);
		assert_int_equal(bg_datapath_put_in_force(datapath, model, &no_image, &times, &err),
				 -EBADF);
		sticky_fd = -1;
		assert_int_equal(maps_count(rules), 3);
	}
	bg_datapath_sweep(datapath);
	assert_int_equal(maps_count(rules), 2);
	assert_int_not_equal(maps_rule(datapath, 80, &rule), 0);
	assert_int_not_equal(maps_rule(datapath, 443, &rule), 0);
	bg_model_free(model);
	bg_datapath_close(datapath);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_keeps_number_and_hits),
		cmocka_unit_test(a_dump_of_rules_has_those_in_force),
		cmocka_unit_test(a_dump_of_counters_has_the_branches_in_force),
		cmocka_unit_test(branches_come_and_go),
		cmocka_unit_test(counters_of_a_slot_start_from_zero),
		cmocka_unit_test(no_image_map_stays_open),
		cmocka_unit_test(an_image_in_force_is_frozen),
		cmocka_unit_test(a_refused_model_changes_nothing),
		cmocka_unit_test(what_is_left_over_goes_later),
		cmocka_unit_test(what_was_taken_back_goes_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
