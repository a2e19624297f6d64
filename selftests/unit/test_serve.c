// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The pages of branchguard-fleet serve, where it listens, and asking a daemon that plays dead. */
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ip.h"
#include "fleet/serve/asker.h"
#include "fleet/serve/place.h"
#include "fleet/serve/told.h"
#include "socket/listen.h"
#include "test.h"

static const struct bg_serving serving = { "0.2.0", "abcdef", 1234.5 };

static void pages_of_an_answer(void **state)
{
	static const struct {
		const char *line;
		unsigned int healthz, readyz;
		const char *health;
	} cases[] = {
		{ "{\"metrics\":\"m 1\\n\",\"health\":\"well\",\"text\":\"a\\n\",\"ready\":true}",
		  200, 200, "well\na\n" },
		{ "{\"metrics\":\"m 1\\n\",\"health\":\"degraded\",\"text\":\"b\\n\",\"ready\":false}",
		  200, 503, "degraded\nb\n" },
		{ "{\"metrics\":\"m 1\\n\",\"health\":\"not-enforcing\",\"text\":\"\",\"ready\":false,"
		  "\"later\":1}",
		  503, 503, "not-enforcing\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_page pages[BG_PAGES] = {};
		struct bg_error err;

		assert_int_equal(bg_told_pages(cases[i].line, &serving, pages, &err), 0);
		assert_int_equal(pages[BG_PAGE_METRICS].status, 200);
		assert_non_null(strstr(pages[BG_PAGE_METRICS].text, "\nbranchguard_up 1\n"));
		assert_non_null(strstr(pages[BG_PAGE_METRICS].text,
				       "\nbranchguard_heard_timestamp_seconds 1234.500\n"));
		assert_non_null(strstr(pages[BG_PAGE_METRICS].text, "commit=\"abcdef\"} 1\nm 1\n"));
		assert_int_equal(pages[BG_PAGE_METRICS].length_bytes,
				 strlen(pages[BG_PAGE_METRICS].text));
		assert_int_equal(pages[BG_PAGE_HEALTHZ].status, cases[i].healthz);
		assert_string_equal(pages[BG_PAGE_HEALTHZ].text, cases[i].health);
		assert_int_equal(pages[BG_PAGE_READYZ].status, cases[i].readyz);
		bg_pages_free(pages);
	}
}

static void what_is_no_answer_has_no_pages(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "", "of another version" },
		{ "[]", "of another version" },
		{ "{\"metrics\":\"m\",\"health\":\"well\",\"text\":\"\"", "of another version" },
		{ "{\"metrics\":\"m\",\"health\":\"well\",\"text\":\"\"}", "of another version" },
		{ "{\"metrics\":1,\"health\":\"well\",\"text\":\"\",\"ready\":true}",
		  "of another version" },
		{ "{\"metrics\":\"m\",\"health\":\"well\",\"text\":\"\",\"ready\":1}",
		  "of another version" },
		{ "{\"error\":\"method 'node': expected one of daemon\\u001b[2J, events\",\"busy\":false}",
		  "told nothing of the node: method 'node': expected one of daemon?[2J, events" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_page pages[BG_PAGES] = {};
		struct bg_error err = {};

		assert_int_equal(bg_told_pages(cases[i].line, &serving, pages, &err), -EPROTO);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_null(pages[BG_PAGE_METRICS].text);
	}
}

static void nothing_is_told_of_a_node_that_is_unknown(void **state)
{
	struct bg_page pages[BG_PAGES] = {};
	struct bg_error err;

	(void)state;
	assert_int_equal(bg_unknown_pages("it sleeps", &serving, pages, &err), 0);
	assert_int_equal(pages[BG_PAGE_METRICS].status, 200);
	assert_non_null(strstr(pages[BG_PAGE_METRICS].text, "\nbranchguard_up 0\n"));
	assert_int_equal(pages[BG_PAGE_HEALTHZ].status, 503);
	assert_string_equal(pages[BG_PAGE_HEALTHZ].text, "unknown\nit sleeps\n");
	assert_int_equal(pages[BG_PAGE_READYZ].status, 503);
	assert_string_equal(pages[BG_PAGE_READYZ].text, "unknown\nit sleeps\n");
	bg_pages_free(pages);
}

static void places_are_addresses_with_ports(void **state)
{
	static const char *const good[] = { "127.0.0.1:9469", "0.0.0.0:1", "[::]:65535",
					    "[127.0.0.1]:9469", "[::1]:80" };
	static const char *const bad[] = { "",
					   ":80",
					   "127.0.0.1",
					   "127.0.0.1:",
					   "127.0.0.1:0",
					   "127.0.0.1:65536",
					   "127.0.0.1:+80",
					   "127.0.0.1: 80",
					   "::1:80",
					   "[::1]",
					   "[::1]80",
					   "[127.0.0.1:80",
					   "localhost:80",
					   "[::1]x:80",
					   "[:80",
					   "10.0.0.1:123456",
					   "[::ffff:10.0.0.1]:80" };
	struct bg_addr addr;
	struct bg_error err;
	__u16 port;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(bg_place_parse(good[i], &addr, &port, &err), 0);
	assert_int_equal(port, 80);
	assert_false(bg_addr_is_v4(&addr));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(bg_place_parse(bad[i], &addr, &port, &err), -EINVAL);
		assert_non_null(strstr(err.text, "expected an address and a port"));
	}
}

