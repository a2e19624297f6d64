// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Owners and modes of what is pinned. The daemon calls it at its start, while it may still
 * become a member of a group, and again where pins were put back. It opens no map.
 */
#include "pinned/share.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pinned/pin.h"

static bool is_member(gid_t group)
{
	gid_t groups[NGROUPS_MAX];
	int count = getgroups(NGROUPS_MAX, groups);

	for (int i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return getegid() == group;
}

static int become_member(gid_t group)
{
	gid_t groups[NGROUPS_MAX + 1];
	int count = getgroups(NGROUPS_MAX, groups);

	if (count < 0)
		return -errno;
	groups[count++] = group;
	return setgroups((size_t)count, groups) ? -errno : 0;
}

int bg_share_group(const char *name, gid_t *group, struct bg_error *err)
{
	const struct group *found;
	char *end;
	unsigned long number = strtoul(name, &end, 10);
	int rc;

	if (*name < '0' || *name > '9' || *end || number >= BG_NO_GROUP) {
		errno = 0;
		found = getgrnam(name);
		if (!found)
			return bg_fail(err, -ENOENT, "--group '%.80s': %s", name,
				       errno ? strerror(errno) : "there is no such group");
		number = found->gr_gid;
	}
	*group = (gid_t)number;
	if (is_member(*group))
		return 0;
	rc = become_member(*group);
	return rc ? bg_fail(err, rc,
			    "--group '%.80s': user %u is no member of it, and to become one takes "
			    "CAP_SETGID: %s",
			    name, geteuid(), strerror(-rc))
		  : 0;
}

/* chown() by its owner, to a group of his own, takes no capability; nor does chmod(), which
 * comes afterwards, since the other may clear the bit that new files take the group by. */
static int set(const char *path, gid_t group, mode_t mode)
{
	struct stat info;

	if (lstat(path, &info))
		return -errno;
	if (S_ISLNK(info.st_mode))
		return -ELOOP;
	if (group != BG_NO_GROUP && info.st_gid != group &&
	    fchownat(AT_FDCWD, path, (uid_t)-1, group, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if ((info.st_mode & 07777) != mode && chmod(path, mode))
		return -errno;
	return 0;
}

struct sharing {
	const char *pin_dir;
	gid_t group;
};

static int set_pin(const char *name, void *context)
{
	const struct sharing *sharing = context;
	bool shared = sharing->group != BG_NO_GROUP && bg_pin_is_for_others(BG_PIN_MAPS, name);
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/maps/%s", sharing->pin_dir, name);
	rc = set(path, sharing->group, shared ? 0640 : 0600);
	/* gone by now; or no pin, and not ours to change */
	return rc == -ENOENT || rc == -ELOOP ? 0 : rc;
}

int bg_share_pins(const char *pin_dir, gid_t group, struct bg_error *err)
{
	/* what is made in a directory with S_ISGID is of its group. Who could open the directory
	 * itself could lock it, and so keep a daemon from starting, or look like one */
	const mode_t mode = group == BG_NO_GROUP ? 0700 : S_ISGID | 0710;
	struct sharing sharing = { pin_dir, group };
	char maps[PATH_MAX];
	int rc;

	snprintf(maps, sizeof(maps), "%s/maps", pin_dir);
	rc = set(pin_dir, group, mode) ?:
	     set(maps, group, mode) ?:
	     bg_pin_each(pin_dir, BG_PIN_MAPS, set_pin, &sharing);
	/* somebody removed it since it was locked: who pins makes it again, for its owner alone,
	 * and the next look at the pins comes by here */
	if (rc == -ENOENT)
		return 0;
	return rc ? bg_fail(err, rc, "setting who may read %s: %s", pin_dir, strerror(-rc)) : 0;
}
