// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads a token for one request: kubelet and others replace the file long before it expires.
 * transfer.c calls it, and who logs in with a password. It takes nothing that could become a header of its own, and says
 * nothing of what it has read.
 */
#include "fleet/web/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define MOST_BYTES 16384

/* Reads to the end, or until there is too much. */
static ssize_t read_bytes(int fd, char *bytes, size_t room)
{
	size_t used = 0;

	while (used < room) {
		ssize_t got = read(fd, bytes + used, room - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

static int open_regular(const char *path, const char *what, int *fd, struct bg_error *err)
{
	struct stat status;

	*fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &status))
		return bg_fail(err, -errno, "%s: reading the %s: %s", path, what, strerror(errno));
	return S_ISREG(status.st_mode) ? 0
				       : bg_fail(err, -EINVAL,
						 "%s: found something else than a file, expected "
						 "one with a %s",
						 path, what);
}

/* Printable and without spaces, so that it stays one word of one header. */
static bool is_token(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return length;
}

static int trim(const char *path, const char *what, char *bytes, ssize_t got, char **token,
		struct bg_error *err)
{
	size_t begin = 0, end;

	if (got < 0)
		return bg_fail(err, (int)got, "%s: reading the %s: %s", path, what,
			       strerror((int)-got));
	end = (size_t)got;
	while (end && strchr(" \r\n\t", bytes[end - 1]))
		end--;
	while (begin < end && strchr(" \r\n\t", bytes[begin]))
		begin++;
	if (end > MOST_BYTES || !is_token(bytes + begin, end - begin))
		return bg_fail(err, -EINVAL,
			       "%s: found no %s: expected one line of at most %d printable "
			       "characters",
			       path, what, MOST_BYTES);
	*token = strndup(bytes + begin, end - begin);
	return *token ? 0 : bg_no_memory(err, "%s", path);
}

int bg_secret_read(const char *path, const char *what, char **token, struct bg_error *err)
{
	bg_auto_close int fd = -1;
	char bytes[MOST_BYTES + 2];
	int rc = open_regular(path, what, &fd, err);

	if (rc)
		return rc;
	rc = trim(path, what, bytes, read_bytes(fd, bytes, sizeof(bytes)), token, err);
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

int bg_token_read(const char *path, char **token, struct bg_error *err)
{
	return bg_secret_read(path, "token", token, err);
}

void bg_token_free(char *token)
{
	if (token)
		explicit_bzero(token, strlen(token));
	free(token);
}
