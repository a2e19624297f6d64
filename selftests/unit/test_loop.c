// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The event loop and the work beside it: what runs, in which order, and what does not. */
#include "base/loop.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/work.h"
#include "test.h"

/* --- the loop -------------------------------------------------------------- */

static struct {
	struct bg_loop loop;
	char order[64]; /* a letter for each handler that ran */
	int ends[2][2]; /* pipes */
} now;

static void note(char letter)
{
	size_t used = strlen(now.order);

	assert_true(used + 1 < sizeof(now.order));
	now.order[used] = letter;
}

static void begin(void)
{
	struct bg_error err;

	memset(&now, 0, sizeof(now));
	assert_int_equal(bg_loop_open(&now.loop, &now, &err), 0);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(pipe2(now.ends[i], O_CLOEXEC), 0);
}

static void end(void)
{
	for (size_t i = 0; i < 2; i++) {
		close(now.ends[i][0]);
		if (now.ends[i][1] >= 0)
			close(now.ends[i][1]);
	}
	bg_loop_close(&now.loop);
}

static void run(void)
{
	struct bg_error err;

	assert_int_equal(bg_loop_run(&now.loop, &err), 0);
}

static void stop(void *context)
{
	assert_ptr_equal(context, &now);
	note('.');
	bg_loop_stop(&now.loop);
}

static void timer_a(void *context)
{
	(void)context;
	note('a');
	/* for now: runs in this turn, since its number is higher; this one in the next */
	bg_loop_at(&now.loop, 2, bg_monotonic_ms() - 1);
}

static void timer_c(void *context)
{
	(void)context;
	note('c');
}

static void read_first(void *context)
{
	char byte;

	(void)context;
	assert_int_equal(read(now.ends[0][0], &byte, 1), 1);
	note('1');
}

static void read_second(void *context)
{
	char byte;

	(void)context;
	assert_int_equal(read(now.ends[1][0], &byte, 1), 1);
	note('2');
}

static void descriptors_come_before_timers(void **state)
{
	struct bg_error err;
	double due_ms = bg_monotonic_ms() - 1;

	(void)state;
	begin();
	assert_int_equal(bg_loop_watch(&now.loop, now.ends[0][0], read_first, &err), 0);
	bg_loop_timer(&now.loop, 0, timer_a);
	bg_loop_timer(&now.loop, 2, timer_c);
	bg_loop_timer(&now.loop, 3, stop);
	bg_loop_at(&now.loop, 0, due_ms);
	bg_loop_at(&now.loop, 3, due_ms);
	assert_int_equal(write(now.ends[0][1], "x", 1), 1);
	run();
	assert_string_equal(now.order, "1ac.");
	end();
}

static void a_timer_keeps_the_sooner_time(void **state)
{
	const double long_ago_ms = bg_monotonic_ms() - 1, never_ms = bg_monotonic_ms() + 1e9;

	(void)state;
	begin();
	bg_loop_timer(&now.loop, 0, timer_c);
	bg_loop_timer(&now.loop, 1, stop);
	bg_loop_timer(&now.loop, 4, timer_a);
	bg_loop_sooner(&now.loop, 0, never_ms);
	bg_loop_sooner(&now.loop, 0, long_ago_ms);
	bg_loop_sooner(&now.loop, 0, never_ms);
	bg_loop_at(&now.loop, 4, long_ago_ms);
	bg_loop_never(&now.loop, 4);
	/* not due at once: it is waited for */
	bg_loop_at(&now.loop, 1, bg_monotonic_ms() + 20);
	run();
	assert_string_equal(now.order, "c.");
	assert_true(bg_monotonic_ms() >= long_ago_ms + 20);
	end();
}

static void take_back_the_other(void *context)
{
	char byte;

	(void)context;
	/* whichever is first */
	note('t');
	for (size_t i = 0; i < 2; i++)
		bg_loop_unwatch(&now.loop, now.ends[i][0]);
	assert_int_equal(read(now.ends[0][0], &byte, 1), 1);
	bg_loop_at(&now.loop, 0, bg_monotonic_ms());
}

