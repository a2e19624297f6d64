// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Texts → documents → objects. A document is known by the list that it has; each object of
 * the large lists is handed on and forgotten as soon as it is read. Whoever has files to
 * read calls it; what an object means it does not know.
 */
#include "fleet/gather/document.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "feed/reading.h"

enum { LIST_ITEMS, LIST_GROUPS, LIST_RULES, LIST_INTERFACES, LISTS_STREAMED };

static const char *const streamed[] = {
	[LIST_ITEMS] = "items",
	[LIST_GROUPS] = "SecurityGroups",
	[LIST_RULES] = "SecurityGroupRules",
	[LIST_INTERFACES] = "NetworkInterfaces",
	NULL,
};

static const enum bg_answer answers[LISTS_STREAMED] = {
	[LIST_ITEMS] = BG_ANSWER_KUBERNETES,
	[LIST_GROUPS] = BG_ANSWER_GROUPS,
	[LIST_RULES] = BG_ANSWER_RULES,
	[LIST_INTERFACES] = BG_ANSWER_INTERFACES,
};

enum answer_field {
	ANSWER_ITEMS,
	ANSWER_GROUPS,
	ANSWER_RULES,
	ANSWER_INTERFACES,
	ANSWER_LISTS,
	ANSWER_ENTRIES,
	ANSWER_LIST_ID,
	ANSWER_KIND,
	ANSWER_METADATA,
	ANSWER_NEXT,
	ANSWER_FEED,
	ANSWER_USED,
};

static const char *const answer_keys[] = {
	"items",       "SecurityGroups", "SecurityGroupRules", "NetworkInterfaces",
	"PrefixLists", "Entries",	 "PrefixListId",       "kind",
	"metadata",    "NextToken",	 "FeedVersion",	       NULL,
};

struct reading {
	struct bg_cluster *cluster;
	const char *file; /* interned */
	const struct bg_json *before;
};

static int on_element(void *context, size_t which, size_t index, const struct bg_json *element,
		      struct bg_error *err)
{
	const struct reading *reading = context;
	const struct bg_at list = bg_at_key(NULL, streamed[which]);
	const struct bg_at at = bg_at_index(&list, index);
	const struct bg_item item = { reading->file, index, element, &at, reading->before };

	switch (which) {
	case LIST_ITEMS:
		return bg_kube_item(reading->cluster, &item, err);
	case LIST_GROUPS:
		return bg_ec2_group_item(reading->cluster, &item, err);
	case LIST_RULES:
		return bg_ec2_rule_item(reading->cluster, &item, err);
	default:
		return bg_ec2_interface_item(reading->cluster, &item, err);
	}
}

/* `aws` and the API server name the place where the next page begins, if there is one. */
static int says_more(const struct bg_fields *root, bool *more, struct bg_error *err)
{
	static const char *const keys[] = { "continue", NULL };
	static const struct bg_shape shape = { keys, 1 };
	struct bg_text token = { "", 0 };
	struct bg_fields metadata;
	struct bg_at at;
	bool present;
	int rc = bg_gather_object(root, ANSWER_METADATA, &shape, &at, &metadata, &present, err)
			 ?: bg_get_text(&metadata, 0, SIZE_MAX, &token, err);

	if (!rc && !token.length)
		rc = bg_get_text(root, ANSWER_NEXT, SIZE_MAX, &token, err);
	*more = token.length;
	return rc;
}

static void count_page(struct bg_pages *pages, bool more)
{
	*(more ? &pages->more : &pages->last) += 1;
}

/* An answer of get-managed-prefix-list-entries does not say whose entries they are: the
 * file's name does, ".../pl-0e5.json", unless somebody put the id beside them. */
static int list_id(const struct reading *reading, const struct bg_fields *root, const char **id,
		   struct bg_error *err)
{
	static const char digits[] = "0123456789abcdef";
	const char *slash = strrchr(reading->file, '/');
	const char *found = strstr(slash ? slash : reading->file, "pl-");
	size_t length = found ? 3 + strspn(found + 3, digits) : 0;

	*id = NULL;
	if (root->values[ANSWER_LIST_ID])
		return bg_gather_id(reading->cluster, root, ANSWER_LIST_ID, BG_ID_BYTES, id, err);
	if (length <= 3)
		return bg_fail_at(err, "/Entries",
				  "whose entries are these? Name the file after the list "
				  "(pl-....json), or put PrefixListId beside Entries");
	*id = bg_intern(&reading->cluster->interned, found, length);
	return *id ? 0 : bg_no_memory(err, BG_GATHERING);
}

static int read_entries(const struct reading *reading, const struct bg_json *root,
			const struct bg_fields *fields, bool more, struct bg_error *err)
{
	const struct bg_item item = { reading->file, 0, root, NULL, NULL };
	const char *id;

	return list_id(reading, fields, &id, err)
		       ?: bg_ec2_list_item(reading->cluster, &item, id, more, err);
}

