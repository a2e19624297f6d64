// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Starts and ends the processes beside the daemon, by posix_spawn() of /proc/self/exe: the
 * very program that runs, even if its file was replaced meanwhile. What they give up they
 * give up themselves (confine.c), before they look at anything.
 */
#include "apart/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Out of the way of those that the child gets. */
#define ASIDE_FD 16

struct spawning {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int aside[BG_CHILD_FDS];
};

static void end_spawning(struct spawning *spawning)
{
	posix_spawn_file_actions_destroy(&spawning->actions);
	posix_spawnattr_destroy(&spawning->attributes);
	for (size_t i = 0; i < BG_CHILD_FDS; i++)
		if (spawning->aside[i] >= 0)
			close(spawning->aside[i]);
}

static int give_fds(struct spawning *spawning, const struct bg_child_start *how)
{
	posix_spawn_file_actions_t *actions = &spawning->actions;
	int rc = 0;

	if (!how->keeps_stdin)
		rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY,
						      0);
	if (!rc)
		rc = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY,
						      0);
	for (size_t i = 0; i < how->fd_count && !rc; i++) {
		spawning->aside[i] = fcntl(how->fds[i], F_DUPFD_CLOEXEC, ASIDE_FD);
		if (spawning->aside[i] < 0)
			return -errno;
		rc = posix_spawn_file_actions_adddup2(actions, spawning->aside[i],
						      BG_CHILD_FD + (int)i);
	}
	return -rc;
}

/* No signal is blocked or ignored in it, as they are in the daemon. */
static int set_signals(struct spawning *spawning)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(&spawning->attributes, &none) ?:
	     posix_spawnattr_setsigdefault(&spawning->attributes, &all) ?:
	     posix_spawnattr_setflags(&spawning->attributes,
				      POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -rc;
}

int bg_child_start(const struct bg_child_start *how, struct bg_child *child, struct bg_error *err)
{
	bg_cleanup(end_spawning) struct spawning spawning = { .aside = { -1, -1, -1, -1 } };
	char *argv[] = { (char *)how->name, (char *)how->argument, NULL };
	pid_t pid;
	int rc;

	posix_spawn_file_actions_init(&spawning.actions);
	posix_spawnattr_init(&spawning.attributes);
	rc = give_fds(&spawning, how) ?: set_signals(&spawning);
	if (!rc)
		rc = -posix_spawn(&pid, "/proc/self/exe", &spawning.actions, &spawning.attributes,
				  argv, environ);
	if (rc)
		return bg_fail(err, rc, "starting %s: %s", how->name, strerror(-rc));
	child->pid = pid;
	/* it has not been waited for, so the number is still its own */
	child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (child->pidfd >= 0)
		return 0;
	rc = -errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	child->pid = 0;
	return bg_fail(err, rc, "starting %s: pidfd_open: %s", how->name, strerror(-rc));
}

int bg_child_wait(struct bg_child *child, int limit_ms, int *status)
{
	struct pollfd ended = { .fd = child->pidfd, .events = POLLIN };
	int ready;

	do {
		ready = poll(&ended, 1, limit_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready <= 0)
		return ready ? -errno : -ETIMEDOUT;
	while (waitpid(child->pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	close(child->pidfd);
	child->pid = 0;
	child->pidfd = -1;
	return 0;
}

void bg_child_kill(const struct bg_child *child)
{
	/* not yet waited for: the number is its own */
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}
