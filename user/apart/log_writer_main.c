// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The process that writes the daemon's log into a file, as long as that takes. It ends when it
 * has written all and nobody can write into the pipe any more, and by no signal that is meant
 * for the daemon.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "apart/child.h"
#include "apart/confine.h"
#include "apart/log_writer.h"
#include "base/passing.h"
#include "base/log.h"

#define GIVEN(fd) (BG_CHILD_FD + (int)(fd))
/* What stays open; the file is stderr by then. */
#define KEPT_FDS (BG_LOG_ANSWERS + 1)
#define ROOM_BYTES ((size_t)65536)

static const struct bg_seccomp_rule calls[] = {
	{ .call = "read", .argument = 0, .mask = ~0ull, .value = GIVEN(BG_LOG_LINES) },
	{ .call = "write" },
	{ .call = "poll" },
	{ .call = "ppoll" },
	{ .call = "clock_gettime" },
	{ .call = "futex" },
	{ .call = "brk" },
	{ .call = "mmap", .argument = 2, .mask = PROT_EXEC, .value = 0 },
	{ .call = "munmap" },
	{ .call = "exit_group" },
	{},
};

/* The file: taken out, and laid back for who may come after this process. */
static bool take_file(void)
{
	int file_fd = -1;
	char nothing;

	if (bg_take_passed(GIVEN(BG_LOG_TAKE), &nothing, sizeof(nothing), &file_fd) || file_fd < 0)
		return false;
	return !bg_pass(GIVEN(BG_LOG_LAY_BACK), &nothing, sizeof(nothing), file_fd) &&
	       dup2(file_fd, STDERR_FILENO) >= 0 && !close(file_fd);
}

static void answer(void)
{
	const uint64_t one = 1;

	/* it cannot be full: the daemon takes it with each line */
	if (write(GIVEN(BG_LOG_ANSWERS), &one, sizeof(one)) < 0)
		return;
}

/* Where the line ends, or the byte 0 is: the first of them. */
static char *end_of(char *text, size_t length)
{
	char *newline = memchr(text, '\n', length);
	char *zero = memchr(text, '\0', newline ? (size_t)(newline - text) : length);

	return zero ? zero : newline;
}

/* What is whole; the rest moves to the beginning. Returns its length. */
static size_t write_lines(char *text, size_t length, bool is_all)
{
	char *from = text, *last = text + length;

	while (from < last) {
		char *end = end_of(from, (size_t)(last - from));
		size_t line = (size_t)((end ? end + (*end != '\0') : last) - from);

		if (!end && !is_all)
			break;
		if (line)
			bg_log_line(from, line);
		from += line;
		if (end && !*end) {
			answer();
			from++;
		}
	}
	memmove(text, from, (size_t)(last - from));
	return (size_t)(last - from);
}

static void write_all(void)
{
	static char text[ROOM_BYTES];
	size_t length = 0;
	ssize_t got;

	while ((got = read(GIVEN(BG_LOG_LINES), text + length, ROOM_BYTES - length)) > 0) {
		length += (size_t)got;
		length = write_lines(text, length, length == ROOM_BYTES);
	}
	write_lines(text, length, true);
}

int bg_log_writer_main(int argc, char **argv)
{
	static const int not_for_it[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ };
	const struct bg_confinement how = {
		.fd_count = KEPT_FDS,
		.outlives_thread = true,
		.calls = calls,
	};
	struct bg_error err;

	(void)argv;
	for (size_t i = 0; i < sizeof(not_for_it) / sizeof(not_for_it[0]); i++)
		signal(not_for_it[i], SIG_IGN);
	/* the C library reads a file for the time, once */
	tzset();
	if (argc != 2 || !take_file() || bg_confine(&how, &err))
		return EXIT_FAILURE;
	write_all();
	_exit(EXIT_SUCCESS);
}
