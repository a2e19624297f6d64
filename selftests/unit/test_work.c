// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The work beside the loop: when it is done, who waits for it and how long. */
#include "base/work.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test.h"

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

static void work_without_a_descriptor_says_so(void **state)
{
	struct rlimit before, none;
	struct bg_error err = {};
	struct bg_work work;
	int rc;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rc = bg_work_open(&work, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rc, -EMFILE);
	assert_non_null(strstr(err.text, "eventfd: "));
	bg_work_close(&work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_is_done_beside),
		cmocka_unit_test(work_without_a_descriptor_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
