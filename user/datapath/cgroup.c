// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds a cgroup's id, and its level by walking up to the root. datapath.c calls it for
 * the cgroup that may probe; it never changes a cgroup.
 */
#include "datapath/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

static bool is_cgroup2(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (unsigned int)fs.f_type == (unsigned int)CGROUP2_SUPER_MAGIC;
}

int bg_cgroup_find(const char *path, __u64 *id, __u32 *level, struct bg_error *err)
{
	bg_auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat info;
	__u32 depth = 0;

	if (fd < 0 || fstat(fd, &info))
		return bg_fail(err, -errno, "cgroup %s: %s", path, strerror(errno));
	if (!is_cgroup2(fd))
		return bg_fail(err, -EINVAL,
			       "cgroup %s: not a directory of the cgroup v2 file system", path);
	/* the inode number is the id */
	*id = info.st_ino;
	for (;;) {
		int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (parent < 0)
			return bg_fail(err, -errno, "cgroup %s: %s", path, strerror(errno));
		close(fd);
		fd = parent;
		if (!is_cgroup2(fd))
			break;
		depth++;
	}
	*level = depth;
	return 0;
}
