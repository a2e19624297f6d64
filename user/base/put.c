// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How files are written that others read at any time: who has a file to replace calls this.
 * It never leaves half a file in the place of a whole one.
 */
#include "base/put.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A disk that is full takes the beginning, and says why only when asked for the rest. */
int bg_put_all(int fd, const char *bytes, size_t length_bytes)
{
	while (length_bytes) {
		ssize_t put = write(fd, bytes, length_bytes);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put ? -errno : -EIO;
		bytes += put;
		length_bytes -= (size_t)put;
	}
	return 0;
}

int bg_put_beside(const char *path, const char *bytes, size_t length_bytes, mode_t mode, bool sync,
		  struct bg_error *err)
{
	char beside[PATH_MAX];
	bg_auto_close int fd = -1;
	int rc;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return bg_fail(err, -ENAMETOOLONG, "%s: the path is too long", path);
	/* what is left of an earlier try, or what somebody put there for us to follow */
	unlink(beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return bg_fail(err, -errno, "writing %s: %s", beside, strerror(errno));
	rc = bg_put_all(fd, bytes, length_bytes);
	if (!rc && (fchmod(fd, mode) || (sync && fsync(fd)) || rename(beside, path)))
		rc = -errno;
	if (!rc)
		return 0;
	unlink(beside);
	return bg_fail(err, rc, "writing %s: %s", path, strerror(-rc));
}
