// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For `run --require-owner`; file.c calls it. Whoever can write one part of the way to the
 * feed can put another file in its place, so all of it is looked at.
 */
#include "source/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MOST_LINKS 40 /* as the kernel follows */

struct walk {
	const char *path; /* as given, for errors */
	char left[2 * PATH_MAX];
	char at[PATH_MAX]; /* where it is, for errors */
	int directory;
	int links;
};

static int refuse(const struct walk *walk, const struct stat *info, const char *what,
		  struct bg_error *err)
{
	return bg_fail(err, -EPERM,
		       "%s: refused by --require-owner: %s %s (user %u, group %u, mode %04o); "
		       "expected what is root's or user %u's and nobody else may write",
		       walk->path, walk->at, what, info->st_uid, info->st_gid,
		       info->st_mode & 07777, geteuid());
}

static bool is_read_only(int fd)
{
	struct statvfs fs;

	return !fstatvfs(fd, &fs) && fs.f_flag & ST_RDONLY;
}

static int check(const struct walk *walk, int fd, const struct stat *info, struct bg_error *err)
{
	const mode_t others = S_IWGRP | S_IWOTH;

	if (info->st_uid && info->st_uid != geteuid())
		return refuse(walk, info, "belongs to another user", err);
	/* a link has no mode of its own */
	if (S_ISLNK(info->st_mode) || !(info->st_mode & others) || is_read_only(fd))
		return 0;
	if (S_ISDIR(info->st_mode) && info->st_mode & S_ISVTX)
		return 0;
	return refuse(walk, info, "can be written by others", err);
}

static int failed(const struct walk *walk, struct bg_error *err)
{
	return bg_fail(err, -errno, "%s: opening the feed: %s: %s", walk->path, walk->at,
		       strerror(errno));
}

/* Goes on from where the link leads. */
static int follow(struct walk *walk, int link, struct bg_error *err)
{
	char target[PATH_MAX], rest[sizeof(walk->left)];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);

	if (++walk->links > MOST_LINKS)
		errno = ELOOP;
	if (length < 0 || walk->links > MOST_LINKS)
		return failed(walk, err);
	target[length] = '\0';
	memcpy(rest, walk->left, sizeof(rest));
	if (snprintf(walk->left, sizeof(walk->left), "%s/%s", target, rest) >=
	    (int)sizeof(walk->left)) {
		errno = ENAMETOOLONG;
		return failed(walk, err);
	}
	return 0;
}

static int begin(struct walk *walk, struct bg_error *err)
{
	bool from_root = walk->left[0] == '/';
	struct stat info;
	int fd = open(from_root ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(walk->at, sizeof(walk->at), "%s", from_root ? "/" : ".");
	if (fd < 0 || fstat(fd, &info)) {
		if (fd >= 0)
			close(fd);
		return failed(walk, err);
	}
	if (walk->directory >= 0)
		close(walk->directory);
	walk->directory = fd;
	return check(walk, fd, &info, err);
}

/* Takes the next name off what is left; false: there is none. */
static bool next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	char *left = walk->left + strspn(walk->left, "/");
	size_t length = strcspn(left, "/");

	if (!length)
		return false;
	snprintf(name, NAME_MAX + 1, "%.*s", (int)length, left);
	memmove(walk->left, left + length, strlen(left + length) + 1);
	return true;
}

static void come_to(struct walk *walk, const char *name)
{
	size_t used = strlen(walk->at);

	snprintf(walk->at + used, sizeof(walk->at) - used, "%s%s",
		 used && walk->at[used - 1] == '/' ? "" : "/", name);
}

static void leave(struct walk *walk)
{
	char *slash = strrchr(walk->at, '/');

	if (slash)
		slash[slash == walk->at] = '\0';
}

/* One part of the way. 1: it was the last one, *fd is the file. */
static int step(struct walk *walk, int *file, struct bg_error *err)
{
	char name[NAME_MAX + 1];
	bg_auto_close int fd = -1;
	struct stat info;
	int rc;

	if (!next_name(walk, name)) {
		errno = EISDIR;
		return failed(walk, err);
	}
	come_to(walk, name);
	fd = openat(walk->directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info))
		return failed(walk, err);
	rc = check(walk, fd, &info, err);
	if (rc)
		return rc;
	if (S_ISLNK(info.st_mode)) {
		rc = follow(walk, fd, err);
		leave(walk);
		return rc ?: walk->left[0] == '/' ? begin(walk, err) : 0;
	}
	if (S_ISDIR(info.st_mode)) {
		close(walk->directory);
		walk->directory = bg_take_fd(&fd);
		return 0;
	}
	*file = openat(walk->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (*file < 0 || fstat(*file, &info))
		return failed(walk, err);
	/* it may be another one by now */
	return check(walk, *file, &info, err) ?: 1;
}

static void end(struct walk *walk)
{
	if (walk->directory >= 0)
		close(walk->directory);
}

int bg_open_owned(const char *path, struct bg_error *err)
{
	bg_cleanup(end) struct walk walk = { .path = path, .directory = -1 };
	bg_auto_close int file = -1;
	int rc;

	if (snprintf(walk.left, sizeof(walk.left), "%s", path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return failed(&walk, err);
	}
	rc = begin(&walk, err);
	while (!rc)
		rc = step(&walk, &file, err);
	return rc < 0 ? rc : bg_take_fd(&file);
}
