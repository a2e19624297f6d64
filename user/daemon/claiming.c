// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon's claim to its network namespace (pinned/claim.h), by a file that a process of its
 * own opens: its directory may be on a disk that is slow or does not answer. daemon.c calls it
 * once; the file stays when the daemon ends, since an end must not wait for that disk either.
 */
#include "daemon/claiming.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apart/files.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/passing.h"
#include "base/work.h"
#include "pinned/claim.h"

/* For the file to be opened. */
#define OPEN_MS 3000
/* The process has nothing more to do. */
#define END_MS 1000
/* unload removed the file in between. */
#define TRIES 8

/* static: whoever does not wait for its end leaves the thread at work with it. */
static struct {
	struct bg_work work;
	struct bg_files files;
	char path[BG_STATE_PATH_BYTES];
	int rc, claim_fd;
	struct bg_error err;
} claim;

static void end_process(void)
{
	int status;

	if (!claim.files.child.pid)
		return;
	bg_child_kill(&claim.files.child);
	bg_child_wait(&claim.files.child, END_MS, &status);
}

/*
 * The locked file goes into a socket, of which the daemon holds the end where it would come out. It
 * stays locked as long as that is open, and the daemon can end: whoever ends with a file open asks its
 * file system, which may not answer, what is in a socket is only dropped.
 */
static void lay_aside(int *claim_fd)
{
	bg_auto_close int in_fd = -1;
	const char nothing = 0;
	int ends[2];

	if (*claim_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return;
	in_fd = ends[1];
	if (bg_pass(in_fd, &nothing, sizeof(nothing), *claim_fd)) {
		close(ends[0]);
		return;
	}
	close(*claim_fd);
	*claim_fd = ends[0];
}

static void open_and_lock(void *context)
{
	(void)context;
	for (int i = 0; i < TRIES; i++) {
		bg_auto_close int fd = bg_files_open(&claim.files, &claim.err);

		claim.rc = fd;
		if (fd >= 0)
			claim.rc = bg_claim_lock(claim.path, &fd, &claim.claim_fd, &claim.err);
		if (claim.rc != -ESTALE)
			break;
	}
	lay_aside(&claim.claim_fd);
	end_process();
}

int bg_daemon_claim(int stop_fd, int *claim_fd, struct bg_error *err)
{
	int rc = bg_claim_path(claim.path, err) ?: bg_work_open(&claim.work, err);

	*claim_fd = -1;
	if (rc)
		return rc;
	claim.files = (struct bg_files){ .path = claim.path, .watch_fd = -1, .limit_ms = OPEN_MS };
	claim.claim_fd = -1;
	rc = bg_work_start(&claim.work, open_and_lock, NULL, err);
	if (rc)
		return rc;
	if (!bg_work_wait(&claim.work, OPEN_MS, stop_fd)) {
		bg_child_kill(&claim.files.child);
		bg_log(BG_LOG_WARNING,
		       "whether another branchguard guards this network namespace is not known: a "
		       "file system does not answer",
		       "file=%s", claim.path);
		return 0;
	}
	bg_work_close(&claim.work);
	*claim_fd = claim.claim_fd;
	if (claim.rc == -EBUSY)
		*err = claim.err;
	else if (claim.rc)
		bg_log(BG_LOG_WARNING,
		       "whether another branchguard guards this network namespace is not known",
		       "error=%s", bg_quote(claim.err.text));
	return claim.rc == -EBUSY ? claim.rc : 0;
}
