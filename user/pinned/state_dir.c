// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Names the files that the daemon leaves, and reads them for the verbs. The daemon has them
 * written and read by a process beside it (daemon/state_out.c), unload removes them.
 */
#include "pinned/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/in_time.h"

struct reading {
	const char *pin_dir;
	char path[BG_STATE_PATH_BYTES];
	size_t most_bytes;
};

void bg_state_file_path(const char *pin_dir, const char *kind, char path[BG_STATE_PATH_BYTES])
{
	size_t length = strlen(pin_dir);

	/* "/a/b" and "/a/b/" are one directory */
	while (length > 1 && pin_dir[length - 1] == '/')
		length--;
	snprintf(path, BG_STATE_PATH_BYTES, BG_STATE_DIR "/%016llx%s",
		 (unsigned long long)bg_hash_bytes(pin_dir, length), kind);
}

static bool may_have_written(const char *pin_dir, uid_t owner)
{
	struct stat pins;

	return owner == geteuid() || !owner || (!stat(pin_dir, &pins) && pins.st_uid == owner);
}

/* All of them, or what was found is another file than the one that was looked at. */
static int copy_bytes(int from_fd, int to_fd, size_t length_bytes)
{
	char piece[16384];

	while (length_bytes) {
		ssize_t got = read(from_fd, piece,
				   length_bytes < sizeof(piece) ? length_bytes : sizeof(piece));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		/* memory takes all, or there is none left */
		if (write(to_fd, piece, (size_t)got) != got)
			return -ENOMEM;
		length_bytes -= (size_t)got;
	}
	return 0;
}

static int copy(void *context, int to_fd, struct bg_error *err)
{
	const struct reading *reading = context;
	const char *path = reading->path;
	struct stat status;
	int rc;

	/* a pipe would keep us waiting, and a link may lead anywhere */
	bg_auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &status))
		return bg_fail(err, -errno, "opening %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode) || status.st_mode & (S_IWGRP | S_IWOTH) ||
	    !may_have_written(reading->pin_dir, status.st_uid))
		return bg_fail(
			err, -EPERM,
			"%s: found a file that others may have written, expected one of this "
			"user's own (mode 0600)",
			path);
	if (status.st_size > (off_t)reading->most_bytes)
		return bg_fail(err, -E2BIG, "%s: found %lld bytes, expected at most %zu", path,
			       (long long)status.st_size, reading->most_bytes);
	rc = copy_bytes(fd, to_fd, (size_t)status.st_size);
	return rc ? bg_fail(err, rc, "reading %s: %s", path, strerror(-rc)) : 0;
}

int bg_state_file_read(const char *pin_dir, const char *kind, size_t most_bytes, char **text,
		       size_t *length_bytes, struct bg_error *err)
{
	struct reading reading = { .pin_dir = pin_dir, .most_bytes = most_bytes };

	bg_state_file_path(pin_dir, kind, reading.path);
	return bg_read_in_time(reading.path, copy, &reading, text, length_bytes, err);
}
