// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Groups' rules: IpPermissions as describe-security-groups prints them, and the
 * flat SecurityGroupRules, which name those or, where a group has none, define
 * them. A rule is one peer of one permission, as EC2 counts.
 */
#include "feed_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define PROTOCOL_ICMP 1
#define PROTOCOL_ICMPV6 58

struct rule_of_group {
	struct bg_model_rule rule;
	size_t group;
	size_t order; /* in the feed */
};

struct rules {
	struct rule_of_group *items;
	size_t count, room;
	json_t *index; /* what a rule says → position */
};

static bool is_icmp(int protocol)
{
	return protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
}

/* FromPort and ToPort, whose meaning depends on the protocol. */
static int read_ports(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		      struct bg_model_rule *rule)
{
	bool ports = rule->protocol == PROTOCOL_TCP || rule->protocol == PROTOCOL_UDP;
	long least = is_icmp(rule->protocol) || ports ? -1 : -65536;
	long most = is_icmp(rule->protocol) ? 255 : 65535;
	struct bg_at to_at = { .parent = at, .key = "ToPort" };
	long from = -1, to = -1;
	int has_from, has_to;

	if (!ports && !is_icmp(rule->protocol)) { /* EC2 ignores them; so do we */
		rule->from_port = 0;
		rule->to_port = 65535;
		return 0;
	}
	has_from = bg_json_int(&reader->json, at, object, "FromPort", least, most, &from);
	if (has_from < 0)
		return has_from;
	has_to = bg_json_int(&reader->json, at, object, "ToPort", least, most, &to);
	if (has_to < 0)
		return has_to;
	rule->from_port = (int)from;
	rule->to_port = (int)to;
	if (is_icmp(rule->protocol)) {
		if (from == -1 && to != -1)
			return bg_json_expected(&reader->json, &to_at,
						"-1 (any code), since FromPort is any type",
						json_object_get(object, "ToPort"));
		return 0;
	}
	if (from == -1 && to == -1) { /* all ports */
		rule->from_port = 0;
		rule->to_port = 65535;
		return 0;
	}
	if (from == -1 || to == -1)
		return bg_json_expected(&reader->json, at, "FromPort and ToPort, or neither",
					object);
	if (from > to)
		return bg_json_expected(&reader->json, &to_at, "a port not below FromPort",
					json_object_get(object, "ToPort"));
	return 0;
}

/* What the rule says, as a key: flat rules find their counterpart by it. */
static void rule_text(const struct bg_feed_reader *reader, const struct bg_model_rule *rule,
		      char *text, size_t size)
{
	snprintf(text, size, "%zu %d %d %d %d %s", rule->group, rule->direction, rule->protocol,
		 rule->from_port, rule->to_port, reader->model->sets[rule->set].name);
}

static int add_rule(struct bg_feed_reader *reader, struct rules *rules,
		    const struct bg_model_rule *rule)
{
	char text[512];
	int rc = bg_feed_grow(reader, &rules->items, &rules->room, rules->count,
			      sizeof(*rules->items));

	if (rc)
		return rc;
	rules->items[rules->count] = (struct rule_of_group){
		.rule = *rule,
		.group = rule->group,
		.order = rules->count,
	};
	rule_text(reader, rule, text, sizeof(text));
	/* the same rule twice in a group is one rule */
	if (json_object_get(rules->index, text))
		return 0;
	if (json_object_set_new(rules->index, text, json_integer((json_int_t)rules->count)))
		return bg_feed_no_memory(reader);
	rules->count++;
	return 0;
}

/* One of the four arrays of peers of a permission. */
struct peer_array {
	const char *array, *key;
	const char *const *known;
	const char *const *ignored;
	int (*by_id)(struct bg_feed_reader *reader, const struct bg_at *at, const char *id,
		     size_t *set); /* NULL: a CIDR */
	bool ipv6;
};

static const char *const range_keys[] = { "CidrIp", "Description", NULL };
static const char *const range6_keys[] = { "CidrIpv6", "Description", NULL };
static const char *const list_keys[] = { "PrefixListId", "Description", NULL };
static const char *const pair_keys[] = { "GroupId", "Description", NULL };
static const char *const pair_ignored[] = {
	"UserId", "GroupName", "PeeringStatus", "VpcId", "VpcPeeringConnectionId", NULL
};

