// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The parts of the HTTP client that need no server: lines of a stream, waiting times, tokens of
 * files, and the words for what a server or libcurl says.
 */
#include <curl/curl.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fleet/web/backoff.h"
#include "fleet/web/lines.h"
#include "fleet/web/refused.h"
#include "fleet/web/token.h"
#include "scratch.h"
#include "test.h"

/* --- lines --- */

static char seen[256];
static int verdict;

static int note(void *context, const char *line, size_t length_bytes, struct bg_error *err)
{
	size_t used = strlen(seen);

	(void)context;
	snprintf(seen + used, sizeof(seen) - used, "[%.*s]", (int)length_bytes, line);
	return verdict ? bg_fail(err, verdict, "enough") : 0;
}

/* So many bytes at a time. */
static int take(struct bg_lines *lines, const char *text, size_t each, struct bg_error *err)
{
	seen[0] = '\0';
	for (size_t at = 0, length = strlen(text); at < length; at += each) {
		size_t left = length - at;
		int rc =
			bg_lines_take(lines, text + at, left < each ? left : each, note, NULL, err);

		if (rc)
			return rc;
	}
	return 0;
}

static void lines_are_cut_anywhere(void **state)
{
	struct bg_error err;

	(void)state;
	for (size_t each = 1; each < 20; each++) {
		struct bg_lines lines = { .most_bytes = 5 };

		assert_int_equal(take(&lines, "one\ntwo\r\n\n\r\nthree\nfo", each, &err), 0);
		assert_string_equal(seen, "[one][two][three]");
		assert_int_equal(take(&lines, "ur\n", each, &err), 0);
		assert_string_equal(seen, "[four]");
		bg_lines_release(&lines);
	}
}

static void lines_have_a_bound(void **state)
{
	struct bg_error err;

	(void)state;
	for (size_t each = 1; each < 20; each++) {
		struct bg_lines lines = { .most_bytes = 5 };

		assert_int_equal(take(&lines, "12345\n123456\n", each, &err), -E2BIG);
		assert_string_equal(seen, "[12345]");
		assert_non_null(strstr(err.text, "more than 5 bytes"));
		bg_lines_release(&lines);
	}
}

static void a_line_may_end_it(void **state)
{
	struct bg_lines lines = { .most_bytes = 5 };
	struct bg_error err;

	(void)state;
	verdict = -EBADMSG;
	assert_int_equal(take(&lines, "1\n2\n", 4, &err), -EBADMSG);
	verdict = 0;
	assert_string_equal(seen, "[1]");
	assert_string_equal(err.text, "enough");
	bg_lines_release(&lines);
}

/* --- waiting --- */

static void in_between(double ms, double least, double most)
{
	if (ms < least || ms > most)
		fail_msg("waits %.0f ms, expected %.0f to %.0f", ms, least, most);
}

