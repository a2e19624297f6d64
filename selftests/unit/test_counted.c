// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Revisions, and the sums that are made each second, by a kernel that fails any one call: what a branch has
 * counted, and since when it is armed, outlives both, and so does what people read of it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "datapath/datapath.h"
#include "datapath/tally.h"
#include "feed_text.h"
#include "scripted_bpf.h"
#include "test.h"

#define BRANCHES 3
#define PACKETS 7

static const char *const only[] = { "tc_trunk_guard", NULL };
static struct bg_datapath *datapath;

/* clang-format off */
#define FEED(revision, more) \
	"{'FeedVersion': 1, 'Revision': '" revision "', 'SecurityGroups': [{'GroupId': 'sg-1'}]," \
	" 'Branches': [{'Id': 'eni-1', 'VlanId': 1, 'GroupIds': ['sg-1'], 'Pods': []}," \
	" {'Id': 'eni-2', 'VlanId': 2, 'GroupIds': ['sg-1'], 'Pods': []}," \
	" {'Id': 'eni-3', 'VlanId': 3, 'GroupIds': ['sg-1'], 'Pods': []}" more "]}"
/* clang-format on */

static int publish(const char *text, struct bg_error *err)
{
	struct bg_model *model = feed_parse(text);
	struct bg_publish_times times;
	int rc = bg_datapath_set_model(datapath, model, &times, err);

	bg_model_free(model);
	return rc;
}

static int fd_of(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

static void branch_of(__u32 vlan, struct bg_branch_info *branch)
{
	assert_int_equal(bpf_map_lookup_elem(fd_of(datapath->skel->maps.branches), &vlan, branch),
			 0);
}

/* Each is armed, and has counted some packets on every CPU. */
static void count_some(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct bg_counters *counters = calloc((size_t)cpus, sizeof(*counters));

	assert_non_null(counters);
	for (int cpu = 0; cpu < cpus; cpu++)
		counters[cpu].packets[BG_REASON_RULE] = PACKETS;
	for (__u32 vlan = 1; vlan <= BRANCHES; vlan++) {
		struct bg_branch_info branch;
		__u32 index;

		branch_of(vlan, &branch);
		branch.ifindex = vlan + 10;
		branch.armed_ns = vlan;
		assert_int_equal(bpf_map_update_elem(fd_of(datapath->skel->maps.branches), &vlan,
						     &branch, BPF_ANY),
				 0);
		index = branch.slot * BG_DIRECTIONS;
		assert_int_equal(bpf_map_update_elem(fd_of(datapath->skel->maps.fast_counters),
						     &index, counters, BPF_ANY),
				 0);
	}
	free(counters);
}

static int begin(void **state)
{
	const struct bg_datapath_options options = { .max_flows = 64,
						     .max_rules = 8,
						     .max_branches = 8,
						     .image_blocks = 1024,
						     .only = only };
	struct bg_error err = {};

	(void)state;
	script_bpf_begin();
	if (bg_datapath_open(&options, &datapath, &err) || publish(FEED("r1", ""), &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	count_some();
	return 0;
}

static int end(void **state)
{
	(void)state;
	bg_datapath_close(datapath);
	datapath = NULL;
	script_bpf_end();
	return 0;
}

static __u64 counted(__u32 slot)
{
	int cpus = libbpf_num_possible_cpus();
	struct bg_counters *counters = calloc((size_t)cpus, sizeof(*counters));
	__u32 index = slot * BG_DIRECTIONS;
	__u64 sum = 0;

	assert_non_null(counters);
	assert_int_equal(bpf_map_lookup_elem(fd_of(datapath->skel->maps.fast_counters), &index,
					     counters),
			 0);
	for (int cpu = 0; cpu < cpus; cpu++)
		sum += counters[cpu].packets[BG_REASON_RULE];
	free(counters);
	return sum;
}

static void nothing_was_forgotten(unsigned int call)
{
	for (__u32 vlan = 1; vlan <= BRANCHES; vlan++) {
		struct bg_branch_info branch;

		branch_of(vlan, &branch);
		if (branch.ifindex != vlan + 10 || branch.armed_ns != vlan)
			fail_msg("call %u: branch %u is armed since %llu on %u", call, vlan,
				 branch.armed_ns, branch.ifindex);
		if (counted(branch.slot) != (__u64)PACKETS * (__u64)libbpf_num_possible_cpus())
			fail_msg("call %u: branch %u has counted %llu", call, vlan,
				 counted(branch.slot));
	}
}

static const int errors[] = { EINTR, ENOMEM, EPERM, EBUSY };

#define ERRORS (sizeof(errors) / sizeof(errors[0]))

static void a_revision_forgets_nothing(void **state)
{
	bool failed = true;

	(void)state;
	for (unsigned int n = 1; failed; n++) {
		const char *text = n % 2 ? FEED("r2", ",{'Id': 'eni-4', 'VlanId': 4,"
						      " 'GroupIds': ['sg-1'], 'Pods': []}")
					 : FEED("r3", "");
		struct bg_error err = {};
		int rc;

		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = publish(text, &err);
		script_work();
		failed = script_failed();
		if (rc && strlen(err.text) < 20)
			fail_msg("call %u: it only says: %s", n, err.text);
		nothing_was_forgotten(n);
		if (rc)
			assert_int_equal(publish(text, &err), 0);
		nothing_was_forgotten(n);
	}
}

static bool is_told(__u32 vlan)
{
	const struct bg_counters_key key = { .vlan = vlan, .direction = BG_INGRESS };
	struct bg_counters_info info;

	return !bpf_map_lookup_elem(fd_of(datapath->skel->maps.counters), &key, &info) &&
	       info.rule == (__u64)PACKETS * (__u64)libbpf_num_possible_cpus();
}

static void what_people_read_of_a_branch_stays(void **state)
{
	struct bg_error err = {};
	bool failed = true;

	(void)state;
	assert_int_equal(bg_datapath_tally(datapath, &err), 0);
	for (unsigned int n = 1; failed; n++) {
		int rc;

		script_fail(SCRIPT_ANY, n, errors[n % ERRORS]);
		rc = bg_datapath_tally(datapath, &err);
		script_work();
		failed = script_failed();
		if (rc && !strstr(err.text, "map "))
			fail_msg("call %u: it only says: %s", n, err.text);
		for (__u32 vlan = 1; vlan <= BRANCHES; vlan++)
			if (!is_told(vlan))
				fail_msg("call %u (%s): branch %u is not told of", n, err.text,
					 vlan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_revision_forgets_nothing, begin, end),
		cmocka_unit_test_setup_teardown(what_people_read_of_a_branch_stays, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
