// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The daemon's loop: who is called when, what a handler may do meanwhile, and what fails. */
#include "base/loop.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

#include "test.h"

#define MOST_FDS 80
#define MOST_CALLS 4096

/* What the handlers share: they get the one context. */
static struct story {
	struct bg_loop loop;
	int fds[MOST_FDS];
	unsigned int fd_count;
	char calls[MOST_CALLS]; /* a letter for each, in their order */
	unsigned int call_count;
	unsigned int stop_after; /* calls; 0 = a handler says so itself */
} story;

static void note(char who)
{
	assert_true(story.call_count + 1 < MOST_CALLS);
	story.calls[story.call_count++] = who;
	story.calls[story.call_count] = '\0';
	if (story.stop_after && story.call_count >= story.stop_after)
		bg_loop_stop(&story.loop);
}

static int begin(void **state)
{
	struct bg_error err;

	(void)state;
	memset(&story, 0, sizeof(story));
	return bg_loop_open(&story.loop, &story, &err);
}

static int end(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < story.fd_count; i++)
		if (story.fds[i] >= 0)
			close(story.fds[i]);
	bg_loop_close(&story.loop);
	return 0;
}

/* A descriptor that can be read as long as nobody reads it. */
static int ready_fd(void)
{
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	assert_true(fd >= 0 && story.fd_count < MOST_FDS);
	story.fds[story.fd_count++] = fd;
	return fd;
}

static int quiet_fd(void)
{
	int fd = ready_fd();
	uint64_t value;

	assert_int_equal(read(fd, &value, sizeof(value)), sizeof(value));
	return fd;
}

static void watch(int fd, bg_loop_fn *run)
{
	struct bg_error err = {};

	assert_int_equal(bg_loop_watch(&story.loop, fd, "test", run, &err), 0);
}

static void timer(unsigned int number, bg_loop_fn *run, double due_ms)
{
	bg_loop_timer(&story.loop, number, "test", run);
	if (due_ms)
		bg_loop_at(&story.loop, number, due_ms);
}

static void run(void)
{
	struct bg_error err = {};

	assert_int_equal(bg_loop_run(&story.loop, &err), 0);
}

static double now(void)
{
	return bg_monotonic_ms();
}

static void call_a(void *context)
{
	assert_ptr_equal(context, &story);
	note('a');
}

static void call_b(void *context)
{
	(void)context;
	note('b');
}

static void call_c(void *context)
{
	(void)context;
	note('c');
}

/* --- timers ---------------------------------------------------------------- */

static void due_timers_run_in_the_order_of_their_numbers(void **state)
{
	(void)state;
	/* whichever is due first */
	timer(5, call_c, now() - 30);
	timer(1, call_b, now() - 10);
	timer(0, call_a, now() - 20);
	story.stop_after = 3;
	run();
	assert_string_equal(story.calls, "abc");
}

static void a_timer_waits_for_its_time_and_runs_once(void **state)
{
	const double start_ms = now();

	(void)state;
	timer(0, call_a, start_ms + 30);
	timer(1, call_b, start_ms + 60);
	story.stop_after = 2;
	run();
	assert_string_equal(story.calls, "ab");
	assert_true(now() >= start_ms + 60);
}

static void sets_the_next_for_now(void *context)
{
	struct story *it = context;

	note('a');
	bg_loop_at(&it->loop, 1, now());
}

static void one_that_an_earlier_one_sets_for_now_runs_in_the_same_turn(void **state)
{
	(void)state;
	timer(0, sets_the_next_for_now, now());
	timer(1, call_b, 0);
	timer(2, call_c, now());
	story.stop_after = 3;
	run();
	assert_string_equal(story.calls, "abc");
}

static void sets_itself_for_now(void *context)
{
	struct story *it = context;

	note('a');
	bg_loop_at(&it->loop, 0, now());
}

static void a_timer_that_is_always_due_keeps_nobody_from_his_turn(void **state)
{
	(void)state;
	timer(0, sets_itself_for_now, now());
	timer(1, call_b, now());
	watch(ready_fd(), call_c);
	story.stop_after = 7;
	run();
	assert_string_equal(story.calls, "cabcaca");
}

static void a_descriptor_that_is_always_ready_keeps_no_timer_from_its_time(void **state)
{
	(void)state;
	watch(ready_fd(), call_a);
	timer(3, call_b, now());
	story.stop_after = 3;
	run();
	assert_string_equal(story.calls, "aba");
}

static void sooner_moves_a_timer_forward_only_and_never_takes_it_away(void **state)
{
	const double later_ms = now() + 3600e3;

	(void)state;
	timer(0, call_a, later_ms);
	bg_loop_sooner(&story.loop, 0, later_ms + 1);
	assert_true(story.loop.timers[0].due_ms == later_ms);
	bg_loop_sooner(&story.loop, 0, now());
	timer(1, call_b, 0);
	bg_loop_sooner(&story.loop, 1, now()); /* it was not due at all */
	timer(2, call_c, now());
	bg_loop_never(&story.loop, 2);
	story.stop_after = 2;
	run();
	assert_string_equal(story.calls, "ab");
	assert_true(story.loop.timers[2].due_ms == 0);
}