static void what_was_taken_back_does_not_run(void **state)
{
	struct bg_error err;

	(void)state;
	begin();
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
			bg_loop_watch(&now.loop, now.ends[i][0], take_back_the_other, &err), 0);
		assert_int_equal(write(now.ends[i][1], "x", 1), 1);
	}
	bg_loop_timer(&now.loop, 0, stop);
	run();
	assert_string_equal(now.order, "t.");
	/* once more is no harm */
	bg_loop_unwatch(&now.loop, now.ends[0][0]);
	end();
}

static void the_other_end_s_end_is_told(void **state)
{
	struct bg_error err;

	(void)state;
	begin();
	assert_int_equal(bg_loop_watch(&now.loop, now.ends[0][0], stop, &err), 0);
	assert_int_equal(bg_loop_watch(&now.loop, now.ends[1][0], read_second, &err), 0);
	close(now.ends[0][1]);
	now.ends[0][1] = -1;
	run();
	assert_string_equal(now.order, ".");
	end();
}

static void there_is_room_for_so_many(void **state)
{
	struct bg_error err = {};

	(void)state;
	begin();
	/* a descriptor that cannot be watched takes no place */
	assert_true(bg_loop_watch(&now.loop, 1000000, stop, &err) < 0);
	for (int i = 0; i < BG_LOOP_FDS; i++)
		now.loop.fds[i].fd = 2000000 + i;
	assert_int_equal(bg_loop_watch(&now.loop, now.ends[0][0], stop, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "64 file descriptors"));
	end();
}

static void a_loop_without_epoll_says_so(void **state)
{
	struct rlimit before, none;
	struct bg_loop loop;
	struct bg_work work;
	struct bg_error err = {};
	int rc, work_rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = bg_loop_open(&loop, NULL, &err);
	work_rc = bg_work_open(&work, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -EMFILE);
	assert_int_equal(work_rc, -EMFILE);
	assert_non_null(strstr(err.text, "eventfd: "));
	bg_loop_close(&loop);
	bg_work_close(&work);
	/* a loop that lost its epoll ends, it does not spin */
	assert_int_equal(bg_loop_open(&loop, NULL, &err), 0);
	close(loop.epoll_fd);
	loop.epoll_fd = -1;
	assert_int_equal(bg_loop_run(&loop, &err), -EBADF);
}

/* --- work ------------------------------------------------------------------ */

/* Ends when it is told to. */
struct job {
	int ends[2];
	bool ran;
};

static void do_job(void *context)
{
	struct job *job = context;
	char byte;

	job->ran = read(job->ends[0], &byte, 1) == 1;
}

static void work_is_done_beside(void **state)
{
	struct bg_work work;
	struct bg_error err;
	struct job job = {};
	int stop_fds[2];

	(void)state;
	assert_int_equal(pipe2(job.ends, O_CLOEXEC), 0);
	assert_int_equal(pipe2(stop_fds, O_CLOEXEC), 0);
	assert_int_equal(bg_work_open(&work, &err), 0);
	/* nothing to wait for */
	assert_false(bg_work_end(&work));
	assert_false(bg_work_wait(&work, -1, -1));

	assert_int_equal(bg_work_start(&work, do_job, &job, &err), 0);
	assert_false(bg_work_end(&work));
	assert_true(work.busy);
	assert_false(bg_work_wait(&work, 10, -1));
	/* who is told to stop does not wait to the end */
	assert_int_equal(write(stop_fds[1], "x", 1), 1);
	assert_false(bg_work_wait(&work, -1, stop_fds[0]));
	assert_int_equal(write(job.ends[1], "x", 1), 1);
	assert_true(bg_work_wait(&work, -1, -1));
	assert_true(job.ran);
	assert_false(work.busy);
	/* once more with the same */
	job.ran = false;
	assert_int_equal(write(job.ends[1], "x", 1), 1);
	assert_int_equal(bg_work_start(&work, do_job, &job, &err), 0);
	assert_true(bg_work_wait(&work, 60000, -1));
	assert_true(job.ran);
	bg_work_close(&work);
	for (size_t i = 0; i < 2; i++) {
		close(job.ends[i]);
		close(stop_fds[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_come_before_timers),
		cmocka_unit_test(a_timer_keeps_the_sooner_time),
		cmocka_unit_test(what_was_taken_back_does_not_run),
		cmocka_unit_test(the_other_end_s_end_is_told),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(a_loop_without_epoll_says_so),
		cmocka_unit_test(work_is_done_beside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