static const struct peer_array peer_arrays[] = {
	{ "IpRanges", "CidrIp", range_keys, NULL, NULL, false },
	{ "Ipv6Ranges", "CidrIpv6", range6_keys, NULL, NULL, true },
	{ "PrefixListIds", "PrefixListId", list_keys, NULL, bg_feed_list_set, false },
	{ "UserIdGroupPairs", "GroupId", pair_keys, pair_ignored, bg_feed_group_set, false },
};

/* "Ipv6Ranges" with an IPv4 CIDR is somebody's mistake. */
static int check_family(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *value,
			size_t set, bool ipv6)
{
	const struct bg_prefix *prefix = reader->model->sets[set].prefixes;

	if (prefix && bg_addr_is_v4(&prefix->addr) != !ipv6)
		return bg_json_expected(&reader->json, at, ipv6 ? "an IPv6 CIDR" : "an IPv4 CIDR",
					value);
	return 0;
}

static int read_peer(struct bg_feed_reader *reader, const struct bg_at *at, const json_t *object,
		     const char *key, bool ipv6,
		     int (*by_id)(struct bg_feed_reader *, const struct bg_at *, const char *,
				  size_t *),
		     size_t *set)
{
	struct bg_at value_at = { .parent = at, .key = key };
	const json_t *value = json_object_get(object, key);
	const char *id;
	int rc;

	if (by_id) {
		rc = bg_json_is_string(&reader->json, &value_at, value, &id);
		return rc ? rc : by_id(reader, &value_at, id, set);
	}
	rc = bg_feed_cidr_set(reader, &value_at, value, set);
	return rc ? rc : check_family(reader, &value_at, value, *set, ipv6);
}

static int read_permission(struct bg_feed_reader *reader, struct rules *rules,
			   const struct bg_at *at, const json_t *permission, size_t group,
			   enum bg_direction direction)
{
	static const char *const known[] = { "IpProtocol",	 "FromPort",   "ToPort",
					     "IpRanges",	 "Ipv6Ranges", "PrefixListIds",
					     "UserIdGroupPairs", NULL };
	struct bg_at protocol_at = { .parent = at, .key = "IpProtocol" };
	struct bg_model_rule rule = { .group = group, .direction = direction };
	int rc;

	rc = bg_json_is_object(&reader->json, at, permission);
	if (!rc)
		rc = bg_feed_check_keys(reader, at, permission, known, NULL);
	if (!rc)
		rc = bg_feed_protocol(reader, &protocol_at,
				      json_object_get(permission, "IpProtocol"), &rule.protocol);
	if (!rc)
		rc = read_ports(reader, at, permission, &rule);
	for (size_t i = 0; i < sizeof(peer_arrays) / sizeof(peer_arrays[0]) && !rc; i++) {
		const struct peer_array *kind = &peer_arrays[i];
		struct bg_at array_at = { .parent = at, .key = kind->array };
		const json_t *array = NULL;

		rc = bg_json_array(&reader->json, at, permission, kind->array, &array);
		if (rc < 0)
			return rc;
		rc = 0;
		for (size_t k = 0; k < json_array_size(array) && !rc; k++) {
			struct bg_at peer_at = { .parent = &array_at, .index = k };
			const json_t *peer = json_array_get(array, k);

			rc = bg_json_is_object(&reader->json, &peer_at, peer);
			if (!rc)
				rc = bg_feed_check_keys(reader, &peer_at, peer, kind->known,
							kind->ignored);
			if (!rc)
				rc = read_peer(reader, &peer_at, peer, kind->key, kind->ipv6,
					       kind->by_id, &rule.set);
			if (!rc)
				rc = add_rule(reader, rules, &rule);
		}
	}
	return rc;
}