/* Longer than epoll can be told to wait. */
static void a_timer_may_be_due_in_a_year(void **state)
{
	int fd = quiet_fd();
	const uint64_t one = 1;

	(void)state;
	timer(0, call_a, now() + 366 * 86400e3);
	watch(fd, call_b);
	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
	story.stop_after = 1;
	run();
	assert_string_equal(story.calls, "b");
}

/* --- descriptors ----------------------------------------------------------- */

static void who_is_ready_is_called_until_it_is_read(void **state)
{
	(void)state;
	watch(quiet_fd(), call_b);
	watch(ready_fd(), call_a);
	story.stop_after = 3;
	run();
	assert_string_equal(story.calls, "aaa");
}

static void an_end_that_is_closed_is_told(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	story.fds[story.fd_count++] = ends[0];
	watch(ends[0], call_a);
	close(ends[1]);
	story.stop_after = 1;
	run();
	assert_string_equal(story.calls, "a");
}

/* More than are taken at a time. */
static void of_many_that_are_ready_none_is_forgotten(void **state)
{
	static bg_loop_fn *const who[] = { call_a, call_b, call_c };
	unsigned int count[3] = {};

	(void)state;
	for (unsigned int i = 0; i < BG_LOOP_FDS; i++)
		watch(ready_fd(), who[i * 3 / BG_LOOP_FDS]);
	story.stop_after = 10 * BG_LOOP_FDS;
	run();
	for (unsigned int i = 0; i < story.call_count; i++)
		count[story.calls[i] - 'a']++;
	/* each has had ten turns, give or take one */
	for (unsigned int i = 0; i < 3; i++)
		assert_in_range(count[i], 9 * 21, 11 * 22);
}

static void takes_back_all(void *context)
{
	struct story *it = context;

	note('a');
	for (unsigned int i = 0; i < it->fd_count; i++)
		bg_loop_unwatch(&it->loop, it->fds[i]);
	bg_loop_at(&it->loop, 0, now());
}

static void what_a_handler_takes_back_is_not_called_even_if_it_is_ready(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		watch(ready_fd(), takes_back_all);
	timer(0, call_b, 0);
	story.stop_after = 2;
	run();
	assert_string_equal(story.calls, "ab");
	/* twice is no harm, nor is one that never was */
	bg_loop_unwatch(&story.loop, story.fds[0]);
	bg_loop_unwatch(&story.loop, -1);
	bg_loop_unwatch(&story.loop, 12345);
}

/* As when one socket is closed, and a new one opened at once: the kernel gives it the number. */
static void closes_the_others_and_opens_quiet_ones(void *context)
{
	struct story *it = context;
	unsigned int count = it->fd_count;
	uint64_t value;

	note('a');
	for (unsigned int i = 0; i < count; i++) {
		bg_loop_unwatch(&it->loop, it->fds[i]);
		close(it->fds[i]);
	}
	for (unsigned int i = 0; i < count; i++) {
		it->fds[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_int_equal(read(it->fds[i], &value, sizeof(value)), sizeof(value));
		watch(it->fds[i], call_c);
	}
	bg_loop_at(&it->loop, 0, now());
}

static void a_new_one_with_the_number_of_one_that_was_ready_is_not_called_for_it(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		watch(ready_fd(), closes_the_others_and_opens_quiet_ones);
	timer(0, call_b, 0);
	story.stop_after = 2;
	run();
	assert_string_equal(story.calls, "ab");
}

static void watches_another(void *context)
{
	(void)context;
	note('a');
	if (story.fd_count == 1)
		watch(ready_fd(), call_b);
}

static void what_a_handler_adds_is_called_in_the_next_turn(void **state)
{
	(void)state;
	watch(ready_fd(), watches_another);
	story.stop_after = 3;
	run();
	assert_int_equal(story.calls[0], 'a');
	assert_non_null(strchr(story.calls, 'b'));
}

/* --- the end --------------------------------------------------------------- */

static void stops(void *context)
{
	struct story *it = context;

	note('s');
	bg_loop_stop(&it->loop);
}

static void who_is_left_of_a_turn_is_not_called_after_stop(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 6; i++)
		watch(ready_fd(), stops);
	timer(0, call_b, now());
	run();
	assert_string_equal(story.calls, "s");
}

static void nor_is_a_later_timer(void **state)
{
	(void)state;
	timer(0, call_a, now());
	timer(1, stops, now());
	timer(2, call_b, now());
	run();
	assert_string_equal(story.calls, "as");
}

/* --- what goes wrong ---------------------------------------------------------- */

static volatile sig_atomic_t interrupts;

