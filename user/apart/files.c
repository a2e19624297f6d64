// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon's end of a process that reads or writes a file: starts it when there is
 * something to do, asks, and gives it up when it does not answer. Its answer is of a fixed
 * length, and what it read stands in a file in memory that the daemon made.
 */
#include "apart/files.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/passing.h"
#include "base/cleanup.h"

/* After it was killed: whether it ends at once. */
#define END_MS 1000

static void close_socket(struct bg_files *files)
{
	if (files->child.pid)
		close(files->socket_fd);
	files->socket_fd = -1;
}

/* It has gone wrong, or does not answer: ends it, if it can be ended. */
static void give_up(struct bg_files *files, int *status)
{
	*status = 0;
	if (!files->is_stuck)
		close_socket(files);
	bg_child_kill(&files->child);
	files->is_stuck = bg_child_wait(&files->child, files->is_stuck ? 0 : END_MS, status) != 0;
}

static int start(struct bg_files *files, struct bg_error *err)
{
	struct bg_child_start how = {
		.name = BG_FILES,
		.argument = files->path,
		.fd_count = 1,
		.keeps_stdin = !strcmp(files->path, "-"),
	};
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return bg_fail(err, -errno, "starting " BG_FILES ": %s", strerror(errno));
	how.fds[0] = pair[1];
	if (files->watch_fd >= 0)
		how.fds[how.fd_count++] = files->watch_fd;
	rc = bg_child_start(&how, &files->child, err);
	close(pair[1]);
	if (rc)
		close(pair[0]);
	else
		files->socket_fd = pair[0];
	return rc;
}

static off_t length_of(int fd)
{
	struct stat status;

	return fd < 0 || fstat(fd, &status) ? 0 : status.st_size;
}

/* Waits for the answer, as long as there is some progress. 0, or -ETIMEDOUT. */
static int wait_for_answer(const struct bg_files *files, int text_fd)
{
	struct pollfd answer = { .fd = files->socket_fd, .events = POLLIN };
	off_t before, now = 0;
	int ready, error;

	do {
		before = now;
		ready = poll(&answer, 1, files->limit_ms);
		error = ready < 0 ? errno : 0;
		now = length_of(text_fd);
	} while (error == EINTR || (!ready && now > before));
	if (error)
		return -error;
	return ready ? 0 : -ETIMEDOUT;
}

static const char *suffix_of(const struct bg_files *files)
{
	return files->suffix ? files->suffix : "";
}

static int fail_answer(struct bg_files *files, int rc, struct bg_error *err)
{
	const char *suffix = suffix_of(files);
	int status;

	give_up(files, &status);
	if (rc == -ETIMEDOUT)
		return bg_fail(err, -EAGAIN,
			       "%s%s: no answer for %d s: does its file system answer? It will be "
			       "tried again",
			       files->path, suffix, files->limit_ms / 1000);
	if (WIFSIGNALED(status))
		return bg_fail(err, -EAGAIN, "%s%s: " BG_FILES " ended by signal %d (%s)",
			       files->path, suffix, WTERMSIG(status), strsignal(WTERMSIG(status)));
	return bg_fail(err, -EAGAIN, "%s%s: " BG_FILES " ended without an answer", files->path,
		       suffix);
}

static int ask(struct bg_files *files, struct bg_files_question *question, int text_fd,
	       struct bg_files_answer *answer, int *opened_fd, struct bg_error *err)
{
	bg_auto_close int came_fd = -1;
	int status, rc;

	snprintf(question->suffix, sizeof(question->suffix), "%s", suffix_of(files));
	if (files->is_stuck) {
		give_up(files, &status);
		if (files->is_stuck)
			return bg_fail(
				err, -EAGAIN,
				"%s: its file system does not answer: the process that waits "
				"for it cannot even be killed (pid %d)",
				files->path, files->child.pid);
	}
	rc = files->child.pid ? 0 : start(files, err);
	if (rc)
		return bg_fail_in(err, rc, "%s", files->path);
	rc = bg_pass(files->socket_fd, question, sizeof(*question), text_fd)
		     ?: wait_for_answer(files, text_fd);
	if (!rc)
		rc = bg_take_passed(files->socket_fd, answer, sizeof(*answer), &came_fd);
	if (rc)
		return fail_answer(files, rc, err);
	answer->err.text[sizeof(answer->err.text) - 1] = '\0';
	answer->look.watch_err.text[sizeof(answer->look.watch_err.text) - 1] = '\0';
	if (answer->rc > 0 || answer->rc < -4095 || answer->look.watch_rc > 0 ||
	    (!answer->rc && (came_fd >= 0) != (question->what == BG_FILES_OPEN)))
		return fail_answer(files, -EPROTO, err);
	if (answer->rc)
		*err = answer->err;
	else if (opened_fd)
		*opened_fd = bg_take_fd(&came_fd);
	return answer->rc;
}

int bg_files_read(struct bg_files *files, struct bg_files_look *look, int text_fd,
		  struct bg_error *err)
{
	struct bg_files_question question = { .what = BG_FILES_READ, .look = *look };
	struct bg_files_answer answer = {};
	int rc;

	question.look.watches = files->watch_fd >= 0;
	rc = ask(files, &question, text_fd, &answer, NULL, err);

	/* if there was no answer, the next one is to read it whatever it looks like */
	if (rc == -EAGAIN)
		look->stamp = (struct bg_file_stamp){};
	else
		*look = answer.look;
	return rc;
}

int bg_files_write(struct bg_files *files, int text_fd, const struct bg_file_put *put,
		   struct bg_error *err)
{
	struct bg_files_question question = { .what = BG_FILES_WRITE, .put = *put };
	struct bg_files_answer answer = {};

	return ask(files, &question, text_fd, &answer, NULL, err);
}

int bg_files_find(struct bg_files *files, struct bg_listening *found, struct bg_error *err)
{
	struct bg_files_question question = { .what = BG_FILES_FIND };
	struct bg_files_answer answer = {};
	int rc = ask(files, &question, -1, &answer, NULL, err);

	if (!rc && found)
		*found = answer.listening;
	return rc;
}

int bg_files_listen(struct bg_files *files, int socket_fd, gid_t group,
		    struct bg_listening *listening, struct bg_error *err)
{
	struct bg_files_question question = { .what = BG_FILES_LISTEN, .put.group = group };
	struct bg_files_answer answer = {};
	int rc = ask(files, &question, socket_fd, &answer, NULL, err);

	if (!rc)
		*listening = answer.listening;
	return rc;
}

int bg_files_deafen(struct bg_files *files, const struct bg_listening *listening,
		    struct bg_error *err)
{
	struct bg_files_question question = { .what = BG_FILES_DEAFEN, .listening = *listening };
	struct bg_files_answer answer = {};

	return ask(files, &question, -1, &answer, NULL, err);
}

int bg_files_open(struct bg_files *files, struct bg_error *err)
{
	struct bg_files_question question = { .what = BG_FILES_OPEN };
	struct bg_files_answer answer = {};
	int fd = -1, rc = ask(files, &question, -1, &answer, &fd, err);

	return rc ?: fd;
}

void bg_files_end(struct bg_files *files)
{
	if (!files->child.pid)
		return;
	if (!files->is_stuck)
		close_socket(files);
	bg_child_kill(&files->child);
	close(files->child.pidfd);
	files->child.pid = 0;
}
