// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The process that reads or writes one file for the daemon, which it was started for, or some
 * beside each other. It may wait as long as a file system likes. It ends when the daemon does.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apart/confine.h"
#include "apart/files.h"
#include "base/passing.h"
#include "base/cleanup.h"
#include "feed/feed.h"

#define SOCKET_FD BG_CHILD_FD
#define WATCH_FD (BG_CHILD_FD + 1)

static const struct bg_seccomp_rule calls[] = {
	{ .call = "recvmsg" },
	{ .call = "sendto" },
	{ .call = "sendmsg" },
	{ .call = "inotify_add_watch" },
	/* the file, its directory, and what it is copied to or from */
	{ .call = "open" },
	{ .call = "openat" },
	{ .call = "stat" },
	{ .call = "newfstatat" },
	{ .call = "statx" },
	{ .call = "fstat" },
	/* whose a file is (source/owner.h), and why it cannot be opened */
	{ .call = "readlinkat" },
	{ .call = "fstatfs" },
	{ .call = "geteuid" },
	{ .call = "faccessat" },
	{ .call = "faccessat2" },
	{ .call = "fcntl" },
	{ .call = "read" },
	{ .call = "write" },
	{ .call = "close" },
	{ .call = "fchmod" },
	{ .call = "fchown" },
	{ .call = "mkdir" },
	{ .call = "mkdirat" },
	{ .call = "chmod" },
	{ .call = "fchmodat" },
	{ .call = "lstat" },
	{ .call = "unlink" },
	{ .call = "unlinkat" },
	{ .call = "rename" },
	{ .call = "renameat" },
	{ .call = "renameat2" },
	/* the daemon's socket in its place: there is none but the one that it sends */
	{ .call = "bind" },
	{ .call = "listen" },
	{ .call = "fchownat" },
	/* memory, and the end */
	{ .call = "brk" },
	{ .call = "mmap", .argument = 2, .mask = PROT_EXEC, .value = 0 },
	{ .call = "munmap" },
	{ .call = "madvise" },
	{ .call = "getrandom" },
	{ .call = "poll" },
	{ .call = "exit_group" },
	{},
};

/* The question, and the file in memory that comes with it (-1: none does). */
static bool hear(struct bg_files_question *question, int *text_fd)
{
	if (bg_take_passed(SOCKET_FD, question, sizeof(*question), text_fd))
		return false;
	question->suffix[sizeof(question->suffix) - 1] = '\0';
	return *text_fd >= 0 || question->what == BG_FILES_FIND ||
	       question->what == BG_FILES_DEAFEN || question->what == BG_FILES_OPEN;
}

static int look_and_read(const char *path, struct bg_files_look *look, int text_fd,
			 struct bg_error *err)
{
	const struct bg_file_stamp before = look->stamp;

	if (look->watches) {
		look->watch_rc = bg_file_look(WATCH_FD, path, &look->stamp, &look->watch_err);
		look->is_same = !look->anyway && bg_file_is_same(&before, &look->stamp);
		if (look->is_same)
			return 0;
	}
	return bg_file_copy(path, look->kind, look->most_bytes, text_fd, err);
}

static int find(const char *path, struct bg_listening *found, struct bg_error *err)
{
	struct stat status;

	if (lstat(path, &status))
		return bg_fail(err, -errno, "%s: %s", path, strerror(errno));
	*found = (struct bg_listening){ status.st_dev, status.st_ino };
	return 0;
}

static int open_empty(const char *path, int *fd, struct bg_error *err)
{
	bg_file_make_directory(path);
	*fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	return *fd < 0 ? bg_fail(err, -errno, "opening %s: %s", path, strerror(errno)) : 0;
}

/* What is asked for is done. */
static int act(const char *path, const struct bg_files_question *question, int text_fd,
	       struct bg_files_answer *answer, int *opened_fd)
{
	switch (question->what) {
	case BG_FILES_READ:
		return look_and_read(path, &answer->look, text_fd, &answer->err);
	case BG_FILES_WRITE:
		return bg_file_replace(path, &question->put, text_fd, &answer->err);
	case BG_FILES_FIND:
		return find(path, &answer->listening, &answer->err);
	case BG_FILES_LISTEN:
		return bg_listen_at(path, question->put.group, BG_LISTEN_MODE, text_fd,
				    &answer->listening, &answer->err);
	case BG_FILES_DEAFEN:
		bg_listen_end(path, &question->listening);
		return 0;
	case BG_FILES_OPEN:
		return open_empty(path, opened_fd, &answer->err);
	}
	return -EINVAL;
}

static void answer(const char *start, const struct bg_files_question *question, int text_fd)
{
	struct bg_files_answer answer = { .look = question->look };
	bg_auto_close int opened_fd = -1;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s", start, question->suffix) >= (int)sizeof(path))
		answer.rc = bg_fail(&answer.err, -ENAMETOOLONG, "%s: the path is too long", start);
	else
		answer.rc = act(path, question, text_fd, &answer, &opened_fd);
	/* if it cannot be said, nobody is there any more */
	if (bg_pass(SOCKET_FD, &answer, sizeof(answer), opened_fd))
		_exit(EXIT_FAILURE);
}

int bg_files_main(int argc, char **argv)
{
	const struct bg_confinement how = {
		.fd_count = 2,
		.outlives_thread = true,
		/* into memory that the daemon made, above all */
		.file_bytes = BG_FEED_MAX_BYTES,
		.calls = calls,
	};
	struct bg_files_question question = {};
	struct bg_error err;
	int text_fd = -1;

	if (argc != 2 || bg_confine(&how, &err))
		return EXIT_FAILURE;
	while (hear(&question, &text_fd)) {
		answer(argv[1], &question, text_fd);
		if (text_fd >= 0)
			close(text_fd);
	}
	_exit(EXIT_SUCCESS);
}
