// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * inotify on the feed's directory, and stat() to see whether an event was about the
 * feed. The daemon's loop reads events; the process that reads the feed looks at it.
 */
#include "source/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Not IN_MODIFY: a file that is being written is read when it is closed. */
#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |   \
	 IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)

#define READS_A_TURN 16

int bg_file_watch_open(struct bg_error *err)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return bg_fail(err, -errno, "inotify: %s%s", strerror(errno),
			       errno == EMFILE ? " (fs.inotify.max_user_instances)" : "");
	return fd;
}

bool bg_file_watch_read(int watch_fd)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;

	/* what is left is reported again: there may be no end to it */
	for (int i = 0; i < READS_A_TURN && read(watch_fd, buffer, sizeof(buffer)) > 0; i++)
		any = true;
	return any;
}

static void directory_of(const char *path, char directory[PATH_MAX])
{
	char *slash;

	snprintf(directory, PATH_MAX, "%s", path);
	slash = strrchr(directory, '/');
	if (!slash)
		snprintf(directory, PATH_MAX, ".");
	else if (slash == directory)
		slash[1] = '\0';
	else
		*slash = '\0';
}

int bg_file_look(int watch_fd, const char *path, struct bg_file_stamp *stamp, struct bg_error *err)
{
	char directory[PATH_MAX];
	struct stat now;
	int rc = 0;

	*stamp = (struct bg_file_stamp){};
	if (strlen(path) >= PATH_MAX)
		return bg_fail(err, -ENAMETOOLONG, "feed: the path is longer than %d bytes",
			       PATH_MAX - 1);
	directory_of(path, directory);
	/* harmless for a directory that is watched already */
	if (inotify_add_watch(watch_fd, directory, EVENTS) < 0)
		rc = bg_fail(err, -errno, "feed %s: watching the directory %s: %s", path, directory,
			     strerror(errno));
	if (!stat(path, &now))
		*stamp = (struct bg_file_stamp){
			.present = true,
			.device = now.st_dev,
			.inode = now.st_ino,
			.size_bytes = now.st_size,
			.changed = now.st_ctim,
			.modified = now.st_mtim,
		};
	return rc;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool bg_file_is_same(const struct bg_file_stamp *a, const struct bg_file_stamp *b)
{
	return a->present == b->present && a->device == b->device && a->inode == b->inode &&
	       a->size_bytes == b->size_bytes && same_time(&a->changed, &b->changed) &&
	       same_time(&a->modified, &b->modified);
}
