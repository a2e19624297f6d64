// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * inotify on the feed's directory, and stat() to see whether an event was about the
 * feed. The daemon's loop calls it; it never waits, and never reads the feed.
 */
#include "source/file_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Not IN_MODIFY: a file that is being written is read when it is closed. */
#define EVENTS                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF |   \
	 IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)

struct bg_file_watch {
	char path[PATH_MAX];
	char directory[PATH_MAX];
	int fd;
	int descriptor; /* -1: the directory is gone */
	struct stat last;
	bool present;
};

static int watch_directory(struct bg_file_watch *watch)
{
	watch->descriptor = inotify_add_watch(watch->fd, watch->directory, EVENTS);
	return watch->descriptor < 0 ? -errno : 0;
}

int bg_file_watch_open(const char *path, struct bg_file_watch **out, struct bg_error *err)
{
	bg_cleanup(bg_file_watch_close_at) struct bg_file_watch *watch = NULL;
	char *slash;
	int rc;

	if (strlen(path) >= PATH_MAX)
		return bg_fail(err, -ENAMETOOLONG, "feed: the path is longer than %d bytes",
			       PATH_MAX - 1);
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return bg_no_memory(err, "feed: watching it");
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0)
		return bg_fail(err, -errno, "inotify: %s%s", strerror(errno),
			       errno == EMFILE ? " (fs.inotify.max_user_instances)" : "");
	snprintf(watch->path, sizeof(watch->path), "%s", path);
	snprintf(watch->directory, sizeof(watch->directory), "%s", path);
	slash = strrchr(watch->directory, '/');
	if (!slash)
		snprintf(watch->directory, sizeof(watch->directory), ".");
	else if (slash == watch->directory)
		slash[1] = '\0';
	else
		*slash = '\0';
	rc = watch_directory(watch);
	if (rc)
		return bg_fail(err, rc, "feed %s: watching the directory %s: %s", path,
			       watch->directory, strerror(-rc));
	*out = bg_take_ptr(watch);
	return 0;
}

void bg_file_watch_close(struct bg_file_watch *watch)
{
	if (!watch)
		return;
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch);
}

int bg_file_watch_fd(const struct bg_file_watch *watch)
{
	return watch->fd;
}

bool bg_file_watch_read(struct bg_file_watch *watch)
{
	char buffer[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool any = false;
	ssize_t length;

	while ((length = read(watch->fd, buffer, sizeof(buffer))) > 0) {
		any = true;
		for (ssize_t at = 0; at < length;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			if (event->mask & IN_IGNORED && event->wd == watch->descriptor)
				watch->descriptor = -1;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return any;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool bg_file_watch_changed(struct bg_file_watch *watch)
{
	struct stat now = {};
	bool present, changed;

	/* harmless for a directory that is watched already; after a replacement, watches
	 * the new one */
	watch_directory(watch);
	present = !stat(watch->path, &now);
	changed = present != watch->present || now.st_dev != watch->last.st_dev ||
		  now.st_ino != watch->last.st_ino || now.st_size != watch->last.st_size ||
		  !same_time(&now.st_mtim, &watch->last.st_mtim) ||
		  !same_time(&now.st_ctim, &watch->last.st_ctim);
	watch->present = present;
	watch->last = now;
	return changed;
}
