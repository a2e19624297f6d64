/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An event loop: file descriptors that can be read, and timers. All handlers get the one
 * context. Between two waits the handlers of descriptors run first, then the timers that
 * are due, in the order of their numbers: one that an earlier one sets for now runs in
 * the same turn.
 */
#ifndef BG_BASE_LOOP_H
#define BG_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define BG_LOOP_TIMERS 16
#define BG_LOOP_FDS 64

typedef void bg_loop_fn(void *context);

/* What is called, and by which name people know it. */
struct bg_loop_step {
	const char *name;
	bg_loop_fn *run;
};

struct bg_loop {
	int epoll_fd;
	void *context;
	bool stopping;
	/* Called after each step, if it is set: everything else has waited so long. */
	void (*took)(void *context, const char *step, double ms);
	struct {
		double due_ms; /* CLOCK_MONOTONIC; 0 = not due */
		struct bg_loop_step step;
	} timers[BG_LOOP_TIMERS];
	struct {
		int fd; /* -1 = free */
		uint32_t serial;
		struct bg_loop_step step;
	} fds[BG_LOOP_FDS];
	uint32_t last_serial;
};

int bg_loop_open(struct bg_loop *loop, void *context, struct bg_error *err);
void bg_loop_close(struct bg_loop *loop);

/* `run` is called while fd can be read, or its other end is closed. fd stays the caller's, as
 * does `name`. */
int bg_loop_watch(struct bg_loop *loop, int fd, const char *name, bg_loop_fn *run,
		  struct bg_error *err);
/* Before fd is closed. */
void bg_loop_unwatch(struct bg_loop *loop, int fd);

/* `timer` is the caller's number for it, below BG_LOOP_TIMERS. It is not due yet. */
void bg_loop_timer(struct bg_loop *loop, unsigned int timer, const char *name, bg_loop_fn *run);
/* Due at this time, instead of any other. */
void bg_loop_at(struct bg_loop *loop, unsigned int timer, double due_ms);
/* Due at this time if it is not due before. */
void bg_loop_sooner(struct bg_loop *loop, unsigned int timer, double due_ms);
void bg_loop_never(struct bg_loop *loop, unsigned int timer);

/* Until bg_loop_stop(), which lets the handlers that are left of this turn be. */
int bg_loop_run(struct bg_loop *loop, struct bg_error *err);
void bg_loop_stop(struct bg_loop *loop);

#endif
