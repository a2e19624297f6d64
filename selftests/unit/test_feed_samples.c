// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Feeds as files: selftests/feeds/good-*.json are taken, without a warning, and
 * bad-*.json are refused; they also are what the fuzzer starts from. */
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed/feed.h"
#include "test.h"

#include "verbs/read_feed.h"

#define FEEDS "selftests/feeds"

static void find(const char *pattern, glob_t *found)
{
	if (glob(pattern, 0, NULL, found))
		fail_msg("no %s: the test wants to run in the top directory", pattern);
}

static void good_ones(void **state)
{
	glob_t found;

	(void)state;
	find(FEEDS "/good-*.json", &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct bg_model *model = NULL;
		struct bg_error err = {};

		if (bg_read_feed(found.gl_pathv[i], &model, &err))
			fail_msg("%s", err.text);
		if (bg_feed_lint(model) || model->warning_count)
			fail_msg("%s: %s: %s", found.gl_pathv[i], model->warnings[0].pointer,
				 model->warnings[0].text);
		bg_model_free(model);
	}
	globfree(&found);
}

static void bad_ones(void **state)
{
	glob_t found;

	(void)state;
	find(FEEDS "/bad-*.json", &found);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct bg_model *model = NULL;
		struct bg_error err = {};
		size_t name = strlen(found.gl_pathv[i]);

		if (!bg_read_feed(found.gl_pathv[i], &model, &err))
			fail_msg("taken: %s", found.gl_pathv[i]);
		assert_null(model);
		if (strncmp(err.text, found.gl_pathv[i], name) != 0 || err.text[name] != ':')
			fail_msg("%s is not named: %s", found.gl_pathv[i], err.text);
	}
	globfree(&found);
}

static void refused(const char *path, int rc, const char *text)
{
	struct bg_model *model = NULL;
	struct bg_error err = {};

	assert_int_equal(bg_read_feed(path, &model, &err), rc);
	assert_null(model);
	assert_string_equal(err.text, text);
}

struct scratch {
	char directory[32];
	char path[PATH_MAX];
};

static int set_up(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return -1;
	strcpy(scratch->directory, "/tmp/bg-feed-XXXXXX");
	if (!mkdtemp(scratch->directory)) {
		free(scratch);
		return -1;
	}
	snprintf(scratch->path, sizeof(scratch->path), "%s/feed.json", scratch->directory);
	*state = scratch;
	return 0;
}

static int tear_down(void **state)
{
	struct scratch *scratch = *state;

	unlink(scratch->path);
	rmdir(scratch->directory);
	free(scratch);
	return 0;
}

static void no_file(void **state)
{
	const struct scratch *scratch = *state;
	char text[2 * PATH_MAX];

	snprintf(text, sizeof(text), "%s: opening the feed: No such file or directory",
		 scratch->path);
	refused(scratch->path, -ENOENT, text);
	snprintf(text, sizeof(text), "%s: found a directory, expected a file", scratch->directory);
	refused(scratch->directory, -EISDIR, text);
}

/* One that nobody writes to must not hold up the daemon. */
static void a_fifo_without_writer(void **state)
{
	const struct scratch *scratch = *state;
	char text[2 * PATH_MAX];

	assert_int_equal(mkfifo(scratch->path, 0600), 0);
	snprintf(text, sizeof(text), "%s: empty, expected a JSON object", scratch->path);
	refused(scratch->path, -EINVAL, text);
}

/* The size is looked at before a byte is read: the file is one hole. */
static void a_huge_file(void **state)
{
	const struct scratch *scratch = *state;
	char text[2 * PATH_MAX];
	int fd = open(scratch->path, O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)BG_FEED_MAX_BYTES + 1), 0);
	close(fd);
	snprintf(text, sizeof(text), "%s: found %u bytes, expected at most %u", scratch->path,
		 BG_FEED_MAX_BYTES + 1, BG_FEED_MAX_BYTES);
	refused(scratch->path, -E2BIG, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones),
		cmocka_unit_test(bad_ones),
		cmocka_unit_test_setup_teardown(no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_fifo_without_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_huge_file, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("feed samples", tests, NULL, NULL);
}
