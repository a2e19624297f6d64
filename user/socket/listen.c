// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Puts the daemon's socket where clients look for it. The process for files calls it, since
 * the directory may be on a disk that does not answer; it never follows a link and never
 * removes what is no socket.
 */
#include "socket/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

/* The directory, if it is safe; the rest of the path is in *name. */
static int open_directory(const char *path, const char **name, struct stat *found,
			  struct bg_error *err)
{
	const char *slash = strrchr(path, '/');
	bg_auto_close int fd = -1;
	char directory[108];

	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	/* whatever the umask: whom the socket is for it says itself */
	if (!mkdir(directory, 0755))
		chmod(directory, 0755);
	else if (errno != EEXIST)
		return bg_fail(err, -errno, "cannot make %s for the socket: %s", directory,
			       strerror(errno));
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, found))
		return bg_fail(err, -errno, "cannot open the directory %s: %s", directory,
			       strerror(errno));
	if ((found->st_uid && found->st_uid != geteuid()) || found->st_mode & 022)
		return bg_fail(err, -EPERM,
			       "%s belongs to user %u and has mode %04o, so others could put "
			       "something in the socket's place; expected root's or user %u's, "
			       "and mode 0755 or less",
			       directory, found->st_uid, found->st_mode & 07777, geteuid());
	*name = slash + 1;
	return bg_take_fd(&fd);
}

/* Only a socket may be replaced. */
static int check_free(const char *path, int directory, const char *name, struct bg_error *err)
{
	struct stat found;

	if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return 0;
		return bg_fail(err, -errno, "cannot look at %s: %s", path, strerror(errno));
	}
	if (!S_ISSOCK(found.st_mode))
		return bg_fail(err, -EEXIST, "%s is no socket: remove it", path);
	return 0;
}

/* Under a name of its own first, so that whoever connects finds it as it shall be. */
static int bind_beside(const char *path, int fd, int directory, const char *name, gid_t group,
		       mode_t mode)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *beside;

	if (snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", path) >=
	    (int)sizeof(address.sun_path))
		return -ENAMETOOLONG;
	beside = address.sun_path + (name - path);
	if (unlinkat(directory, beside, 0) && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	/* without the right to do so it stays with our own group */
	if (fchownat(directory, beside, -1, group, AT_SYMLINK_NOFOLLOW) && errno != EPERM)
		return -errno;
	if (fchmodat(directory, beside, mode, 0) || listen(fd, BG_LISTEN_BACKLOG) ||
	    renameat(directory, beside, directory, name))
		return -errno;
	return 0;
}

int bg_listen_socket(struct bg_error *err)
{
	bg_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	/* what bind() makes has this mode */
	if (fd < 0 || fchmod(fd, BG_LISTEN_MODE))
		return bg_fail(err, -errno, "cannot make a socket: %s", strerror(errno));
	return bg_take_fd(&fd);
}

int bg_listen_at(const char *path, gid_t group, mode_t mode, int fd, struct bg_listening *listening,
		 struct bg_error *err)
{
	bg_auto_close int directory = -1;
	struct stat found;
	const char *name = path;
	int rc;

	directory = open_directory(path, &name, &found, err);
	if (directory < 0)
		return directory;
	rc = check_free(path, directory, name, err);
	if (rc)
		return rc;
	rc = bind_beside(path, fd, directory, name, group == (gid_t)-1 ? found.st_gid : group,
			 mode);
	if (rc)
		return bg_fail(err, rc, "cannot listen at %s: %s", path, strerror(-rc));
	if (fstatat(directory, name, &found, AT_SYMLINK_NOFOLLOW))
		return bg_fail(err, -errno, "cannot look at %s: %s", path, strerror(errno));
	listening->device = found.st_dev;
	listening->inode = found.st_ino;
	return 0;
}

bool bg_listen_is_there(const char *path, const struct bg_listening *listening)
{
	struct stat found;

	return !lstat(path, &found) && found.st_dev == listening->device &&
	       found.st_ino == listening->inode;
}

void bg_listen_end(const char *path, const struct bg_listening *listening)
{
	if (bg_listen_is_there(path, listening))
		unlink(path);
}
