/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One piece of work at a time in a thread beside an event loop, which is told by a
 * descriptor when it is done. What the work uses is the thread's until then.
 */
#ifndef BG_BASE_WORK_H
#define BG_BASE_WORK_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

typedef void bg_work_fn(void *context);

struct bg_work {
	int done_fd; /* can be read when the work is done */
	bool busy;
	pthread_t thread;
	bg_work_fn *run;
	void *context;
};

int bg_work_open(struct bg_work *work, struct bg_error *err);
/* Not while it is busy. */
void bg_work_close(struct bg_work *work);

/* -EAGAIN: there can be no more threads at present. */
int bg_work_start(struct bg_work *work, bg_work_fn *run, void *context, struct bg_error *err);

/* Is it done? Then its results are the caller's, and it is not busy any more. */
bool bg_work_end(struct bg_work *work);

/* Waits for that, at most so long (-1: however long), and no longer than until `stop_fd` can
 * be read (-1: nothing stops it). */
bool bg_work_wait(struct bg_work *work, int limit_ms, int stop_fd);

#endif
