// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes the feed of a node. The verb calls it, once all files are read and joined. What it
 * has written it has the daemon's own parser read, so that nothing is printed that would be
 * refused.
 */
#include "fleet/gather/node_feed.h"

#include <errno.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/feed.h"
#include "fleet/gather/members.h"
#include "fleet/gather/shaped.h"

struct writing {
	struct bg_cluster *cluster;
	const struct bg_settings *settings;
	bool standard;
	struct bg_gathered_node node;
	struct bg_names needed;	    /* groups whose rules the node needs */
	struct bg_names referenced; /* groups that these rules name */
	struct bg_names lists;	    /* prefix lists that they name */
	struct bg_json_writer *out;
};

static void release(struct writing *writing)
{
	bg_gathered_node_release(&writing->node);
	bg_names_release(&writing->needed);
	bg_names_release(&writing->referenced);
	bg_names_release(&writing->lists);
}

/* --- small things --- */

/* One object a line. */
static void new_line(struct bg_json_writer *out)
{
	if (out->comma)
		bg_json_raw(out, ",", 1);
	bg_json_raw(out, "\n  ", 3);
	out->comma = false;
}

static void put_text(struct bg_json_writer *out, const char *text)
{
	bg_json_raw(out, text, strlen(text));
	out->comma = true;
}

/* --- which groups --- */

static int needed_groups(struct writing *writing)
{
	const struct bg_settings *settings = writing->settings;
	bool defaults = false;

	for (size_t i = 0; i < writing->node.branch_count; i++) {
		const struct bg_gathered_branch *branch = &writing->node.branches[i];

		defaults |= !branch->has_groups;
		if (bg_names_add_all(&writing->needed, &branch->groups))
			return -ENOMEM;
	}
	if (defaults && bg_names_add_all(&writing->needed, &settings->default_groups))
		return -ENOMEM;
	if (writing->standard && bg_names_add_all(&writing->needed, &writing->node.groups))
		return -ENOMEM;
	bg_names_tidy(&writing->needed);
	return 0;
}

/* The group's own rules, or NULL: EC2's answer does not have it, or twice. */
static const struct bg_ec2_rules *find_group(const struct bg_cluster *cluster, const char *id)
{
	const size_t *index = bg_dict_find(&cluster->groups_by_id, id, strlen(id));

	return index && !cluster->groups[*index].doubtful ? &cluster->groups[*index] : NULL;
}

static int add_references(struct writing *writing, const struct bg_ec2_rules *rules)
{
	return bg_names_add_all(&writing->referenced, &rules->groups)
		       ?: bg_names_add_all(&writing->lists, &rules->lists);
}

/* Alone a flat rule would define its group: of one that was left out there are none either. */
static bool is_wanted(const struct writing *writing, const struct bg_ec2_rules *rule)
{
	return !rule->doubtful && bg_names_have(&writing->needed, rule->group) &&
	       find_group(writing->cluster, rule->group);
}

static int references(struct writing *writing)
{
	const struct bg_cluster *cluster = writing->cluster;

	for (size_t i = 0; i < writing->needed.count; i++) {
		const struct bg_ec2_rules *group = find_group(cluster, writing->needed.name[i]);

		if (group && add_references(writing, group))
			return -ENOMEM;
	}
	for (size_t i = 0; i < cluster->rule_count; i++)
		if (is_wanted(writing, &cluster->rules[i]) &&
		    add_references(writing, &cluster->rules[i]))
			return -ENOMEM;
	bg_names_tidy(&writing->referenced);
	bg_names_tidy(&writing->lists);
	return 0;
}

/* --- groups, rules, lists --- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_groups(struct writing *writing)
{
	bg_put_key(writing->out, "SecurityGroups");
	bg_json_open(writing->out, '[');
	for (size_t i = 0; i < writing->needed.count; i++) {
		const struct bg_ec2_rules *group =
			find_group(writing->cluster, writing->needed.name[i]);

		if (!group)
			continue;
		new_line(writing->out);
		put_text(writing->out, group->text);
	}
	bg_json_close(writing->out, ']');
}

static int put_rules(struct writing *writing)
{
	const struct bg_cluster *cluster = writing->cluster;
	bg_cleanup(bg_names_release) struct bg_names texts = {};

	for (size_t i = 0; i < cluster->rule_count; i++)
		if (is_wanted(writing, &cluster->rules[i]) &&
		    bg_names_add(&texts, cluster->rules[i].text))
			return -ENOMEM;
	if (!texts.count)
		return 0;
	qsort(texts.name, texts.count, sizeof(*texts.name), by_text);
	bg_put_key(writing->out, "SecurityGroupRules");
	bg_json_open(writing->out, '[');
	for (size_t i = 0; i < texts.count; i++) {
		new_line(writing->out);
		put_text(writing->out, texts.name[i]);
	}
	bg_json_close(writing->out, ']');
	return 0;
}

/* Of a list whose entries nobody gave it is better to say nothing: the daemon then keeps
 * those that it had, and an empty list would take them away. */
