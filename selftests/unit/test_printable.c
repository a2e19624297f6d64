// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a terminal gets of text that somebody else wrote. */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/printable.h"
#include "test.h"

static const struct {
	const char *text, *in_place, *guarded;
} cases[] = {
	{ "plain text, as most is ~", "plain text, as most is ~", "plain text, as most is ~" },
	{ "파드-0 é ☃ 😀", "파드-0 é ☃ 😀", "파드-0 é ☃ 😀" },
	{ "a\033[2Jb", "a?[2Jb", "a\\u001b[2Jb" },
	{ "\a\b\r\177", "????", "\\u0007\\u0008\\u000d\\u007f" },
	{ "one\ntwo\t3", "one?two?3", "one\ntwo\t3" },
	{ "csi\302\2332J", "csi?2J", "csi\\u009b2J" }, /* U+009B */
	{ "\342\200\256gnp.exe", "?gnp.exe", "\\u202egnp.exe" },
	{ "\342\201\246x\342\201\251", "?x?", "\\u2066x\\u2069" },
	{ "sg\342\200\213-1\357\273\277", "sg?-1?", "sg\\u200b-1\\ufeff" },
	{ "tag\363\240\201\201", "tag?", "tag\\udb40\\udc41" }, /* U+E0041 */
	{ "\233 \300\200 \355\240\200 \370", "? ?? ??? ?",
	  "\\x9b \\xc0\\x80 \\xed\\xa0\\x80 \\xf8" },
	{ "cut \342\200", "cut ??", NULL },
	{ "a long line with its only bad one right at the end of it.\033",
	  "a long line with its only bad one right at the end of it.?",
	  "a long line with its only bad one right at the end of it.\\u001b" },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void nothing_hides_in_a_cell(void **state)
{
	char text[128];

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		snprintf(text, sizeof(text), "%s", cases[i].text);
		assert_string_equal(bg_printable(text), cases[i].in_place);
	}
}

/* In a child, of which stdout is a pipe; `each`: so many bytes a write. */
static void printed(const char *text, size_t each, char *out, size_t size)
{
	size_t used = 0;
	int ends[2], status;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		if (bg_guard_terminal())
			_exit(1);
		for (size_t at = 0; text[at]; at++) {
			putchar(text[at]);
			if (at % each == 0)
				fflush(stdout);
		}
		_exit(fflush(stdout) ? 2 : 0);
	}
	close(ends[1]);
	while ((got = read(ends[0], out + used, size - used - 1)) > 0)
		used += (size_t)got;
	out[used] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void nothing_drives_a_terminal(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		if (!cases[i].guarded)
			continue;
		printed(cases[i].text, 100, out, sizeof(out));
		assert_string_equal(out, cases[i].guarded);
		/* each byte by itself: characters are cut */
		printed(cases[i].text, 1, out, sizeof(out));
		assert_string_equal(out, cases[i].guarded);
	}
}

static void what_cannot_be_written_is_an_error(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		if (!freopen("/dev/full", "w", stdout) || dup2(fileno(stdout), STDOUT_FILENO) < 0 ||
		    bg_guard_terminal())
			_exit(1);
		printf("text\n");
		_exit(fflush(stdout) && ferror(stdout) ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_hides_in_a_cell),
		cmocka_unit_test(nothing_drives_a_terminal),
		cmocka_unit_test(what_cannot_be_written_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
