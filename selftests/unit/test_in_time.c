// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a verb has done by a copy of itself: what comes back, and what becomes of one that does not. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/in_time.h"
#include "test.h"

/* However slow the machine is. */
#define LONG_MS 60000

static int start_error;

pid_t __real_fork(void);
pid_t __wrap_fork(void);
pid_t __wrap_fork(void)
{
	if (!start_error)
		return __real_fork();
	errno = start_error;
	return -1;
}

static void nobody_is_left(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int say(void *context, int *fd, struct bg_error *err)
{
	(void)fd;
	return context ? bg_fail(err, -ESTALE, "%s", (const char *)context) : 0;
}

static void what_it_says_comes_back(void **state)
{
	struct bg_error err = {};
	char words[] = "it was so";
	int fd = 7;

	(void)state;
	assert_int_equal(bg_in_time("/there", LONG_MS, say, words, &fd, &err), -ESTALE);
	assert_string_equal(err.text, "it was so");
	assert_int_equal(fd, 7);
	assert_int_equal(bg_in_time("/there", LONG_MS, say, NULL, &fd, &err), 0);
	assert_int_equal(fd, -1);
	nobody_is_left();
}

static int open_pipe(void *context, int *fd, struct bg_error *err)
{
	int ends[2];

	(void)context;
	(void)err;
	if (pipe2(ends, O_CLOEXEC) || write(ends[1], "x", 1) != 1)
		return -errno;
	*fd = ends[0];
	return 0;
}

static void what_it_opens_comes_back(void **state)
{
	struct bg_error err = {};
	int fd = -1;
	char byte;

	(void)state;
	assert_int_equal(bg_in_time("/there", LONG_MS, open_pipe, NULL, &fd, &err), 0);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	/* and is closed where nobody wants it: the other end of the pipe is gone with it */
	assert_int_equal(bg_in_time("/there", LONG_MS, open_pipe, NULL, NULL, &err), 0);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
	nobody_is_left();
}

/* It waits until it is killed. */
static int never(void *context, int *fd, struct bg_error *err)
{
	(void)context;
	(void)fd;
	(void)err;
	while (pause() < 0)
		;
	return 0;
}

static void one_that_does_not_come_back_is_given_up(void **state)
{
	struct bg_error err = {};
	double began_ms = bg_monotonic_ms();
	int fd = -1;

	(void)state;
	assert_int_equal(bg_in_time("/there", 50, never, NULL, &fd, &err), -ETIMEDOUT);
	assert_true(bg_monotonic_ms() - began_ms >= 50);
	assert_true(bg_monotonic_ms() - began_ms < LONG_MS);
	assert_non_null(strstr(err.text, "/there: no answer for"));
	assert_int_equal(fd, -1);
	nobody_is_left();
}

static int die(void *context, int *fd, struct bg_error *err)
{
	(void)context;
	(void)fd;
	(void)err;
	raise(SIGKILL);
	return 0;
}

static void nor_is_one_believed_that_ended(void **state)
{
	struct bg_error err = {};

	(void)state;
	assert_true(bg_in_time("/there", LONG_MS, die, NULL, NULL, &err) < 0);
	assert_non_null(strstr(err.text, "/there: the process that looked there ended"));
	start_error = EAGAIN;
	assert_int_equal(bg_in_time("/there", LONG_MS, say, NULL, NULL, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "/there: starting a process"));
	start_error = 0;
	nobody_is_left();
}

/* A lock, or the pipe to who reads what a verb prints, would be held by one that is left. */
static int count_descriptors(void *context, int *fd, struct bg_error *err)
{
	int count = 0;

	(void)context;
	(void)fd;
	for (int i = 0; i < 1024; i++)
		count += fcntl(i, F_GETFD) >= 0;
	return bg_fail(err, -EPERM, "%d", count);
}

static void it_holds_nothing_that_others_wait_for(void **state)
{
	bg_auto_close int held = open("/dev/null", O_RDONLY), far = fcntl(held, F_DUPFD, 500);
	struct bg_error err = {};

	(void)state;
	assert_true(far >= 500);
	assert_int_equal(bg_in_time("/there", LONG_MS, count_descriptors, NULL, NULL, &err),
			 -EPERM);
	/* nothing, three times, and the socket by which it answers; the first may be there twice */
	assert_true(strtol(err.text, NULL, 10) <= 5);
}

static int copy(void *context, int to_fd, struct bg_error *err)
{
	const char *text = context;

	if (!text)
		return bg_fail(err, -ENOENT, "none");
	return write(to_fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -errno;
}

static void a_text_comes_back_whole(void **state)
{
	bg_auto_free char *text = NULL;
	struct bg_error err = {};
	size_t length_bytes = 7;
	char words[] = "what is\nin force";

	(void)state;
	assert_int_equal(bg_read_in_time("/there", copy, NULL, &text, &length_bytes, &err),
			 -ENOENT);
	assert_null(text);
	assert_int_equal(length_bytes, 7);
	assert_int_equal(bg_read_in_time("/there", copy, words, &text, &length_bytes, &err), 0);
	assert_int_equal(length_bytes, strlen(words));
	assert_string_equal(text, words);
	nobody_is_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_says_comes_back),
		cmocka_unit_test(what_it_opens_comes_back),
		cmocka_unit_test(one_that_does_not_come_back_is_given_up),
		cmocka_unit_test(nor_is_one_believed_that_ended),
		cmocka_unit_test(it_holds_nothing_that_others_wait_for),
		cmocka_unit_test(a_text_comes_back_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
