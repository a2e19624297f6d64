// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes the processes beside the daemon go wrong, for test_apart.sh and test_hang.sh:
 *	LD_PRELOAD=wayward.so BG_WAYWARD_FILE=FILE branchguard run ...
 * As long as FILE is there, it says what goes wrong, in one line:
 *	parser crash	ends by SIGILL
 *	parser abort	ends by SIGABRT
 *	parser loop	computes for ever
 *	parser memory	can have no more of it
 *	parser opens	opens a file
 *	parser connects	makes a socket
 *	parser starts	starts a program
 *	parser rubbish	answers bytes without sense
 *	parser silent	answers nothing, and ends as if all were well
 *	parser more	answers, and a byte more
 *	start	EAGAIN	it cannot be started
 *	daemon	asks	makes a system call that it does not name
 *	files asks	the same
 *	files reads	the feed's file is not read to its end, ever
 *	files writes	no file is put in its place, ever
 *	files state	nor is one of the daemon's state, or looked for, or read
 * FILE.hits gets a line for each.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_FD 4 /* of the parser, which writes elsewhere before it is confined */

static char whose[32], how[32];

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

static bool is_process(const char *name)
{
	const char *dash = strrchr(program_invocation_short_name, '-');

	return dash && !strcmp(dash + 1, name);
}

/* Is this one to go wrong now, and if so, how? */
static bool is_told(const char *process)
{
	const char *path = getenv("BG_WAYWARD_FILE");
	FILE *file = path ? fopen(path, "re") : NULL;
	bool told;

	if (!file)
		return false;
	told = fscanf(file, "%31s %31s", whose, how) == 2 && !strcmp(whose, process); // NOLINT
	fclose(file);
	return told;
}

/* (By calls that the process may make.) */
static void note(void)
{
	char name[4096], line[80];
	int length = snprintf(line, sizeof(line), "%s %s\n", whose, how), fd;

	snprintf(name, sizeof(name), "%s.hits", getenv("BG_WAYWARD_FILE"));
	fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, length) != length)
		abort();
	close(fd);
}

/* --- the parser: asked before it is confined, wayward when it writes its answer -------- */

static bool parser_is_wayward;

__attribute__((constructor)) static void begin(void)
{
	if (!is_process("parser") || !is_told("parser"))
		return;
	note();
	parser_is_wayward = strcmp(how, "memory") != 0;
	if (!parser_is_wayward) {
		const struct rlimit none = { 1, 1 };

		if (setrlimit(RLIMIT_DATA, &none))
			abort();
	}
}

static void connect_out(void)
{
	static const struct sockaddr_storage nowhere;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const void *)&nowhere, sizeof(nowhere)))
		close(fd);
}

static void go_wrong(void)
{
	if (!strcmp(how, "crash"))
		__builtin_trap();
	else if (!strcmp(how, "abort"))
		abort();
	else if (!strcmp(how, "opens"))
		open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	else if (!strcmp(how, "connects"))
		connect_out();
	else if (!strcmp(how, "starts"))
		execl("/bin/true", "true", (char *)NULL);
	else
		while (!strcmp(how, "loop"))
			;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	ssize_t (*next)(int, const void *, size_t) = real("write");
	static char rubbish[4096];

	if (!parser_is_wayward || fd != ANSWER_FD)
		return next(fd, bytes, length);
	go_wrong();
	if (!strcmp(how, "silent"))
		return (ssize_t)length;
	if (!strcmp(how, "more"))
		return next(fd, "", 1) == 1 ? next(fd, bytes, length) : -1;
	memset(rubbish, 0xa5, sizeof(rubbish));
	return next(fd, rubbish, sizeof(rubbish)) < 0 ? -1 : (ssize_t)length;
}

/* --- the daemon, which starts them -------------------------------------------------------- */

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		const posix_spawnattr_t *attributes, char *const argv[], char *const environment[])
{
	int (*next)(pid_t *, const char *, const posix_spawn_file_actions_t *,
		    const posix_spawnattr_t *, char *const[], char *const[]) = real("posix_spawn");

	if (is_told("daemon")) {
		note();
		getsid(0);
	}
	if (!is_told("start"))
		return next(pid, path, actions, attributes, argv, environment);
	note();
	return EAGAIN;
}

/* --- the reader and writer of files -------------------------------------------------------- */

/* Of the file that it is for: that of the state is one of these. */
static bool is_for_state;

__attribute__((constructor)) static void look(int argc, char **argv)
{
	is_for_state = argc > 1 && !strncmp(argv[1], "/run/branchguard/", 17);
}

static void go_wrong_if_told(const char *what)
{
	static bool asked; /* what is asked here is no file of the daemon's */

	if (asked || !is_process("files"))
		return;
	asked = true;
	asked = is_told("files");
	if (!asked)
		return;
	if (strcmp(how, is_for_state ? "state" : what) != 0) {
		asked = false;
		return;
	}
	note();
	if (!strcmp(what, "asks"))
		getsid(0);
	for (;;)
		poll(NULL, 0, -1);
}

ssize_t read(int fd, void *bytes, size_t length)
{
	ssize_t (*next)(int, void *, size_t) = real("read");

	if (fd > STDERR_FILENO) {
		go_wrong_if_told("reads");
		go_wrong_if_told("asks");
	}
	return next(fd, bytes, length);
}

int rename(const char *from, const char *to)
{
	int (*next)(const char *, const char *) = real("rename");

	go_wrong_if_told("writes");
	return next(from, to);
}

int lstat(const char *path, struct stat *found)
{
	int (*next)(const char *, struct stat *) = real("lstat");

	go_wrong_if_told("finds");
	return next(path, found);
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *, int, mode_t) = real("open");
	mode_t mode = 0;
	va_list list;

	va_start(list, flags);
	if (flags & O_CREAT)
		mode = va_arg(list, mode_t);
	va_end(list);
	/* (not the file that tells it to, which is asked for by another call) */
	if (is_for_state)
		go_wrong_if_told("opens");
	return next(path, flags, mode);
}
