// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes requests of etcd's JSON gateway. etcd_follower.c calls it for each; what is in a key cannot
 * become anything else there.
 */
#include "fleet/etcd/etcd_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "fleet/etcd/base64.h"

BG_CLEANUP_OF(json_decref, json_t)

static json_t *bytes_of(const char *text, size_t length_bytes)
{
	bg_auto_free char *letters = bg_base64(text, length_bytes);

	return letters ? json_string(letters) : NULL;
}

static json_t *number(unsigned long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", value);
	return json_string(text);
}

static char *written(const json_t *request)
{
	return request ? json_dumps(request, JSON_COMPACT) : NULL;
}

char *bg_etcd_range_request(const struct bg_etcd_ask *ask)
{
	bg_cleanup(json_decref_at) json_t *request = json_object();
	/* what comes right behind a key is that key and a zero */
	json_t *key = ask->after ? bytes_of(ask->after, strlen(ask->after) + 1)
				 : bytes_of(ask->key, strlen(ask->key));
	int failed = json_object_set_new(request, "key", key);

	if (*ask->end)
		failed |= json_object_set_new(request, "range_end",
					      bytes_of(ask->end, strlen(ask->end)));
	if (ask->revision)
		failed |= json_object_set_new(request, "revision", number(ask->revision));
	if (ask->keys_only)
		failed |= json_object_set_new(request, "keys_only", json_true());
	failed |= json_object_set_new(request, "limit", number(ask->limit));
	return failed ? NULL : written(request);
}

char *bg_etcd_watch_request(const char *key, const char *end, unsigned long long from_revision)
{
	bg_cleanup(json_decref_at) json_t *request = json_pack(
		"{s:{s:o,s:o,s:b,s:b}}", "create_request", "key", bytes_of(key, strlen(key)),
		"start_revision", number(from_revision), "progress_notify", 1, "fragment", 1);
	int failed = 0;

	if (*end)
		failed = json_object_set_new(json_object_get(request, "create_request"),
					     "range_end", bytes_of(end, strlen(end)));
	return failed ? NULL : written(request);
}

char *bg_etcd_login_request(const char *user)
{
	const char *colon = strchr(user, ':');
	bg_cleanup(json_decref_at) json_t *request = NULL;

	if (!colon || colon == user)
		return NULL;
	request = json_pack("{s:s%,s:s}", "name", user, (size_t)(colon - user), "password",
			    colon + 1);
	return written(request);
}
