// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads pages and events. watcher.c calls it for each; it believes nothing, and does not look into
 * the objects beyond their version.
 */
#include "fleet/kube/api_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/printable.h"

BG_CLEANUP_OF(json_decref, json_t)

int bg_k8s_read_version(const json_t *object, struct bg_k8s_version *version, struct bg_error *err)
{
	const char *text = json_string_value(
		json_object_get(json_object_get(object, "metadata"), "resourceVersion"));

	/* (it becomes a part of an URL) */
	if (!text || !*text || strlen(text) >= sizeof(version->text) ||
	    text[strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.")])
		return bg_fail(err, -EPROTO, "found no /metadata/resourceVersion, expected one");
	snprintf(version->text, sizeof(version->text), "%s", text);
	return 0;
}

static json_t *load(const char *text, size_t length_bytes, struct bg_error *err)
{
	/* (a zero byte in somebody's annotation must not hide all other objects) */
	json_error_t error;
	json_t *value =
		json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!value)
		bg_fail(err, -EPROTO, "found no JSON (line %d, column %d: %s)", error.line,
			error.column, error.text);
	return value;
}

int bg_k8s_read_page(const char *kind, const char *text, size_t length_bytes,
		     struct bg_k8s_page *page, struct bg_error *err)
{
	bg_cleanup(json_decref_at) json_t *list = load(text, length_bytes, err);
	struct bg_k8s_page read = {};
	const char *found, *more;
	char expected[64];
	int rc;

	if (!list)
		return -EPROTO;
	snprintf(expected, sizeof(expected), "%sList", kind);
	found = json_string_value(json_object_get(list, "kind"));
	if (!found || strcmp(found, expected) != 0 ||
	    !json_is_array(json_object_get(list, "items")))
		return bg_fail(err, -EPROTO, "found something else than a %s with items", expected);
	rc = bg_k8s_read_version(list, &read.version, err);
	if (rc)
		return rc;
	more = json_string_value(json_object_get(json_object_get(list, "metadata"), "continue"));
	if (more && *more) {
		read.more = strdup(more);
		if (!read.more)
			return bg_no_memory(err, "a list of an API server");
	}
	read.objects = json_incref(json_object_get(list, "items"));
	*page = read;
	return 0;
}

void bg_k8s_release_page(struct bg_k8s_page *page)
{
	json_decref(page->objects);
	free(page->more);
	*page = (struct bg_k8s_page){};
}

static int read_error(const json_t *status, struct bg_error *err)
{
	const char *message = json_string_value(json_object_get(status, "message"));
	const json_int_t code = json_integer_value(json_object_get(status, "code"));
	char text[300];

	snprintf(text, sizeof(text), "%s", message ?: "no message");
	return bg_fail(err, code == 410 ? -ESTALE : -EPROTO, "the server ended the watch: %lld: %s",
		       (long long)code, bg_printable(text));
}

int bg_k8s_read_event(const char *line, size_t length_bytes, struct bg_k8s_event *event,
		      struct bg_error *err)
{
	static const struct {
		const char *name;
		enum bg_k8s_event_type type;
	} types[] = {
		{ "ADDED", BG_K8S_PUT },
		{ "MODIFIED", BG_K8S_PUT },
		{ "DELETED", BG_K8S_GONE },
		{ "BOOKMARK", BG_K8S_BOOKMARK },
	};
	bg_cleanup(json_decref_at) json_t *read = load(line, length_bytes, err);
	const char *type = json_string_value(json_object_get(read, "type"));
	json_t *object = json_object_get(read, "object");

	if (!read)
		return -EPROTO;
	if (type && !strcmp(type, "ERROR"))
		return read_error(object, err);
	for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++) {
		int rc;

		if (strcmp(types[i].name, type) != 0)
			continue;
		rc = bg_k8s_read_version(object, &event->version, err);
		if (rc)
			return rc;
		event->type = types[i].type;
		event->object = json_incref(object);
		return 0;
	}
	return bg_fail(err, -EPROTO, "found no event of a watch");
}

static bool number_of(const struct bg_k8s_version *version, unsigned long long *number)
{
	char *end;

	errno = 0;
	*number = strtoull(version->text, &end, 10);
	return *version->text && !*end && !errno;
}

bool bg_k8s_is_older(const struct bg_k8s_version *version, const struct bg_k8s_version *than)
{
	unsigned long long a, b;

	return number_of(version, &a) && number_of(than, &b) && a < b;
}
