// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes the list of plugins that a runtime is to call of the one that the node's CNI wrote.
 * conflist_file.c calls it. It touches no file, and changes nothing of theirs.
 */
#include "cni/conflist.h"

#include <errno.h>

#include "cni/raw_json.h"

enum list_key { CNI_VERSION, NAME, PLUGINS };
static const char *const list_keys[] = { "cniVersion", "name", "plugins", NULL };
static const struct bg_shape list_shape = { .keys = list_keys, .used = 3 };

enum plugin_key { TYPE };
static const struct bg_shape plugin_shape = {
	.keys = (const char *const[]){ "type", NULL },
	.used = 1,
};

/* *has_ours: one of them is ours. */
static int read_plugins(const struct bg_fields *list, bool *has_ours, struct bg_error *err)
{
	const struct bg_at plugins = bg_field_at(list, PLUGINS);
	const struct bg_json *plugin;
	size_t index = 0;
	int rc = bg_field_required(list, PLUGINS, err) ?: bg_get_array(list, PLUGINS, &plugin, err);

	if (rc)
		return rc;
	if (!plugin)
		return bg_field_unexpected(list, PLUGINS, "an array with a plugin at least", err);
	for (; plugin; plugin = plugin->next) {
		const struct bg_at at = bg_at_index(&plugins, index++);
		struct bg_text type = {};
		struct bg_fields fields;

		rc = bg_json_fields(plugin, &at, &plugin_shape, NULL, NULL, &fields, err) ?:
		     bg_field_required(&fields, TYPE, err) ?:
		     bg_get_id(&fields, TYPE, 255, &type, err);
		if (rc)
			return rc;
		*has_ours |= bg_text_is(type, BG_CNI_TYPE);
	}
	return 0;
}

/* The version in which we would be called must be one that we speak. */
static int check_version(const struct bg_fields *list, struct bg_error *err)
{
	struct bg_text version = {};
	int rc = bg_field_required(list, CNI_VERSION, err)
			 ?: bg_get_text(list, CNI_VERSION, 32, &version, err);

	for (size_t i = 0; bg_cni_versions[i] && !rc; i++)
		if (bg_text_is(version, bg_cni_versions[i]))
			return 0;
	return rc
		       ?: bg_field_unexpected(list, CNI_VERSION,
					      "a version from 0.3.0 to 1.1.0 of the specification",
					      err);
}

static int read_list(const struct bg_json *root, bool *has_ours, struct bg_error *err)
{
	struct bg_text name = {};
	struct bg_fields list;

	return bg_json_fields(root, NULL, &list_shape, NULL, NULL, &list, err) ?:
		       bg_field_required(&list, NAME, err) ?:
		       bg_get_id(&list, NAME, 255, &name, err) ?:
		       check_version(&list, err) ?:
		       read_plugins(&list, has_ours, err);
}

static int parse(struct bg_text text, struct bg_json_document **document, bool *has_ours,
		 struct bg_error *err)
{
	struct bg_place place = {};
	int rc = bg_json_parse(text.bytes, text.length, NULL, document, &place, err);

	if (rc && place.line)
		return bg_fail_in(err, rc, "line %u, column %u", place.line, place.column);
	return rc ?: read_list(bg_json_root(*document), has_ours, err);
}

static void put_entry(struct bg_json_writer *merged, const struct bg_conflist_entry *entry)
{
	bg_json_open(merged, '{');
	bg_json_key(merged, "type");
	bg_json_plain(merged, BG_CNI_TYPE);
	bg_json_key(merged, "failure");
	bg_json_plain(merged, bg_gate_failure_words[entry->failure]);
	bg_json_key(merged, "timeoutSeconds");
	bg_json_number(merged, (__u64)entry->timeout_s);
	bg_json_key(merged, "pinDir");
	bg_json_string(merged, entry->pin_dir);
	bg_json_close(merged, '}');
}

int bg_conflist_merge(struct bg_text theirs, const struct bg_conflist_entry *entry,
		      struct bg_json_writer *merged, struct bg_error *err)
{
	bg_cleanup(bg_json_free_at) struct bg_json_document *document = NULL;
	struct bg_text plugins;
	bool has_ours = false;
	size_t end;
	int rc = parse(theirs, &document, &has_ours, err);

	if (rc)
		return rc;
	if (!bg_raw_value(theirs, bg_json_root(document), list_keys[PLUGINS], &plugins))
		return bg_fail(err, -EINVAL, "/plugins: its text was not found");
	end = (size_t)(plugins.bytes - theirs.bytes) + plugins.length - 1; /* its bracket */
	while (end && bg_is_json_space(theirs.bytes[end - 1]))
		end--;
	bg_json_clear(merged);
	if (!has_ours) {
		bg_json_raw(merged, theirs.bytes, end);
		bg_json_raw(merged, ",\n    ", 6);
		merged->comma = false;
		put_entry(merged, entry);
		bg_json_raw(merged, theirs.bytes + end, theirs.length - end);
	} else {
		bg_json_raw(merged, theirs.bytes, theirs.length);
	}
	return merged->failed ? bg_no_memory(err, "making the list of plugins") : 0;
}

bool bg_conflist_is_others(struct bg_text text)
{
	bg_cleanup(bg_json_free_at) struct bg_json_document *document = NULL;
	struct bg_error err;
	bool has_ours = false;

	return !parse(text, &document, &has_ours, &err) && !has_ours;
}
