// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Parts of clusters: put together they mean what is made at once, for every node, at every
 * step of clusters that change at random; and what a change costs.
 */
#include <glob.h>
#include <limits.h>

#include "for_parts.h"
#include "test.h"

#include "source/file.h"

#define NODES 4
#define PODS 48
#define GROUPS_MOST 8

static unsigned int below(unsigned int bound)
{
	static uint64_t state = 20261128;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(state >> 33) % bound;
}

/* --- a cluster that changes --- */

struct pod {
	bool exists, terminating, finished, host_network, known_to_ec2, fargate;
	int node, address, group, second; /* node NODES: not one that there is */
};

struct world {
	struct pod pods[PODS];
	/* group i names group names[i] in its rules, and list i where it is set */
	int names[GROUPS_MOST];
	bool named_flat[GROUPS_MOST], exists[GROUPS_MOST], lists[GROUPS_MOST];
};

static void change_pod(struct pod *pod)
{
	*pod = (struct pod){
		.exists = below(8),
		.terminating = !below(8),
		.finished = !below(10),
		.host_network = !below(12),
		.known_to_ec2 = below(4),
		.fargate = !below(8),
		.node = (int)below(NODES + 1),
		.address = (int)below(PODS * 2), /* some have the same */
		.group = (int)below(GROUPS_MOST),
		.second = (int)below(GROUPS_MOST),
	};
}

static void change_group(struct world *world, size_t i)
{
	world->names[i] = (int)below(GROUPS_MOST + 1);
	world->named_flat[i] = below(2);
	world->exists[i] = below(6);
	world->lists[i] = !below(3);
}

static void print_pod(FILE *out, const struct pod *pod, size_t i)
{
	fprintf(out,
		",{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"shop\",\"name\":"
		"\"pod-%zu\"%s,\"labels\":{%s},\"annotations\":{\"vpc.amazonaws.com/pod-eni\":\"[{"
		"\\\"eniId\\\":\\\"eni-%zu\\\",\\\"vlanId\\\":%zu,\\\"privateIp\\\":\\\"10.0.0.%d\\\""
		"}]\"}},\"spec\":{\"nodeName\":\"n%d\"%s},\"status\":{\"phase\":\"%s\"}}",
		i, pod->terminating ? ",\"deletionTimestamp\":\"2026-11-27T00:00:00Z\"" : "",
		pod->fargate ? "\"eks.amazonaws.com/fargate-profile\":\"p\"" : "", i, i + 1,
		pod->address, pod->node, pod->host_network ? ",\"hostNetwork\":true" : "",
		pod->finished ? "Succeeded" : "Running");
}

static void print_interface(FILE *out, const struct pod *pod, size_t i)
{
	fprintf(out,
		",{\"NetworkInterfaceId\":\"eni-%zu\",\"Groups\":[{\"GroupId\":\"sg-%d\"},{\"GroupId\":"
		"\"sg-%d\"}],\"PrivateIpAddresses\":[{\"PrivateIpAddress\":\"10.0.0.%d\"}],"
		"\"Ipv6Addresses\":[{\"Ipv6Address\":\"2001:db8::%zx\"}],\"Ipv4Prefixes\":[{"
		"\"Ipv4Prefix\":\"10.1.%zu.16/28\"}]}",
		i, pod->group, pod->second, pod->address, i + 1, i);
}

static void print_group(FILE *out, const struct world *world, int i)
{
	fprintf(out, "{\"GroupId\":\"sg-%d\",\"IpPermissions\":[{\"IpProtocol\":\"-1\"", i);
	if (world->names[i] < GROUPS_MOST && !world->named_flat[i])
		fprintf(out, ",\"UserIdGroupPairs\":[{\"GroupId\":\"sg-%d\"}]", world->names[i]);
	if (world->lists[i])
		fprintf(out, ",\"PrefixListIds\":[{\"PrefixListId\":\"pl-%d\"}]", i);
	fprintf(out, "}]},");
}

