// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A locked file for each network namespace that is guarded. The daemon takes it at its start
 * (daemon/claiming.c): two of them, each with pins of its own, would take the first place from
 * one another without end, and filters, which have the same handles, out of force. unload takes
 * the file away. It looks at no interface.
 */
#include "pinned/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "pinned/home.h"
#include "pinned/lock_holder.h"

/* One that ended removed its file in between. */
#define TRIES 8

static int refuse(const char *path, struct bg_error *err)
{
	struct bg_lock_holder holder;
	char who[48] = "";

	if (bg_lock_held(path, &holder) && holder.pid)
		snprintf(who, sizeof(who), " (%s, process %d)", holder.name, holder.pid);
	return bg_fail(
		err, -EBUSY,
		"another branchguard%s guards the interfaces of this network namespace, with "
		"another --pin-dir: one guards all of them; end that one first",
		who);
}

int bg_claim_path(char path[BG_STATE_PATH_BYTES], struct bg_error *err)
{
	struct bg_home home = {};
	int rc = bg_home_here(&home, err);

	snprintf(path, BG_STATE_PATH_BYTES, BG_STATE_DIR "/netns-%llu.lock",
		 (unsigned long long)home.netns_cookie);
	return rc;
}

int bg_claim_lock(const char *path, int *fd, int *claim_fd, struct bg_error *err)
{
	struct stat held;

	/* where files cannot be locked, nobody can know */
	if (flock(*fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? refuse(path, err) : 0;
	if (fstat(*fd, &held) || !held.st_nlink)
		return -ESTALE;
	*claim_fd = bg_take_fd(fd);
	return 0;
}

int bg_claim_netns(int *claim_fd, struct bg_error *err)
{
	char path[BG_STATE_PATH_BYTES];
	int rc = bg_claim_path(path, err);

	*claim_fd = -1;
	if (rc)
		return rc;
	/* whatever the umask: others keep files there that are for more people */
	if (!mkdir(BG_STATE_DIR, 0755))
		chmod(BG_STATE_DIR, 0755);
	for (int i = 0; i < TRIES; i++) {
		bg_auto_close int fd =
			open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);

		if (fd < 0)
			return 0;
		rc = bg_claim_lock(path, &fd, claim_fd, err);
		if (rc != -ESTALE)
			return rc;
	}
	return 0;
}

void bg_claim_end(int claim_fd)
{
	char path[BG_STATE_PATH_BYTES];
	struct bg_error ignored;

	if (claim_fd < 0)
		return;
	if (!bg_claim_path(path, &ignored))
		unlink(path);
	close(claim_fd);
}
