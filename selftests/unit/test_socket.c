// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The daemon's socket, with clients that keep to the protocol and with others. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "socket/client.h"
#include "socket/line_queue.h"
#include "socket/listen.h"
#include "socket/request.h"
#include "socket/server.h"
#include "test.h"

/* --- lines that wait ---------------------------------------------------------- */

static size_t take_some(struct bg_line_queue *queue, char *to, size_t most)
{
	size_t length;
	const char *bytes = bg_line_queue_next(queue, &length);

	if (length > most)
		length = most;
	memcpy(to, bytes, length);
	bg_line_queue_taken(queue, length);
	return length;
}

static void lines_come_out_as_they_went_in(void **state)
{
	struct bg_line_queue queue;
	char written[4096] = "", read[4096] = "";
	size_t length, count = 0, wrote = 0, got = 0;

	(void)state;
	bg_line_queue_init(&queue, 37);
	assert_null(bg_line_queue_next(&queue, &length));
	for (int i = 0; i < 200; i++) {
		char line[16];
		int bytes = snprintf(line, sizeof(line), "line %d\n", i);

		if (bg_line_queue_put(&queue, line, bytes - 1) == 0) {
			memcpy(written + wrote, line, bytes);
			wrote += bytes;
			count++;
		}
		/* one that reads a few bytes at a time */
		if (i % 3 && bg_line_queue_next(&queue, &length))
			got += take_some(&queue, read + got, 11);
	}
	while (bg_line_queue_next(&queue, &length))
		got += take_some(&queue, read + got, length);
	assert_int_equal(got, wrote);
	assert_memory_equal(read, written, wrote);
	/* some did not go in, and those that did are whole */
	assert_in_range(count, 100, 199);
	bg_line_queue_free(&queue);
}

static void a_full_queue_takes_no_more(void **state)
{
	struct bg_line_queue queue;

	(void)state;
	bg_line_queue_init(&queue, 8);
	assert_int_equal(bg_line_queue_put(&queue, "12345678", 8), -ENOBUFS);
	assert_int_equal(bg_line_queue_put(&queue, "1234567", 7), 0);
	assert_int_equal(bg_line_queue_left_bytes(&queue), 0);
	assert_int_equal(bg_line_queue_put(&queue, "", 0), -ENOBUFS);
	bg_line_queue_taken(&queue, 8);
	assert_int_equal(bg_line_queue_put(&queue, "", 0), 0);
	bg_line_queue_free(&queue);
}

/* --- what is asked -------------------------------------------------------------- */

static void a_request_is_one_line(void **state)
{
	static struct bg_request request;
	struct bg_error err;
	const char *method;
	json_t *json;
	char big[BG_REQUEST_BYTES + 1];

	(void)state;
	assert_int_equal(bg_request_add(&request, "{\"method\":", 10, &err), 0);
	assert_int_equal(bg_request_add(&request, "\"x\"}\n", 5, &err), 1);
	json = bg_request_parse(&request, &method, &err);
	assert_non_null(json);
	assert_string_equal(method, "x");
	json_decref(json);
	assert_int_equal(bg_request_add(&request, "\nx", 2, &err), -EINVAL);
	request.length_bytes = 0;
	memset(big, 'x', sizeof(big));
	assert_int_equal(bg_request_add(&request, big, sizeof(big) - 1, &err), 0);
	assert_int_equal(bg_request_add(&request, big, 1, &err), -EINVAL);
	assert_non_null(strstr(err.text, "at most 4096 bytes"));
}

static void what_is_no_request_is_named(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "", "in JSON on one line" },
		{ "GET / HTTP/1.1", "in JSON on one line" },
		{ "[1]", "an object with a method" },
		{ "{\"method\":7}", "an object with a method" },
		{ "{\"method\":\"a\",\"method\":\"b\"}", "duplicate" },
		{ "{\"method\":\"a\"} x", "in JSON on one line" },
		{ "{\"method\":\"\xff\"}", "in JSON on one line" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_request request = { .length_bytes = strlen(cases[i].text) };
		struct bg_error err = {};
		const char *method;

		memcpy(request.text, cases[i].text, request.length_bytes);
		assert_null(bg_request_parse(&request, &method, &err));
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s': %s", cases[i].text, err.text);
	}
}

