// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The pin directory; pin.h has the invariants. datapath/ pins and opens by it, the daemon
 * and unload lock it and tidy up. It never looks into an object that it pins.
 */
#include "pinned/pin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/access.h"
#include "base/cleanup.h"
#include "base/grow.h"

#define NEW_SUFFIX "_new"
#define LOCK_TRIES 50
#define LOCK_WAIT_US 20000

BG_CLEANUP_OF(closedir, DIR)

static const char *const kind_names[] = {
	[BG_PIN_MAPS] = "maps",
	[BG_PIN_LINKS] = "links",
	[BG_PIN_PROGRAMS] = "programs",
	[BG_PIN_ASIDE] = "maps_aside",
};

static int kind_path(char *path, const char *pin_dir, enum bg_pin_kind kind, const char *name,
		     const char *suffix)
{
	int length = snprintf(path, PATH_MAX, "%s/%s%s%s%s", pin_dir, kind_names[kind],
			      *name ? "/" : "", name, suffix);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static bool is_new(const char *name)
{
	size_t length = strlen(name), suffix = strlen(NEW_SUFFIX);

	return length > suffix && !strcmp(name + length - suffix, NEW_SUFFIX);
}

/* Fails with errno, and where it is about rights says which are missing. */
static int refused(const char *path, const char *what, int how, struct bg_error *err)
{
	int code = errno;
	char why[BG_ACCESS_TEXT] = "";

	if (code == EACCES || code == EPERM)
		bg_access_why(path, how, why);
	/* the kernel keeps such names for itself */
	if (code == EPERM && !*why && strchr(path, '.'))
		snprintf(why, sizeof(why), ": a BPF file system has no names with a dot in them");
	return bg_fail(err, -code, "pin directory %s: %s: %s%s", path, what, strerror(code), why);
}

/* Is the path, or the nearest parent of it that exists, on a bpffs? 0, or an error. */
static int on_bpffs(const char *pin_dir, struct bg_error *err)
{
	char path[PATH_MAX];
	struct statfs fs;
	char *slash;

	if (pin_dir[0] != '/' || strlen(pin_dir) >= sizeof(path) - 64)
		return bg_fail(err, -EINVAL, "pin directory %s: give an absolute path on a bpffs",
			       pin_dir);
	snprintf(path, sizeof(path), "%s", pin_dir);
	while (statfs(path, &fs)) {
		if (errno != ENOENT)
			return refused(path, "cannot look at it", R_OK, err);
		slash = strrchr(path, '/');
		if (slash == path)
			slash++;
		*slash = '\0';
	}
	if ((unsigned int)fs.f_type != (unsigned int)BPF_FS_MAGIC)
		return bg_fail(err, -ENODEV,
			       "pin directory %s: %s is not on a BPF file system; mount one first: "
			       "mount -t bpf bpf /sys/fs/bpf",
			       pin_dir, path);
	return 0;
}

static int make_directory(const char *path, struct bg_error *err)
{
	char partial[PATH_MAX];

	/* its parents first */
	for (size_t i = 1; path[i - 1]; i++) {
		if (path[i] != '/' && path[i])
			continue;
		snprintf(partial, sizeof(partial), "%.*s", (int)i, path);
		if (mkdir(partial, 0700) && errno != EEXIST)
			return refused(partial, "cannot create it", W_OK, err);
	}
	return 0;
}

/* On many machines everybody may make directories where ours is: one that another user
 * made, or may write in, is not used. */
static int check_owner(const char *path, struct bg_error *err)
{
	struct stat info;

	if (stat(path, &info))
		return refused(path, "cannot look at it", R_OK, err);
	if ((!info.st_uid || info.st_uid == geteuid()) && !(info.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	return bg_fail(err, -EACCES,
		       "pin directory: %s is of user %u with mode %04o: expected one that nobody "
		       "but root or user %u may change; remove it, or give another --pin-dir",
		       path, info.st_uid, info.st_mode & 07777, geteuid());
}

static int make_kinds(const char *pin_dir, struct bg_error *err)
{
	char path[PATH_MAX];

	for (int kind = 0; kind < BG_PIN_KINDS; kind++) {
		int rc;

		kind_path(path, pin_dir, kind, "", "");
		rc = make_directory(path, err) ?: check_owner(path, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Who only looks whether it is locked holds it for a moment (lock_holder.c). */
static int lock_patiently(int fd)
{
	int rc = flock(fd, LOCK_EX | LOCK_NB);

	for (int i = 0; rc && errno == EWOULDBLOCK && i < LOCK_TRIES; i++) {
		usleep(LOCK_WAIT_US);
		rc = flock(fd, LOCK_EX | LOCK_NB);
	}
	return rc;
}

int bg_pin_lock(const char *pin_dir, bool create, int *lock_fd, struct bg_error *err)
{
	bg_auto_close int fd = -1;
	int rc;

	rc = on_bpffs(pin_dir, err);
	if (rc)
		return rc;
	if (create) {
		rc = make_directory(pin_dir, err) ?: check_owner(pin_dir, err);
		if (rc)
			return rc;
	}
	fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return bg_fail(err, -ENOENT,
			       "pin directory %s does not exist: nothing is loaded "
			       "from there",
			       pin_dir);
	if (fd < 0)
		return refused(pin_dir, "cannot open it", R_OK, err);
	if (lock_patiently(fd)) {
		if (errno == EWOULDBLOCK)
			return bg_fail(err, -EBUSY,
				       "pin directory %s is in use by another branchguard daemon; "
				       "stop that one; for another network namespace, give "
				       "this one its own --pin-dir",
				       pin_dir);
		return bg_fail(err, -errno, "pin directory %s: flock: %s", pin_dir,
			       strerror(errno));
	}
	if (create) {
		rc = make_kinds(pin_dir, err);
		if (rc)
			return rc;
	}
	*lock_fd = bg_take_fd(&fd);
	return 0;
}

int bg_pin_lock_again(const char *pin_dir, int *lock_fd, struct bg_error *err)
{
	struct stat held, there;
	int fd, rc;

	if (fstat(*lock_fd, &held))
		return bg_fail(err, -errno, "pin directory %s: %s", pin_dir, strerror(errno));
	if (!stat(pin_dir, &there) && there.st_dev == held.st_dev && there.st_ino == held.st_ino)
		return make_kinds(pin_dir, err);
	rc = bg_pin_lock(pin_dir, true, &fd, err);
	if (rc)
		return rc;
	close(*lock_fd);
	*lock_fd = fd;
	return 1;
}

bool bg_pin_is_for_others(enum bg_pin_kind kind, const char *name)
{
	return kind == BG_PIN_MAPS && strcmp(name, "seed") != 0;
}

/* Is the directory shared? Then what is pinned there has its group already. */
static bool is_shared(const char *pin_dir)
{
	struct stat info;

	return !stat(pin_dir, &info) && info.st_mode & S_IXGRP;
}

int bg_pin_put(const char *pin_dir, enum bg_pin_kind kind, const char *name, int fd)
{
	char path[PATH_MAX], replacement[PATH_MAX];
	int rc;

	rc = kind_path(path, pin_dir, kind, name, "");
	if (rc)
		return rc;
	rc = kind_path(replacement, pin_dir, kind, name, NEW_SUFFIX);
	if (rc)
		return rc;
	unlink(replacement);
	rc = bpf_obj_pin(fd, replacement);
	if (rc)
		return rc;
	if (bg_pin_is_for_others(kind, name) && is_shared(pin_dir) && chmod(replacement, 0640)) {
		rc = -errno;
		unlink(replacement);
		return rc;
	}
	if (rename(replacement, path)) {
		rc = -errno;
		unlink(replacement);
	}
	return rc;
}

int bg_pin_get(const char *pin_dir, enum bg_pin_kind kind, const char *name)
{
	char path[PATH_MAX];
	int rc;

	rc = kind_path(path, pin_dir, kind, name, "");
	return rc ? rc : bpf_obj_get(path);
}

int bg_pin_get_to_read(const char *pin_dir, enum bg_pin_kind kind, const char *name)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	char path[PATH_MAX];
	int rc;

	rc = kind_path(path, pin_dir, kind, name, "");
	return rc ? rc : bpf_obj_get_opts(path, &opts);
}

int bg_pin_rename(const char *pin_dir, enum bg_pin_kind kind, const char *from, const char *to)
{
	char old_path[PATH_MAX], new_path[PATH_MAX];
	int rc;

	rc = kind_path(old_path, pin_dir, kind, from, "");
	if (rc)
		return rc;
	rc = kind_path(new_path, pin_dir, kind, to, "");
	if (rc)
		return rc;
	return rename(old_path, new_path) ? -errno : 0;
}

int bg_pin_remove(const char *pin_dir, enum bg_pin_kind kind, const char *name)
{
	char path[PATH_MAX];
	int rc;

	rc = kind_path(path, pin_dir, kind, name, "");
	if (rc)
		return rc;
	return unlink(path) ? -errno : 0;
}

/* Names are collected first: `each` may remove pins. */
static int each_name(const char *pin_dir, enum bg_pin_kind kind, bool replacements,
		     int (*each)(const char *name, void *context), void *context)
{
	bg_cleanup(closedir_at) DIR *directory = NULL;
	bg_auto_free char *names = NULL;
	size_t length = 0, room = 0;
	char path[PATH_MAX];
	struct dirent *entry;
	int rc;

	rc = kind_path(path, pin_dir, kind, "", "");
	if (rc)
		return rc;
	directory = opendir(path);
	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	while (errno = 0, (entry = readdir(directory))) {
		size_t size = strlen(entry->d_name) + 1;

		/* a directory that somebody made there holds no pin of ours */
		if (entry->d_name[0] == '.' || entry->d_type == DT_DIR ||
		    is_new(entry->d_name) != replacements)
			continue;
		if (BG_RESERVE(names, room, length + size))
			return -ENOMEM;
		memcpy(names + length, entry->d_name, size);
		length += size;
	}
	/* what was not listed is not known not to be there */
	if (errno)
		return -errno;
	for (size_t at = 0; at < length; at += strlen(names + at) + 1) {
		rc = each(names + at, context);
		if (rc)
			return rc;
	}
	return 0;
}

int bg_pin_each(const char *pin_dir, enum bg_pin_kind kind,
		int (*each)(const char *name, void *context), void *context)
{
	return each_name(pin_dir, kind, false, each, context);
}

struct removal {
	const char *pin_dir;
	enum bg_pin_kind kind;
};

static int remove_one(const char *name, void *context)
{
	const struct removal *removal = context;

	return bg_pin_remove(removal->pin_dir, removal->kind, name);
}

void bg_pin_tidy(const char *pin_dir)
{
	for (int kind = 0; kind < BG_PIN_KINDS; kind++) {
		struct removal removal = { pin_dir, kind };

		each_name(pin_dir, kind, true, remove_one, &removal);
	}
}

int bg_pin_aside_remove(const char *pin_dir)
{
	struct removal removal = { pin_dir, BG_PIN_ASIDE };
	char path[PATH_MAX];
	int rc;

	/* also what was half pinned there when its daemon was killed */
	rc = kind_path(path, pin_dir, BG_PIN_ASIDE, "", "")
		     ?: each_name(pin_dir, BG_PIN_ASIDE, true, remove_one, &removal)
		     ?: each_name(pin_dir, BG_PIN_ASIDE, false, remove_one, &removal);
	if (rc)
		return rc;
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}

int bg_pin_aside_make(const char *pin_dir, struct bg_error *err)
{
	char path[PATH_MAX];
	int rc;

	rc = bg_pin_aside_remove(pin_dir) ?: kind_path(path, pin_dir, BG_PIN_ASIDE, "", "");
	if (rc)
		return bg_fail(err, rc, "removing %s/maps_aside: %s", pin_dir, strerror(-rc));
	return make_directory(path, err);
}

int bg_pin_aside_swap(const char *pin_dir, struct bg_error *err)
{
	char maps[PATH_MAX], aside[PATH_MAX];
	int rc;

	rc = kind_path(maps, pin_dir, BG_PIN_MAPS, "", "")
		     ?: kind_path(aside, pin_dir, BG_PIN_ASIDE, "", "");
	if (!rc && renameat2(AT_FDCWD, aside, AT_FDCWD, maps, RENAME_EXCHANGE))
		rc = -errno;
	return rc ? bg_fail(err, rc, "putting %s/maps_aside in the place of %s/maps: %s", pin_dir,
			    pin_dir, strerror(-rc))
		  : 0;
}

bool bg_pin_aside_is_there(const char *pin_dir)
{
	char path[PATH_MAX];

	return !kind_path(path, pin_dir, BG_PIN_ASIDE, "", "") && !access(path, F_OK);
}

int bg_pin_clear(const char *pin_dir)
{
	char path[PATH_MAX];
	int rc;

	bg_pin_tidy(pin_dir);
	rc = bg_pin_aside_remove(pin_dir);
	if (rc)
		return rc;
	for (int kind = BG_PIN_KINDS - 1; kind >= 0; kind--) {
		struct removal removal = { pin_dir, kind };

		rc = bg_pin_each(pin_dir, kind, remove_one, &removal);
		if (rc)
			return rc;
		kind_path(path, pin_dir, kind, "", "");
		if (rmdir(path) && errno != ENOENT)
			return -errno;
	}
	/* empty, it may stay: whoever made it for a user that is not root removes it */
	return rmdir(pin_dir) && errno != ENOENT && errno != EACCES && errno != EPERM ? -errno : 0;
}

void bg_pin_prune(const char *pin_dir)
{
	char path[PATH_MAX];

	/* maps first: as long as maps are there, everything stays */
	for (int kind = 0; kind < BG_PIN_KINDS; kind++) {
		kind_path(path, pin_dir, kind, "", "");
		if (rmdir(path) && errno != ENOENT)
			return;
	}
	rmdir(pin_dir);
}
