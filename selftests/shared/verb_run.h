/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A verb run as the program runs it, in a process of its own: what it printed, and what it
 * exited with.
 */
#ifndef VERB_RUN_H
#define VERB_RUN_H

#include <sys/types.h>

typedef int verb_fn(int argc, char **argv);

struct verb_run {
	int status;	   /* of the exit, or -1: a signal ended it */
	char out[1 << 18]; /* cut when there is more */
	char err[1 << 16];
};

/* Options and operands end with NULL; argv[0] is "verb". The result is valid until the next
 * call. */
const struct verb_run *verb_run(verb_fn *verb, const char *const *arguments);
#define RUN(verb, ...) verb_run(verb, (const char *const[]){ "", ##__VA_ARGS__, NULL } + 1)

/* The same beside the test, which reads and ends it: its output goes to these files. */
pid_t verb_begin(verb_fn *verb, const char *const *arguments, int out_fd, int err_fd);
/* Its exit status, -1: a signal ended it. */
int verb_end(pid_t pid);

#endif