static int read_permissions(struct bg_feed_reader *reader, struct rules *rules,
			    const struct bg_at *at, const json_t *group_object, const char *key,
			    size_t group, enum bg_direction direction)
{
	struct bg_at array_at = { .parent = at, .key = key };
	const json_t *array = NULL;
	int rc = bg_json_array(&reader->json, at, group_object, key, &array);

	if (rc)
		return rc < 0 ? rc : 0;
	for (size_t i = 0; i < json_array_size(array) && !rc; i++) {
		struct bg_at here = { .parent = &array_at, .index = i };

		rc = read_permission(reader, rules, &here, json_array_get(array, i), group,
				     direction);
	}
	return rc;
}

static int read_groups(struct bg_feed_reader *reader, struct rules *rules)
{
	const json_t *groups = json_object_get(reader->root, "SecurityGroups");
	struct bg_at at = { .key = "SecurityGroups" };
	int rc = 0;

	for (size_t i = 0; i < json_array_size(groups) && !rc; i++) {
		struct bg_at here = { .parent = &at, .index = i };
		const json_t *object = json_array_get(groups, i);
		const char *id = json_string_value(json_object_get(object, "GroupId"));
		size_t group;

		rc = bg_feed_group(reader, id, &group);
		if (!rc)
			rc = read_permissions(reader, rules, &here, object, "IpPermissions", group,
					      BG_INGRESS);
		if (!rc)
			rc = read_permissions(reader, rules, &here, object, "IpPermissionsEgress",
					      group, BG_EGRESS);
	}
	return rc;
}

/* The peer of a flat rule: exactly one of four keys. */
static int read_flat_peer(struct bg_feed_reader *reader, const struct bg_at *at,
			  const json_t *object, size_t *set)
{
	struct bg_at info_at = { .parent = at, .key = "ReferencedGroupInfo" };
	const json_t *cidr4 = json_object_get(object, "CidrIpv4");
	const json_t *cidr6 = json_object_get(object, "CidrIpv6");
	const json_t *list = json_object_get(object, "PrefixListId");
	const json_t *info = json_object_get(object, "ReferencedGroupInfo");
	int given = (cidr4 && !json_is_null(cidr4)) + (cidr6 && !json_is_null(cidr6)) +
		    (list && !json_is_null(list)) + (info && !json_is_null(info));
	int rc;

	if (given != 1)
		return bg_json_expected(
			&reader->json, at,
			"one of CidrIpv4, CidrIpv6, PrefixListId, ReferencedGroupInfo",
			given ? object : NULL);
	if (cidr4 && !json_is_null(cidr4))
		return read_peer(reader, at, object, "CidrIpv4", false, NULL, set);
	if (cidr6 && !json_is_null(cidr6))
		return read_peer(reader, at, object, "CidrIpv6", true, NULL, set);
	if (list && !json_is_null(list))
		return read_peer(reader, at, object, "PrefixListId", false, bg_feed_list_set, set);
	rc = bg_json_is_object(&reader->json, &info_at, info);
	return rc ? rc
		  : read_peer(reader, &info_at, info, "GroupId", false, bg_feed_group_set, set);
}

static int read_flat_rule(struct bg_feed_reader *reader, struct rules *rules, const json_t *defined,
			  const struct bg_at *at, const json_t *object)
{
	struct bg_at protocol_at = { .parent = at, .key = "IpProtocol" };
	struct bg_model_rule rule = {};
	const char *group_id, *rule_id = NULL;
	const json_t *found;
	bool egress = false;
	char text[512];
	int rc;

	rc = bg_json_string(&reader->json, at, object, "GroupId", &group_id);
	if (rc > 0)
		return bg_json_expected(&reader->json, at, "a GroupId", NULL);
	if (!rc)
		rc = bg_json_string(&reader->json, at, object, "SecurityGroupRuleId", &rule_id);
	if (rc >= 0)
		rc = bg_json_bool(&reader->json, at, object, "IsEgress", &egress);
	if (rc >= 0)
		rc = bg_feed_protocol(reader, &protocol_at, json_object_get(object, "IpProtocol"),
				      &rule.protocol);
	if (!rc)
		rc = read_ports(reader, at, object, &rule);
	if (!rc)
		rc = bg_feed_group(reader, group_id, &rule.group);
	if (!rc)
		rc = read_flat_peer(reader, at, object, &rule.set);
	if (rc)
		return rc;
	rule.direction = egress ? BG_EGRESS : BG_INGRESS;
	rule_text(reader, &rule, text, sizeof(text));
	found = json_object_get(rules->index, text);
	if (!found) {
		snprintf(text, sizeof(text), "%zu", rule.group);
		/* permissions define the group: a flat rule that they lack is stale */
		if (json_object_get(defined, text))
			return bg_feed_warn(reader, at,
					    "rule %s matches no IpPermissions of group %s, ignored",
					    rule_id ? rule_id : "(without id)", group_id);
		rule_text(reader, &rule, text, sizeof(text));
		rc = add_rule(reader, rules, &rule);
		if (rc)
			return rc;
		found = json_object_get(rules->index, text);
	}
	if (rule_id && !rules->items[json_integer_value(found)].rule.rule_id)
		return bg_feed_copy(reader, &rules->items[json_integer_value(found)].rule.rule_id,
				    rule_id);
	return 0;
}