/* --- the socket --------------------------------------------------------------------- */

/* What the methods of the tests have seen. */
struct seen {
	struct bg_socket_client *listeners[BG_SOCKET_CLIENTS];
	int asked, gone;
};

static int ask_once(struct bg_socket_client *client, const json_t *request, void *context,
		    struct bg_error *err)
{
	(void)context;
	(void)err;
	assert_non_null(json_object_get(request, "method"));
	return bg_socket_say(client, "{\"a\":1}", 7) ?: bg_socket_say(client, "{\"a\":2}", 7);
}

static int ask_more(struct bg_socket_client *client, const json_t *request, void *context,
		    struct bg_error *err)
{
	struct seen *seen = context;

	(void)request;
	(void)err;
	seen->listeners[seen->asked++] = client;
	return 1;
}

static int ask_in_vain(struct bg_socket_client *client, const json_t *request, void *context,
		       struct bg_error *err)
{
	(void)client;
	(void)request;
	(void)context;
	return bg_fail(err, -EBUSY, "not \"now\"");
}

static void gone(struct bg_socket_client *client, void *context)
{
	struct seen *seen = context;

	(void)client;
	seen->gone++;
}

/* More than waits for any client otherwise. */
#define WHOLE_BYTES (2u << 20)

static int ask_whole(struct bg_socket_client *client, const json_t *request, void *context,
		     struct bg_error *err)
{
	char *line = malloc(WHOLE_BYTES);
	int rc;

	(void)request;
	(void)context;
	(void)err;
	if (!line)
		return -ENOMEM;
	memset(line, 'x', WHOLE_BYTES);
	assert_int_equal(bg_socket_say(client, line, WHOLE_BYTES), -ENOBUFS);
	rc = bg_socket_say_whole(client, line, WHOLE_BYTES);
	free(line);
	return rc;
}

static const struct bg_socket_method methods[] = {
	{ "once", ask_once, NULL },
	{ "more", ask_more, gone },
	{ "vain", ask_in_vain, NULL },
	{ "whole", ask_whole, NULL },
	{},
};

struct rig {
	char directory[64], path[80];
	struct bg_listening at;
	struct bg_socket *socket;
	struct seen seen;
};

static int listen_and_serve(const char *path, struct seen *seen, struct bg_socket **socket,
			    struct bg_listening *at, struct bg_error *err)
{
	bg_auto_close int fd = bg_listen_socket(err);
	int rc;

	assert_true(fd >= 0);
	rc = bg_listen_at(path, -1, BG_LISTEN_MODE, fd, at, err);
	return rc ?: bg_socket_open(&fd, methods, seen, socket, err);
}

static int rig_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct bg_error err;

	snprintf(rig->directory, sizeof(rig->directory), "/tmp/bg-socket-XXXXXX");
	if (!mkdtemp(rig->directory))
		return -1;
	snprintf(rig->path, sizeof(rig->path), "%s/s", rig->directory);
	*state = rig;
	return listen_and_serve(rig->path, &rig->seen, &rig->socket, &rig->at, &err);
}

static int rig_down(void **state)
{
	struct rig *rig = *state;

	bg_socket_close(rig->socket);
	unlink(rig->path);
	rmdir(rig->directory);
	free(rig);
	return 0;
}

/* As the loop does, until there is nothing to do. */
static void serve(const struct rig *rig)
{
	struct pollfd fd = { .fd = bg_socket_fd(rig->socket), .events = POLLIN };

	for (int i = 0; i < 1000 && poll(&fd, 1, 0) > 0; i++)
		bg_socket_serve(rig->socket);
	assert_int_equal(poll(&fd, 1, 0), 0);
}

