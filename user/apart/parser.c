// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon's end of the parser's process: starts it, waits for it, and makes of what
 * became of it a model or words. A thread beside the daemon's loop calls it.
 */
#include "apart/parser.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apart/child.h"
#include "apart/memory.h"
#include "apart/parser_limits.h"
#include "base/cleanup.h"

/* After it was killed: whether it ends at once. */
#define END_MS 1000

/* One that was killed and is still there, as no signal reaches it: while the kernel has it
 * wait for memory or a disk, or where somebody has frozen it. Threads may ask beside each
 * other. */
static struct {
	pthread_mutex_t lock;
	struct bg_child child;
} stuck = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Its pid; 0: there is none any more. */
static pid_t find_stuck(void)
{
	int status;
	pid_t pid;

	pthread_mutex_lock(&stuck.lock);
	if (stuck.child.pid)
		bg_child_wait(&stuck.child, 0, &status);
	pid = stuck.child.pid;
	pthread_mutex_unlock(&stuck.lock);
	return pid;
}

/* Nobody waits for it, and no other one is started until it is gone. */
static void leave(struct bg_child *child)
{
	pthread_mutex_lock(&stuck.lock);
	if (stuck.child.pid)
		close(child->pidfd);
	else
		stuck.child = *child;
	pthread_mutex_unlock(&stuck.lock);
	*child = (struct bg_child){ .pidfd = -1 };
}

static int judge_signal(const char *name, int number, struct bg_error *err)
{
	switch (number) {
	case SIGXCPU:
		return bg_fail(err, -EPROTO,
			       "%s: the parser needed more time than a feed of this size does: it "
			       "was ended",
			       name);
	case SIGXFSZ:
		return bg_fail(err, -EPROTO,
			       "%s: the parser's answer is longer than a feed of this size makes "
			       "it: it was ended",
			       name);
	case SIGKILL: /* nothing of its own */
		return bg_fail(err, -EAGAIN,
			       "%s: the parser was killed, for want of memory or by somebody: it "
			       "will be tried again",
			       name);
	default:
		return bg_fail(err, -EPROTO,
			       "%s: the parser ended by signal %d (%s)%s: a fault of branchguard, "
			       "please report it with the feed",
			       name, number, strsignal(number),
			       number == SIGSYS ? ", which stops a system call that it may not make"
						: "");
	}
}

static int judge_end(const char *name, int status, struct bg_error *err)
{
	if (WIFSIGNALED(status))
		return judge_signal(name, WTERMSIG(status), err);
	if (WEXITSTATUS(status)) /* it could not even begin, or not say why */
		return bg_fail(err, -EAGAIN,
			       "%s: the parser ended with status %d before it had an answer: it "
			       "will be tried again",
			       name, WEXITSTATUS(status));
	return 0;
}

static int wait_for_end(const char *name, struct bg_child *child, size_t length_bytes,
			struct bg_error *err)
{
	const unsigned int limit_s = bg_parser_wall_s(length_bytes);
	int status, rc;

	rc = bg_child_wait(child, (int)limit_s * 1000, &status);
	if (!rc)
		return judge_end(name, status, err);
	bg_child_kill(child);
	if (bg_child_wait(child, END_MS, &status)) {
		bg_fail(err, 0,
			"%s: the parser cannot even be killed (pid %d): it will be tried again "
			"when it is gone",
			name, child->pid);
		leave(child);
		return -EAGAIN;
	}
	if (rc != -ETIMEDOUT)
		return bg_fail(err, -EAGAIN, "%s: waiting for the parser: %s", name, strerror(-rc));
	return bg_fail(err, -EAGAIN,
		       "%s: the parser has not ended after %u s, and was killed: it will be tried "
		       "again",
		       name, limit_s);
}

int bg_parser_run(const char *name, int text_fd, struct bg_wire_answer *answer,
		  struct bg_error *err)
{
	bg_auto_memory struct bg_memory text = {}, bytes = {};
	struct bg_child child = {};
	bg_auto_close int out_fd = -1;
	struct bg_error wrong;
	pid_t waiting;
	int rc;

	memset(answer, 0, sizeof(*answer));
	waiting = find_stuck();
	if (waiting)
		return bg_fail(err, -EAGAIN,
			       "%s: a parser that was killed has not ended (pid %d): it will be "
			       "tried again when it is gone",
			       name, waiting);
	rc = bg_memory_map(text_fd, "the feed's text", &text, err);
	if (rc)
		return rc;
	out_fd = bg_memory_new("the parser's answer", err);
	if (out_fd < 0)
		return out_fd;
	rc = bg_child_start(&(struct bg_child_start){ .name = BG_PARSER,
						      .argument = name,
						      .fds = { text_fd, out_fd },
						      .fd_count = 2 },
			    &child, err);
	if (rc)
		return bg_fail_in(err, rc, "%s", name);
	rc = wait_for_end(name, &child, text.length_bytes, err)
		     ?: bg_memory_map(out_fd, "the parser's answer", &bytes, err);
	if (rc)
		return rc;
	rc = bg_wire_read(bytes.bytes, bytes.length_bytes, answer, &wrong);
	if (rc)
		return bg_fail(err, rc, "%s: %s", name, wrong.text);
	if (answer->rc)
		*err = answer->why;
	return answer->rc;
}
