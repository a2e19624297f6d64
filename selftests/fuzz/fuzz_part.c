// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: lines as parts, as they are and with the hashes that they should have, on to the
 * feed of node n1; and as the parts that a directory has when new ones are made. Of any parts
 * there is an error or a feed that the daemon takes; new ones always make a feed.
 */
#include <stdint.h>
#include <string.h>

#include "fleet/parts/assemble.h"
#include "fleet/parts/group_members.h"
#include "fleet/parts/make.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void assemble(struct bg_part_set *set, bool must)
{
	const struct bg_part_source source = bg_part_set_source(set);
	struct bg_json_writer feed = {};
	struct bg_error err = {};
	int rc = bg_parts_assemble(&source, "n1", false, &feed, &err);

	MUST(!rc || (*err.text && !must));
	bg_json_writer_free(&feed);
}

/* Its kind and name, if the line says them. */
static bool name_of(const json_t *part, enum bg_part_kind *kind, const char **name)
{
	const char *word = json_string_value(json_object_get(part, "kind"));

	*name = json_string_value(json_object_get(json_object_get(part, "metadata"), "name"));
	for (int i = 0; i < BG_PART_KINDS && word && *name; i++)
		if (!strcmp(word, bg_part_kinds[i]) && strlen(*name) < BG_PART_NAME_TEXT) {
			*kind = i;
			return true;
		}
	return false;
}

/* What a GroupFeed says of its shards becomes what they are. */
static void fit(const struct bg_part_set *set, json_t *spec)
{
	json_t *head = json_object_get(spec, "members"), *shards = json_object_get(head, "shards");
	const char *id = json_string_value(json_object_get(spec, "id"));
	struct bg_gathered_members members = {};
	char hash[BG_PART_HASH_TEXT], name[BG_PART_NAME_TEXT];
	bool whole = id != NULL;

	for (size_t i = 0; id && i < json_array_size(shards); i++) {
		const struct bg_part *shard =
			bg_part_set_find(set, BG_GROUP_MEMBERS, bg_part_name_at(id, i, name));

		whole &= shard &&
			 !bg_addresses_read(json_object_get(shard->spec, "addresses"), &members);
		if (shard)
			json_array_set(shards, i, json_object_get(shard->spec, "hash"));
	}
	if (whole && json_is_object(head))
		json_object_set_new(head, "hash", json_string(bg_addresses_hash(&members, hash)));
	bg_addresses_release(&members);
}

static void add_line(struct bg_part_set *raw, struct bg_part_set *sealed, bool groups,
		     const char *text, size_t length)
{
	json_t *part = json_loadb(text, length, 0, NULL), *spec = json_object_get(part, "spec");
	enum bg_part_kind kind;
	struct bg_error err = {};
	const char *name;

	if (name_of(part, &kind, &name) && json_is_object(spec) &&
	    (kind == BG_GROUP_FEED) == groups) {
		MUST(!bg_part_set_read(raw, kind, name, text, length, &err) || *err.text);
		if (groups)
			fit(sealed, spec);
		bg_part_set_add(sealed, kind, name, spec);
	}
	json_decref(part);
}

static void read_cluster(struct bg_cluster *cluster)
{
	static const char text[] =
		"{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{\"kind\":\"Node\",\"apiVersion\":"
		"\"v1\",\"metadata\":{\"name\":\"n1\"}},{\"kind\":\"Pod\",\"apiVersion\":\"v1\","
		"\"metadata\":{\"namespace\":\"shop\",\"name\":\"a\",\"annotations\":{"
		"\"vpc.amazonaws.com/pod-eni\":\"[{\\\"eniId\\\":\\\"eni-1\\\",\\\"vlanId\\\":1,"
		"\\\"privateIp\\\":\\\"10.0.0.1\\\"}]\"}},\"spec\":{\"nodeName\":\"n1\"},\"status\":{}}]}"
		"{\"SecurityGroups\":[{\"GroupId\":\"sg-2\"},{\"GroupId\":\"sg-1\",\"IpPermissions\":[{"
		"\"IpProtocol\":\"-1\",\"UserIdGroupPairs\":[{\"GroupId\":\"sg-2\"}]}]}]}"
		"{\"NetworkInterfaces\":[{\"NetworkInterfaceId\":\"eni-1\",\"Groups\":[{\"GroupId\":"
		"\"sg-1\"}]},{\"NetworkInterfaceId\":\"eni-2\",\"Groups\":[{\"GroupId\":\"sg-2\"}],"
		"\"PrivateIpAddresses\":[{\"PrivateIpAddress\":\"10.0.0.2\"},{\"PrivateIpAddress\":"
		"\"10.0.0.3\"}]}]}";
	struct bg_error err;

	MUST(!bg_cluster_read(cluster, "all.json", text, sizeof(text) - 1, &err));
	MUST(!bg_cluster_join(cluster, &err));
}

static void make(struct bg_part_set *old)
{
	const struct bg_settings settings = {};
	const struct bg_parts_wanted wanted = { .settings = &settings, .max_shrink_percent = 100 };
	struct bg_cluster cluster = {};
	struct bg_part_set made = {};
	struct bg_error err = {};

	read_cluster(&cluster);
	MUST(!bg_parts_make(&cluster, &wanted, old, &made, &err));
	assemble(&made, true);
	bg_part_set_release(&made);
	bg_cluster_release(&cluster);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct bg_part_set raw = {}, sealed = {};

	for (int groups = 0; groups < 2; groups++)
		for (size_t at = 0; at < length;) {
			const uint8_t *line = bytes + at, *end = memchr(line, '\n', length - at);
			size_t used = end ? (size_t)(end - line) : length - at;

			add_line(&raw, &sealed, groups, (const char *)line, used);
			at += used + 1;
		}
	assemble(&raw, false);
	assemble(&sealed, false);
	make(&sealed);
	bg_part_set_release(&raw);
	bg_part_set_release(&sealed);
	return 0;
}