static int knock(const struct rig *rig)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		abort();
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", rig->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static int ask(const struct rig *rig, const char *text)
{
	int fd = knock(rig);

	assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
	return fd;
}

/* All that there is, and whether that is the end. */
static void expect_said(int fd, const char *expected, bool end)
{
	char text[8192];
	ssize_t length = 0, more;

	while ((more = recv(fd, text + length, sizeof(text) - 1 - length, 0)) > 0)
		length += more;
	text[length] = '\0';
	assert_string_equal(text, expected);
	if (end)
		assert_true(!more || errno == ECONNRESET);
	else
		assert_true(more < 0 && errno == EAGAIN);
}

static void answers_come_and_end(void **state)
{
	const struct rig *rig = *state;
	int fd = ask(rig, "{\"method\":\"on");

	serve(rig);
	expect_said(fd, "", false);
	assert_int_equal(send(fd, "ce\"}\n", 5, 0), 5);
	serve(rig);
	expect_said(fd, "{\"a\":1}\n{\"a\":2}\n", true);
	close(fd);
	/* writing may be shut down, as nc -N does */
	fd = ask(rig, "{\"method\":\"once\",\"more\":[]}\n");
	shutdown(fd, SHUT_WR);
	serve(rig);
	expect_said(fd, "{\"a\":1}\n{\"a\":2}\n", true);
	close(fd);
}

static void errors_are_answers(void **state)
{
	const struct rig *rig = *state;
	int fd = ask(rig, "{\"method\":\"vain\"}\n");

	serve(rig);
	expect_said(fd, "{\"error\":\"not \\\"now\\\"\",\"busy\":true}\n", true);
	close(fd);
	fd = ask(rig, "{\"method\":\"no such\"}\n");
	serve(rig);
	expect_said(
		fd,
		"{\"error\":\"method 'no such': expected one of once, more, vain, whole\",\"busy\":false}\n",
		true);
	close(fd);
	fd = ask(rig, "{\"method\":\"once\"}\n{\"method\":\"once\"}\n");
	serve(rig);
	expect_said(
		fd,
		"{\"error\":\"expected one request, and nothing behind its line\",\"busy\":false}\n",
		true);
	close(fd);
}

static void rubbish_is_the_end(void **state)
{
	const struct rig *rig = *state;
	char text[2 * BG_REQUEST_BYTES];
	int fd = knock(rig), sent;

	/* as much as fits, and no newline */
	memset(text, 0xff, sizeof(text));
	sent = (int)send(fd, text, sizeof(text), 0);
	assert_in_range(sent, BG_REQUEST_BYTES + 1, sizeof(text));
	serve(rig);
	expect_said(fd, "{\"error\":\"expected a request of at most 4096 bytes\",\"busy\":false}\n",
		    true);
	close(fd);
	/* who leaves at once, or in the middle */
	close(knock(rig));
	close(ask(rig, "{\"meth"));
	close(ask(rig, "{\"method\":\"once\"}\n"));
	serve(rig);
	fd = ask(rig, "{\"method\":\"once\"}\n");
	serve(rig);
	expect_said(fd, "{\"a\":1}\n{\"a\":2}\n", true);
	close(fd);
}

static void one_line_may_be_of_any_length(void **state)
{
	const struct rig *rig = *state;
	int fd = ask(rig, "{\"method\":\"whole\"}\n");
	const double end_ms = bg_monotonic_ms() + 60000;
	size_t read = 0;
	char bytes[65536], last = 0;
	ssize_t length = -1;

	while (length && bg_monotonic_ms() < end_ms) {
		serve(rig);
		length = recv(fd, bytes, sizeof(bytes), 0);
		if (length <= 0)
			continue;
		read += (size_t)length;
		last = bytes[length - 1];
	}
	assert_int_equal(length, 0);
	assert_int_equal(read, WHOLE_BYTES + 1);
	assert_int_equal(last, '\n');
	close(fd);
}

