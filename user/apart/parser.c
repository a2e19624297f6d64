// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The daemon's end of the parser's process: starts it, waits for it, and makes of what
 * became of it a model or words. A thread beside the daemon's loop calls it.
 */
#include "apart/parser.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "apart/child.h"
#include "apart/memory.h"
#include "apart/parser_limits.h"
#include "base/cleanup.h"

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
	if (bg_child_wait(child, -1, &status) || rc != -ETIMEDOUT)
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
	int rc;

	memset(answer, 0, sizeof(*answer));
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
