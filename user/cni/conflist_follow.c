// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Follows theirs by inotify on the folder: files in it are rewritten in place, renamed over,
 * removed and made again. `install --follow` calls it. It removes nothing when it ends.
 */
#include "cni/conflist_follow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

/* Looks even without an event: a folder may be mounted over. */
#define LOOK_MS 10000
#define AGAIN_MS 1000
#define LOCK_MS 500

#define CHANGES                                                                                    \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |   \
	 IN_MOVE_SELF)

static bool is_same(int fd, int other_fd)
{
	struct stat info, other;

	return !fstat(fd, &info) && !fstat(other_fd, &other) && info.st_dev == other.st_dev &&
	       info.st_ino == other.st_ino;
}

int bg_conflist_lock(const struct bg_conflist_file *file, int signal_fd, int *lock_fd,
		     struct bg_error *err)
{
	bg_auto_close int fd = open(file->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool said = false;

	if (fd < 0)
		return bg_fail(err, -errno, "opening the folder %s: %s", file->dir,
			       strerror(errno));
	if (*lock_fd >= 0 && is_same(fd, *lock_fd))
		return 0;
	if (*lock_fd >= 0)
		close(*lock_fd);
	*lock_fd = -1;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		struct pollfd polled = { .fd = signal_fd, .events = POLLIN };

		if (errno != EWOULDBLOCK)
			return bg_fail(err, -errno, "locking %s: %s", file->dir, strerror(errno));
		if (signal_fd < 0)
			return bg_fail(err, -EBUSY,
				       "another branchguard-cni follows %s: end that first (in a "
				       "cluster, delete its DaemonSet)",
				       file->dir);
		if (!said)
			bg_log(BG_LOG_INFO,
			       "another branchguard-cni follows the folder: waiting for its end",
			       "dir=%s", bg_quote(file->dir));
		said = true;
		if (poll(&polled, 1, LOCK_MS) > 0)
			return 1;
	}
	*lock_fd = bg_take_fd(&fd);
	return 0;
}

static void log_order(const struct bg_conflist_file *file)
{
	char name[256];

	if (bg_conflist_is_behind(file, name))
		bg_log(BG_LOG_WARNING,
		       "a configuration sorts before ours: a runtime that takes the first one does "
		       "not ask the gate, unless that one hands on to ours",
		       "first=%s ours=%s", bg_quote(name), bg_quote(file->ours));
}

int bg_conflist_step_logged(const struct bg_conflist_file *file, struct bg_error *said)
{
	struct bg_error err = {};
	int rc = bg_conflist_step(file, &err);

	if (rc == BG_CONFLIST_WRITTEN) {
		bg_log(BG_LOG_INFO, "the gate stands in the list of plugins",
		       "dir=%s file=%s of=%s", bg_quote(file->dir), bg_quote(file->ours),
		       bg_quote(file->theirs));
		log_order(file);
	} else if (rc == BG_CONFLIST_REMOVED) {
		bg_log(BG_LOG_INFO, "the list of plugins is gone, and ours with it",
		       "dir=%s file=%s of=%s", bg_quote(file->dir), bg_quote(file->ours),
		       bg_quote(file->theirs));
	} else if (rc == BG_CONFLIST_HELD && strcmp(said->text, err.text) != 0) {
		bg_log(BG_LOG_WARNING, "the list of plugins cannot be used: ours stays as it is",
		       "error=%s", bg_quote(err.text));
	} else if (rc < 0 && strcmp(said->text, err.text) != 0) {
		bg_log(BG_LOG_ERROR, "our list of plugins is not as it should be", "error=%s",
		       bg_quote(err.text));
	}
	*said = rc == BG_CONFLIST_HELD || rc < 0 ? err : (struct bg_error){};
	return rc;
}

/* A new descriptor, whose folder is the one that stands at that path now, and is ours. */
static int watch(const struct bg_conflist_file *file, int signal_fd, int *lock_fd,
		 struct bg_error *err)
{
	bg_auto_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int rc = bg_conflist_lock(file, signal_fd, lock_fd, err);

	if (rc)
		return rc < 0 ? rc : -EINTR;
	if (fd < 0 || inotify_add_watch(fd, file->dir, CHANGES | IN_ONLYDIR) < 0)
		return bg_fail(err, -errno, "watching the folder %s: %s", file->dir,
			       strerror(errno));
	return bg_take_fd(&fd);
}

/* Takes all events; true: the watch is over, as the folder is. */
static bool take_events(int fd)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	bool over = false;
	ssize_t got;

	while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			over |= !!(event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_UNMOUNT));
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return over;
}

int bg_conflist_follow(const struct bg_conflist_file *file, int signal_fd, struct bg_error *err)
{
	struct bg_error said = {}, unwatched = {};
	bg_auto_close int fd = -1, lock_fd = -1;

	for (;;) {
		struct pollfd polled[2] = { { .fd = signal_fd, .events = POLLIN } };
		int rc;

		/* before the step: what changes after it is an event */
		if (fd < 0) {
			fd = watch(file, signal_fd, &lock_fd, err);
			if (fd == -EINTR)
				return 0;
			if (fd < 0 && strcmp(err->text, unwatched.text) != 0)
				bg_log(BG_LOG_ERROR, "the folder cannot be followed", "error=%s",
				       bg_quote(err->text));
			unwatched = fd < 0 ? *err : (struct bg_error){};
		}
		rc = bg_conflist_step_logged(file, &said);
		polled[1] = (struct pollfd){ .fd = fd, .events = POLLIN };
		/* what cannot be written makes events of its own, with each try */
		rc = poll(polled, rc < 0 ? 1 : 2, fd < 0 || rc < 0 ? AGAIN_MS : LOOK_MS);
		if (rc < 0 && errno != EINTR)
			return bg_fail(err, -errno, "waiting for changes of %s: %s", file->dir,
				       strerror(errno));
		if (polled[0].revents)
			return 0;
		/* without an event: perhaps another folder stands at that path */
		if (fd >= 0 && (!rc || take_events(fd))) {
			close(fd);
			fd = -1;
		}
	}
}
