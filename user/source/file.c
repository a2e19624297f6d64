// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a feed comes from: a file or stdin; and where metrics and the daemon's state go. The
 * verbs that take a feed call it, and for the daemon a process beside it; it never looks at
 * what it reads, and keeps nothing of it.
 */
#include "source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "base/grow.h"
#include "base/put.h"
#include "source/owner.h"

/* The first buffer for a pipe, whose length is not known; it doubles as needed. */
#define FIRST_BYTES 65536

static bool is_stdin(const char *path)
{
	return !strcmp(path, "-");
}

const char *bg_file_name(const char *path)
{
	return is_stdin(path) ? "stdin" : path;
}

static const char *word(enum bg_file_kind kind)
{
	return kind == BG_FILE_OWN ? "it" : "the feed";
}

/* Reads to the end, but stops after one byte more than `most_bytes`. */
static int read_all(const char *name, int fd, size_t expected_bytes, size_t most_bytes, char **text,
		    size_t *length_bytes, struct bg_error *err)
{
	size_t room = expected_bytes + 1, used = 0;
	bg_auto_free char *bytes = malloc(room);

	while (bytes) {
		ssize_t got = read(fd, bytes + used, room - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bg_fail(err, -errno, "%s: reading the feed: %s", name,
				       strerror(errno));
		if (!got) {
			*text = bg_take_ptr(bytes);
			*length_bytes = used;
			return 0;
		}
		used += got;
		if (used > most_bytes)
			return bg_fail(err, -E2BIG,
				       "%s: found more than %zu bytes, expected no more than that",
				       name, most_bytes);
		if (BG_RESERVE(bytes, room, used + 1))
			break;
	}
	return bg_no_memory(err, "%s: reading the feed", name);
}

static int check_own(const char *name, const struct stat *status, struct bg_error *err)
{
	if (S_ISREG(status->st_mode) && !(status->st_mode & (S_IWGRP | S_IWOTH)) &&
	    (status->st_uid == geteuid() || !status->st_uid))
		return 0;
	return bg_fail(err, -EPERM,
		       "%s: found a file that others may have written, expected one of this "
		       "user's own (mode 0600)",
		       name);
}

/* `expected_bytes`: of a file, whose length is known, that; else a first room. */
static int open_file(const char *path, enum bg_file_kind kind, size_t most_bytes, int *file_fd,
		     size_t *expected_bytes, struct bg_error *err)
{
	const char *name = bg_file_name(path);
	bool from_stdin = is_stdin(path);
	char why[BG_ACCESS_TEXT];
	bg_auto_close int fd = -1;
	struct stat status;

	/* O_NONBLOCK: open() must not wait for the writer of a FIFO */
	if (from_stdin)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else if (kind == BG_FILE_OWNED)
		fd = bg_open_owned(path, err);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK |
					(kind == BG_FILE_OWN ? O_NOFOLLOW : 0));
	if (fd < 0 && kind == BG_FILE_OWNED && !from_stdin)
		return fd;
	if (fd < 0 && errno == EACCES)
		return bg_fail(err, -EACCES, "%s: opening %s: %s%s", name, word(kind),
			       strerror(EACCES), bg_access_why(path, R_OK, why));
	if (fd < 0 || fstat(fd, &status))
		return bg_fail(err, -errno, "%s: opening %s: %s", name, word(kind),
			       strerror(errno));
	if (S_ISDIR(status.st_mode))
		return bg_fail(err, -EISDIR, "%s: found a directory, expected a file", name);
	if (kind == BG_FILE_OWN && check_own(name, &status, err))
		return -EPERM;
	if (kind != BG_FILE_ANY && !S_ISREG(status.st_mode))
		return bg_fail(err, -EINVAL,
			       "%s: found a pipe or a device, expected a file: the daemon follows "
			       "files alone, since it must not wait for a writer (--once reads a "
			       "pipe)",
			       name);
	if (S_ISREG(status.st_mode) && status.st_size > (off_t)most_bytes)
		return bg_fail(err, -E2BIG, "%s: found %lld bytes, expected at most %zu", name,
			       (long long)status.st_size, most_bytes);
	if (!from_stdin)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	*expected_bytes = S_ISREG(status.st_mode) ? (size_t)status.st_size : FIRST_BYTES;
	*file_fd = bg_take_fd(&fd);
	return 0;
}