static void read_world(struct bg_cluster *cluster, const struct world *world)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	struct bg_error err;

	fprintf(out,
		"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"ServiceAccount\","
		"\"apiVersion\":\"v1\",\"metadata\":{\"namespace\":\"shop\",\"name\":\"default\"}}");
	for (int i = 0; i < NODES; i++)
		fprintf(out,
			",{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n%d\"},"
			"\"status\":{\"addresses\":[{\"type\":\"InternalIP\",\"address\":\"10.9.0.%d\"}]}}",
			i, i);
	for (size_t i = 0; i < PODS; i++)
		if (world->pods[i].exists)
			print_pod(out, &world->pods[i], i);
	fprintf(out,
		",{\"kind\":\"SecurityGroupPolicy\",\"apiVersion\":"
		"\"vpcresources.k8s.aws/v1beta1\",\"metadata\":{\"namespace\":\"shop\",\"name\":"
		"\"all\"},\"spec\":{\"podSelector\":{},\"securityGroups\":{\"groupIds\":[\"sg-1\"]}}}"
		"]}{\"NetworkInterfaces\":[{\"NetworkInterfaceId\":\"eni-n\",\"Groups\":[{"
		"\"GroupId\":\"sg-2\"}],\"PrivateIpAddresses\":[{\"PrivateIpAddress\":\"10.9.0.1\"}]}");
	for (size_t i = 0; i < PODS; i++)
		if (world->pods[i].known_to_ec2)
			print_interface(out, &world->pods[i], i);
	fprintf(out, "]}{\"SecurityGroups\":[");
	for (int i = 0; i < GROUPS_MOST; i++)
		if (world->exists[i])
			print_group(out, world, i);
	fprintf(out, "{\"GroupId\":\"sg-last\"}]}{\"SecurityGroupRules\":[");
	for (int i = 0; i < GROUPS_MOST; i++)
		if (world->named_flat[i] && world->names[i] < GROUPS_MOST)
			fprintf(out,
				"{\"SecurityGroupRuleId\":\"sgr-%d\",\"GroupId\":\"sg-%d\",\"IsEgress\":false,"
				"\"IpProtocol\":\"tcp\",\"FromPort\":1,\"ToPort\":2,\"ReferencedGroupInfo\":"
				"{\"GroupId\":\"sg-%d\"}},",
				99 - i, i, world->names[i]);
	fprintf(out,
		"{\"SecurityGroupRuleId\":\"sgr-last\",\"GroupId\":\"sg-last\",\"IsEgress\":true,"
		"\"IpProtocol\":\"-1\",\"CidrIpv4\":\"0.0.0.0/0\"}]}{\"PrefixLists\":[");
	for (int i = 0; i < GROUPS_MOST; i += 2)
		fprintf(out,
			"{\"PrefixListId\":\"pl-%d\",\"Entries\":[{\"Cidr\":\"192.0.2.%d/32\"}]},",
			i, i);
	fprintf(out, "{\"PrefixListId\":\"pl-last\",\"Entries\":[]}]}");
	fclose(out);
	parts_read(cluster, "world.json", text, length);
	free(text);
	if (bg_cluster_join(cluster, &err))
		fail_msg("%s", err.text);
}

static void check_limits(const struct bg_part_set *set)
{
	size_t ring = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct bg_part *part = &set->part[i];

		if (part->kind == BG_MEMBER_CHANGES) {
			assert_true(part->length_bytes <= BG_RING_PART_BYTES);
			ring++;
		}
		if (part->kind == BG_GROUP_MEMBERS)
			assert_true(part->length_bytes <= 75000);
	}
	assert_true(ring <= BG_RING_PARTS);
}

static void clusters_that_change(void **state)
{
	bool wrapped = false;
	(void)state;
	for (int standard = 0; standard < 2; standard++) {
		struct world world = {};
		struct bg_part_set set = {};

		for (size_t i = 0; i < PODS; i++)
			change_pod(&world.pods[i]);
		for (size_t i = 0; i < GROUPS_MOST; i++)
			change_group(&world, i);
		for (int step = 0; step < 100; step++) {
			struct bg_cluster cluster = {};
			char name[BG_PART_NAME_TEXT];

			for (unsigned int i = below(4); i; i--)
				change_pod(&world.pods[below(PODS)]);
			if (!below(10))
				change_group(&world, below(GROUPS_MOST));
			read_world(&cluster, &world);
			parts_make(&cluster, standard, &set);
			check_limits(&set);
			parts_mean_the_same(&cluster, standard, &set);
			bg_cluster_release(&cluster);
			wrapped |= bg_part_set_find(&set, BG_MEMBER_CHANGES,
						    bg_part_name_at(NULL, 0, name)) != NULL;
		}
		bg_part_set_release(&set);
	}
	assert_true(wrapped);
}

/* A ring that somebody damaged, or a shard: everything is written anew, and is right. */
static void what_was_damaged_is_mended(void **state)
{
	struct world world = {};
	struct bg_part_set set = {};

	(void)state;
	for (size_t i = 0; i < PODS; i++)
		change_pod(&world.pods[i]);
	for (size_t i = 0; i < GROUPS_MOST; i++)
		change_group(&world, i);
	for (int step = 0; step < 60; step++) {
		struct bg_cluster cluster = {};
		struct bg_part_set rest = {};
		size_t lost = set.count ? below((unsigned int)set.count) : 0;

		change_pod(&world.pods[below(PODS)]);
		for (size_t i = 0; i < set.count; i++)
			if (i != lost)
				assert_int_equal(bg_part_set_add(&rest, set.part[i].kind,
								 set.part[i].name,
								 set.part[i].spec),
						 0);
		bg_part_set_release(&set);
		set = rest;
		read_world(&cluster, &world);
		parts_make(&cluster, false, &set);
		parts_mean_the_same(&cluster, false, &set);
		bg_cluster_release(&cluster);
	}
	bg_part_set_release(&set);
}