static void put_lists(struct writing *writing)
{
	const struct bg_cluster *cluster = writing->cluster;
	struct bg_json_writer *out = writing->out;

	if (!writing->lists.count)
		return;
	bg_put_key(out, "PrefixLists");
	bg_json_open(out, '[');
	for (size_t i = 0; i < writing->lists.count; i++) {
		const char *id = writing->lists.name[i];
		const size_t *index = bg_dict_find(&cluster->lists_by_id, id, strlen(id));
		const struct bg_ec2_list *list = index ? &cluster->lists[*index] : NULL;

		if (!list || !list->has_entries || list->doubtful)
			continue;
		new_line(out);
		bg_json_open(out, '{');
		bg_json_key(out, "PrefixListId");
		bg_json_string(out, id);
		bg_json_key(out, "Entries");
		bg_json_open(out, '[');
		for (size_t k = 0; k < list->entries.count; k++) {
			bg_json_open(out, '{');
			bg_json_key(out, "Cidr");
			bg_json_plain(out, list->entries.name[k]);
			bg_json_close(out, '}');
		}
		bg_json_close(out, ']');
		bg_json_close(out, '}');
	}
	bg_json_close(out, ']');
}

/* --- members --- */

static void put_kind(struct bg_json_writer *out, const struct bg_gathered_members *members,
		     bool ipv6, bool prefixes)
{
	static const char *const list_keys[] = { "PrivateIpAddresses", "Ipv6Addresses",
						 "Ipv4Prefixes", "Ipv6Prefixes" };
	static const char *const keys[] = { "PrivateIpAddress", "Ipv6Address", "Ipv4Prefix",
					    "Ipv6Prefix" };
	const int kind = (prefixes ? 2 : 0) + ipv6;
	bool opened = false;

	for (size_t i = 0; i < members->count; i++) {
		const struct bg_prefix *prefix = &members->prefixes[i];

		if (bg_prefix_is_v4(prefix) == ipv6 || (prefix->length != 128) != prefixes)
			continue;
		if (!opened) {
			bg_json_key(out, list_keys[kind]);
			bg_json_open(out, '[');
			opened = true;
		}
		bg_json_open(out, '{');
		bg_json_key(out, keys[kind]);
		bg_put_prefix(out, prefix);
		bg_json_close(out, '}');
	}
	if (opened)
		bg_json_close(out, ']');
}

/* One interface a group, with the addresses of all: 17 times smaller than EC2's own. A group
 * that exists and has no members is said to have none; of one that EC2's answer does not
 * have (a peer's) nothing is said. */
static int put_members(struct writing *writing, struct bg_error *err)
{
	const struct bg_names *groups = &writing->referenced;
	struct bg_gathered_members *members;
	struct bg_json_writer *out = writing->out;
	int rc = bg_members_of(writing->cluster, groups, writing->node.name, &members, err);

	if (rc || !groups->count)
		return rc;
	bg_put_key(out, "NetworkInterfaces");
	bg_json_open(out, '[');
	for (size_t i = 0; i < groups->count; i++) {
		const char *id = groups->name[i];

		if (!members[i].count && !find_group(writing->cluster, id))
			continue;
		new_line(out);
		bg_json_open(out, '{');
		bg_json_key(out, "Groups");
		bg_json_open(out, '[');
		bg_json_open(out, '{');
		bg_json_key(out, "GroupId");
		bg_json_string(out, id);
		bg_json_close(out, '}');
		bg_json_close(out, ']');
		for (int kind = 0; kind < 4; kind++)
			put_kind(out, &members[i], kind & 1, kind & 2);
		bg_json_close(out, '}');
	}
	bg_json_close(out, ']');
	bg_members_free(members, groups->count);
	return 0;
}

/* --- branches --- */

static void put_pod(struct bg_json_writer *out, const struct bg_kube_pod *pod)
{
	int last = 0;

	bg_json_open(out, '{');
	bg_json_key(out, "Namespace");
	bg_json_string(out, pod->object.namespace);
	bg_json_key(out, "Name");
	bg_json_string(out, pod->object.name);
	bg_json_key(out, "Addresses");
	bg_json_open(out, '[');
	for (size_t i = 0; i < pod->address_count; i++) {
		struct bg_prefix prefix = { pod->addresses[i], 128 };

		bg_put_prefix(out, &prefix);
	}
	bg_json_close(out, ']');
	bg_json_key(out, "Probes");
	bg_json_open(out, '[');
	for (size_t i = 0; i < pod->probe_count; last = pod->probes[i++].port) {
		if (pod->probes[i].port == last)
			continue;
		bg_json_open(out, '{');
		bg_json_key(out, "Protocol");
		bg_json_plain(out, "tcp");
		bg_json_key(out, "Port");
		bg_json_number(out, pod->probes[i].port);
		bg_json_close(out, '}');
	}
	bg_json_close(out, ']');
	bg_json_close(out, '}');
}

