// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon's end of the process that writes its log. `run` begins it; base/log.c writes into
 * the pipe, which is stderr from then on, also that of the other processes. It is never waited
 * for here.
 */
#include "apart/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apart/child.h"
#include "base/passing.h"
#include "base/cleanup.h"
#include "base/log.h"

/* Of lines that are not written yet: thousands of interfaces may come at once. */
#define PIPE_BYTES (1 << 20)

static struct {
	bool is_used;
	char path[PATH_MAX]; /* of the file, or what the kernel calls it */
	int fds[BG_LOG_FDS];
	struct bg_child child;
	bool failed; /* to start, and that was logged */
} writer;

/* As far as is known without asking its file system, which may not answer. */
static bool look_at(int fd, struct statx *file)
{
	return !statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, file) &&
	       S_ISREG(file->stx_mode);
}

static bool is_one_file(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor;
}

static int start(struct bg_error *err)
{
	struct bg_child_start how = {
		.name = BG_LOG_WRITER,
		.argument = writer.path,
		.fd_count = BG_LOG_FDS,
	};

	memcpy(how.fds, writer.fds, sizeof(writer.fds));
	return bg_child_start(&how, &writer.child, err);
}

static void close_all(const int (*fds)[BG_LOG_FDS + 1])
{
	for (int i = 0; i <= BG_LOG_FDS; i++)
		if ((*fds)[i] >= 0)
			close((*fds)[i]);
}

static int begin(const struct statx *log, struct bg_error *err)
{
	/* ... and behind those the pipe's end that becomes stderr */
	bg_cleanup(close_all) int fds[BG_LOG_FDS + 1] = { -1, -1, -1, -1, -1 };
	const char nothing = 0;
	struct statx out;
	int ends[2];
	int rc;

	if (pipe2(ends, O_CLOEXEC))
		return bg_fail(err, -errno, "pipe: %s", strerror(errno));
	fds[BG_LOG_LINES] = ends[0];
	fds[BG_LOG_FDS] = ends[1];
	if (fcntl(ends[1], F_SETFL, O_WRONLY | O_NONBLOCK))
		return bg_fail(err, -errno, "fcntl: %s", strerror(errno));
	/* this user may have too many pipes for that */
	(void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	fds[BG_LOG_ANSWERS] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fds[BG_LOG_ANSWERS] < 0)
		return bg_fail(err, -errno, "eventfd: %s", strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, &fds[BG_LOG_TAKE]))
		return bg_fail(err, -errno, "socketpair: %s", strerror(errno));
	rc = bg_pass(fds[BG_LOG_LAY_BACK], &nothing, sizeof(nothing), STDERR_FILENO);
	if (rc)
		return bg_fail(err, rc, "sendmsg: %s", strerror(-rc));
	memcpy(writer.fds, fds, sizeof(writer.fds));
	rc = start(err);
	if (rc)
		return rc;
	/* `>log 2>&1` */
	if (look_at(STDOUT_FILENO, &out) && is_one_file(log, &out))
		dup2(fds[BG_LOG_FDS], STDOUT_FILENO);
	dup2(fds[BG_LOG_FDS], STDERR_FILENO);
	for (int i = 0; i < BG_LOG_FDS; i++)
		fds[i] = -1;
	return 0;
}

void bg_log_writer_begin(void)
{
	struct bg_error err = {};
	struct statx log;
	ssize_t length;

	if (!look_at(STDERR_FILENO, &log))
		return;
	length = readlink("/proc/self/fd/2", writer.path, sizeof(writer.path) - 1);
	writer.path[length > 0 ? length : 0] = '\0';
	if (begin(&log, &err)) {
		bg_log(BG_LOG_WARNING,
		       "the log is written by the daemon itself, which waits for its file system",
		       "error=%s", bg_quote(err.text));
		return;
	}
	writer.is_used = true;
	bg_log_answered(writer.fds[BG_LOG_ANSWERS]);
}

void bg_log_writer_look(void)
{
	struct bg_error err = {};
	int status;

	if (!writer.is_used)
		return;
	if (writer.child.pid) {
		if (bg_child_wait(&writer.child, 0, &status))
			return;
		/* what it had read and not written is answered by nobody */
		bg_log_answered(writer.fds[BG_LOG_ANSWERS]);
	}
	if (!start(&err)) {
		writer.failed = false;
		bg_log(BG_LOG_WARNING,
		       "the process that writes the log had ended: lines may be missing", NULL);
	} else if (!writer.failed) {
		writer.failed = true;
		bg_log(BG_LOG_WARNING, "nobody writes the log; it will be tried again", "error=%s",
		       bg_quote(err.text));
	}
}
