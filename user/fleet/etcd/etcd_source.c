// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From what stands on the command line to URLs and keys. The verb calls it once, and the follower for
 * each key; nothing is asked here.
 */
#include "fleet/etcd/etcd_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fleet/web/loopback.h"

#define PORT "2379"

bool bg_is_etcd(const char *source)
{
	return !strncmp(source, BG_ETCD_SOURCE, strlen(BG_ETCD_SOURCE));
}

/* --- endpoints --- */

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* "HOST", "HOST:PORT", "[ADDRESS]" or "[ADDRESS]:PORT". */
static bool is_place(const char *place, bool *has_port)
{
	static const char host[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	size_t used;

	if (*place == '[') {
		used = 1 + strspn(place + 1, "0123456789abcdefABCDEF:.");
		if (used < 3 || place[used] != ']')
			return false;
		used++;
	} else {
		used = strspn(place, host);
	}
	*has_port = place[used] == ':';
	if (!*has_port)
		return used && !place[used];
	place += used + 1;
	return used && digits(place) && digits(place) <= 5 && !place[digits(place)];
}

static int add_endpoint(struct bg_etcd_source *at, const char *begin, size_t length)
{
	char place[BG_ETCD_URL_TEXT - 20];
	bool has_port;

	if (length >= sizeof(place) || at->count == BG_ETCD_ENDPOINTS)
		return -EINVAL;
	snprintf(place, sizeof(place), "%.*s", (int)length, begin);
	if (!is_place(place, &has_port))
		return -EINVAL;
	snprintf(at->url[at->count++], BG_ETCD_URL_TEXT, "%s%s", place, has_port ? "" : ":" PORT);
	return 0;
}

static bool are_here(const struct bg_etcd_source *at)
{
	for (size_t i = 0; i < at->count; i++)
		if (!bg_web_is_loopback(at->url[i]))
			return false;
	return true;
}

static void put_scheme(struct bg_etcd_source *at, const char *scheme)
{
	for (size_t i = 0; i < at->count; i++) {
		char place[BG_ETCD_URL_TEXT - 20];

		snprintf(place, sizeof(place), "%.*s", (int)sizeof(place) - 1, at->url[i]);
		snprintf(at->url[i], BG_ETCD_URL_TEXT, "%s%s", scheme, place);
	}
}

/* --- the source --- */

static int find_endpoints(const char *places, size_t length, struct bg_etcd_source *at)
{
	const char *const end = places + length;
	int rc = 0;

	while (!rc) {
		const char *comma = memchr(places, ',', (size_t)(end - places)) ?: end;

		rc = add_endpoint(at, places, (size_t)(comma - places));
		if (comma == end)
			break;
		places = comma + 1;
	}
	return rc;
}

int bg_etcd_source_find(const char *source, bool tls, struct bg_etcd_source *at,
			struct bg_error *err)
{
	const char *places = source + strlen(BG_ETCD_SOURCE);
	size_t length = strcspn(places, "/"), prefix = strlen(places + length);
	struct bg_etcd_source found = {};

	/* (what is in front of an @ may be a password: it is not said again) */
	if (memchr(places, '@', length))
		return bg_fail(err, -EINVAL,
			       "the source has a user or a password in it: give --user-file");
	while (prefix && places[length + prefix - 1] == '/')
		prefix--;
	if (find_endpoints(places, length, &found))
		return bg_fail(err, -EINVAL,
			       "%.400s: expected " BG_ETCD_SOURCE
			       "HOST:PORT/PREFIX, or up to %d of HOST:PORT with commas in between",
			       source, BG_ETCD_ENDPOINTS);
	if (!prefix || prefix >= sizeof(found.prefix))
		return bg_fail(err, -EINVAL,
			       "%.400s: expected a prefix of keys behind the endpoints, as in " //
			       BG_ETCD_SOURCE "HOST:PORT/branchguard",
			       source);
	snprintf(found.prefix, sizeof(found.prefix), "%.*s", (int)prefix, places + length);
	put_scheme(&found, !tls && are_here(&found) ? "http://" : "https://");
	*at = found;
	return 0;
}

/* --- keys --- */

const char *bg_etcd_key(const char *prefix, enum bg_part_kind kind, const char *name,
			char key[BG_ETCD_KEY_TEXT])
{
	char file[BG_PART_FILE_TEXT];
	/* (no kind has one in its word) */
	char *minus = strchr(bg_part_file(kind, name, file), '-');

	*minus = '/';
	snprintf(key, BG_ETCD_KEY_TEXT, "%.*s/%.*s%s", BG_ETCD_PREFIX_TEXT - 1, prefix,
		 (int)(minus - file) + 1, file, name);
	return key;
}

bool bg_etcd_part_of_key(const char *prefix, const char *key, enum bg_part_kind *kind,
			 char name[BG_PART_NAME_TEXT])
{
	char file[BG_PART_FILE_TEXT];
	size_t used = strlen(prefix);
	const char *slash;

	if (strncmp(key, prefix, used) != 0 || key[used] != '/')
		return false;
	key += used + 1;
	slash = strchr(key, '/');
	if (!slash || strlen(key) + strlen(".json") >= sizeof(file))
		return false;
	snprintf(file, sizeof(file), "%.*s-%s.json", (int)(slash - key), key, slash + 1);
	return !strchr(slash + 1, '/') && bg_part_of_file(file, kind, name);
}

void bg_etcd_range(const char *prefix, int range, const char *node_part, char key[BG_ETCD_KEY_TEXT],
		   char end[BG_ETCD_KEY_TEXT])
{
	/* Kinds stand in the order of their words, and nodes between lists and all else: other nodes'
	 * parts are in none of them. What is behind a slash is in front of the 0. */
	static const char *const ranges[BG_ETCD_RANGES][2] = {
		{ "groupfeed/", "memberchanges0" },
		{ "nodefeed/", "" },
		{ "prefixlistfeed/", "prefixlistfeed0" },
	};
	const bool one = !*ranges[range][1];

	snprintf(key, BG_ETCD_KEY_TEXT, "%s/%s%s", prefix, ranges[range][0], one ? node_part : "");
	snprintf(end, BG_ETCD_KEY_TEXT, "%s%s%s", one ? "" : prefix, one ? "" : "/",
		 ranges[range][1]);
}
