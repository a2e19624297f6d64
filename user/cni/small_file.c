// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads and replaces the files of the CNI's folders. What follows their conflist, installs
 * and answers calls it. It does not wait for a writer, and follows no link when it writes.
 */
#include "cni/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/put.h"

#define FIRST_BYTES 8192

int bg_read_all(int fd, size_t most_bytes, char **bytes, size_t *length)
{
	bg_auto_free char *read_bytes = NULL;
	size_t room = 0, used = 0;

	for (;;) {
		ssize_t got;

		if (BG_RESERVE(read_bytes, room, used ? used * 2 : FIRST_BYTES))
			return -ENOMEM;
		got = read(fd, read_bytes + used, room - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		used += (size_t)got;
		if (used > most_bytes)
			return -E2BIG;
	}
	*bytes = bg_take_ptr(read_bytes);
	*length = used;
	return 0;
}

int bg_small_file_read(const char *path, size_t most_bytes, struct bg_text *text,
		       struct bg_error *err)
{
	/* O_NONBLOCK: open() must not wait for the writer of a FIFO */
	bg_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *bytes;
	int rc;

	if (fd < 0 || fstat(fd, &status))
		return bg_fail(err, -errno, "opening %s: %s", path, strerror(errno));
	if (!S_ISREG(status.st_mode))
		return bg_fail(err, -EINVAL, "%s: found no file, but something of another kind",
			       path);
	rc = bg_read_all(fd, most_bytes, &bytes, &text->length);
	if (rc == -E2BIG)
		return bg_fail(err, rc, "%s: found more than %zu bytes", path, most_bytes);
	if (rc)
		return bg_fail(err, rc, "reading %s: %s", path, strerror(-rc));
	text->bytes = bytes;
	return 0;
}

/* (a runtime must not find an empty file after a loss of power) */
int bg_small_file_replace(const char *path, struct bg_text text, mode_t mode, struct bg_error *err)
{
	return bg_put_beside(path, text.bytes, text.length, mode, true, err);
}
