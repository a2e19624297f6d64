// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The process that writes the log into a file: that all arrives in its order, that nobody waits
 * for one that stands still, and that what it could not take is counted.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apart/apart.h"
#include "apart/log_writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "test.h"

/* However slow the machine is. */
#define LONG_MS 60000
/* More than there is room for. */
#define LINES 30000

static int own_stderr, log_stderr, file;
static char text[4 << 20];

static off_t from;

static const char *unseen(void)
{
	ssize_t length = pread(file, text, sizeof(text) - 1, from);

	assert_true(length >= 0);
	text[length] = '\0';
	return text;
}

/* What has been written since the last time. */
static const char *written(void)
{
	from += (off_t)strlen(unseen());
	return text;
}

static unsigned int lines_in(const char *all)
{
	unsigned int count = 0;

	for (; *all; all++)
		count += *all == '\n';
	return count;
}

/* One that follows another answers what that had not, too: no answer says when it has written. */
static void wait_for_lines(unsigned int count)
{
	const double end_ms = bg_monotonic_ms() + LONG_MS;

	while (lines_in(unseen()) < count && bg_monotonic_ms() < end_ms)
		usleep(1000);
	assert_int_equal(lines_in(written()), count);
}

static bool come_through(int limit_ms)
{
	bool has;

	dup2(log_stderr, STDERR_FILENO);
	has = bg_log_wait(limit_ms);
	dup2(own_stderr, STDERR_FILENO);
	return has;
}

static void say(unsigned int lines)
{
	dup2(log_stderr, STDERR_FILENO);
	for (unsigned int i = 0; i < lines; i++)
		bg_log(BG_LOG_INFO, "line", "number=%u", i);
	dup2(own_stderr, STDERR_FILENO);
}

static void look(void)
{
	dup2(log_stderr, STDERR_FILENO);
	bg_log_writer_look();
	dup2(own_stderr, STDERR_FILENO);
}

/* The only child; 0: there is none. */
static pid_t child(void)
{
	FILE *children = fopen("/proc/thread-self/children", "re");
	int pid = 0;

	if (!children) {
		fail_msg("/proc does not name children");
		return 0;
	}
	/* NOLINTNEXTLINE(cert-err34-c): a number that the kernel wrote */
	if (fscanf(children, "%d", &pid) != 1)
		pid = 0;
	fclose(children);
	return pid;
}

static void is_not_there_where_stderr_can_be_waited_for(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	bg_log_writer_begin();
	dup2(own_stderr, STDERR_FILENO);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(child(), 0);
}

static void writes_what_is_said(void **state)
{
	(void)state;
	dup2(file, STDERR_FILENO);
	bg_log_writer_begin();
	log_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 20);
	dup2(own_stderr, STDERR_FILENO);
	assert_true(log_stderr >= 0);
	assert_true(child() > 0);
	say(3);
	assert_int_equal(write(log_stderr, "of somebody else\n", 17), 17);
	assert_true(come_through(LONG_MS));
	assert_int_equal(lines_in(written()), 4);
	assert_non_null(strstr(text, "\"line\" number=0\n"));
	assert_true(strstr(text, "number=2\nof somebody else\n") > strstr(text, "number=1\n"));
	assert_null(memchr(text, '\0', strlen(text)));
}

static void is_not_waited_for_where_it_stands_still(void **state)
{
	char *lost;
	double began_ms;

	(void)state;
	kill(child(), SIGSTOP);
	began_ms = bg_monotonic_ms();
	say(LINES);
	assert_false(come_through(0));
	assert_true(bg_monotonic_ms() - began_ms < LONG_MS);
	assert_string_equal(written(), "");
	kill(child(), SIGCONT);
	assert_true(come_through(LONG_MS));
	say(1);
	assert_true(come_through(LONG_MS));
	written();
	lost = strstr(text, "\"lines of the log were lost: there was no room for them\" lost=");
	assert_non_null(lost);
	/* that line is one more */
	assert_int_equal(lines_in(text) - 1 + strtoul(strchr(lost, '=') + 1, NULL, 10), LINES + 1);
	assert_non_null(strstr(lost, "\"line\" number=0\n"));
}

static void counts_what_the_disk_does_not_take(void **state)
{
	struct rlimit before, none;

	(void)state;
	assert_int_equal(prlimit(child(), RLIMIT_FSIZE, NULL, &before), 0);
	none = (struct rlimit){ .rlim_cur = 1, .rlim_max = before.rlim_max };
	assert_int_equal(prlimit(child(), RLIMIT_FSIZE, &none, NULL), 0);
	say(7);
	assert_true(come_through(LONG_MS));
	assert_string_equal(written(), "");
	assert_int_equal(prlimit(child(), RLIMIT_FSIZE, &before, NULL), 0);
	say(1);
	assert_true(come_through(LONG_MS));
	assert_non_null(strstr(written(), "lost=7\n"));
}

static void is_followed_by_another_one(void **state)
{
	const pid_t first = child();
	siginfo_t ended;

	(void)state;
	look();
	assert_int_equal(child(), first);
	/* of the daemon these are, and it ends when that does */
	kill(first, SIGTERM);
	kill(first, SIGINT);
	kill(first, SIGHUP);
	say(1);
	assert_true(come_through(LONG_MS));
	assert_int_equal(lines_in(written()), 1);
	kill(first, SIGSTOP);
	/* before it takes a line */
	assert_int_equal(waitid(P_PID, (id_t)first, &ended, WSTOPPED), 0);
	say(2);
	kill(first, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)first, &ended, WEXITED | WNOWAIT), 0);
	look();
	assert_true(child() > 0 && child() != first);
	wait_for_lines(3);
	assert_non_null(strstr(text, "had ended"));
	/* and that one */
	kill(child(), SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)child(), &ended, WEXITED | WNOWAIT), 0);
	look();
	say(1);
	wait_for_lines(2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_not_there_where_stderr_can_be_waited_for),
		/* from here on it is there */
		cmocka_unit_test(writes_what_is_said),
		cmocka_unit_test(is_not_waited_for_where_it_stands_still),
		cmocka_unit_test(counts_what_the_disk_does_not_take),
		cmocka_unit_test(is_followed_by_another_one),
	};
	int status = bg_apart_main(argc, argv);

	if (status >= 0)
		return status;
	unsetenv("JOURNAL_STREAM");
	own_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 20);
	file = memfd_create("log", MFD_CLOEXEC);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
