// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The document as a whole: text → JSON → model. */
#include "feed_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

/* Group ids come first: branches and rules refer to them. */
int bg_feed_read_group_ids(struct bg_feed_reader *reader)
{
	static const char *const known[] = { "GroupId", "GroupName", "IpPermissions",
					     "IpPermissionsEgress", NULL };
	static const char *const ignored[] = { "Description", "OwnerId",	  "VpcId",
					       "Tags",	      "SecurityGroupArn", NULL };
	struct bg_at at = { .key = "SecurityGroups" };
	const json_t *groups;
	int rc;

	rc = bg_json_array(&reader->json, NULL, reader->root, "SecurityGroups", &groups);
	if (rc > 0)
		return bg_json_expected(&reader->json, &at, "an array", NULL);
	for (size_t i = 0; i < json_array_size(groups) && !rc; i++) {
		struct bg_at here = { .parent = &at, .index = i };
		const json_t *object = json_array_get(groups, i);
		const char *id, *name = NULL;
		struct bg_group *group;
		size_t position;

		rc = bg_json_is_object(&reader->json, &here, object);
		if (!rc)
			rc = bg_feed_check_keys(reader, &here, object, known, ignored);
		if (!rc)
			rc = bg_json_string(&reader->json, &here, object, "GroupId", &id);
		if (rc > 0 || (!rc && !*id))
			return bg_json_expected(&reader->json, &here, "a GroupId", NULL);
		if (!rc)
			rc = bg_json_string(&reader->json, &here, object, "GroupName", &name);
		if (rc >= 0)
			rc = bg_feed_group(reader, id, &position);
		if (rc)
			return rc;
		group = &reader->model->groups[position];
		if (group->known)
			return bg_fail(reader->json.err, -EINVAL,
				       "%s: /SecurityGroups/%zu: group %s stands twice in the feed",
				       reader->json.name, i, id);
		group->known = true;
		if (name)
			rc = bg_feed_copy(reader, &group->name, name);
	}
	reader->model->listed_group_count = reader->model->group_count;
	return rc;
}

/* A group that only flat rules define is known, too. */
static int read_flat_group_ids(struct bg_feed_reader *reader)
{
	const json_t *flat = json_object_get(reader->root, "SecurityGroupRules");
	size_t position;
	int rc = 0;

	for (size_t i = 0; i < json_array_size(flat) && !rc; i++) {
		const char *id =
			json_string_value(json_object_get(json_array_get(flat, i), "GroupId"));

		if (!id) /* an error that the rule's own parser words */
			continue;
		rc = bg_feed_group(reader, id, &position);
		if (!rc)
			reader->model->groups[position].known = true;
	}
	return rc;
}

static int read_document(struct bg_feed_reader *reader)
{
	static const char *const known[] = { "FeedVersion",    "Revision",
					     "Node",	       "DefaultGroupIds",
					     "SecurityGroups", "SecurityGroupRules",
					     "PrefixLists",    "NetworkInterfaces",
					     "Branches",       NULL };
	/* pagination of the AWS CLI */
	static const char *const ignored[] = { "NextToken", NULL };
	const char *revision = "";
	long version;
	int rc;

	rc = bg_json_is_object(&reader->json, NULL, reader->root);
	if (!rc)
		rc = bg_feed_check_keys(reader, NULL, reader->root, known, ignored);
	if (!rc)
		rc = bg_json_int(&reader->json, NULL, reader->root, "FeedVersion", 1, 1, &version);
	if (rc > 0)
		return bg_json_expected(&reader->json, &(struct bg_at){ .key = "FeedVersion" }, "1",
					NULL);
	if (!rc)
		rc = bg_json_string(&reader->json, NULL, reader->root, "Revision", &revision);
	if (rc >= 0)
		rc = bg_feed_copy(reader, &reader->model->revision, revision);
	if (!rc)
		rc = bg_feed_read_lists(reader);
	if (!rc)
		rc = bg_feed_read_group_ids(reader);
	if (!rc)
		rc = read_flat_group_ids(reader);
	if (!rc)
		rc = bg_feed_read_node(reader);
	if (rc >= 0)
		rc = bg_feed_read_branches(reader);
	if (!rc)
		rc = bg_feed_read_interfaces(reader);
	if (!rc)
		rc = bg_feed_read_rules(reader);
	return rc;
}

