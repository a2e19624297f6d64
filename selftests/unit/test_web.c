// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The HTTP client against a server of one process and no manners: whole answers, streams, both
 * cut, hanging and too large, and who is told what. What TLS adds is in net/.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "fleet/web/web.h"
#include "scratch.h"
#include "test.h"

#define MOST_MS 20000 /* a busy machine is slow, not wrong */

/* --- the server --- */

static char base[64];
static pid_t server;

static void say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(0);
}

static void answer_gzip(int fd)
{
	unsigned char packed[256], text[] = "what was packed";
	z_stream stream = { .next_in = text,
			    .avail_in = sizeof(text) - 1,
			    .next_out = packed,
			    .avail_out = sizeof(packed) };

	deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
	deflate(&stream, Z_FINISH);
	dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
		stream.total_out);
	if (write(fd, packed, stream.total_out) < 0)
		_exit(0);
	deflateEnd(&stream);
}

static void answer(int fd, const char *request)
{
	if (strstr(request, " /plain ")) {
		say(fd,
		    strstr(request, "\r\nIf-None-Match: \"1\"\r\n")
			    ? "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"
			    : "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 4\r\n\r\ntext");
	} else if (strstr(request, " /echo ")) {
		dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(request),
			request);
	} else if (strstr(request, " /gzip ")) {
		answer_gzip(fd);
	} else if (strstr(request, " /busy ")) {
		say(fd, "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n"
			"Content-Length: 4\r\n\r\nbusy");
	} else if (strstr(request, " /moved ")) {
		say(fd, "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n");
	} else if (strstr(request, " /cut ")) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\none\ntw");
		shutdown(fd, SHUT_RDWR);
	} else if (strstr(request, " /hangs ")) {
		say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\none\ntw");
	} else if (strstr(request, " /mute ")) {
		return;
	} else if (strstr(request, " /lines ")) {
		say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
			"6\r\none\ntw\r\n8\r\no\nthree\n\r\n0\r\n\r\n");
	} else if (strstr(request, " /headers ")) {
		say(fd, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 3000; i++)
			dprintf(fd, "X-%d: %060d\r\n", i, i);
		say(fd, "Content-Length: 0\r\n\r\n");
	}
}

/* One request a connection; one that hangs keeps nobody else from it. */
static void serve(int listener)
{
	char request[16384];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t got;

		if (fd < 0)
			_exit(1);
		if (fork()) {
			close(fd);
			continue;
		}
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while ((got = read(fd, request, sizeof(request) - 1)) > 0) {
			request[got] = '\0';
			answer(fd, request);
		}
		_exit(0);
	}
}

static int begin(void **state)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) ||
	    listen(listener, 16) || getsockname(listener, (struct sockaddr *)&address, &length))
		return -1;
	snprintf(base, sizeof(base), "http://127.0.0.1:%d", ntohs(address.sin_port));
	server = fork();
	if (!server)
		serve(listener);
	close(listener);
	return scratch_make(state);
}

static int end(void **state)
{
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return scratch_remove(state);
}

/* --- who asks --- */

struct asked {
	int ends, rc;
	long status;
	char body[512], lines[128], etag[16];
	double retry_after_ms;
	struct bg_error err;
	int line_rc;
};

static void note_end(void *context, const struct bg_web_answer *got, int rc,
		     const struct bg_error *err)
{
	struct asked *asked = context;

	asked->ends++;
	asked->rc = rc;
	asked->status = got->status;
	asked->retry_after_ms = got->retry_after_ms;
	snprintf(asked->body, sizeof(asked->body), "%s", got->body);
	snprintf(asked->etag, sizeof(asked->etag), "%s", got->etag ?: "");
	if (rc)
		asked->err = *err;
}

static int note_line(void *context, const char *line, size_t length_bytes, struct bg_error *err)
{
	struct asked *asked = context;
	size_t used = strlen(asked->lines);

	snprintf(asked->lines + used, sizeof(asked->lines) - used, "[%.*s]", (int)length_bytes,
		 line);
	return asked->line_rc ? bg_fail(err, asked->line_rc, "not that one") : 0;
}

static void until(struct bg_web *web, const struct asked *asked)
{
	double end_ms = bg_monotonic_ms() + MOST_MS;

	while (!asked->ends) {
		struct pollfd fd = { .fd = bg_web_fd(web), .events = POLLIN };

		assert_true(bg_monotonic_ms() < end_ms);
		poll(&fd, 1, 1000);
		bg_web_step(web);
	}
	assert_int_equal(asked->ends, 1);
}

