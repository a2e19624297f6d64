// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Publishes to a datapath without packets and reads its maps, for the tests of what
 * a publish leaves there. It compares nothing.
 */
#include "datapath_maps.h"

#include <bpf/bpf.h>

#include "branchguard.skel.h"
#include "feed_text.h"
#include "test.h"

const char *const maps_programs[] = { "tc_trunk_guard", NULL };

struct bg_datapath *maps_open(const struct bg_datapath_options *options)
{
	struct bg_datapath_options cheap = *options;
	struct bg_datapath *datapath = NULL;
	struct bg_error err = {};

	cheap.only = maps_programs;
	if (bg_datapath_open(&cheap, &datapath, &err))
		fail_msg("%s", err.text);
	return datapath;
}

struct bg_publish_times maps_publish(struct bg_datapath *datapath, const char *feed)
{
	struct bg_model *model = feed_parse(feed);
	struct bg_publish_times times;
	struct bg_error err = {};

	if (bg_datapath_set_model(datapath, model, &times, &err))
		fail_msg("%s", err.text);
	bg_model_free(model);
	return times;
}

__u32 maps_rule(const struct bg_datapath *datapath, int port, struct bg_rule *rule)
{
	int fd = bpf_map__fd(datapath->skel->maps.rules);
	__u32 number, *last = NULL;

	for (; !bpf_map_get_next_key(fd, last, &number); last = &number) {
		assert_int_equal(bpf_map_lookup_elem(fd, &number, rule), 0);
		assert_int_not_equal(rule->revision, 0);
		if (rule->from_port == port)
			return number;
	}
	return 0;
}

bool maps_branch(const struct bg_datapath *datapath, __u32 vlan, struct bg_branch_info *info)
{
	return !bpf_map_lookup_elem(bpf_map__fd(datapath->skel->maps.branches), &vlan, info);
}

__u32 maps_count(const struct bpf_map *map)
{
	int fd = bpf_map__fd(map);
	__u32 count = 0;
	char key[64], *last = NULL;

	assert_true(bpf_map__key_size(map) <= sizeof(key));
	for (; !bpf_map_get_next_key(fd, last, key); last = key)
		count++;
	return count;
}

void maps_hit(const struct bg_datapath *datapath, __u32 number, __u64 hits)
{
	int fd = bpf_map__fd(datapath->skel->maps.rules);
	struct bg_rule rule;

	assert_int_equal(bpf_map_lookup_elem(fd, &number, &rule), 0);
	rule.hits = hits;
	assert_int_equal(bpf_map_update_elem(fd, &number, &rule, BPF_ANY), 0);
}

struct bg_model *maps_large_model(void)
{
	struct bg_model *model;
	size_t feed_size;
	char *feed;
	FILE *out = open_memstream(&feed, &feed_size);

	assert_non_null(out);
	fprintf(out,
		"{'FeedVersion': 1,"
		" 'SecurityGroups': [{'GroupId': 'sg-1', 'IpPermissions': [%s, %s]}],"
		" 'PrefixLists': [{'PrefixListId': 'pl-1', 'Entries': [",
		"{'IpProtocol': 'tcp', 'FromPort': 81, 'ToPort': 81,"
		" 'PrefixListIds': [{'PrefixListId': 'pl-1'}]}",
		PORT(80));
	for (int i = 0; i < 20000; i++)
		fprintf(out, "%s{'Cidr': '%d.%d.%d.1/32'}", i ? "," : "", 11 + i % 80, i / 80 % 256,
			i * 7 % 256);
	fprintf(out, "]}], 'Branches': [" BRANCH(9) "]}");
	fclose(out);
	model = feed_parse(feed);
	free(feed);
	return model;
}