static void free_members(struct bg_members_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->items[i].prefixes);
	free(table->items);
	json_decref(table->index);
}

/* jansson's words with the place in front. */
static int syntax_error(const char *name, const json_error_t *error, struct bg_error *err)
{
	return bg_fail(err, -EINVAL, "%s:%d:%d: not valid JSON: %s", name, error->line,
		       error->column > 0 ? error->column : 1, error->text);
}

int bg_feed_parse(const char *name, const char *text, size_t length_bytes, struct bg_model **model,
		  struct bg_error *err)
{
	struct bg_feed_reader reader = { .json = { .name = name, .err = err } };
	json_error_t error;
	json_t *root;
	int rc = 0;

	if (length_bytes > BG_FEED_MAX_BYTES)
		return bg_fail(err, -EFBIG, "%s: %zu bytes, more than the %u a feed may have", name,
			       length_bytes, BG_FEED_MAX_BYTES);
	if (!length_bytes)
		return bg_fail(err, -EINVAL, "%s: the feed is empty, expected a JSON object", name);
	root = json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return syntax_error(name, &error, err);
	reader.root = root;
	reader.model = calloc(1, sizeof(*reader.model));
	reader.group_index = json_object();
	reader.set_index = json_object();
	reader.unknown_keys = json_object();
	reader.lists.index = json_object();
	reader.members.index = json_object();
	if (!reader.model || !reader.group_index || !reader.set_index || !reader.unknown_keys ||
	    !reader.lists.index || !reader.members.index)
		rc = bg_feed_no_memory(&reader);
	if (!rc)
		rc = read_document(&reader);
	free_members(&reader.lists);
	free_members(&reader.members);
	json_decref(reader.unknown_keys);
	json_decref(reader.set_index);
	json_decref(reader.group_index);
	json_decref(root);
	if (rc) {
		bg_model_free(reader.model);
		return rc;
	}
	*model = reader.model;
	return 0;
}

/* All of a stream; the caller frees. */
static int read_all(const char *path, int fd, char **text, size_t *length, struct bg_error *err)
{
	bg_auto_free char *buffer = NULL;
	size_t room = 0, used = 0;

	for (;;) {
		ssize_t got;

		if (used == room) {
			size_t wanted = room ? room * 2 : 65536;
			char *grown = realloc(buffer, wanted);

			if (!grown)
				return bg_fail(err, -ENOMEM, "reading %s: out of memory", path);
			buffer = grown;
			room = wanted;
		}
		got = read(fd, buffer + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bg_fail(err, -errno, "reading %s: %s", path, strerror(errno));
		if (!got)
			break;
		used += (size_t)got;
		if (used > BG_FEED_MAX_BYTES)
			return bg_fail(err, -EFBIG, "%s: more than the %u bytes a feed may have",
				       path, BG_FEED_MAX_BYTES);
	}
	*length = used;
	*text = bg_take_ptr(buffer);
	return 0;
}

int bg_feed_read(const char *path, struct bg_model **model, struct bg_error *err)
{
	bool from_stdin = !strcmp(path, "-");
	bg_auto_free char *text = NULL;
	bg_auto_close int fd = -1;
	size_t length = 0;
	struct stat st;
	int rc;

	if (!from_stdin) {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			return bg_fail(err, -errno, "opening the feed %s: %s", path,
				       strerror(errno));
		if (fstat(fd, &st))
			return bg_fail(err, -errno, "looking at the feed %s: %s", path,
				       strerror(errno));
		if (S_ISDIR(st.st_mode))
			return bg_fail(err, -EISDIR,
				       "the feed %s is a directory: name the file in it", path);
	}
	rc = read_all(path, from_stdin ? STDIN_FILENO : fd, &text, &length, err);
	return rc ? rc : bg_feed_parse(from_stdin ? "(stdin)" : path, text, length, model, err);
}