static void put_timeouts(struct bg_json_writer *out, const struct bg_ec2_interface *interface)
{
	bool opened = false;

	for (int i = 0; i < BG_TRACKED_TIMEOUTS && interface; i++) {
		if (!interface->timeouts_s[i])
			continue;
		if (!opened) {
			bg_json_key(out, "ConnectionTracking");
			bg_json_open(out, '{');
			opened = true;
		}
		bg_json_key(out, bg_tracked_timeouts[i]);
		bg_json_number(out, interface->timeouts_s[i]);
	}
	if (opened)
		bg_json_close(out, '}');
}

static void put_branches(struct writing *writing)
{
	struct bg_json_writer *out = writing->out;

	bg_put_key(out, "Branches");
	bg_json_open(out, '[');
	for (size_t i = 0; i < writing->node.branch_count; i++) {
		const struct bg_gathered_branch *branch = &writing->node.branches[i];

		new_line(out);
		bg_json_open(out, '{');
		bg_json_key(out, "Id");
		bg_json_string(out, branch->id);
		bg_json_key(out, "VlanId");
		bg_json_number(out, branch->vlan);
		if (writing->standard) {
			bg_json_key(out, "Mode");
			bg_json_plain(out, "standard");
		}
		if (branch->has_groups)
			bg_put_names(out, "GroupIds", &branch->groups);
		put_timeouts(out, branch->interface);
		bg_json_key(out, "Pods");
		bg_json_open(out, '[');
		for (size_t k = 0; k < branch->pod_count; k++)
			put_pod(out, branch->pods[k]);
		bg_json_close(out, ']');
		bg_json_close(out, '}');
	}
	bg_json_close(out, ']');
}

/* --- the whole --- */

static int put_rest(struct writing *writing, struct bg_error *err)
{
	const struct bg_settings *settings = writing->settings;

	if (bg_put_node(writing->cluster, &writing->node, writing->standard, settings,
			writing->out))
		return bg_no_memory(err, BG_GATHERING);
	if (settings->has_default_groups) {
		bg_json_raw(writing->out, ",\n ", 3);
		writing->out->comma = false;
		bg_put_names(writing->out, "DefaultGroupIds", &settings->default_groups);
	}
	put_groups(writing);
	if (put_rules(writing))
		return bg_no_memory(err, BG_GATHERING);
	put_lists(writing);
	if (put_members(writing, err))
		return -ENOMEM;
	put_branches(writing);
	return 0;
}

/* The same content has the same revision, whoever makes it and when. */
static void put_head(struct bg_json_writer *feed, const struct bg_json_writer *rest)
{
	char digest[SHA256_DIGEST_STRING_LENGTH];

	SHA256Data((const unsigned char *)rest->text, rest->length_bytes, digest);
	digest[16] = '\0';
	bg_json_open(feed, '{');
	bg_json_key(feed, "FeedVersion");
	bg_json_number(feed, 1);
	bg_json_key(feed, "Revision");
	bg_json_plain(feed, digest);
}

/* What the daemon will say of it, before it does. */
static int try_feed(struct bg_cluster *cluster, const struct bg_json_writer *feed, const char *node,
		    struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *model = NULL;
	int rc = bg_feed_parse("the feed", feed->text, feed->length_bytes, &model, NULL, err);

	if (rc)
		return bg_fail_in(err, rc, "%s: the daemon would refuse what was made", node);
	for (size_t i = 0; i < model->warning_count; i++)
		if (bg_report(cluster, "in the feed, %s: %s", model->warnings[i].pointer,
			      model->warnings[i].text))
			return bg_no_memory(err, BG_GATHERING);
	return 0;
}

int bg_node_feed(struct bg_cluster *cluster, const char *node, bool standard,
		 const struct bg_settings *settings, struct bg_json_writer *feed,
		 struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer rest = {};
	bg_cleanup(release) struct writing writing = {
		.cluster = cluster,
		.settings = settings,
		.standard = standard,
		.out = &rest,
	};
	int rc = bg_node_branches(cluster, node, &writing.node, err);

	if (rc)
		return rc;
	if (needed_groups(&writing) || references(&writing))
		return bg_no_memory(err, BG_GATHERING);
	rc = put_rest(&writing, err);
	if (rc)
		return rc;
	put_head(feed, &rest);
	bg_json_raw(feed, ",", 1);
	bg_json_raw(feed, rest.text, rest.length_bytes);
	bg_json_close(feed, '}');
	bg_json_raw(feed, "\n", 1);
	if (rest.failed || feed->failed)
		return bg_no_memory(err, BG_GATHERING);
	return try_feed(cluster, feed, node, err);
}
