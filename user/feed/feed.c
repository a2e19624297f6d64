// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The document as a whole; the daemon and the verbs that take a feed start here.
 * Interfaces come first, one by one while the text is read; then groups and their
 * rules, so that it is known which references there are; then what they refer to.
 * Never reads a file, and never changes a model that it has handed out.
 */
#include "feed/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "feed/reading.h"

#define FEED_VERSION 1
#define BOM "\xef\xbb\xbf"

static void release_feed(struct bg_feed *feed)
{
	for (size_t i = 0; i < feed->member_groups; i++) {
		free(feed->members[i].group_id);
		free(feed->members[i].prefixes);
	}
	for (size_t i = 0; i < feed->tracking_count; i++)
		free(feed->tracking[i].interface_id);
	for (size_t i = 0; i < feed->unknown_count; i++) {
		free(feed->unknown[i].pointer);
		free(feed->unknown[i].pattern);
	}
	free(feed->members);
	free(feed->tracking);
	free(feed->unknown);
	free(feed->first_rule);
	free(feed->default_groups);
	bg_dict_release(&feed->groups);
	bg_dict_release(&feed->cidr_sets);
	bg_dict_release(&feed->list_sets);
	bg_dict_release(&feed->group_sets);
	bg_dict_release(&feed->members_by_id);
	bg_dict_release(&feed->tracking_by_id);
	bg_dict_release(&feed->unknown_by_pattern);
}

static int on_interface(void *context, size_t index, const struct bg_json *element,
			struct bg_error *err)
{
	return bg_feed_interface(context, index, element, err);
}

static int read_head(struct bg_feed *feed, const struct bg_fields *root, struct bg_error *err)
{
	struct bg_text revision = { "", 0 };
	int version, rc;

	if (!root->values[ROOT_VERSION])
		return bg_field_missing(root, ROOT_VERSION, err);
	if (!bg_json_is_integer(root->values[ROOT_VERSION], FEED_VERSION, FEED_VERSION, &version))
		return bg_field_unexpected(root, ROOT_VERSION,
					   "1, the version that this program reads", err);
	if (!root->values[ROOT_GROUPS])
		return bg_field_missing(root, ROOT_GROUPS, err);
	rc = bg_get_text(root, ROOT_REVISION, BG_TEXT_BYTES, &revision, err);
	if (rc)
		return rc;
	feed->model->revision = bg_text_dup(revision);
	return feed->model->revision ? 0 : bg_no_memory(err, BG_READING);
}

static int read_root(struct bg_feed *feed, const struct bg_json *root_value, struct bg_error *err)
{
	const struct bg_json *ignored;
	struct bg_fields root;
	/* the elements of ROOT_INTERFACES were read while the text was parsed */
	int rc = bg_feed_fields(feed, root_value, NULL, BG_OBJECT_DOCUMENT, &root, err) ?:
		 read_head(feed, &root, err) ?:
		 bg_feed_groups(feed, &root, ROOT_GROUPS, err) ?:
		 bg_feed_flat(feed, &root, ROOT_RULES, err) ?:
		 bg_feed_prefix_lists(feed, &root, ROOT_LISTS, err) ?:
		 bg_get_array(&root, ROOT_INTERFACES, &ignored, err) ?:
		 bg_feed_group_ids(feed, &root, ROOT_DEFAULT_GROUPS, &feed->default_groups,
				   &feed->default_group_count, err) ?:
		 bg_feed_node(feed, &root, ROOT_NODE, err) ?:
		 bg_feed_branches(feed, &root, ROOT_BRANCHES, err) ?:
		 bg_feed_resolve(feed, err);

	if (rc)
		return rc;
	return bg_warn_rest(feed) ? bg_no_memory(err, BG_READING) : 0;
}

static bool is_blank(const char *text, size_t length_bytes)
{
	for (size_t i = 0; i < length_bytes; i++) {
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	}
	return true;
}

int bg_feed_parse(const char *name, const char *text, size_t length_bytes, struct bg_model **model,
		  struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *result = NULL;
	bg_cleanup(bg_json_free_at) struct bg_json_document *document = NULL;
	bg_cleanup(release_feed) struct bg_feed feed = {};
	const struct bg_json_stream interfaces = {
		.key = "NetworkInterfaces",
		.element = on_interface,
		.context = &feed,
	};
	int rc;

	if (length_bytes > BG_FEED_MAX_BYTES)
		return bg_fail(err, -E2BIG, "%s: found %zu bytes, expected at most %u", name,
			       length_bytes, BG_FEED_MAX_BYTES);
	/* a byte order mark, which editors of other systems write */
	if (length_bytes >= sizeof(BOM) - 1 && !memcmp(text, BOM, sizeof(BOM) - 1)) {
		text += sizeof(BOM) - 1;
		length_bytes -= sizeof(BOM) - 1;
	}
	if (is_blank(text, length_bytes))
		return bg_fail(err, -EINVAL, "%s: empty, expected a JSON object", name);
	feed.model = result = calloc(1, sizeof(*result));
	if (!result)
		return bg_no_memory(err, "%s: " BG_READING, name);
	rc = bg_json_parse(name, text, length_bytes, &interfaces, &document, err);
	if (rc)
		return rc;
	rc = read_root(&feed, bg_json_root(document), err);
	if (rc)
		return bg_fail_in(err, rc, "%s", name);
	*model = bg_take_ptr(result);
	return 0;
}
