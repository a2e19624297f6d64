// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The parser beside the daemon, a true one and some that stand in its place and lie: what
 * becomes of every way in which it can end or answer, and the memory by which it is asked.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apart/apart.h"
#include "apart/memory.h"
#include "apart/parser.h"
#include "base/cleanup.h"
#include "for_beside.h"
#include "test.h"

/* --- memory ---------------------------------------------------------------- */

static void what_is_read_cannot_change_any_more(void **state)
{
	struct bg_error err;
	struct bg_memory memory;
	bg_auto_close int fd = bg_memory_of("a text", "0123456789", 10, &err);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(bg_memory_map(fd, "a text", &memory, &err), 0);
	assert_int_equal(memory.length_bytes, 10);
	assert_memory_equal(memory.bytes, "0123456789", 10);
	assert_int_equal(bg_memory_write(fd, "x", 1), -EPERM);
	assert_int_not_equal(ftruncate(fd, 5), 0);
	bg_memory_unmap(&memory);
	/* mapped again it is the same */
	assert_int_equal(bg_memory_map(fd, "a text", &memory, &err), 0);
	assert_memory_equal(memory.bytes, "0123456789", 10);
	bg_memory_unmap(&memory);
}

static void what_cannot_be_sealed_is_not_read(void **state)
{
	struct bg_error err = {};
	struct bg_memory memory;
	int ends[2];
	bg_auto_close int empty = bg_memory_new("nothing", &err);
	bg_auto_close int written = bg_memory_of("a text", "0123", 4, &err);
	void *writes;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(bg_memory_map(ends[1], "a pipe", &memory, &err), -EINVAL);
	assert_non_null(strstr(err.text, "sealing a pipe: "));
	close(ends[0]);
	close(ends[1]);
	/* nor what somebody can still write */
	writes = mmap(NULL, 4, PROT_WRITE, MAP_SHARED, written, 0);
	assert_ptr_not_equal(writes, MAP_FAILED);
	assert_int_equal(bg_memory_map(written, "a text", &memory, &err), -EBUSY);
	munmap(writes, 4);
	assert_int_equal(bg_memory_map(empty, "nothing", &memory, &err), 0);
	assert_null(memory.bytes);
	bg_memory_unmap(&memory);
	assert_int_equal(bg_memory_write(-1, "x", 1), -EBADF);
}

/* --- the parser ------------------------------------------------------------ */

#define LEAST_FEED "{\"FeedVersion\": 1, \"SecurityGroups\": [], \"Branches\": []}"

/* The answer to a text, to be freed. */
static int parse(const char *text, struct bg_wire_answer *answer, struct bg_error *err)
{
	bg_auto_close int fd = bg_memory_of("a feed", text, strlen(text), err);

	assert_true(fd >= 0);
	return bg_parser_run("feed.json", fd, answer, err);
}

static void (*dies_by)(void);

static void dies(const struct bg_child_start *how)
{
	(void)how;
	dies_by();
}

static void by_sigkill(void)
{
	kill(getpid(), SIGKILL);
}

static void by_time(void)
{
	kill(getpid(), SIGXCPU);
}

static void by_length(void)
{
	kill(getpid(), SIGXFSZ);
}

static void by_call(void)
{
	signal(SIGSYS, SIG_DFL);
	kill(getpid(), SIGSYS);
}

static void by_fault(void)
{
	signal(SIGSEGV, SIG_DFL);
	kill(getpid(), SIGSEGV);
}

static void by_status(void)
{
	syscall(SYS_exit_group, 3);
}

static void with_no_answer(void)
{
}

/* What may pass is tried again; a fault of the parser's own is a refused feed. */
static void every_end_of_the_parser_is_told(void **state)
{
	static const struct {
		void (*how)(void);
		int rc;
		const char *says;
	} cases[] = {
		{ by_sigkill, -EAGAIN, "killed, for want of memory or by somebody" },
		{ by_time, -EPROTO, "needed more time than a feed of this size does" },
		{ by_length, -EPROTO, "answer is longer than a feed of this size makes it" },
		{ by_call, -EPROTO, "stops a system call that it may not make" },
		{ by_fault, -EPROTO, "ended by signal 11 (Segmentation fault): a fault of" },
		{ by_status, -EAGAIN, "ended with status 3 before it had an answer" },
		{ with_no_answer, -EPROTO, "" },
	};

	(void)state;
	stand_in = dies;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_wire_answer answer;
		struct bg_error err = {};

		dies_by = cases[i].how;
		assert_int_equal(parse(LEAST_FEED, &answer, &err), cases[i].rc);
		if (!strstr(err.text, cases[i].says) || strncmp(err.text, "feed.json: ", 11) != 0)
			fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].says);
		assert_null(answer.model);
		bg_wire_answer_free(&answer);
	}
}

