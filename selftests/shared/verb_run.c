// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The tests of verbs call it. Forks, so that no verb finds what another one has left. */
#include "verb_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_ARGUMENTS 32

static int new_file(void)
{
	int fd = memfd_create("verb", MFD_CLOEXEC);

	if (fd < 0) {
		perror("memfd_create");
		abort();
	}
	return fd;
}

pid_t verb_begin(verb_fn *verb, const char *const *arguments, int out_fd, int err_fd)
{
	char *argv[MOST_ARGUMENTS + 2] = { (char *)"verb" };
	int argc = 1, status;
	pid_t pid;

	for (; arguments[argc - 1] && argc <= MOST_ARGUMENTS; argc++)
		argv[argc] = (char *)arguments[argc - 1];
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		abort();
	}
	if (pid)
		return pid;
	if (dup2(out_fd, STDOUT_FILENO) < 0 || dup2(err_fd, STDERR_FILENO) < 0)
		_exit(127);
	status = verb(argc, argv);
	fflush(NULL);
	_exit(status);
}

int verb_end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR) {
			perror("waitpid");
			abort();
		}
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_and_close(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	text[got > 0 ? got : 0] = '\0';
	close(fd);
}

const struct verb_run *verb_run(verb_fn *verb, const char *const *arguments)
{
	static struct verb_run run;
	int out_fd = new_file(), err_fd = new_file();

	run.status = verb_end(verb_begin(verb, arguments, out_fd, err_fd));
	read_and_close(out_fd, run.out, sizeof(run.out));
	read_and_close(err_fd, run.err, sizeof(run.err));
	return &run;
}