static void waits_longer_and_longer(void **state)
{
	struct bg_backoff backoff = { .first_ms = 100, .most_ms = 1000 };
	double least = 1e9, most = 0;

	(void)state;
	in_between(bg_backoff_ms(&backoff, 0), 50, 100);
	in_between(bg_backoff_ms(&backoff, 0), 100, 200);
	in_between(bg_backoff_ms(&backoff, 0), 200, 400);
	in_between(bg_backoff_ms(&backoff, 0), 400, 800);
	for (int i = 0; i < 1000; i++) {
		double ms = bg_backoff_ms(&backoff, 0);

		in_between(ms, 500, 1000);
		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	/* a fleet is spread over all of it */
	assert_true(least < 550 && most > 950);
	backoff.failures = 0;
	in_between(bg_backoff_ms(&backoff, 0), 50, 100);
}

static void waits_as_the_server_asks(void **state)
{
	struct bg_backoff backoff = { .first_ms = 100, .most_ms = 1000 };

	(void)state;
	assert_int_equal((int)bg_backoff_ms(&backoff, 5000), 5000);
	in_between(bg_backoff_ms(&backoff, 1), 100, 200);
	assert_int_equal((int)bg_backoff_ms(&backoff, 1e18), 600000);
}

/* --- tokens --- */

static const char *token_file(const char *text, size_t length_bytes)
{
	static char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/token", scratch_top);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text, length_bytes), length_bytes);
	close(fd);
	return path;
}

static void a_token_is_read_anew(void **state)
{
	struct bg_error err;
	char *token;

	(void)state;
	assert_int_equal(bg_token_read(token_file("eyJ.a-b_c\n", 10), &token, &err), 0);
	assert_string_equal(token, "eyJ.a-b_c");
	bg_token_free(token);
	assert_int_equal(bg_token_read(token_file("  second\r\n\n", 11), &token, &err), 0);
	assert_string_equal(token, "second");
	bg_token_free(token);
}

static void is_no_token(const char *text, size_t length_bytes)
{
	struct bg_error err;
	char *token;

	assert_int_equal(bg_token_read(token_file(text, length_bytes), &token, &err), -EINVAL);
	assert_non_null(strstr(err.text, "/token: found no token: expected one line"));
	assert_null(strstr(err.text, "secret"));
}

static void other_text_is_none(void **state)
{
	static char large[20000];

	(void)state;
	memset(large, 'x', sizeof(large));
	is_no_token("", 0);
	is_no_token(" \n", 2);
	is_no_token("secret\nX-Header: 1", 18);
	is_no_token("secret\0more", 11);
	is_no_token("secret\303\244", 8);
	is_no_token(large, sizeof(large));
}

static void other_files_have_none(void **state)
{
	struct bg_error err;
	char *token, path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/pipe", scratch_top);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(bg_token_read(path, &token, &err), -EINVAL);
	assert_non_null(strstr(err.text, "expected one with a token"));
	assert_int_equal(bg_token_read("/nonexistent/token", &token, &err), -ENOENT);
	assert_string_equal(err.text,
			    "/nonexistent/token: reading the token: No such file or directory");
}

/* --- words --- */

static void refused(long status, const char *body, int rc, const char *words)
{
	const struct bg_web_answer answer = {
		.status = status,
		.body = body,
		.length_bytes = strlen(body),
	};
	struct bg_error err;

	assert_int_equal(bg_web_refused("https://api", &answer, &err), rc);
	assert_string_equal(err.text, words);
}

static void a_server_is_quoted(void **state)
{
	(void)state;
	refused(403, "{\"kind\":\"Status\",\"message\":\"nodefeeds is forbidden\"}", -EACCES,
		"https://api: HTTP 403: nodefeeds is forbidden: who asks may not do that: look at its "
		"rights there");
	refused(410, "", -ESTALE,
		"https://api: HTTP 410: what was asked for is too old: it is asked for anew");
	refused(409, "{\"message\":\"the object has been modified\"}", -EAGAIN,
		"https://api: HTTP 409: the object has been modified: it is another one by now: it is "
		"read anew");
	refused(413, "Request entity too large", -E2BIG,
		"https://api: HTTP 413: Request entity too large: it takes nothing of that size");
	refused(422, "{\"message\":\"spec.hash: Required value\"}", -EBADMSG,
		"https://api: HTTP 422: spec.hash: Required value: it does not take what was sent: "
		"does what it knows of it fit to this release?");
	refused(418, "<html>\n<b>", -EPROTO,
		"https://api: HTTP 418: <html>: expected another answer: is it the right server?");
	refused(503, "{\"error\":\"etcdserver: no leader\"}", -EPROTO,
		"https://api: HTTP 503: etcdserver: no leader: the server cannot answer now");
	/* nothing that drives a terminal */
	refused(404, "{\"message\":\"a\\u001b[2Jb\\nc\"}", -ENOENT,
		"https://api: HTTP 404: a?[2Jb: it is not there: is the URL right, and has it been put "
		"there?");
}

static void libcurl_is_quoted(void **state)
{
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_web_broken("https://api", CURLE_COULDNT_CONNECT, "refused", &err),
			 -ECONNREFUSED);
	assert_string_equal(err.text, "https://api: refused: does a server listen there?");
	assert_int_equal(bg_web_broken("https://api", CURLE_FTP_COULDNT_USE_REST, "", &err),
			 -EPROTO);
	assert_non_null(strstr(err.text, "https://api: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_cut_anywhere),
		cmocka_unit_test(lines_have_a_bound),
		cmocka_unit_test(a_line_may_end_it),
		cmocka_unit_test(waits_longer_and_longer),
		cmocka_unit_test(waits_as_the_server_asks),
		cmocka_unit_test(a_token_is_read_anew),
		cmocka_unit_test(other_text_is_none),
		cmocka_unit_test(other_files_have_none),
		cmocka_unit_test(a_server_is_quoted),
		cmocka_unit_test(libcurl_is_quoted),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