static struct asked ask(const char *path, struct bg_web_request request, int line_rc)
{
	const struct bg_web_identity identity = {};
	struct asked asked = { .line_rc = line_rc };
	struct bg_web *web;
	struct bg_error err;
	char url[256];

	snprintf(url, sizeof(url), "%s%s", base, path);
	request.url = url;
	request.ended = note_end;
	request.context = &asked;
	assert_int_equal(bg_web_open(&identity, &web, &err), 0);
	assert_int_equal(bg_web_start(web, &request, NULL, &err), 0);
	until(web, &asked);
	bg_web_close(web);
	return asked;
}

/* --- answers --- */

static void answers_come_whole(void **state)
{
	struct asked asked = ask("/plain", (struct bg_web_request){}, 0);

	(void)state;
	assert_int_equal(asked.rc, 0);
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.body, "text");
	assert_string_equal(asked.etag, "\"1\"");
	asked = ask("/plain", (struct bg_web_request){ .etag = asked.etag }, 0);
	assert_int_equal(asked.rc, 0);
	assert_int_equal(asked.status, 304);
	assert_string_equal(asked.body, "");
	asked = ask("/gzip", (struct bg_web_request){}, 0);
	assert_string_equal(asked.body, "what was packed");
	asked = ask("/busy", (struct bg_web_request){}, 0);
	assert_int_equal(asked.rc, 0);
	assert_int_equal(asked.status, 429);
	assert_string_equal(asked.body, "busy");
	assert_int_equal((int)asked.retry_after_ms, 7000);
	asked = ask("/moved", (struct bg_web_request){}, 0);
	assert_int_equal(asked.status, 302);
}

