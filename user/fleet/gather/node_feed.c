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

static void put_text(struct bg_json_writer *out, const char *text)
{
	bg_json_raw(out, text, strlen(text));
	out->comma = true;
}

/* --- which groups --- */

static int add_references(struct writing *writing, const struct bg_ec2_rules *rules)
{
	return bg_names_add_all(&writing->referenced, &rules->groups)
		       ?: bg_names_add_all(&writing->lists, &rules->lists);
}

/* Alone a flat rule would define its group: of one that was left out there are none either. */
static bool is_wanted(const struct writing *writing, const struct bg_ec2_rules *rule)
{
	return !rule->doubtful && bg_names_have(&writing->needed, rule->group) &&
	       bg_find_group(writing->cluster, rule->group);
}

static int references(struct writing *writing)
{
	const struct bg_cluster *cluster = writing->cluster;

	for (size_t i = 0; i < writing->needed.count; i++) {
		const struct bg_ec2_rules *group = bg_find_group(cluster, writing->needed.name[i]);

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
			bg_find_group(writing->cluster, writing->needed.name[i]);

		if (!group)
			continue;
		bg_put_line(writing->out);
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
		bg_put_line(writing->out);
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
		const struct bg_ec2_list *list = bg_find_list(cluster, id);

		if (!list)
			continue;
		bg_put_line(out);
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

		if (!members[i].count && !bg_find_group(writing->cluster, id))
			continue;
		bg_put_interface(out, id, &members[i]);
	}
	bg_json_close(out, ']');
	bg_members_free(members, groups->count);
	return 0;
}

/* --- the whole --- */

static int put_rest(struct writing *writing, struct bg_error *err)
{
	const struct bg_settings *settings = writing->settings;

	if (bg_put_node(writing->cluster, &writing->node, writing->standard, settings,
			writing->out))
		return bg_no_memory(err, BG_GATHERING);
	bg_put_default_groups(writing->out, settings);
	put_groups(writing);
	if (put_rules(writing))
		return bg_no_memory(err, BG_GATHERING);
	put_lists(writing);
	if (put_members(writing, err))
		return -ENOMEM;
	bg_put_branches(writing->out, &writing->node, writing->standard);
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
	if (bg_needed_groups(&writing.node, standard, settings, &writing.needed) ||
	    references(&writing))
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