static void on_alarm(int number)
{
	(void)number;
	interrupts++;
}

static void a_signal_interrupts_the_wait_and_nothing_else(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm }; /* without SA_RESTART */
	const struct itimerval every = { { 0, 2000 }, { 0, 2000 } }, none = {};

	(void)state;
	timer(0, call_a, now() + 50);
	story.stop_after = 1;
	interrupts = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	run();
	setitimer(ITIMER_REAL, &none, NULL);
	assert_string_equal(story.calls, "a");
	assert_true(interrupts > 0);
}

static void a_wait_that_fails_ends_it_in_words(void **state)
{
	struct bg_error err = {};

	(void)state;
	close(story.loop.epoll_fd);
	story.loop.epoll_fd = quiet_fd(); /* which is none of epoll's */
	assert_int_equal(bg_loop_run(&story.loop, &err), -EINVAL);
	assert_string_equal(err.text, "epoll: Invalid argument");
	story.loop.epoll_fd = -1;
	assert_int_equal(bg_loop_run(&story.loop, &err), -EBADF);
}

static void there_is_room_for_so_many_descriptors_and_no_more(void **state)
{
	struct bg_error err = {};
	int one_more;

	(void)state;
	for (unsigned int i = 0; i < BG_LOOP_FDS; i++)
		watch(quiet_fd(), call_a);
	one_more = ready_fd();
	assert_int_equal(bg_loop_watch(&story.loop, one_more, "test", call_b, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "follows 64 file descriptors already"));
	bg_loop_unwatch(&story.loop, story.fds[7]);
	watch(one_more, call_b);
	story.stop_after = 1;
	run();
	assert_string_equal(story.calls, "b");
}

static void what_cannot_be_watched_takes_no_place(void **state)
{
	struct bg_error err = {};
	int fd = ready_fd();

	(void)state;
	for (unsigned int i = 0; i < 2 * BG_LOOP_FDS; i++)
		assert_int_equal(bg_loop_watch(&story.loop, 12345, "test", call_a, &err), -EBADF);
	assert_string_equal(err.text, "epoll: Bad file descriptor");
	watch(fd, call_b);
	assert_int_equal(bg_loop_watch(&story.loop, fd, "test", call_a, &err), -EEXIST);
	story.stop_after = 1;
	run();
	assert_string_equal(story.calls, "b");
}

static void a_loop_that_cannot_be_opened_says_so(void **state)
{
	struct rlimit before, none;
	struct bg_error err = {};
	struct bg_loop loop;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){ 0, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	assert_int_equal(bg_loop_open(&loop, NULL, &err), -EMFILE);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_string_equal(err.text, "epoll: Too many open files");
	bg_loop_close(&loop);
}

/* --- how long it took ------------------------------------------------------------ */

static void is_slow(void *context)
{
	const double end_ms = now() + 20;

	(void)context;
	while (now() < end_ms)
		;
	note('a');
}

static void note_time(void *context, const char *step, double ms)
{
	assert_ptr_equal(context, &story);
	assert_string_equal(step, "test");
	note(ms >= 20 ? '+' : '-');
}

static void of_each_step_is_told_how_long_it_took(void **state)
{
	(void)state;
	story.loop.took = note_time;
	timer(0, is_slow, now());
	watch(ready_fd(), is_slow);
	story.stop_after = 4;
	run();
	assert_string_equal(story.calls, "a+a+");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(due_timers_run_in_the_order_of_their_numbers),
		TEST(a_timer_waits_for_its_time_and_runs_once),
		TEST(one_that_an_earlier_one_sets_for_now_runs_in_the_same_turn),
		TEST(a_timer_that_is_always_due_keeps_nobody_from_his_turn),
		TEST(a_descriptor_that_is_always_ready_keeps_no_timer_from_its_time),
		TEST(sooner_moves_a_timer_forward_only_and_never_takes_it_away),
		TEST(a_timer_may_be_due_in_a_year),
		TEST(who_is_ready_is_called_until_it_is_read),
		TEST(an_end_that_is_closed_is_told),
		TEST(of_many_that_are_ready_none_is_forgotten),
		TEST(what_a_handler_takes_back_is_not_called_even_if_it_is_ready),
		TEST(a_new_one_with_the_number_of_one_that_was_ready_is_not_called_for_it),
		TEST(what_a_handler_adds_is_called_in_the_next_turn),
		TEST(who_is_left_of_a_turn_is_not_called_after_stop),
		TEST(nor_is_a_later_timer),
		TEST(a_signal_interrupts_the_wait_and_nothing_else),
		TEST(a_wait_that_fails_ends_it_in_words),
		TEST(there_is_room_for_so_many_descriptors_and_no_more),
		TEST(what_cannot_be_watched_takes_no_place),
		TEST(a_loop_that_cannot_be_opened_says_so),
		TEST(of_each_step_is_told_how_long_it_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
