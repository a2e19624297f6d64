// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A copy of the process by fork(), a socket on which it answers, and a limit. It keeps nothing
 * open that others wait for, neither locks nor the pipe to who reads a verb's output. Whatever it
 * opened on that file system it closes itself: even that may wait.
 */
#include "base/in_time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/passing.h"

/* Where the copy has them; all others are closed. */
#define ANSWER_FD 3
#define TEXT_FD 4
/* Out of the way of those. */
#define ASIDE_FD 16
/* For a copy that has answered, or is killed, to be gone. */
#define END_MS 1000

struct answer {
	int rc;
	struct bg_error err;
};

/* One of the two. */
struct job {
	bg_in_time_fn *work;
	bg_copy_fn *copy;
	void *context;
	int text_fd; /* for copy */
};

static bool move_descriptors(int socket_fd, int text_fd)
{
	int aside_socket = fcntl(socket_fd, F_DUPFD, ASIDE_FD);
	int aside_text = text_fd < 0 ? -1 : fcntl(text_fd, F_DUPFD, ASIDE_FD);
	int nothing;

	if (aside_socket < 0 || dup2(aside_socket, ANSWER_FD) < 0 ||
	    (aside_text >= 0 && dup2(aside_text, TEXT_FD) < 0) ||
	    close_range(aside_text < 0 ? TEXT_FD : TEXT_FD + 1, ~0U, 0))
		return false;
	nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && nothing >= 0; fd++)
		if (dup2(nothing, fd) < 0)
			return false;
	return nothing >= 0;
}

static void __attribute__((noreturn)) be_copy(const struct job *job, int socket_fd)
{
	struct answer answer = {};
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!move_descriptors(socket_fd, job->text_fd))
		_exit(EXIT_FAILURE);
	if (job->copy)
		answer.rc = job->copy(job->context, TEXT_FD, &answer.err);
	else if (job->work)
		answer.rc = job->work(job->context, &fd, &answer.err);
	_exit(bg_pass(ANSWER_FD, &answer, sizeof(answer), fd) ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* It has nothing to do any more. One that cannot be killed is left. */
static void end_copy(pid_t pid)
{
	bg_auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd gone = { .fd = pidfd, .events = POLLIN };

	kill(pid, SIGKILL);
	poll(&gone, 1, pidfd < 0 ? 0 : END_MS);
	waitpid(pid, NULL, WNOHANG);
}

static int wait_until(int fd, int limit_ms)
{
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&answer, 1, limit_ms);
	} while (ready < 0 && errno == EINTR);
	return ready > 0 ? 0 : ready ? -errno : -ETIMEDOUT;
}

static int run(const char *path, int limit_ms, const struct job *job, int *fd, struct bg_error *err)
{
	bg_auto_close int own_fd = -1, its_fd = -1;
	struct answer answer = {};
	int ends[2], rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return bg_fail(err, -errno, "%s: socketpair: %s", path, strerror(errno));
	own_fd = ends[0];
	its_fd = ends[1];
	pid = fork();
	if (pid < 0)
		return bg_fail(err, -errno, "%s: starting a process that looks there: %s", path,
			       strerror(errno));
	if (!pid)
		be_copy(job, its_fd);
	/* so that its end is seen */
	close(bg_take_fd(&its_fd));
	rc = wait_until(own_fd, limit_ms) ?: bg_take_passed(own_fd, &answer, sizeof(answer), fd);
	end_copy(pid);
	if (rc == -ETIMEDOUT)
		return bg_fail(err, rc, "%s: no answer for %d s: does its file system answer?",
			       path, limit_ms / 1000);
	if (rc)
		return bg_fail(err, rc, "%s: the process that looked there ended: %s", path,
			       strerror(-rc));
	*err = answer.err;
	return answer.rc;
}

int bg_in_time(const char *path, int limit_ms, bg_in_time_fn *work, void *context, int *fd,
	       struct bg_error *err)
{
	const struct job job = { .work = work, .context = context, .text_fd = -1 };
	bg_auto_close int opened_fd = -1;
	int rc = run(path, limit_ms, &job, &opened_fd, err);

	if (!rc && fd)
		*fd = bg_take_fd(&opened_fd);
	return rc;
}

static int take_text(const char *path, int from_fd, char **text, size_t *length_bytes,
		     struct bg_error *err)
{
	bg_auto_free char *bytes = NULL;
	struct stat status;
	size_t length, done = 0;

	if (fstat(from_fd, &status))
		return bg_fail(err, -errno, "reading %s: %s", path, strerror(errno));
	length = (size_t)status.st_size;
	bytes = malloc(length + 1);
	if (!bytes)
		return bg_no_memory(err, "reading %s", path);
	while (done < length) {
		ssize_t got = pread(from_fd, bytes + done, length - done, (off_t)done);

		if (got <= 0)
			return bg_fail(err, got ? -errno : -EIO, "reading %s: %s", path,
				       strerror(got ? errno : EIO));
		done += (size_t)got;
	}
	bytes[length] = '\0';
	*length_bytes = length;
	*text = bg_take_ptr(bytes);
	return 0;
}

int bg_read_in_time(const char *path, bg_copy_fn *copy, void *context, char **text,
		    size_t *length_bytes, struct bg_error *err)
{
	bg_auto_close int text_fd = memfd_create("branchguard", MFD_CLOEXEC);
	const struct job job = { .copy = copy, .context = context, .text_fd = text_fd };
	bg_auto_close int ignored_fd = -1;
	int rc;

	if (text_fd < 0)
		return bg_fail(err, -errno, "making room for %s: %s", path, strerror(errno));
	rc = run(path, BG_IN_TIME_MS, &job, &ignored_fd, err);
	return rc ?: take_text(path, text_fd, text, length_bytes, err);
}