static void who_reads_slowly_holds_up_nobody(void **state)
{
	struct rig *rig = *state;
	int slow = ask(rig, "{\"method\":\"more\"}\n"), quick, rc = 0;
	static char line[1000], got[1 << 16];
	size_t said = 0, read_slow = 0;
	ssize_t length;

	memset(line, 'x', sizeof(line));
	serve(rig);
	quick = ask(rig, "{\"method\":\"more\"}\n");
	serve(rig);
	assert_int_equal(rig->seen.asked, 2);
	for (int i = 0; i < 2000; i++) {
		if (!rc)
			rc = bg_socket_say(rig->seen.listeners[0], line, sizeof(line));
		said += !rc;
		assert_int_equal(bg_socket_say(rig->seen.listeners[1], line, sizeof(line)), 0);
		bg_socket_tick(rig->socket);
		while (recv(quick, got, sizeof(got), 0) > 0)
			;
	}
	assert_int_equal(rc, -ENOBUFS);
	assert_in_range(said, 500, 1999);
	/* it gets all that was said to it, once it reads */
	for (int i = 0; i < 100000 && read_slow < said * (sizeof(line) + 1); i++) {
		length = recv(slow, got, sizeof(got), 0);
		if (length > 0)
			read_slow += length;
		serve(rig);
	}
	assert_int_equal(read_slow, said * (sizeof(line) + 1));
	assert_int_equal(bg_socket_say(rig->seen.listeners[0], line, sizeof(line)), 0);
	assert_int_equal(rig->seen.gone, 0);
	close(slow);
	close(quick);
	serve(rig);
	assert_int_equal(rig->seen.gone, 2);
}

static void there_are_so_many_places(void **state)
{
	struct rig *rig = *state;
	int fds[BG_SOCKET_CLIENTS], fd, places = BG_SOCKET_CLIENTS;

	if (geteuid()) /* the last ones are root's */
		places -= BG_SOCKET_ROOT_CLIENTS;
	for (int i = 0; i < places; i++) {
		fds[i] = ask(rig, "{\"method\":\"more\"}\n");
		serve(rig);
	}
	assert_int_equal(rig->seen.asked, places);
	fd = knock(rig);
	serve(rig);
	expect_said(fd,
		    "{\"error\":\"there is no place for another client: end one\",\"busy\":true}\n",
		    true);
	close(fd);
	close(fds[3]);
	serve(rig);
	assert_int_equal(rig->seen.gone, 1);
	fd = ask(rig, "{\"method\":\"once\"}\n");
	serve(rig);
	expect_said(fd, "{\"a\":1}\n{\"a\":2}\n", true);
	close(fd);
	for (int i = 0; i < places; i++)
		close(fds[i]);
	/* the end of the socket is the end of all that is left */
	bg_socket_close(rig->socket);
	rig->socket = NULL;
	assert_int_equal(rig->seen.gone, places);
}

/* --- its place -------------------------------------------------------------------------- */

static void expect_refused(const struct rig *rig, const char *path, int code)
{
	struct bg_socket *socket = NULL;
	struct bg_listening at;
	struct bg_error err = {};

	(void)rig;
	assert_int_equal(listen_and_serve(path, NULL, &socket, &at, &err), code);
	assert_non_null(strstr(err.text, path[0] ? "/tmp/bg-socket-" : ""));
	assert_null(socket);
}

