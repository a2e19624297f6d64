// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads what etcd's gateway says. etcd_follower.c calls it for each answer and line; it believes
 * nothing, and does not look into values.
 */
#include "fleet/etcd/etcd_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/printable.h"
#include "fleet/etcd/base64.h"
#include "fleet/web/refused.h"

#define MESSAGE_TEXT 300
#define TOKEN_BYTES 4096

/* --- errors --- */

/* A part of what etcd says, which stays the same from 3.4 to 3.5. */
static const struct {
	const char *words;
	int rc;
	const char *hint;
} messages[] = {
	{ "has been compacted", -ESTALE, "what there is now is read anew" },
	{ "is a future revision", -EPROTO, "what there is now is read anew" },
	{ "invalid auth token", -EKEYREJECTED, "logs in again" },
	{ "revision of auth store is old", -EKEYREJECTED, "logs in again" },
	{ "user name is empty", -EACCES, "etcd asks who this is: give --user-file" },
	{ "invalid user ID or password", -EACCES, "look at --user-file" },
	{ "permission denied", -EACCES, "the user's role needs to read the prefix" },
	{ "no leader", -EAGAIN, "this member does not reach most of the others" },
	{ "request timed out", -EAGAIN, "this member does not reach most of the others" },
};

static int wrong(const char *message, struct bg_error *err)
{
	char text[MESSAGE_TEXT];

	snprintf(text, sizeof(text), "%s", message);
	bg_printable(text);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (strstr(text, messages[i].words))
			return bg_fail(err, messages[i].rc, "%s: %s", text, messages[i].hint);
	return bg_fail(err, -EAGAIN, "%s", text);
}

static const char *message_of(const json_t *object)
{
	return json_string_value(json_object_get(object, "message"))
		       ?: json_string_value(json_object_get(object, "error"));
}

int bg_etcd_refused(const char *url, const struct bg_web_answer *answer, struct bg_error *err)
{
	json_t *body = json_loadb(answer->body, answer->length_bytes, 0, NULL);
	const char *message = message_of(body);
	int rc;

	/* (of what is no etcd its status says more) */
	if (message && json_object_get(body, "code"))
		rc = bg_fail_in(err, wrong(message, err), "%.400s", url);
	else
		rc = bg_web_refused(url, answer, err);
	json_decref(body);
	return rc;
}

bool bg_etcd_has_no_users(const struct bg_web_answer *answer)
{
	json_t *body = json_loadb(answer->body, answer->length_bytes, 0, NULL);
	const char *message = message_of(body);
	bool has_none = message && strstr(message, "authentication is not enabled");

	json_decref(body);
	return has_none;
}

/* --- answers --- */

static json_t *load(const char *text, size_t length_bytes, struct bg_error *err)
{
	json_error_t error;
	json_t *value = json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES, &error);

	if (!value)
		bg_fail(err, -EPROTO, "found no JSON (line %d, column %d: %s)", error.line,
			error.column, error.text);
	return value;
}

/* As the gateway writes them: in strings. 0: there is none. */
static unsigned long long number(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && strspn(text, "0123456789") == strlen(text) ? strtoull(text, NULL, 10) : 0;
}

static int read_header(const json_t *object, struct bg_etcd_said *said, struct bg_error *err)
{
	const json_t *header = json_object_get(object, "header");

	said->cluster = number(header, "cluster_id");
	said->revision = number(header, "revision");
	return said->cluster ? 0
			     : bg_fail(err, -EPROTO, "found no header/cluster_id, expected one");
}

/* An array that is not there has nothing in it. */
static int read_items(const json_t *object, const char *key, struct bg_etcd_said *said,
		      struct bg_error *err)
{
	said->items = json_object_get(object, key);
	return !said->items || json_is_array(said->items)
		       ? 0
		       : bg_fail(err, -EPROTO, "%s: found something else, expected an array", key);
}

int bg_etcd_read_range(const char *text, size_t length_bytes, struct bg_etcd_said *said,
		       struct bg_error *err)
{
	bg_cleanup(bg_etcd_release) struct bg_etcd_said read = {};
	int rc;

	read.all = load(text, length_bytes, err);
	if (!read.all)
		return -EPROTO;
	rc = read_header(read.all, &read, err) ?: read_items(read.all, "kvs", &read, err);
	if (!rc && !read.revision)
		rc = bg_fail(err, -EPROTO, "found no header/revision, expected one");
	if (rc)
		return rc;
	read.more = json_is_true(json_object_get(read.all, "more"));
	*said = read;
	read.all = NULL;
	return 0;
}

