// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Parts in the files of a directory. cmd_build.c and publisher.c write them, and who follows a directory
 * reads them. It believes nothing of a file but what parts/ says of its text, follows no
 * symbolic link, and touches no file that has not a part's name.
 */
#include "fleet/parts_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/put.h"

BG_CLEANUP_OF(closedir, DIR)

/* A part that is being written: ".groupfeed-sg-1.json.new" */
#define NEW_TEXT (BG_PART_FILE_TEXT + 8)

int bg_parts_dir_open(const char *path, struct bg_parts_dir *dir, struct bg_error *err)
{
	*dir = (struct bg_parts_dir){ path, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	return dir->fd < 0 ? bg_fail(err, -errno, "%s: opening the directory: %s", path,
				     strerror(errno))
			   : 0;
}

int bg_parts_dir_lock(const char *path, struct bg_parts_dir *dir, struct bg_error *err)
{
	int rc;

	if (mkdir(path, 0755) && errno != EEXIST)
		return bg_fail(err, -errno, "%s: making the directory: %s", path, strerror(errno));
	rc = bg_parts_dir_open(path, dir, err);
	if (rc || !flock(dir->fd, LOCK_EX | LOCK_NB))
		return rc;
	rc = errno == EWOULDBLOCK
		     ? bg_fail(err, -EBUSY,
			       "%s: another process writes parts there: wait for its end", path)
		     : bg_fail(err, -errno, "%s: locking: %s", path, strerror(errno));
	close(bg_take_fd(&dir->fd));
	return rc;
}

bool bg_parts_dir_stands(const struct bg_parts_dir *dir)
{
	struct stat ours, now;

	return dir->fd >= 0 && !fstat(dir->fd, &ours) && !stat(dir->path, &now) &&
	       ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
}

/* --- reading --- */

static int read_bytes(int fd, char *bytes, size_t room, size_t *used)
{
	*used = 0;
	while (*used < room) {
		ssize_t got = read(fd, bytes + *used, room - *used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : 0;
		*used += (size_t)got;
	}
	return 0;
}

/* *text is the caller's. */
static int read_file(const struct bg_parts_dir *dir, const char *file, char **text,
		     size_t *length_bytes, struct bg_error *err)
{
	bg_auto_close int fd =
		openat(dir->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bg_auto_free char *bytes = NULL;
	struct stat status;
	int rc;

	if (fd < 0 || fstat(fd, &status))
		return bg_fail(err, -errno, "%s/%s: opening: %s", dir->path, file,
			       errno == ELOOP ? "it is a symbolic link, which is not followed"
					      : strerror(errno));
	if (!S_ISREG(status.st_mode))
		return bg_fail(err, -EINVAL, "%s/%s: found something else than a file", dir->path,
			       file);
	if (status.st_size > (off_t)BG_PART_MOST_BYTES)
		return bg_fail(err, -E2BIG, "%s/%s: found %lld bytes, expected at most %u",
			       dir->path, file, (long long)status.st_size, BG_PART_MOST_BYTES);
	/* one more, so that what has grown meanwhile is too much */
	bytes = malloc((size_t)status.st_size + 1);
	if (!bytes)
		return bg_no_memory(err, BG_PARTS_DOING);
	rc = read_bytes(fd, bytes, (size_t)status.st_size + 1, length_bytes);
	if (rc)
		return bg_fail(err, rc, "%s/%s: reading: %s", dir->path, file, strerror(-rc));
	*text = bg_take_ptr(bytes);
	return 0;
}

int bg_parts_dir_read_part(const struct bg_parts_dir *dir, enum bg_part_kind kind, const char *name,
			   struct bg_part_set *set, struct bg_error *err)
{
	bg_auto_free char *text = NULL;
	char file[BG_PART_FILE_TEXT];
	size_t length_bytes = 0;
	int rc = read_file(dir, bg_part_file(kind, name, file), &text, &length_bytes, err);

	if (rc)
		return rc;
	rc = bg_part_set_read(set, kind, name, text, length_bytes, err);
	return rc ? bg_fail_in(err, rc, "%s", dir->path) : 0;
}

/* Calls `each` with every entry; a directory of its own, since reading moves it. */
static int for_entries(const struct bg_parts_dir *dir,
		       int (*each)(void *context, const char *file, struct bg_error *err),
		       void *context, struct bg_error *err)
{
	bg_auto_close int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bg_cleanup(closedir_at) DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!entries)
		return bg_fail(err, -errno, "%s: opening the directory: %s", dir->path,
			       strerror(errno));
	bg_take_fd(&fd);
	while (errno = 0, (entry = readdir(entries))) {
		int rc = each(context, entry->d_name, err);

		if (rc)
			return rc;
	}
	return errno ? bg_fail(err, -errno, "%s: reading the directory: %s", dir->path,
			       strerror(errno))
		     : 0;
}

struct reading {
	const struct bg_parts_dir *dir;
	struct bg_part_set *set;
	void (*bad)(const char *text);
};

static int read_entry(void *context, const char *file, struct bg_error *err)
{
	const struct reading *reading = context;
	char name[BG_PART_NAME_TEXT];
	enum bg_part_kind kind;
	int rc = bg_part_of_file(file, &kind, name)
			 ? bg_parts_dir_read_part(reading->dir, kind, name, reading->set, err)
			 : 0;

	if (rc && rc != -ENOMEM && rc != -ENOENT)
		reading->bad(err->text);
	return rc == -ENOMEM ? rc : 0;
}

int bg_parts_dir_read(const struct bg_parts_dir *dir, struct bg_part_set *set,
		      void (*bad)(const char *text), struct bg_error *err)
{
	struct reading reading = { dir, set, bad };

	return for_entries(dir, read_entry, &reading, err);
}

/* --- writing --- */

static const char *new_file(const char *file, char text[NEW_TEXT])
{
	snprintf(text, NEW_TEXT, ".%s.new", file);
	return text;
}

/* Nothing is synced: what a lost power leaves half has another hash, and is written anew. */
static int write_part(const struct bg_parts_dir *dir, const struct bg_part *part,
		      struct bg_error *err)
{
	bg_auto_close int fd = -1;
	char beside[NEW_TEXT];
	int rc;

	/* what is left of an earlier try, or what somebody put there for us to follow */
	unlinkat(dir->fd, new_file(part->file, beside), 0);
	fd = openat(dir->fd, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return bg_fail(err, -errno, "%s/%s: writing: %s", dir->path, beside,
			       strerror(errno));
	rc = bg_put_all(fd, part->text, part->length_bytes);
	if (!rc && renameat(dir->fd, beside, dir->fd, part->file))
		rc = -errno;
	if (!rc)
		return 0;
	unlinkat(dir->fd, beside, 0);
	return bg_fail(err, rc, "%s/%s: writing: %s", dir->path, part->file, strerror(-rc));
}

static bool is_there(const struct bg_part_set *old, const struct bg_part *part)
{
	const struct bg_part *before = bg_part_set_find(old, part->kind, part->name);

	return before && before->length_bytes == part->length_bytes &&
	       !memcmp(before->text, part->text, part->length_bytes);
}

struct removing {
	const struct bg_parts_dir *dir;
	const struct bg_part_set *made;
	struct bg_parts_written *written;
};

/* A part that is gone, or one that was never finished. */
static int remove_entry(void *context, const char *file, struct bg_error *err)
{
	const struct removing *removing = context;
	char part[NEW_TEXT], name[BG_PART_NAME_TEXT];
	size_t length = strlen(file);
	enum bg_part_kind kind;
	bool is_new = file[0] == '.' && length > 5 && !strcmp(file + length - 4, ".new");

	snprintf(part, sizeof(part), "%.*s", is_new ? (int)length - 5 : (int)length, file + is_new);
	if (!bg_part_of_file(part, &kind, name) ||
	    (!is_new && bg_part_set_find(removing->made, kind, name)))
		return 0;
	if (unlinkat(removing->dir->fd, file, 0) && errno != ENOENT)
		return bg_fail(err, -errno, "%s/%s: removing: %s", removing->dir->path, file,
			       strerror(errno));
	removing->written->removed += !is_new;
	return 0;
}

int bg_parts_dir_write(const struct bg_parts_dir *dir, const struct bg_part_set *old,
		       const struct bg_part_set *made, struct bg_parts_written *written,
		       struct bg_error *err)
{
	struct removing removing = { dir, made, written };

	*written = (struct bg_parts_written){ .parts = made->count };
	for (int kind = 0; kind < BG_PART_KINDS; kind++) {
		for (size_t i = 0; i < made->count; i++) {
			int rc;

			if ((int)made->part[i].kind != kind || is_there(old, &made->part[i]))
				continue;
			rc = write_part(dir, &made->part[i], err);
			if (rc)
				return rc;
			written->written++;
			written->written_bytes += made->part[i].length_bytes;
		}
	}
	return for_entries(dir, remove_entry, &removing, err);
}
