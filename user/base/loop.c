// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * epoll and a table of timers. The daemon's loop is made of it; it knows nothing of what
 * it calls, and never keeps what it is given longer than until it is taken back.
 */
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

int bg_loop_open(struct bg_loop *loop, void *context, struct bg_error *err)
{
	memset(loop, 0, sizeof(*loop));
	loop->context = context;
	for (int i = 0; i < BG_LOOP_FDS; i++)
		loop->fds[i].fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll_fd < 0 ? bg_fail(err, -errno, "epoll: %s", strerror(errno)) : 0;
}

void bg_loop_close(struct bg_loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
}

static int place_of(const struct bg_loop *loop, int fd)
{
	for (int i = 0; i < BG_LOOP_FDS; i++)
		if (loop->fds[i].fd == fd)
			return i;
	return -ENOSPC;
}

int bg_loop_watch(struct bg_loop *loop, int fd, const char *name, bg_loop_fn *run,
		  struct bg_error *err)
{
	int place = place_of(loop, -1);
	const uint32_t serial = loop->last_serial + 1;
	struct epoll_event event = { .events = EPOLLIN,
				     .data.u64 = (uint64_t)serial << 32 | (uint32_t)place };

	if (place < 0)
		return bg_fail(err, place, "the loop follows %d file descriptors already",
			       BG_LOOP_FDS);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event))
		return bg_fail(err, -errno, "epoll: %s", strerror(errno));
	loop->last_serial = serial;
	loop->fds[place].fd = fd;
	loop->fds[place].serial = serial;
	loop->fds[place].step = (struct bg_loop_step){ name, run };
	return 0;
}

void bg_loop_unwatch(struct bg_loop *loop, int fd)
{
	int place = place_of(loop, fd);

	if (place < 0)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	loop->fds[place].fd = -1;
}

void bg_loop_timer(struct bg_loop *loop, unsigned int timer, const char *name, bg_loop_fn *run)
{
	loop->timers[timer].step = (struct bg_loop_step){ name, run };
}

void bg_loop_at(struct bg_loop *loop, unsigned int timer, double due_ms)
{
	loop->timers[timer].due_ms = due_ms;
}

void bg_loop_sooner(struct bg_loop *loop, unsigned int timer, double due_ms)
{
	double *due = &loop->timers[timer].due_ms;

	if (!*due || due_ms < *due)
		*due = due_ms;
}

void bg_loop_never(struct bg_loop *loop, unsigned int timer)
{
	loop->timers[timer].due_ms = 0;
}

void bg_loop_stop(struct bg_loop *loop)
{
	loop->stopping = true;
}

/* -1 = for ever */
static int wait_ms(const struct bg_loop *loop)
{
	double first_ms = 0, left_ms;

	for (int i = 0; i < BG_LOOP_TIMERS; i++) {
		double due_ms = loop->timers[i].due_ms;

		if (due_ms && (!first_ms || due_ms < first_ms))
			first_ms = due_ms;
	}
	if (!first_ms)
		return -1;
	left_ms = first_ms - bg_monotonic_ms();
	if (left_ms <= 0)
		return 0;
	return left_ms < INT_MAX ? (int)left_ms + 1 : INT_MAX;
}

/* By value: a handler may take back its own descriptor. */
static void run_step(struct bg_loop *loop, struct bg_loop_step step)
{
	const double start_ms = bg_monotonic_ms();

	step.run(loop->context);
	if (loop->took)
		loop->took(loop->context, step.name, bg_monotonic_ms() - start_ms);
}

static void run_timers(struct bg_loop *loop)
{
	for (int i = 0; i < BG_LOOP_TIMERS && !loop->stopping; i++) {
		double due_ms = loop->timers[i].due_ms;

		/* the time as it is now: an earlier one may have set this one for it */
		if (!due_ms || due_ms > bg_monotonic_ms())
			continue;
		loop->timers[i].due_ms = 0;
		run_step(loop, loop->timers[i].step);
	}
}

/* A handler may have taken back the descriptor of an event that comes after its own, and
 * another one may have its place and even its number by now. */
static void run_fd(struct bg_loop *loop, uint64_t whose)
{
	const uint32_t place = (uint32_t)whose;

	if (loop->fds[place].fd >= 0 && loop->fds[place].serial == (uint32_t)(whose >> 32))
		run_step(loop, loop->fds[place].step);
}

int bg_loop_run(struct bg_loop *loop, struct bg_error *err)
{
	while (!loop->stopping) {
		struct epoll_event events[8];
		int count = epoll_wait(loop->epoll_fd, events, 8, wait_ms(loop));

		if (count < 0 && errno != EINTR)
			return bg_fail(err, -errno, "epoll: %s", strerror(errno));
		for (int i = 0; i < count && !loop->stopping; i++)
			run_fd(loop, events[i].data.u64);
		run_timers(loop);
	}
	return 0;
}