/* The watch is over before it has brought anything, or in the middle. */
static int read_end(const json_t *result, struct bg_error *err)
{
	const char *reason = json_string_value(json_object_get(result, "cancel_reason"));
	const unsigned long long compacted = number(result, "compact_revision");

	if (compacted)
		return bg_fail(err, -ESTALE,
			       "etcd has compacted all before revision %llu: what there is now is "
			       "read anew",
			       compacted);
	return wrong(reason ?: "etcd has ended the watch", err);
}

int bg_etcd_read_line(const char *line, size_t length_bytes, struct bg_etcd_said *said,
		      struct bg_error *err)
{
	bg_cleanup(bg_etcd_release) struct bg_etcd_said read = {};
	const json_t *result, *error;
	int rc;

	read.all = load(line, length_bytes, err);
	if (!read.all)
		return -EPROTO;
	error = json_object_get(read.all, "error");
	if (error)
		return wrong(message_of(error) ?: "an error without words", err);
	result = json_object_get(read.all, "result");
	if (!json_is_object(result))
		return bg_fail(err, -EPROTO, "found no result of a watch");
	if (json_is_true(json_object_get(result, "canceled")))
		return read_end(result, err);
	rc = read_header(result, &read, err) ?: read_items(result, "events", &read, err);
	if (rc)
		return rc;
	read.created = json_is_true(json_object_get(result, "created"));
	read.more = json_is_true(json_object_get(result, "fragment"));
	*said = read;
	read.all = NULL;
	return 0;
}

void bg_etcd_release(struct bg_etcd_said *said)
{
	json_decref(said->all);
	*said = (struct bg_etcd_said){};
}

/* --- pairs --- */

static int decode(const json_t *object, const char *key, char **bytes, size_t *length_bytes,
		  struct bg_error *err)
{
	const json_t *value = json_object_get(object, key);
	int rc = -EINVAL;

	if (json_is_string(value))
		rc = bg_base64_read(json_string_value(value), json_string_length(value), bytes,
				    length_bytes);
	else if (!value) /* what is empty is left out */
		rc = bg_base64_read("", 0, bytes, length_bytes);
	if (rc == -ENOMEM)
		return bg_no_memory(err, "an answer of etcd");
	return rc ? bg_fail(err, -EPROTO, "%s: found something else, expected base64", key) : 0;
}

int bg_etcd_read_pair(const json_t *item, struct bg_etcd_pair *pair, struct bg_error *err)
{
	bg_cleanup(bg_etcd_release_pair) struct bg_etcd_pair read = {};
	const char *type = json_string_value(json_object_get(item, "type"));
	const json_t *kv = json_object_get(item, "kv") ?: item;
	size_t key_bytes = 0;
	int rc = decode(kv, "key", &read.key, &key_bytes, err);

	if (rc)
		return rc;
	read.revision = number(kv, "mod_revision");
	if (!key_bytes || strlen(read.key) != key_bytes || !read.revision)
		return bg_fail(err, -EPROTO, "found a key without a name or a mod_revision");
	if (!type || !strcmp(type, "PUT"))
		rc = decode(kv, "value", &read.value, &read.value_bytes, err);
	else if (strcmp(type, "DELETE") != 0)
		rc = bg_fail(err, -EPROTO, "found an event that is neither PUT nor DELETE");
	if (rc)
		return rc;
	*pair = read;
	read.key = read.value = NULL;
	return 0;
}

void bg_etcd_release_pair(struct bg_etcd_pair *pair)
{
	free(pair->key);
	free(pair->value);
	*pair = (struct bg_etcd_pair){};
}

/* --- tokens --- */

/* It becomes a part of a header. */
static bool is_token(const char *text)
{
	size_t i = 0;

	while (text[i] > ' ' && text[i] <= '~')
		i++;
	return i && i <= TOKEN_BYTES && !text[i];
}

int bg_etcd_read_token(const char *text, size_t length_bytes, char **token, struct bg_error *err)
{
	json_t *body = load(text, length_bytes, err);
	const char *said = json_string_value(json_object_get(body, "token"));
	int rc = -EPROTO;

	if (body && (!said || !is_token(said))) {
		bg_fail(err, rc, "found no token, expected one");
	} else if (body) {
		*token = strdup(said);
		rc = *token ? 0 : bg_no_memory(err, "a token of etcd");
	}
	json_decref(body);
	return rc;
}