static int read_lists(const struct reading *reading, const struct bg_fields *root,
		      struct bg_error *err)
{
	struct bg_at list = bg_field_at(root, ANSWER_LISTS);
	const struct bg_json *element;
	int rc = bg_get_array(root, ANSWER_LISTS, &element, err);

	for (size_t i = 0; element && !rc; i++, element = element->next) {
		struct bg_at at = bg_at_index(&list, i);
		struct bg_item item = { reading->file, i, element, &at, NULL };

		rc = bg_ec2_list_item(reading->cluster, &item, NULL, false, err);
	}
	return rc;
}

/* What is left of a document when the elements of its large lists have been handed on. */
static int read_root(const struct reading *reading, const struct bg_json *root,
		     struct bg_error *err)
{
	static const struct bg_shape shape = { answer_keys, ANSWER_USED };
	struct bg_cluster *cluster = reading->cluster;
	const struct bg_item item = { reading->file, 0, root, NULL, NULL };
	struct bg_fields fields;
	bool more, known = false;
	int rc = bg_json_fields(root, NULL, &shape, NULL, NULL, &fields, err)
			 ?: says_more(&fields, &more, err);

	for (size_t i = 0; i < LISTS_STREAMED && !rc; i++) {
		const struct bg_json *unused;

		if (!fields.values[i])
			continue;
		rc = bg_get_array(&fields, i, &unused, err);
		count_page(&cluster->pages[answers[i]], more);
		known = true;
	}
	/* in its own shape, but not all that there is: it must not get in by a directory */
	if (!rc && fields.values[ANSWER_FEED])
		rc = bg_fail(
			err, -EINVAL,
			"found a feed (FeedVersion), expected what `kubectl get ... -o json` or "
			"`aws ec2 describe-...` prints: keep feeds in another folder");
	if (rc)
		return rc;
	if (fields.values[ANSWER_LISTS]) {
		count_page(&cluster->pages[BG_ANSWER_LISTS], more);
		known = true;
		rc = read_lists(reading, &fields, err);
	}
	if (fields.values[ANSWER_ENTRIES] && !rc) {
		known = true;
		rc = read_entries(reading, root, &fields, more, err);
	}
	if (rc || known)
		return rc;
	if (!fields.values[ANSWER_KIND])
		return bg_fail(err, -EINVAL,
			       "found none of items, SecurityGroups, SecurityGroupRules, "
			       "NetworkInterfaces, PrefixLists and Entries, expected what "
			       "`kubectl get ... -o json` or `aws ec2 describe-...` prints");
	/* `kubectl get pod NAME -o json` */
	count_page(&cluster->pages[BG_ANSWER_KUBERNETES], false);
	return bg_kube_item(cluster, &item, err);
}

static size_t white_space(const char *text, size_t length_bytes)
{
	size_t blanks = 0;

	while (blanks < length_bytes && text[blanks] && strchr(" \t\r\n", text[blanks]))
		blanks++;
	return blanks;
}

/* `place` is counted from `offset`: where is it in the whole text? */
static int fail_there(struct bg_error *err, int rc, const char *file, const char *text,
		      size_t offset, struct bg_place place)
{
	struct bg_place start = bg_place_of(text, offset);

	if (!place.line)
		return bg_fail_in(err, rc, "%s", file);
	if (place.line == 1)
		place.column += start.column - 1;
	return bg_fail_in(err, rc, "%s:%u:%u", file, start.line + place.line - 1, place.column);
}

int bg_cluster_read(struct bg_cluster *cluster, const char *file, const char *text,
		    size_t length_bytes, struct bg_error *err)
{
	struct reading reading = { cluster, bg_intern(&cluster->interned, file, strlen(file)),
				   NULL };
	const struct bg_json_stream stream = { streamed, on_element, &reading, &reading.before };
	size_t offset;

	if (!reading.file)
		return bg_no_memory(err, BG_GATHERING);
	bg_skip_bom(&text, &length_bytes);
	if (length_bytes >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return bg_fail(err, -EINVAL,
			       "%s: found UTF-16 (by its byte order mark), expected UTF-8", file);
	offset = white_space(text, length_bytes);
	if (offset == length_bytes)
		return bg_fail(err, -EINVAL,
			       "%s: empty, expected what `kubectl get ... -o json` or "
			       "`aws ec2 describe-...` prints",
			       file);
	while (offset < length_bytes) {
		bg_cleanup(bg_json_free_at) struct bg_json_document *document = NULL;
		struct bg_place place = {};
		size_t used = 0;
		int rc = bg_json_parse_first(text + offset, length_bytes - offset, &stream,
					     &document, &used, &place, err);

		if (rc)
			return fail_there(err, rc, file, text, offset, place);
		rc = read_root(&reading, bg_json_root(document), err);
		if (rc)
			return fail_there(err, rc, file, text, offset,
					  bg_place_of(text + offset, 0));
		offset += used;
		offset += white_space(text + offset, length_bytes - offset);
	}
	return 0;
}
