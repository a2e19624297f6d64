// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * SecurityGroupRules: as `aws ec2 describe-security-group-rules` prints them. They
 * give ids to rules that IpPermissions define, and define those of groups that
 * have no IpPermissions. feed.c calls it after groups.c; it never adds a rule to a
 * group that has IpPermissions.
 */
#include "feed/reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* What makes two rules of a feed the same one. */
struct rule_key {
	size_t group, set;
	int direction, protocol, from_port, to_port;
};

struct flat_rules {
	struct bg_dict defined;	     /* rule_key → index in model->rules, before naming */
	struct bg_model_rule *alone; /* rules of groups without IpPermissions */
	size_t alone_count;
};

static void release_flat_rules(struct flat_rules *flat)
{
	bg_dict_release(&flat->defined);
	for (size_t i = 0; i < flat->alone_count; i++)
		free(flat->alone[i].rule_id);
	free(flat->alone);
}

static struct rule_key key_of(const struct bg_model_rule *rule)
{
	return (struct rule_key){ rule->group,	  rule->set,	   rule->direction,
				  rule->protocol, rule->from_port, rule->to_port };
}

/* `keys` has room for all rules, and must outlive the dict. */
static int index_rules(const struct bg_model *model, struct rule_key *keys, struct bg_dict *defined,
		       struct bg_error *err)
{
	for (size_t i = 0; i < model->rule_count; i++) {
		keys[i] = key_of(&model->rules[i]);
		if (!bg_dict_put(defined, &keys[i], sizeof(keys[i]), i, NULL))
			return bg_no_memory(err, BG_READING);
	}
	return 0;
}

static int reference(struct bg_feed *feed, const struct bg_fields *flat, bool make, size_t *set,
		     struct bg_error *err)
{
	struct bg_at at = bg_field_at(flat, FLAT_REFERENCE);
	struct bg_fields fields;
	struct bg_text id = {};
	int rc = bg_feed_fields(feed, flat->values[FLAT_REFERENCE], &at, BG_OBJECT_REFERENCED_GROUP,
				&fields, err);

	if (rc)
		return rc;
	if (!fields.values[0])
		return bg_field_missing(&fields, 0, err);
	return bg_get_id(&fields, PEER_GROUP_ID, BG_ID_BYTES, &id, err) ?:
	       bg_feed_account(feed, id, fields.values[PEER_GROUP_OWNER], err) ?:
	       bg_group_set(feed, id, make, set, err);
}

static int flat_set(struct bg_feed *feed, const struct bg_fields *fields, bool make, size_t *set,
		    struct bg_error *err)
{
	char pointer[BG_POINTER_TEXT];
	struct bg_prefix prefix;
	struct bg_text id = {};
	size_t field = 0;
	struct bg_at at;
	int peers = 0, rc;

	for (size_t i = FLAT_CIDR4; i <= FLAT_REFERENCE; i++) {
		if (!fields->values[i])
			continue;
		peers++;
		field = i;
	}
	if (peers != 1)
		return bg_fail_at(err, bg_at_format(fields->at, false, pointer),
				  "found %d of CidrIpv4, CidrIpv6, PrefixListId and "
				  "ReferencedGroupInfo, expected one",
				  peers);
	at = bg_field_at(fields, field);
	switch (field) {
	case FLAT_CIDR4:
	case FLAT_CIDR6:
		rc = bg_feed_prefix(feed, fields->values[field], &at,
				    field == FLAT_CIDR4 ? BG_IPV4 : BG_IPV6, &prefix, err);
		return rc ? rc : bg_cidr_set(feed, &prefix, make, set, err);
	case FLAT_LIST:
		rc = bg_get_id(fields, field, BG_ID_BYTES, &id, err);
		return rc ? rc : bg_list_set(feed, id, make, set, err);
	default:
		return reference(feed, fields, make, set, err);
	}
}

/* The rule that this one gives its id to. */
static int name_rule(struct bg_feed *feed, const struct flat_rules *flat,
		     const struct bg_model_rule *rule, struct bg_text id, const struct bg_at *at,
		     struct bg_error *err)
{
	struct rule_key key = key_of(rule);
	const size_t *index = bg_dict_find(&flat->defined, &key, sizeof(key));
	struct bg_model_rule *defined;

	if (!index) {
		if (bg_warn(feed, BG_WARN_RULE, at,
			    "%.*s is no rule of the IpPermissions of %s: ignored", (int)id.length,
			    id.length ? id.bytes : "", feed->model->groups[rule->group].id))
			return bg_no_memory(err, BG_READING);
		return 0;
	}
	if (!id.length)
		return 0;
	defined = &feed->model->rules[*index];
	if (defined->rule_id) {
		if (bg_warn(feed, BG_WARN_RULE, at, "%.*s is the same rule as %s: ignored",
			    (int)id.length, id.bytes, defined->rule_id))
			return bg_no_memory(err, BG_READING);
		return 0;
	}
	defined->rule_id = bg_text_dup(id);
	return defined->rule_id ? 0 : bg_no_memory(err, BG_READING);
}

