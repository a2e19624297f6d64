// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where the answers of kubectl and aws come from. sweep.c calls it; what is in them is
 * gather/'s business. A directory is not descended into.
 */
#include "fleet/inputs.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define SUFFIX ".json"

BG_CLEANUP_OF(closedir, DIR)

struct reading {
	struct bg_cluster *cluster;
	enum bg_file_kind kind;
};

static int read_one(void *context, const char *path, struct bg_error *err)
{
	const struct reading *reading = context;
	bg_auto_free char *text = NULL;
	size_t length_bytes;
	int rc = bg_file_read(path, reading->kind, BG_GATHER_MAX_BYTES, &text, &length_bytes, err);

	return rc ? rc
		  : bg_cluster_read(reading->cluster, bg_file_name(path), text, length_bytes, err);
}

/* Hidden ones are somebody's temporary files. */
static bool is_answer(const char *name)
{
	size_t length = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && length > suffix && !strcmp(name + length - suffix, SUFFIX);
}

int bg_inputs_of_directory(const char *path,
			   int (*each)(void *context, const char *file, struct bg_error *err),
			   void *context, struct bg_error *err)
{
	bg_cleanup(closedir_at) DIR *directory = opendir(path);
	const struct dirent *entry;

	if (!directory)
		return bg_fail(err, -errno, "%s: opening the directory: %s", path, strerror(errno));
	while (errno = 0, (entry = readdir(directory))) {
		bg_auto_free char *file = NULL;
		int rc;

		if (!is_answer(entry->d_name))
			continue;
		if (asprintf(&file, "%s/%s", path, entry->d_name) < 0) {
			file = NULL;
			return bg_no_memory(err, BG_GATHERING);
		}
		rc = each(context, file, err);
		if (rc)
			return rc;
	}
	return errno ? bg_fail(err, -errno, "%s: reading the directory: %s", path, strerror(errno))
		     : 0;
}

struct counting {
	struct reading reading;
	size_t count;
};

static int read_entry(void *context, const char *path, struct bg_error *err)
{
	struct counting *counting = context;

	counting->count++;
	return read_one(&counting->reading, path, err);
}

static int read_directory(const struct reading *reading, const char *path, struct bg_error *err)
{
	struct counting counting = { *reading, 0 };
	int rc = bg_inputs_of_directory(path, read_entry, &counting, err);

	if (!rc && !counting.count)
		rc = bg_fail(err, -ENOENT, "%s: found no file that ends in " SUFFIX, path);
	return rc;
}

int bg_inputs_read(struct bg_cluster *cluster, char *const *paths, size_t count,
		   enum bg_file_kind kind, struct bg_error *err)
{
	struct reading reading = { cluster, kind };
	int rc = 0;

	for (size_t i = 0; i < count && !rc; i++) {
		struct stat status;
		bool is_stdin = !strcmp(paths[i], "-");

		if (!is_stdin && stat(paths[i], &status))
			rc = bg_fail(err, -errno, "%s: looking for it: %s", paths[i],
				     strerror(errno));
		else if (!is_stdin && S_ISDIR(status.st_mode))
			rc = read_directory(&reading, paths[i], err);
		else
			rc = read_one(&reading, paths[i], err);
	}
	return rc;
}
