// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For the text of an error alone: whoever opens a path finds out by opening it, and asks
 * here afterwards. Nothing is decided by what this finds.
 */
#include "base/access.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *describe(const char *path, const char *what, const struct stat *info, char *text)
{
	snprintf(text, BG_ACCESS_TEXT,
		 ": user %u may not %s %.160s (mode %04o of user %u, group %u)", geteuid(), what,
		 path, info->st_mode & 07777, info->st_uid, info->st_gid);
	return text;
}

static int denied(const char *path, int how)
{
	return faccessat(AT_FDCWD, path, how, AT_EACCESS) != 0;
}

const char *bg_access_why(const char *path, int how, char text[BG_ACCESS_TEXT])
{
	char part[PATH_MAX], parent[PATH_MAX] = "/";
	struct stat info;

	text[0] = '\0';
	for (size_t i = 1; path[0] && path[i - 1] && i < sizeof(part); i++) {
		if (path[i] != '/' && path[i])
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (stat(part, &info)) {
			/* it is for its parent to say who may make it */
			if (how != W_OK || stat(parent, &info) || !denied(parent, W_OK))
				return text;
			return describe(parent, "write in", &info, text);
		}
		if (path[i] && denied(part, X_OK))
			return describe(part, "enter", &info, text);
		if (!path[i] && denied(part, S_ISDIR(info.st_mode) ? how | X_OK : how))
			return describe(part, how == W_OK ? "write" : "read", &info, text);
		memcpy(parent, part, i + 1);
	}
	return text;
}
