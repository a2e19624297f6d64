// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A thread for each piece of work, made when it starts. The daemon gives it what takes
 * long; the thread never calls back, and no lock is needed since nothing is shared.
 */
#include "base/work.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

int bg_work_open(struct bg_work *work, struct bg_error *err)
{
	work->busy = false;
	work->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return work->done_fd < 0 ? bg_fail(err, -errno, "eventfd: %s", strerror(errno)) : 0;
}

void bg_work_close(struct bg_work *work)
{
	if (work->done_fd >= 0)
		close(work->done_fd);
	work->done_fd = -1;
}

static void *run(void *context)
{
	struct bg_work *work = context;
	const uint64_t one = 1;

	work->run(work->context);
	/* cannot fail: it is 0 now */
	if (write(work->done_fd, &one, sizeof(one)) < 0)
		return NULL;
	return NULL;
}

int bg_work_start(struct bg_work *work, bg_work_fn *function, void *context, struct bg_error *err)
{
	int rc;

	work->run = function;
	work->context = context;
	rc = pthread_create(&work->thread, NULL, run, work);
	if (rc)
		return bg_fail(err, -rc, "starting a thread: %s", strerror(rc));
	work->busy = true;
	return 0;
}

bool bg_work_end(struct bg_work *work)
{
	uint64_t done;

	if (!work->busy || read(work->done_fd, &done, sizeof(done)) != sizeof(done))
		return false;
	pthread_join(work->thread, NULL);
	work->busy = false;
	return true;
}

bool bg_work_wait(struct bg_work *work, int limit_ms, int stop_fd)
{
	struct pollfd fds[] = { { .fd = work->done_fd, .events = POLLIN },
				{ .fd = stop_fd, .events = POLLIN } };
	const double end_ms = bg_monotonic_ms() + limit_ms;

	while (work->busy) {
		double left_ms = limit_ms < 0 ? -1 : end_ms - bg_monotonic_ms();

		if (limit_ms >= 0 && left_ms < 0)
			left_ms = 0;
		if (poll(fds, 2, (int)left_ms) == 0)
			return false;
		if (bg_work_end(work))
			return true;
		if (fds[1].revents)
			return false;
	}
	return false;
}
