// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names the files of the state in force, and reads them for the verbs. The daemon has them
 * written and read by a process beside it (daemon/state_out.c), unload removes them; what is in
 * them is feed/held.c's.
 */
#include "pinned/held_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pinned/state_file.h"

const char *bg_held_text_kind(unsigned int slot)
{
	return slot ? ".feed1" : ".feed0";
}

static int read_all(int fd, char *text, size_t length_bytes)
{
	while (length_bytes) {
		ssize_t got = read(fd, text, length_bytes);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		text += got;
		length_bytes -= (size_t)got;
	}
	return 0;
}

/* This user, root, or whose daemon it is. */
static bool may_have_written(const char *pin_dir, uid_t owner)
{
	struct stat pins;

	return owner == geteuid() || !owner || (!stat(pin_dir, &pins) && pins.st_uid == owner);
}

int bg_held_file_read(const char *pin_dir, const char *kind, size_t most_bytes, char **text,
		      size_t *length_bytes, struct bg_error *err)
{
	char path[BG_STATE_PATH_BYTES];
	bg_auto_free char *bytes = NULL;
	bg_auto_close int fd = -1;
	struct stat status;
	int rc;

	bg_state_file_path(pin_dir, kind, path);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status))
		return bg_fail(err, -errno, "opening %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_mode & (S_IWGRP | S_IWOTH) ||
	    !may_have_written(pin_dir, status.st_uid))
		return bg_fail(
			err, -EPERM,
			"%s: found a file that others may have written, expected one of this "
			"user's own (mode 0600)",
			path);
	if (status.st_size > (off_t)most_bytes)
		return bg_fail(err, -E2BIG, "%s: found %lld bytes, expected at most %zu", path,
			       (long long)status.st_size, most_bytes);
	bytes = malloc((size_t)status.st_size + 1);
	if (!bytes)
		return bg_no_memory(err, "reading %s", path);
	rc = read_all(fd, bytes, (size_t)status.st_size);
	if (rc)
		return bg_fail(err, rc, "reading %s: %s", path, strerror(-rc));
	*length_bytes = (size_t)status.st_size;
	*text = bg_take_ptr(bytes);
	return 0;
}

void bg_held_files_remove(const char *pin_dir)
{
	const char *const kinds[] = { BG_HELD_KIND, bg_held_text_kind(0), bg_held_text_kind(1) };
	char path[BG_STATE_PATH_BYTES];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		bg_state_file_path(pin_dir, kinds[i], path);
		unlink(path);
	}
}