static int flat_rule(struct bg_feed *feed, struct flat_rules *flat, const struct bg_json *value,
		     const struct bg_at *at, struct bg_error *err)
{
	struct bg_model_rule rule = { .list = BG_PEERS_FLAT, .permission = at->index }, *alone;
	struct bg_text id = {}, group_id = { "", 0 };
	struct bg_service service = {};
	struct bg_fields fields;
	struct bg_group *group;
	bool egress = false;
	int rc = bg_feed_fields(feed, value, at, BG_OBJECT_RULE, &fields, err);

	if (rc)
		return rc;
	rc = bg_noted(feed, bg_field_required(&fields, FLAT_GROUP, err), err) ?:
	     bg_noted(feed, bg_get_id(&fields, FLAT_ID, BG_ID_BYTES, &id, err), err) ?:
	     bg_noted(feed, bg_get_id(&fields, FLAT_GROUP, BG_ID_BYTES, &group_id, err), err) ?:
	     bg_noted(feed, bg_get_bool(&fields, FLAT_EGRESS, &egress, err), err) ?:
	     bg_noted(feed,
		      bg_feed_service(feed, &fields, FLAT_PROTOCOL, FLAT_FROM, FLAT_TO, &service,
				      err),
		      err) ?:
	     bg_feed_account(feed, group_id, fields.values[FLAT_OWNER], err) ?:
	     bg_feed_group(feed, group_id, &rule.group, err);
	if (rc)
		return rc;
	group = &feed->model->groups[rule.group];
	group->known = true;
	rc = flat_set(feed, &fields, !group->defined, &rule.set, err);
	if (rc)
		return rc;
	rule.direction = egress ? BG_EGRESS : BG_INGRESS;
	rule.protocol = service.protocol;
	rule.from_port = service.from_port;
	rule.to_port = service.to_port;
	if (group->defined)
		return name_rule(feed, flat, &rule, id, at, err);
	group->stated[BG_INGRESS] = group->stated[BG_EGRESS] = true;
	alone = BG_GROW(flat->alone, flat->alone_count);
	if (!alone)
		return bg_no_memory(err, BG_READING);
	*alone = rule;
	if (!id.bytes)
		return 0;
	alone->rule_id = bg_text_dup(id);
	return alone->rule_id ? 0 : bg_no_memory(err, BG_READING);
}

/* By group, within a group as in the feed. */
static int compare_alone(const void *a, const void *b)
{
	const struct bg_model_rule *left = a, *right = b;

	if (left->group != right->group)
		return left->group < right->group ? -1 : 1;
	return left->permission < right->permission ? -1 : left->permission > right->permission;
}

static int add_alone(struct bg_feed *feed, struct flat_rules *flat, struct bg_error *err)
{
	if (flat->alone_count)
		qsort(flat->alone, flat->alone_count, sizeof(*flat->alone), compare_alone);
	for (size_t i = 0; i < flat->alone_count; i++) {
		struct bg_model_rule *rule = &flat->alone[i];
		struct bg_group *group = &feed->model->groups[rule->group];
		int rc;

		if (!group->rule_count)
			group->first_rule = feed->model->rule_count;
		rc = bg_feed_add_rule(feed, rule, err);
		if (rc)
			return rc;
		rule->rule_id = NULL; /* the model's now */
	}
	return 0;
}

/* `keys` has room for all rules so far. */
static int read_rules(struct bg_feed *feed, const struct bg_at *list, const struct bg_json *element,
		      struct rule_key *keys, struct bg_error *err)
{
	bg_cleanup(release_flat_rules) struct flat_rules flat = {};
	int rc = index_rules(feed->model, keys, &flat.defined, err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(list, i);

		rc = bg_noted(feed, flat_rule(feed, &flat, element, &at, err), err);
	}
	return rc ? rc : add_alone(feed, &flat, err);
}

int bg_feed_flat(struct bg_feed *feed, const struct bg_fields *root, size_t field,
		 struct bg_error *err)
{
	struct bg_at list = bg_field_at(root, field);
	const struct bg_json *element;
	struct rule_key *keys;
	int rc = bg_noted(feed, bg_get_array(root, field, &element, err), err);

	if (!element || rc)
		return rc;
	keys = calloc(feed->model->rule_count + 1, sizeof(*keys));
	rc = keys ? read_rules(feed, &list, element, keys, err) : bg_no_memory(err, BG_READING);
	free(keys);
	return rc;
}
