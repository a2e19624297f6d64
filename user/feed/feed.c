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
	bg_problems_free(&feed->errors);
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
	bg_dict_release(&feed->accounts);
	bg_dict_release(&feed->tracking_by_id);
	bg_dict_release(&feed->unknown_by_pattern);
}

static int on_interface(void *context, size_t which, size_t index, const struct bg_json *element,
			struct bg_error *err)
{
	struct bg_feed *feed = context;

	(void)which;
	feed->has_interfaces = true;
	return bg_noted(feed, bg_feed_interface(feed, index, element, err), err);
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
	rc = bg_noted(feed, bg_field_required(root, ROOT_GROUPS, err), err)
		     ?: bg_noted(feed,
				 bg_get_text(root, ROOT_REVISION, BG_TEXT_BYTES, &revision, err),
				 err);
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
		 bg_noted(feed, bg_get_array(&root, ROOT_INTERFACES, &ignored, err), err) ?:
		 bg_feed_group_ids(feed, &root, ROOT_DEFAULT_GROUPS, &feed->default_groups,
				   &feed->default_group_count, err) ?:
		 bg_feed_node(feed, &root, ROOT_NODE, err) ?:
		 bg_feed_branches(feed, &root, ROOT_BRANCHES, err);

	/* an error that was not noted yet, or no memory */
	rc = bg_noted(feed, rc, err);
	if (rc || bg_problems_all(&feed->errors))
		return rc;
	rc = bg_feed_resolve(feed, err) ?: bg_feed_resolve_interfaces(feed, err);
	if (rc)
		return rc;
	feed->model->no_branches = root.values[ROOT_BRANCHES] && !feed->model->branch_count;
	feed->model->no_interfaces = root.values[ROOT_INTERFACES] && !feed->has_interfaces;
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

/* The document as it stands in the text, and its errors in feed->errors. */
/* By its byte order mark, which editors of other systems write. */
static bool is_utf16(const char *text, size_t length_bytes)
{
	return length_bytes >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2));
}

static int read_document(struct bg_feed *feed, const char *text, size_t length_bytes,
			 struct bg_error *err)
{
	bg_cleanup(bg_json_free_at) struct bg_json_document *document = NULL;
	static const char *const streamed[] = { "NetworkInterfaces", NULL };
	const struct bg_json_stream interfaces = {
		.keys = streamed,
		.element = on_interface,
		.context = feed,
	};
	struct bg_place place = {};
	int rc;

	if (length_bytes > BG_FEED_MAX_BYTES) {
		bg_fail(err, 0, "found %zu bytes, expected at most %u", length_bytes,
			BG_FEED_MAX_BYTES);
		return bg_problems_add_last(&feed->errors, err, place);
	}
	if (is_blank(text, length_bytes)) {
		bg_fail(err, 0, "empty, expected a JSON object");
		return bg_problems_add_last(&feed->errors, err, place);
	}
	if (is_utf16(text, length_bytes)) {
		place = (struct bg_place){ 1, 1 };
		bg_fail(err, 0, "found UTF-16 (by its byte order mark), expected UTF-8");
		return bg_problems_add_last(&feed->errors, err, place);
	}
	rc = bg_json_parse(text, length_bytes, &interfaces, &document, &place, err);
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		return bg_problems_add_last(&feed->errors, err, place);
	rc = read_root(feed, bg_json_root(document), err);
	/* of the document as a whole: where it begins */
	for (size_t i = 0; i < feed->errors.count; i++)
		if (!*feed->errors.problem[i].pointer)
			feed->errors.problem[i].place = bg_place_of(text, strspn(text, " \t\r\n"));
	return rc;
}

static int place_errors(struct bg_problems *errors, const char *text, size_t length_bytes)
{
	int rc = bg_problems_locate(errors->problem, errors->count, text, length_bytes);

	bg_problems_sort(errors);
	return rc;
}

static int parse(const char *name, const char *text, size_t length_bytes, bool keep_all,
		 struct bg_model **model, struct bg_problems *errors, struct bg_error *err)
{
	bg_cleanup(bg_model_free_at) struct bg_model *result = calloc(1, sizeof(*result));
	bg_cleanup(release_feed) struct bg_feed feed = { .model = result, .keep_all = keep_all };
	int rc;

	if (!result)
		return bg_no_memory(err, "%s: " BG_READING, name);
	bg_skip_bom(&text, &length_bytes);
	rc = read_document(&feed, text, length_bytes, err);
	if (rc)
		return bg_fail_in(err, rc, "%s", name);
	if (feed.errors.count) {
		rc = place_errors(&feed.errors, text, length_bytes);
		if (rc)
			return bg_no_memory(err, "%s: " BG_READING, name);
		bg_problems_sum_up(&feed.errors, name, err);
		if (errors) {
			*errors = feed.errors;
			feed.errors = (struct bg_problems){};
		}
		return -EINVAL;
	}
	if (bg_problems_locate(result->warnings, result->warning_count, text, length_bytes))
		return bg_no_memory(err, "%s: " BG_READING, name);
	*model = bg_take_ptr(result);
	return 0;
}

int bg_feed_parse(const char *name, const char *text, size_t length_bytes, struct bg_model **model,
		  struct bg_problems *errors, struct bg_error *err)
{
	return parse(name, text, length_bytes, false, model, errors, err);
}

int bg_feed_parse_all(const char *name, const char *text, size_t length_bytes,
		      struct bg_model **model, struct bg_problems *errors, struct bg_error *err)
{
	return parse(name, text, length_bytes, true, model, errors, err);
}
