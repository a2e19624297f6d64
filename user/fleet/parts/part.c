// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names, hashes and texts of parts, whatever is in them. The other files of the room call it,
 * and who reads and writes the directory. It believes nothing of what it reads.
 */
#include "fleet/parts/part.h"

#include <ctype.h>
#include <errno.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define API_VERSION "branchguard.dev/v1alpha1"
#define CANONICAL (JSON_COMPACT | JSON_SORT_KEYS)
#define SUFFIX ".json"
#define NODE_NAME_BYTES 200
#define NAME_BYTES 63

const char *const bg_part_kinds[BG_PART_KINDS] = {
	[BG_GROUP_MEMBERS] = "GroupMembers",
	[BG_GROUP_FEED] = "GroupFeed",
	[BG_PREFIX_LIST_FEED] = "PrefixListFeed",
	[BG_MEMBER_CHANGES] = "MemberChanges",
	[BG_NODE_FEED] = "NodeFeed",
};

/* --- names --- */

static bool is_plain(char letter)
{
	return (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
}

/* What an API server takes as a name, and a directory as a file. */
static bool is_name(const char *id, size_t most)
{
	size_t length = strlen(id);

	if (!length || length > most || !is_plain(id[0]) || !is_plain(id[length - 1]) ||
	    !strncmp(id, "x-", 2) || strstr(id, ".."))
		return false;
	for (size_t i = 0; i < length; i++)
		if (!is_plain(id[i]) && id[i] != '-' && id[i] != '.')
			return false;
	return true;
}

const char *bg_part_name(enum bg_part_kind kind, const char *id, char name[BG_PART_NAME_TEXT])
{
	char hash[BG_PART_HASH_TEXT];

	if (is_name(id, kind == BG_NODE_FEED ? NODE_NAME_BYTES : NAME_BYTES))
		snprintf(name, BG_PART_NAME_TEXT, "%s", id);
	else
		snprintf(name, BG_PART_NAME_TEXT, "x-%s", bg_part_digest(id, strlen(id), hash));
	return name;
}

const char *bg_part_name_at(const char *id, size_t index, char name[BG_PART_NAME_TEXT])
{
	char group[BG_PART_NAME_TEXT];

	if (id)
		snprintf(name, BG_PART_NAME_TEXT, "%.100s-%zu",
			 bg_part_name(BG_GROUP_MEMBERS, id, group), index);
	else
		snprintf(name, BG_PART_NAME_TEXT, "%zu", index);
	return name;
}

static void lower(const char *text, char *to)
{
	do
		*to++ = (char)tolower((unsigned char)*text);
	while (*text++);
}

const char *bg_part_file(enum bg_part_kind kind, const char *name, char file[BG_PART_FILE_TEXT])
{
	char word[24];

	lower(bg_part_kinds[kind], word);
	snprintf(file, BG_PART_FILE_TEXT, "%s-%s" SUFFIX, word, name);
	return file;
}

bool bg_part_of_file(const char *file, enum bg_part_kind *kind, char name[BG_PART_NAME_TEXT])
{
	size_t length = strlen(file), suffix = strlen(SUFFIX);

	for (int i = 0; i < BG_PART_KINDS; i++) {
		char word[24];
		size_t used = strlen(bg_part_kinds[i]);

		lower(bg_part_kinds[i], word);
		if (strncmp(file, word, used) != 0 || file[used] != '-' ||
		    length < used + 2 + suffix || length - used - 1 - suffix >= BG_PART_NAME_TEXT ||
		    strcmp(file + length - suffix, SUFFIX) != 0)
			continue;
		*kind = i;
		snprintf(name, BG_PART_NAME_TEXT, "%.*s", (int)(length - used - 1 - suffix),
			 file + used + 1);
		return true;
	}
	return false;
}

/* --- hashes --- */

const char *bg_part_digest(const void *bytes, size_t length_bytes, char hash[BG_PART_HASH_TEXT])
{
	char digest[SHA256_DIGEST_STRING_LENGTH];

	SHA256Data(bytes, length_bytes, digest);
	snprintf(hash, BG_PART_HASH_TEXT, "%.16s", digest);
	return hash;
}

/* Without the key hash. 0 or -ENOMEM. */
static int hash_of(const json_t *spec, char hash[BG_PART_HASH_TEXT])
{
	json_t *rest = json_copy((json_t *)spec);
	bg_auto_free char *text = NULL;

	if (rest)
		json_object_del(rest, "hash");
	text = rest ? json_dumps(rest, CANONICAL) : NULL;
	json_decref(rest);
	if (!text)
		return -ENOMEM;
	bg_part_digest(text, strlen(text), hash);
	return 0;
}

/* --- texts --- */

char *bg_part_write(enum bg_part_kind kind, const char *name, json_t *spec)
{
	char hash[BG_PART_HASH_TEXT], *line = NULL;
	bg_auto_free char *text = NULL;
	json_t *part;

	if (hash_of(spec, hash) || json_object_set_new(spec, "hash", json_string(hash)))
		return NULL;
	part = json_pack("{s:s,s:s,s:{s:s},s:O}", "apiVersion", API_VERSION, "kind",
			 bg_part_kinds[kind], "metadata", "name", name, "spec", spec);
	text = part ? json_dumps(part, CANONICAL) : NULL;
	json_decref(part);
	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	return line;
}

int bg_part_wrong(enum bg_part_kind kind, const char *name, const char *key, const char *expected,
		  struct bg_error *err)
{
	char file[BG_PART_FILE_TEXT];

	return bg_fail(err, -EINVAL, "%s: /spec/%s: found something else, expected %s",
		       bg_part_file(kind, name, file), key, expected);
}

static int wrong(const char *file, const char *where, const json_t *found, const char *expected,
		 struct bg_error *err)
{
	const char *text = json_string_value(found);

	return bg_fail(err, -EINVAL, "%s: /%s: found %s%.80s%s, expected %s", file, where,
		       text ? "\"" : "", text ?: (found ? "another value" : "nothing"),
		       text ? "\"" : "", expected);
}

static bool is_text(const json_t *value, const char *expected)
{
	return json_is_string(value) && !strcmp(json_string_value(value), expected);
}

static int check(const char *file, enum bg_part_kind kind, const char *name, const json_t *part,
		 struct bg_error *err)
{
	const json_t *version = json_object_get(part, "apiVersion");
	const json_t *kind_value = json_object_get(part, "kind");
	const json_t *metadata = json_object_get(part, "metadata");
	const json_t *spec = json_object_get(part, "spec");
	char hash[BG_PART_HASH_TEXT];

	if (!json_is_object(part))
		return bg_fail(err, -EINVAL, "%s: found no object", file);
	if (!is_text(version, API_VERSION))
		return wrong(file, "apiVersion", version, "\"" API_VERSION "\"", err);
	if (!is_text(kind_value, bg_part_kinds[kind]))
		return wrong(file, "kind", kind_value, bg_part_kinds[kind], err);
	if (!is_text(json_object_get(metadata, "name"), name))
		return wrong(file, "metadata/name", json_object_get(metadata, "name"),
			     "the name of the file", err);
	if (!json_is_object(spec))
		return wrong(file, "spec", spec, "an object", err);
	if (hash_of(spec, hash))
		return bg_no_memory(err, "%s", file);
	if (!is_text(json_object_get(spec, "hash"), hash))
		return bg_fail(err, -EBADMSG,
			       "%s: /spec/hash: the content has another hash, %s: it is not whole",
			       file, hash);
	return 0;
}

int bg_part_read(enum bg_part_kind kind, const char *name, const char *text, size_t length_bytes,
		 json_t **spec, struct bg_error *err)
{
	char file[BG_PART_FILE_TEXT];
	json_error_t error;
	json_t *part;
	int rc;

	bg_part_file(kind, name, file);
	if (length_bytes > BG_PART_MOST_BYTES)
		return bg_fail(err, -E2BIG, "%s: found %zu bytes, expected at most %u", file,
			       length_bytes, BG_PART_MOST_BYTES);
	part = json_loadb(text, length_bytes, JSON_REJECT_DUPLICATES, &error);
	if (!part)
		return bg_fail(err, -EINVAL, "%s:%d:%d: %s", file, error.line, error.column,
			       error.text);
	rc = check(file, kind, name, part, err);
	if (!rc)
		*spec = json_incref(json_object_get(part, "spec"));
	json_decref(part);
	return rc;
}
