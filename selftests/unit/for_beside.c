// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process in the place of one of ours: it does what a test has written down. */
#include "for_beside.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

void (*stand_in)(const struct bg_child_start *how);
int start_error;

int __real_bg_child_start(const struct bg_child_start *how, struct bg_child *child,
			  struct bg_error *err);
int __wrap_bg_child_start(const struct bg_child_start *how, struct bg_child *child,
			  struct bg_error *err);
int __wrap_bg_child_start(const struct bg_child_start *how, struct bg_child *child,
			  struct bg_error *err)
{
	if (start_error)
		return bg_fail(err, -start_error, "starting %s: no", how->name);
	if (!stand_in)
		return __real_bg_child_start(how, child, err);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (!child->pid) {
		alarm(60);
		stand_in(how);
		/* not by the C library: it has things of the test to end */
		syscall(SYS_exit_group, 0);
	}
	child->pidfd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	assert_true(child->pidfd >= 0);
	return 0;
}

int back_to_normal(void **state)
{
	(void)state;
	stand_in = NULL;
	start_error = 0;
	return 0;
}
