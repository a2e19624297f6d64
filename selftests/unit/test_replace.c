// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A file that takes another one's place: what it may replace, and what a full disk says. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "source/file.h"
#include "scratch.h"
#include "test.h"

static int replace(const char *path, const char *text, struct bg_error *err)
{
	const struct bg_file_put put = { .mode = 0644, .group = (gid_t)-1 };
	int ends[2], rc;

	*err = (struct bg_error){};
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], text, strlen(text)), strlen(text));
	close(ends[1]);
	rc = bg_file_replace(path, &put, ends[0], err);
	close(ends[0]);
	return rc;
}

static void holds(const char *path, const char *text)
{
	bg_auto_close int fd = open(path, O_RDONLY);
	char found[64] = "";

	assert_true(fd >= 0 && read(fd, found, sizeof(found) - 1) >= 0);
	assert_string_equal(found, text);
}

static void a_file_or_nothing_is_replaced(void **state)
{
	struct bg_error err;

	(void)state;
	umask(077);
	for (int i = 0; i < 2; i++) {
		struct stat info;

		assert_int_equal(replace("file", i ? "second" : "first", &err), 0);
		holds("file", i ? "second" : "first");
		assert_int_equal(stat("file", &info), 0);
		assert_int_equal(info.st_mode & 07777, 0644);
	}
	assert_int_equal(access("file.new", F_OK), -1);
}

static mode_t kind_of(const char *path)
{
	struct stat info;

	assert_int_equal(lstat(path, &info), 0);
	return info.st_mode & S_IFMT;
}

/* It would be gone for everybody. */
static void what_is_no_file_stays(void **state)
{
	static const struct {
		const char *path, *found;
		mode_t kind;
	} cases[] = {
		{ "pipe", "pipe: found a pipe, socket or device, which stays", S_IFIFO },
		{ "link", "link: found a symbolic link, which stays", S_IFLNK },
		{ "nowhere", "nowhere: found a symbolic link, which stays", S_IFLNK },
		{ "directory", "directory: found a directory, which stays", S_IFDIR },
	};
	struct bg_error err;

	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_int_equal(symlink("pipe", "link"), 0);
	assert_int_equal(symlink("gone", "nowhere"), 0);
	assert_int_equal(mkdir("directory", 0700), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(replace(cases[i].path, "text", &err) < 0);
		assert_int_equal(kind_of(cases[i].path), cases[i].kind);
		assert_non_null(strstr(err.text, cases[i].found));
	}
}

/* The beginning is taken, as a disk does that gets full; then it says why not the rest. */
static void a_disk_that_gets_full_is_named(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (!pid) {
		const struct rlimit few = { 4, 4 };
		struct bg_error err;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &few) ||
		    replace("full", "more than four", &err) != -EFBIG)
			_exit(1);
		_exit(strstr(err.text, "File too large") && access("full.new", F_OK) ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(access("full", F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_or_nothing_is_replaced),
		cmocka_unit_test(what_is_no_file_stays),
		cmocka_unit_test(a_disk_that_gets_full_is_named),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