/* --- what a real API server and EC2 have said --- */

static void read_answers(struct bg_cluster *cluster)
{
	struct bg_error err;
	glob_t found;

	if (glob("selftests/fleet/answers/*.json", 0, NULL, &found))
		fail_msg("no answers: the test wants to run in the top directory");
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *text;
		size_t length;

		if (bg_file_read(found.gl_pathv[i], BG_FILE_ANY, 1 << 24, &text, &length, &err))
			fail_msg("%s", err.text);
		parts_read(cluster, found.gl_pathv[i], text, length);
		free(text);
	}
	globfree(&found);
	if (bg_cluster_join(cluster, &err))
		fail_msg("%s", err.text);
}

static void recorded_answers(void **state)
{
	struct bg_cluster cluster = {};
	struct bg_part_set set = {}, again = {};

	(void)state;
	read_answers(&cluster);
	for (int standard = 0; standard < 2; standard++) {
		parts_make(&cluster, standard, &set);
		parts_mean_the_same(&cluster, standard, &set);
	}
	/* the same to the byte, with what there is and without */
	parts_copy(&set, &again);
	parts_make(&cluster, true, &again);
	assert_int_equal(again.count, set.count);
	for (size_t i = 0; i < set.count; i++) {
		const struct bg_part *part =
			bg_part_set_find(&again, set.part[i].kind, set.part[i].name);

		assert_non_null(part);
		assert_string_equal(part->text, set.part[i].text);
	}
	bg_part_set_release(&set);
	bg_part_set_release(&again);
	bg_cluster_release(&cluster);
}

/* --- what a change costs --- */

/* A cluster of one pod, whose group names sg-2 with so many members; `more` of them are new. */
static void read_large(struct bg_cluster *cluster, unsigned int members, unsigned int more)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	struct bg_error err;

	fprintf(out,
		"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"Node\",\"apiVersion\":"
		"\"v1\",\"metadata\":{\"name\":\"n0\"}},{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
		"\"metadata\":{\"namespace\":\"shop\",\"name\":\"a\",\"annotations\":{"
		"\"vpc.amazonaws.com/pod-eni\":\"[{\\\"eniId\\\":\\\"eni-a\\\",\\\"vlanId\\\":1,"
		"\\\"privateIp\\\":\\\"10.0.0.1\\\"}]\"}},\"spec\":{\"nodeName\":\"n0\"},\"status\":{}}]}"
		"{\"SecurityGroups\":[{\"GroupId\":\"sg-0123456789abcdef0\"},{\"GroupId\":\"sg-1\","
		"\"IpPermissions\":[{\"IpProtocol\":\"-1\",\"UserIdGroupPairs\":[{\"GroupId\":"
		"\"sg-0123456789abcdef0\"}]}]}]}{\"NetworkInterfaces\":[{\"NetworkInterfaceId\":"
		"\"eni-a\",\"Groups\":[{\"GroupId\":\"sg-1\"}]},{\"NetworkInterfaceId\":\"eni-2\","
		"\"Groups\":[{\"GroupId\":\"sg-0123456789abcdef0\"}],\"PrivateIpAddresses\":[");
	for (unsigned int i = 0; i < members + more; i++) {
		unsigned int address = i < members ? i * 7 : (i - members) * 7 + 3;

		fprintf(out, "%s{\"PrivateIpAddress\":\"10.%u.%u.%u\"}", i ? "," : "",
			100 + (address >> 16), address >> 8 & 255, address & 255);
	}
	fprintf(out, "]}]}");
	fclose(out);
	parts_read(cluster, "large.json", text, length);
	free(text);
	if (bg_cluster_join(cluster, &err))
		fail_msg("%s", err.text);
}

/* Bytes of parts of `set` that `before` has not, or has otherwise. */
static size_t written_bytes(const struct bg_part_set *before, const struct bg_part_set *set)
{
	size_t bytes = 0;

	for (size_t i = 0; i < set->count; i++) {
		const struct bg_part *old =
			bg_part_set_find(before, set->part[i].kind, set->part[i].name);

		if (!old || strcmp(old->text, set->part[i].text) != 0)
			bytes += set->part[i].length_bytes;
	}
	return bytes;
}