static int read_flat_rules(struct bg_feed_reader *reader, struct rules *rules)
{
	static const char *const known[] = { "SecurityGroupRuleId",
					     "GroupId",
					     "IsEgress",
					     "IpProtocol",
					     "FromPort",
					     "ToPort",
					     "CidrIpv4",
					     "CidrIpv6",
					     "PrefixListId",
					     "ReferencedGroupInfo",
					     NULL };
	static const char *const ignored[] = { "GroupOwnerId", "Description", "Tags",
					       "SecurityGroupRuleArn", NULL };
	struct bg_at at = { .key = "SecurityGroupRules" };
	json_t *defined = json_object(); /* groups that have permissions */
	const json_t *flat = NULL;
	char text[32];
	int rc;

	rc = bg_json_array(&reader->json, NULL, reader->root, "SecurityGroupRules", &flat);
	if (rc > 0)
		rc = 0;
	for (size_t i = 0; i < rules->count && !rc && flat; i++) {
		snprintf(text, sizeof(text), "%zu", rules->items[i].group);
		if (json_object_set_new(defined, text, json_true()))
			rc = bg_feed_no_memory(reader);
	}
	for (size_t i = 0; i < json_array_size(flat) && !rc; i++) {
		struct bg_at here = { .parent = &at, .index = i };
		const json_t *object = json_array_get(flat, i);

		rc = bg_json_is_object(&reader->json, &here, object);
		if (!rc)
			rc = bg_feed_check_keys(reader, &here, object, known, ignored);
		if (!rc)
			rc = read_flat_rule(reader, rules, defined, &here, object);
	}
	json_decref(defined);
	return rc;
}

static int compare_rules(const void *a, const void *b)
{
	const struct rule_of_group *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* Rules of a group stand together in the model, in feed order. */
static int hand_over(struct bg_feed_reader *reader, struct rules *rules)
{
	struct bg_model *model = reader->model;

	if (!rules->count)
		return 0;
	model->rules = calloc(rules->count, sizeof(*model->rules));
	if (!model->rules)
		return bg_feed_no_memory(reader);
	qsort(rules->items, rules->count, sizeof(*rules->items), compare_rules);
	for (size_t i = 0; i < rules->count; i++) {
		struct bg_group *group = &model->groups[rules->items[i].group];

		if (!group->rule_count++)
			group->first_rule = i;
		model->rules[i] = rules->items[i].rule;
		rules->items[i].rule.rule_id = NULL;
	}
	model->rule_count = rules->count;
	return 0;
}

int bg_feed_read_rules(struct bg_feed_reader *reader)
{
	struct rules rules = { .index = json_object() };
	int rc = rules.index ? read_groups(reader, &rules) : bg_feed_no_memory(reader);

	if (!rc)
		rc = read_flat_rules(reader, &rules);
	if (!rc)
		rc = hand_over(reader, &rules);
	for (size_t i = 0; i < rules.count; i++)
		free(rules.items[i].rule.rule_id);
	free(rules.items);
	json_decref(rules.index);
	return rc;
}
