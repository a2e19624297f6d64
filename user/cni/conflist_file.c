// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes and removes our conflist. conflist_follow.c and the verbs call it. It never touches
 * theirs, nor a list under our name that has not our plugin in it.
 */
#include "cni/conflist_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cni/small_file.h"

BG_CLEANUP_OF(closedir, DIR)

static int path_of(const struct bg_conflist_file *file, const char *name, char path[PATH_MAX],
		   struct bg_error *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", file->dir, name) >= PATH_MAX - 8)
		return bg_fail(err, -ENAMETOOLONG, "%s/%s: the path is too long", file->dir, name);
	return 0;
}

/* -ENOENT: there is none. */
static int read_ours(const char *path, struct bg_text *text, struct bg_error *err)
{
	int rc = bg_small_file_read(path, 2 * BG_CONFLIST_MOST_BYTES, text, err);

	if (rc || !bg_conflist_is_others(*text))
		return rc;
	return bg_fail(err, -EEXIST,
		       "%s: found a list without the plugin %s, which stays: name another one, "
		       "or move it away",
		       path, BG_CNI_TYPE);
}

int bg_conflist_remove(const struct bg_conflist_file *file, struct bg_error *err)
{
	struct bg_text text = {};
	char path[PATH_MAX];
	int rc = path_of(file, file->ours, path, err) ?: read_ours(path, &text, err);

	free((char *)text.bytes);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	if (unlink(path) && errno != ENOENT)
		return bg_fail(err, -errno, "removing %s: %s", path, strerror(errno));
	return 1;
}

static int write_ours(const char *path, const struct bg_json_writer *merged, struct bg_error *err)
{
	const struct bg_text wanted = { merged->text, merged->length_bytes };
	struct bg_text there = {};
	int rc = read_ours(path, &there, err);
	bool same = !rc && there.length == wanted.length &&
		    !memcmp(there.bytes, wanted.bytes, wanted.length);

	free((char *)there.bytes);
	if (rc && rc != -ENOENT)
		return rc;
	if (same)
		return BG_CONFLIST_SAME;
	return bg_small_file_replace(path, wanted, 0644, err) ?: BG_CONFLIST_WRITTEN;
}

int bg_conflist_step(const struct bg_conflist_file *file, struct bg_error *err)
{
	bg_cleanup(bg_json_writer_free) struct bg_json_writer merged = {};
	char theirs[PATH_MAX], ours[PATH_MAX];
	struct bg_text text = {};
	int rc = path_of(file, file->theirs, theirs, err) ?: path_of(file, file->ours, ours, err);

	if (rc)
		return rc;
	rc = bg_small_file_read(theirs, BG_CONFLIST_MOST_BYTES, &text, err);
	if (rc == -ENOENT) {
		rc = bg_conflist_remove(file, err);
		return rc > 0 ? BG_CONFLIST_REMOVED : rc;
	}
	if (!rc) {
		rc = bg_conflist_merge(text, &file->entry, &merged, err);
		if (rc)
			bg_fail_in(err, rc, "%s", theirs);
	}
	free((char *)text.bytes);
	return rc ? BG_CONFLIST_HELD : write_ours(ours, &merged, err);
}

/* As runtimes do, which take files of these alone. */
static bool is_configuration(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (!strcmp(dot, ".conf") || !strcmp(dot, ".conflist") || !strcmp(dot, ".json"));
}

bool bg_conflist_is_behind(const struct bg_conflist_file *file, char *name)
{
	bg_cleanup(closedir_at) DIR *dir = opendir(file->dir);
	const struct dirent *entry;
	bool found = false;

	while (dir && (entry = readdir(dir))) {
		if (!is_configuration(entry->d_name) || strcmp(entry->d_name, file->ours) >= 0 ||
		    (found && strcmp(entry->d_name, name) >= 0))
			continue;
		snprintf(name, 256, "%s", entry->d_name);
		found = true;
	}
	return found;
}