static size_t cost(unsigned int members, unsigned int more)
{
	struct bg_cluster first = {}, second = {};
	struct bg_part_set before = {}, after = {};
	size_t bytes;

	read_large(&first, members, 0);
	parts_make(&first, false, &before);
	check_limits(&before);
	parts_copy(&before, &after);
	read_large(&second, members, more);
	parts_make(&second, false, &after);
	check_limits(&after);
	parts_mean_the_same(&second, false, &after);
	bytes = written_bytes(&before, &after);
	bg_cluster_release(&first);
	bg_cluster_release(&second);
	bg_part_set_release(&before);
	bg_part_set_release(&after);
	return bytes;
}

static void a_change_costs_little(void **state)
{
	size_t one = cost(20000, 1), ten = cost(20000, 10), many = cost(20000, 100);

	(void)state;
	print_message("# one more member: %zu bytes; 10 at once: %zu; 100: %zu\n", one, ten, many);
	assert_true(one <= 250);
	assert_true(ten <= 500);
	/* into shards: as many as have one of them, of 20,000 members in some ten */
	assert_true(many < 200000);
}

/* --- what is damaged --- */

/* A part of the ring that is whole, by somebody who may write there. */
static void add_ring_part(struct bg_part_set *set, json_int_t sequence)
{
	assert_int_equal(bg_ring_add(set, sequence, json_array()), 0);
}

static void numbers_at_their_end_begin_anew(void **state)
{
	static const json_int_t last[] = { BG_RING_SEQUENCE_MOST - 1, BG_RING_SEQUENCE_MOST,
					   LLONG_MAX - 1, LLONG_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		struct bg_cluster first = {}, second = {};
		struct bg_part_set set = {};

		read_large(&first, 100, 0);
		read_large(&second, 100, 1);
		parts_make(&first, false, &set);
		add_ring_part(&set, last[i]);
		parts_make(&second, false, &set);
		parts_mean_the_same(&second, false, &set);
		parts_make(&first, false, &set);
		parts_mean_the_same(&first, false, &set);
		bg_part_set_release(&set);
		bg_cluster_release(&first);
		bg_cluster_release(&second);
	}
}

/* --- what is held --- */

/* Members that cannot be read any more are gone as well. */
static void a_damaged_ring_hides_no_loss(void **state)
{
	struct bg_cluster whole = {}, half = {};
	struct bg_part_set old = {}, made = {};
	struct bg_error err;

	(void)state;
	read_large(&whole, 1000, 0);
	read_large(&half, 500, 0);
	parts_make(&whole, false, &old);
	add_ring_part(&old, 7);
	add_ring_part(&old, 9);
	assert_int_equal(parts_try(&half, false, 20, &old, &made, &err), -ESTALE);
	assert_non_null(strstr(err.text, "held: 500 of 1000 members of groups"));
	bg_part_set_release(&made);
	assert_int_equal(parts_try(&whole, false, 20, &old, &made, &err), 0);
	bg_part_set_release(&made);
	bg_part_set_release(&old);
	bg_cluster_release(&whole);
	bg_cluster_release(&half);
}

static void a_sweep_that_lost_much_is_held(void **state)
{
	struct bg_cluster whole = {}, half = {};
	struct bg_part_set old = {}, made = {};
	struct bg_error err;

	(void)state;
	read_large(&whole, 1000, 0);
	read_large(&half, 500, 0);
	parts_make(&whole, false, &old);
	assert_int_equal(parts_try(&half, false, 20, &old, &made, &err), -ESTALE);
	assert_non_null(strstr(err.text, "held: 500 of 1000 members of groups"));
	bg_part_set_release(&made);
	assert_int_equal(parts_try(&half, false, 50, &old, &made, &err), 0);
	bg_part_set_release(&made);
	assert_int_equal(parts_try(&half, false, 100, &old, &made, &err), 0);
	bg_part_set_release(&made);
	/* growth is not loss */
	parts_make(&half, false, &old);
	assert_int_equal(parts_try(&whole, false, 0, &old, &made, &err), 0);
	bg_part_set_release(&made);
	bg_part_set_release(&old);
	bg_cluster_release(&whole);
	bg_cluster_release(&half);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_answers),
		cmocka_unit_test(clusters_that_change),
		cmocka_unit_test(what_was_damaged_is_mended),
		cmocka_unit_test(numbers_at_their_end_begin_anew),
		cmocka_unit_test(a_damaged_ring_hides_no_loss),
		cmocka_unit_test(a_change_costs_little),
		cmocka_unit_test(a_sweep_that_lost_much_is_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