/* As where the kernel has it wait for a disk: it does not end, and no signal reaches it. */
static bool cannot_be_killed;

int __real_bg_child_wait(struct bg_child *child, int limit_ms, int *status);
int __wrap_bg_child_wait(struct bg_child *child, int limit_ms, int *status);
int __wrap_bg_child_wait(struct bg_child *child, int limit_ms, int *status)
{
	if (!cannot_be_killed)
		return __real_bg_child_wait(child, limit_ms, status);
	if (limit_ms < 0)
		fail_msg("it is waited for without end");
	return -ETIMEDOUT;
}

static void sleeps(const struct bg_child_start *how)
{
	(void)how;
	pause();
}

static void must_not_start(const struct bg_child_start *how)
{
	(void)how;
	kill(getppid(), SIGABRT);
}

static void lies(const struct bg_child_start *how)
{
	static const char nonsense[64] = { 0x7f };

	if (write(how->fds[1], nonsense, sizeof(nonsense)) < 0)
		syscall(SYS_exit_group, 1);
}

static void a_parser_that_cannot_be_killed_is_left(void **state)
{
	struct bg_wire_answer answer;
	struct bg_error err = {};
	int rc;

	(void)state;
	stand_in = sleeps;
	cannot_be_killed = true;
	assert_int_equal(parse(LEAST_FEED, &answer, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "feed.json: the parser cannot even be killed (pid "));
	assert_null(answer.model);
	/* no other one beside it */
	stand_in = must_not_start;
	assert_int_equal(parse(LEAST_FEED, &answer, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "a parser that was killed has not ended (pid "));
	/* when it is gone, there is another one (not the true one, which a sanitizer ends) */
	cannot_be_killed = false;
	stand_in = lies;
	do {
		usleep(1000);
		rc = parse(LEAST_FEED, &answer, &err);
	} while (rc == -EAGAIN);
	assert_int_equal(rc, -EPROTO);
	bg_wire_answer_free(&answer);
}

static void a_parser_that_lies_is_not_believed(void **state)
{
	struct bg_wire_answer answer;
	struct bg_error err = {};

	(void)state;
	stand_in = lies;
	assert_int_equal(parse(LEAST_FEED, &answer, &err), -EPROTO);
	assert_null(answer.model);
	bg_wire_answer_free(&answer);
	start_error = EAGAIN;
	assert_int_equal(parse(LEAST_FEED, &answer, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "feed.json: starting branchguard-parser: no"));
	bg_wire_answer_free(&answer);
}

/* --- true processes that end by themselves ---------------------------------- */

#ifndef __SANITIZE_ADDRESS__ /* it has calls of its own to make, which they may not */
static void a_feed_is_parsed_elsewhere(void **state)
{
	struct bg_wire_answer answer;
	struct bg_error err = {};
	int rc = parse(LEAST_FEED, &answer, &err);

	(void)state;
	if (rc)
		fail_msg("%s", err.text);
	assert_non_null(answer.model);
	assert_int_equal(answer.model->branch_count, 0);
	bg_wire_answer_free(&answer);
}

static void what_is_wrong_with_a_feed_comes_back_whole(void **state)
{
	struct bg_wire_answer answer;
	struct bg_error err = {};

	(void)state;
	assert_int_equal(parse("{\"FeedVersion\": 1, \"Branches\": [{\"VlanId\": 5000}, 7]}",
			       &answer, &err),
			 -EINVAL);
	assert_null(answer.model);
	assert_true(answer.errors.count >= 3);
	assert_non_null(strstr(err.text, "feed.json:"));
	bg_wire_answer_free(&answer);
	assert_int_equal(parse("", &answer, &err), -EINVAL);
	bg_wire_answer_free(&answer);
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_cannot_change_any_more),
		cmocka_unit_test(what_cannot_be_sealed_is_not_read),
		cmocka_unit_test_teardown(every_end_of_the_parser_is_told, back_to_normal),
		cmocka_unit_test_teardown(a_parser_that_cannot_be_killed_is_left, back_to_normal),
		cmocka_unit_test_teardown(a_parser_that_lies_is_not_believed, back_to_normal),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(a_feed_is_parsed_elsewhere),
		cmocka_unit_test(what_is_wrong_with_a_feed_comes_back_whole),
#endif
	};
	int status = bg_apart_main(argc, argv);

	return status >= 0 ? status : cmocka_run_group_tests(tests, NULL, NULL);
}