static void a_dead_daemons_socket_is_replaced(void **state)
{
	struct rig *rig = *state;
	struct bg_socket *second = NULL;
	struct bg_listening at;
	struct bg_error err;
	struct stat found;
	int fd;

	assert_true(bg_listen_is_there(rig->path, &rig->at));
	assert_int_equal(stat(rig->path, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0660);
	assert_int_equal(listen_and_serve(rig->path, &rig->seen, &second, &at, &err), 0);
	/* the first one sees that, and does not take away what is not its own */
	assert_false(bg_listen_is_there(rig->path, &rig->at));
	bg_socket_close(rig->socket);
	bg_listen_end(rig->path, &rig->at);
	rig->socket = second;
	rig->at = at;
	assert_true(bg_listen_is_there(rig->path, &at));
	fd = ask(rig, "{\"method\":\"once\"}\n");
	serve(rig);
	expect_said(fd, "{\"a\":1}\n{\"a\":2}\n", true);
	close(fd);
}

static void nothing_else_is_replaced(void **state)
{
	struct rig *rig = *state;
	char link[96], target[96];
	struct stat found;

	bg_socket_close(rig->socket);
	rig->socket = NULL;
	bg_listen_end(rig->path, &rig->at);
	assert_int_not_equal(stat(rig->path, &found), 0);
	/* a file, and a link to one */
	snprintf(target, sizeof(target), "%s/file", rig->directory);
	snprintf(link, sizeof(link), "%s/link", rig->directory);
	close(open(target, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(symlink(target, link), 0);
	expect_refused(rig, target, -EEXIST);
	expect_refused(rig, link, -EEXIST);
	assert_int_equal(stat(target, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0600);
	unlink(link);
	unlink(target);
	/* a directory where others could put something */
	assert_int_equal(chmod(rig->directory, 0777), 0);
	expect_refused(rig, rig->path, -EPERM);
	assert_int_equal(chmod(rig->directory, 0700), 0);
	/* and a link to one */
	snprintf(link, sizeof(link), "%s.link", rig->directory);
	assert_int_equal(symlink(rig->directory, link), 0);
	snprintf(target, sizeof(target), "%s/s", link);
	expect_refused(rig, target, -ENOTDIR);
	unlink(link);
}

/* --- who asks ------------------------------------------------------------------------------ */

static void a_client_reads_lines(void **state)
{
	struct rig *rig = *state;
	struct bg_client *client = NULL;
	struct bg_error err;
	static char large[200000];
	char *line;
	int rc = 0;

	assert_int_equal(bg_client_open(rig->path, "{\"method\":\"more\"}", &client, &err), 0);
	serve(rig);
	assert_int_equal(bg_client_line(client, 0, &line, &err), 0);
	memset(large, 'y', sizeof(large) - 1);
	assert_int_equal(bg_socket_say(rig->seen.listeners[0], "one", 3), 0);
	assert_int_equal(bg_socket_say(rig->seen.listeners[0], large, sizeof(large) - 1), 0);
	assert_int_equal(bg_socket_say(rig->seen.listeners[0], "", 0), 0);
	bg_socket_tick(rig->socket);
	assert_int_equal(bg_client_line(client, 1000, &line, &err), 1);
	assert_string_equal(line, "one");
	for (int i = 0; i < 100 && !rc; i++) {
		serve(rig);
		rc = bg_client_line(client, 100, &line, &err);
	}
	assert_int_equal(rc, 1);
	assert_string_equal(line, large);
	for (rc = 0; !rc;)
		rc = bg_client_line(client, 100, &line, &err);
	assert_string_equal(line, "");
	bg_socket_close(rig->socket);
	rig->socket = NULL;
	assert_int_equal(bg_client_line(client, 1000, &line, &err), -EPIPE);
	bg_client_close(client);
	client = NULL;
	assert_int_equal(bg_client_open(rig->path, "{}", &client, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no daemon listens at /tmp/bg-socket-"));
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_up, rig_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_as_they_went_in),
		cmocka_unit_test(a_full_queue_takes_no_more),
		cmocka_unit_test(a_request_is_one_line),
		cmocka_unit_test(what_is_no_request_is_named),
		WITH_RIG(answers_come_and_end),
		WITH_RIG(errors_are_answers),
		WITH_RIG(rubbish_is_the_end),
		WITH_RIG(one_line_may_be_of_any_length),
		WITH_RIG(who_reads_slowly_holds_up_nobody),
		WITH_RIG(there_are_so_many_places),
		WITH_RIG(a_dead_daemons_socket_is_replaced),
		WITH_RIG(nothing_else_is_replaced),
		WITH_RIG(a_client_reads_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