static void a_request_has_what_it_should(void **state)
{
	static const char *const headers[] = { "X-One: 1", "X-Two: 2", NULL };
	struct asked asked =
		ask("/echo", (struct bg_web_request){ .post = "{}", .headers = headers }, 0);

	(void)state;
	assert_ptr_equal(strstr(asked.body, "POST /echo "), asked.body);
	assert_non_null(strstr(asked.body, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(asked.body, "\r\nX-One: 1\r\nX-Two: 2\r\n"));
	assert_non_null(strstr(asked.body, "\r\n\r\n{}"));
	asked = ask("/echo", (struct bg_web_request){ .post = "{}", .method = "PUT" }, 0);
	assert_ptr_equal(strstr(asked.body, "PUT /echo "), asked.body);
	assert_non_null(strstr(asked.body, "\r\n\r\n{}"));
	asked = ask("/echo", (struct bg_web_request){ .method = "DELETE" }, 0);
	assert_ptr_equal(strstr(asked.body, "DELETE /echo "), asked.body);
}

static void what_is_too_large_is_left(void **state)
{
	struct asked asked = ask("/plain", (struct bg_web_request){ .most_bytes = 3 }, 0);

	(void)state;
	assert_int_equal(asked.rc, -E2BIG);
	assert_non_null(strstr(asked.err.text, "/plain: found more than 3 bytes"));
	/* as it is when it is unpacked */
	asked = ask("/gzip", (struct bg_web_request){ .most_bytes = 14 }, 0);
	assert_int_equal(asked.rc, -E2BIG);
	asked = ask("/headers", (struct bg_web_request){}, 0);
	assert_int_equal(asked.rc, -E2BIG);
	assert_non_null(strstr(asked.err.text, "headers of more than 65536 bytes"));
}

static void what_is_cut_is_no_answer(void **state)
{
	struct asked asked = ask("/cut", (struct bg_web_request){}, 0);

	(void)state;
	assert_int_equal(asked.rc, -EPIPE);
	assert_non_null(strstr(asked.err.text, "/cut: "));
}

static void a_hang_is_noticed(void **state)
{
	struct asked asked = ask("/mute", (struct bg_web_request){ .silence_s = 1 }, 0);

	(void)state;
	assert_int_equal(asked.rc, -ETIMEDOUT);
	assert_non_null(strstr(asked.err.text, ": the server, or the way to it, hangs"));
	asked = ask("/hangs", (struct bg_web_request){ .limit_ms = 50 }, 0);
	assert_int_equal(asked.rc, -ETIMEDOUT);
}

/* --- streams --- */

static void lines_are_handed_on(void **state)
{
	struct asked asked = ask("/lines", (struct bg_web_request){ .line = note_line }, 0);

	(void)state;
	assert_int_equal(asked.rc, 0);
	assert_string_equal(asked.lines, "[one][two][three]");
	assert_string_equal(asked.body, "");
	asked = ask("/cut", (struct bg_web_request){ .line = note_line }, 0);
	assert_int_equal(asked.rc, -EPIPE);
	assert_string_equal(asked.lines, "[one]");
	asked = ask("/lines", (struct bg_web_request){ .line = note_line }, -EBADMSG);
	assert_int_equal(asked.rc, -EBADMSG);
	assert_string_equal(asked.lines, "[one]");
	assert_non_null(strstr(asked.err.text, "/lines: not that one"));
	asked = ask("/lines", (struct bg_web_request){ .line = note_line, .most_bytes = 4 }, 0);
	assert_int_equal(asked.rc, -E2BIG);
	assert_string_equal(asked.lines, "[one][two]");
	/* what is no stream is an answer */
	asked = ask("/busy", (struct bg_web_request){ .line = note_line }, 0);
	assert_string_equal(asked.lines, "");
	assert_string_equal(asked.body, "busy");
}

static void a_stream_may_be_silent(void **state)
{
	const struct bg_web_identity identity = {};
	struct bg_web *web;
	struct bg_web_transfer *stream;
	struct asked silent = {}, asked = {};
	struct bg_error err;
	char url[128], other[128];
	double end_ms = bg_monotonic_ms() + MOST_MS;

	(void)state;
	snprintf(url, sizeof(url), "%s/hangs", base);
	snprintf(other, sizeof(other), "%s/plain", base);
	assert_int_equal(bg_web_open(&identity, &web, &err), 0);
	assert_int_equal(bg_web_start(web,
				      &(struct bg_web_request){ .url = url,
								.line = note_line,
								.ended = note_end,
								.context = &silent },
				      &stream, &err),
			 0);
	while (!*silent.lines && bg_monotonic_ms() < end_ms)
		bg_web_step(web);
	assert_string_equal(silent.lines, "[one]");
	/* another one beside it */
	assert_int_equal(bg_web_start(web,
				      &(struct bg_web_request){
					      .url = other, .ended = note_end, .context = &asked },
				      NULL, &err),
			 0);
	until(web, &asked);
	assert_string_equal(asked.body, "text");
	bg_web_cancel(stream);
	bg_web_close(web);
	assert_int_equal(silent.ends, 0);
}

/* --- what does not begin --- */

static void does_not_begin(const char *url, const char *token_file, const char *words)
{
	const struct bg_web_identity identity = { .token_file = token_file };
	struct bg_web *web;
	struct bg_error err;

	assert_int_equal(bg_web_open(&identity, &web, &err), 0);
	assert_true(bg_web_start(web, &(struct bg_web_request){ .url = url, .ended = note_end },
				 NULL, &err) < 0);
	if (!strstr(err.text, words))
		fail_msg("\"%s\" lacks \"%s\"", err.text, words);
	bg_web_close(web);
}

static void wrong_requests_do_not_begin(void **state)
{
	(void)state;
	does_not_begin("file:///etc/passwd", NULL, "expected an URL that begins with https://");
	does_not_begin("https://me:secret@api/", NULL, "the URL has a user or a password in it");
	does_not_begin("http://api/", "/dev/null", "a token goes to servers with https:// only");
	does_not_begin("https://api/", "/nonexistent", "/nonexistent: reading the token");
}

static void nobody_is_there(void **state)
{
	struct asked asked;
	char whole[64];

	(void)state;
	snprintf(whole, sizeof(whole), "%s", base);
	snprintf(base, sizeof(base), "http://127.0.0.1:1");
	asked = ask("/", (struct bg_web_request){}, 0);
	snprintf(base, sizeof(base), "%s", whole);
	assert_int_equal(asked.rc, -ECONNREFUSED);
	assert_int_equal(asked.status, 0);
	assert_non_null(strstr(asked.err.text, "http://127.0.0.1:1/: "));
	assert_non_null(strstr(asked.err.text, ": does a server listen there?"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_whole),
		cmocka_unit_test(a_request_has_what_it_should),
		cmocka_unit_test(what_is_too_large_is_left),
		cmocka_unit_test(what_is_cut_is_no_answer),
		cmocka_unit_test(a_hang_is_noticed),
		cmocka_unit_test(lines_are_handed_on),
		cmocka_unit_test(a_stream_may_be_silent),
		cmocka_unit_test(wrong_requests_do_not_begin),
		cmocka_unit_test(nobody_is_there),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
