// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pinned maps with what nobody of us wrote in them: bytes that are all ones, numbers without
 * end, texts without one. Readers show what is ours, a start goes on with that, and neither
 * reads beyond a value or wants the memory of the world.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/sound.h"
#include "branchguard.skel.h"
#include "datapath/datapath.h"
#include "guard/iface_maps.h"
#include "pinned/maps_history.h"
#include "pinned/maps_read.h"
#include "scripted_datapath.h"
#include "test.h"

static const char *const only[] = { "tc_trunk_guard", NULL };
static const char *pin_dir;
static struct bg_datapath *datapath;

static void load(void)
{
	const struct bg_datapath_options options = script_options(only);
	struct bg_error err = {};

	must(bg_datapath_open(&options, &datapath, &err), &err);
	must(bg_datapath_pin(datapath, &err), &err);
}

static int begin(void **state)
{
	(void)state;
	pin_dir = script_begin_locked();
	load();
	script_publish(datapath);
	return 0;
}

static int end(void **state)
{
	(void)state;
	bg_datapath_close(datapath);
	datapath = NULL;
	script_end_locked();
	return 0;
}

/* An entry of ones under a key, where one would do that looks like ours. */
static void put_ones(const struct bpf_map *map, const void *key)
{
	const size_t bytes = bpf_map__value_size(map);
	void *value = malloc(bytes);

	assert_non_null(value);
	memset(value, 0xff, bytes);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY), 0);
	free(value);
}

static void put_ones_everywhere(void)
{
	static const __u32 keys[] = { 0, 3, 4096, INT32_MAX, UINT32_MAX };
	const struct bg_addr address = { { 1 } };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		put_ones(datapath->skel->maps.branches, &keys[i]);
		put_ones(datapath->skel->maps.ifaces, &keys[i]);
		put_ones(datapath->skel->maps.rules, &keys[i]);
		put_ones(datapath->skel->maps.former_rules, &keys[i]);
	}
	put_ones(datapath->skel->maps.pods, &address);
	put_ones(datapath->skel->maps.revisions, &keys[1]);
}

static int count_iface(const struct bg_iface *iface, void *context)
{
	assert_true(memchr(iface->interface, '\0', sizeof(iface->interface)));
	++*(unsigned int *)context;
	return 0;
}

static void readers_show_what_is_ours(void **state)
{
	size_t branch_count, rule_count, pod_count, revision_count, capacity;
	struct bg_revision_row *revisions = NULL;
	struct bg_branch_row *branches = NULL;
	struct bg_pod_row *pods = NULL;
	struct bg_rule *rules = NULL;
	unsigned int ifaces = 0;
	struct bg_error err = {};
	struct bg_maps maps;

	(void)state;
	put_ones_everywhere();
	must(bg_maps_open(pin_dir, &maps, &err), &err);
	must(bg_maps_rules(&maps, &rules, &rule_count, &capacity, &err), &err);
	assert_int_equal(capacity, 7);
	assert_true(rule_count <= 8);
	assert_string_equal(rules[1].group, "sg-1");
	for (size_t i = 2; i < rule_count; i++)
		assert_int_equal(rules[i].revision, 0);
	must(bg_maps_branches(&maps, &branches, &branch_count, &err), &err);
	assert_int_equal(branch_count, 2);
	assert_int_equal(branches[1].vlan, 9);
	assert_string_equal(branches[1].info.id, "eni-9");
	/* of VLAN 3, since its tag and slot may be good */
	assert_int_equal(branches[0].info.mode, BG_STRICT);
	assert_int_equal(strlen(branches[0].info.groups), sizeof(branches[0].info.groups) - 1);
	must(bg_maps_pods(&maps, &pods, &pod_count, &err), &err);
	assert_int_equal(pod_count, 0);
	must(bg_maps_ifaces(&maps, count_iface, &ifaces, &err), &err);
	assert_int_equal(ifaces, 0);
	must(bg_maps_revisions(&maps, &revisions, &revision_count, &err), &err);
	for (size_t i = 0; i < revision_count; i++)
		assert_true(memchr(revisions[i].revision.time, '\0',
				   sizeof(revisions[i].revision.time)));
	bg_maps_close(&maps);
	free(revisions);
	free(branches);
	free(rules);
	free(pods);
}

static void see_iface(const struct bg_iface *iface, void *context)
{
	count_iface(iface, context);
}

static void a_start_goes_on_with_what_is_ours(void **state)
{
	const struct bg_iface iface = {
		.ifindex = 5, .role = BG_ROLE_BRANCH, .vlan = 9, .interface = "0123456789abcdef"
	};
	struct bg_error err = {};
	unsigned int ifaces = 0;

	(void)state;
	put_ones_everywhere();
	must(bg_iface_set(datapath, &iface, &err), &err);
	bg_datapath_close(datapath);
	datapath = NULL;
	load();
	assert_true(datapath->adopted);
	assert_int_equal(datapath->revision, 1);
	assert_string_equal(datapath->rules[1].group, "sg-1");
	assert_int_equal(datapath->rules[3].revision, 0);
	assert_int_equal(bg_iface_each(datapath, see_iface, &ifaces), 0);
	assert_int_equal(ifaces, 1);
	script_publish(datapath);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(readers_show_what_is_ours, begin, end),
		cmocka_unit_test_setup_teardown(a_start_goes_on_with_what_is_ours, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