int bg_file_read(const char *path, enum bg_file_kind kind, size_t most_bytes, char **text,
		 size_t *length_bytes, struct bg_error *err)
{
	bg_auto_close int fd = -1;
	size_t expected_bytes;
	int rc = open_file(path, kind, most_bytes, &fd, &expected_bytes, err);

	if (rc)
		return rc;
	return read_all(bg_file_name(path), fd, expected_bytes, most_bytes, text, length_bytes,
			err);
}

int bg_file_copy(const char *path, enum bg_file_kind kind, size_t most_bytes, int to_fd,
		 struct bg_error *err)
{
	const char *name = bg_file_name(path);
	static char buffer[FIRST_BYTES];
	bg_auto_close int fd = -1;
	size_t used = 0, ignored;
	ssize_t got;
	int rc = open_file(path, kind, most_bytes, &fd, &ignored, err);

	if (rc)
		return rc;
	while ((got = read(fd, buffer, sizeof(buffer)))) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return bg_fail(err, -errno, "%s: reading %s: %s", name, word(kind),
				       strerror(errno));
		used += (size_t)got;
		if (used > most_bytes)
			return bg_fail(err, -E2BIG,
				       "%s: found more than %zu bytes, expected no more than that",
				       name, most_bytes);
		rc = bg_put_all(to_fd, buffer, (size_t)got);
		if (rc)
			return bg_fail(err, rc, "%s: keeping %s: %s", name, word(kind),
				       strerror(-rc));
	}
	return 0;
}

static int copy_rest(int from_fd, int to_fd)
{
	static char buffer[FIRST_BYTES];
	ssize_t got;
	int rc = 0;

	while (!rc && (got = read(from_fd, buffer, sizeof(buffer)))) {
		if (got > 0)
			rc = bg_put_all(to_fd, buffer, (size_t)got);
		else if (errno != EINTR)
			rc = -errno;
	}
	return rc;
}

/* By the rename it would be gone: /dev/null for everybody, say. */
static int check_replaceable(const char *path, struct bg_error *err)
{
	struct stat status;

	if (lstat(path, &status) || S_ISREG(status.st_mode))
		return 0;
	return bg_fail(err, S_ISDIR(status.st_mode) ? -EISDIR : -EEXIST,
		       "%s: found a %s, which stays: expected a file to replace, or nothing", path,
		       S_ISDIR(status.st_mode)	 ? "directory"
		       : S_ISLNK(status.st_mode) ? "symbolic link"
						 : "pipe, socket or device");
}

/* Whatever the umask. */
void bg_file_make_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - path) : 0, path);
	if (*directory && !mkdir(directory, 0755))
		chmod(directory, 0755);
}

int bg_file_replace(const char *path, const struct bg_file_put *put, int from_fd,
		    struct bg_error *err)
{
	char replacement[PATH_MAX];
	bg_auto_close int fd = -1;
	int rc = put->replaces_any ? 0 : check_replaceable(path, err);

	if (rc)
		return rc;
	if (snprintf(replacement, sizeof(replacement), "%s.new", path) >= (int)sizeof(replacement))
		return bg_fail(err, -ENAMETOOLONG, "%s: the path is too long", path);
	if (put->makes_directory)
		bg_file_make_directory(path);
	/* what is left of an earlier try, or what somebody put there for us to follow */
	unlink(replacement);
	fd = open(replacement, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  put->mode & 0700);
	if (fd < 0)
		return bg_fail(err, -errno, "cannot write %s: %s", replacement, strerror(errno));
	rc = copy_rest(from_fd, fd);
	if (!rc && put->group != (gid_t)-1 && fchown(fd, (uid_t)-1, put->group))
		rc = -errno;
	if (!rc && (fchmod(fd, put->mode) || rename(replacement, path)))
		rc = -errno;
	if (!rc)
		return 0;
	unlink(replacement);
	return bg_fail(err, rc, "cannot write %s: %s", path, strerror(-rc));
}