static void modes_are_permissions_to_connect(void **state)
{
	static const char *const bad[] = { "",	 "0440", "0777",   "4660",
					   "99", "u+rw", "066600", "-660" };
	struct bg_error err;
	mode_t mode;

	(void)state;
	assert_int_equal(bg_mode_parse("0660", &mode, &err), 0);
	assert_int_equal(mode, 0660);
	assert_int_equal(bg_mode_parse("600", &mode, &err), 0);
	assert_int_equal(mode, 0600);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bg_mode_parse(bad[i], &mode, &err), -EINVAL);
}

/* A socket at which nobody accepts, or that answers what it is told. */
struct played {
	char folder[32], path[48];
	int fd;
	struct bg_asker *asker;
};

static int play(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct played *played = calloc(1, sizeof(*played));
	struct bg_error err;

	snprintf(played->folder, sizeof(played->folder), "/tmp/bg-serve-XXXXXX");
	if (!mkdtemp(played->folder))
		return -1;
	snprintf(played->path, sizeof(played->path), "%s/daemon", played->folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", played->path);
	played->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(played->fd, (struct sockaddr *)&address, sizeof(address)) || listen(played->fd, 8))
		return -1;
	*state = played;
	return bg_asker_start(played->path, "0.2.0", "abcdef", &played->asker, &err);
}

static int play_no_more(void **state)
{
	struct played *played = *state;

	bg_asker_stop(played->asker);
	close(played->fd);
	unlink(played->path);
	rmdir(played->folder);
	free(played);
	return 0;
}

static void expect_page(struct bg_asker *asker, enum bg_page_of of, unsigned int status,
			const char *text)
{
	struct bg_held_page *held = bg_asker_page(asker, of);

	assert_non_null(held);
	assert_int_equal(bg_held_page(held)->status, status);
	assert_non_null(strstr(bg_held_page(held)->text, text));
	bg_held_page_free(held);
}

static void answer_once(const struct played *played, const char *line)
{
	int client = accept4(played->fd, NULL, NULL, SOCK_CLOEXEC);
	char request[64] = "";

	if (client < 0)
		abort();
	while (!strchr(request, '\n')) {
		const size_t had = strlen(request);

		assert_true(recv(client, request + had, sizeof(request) - 1 - had, 0) > 0);
	}
	assert_string_equal(request, BG_TOLD_REQUEST "\n");
	assert_int_equal(send(client, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	close(client);
}

static void until_status(struct bg_asker *asker, unsigned int status)
{
	const double end_ms = bg_monotonic_ms() + 60000;
	unsigned int found = 0;

	while (found != status && bg_monotonic_ms() < end_ms) {
		struct bg_held_page *held = bg_asker_page(asker, BG_PAGE_READYZ);

		assert_non_null(held);
		found = bg_held_page(held)->status;
		bg_held_page_free(held);
		usleep(10000);
	}
	assert_int_equal(found, status);
}

static void an_answer_stays_for_who_holds_it(void **state)
{
	const struct played *played = *state;
	struct bg_held_page *held;

	expect_page(played->asker, BG_PAGE_READYZ, 503, "unknown\nthe daemon at ");
	answer_once(
		played,
		"{\"metrics\":\"first 1\\n\",\"health\":\"well\",\"text\":\"\",\"ready\":true}\n");
	until_status(played->asker, 200);
	held = bg_asker_page(played->asker, BG_PAGE_METRICS);
	answer_once(
		played,
		"{\"metrics\":\"second 1\\n\",\"health\":\"well\",\"text\":\"\",\"ready\":false}\n");
	until_status(played->asker, 503);
	expect_page(played->asker, BG_PAGE_METRICS, 200, "second 1\n");
	assert_non_null(strstr(bg_held_page(held)->text, "first 1\n"));
	bg_held_page_free(held);
}

/* It is asked, and says nothing: that holds up neither pages nor the end. */
static void silence_holds_up_nobody(void **state)
{
	const struct played *played = *state;
	int client = accept4(played->fd, NULL, NULL, SOCK_CLOEXEC);
	double start_ms = bg_monotonic_ms();

	assert_true(client >= 0);
	for (int i = 0; i < 100; i++)
		expect_page(played->asker, i % BG_PAGES,
			    i % BG_PAGES == BG_PAGE_METRICS ? 200 : 503,
			    i % BG_PAGES == BG_PAGE_METRICS ? "branchguard_up 0\n" : "unknown\n");
	bg_asker_stop(played->asker);
	((struct played *)played)->asker = NULL;
	assert_true(bg_monotonic_ms() - start_ms < 5000);
	close(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_of_an_answer),
		cmocka_unit_test(what_is_no_answer_has_no_pages),
		cmocka_unit_test(nothing_is_told_of_a_node_that_is_unknown),
		cmocka_unit_test(places_are_addresses_with_ports),
		cmocka_unit_test(modes_are_permissions_to_connect),
		cmocka_unit_test_setup_teardown(an_answer_stays_for_who_holds_it, play,
						play_no_more),
		cmocka_unit_test_setup_teardown(silence_holds_up_nobody, play, play_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
