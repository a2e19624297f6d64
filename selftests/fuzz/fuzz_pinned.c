// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * libFuzzer: any bytes as what a daemon of another build has pinned: an entry of one of its maps
 * on the way into ours, the entries that a start takes over, and the shape of a map. The first
 * two bytes choose which; a key of 64 bytes follows, and the value.
 */
#include <stdint.h>
#include <string.h>

#include "base/sound.h"
#include "compile/registry.h"
#include "datapath/fate.h"
#include "datapath/layout_3.h"
#include "feed/feed.h"
#include "flow.h"
#include "promises.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void must_end(const char *text, size_t bytes)
{
	MUST(memchr(text, '\0', bytes));
}

#define MUST_END(text) must_end(text, sizeof(text))

static __u32 number(const void *bytes)
{
	__u32 value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static void check_control(const void *key, const void *value)
{
	const struct bg_control *control = value;

	(void)key;
	MUST(control->abi == BG_ABI && control->flow_layout == BG_FLOW_LAYOUT);
	MUST_END(control->published);
	MUST_END(control->feed_revision);
}

static void check_iface(const void *key, const void *value)
{
	const struct bg_iface *iface = value;

	MUST(iface->ifindex && number(key) == iface->ifindex);
	MUST(iface->role <= BG_ROLE_PRIMARY && iface->vlan < BG_VLANS);
	MUST_END(iface->interface);
}

static void check_fast_iface(const void *key, const void *value)
{
	const struct bg_iface *iface = value;

	MUST(number(key) == (iface->ifindex & (BG_IFACES - 1)));
	check_iface(&iface->ifindex, value);
}

static void check_vlan(const void *key, const void *value)
{
	(void)value;
	MUST(number(key) && number(key) < BG_VLANS);
}

static void check_fast_vlan(const void *key, const void *value)
{
	check_vlan(key, value);
	MUST(number(value));
}

static void check_branch(const void *key, const void *value)
{
	const struct bg_branch_info *branch = value;

	check_vlan(key, value);
	MUST(branch->mode <= BG_STANDARD);
	MUST_END(branch->id);
	MUST_END(branch->interface);
	MUST_END(branch->armed_since);
	MUST_END(branch->groups);
}

static void check_pod(const void *key, const void *value)
{
	const struct bg_pod *pod = value;

	(void)key;
	MUST(pod->vlan < BG_VLANS && pod->mode <= BG_STANDARD);
	MUST_END(pod->address);
	MUST_END(pod->mac_text);
	MUST_END(pod->host_mac_text);
}

static void check_rule(const void *key, const void *value)
{
	const struct bg_rule *rule = value;

	MUST(number(key) && rule->direction < BG_DIRECTIONS);
	MUST_END(rule->group);
	MUST_END(rule->rule_id);
	MUST_END(rule->peer);
}

static void check_nothing(const void *key, const void *value)
{
	(void)key;
	(void)value;
}

static const struct {
	const char *map;
	size_t value_bytes;
	void (*check)(const void *key, const void *value);
} ours[] = {
	{ "control", sizeof(struct bg_control), check_control },
	{ "ifaces", sizeof(struct bg_iface), check_iface },
	{ "fast_ifaces", sizeof(struct bg_iface), check_fast_iface },
	{ "fast_vlans", sizeof(__u32), check_fast_vlan },
	{ "branches", sizeof(struct bg_branch_info), check_branch },
	{ "pods", sizeof(struct bg_pod), check_pod },
	{ "routes", sizeof(struct bg_route_info), check_vlan },
	{ "fast_routes", sizeof(struct bg_route), check_vlan },
	{ "node", sizeof(struct bg_host), check_nothing },
	{ "rules", sizeof(struct bg_rule), check_rule },
	{ "former_rules", sizeof(struct bg_rule), check_rule },
	{ "fast_counters", sizeof(struct bg_counters), check_nothing },
};

#define OURS (sizeof(ours) / sizeof(ours[0]))

/* Memory of just this size with the bytes, or as many as there are, and then zeros: a byte too
 * far is found. */
static void *take(const uint8_t **bytes, size_t *length, size_t size)
{
	size_t taken = *length < size ? *length : size;
	uint8_t *copy = size ? calloc(1, size) : NULL;

	MUST(copy);
	memcpy(copy, *bytes, taken);
	*bytes += taken;
	*length -= taken;
	return copy;
}

/* --- an entry on the way into ours ---------------------------------------------- */

static void convert(const struct bg_layout *layout, unsigned int which, const uint8_t *bytes,
		    size_t length)
{
	void *old_key, *old_value, *value;
	const struct bg_move *move = layout->moves;
	char key[BG_FOREIGN_KEY_BYTES] = {};
	struct bg_moving moving;
	size_t into = 0;

	for (; which-- && move[1].into;)
		move++;
	if (!move->from)
		return;
	while (into < OURS && strcmp(ours[into].map, move->into) != 0)
		into++;
	MUST(into < OURS);
	old_key = take(&bytes, &length, BG_FOREIGN_KEY_BYTES);
	old_value = take(&bytes, &length, move->value_bytes);
	value = calloc(1, ours[into].value_bytes);
	MUST(value);
	moving = (struct bg_moving){
		.old_key = old_key, .old_value = old_value, .key = key, .value = value
	};
	if (move->convert(&moving))
		ours[into].check(key, value);
	free(old_key);
	free(old_value);
	free(value);
}

/* --- what a start takes over ---------------------------------------------------- */

#define MAX_RULES 16
#define MAX_BRANCHES 8

static const char feed[] = "{\"FeedVersion\":1,\"SecurityGroups\":[{\"GroupId\":\"sg-1\","
			   "\"IpPermissions\":[{\"IpProtocol\":\"tcp\",\"FromPort\":1,\"ToPort\":2,"
			   "\"IpRanges\":[{\"CidrIp\":\"10.0.0.0/8\"}]}]}],\"Branches\":["
			   "{\"Id\":\"eni-1\",\"VlanId\":9,\"GroupIds\":[\"sg-1\"],\"Pods\":[]},"
			   "{\"Id\":\"eni-2\",\"VlanId\":8,\"GroupIds\":[\"sg-1\"],\"Pods\":[]}]}";

static void must_be_numbered(struct bg_registry *registry)
{
	struct bg_model *model = NULL;
	struct bg_error err = {};

	MUST(!bg_feed_parse("feed", feed, sizeof(feed) - 1, &model, NULL, &err));
	if (bg_registry_assign(registry, model, &err)) {
		must_be_printable(err.text);
	} else {
		const struct bg_model_branch *branch = model->branches;

		for (size_t i = 0; i < model->rule_count; i++)
			MUST(model->rules[i].number && model->rules[i].number < MAX_RULES);
		for (size_t i = 0; i < model->branch_count; i++)
			MUST(branch[i].slot && branch[i].slot < MAX_BRANCHES && branch[i].tag &&
			     branch[i].tag < 1 << 24);
		MUST(branch[0].slot != branch[1].slot && branch[0].tag != branch[1].tag);
	}
	bg_model_free(model);
}

static void adopt(const uint8_t *bytes, size_t length)
{
	struct bg_registry *registry = bg_registry_new(MAX_RULES, MAX_BRANCHES);

	MUST(registry);
	while (length) {
		__u32 *key = take(&bytes, &length, sizeof(*key));
		struct bg_branch_info *branch;
		const struct bg_moved_flows *as;
		void *bucket;
		struct bg_rule *rule;

		switch (*key >> 30) {
		case 0:
			rule = take(&bytes, &length, sizeof(*rule));
			if (bg_sound_rule(rule)) {
				check_rule(&(__u32){ 1 }, rule);
				bg_registry_adopt_rule(registry, *key, rule);
			}
			free(rule);
			break;
		case 1:
			branch = take(&bytes, &length, sizeof(*branch));
			if (bg_sound_branch(*key & 0xffff, branch)) {
				check_branch(&(__u32){ *key & 0xffff }, branch);
				bg_registry_adopt_branch(registry, branch);
			}
			free(branch);
			break;
		default:
			as = *key >> 30 == 2 ? &bg_flows_today : &bg_flows_3;
			bucket = take(&bytes, &length, as->bucket_bytes);
			for (unsigned int slot = 0; slot < as->flows_per_bucket; slot++) {
				struct bg_flow flow = {};

				if (as->convert(bucket, slot, &flow))
					bg_registry_adopt_tag(registry, bg_flow_tag(&flow.key));
			}
			free(bucket);
		}
		free(key);
	}
	must_be_numbered(registry);
	bg_registry_free(registry);
}

/* --- the shape of a map --------------------------------------------------------- */

static void must_fit(const struct bg_before *before, const char *map,
		     const struct bg_map_shape *mine, const struct bg_map_shape *theirs)
{
	const struct bg_layout *layout = before->from;

	switch (bg_fate_of(before, map, mine, theirs)) {
	case BG_FATE_TAKEN:
		MUST(!memcmp(mine, theirs, sizeof(*mine)));
		break;
	case BG_FATE_COPIED:
		MUST(mine->value_bytes == theirs->value_bytes &&
		     mine->key_bytes == theirs->key_bytes);
		break;
	case BG_FATE_FLOWS:
		MUST(theirs->value_bytes == bg_before_flows(before)->bucket_bytes);
		break;
	case BG_FATE_CONVERTED:
	case BG_FATE_DROPPED:
		break;
	}
	for (const struct bg_move *move = layout ? layout->moves : NULL; move && move->into; move++)
		if (move->from && bg_fate_can_move(move, theirs, false))
			MUST(theirs->value_bytes >= move->value_bytes &&
			     theirs->key_bytes >= move->key_bytes &&
			     theirs->key_bytes <= BG_FOREIGN_KEY_BYTES &&
			     !bg_is_percpu(theirs->type));
}

static void decide(unsigned int which, const uint8_t *bytes, size_t length)
{
	static const char *const maps[] = { "policy",		"flows",    "rules",
					    "control",		"branches", "fast_counters",
					    "what no build has" };
	struct bg_control_start *start = take(&bytes, &length, sizeof(*start));
	struct bg_map_shape *mine = take(&bytes, &length, sizeof(*mine));
	struct bg_map_shape *theirs = take(&bytes, &length, sizeof(*theirs));
	struct bg_before before;

	if (!bg_before_of(start, &before)) {
		before.have_seed = which & 1;
		must_fit(&before, maps[which / 2 % (sizeof(maps) / sizeof(maps[0]))], mine, theirs);
	}
	free(start);
	free(mine);
	free(theirs);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct bg_layout *const layouts[] = {
		&bg_layout_1, &bg_layout_2, &bg_layout_newer, NULL, NULL, &bg_layout_3
	};

	if (length < 2)
		return 0;
	switch (bytes[0] % 6) {
	case 3:
		adopt(bytes + 2, length - 2);
		break;
	case 4:
		decide(bytes[1], bytes + 2, length - 2);
		break;
	default:
		convert(layouts[bytes[0] % 6], bytes[1], bytes + 2, length - 2);
	}
	return 0;
}
