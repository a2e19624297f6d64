// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where a feed comes from: a file or stdin. The daemon and the verbs that take a
 * feed call it; it never looks at what it reads, and keeps nothing of it.
 */
#include "source/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/grow.h"

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

int bg_file_read(const char *path, enum bg_file_kind kind, size_t most_bytes, char **text,
		 size_t *length_bytes, struct bg_error *err)
{
	const char *name = bg_file_name(path);
	bool from_stdin = is_stdin(path);
	bg_auto_close int fd = -1;
	struct stat status;

	/* O_NONBLOCK: open() must not wait for the writer of a FIFO */
	fd = from_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &status))
		return bg_fail(err, -errno, "%s: opening the feed: %s", name, strerror(errno));
	if (S_ISDIR(status.st_mode))
		return bg_fail(err, -EISDIR, "%s: found a directory, expected a file", name);
	if (kind == BG_FILE_REGULAR && !S_ISREG(status.st_mode))
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
	return read_all(name, fd, S_ISREG(status.st_mode) ? (size_t)status.st_size : FIRST_BYTES,
			most_bytes, text, length_bytes, err);
}
