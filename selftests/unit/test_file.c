// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files as they come: feeds that are read, copied and watched, files that are replaced,
 * and why something may not be opened. Each wrong one is named, with what was expected.
 */
#include "source/file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/access.h"
#include "base/caps.h"
#include "base/cleanup.h"
#include "source/file_watch.h"
#include "scratch.h"
#include "test.h"

#define NOBODY 65534

/* In the test's directory; valid until the fourth call after it. */
static const char *in_top(const char *name)
{
	static char paths[4][128];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch_top, name);
	return path;
}

static void write_file(const char *name, const char *text)
{
	bg_auto_close int fd = open(in_top(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static int new_text(void)
{
	return open(scratch_top, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

/* --- reading --------------------------------------------------------------- */

static void reads(const char *path, enum bg_file_kind kind, const char *text)
{
	bg_auto_free char *found = NULL;
	size_t length;
	struct bg_error err = {};

	if (bg_file_read(path, kind, 1 << 20, &found, &length, &err))
		fail_msg("%s", err.text);
	assert_int_equal(length, strlen(text));
	assert_memory_equal(found, text, length);
}

static void refuses(const char *path, enum bg_file_kind kind, int rc, const char *says)
{
	bg_auto_free char *found = NULL;
	bg_auto_close int text_fd = new_text();
	struct bg_error err = {};
	size_t length;

	assert_int_equal(bg_file_read(path, kind, 10, &found, &length, &err), rc);
	assert_null(found);
	if (!strstr(err.text, says) || !strstr(err.text, bg_file_name(path)))
		fail_msg("\"%s\" does not say \"%s\"", err.text, says);
	/* copied, it is refused in the same words */
	memset(&err, 0, sizeof(err));
	assert_int_equal(bg_file_copy(path, kind, 10, text_fd, &err), rc);
	assert_non_null(strstr(err.text, says));
}

static void a_file_is_read_whole(void **state)
{
	(void)state;
	write_file("feed", "0123456789");
	reads(in_top("feed"), BG_FILE_ANY, "0123456789");
	reads(in_top("feed"), BG_FILE_REGULAR, "0123456789");
	write_file("feed", "");
	reads(in_top("feed"), BG_FILE_REGULAR, "");
}

static void what_is_no_feed_is_named(void **state)
{
	(void)state;
	write_file("long", "0123456789a");
	assert_int_equal(mkfifo(in_top("fifo"), 0600), 0);
	refuses(in_top("none"), BG_FILE_ANY, -ENOENT, "opening the feed: No such file");
	refuses(in_top("long"), BG_FILE_ANY, -E2BIG, "found 11 bytes, expected at most 10");
	refuses(scratch_top, BG_FILE_ANY, -EISDIR, "found a directory, expected a file");
	/* nobody waits for its writer */
	refuses(in_top("fifo"), BG_FILE_REGULAR, -EINVAL, "found a pipe or a device");
	refuses("/dev/zero", BG_FILE_REGULAR, -EINVAL, "found a pipe or a device");
	/* one without an end is read no further than that */
	refuses("/dev/zero", BG_FILE_ANY, -E2BIG, "found more than 10 bytes");
	/* it can be opened, and not read */
	refuses("/proc/self/mem", BG_FILE_ANY, -EIO, "reading the feed: ");
}

/* Standard input is whatever it is; it stays open. */
static void stdin_is_read_to_its_end(void **state)
{
	bg_auto_close int before = dup(STDIN_FILENO);
	static char text[100001];
	int ends[2];
	pid_t pid;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
	close(ends[0]);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* in pieces, more than the first room */
		for (size_t at = 0; at < sizeof(text) - 1; at += 1000)
			if (write(ends[1], text + at, 1000) != 1000)
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	reads("-", BG_FILE_ANY, text);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_string_equal(bg_file_name("-"), "stdin");
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	assert_true(dup2(before, STDIN_FILENO) >= 0);
}

static void a_copy_is_the_same(void **state)
{
	bg_auto_close int text_fd = new_text(), read_only = -1;
	struct bg_error err = {};
	char text[16] = "";

	(void)state;
	write_file("feed", "0123456789");
	assert_int_equal(bg_file_copy(in_top("feed"), BG_FILE_REGULAR, 10, text_fd, &err), 0);
	assert_int_equal(pread(text_fd, text, sizeof(text), 0), 10);
	assert_string_equal(text, "0123456789");
	/* where it cannot be put */
	read_only = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(bg_file_copy(in_top("feed"), BG_FILE_REGULAR, 10, read_only, &err),
			 -ENOSPC);
	assert_non_null(strstr(err.text, "keeping the feed: No space left"));
}

/* --- replacing ------------------------------------------------------------- */

static int replace(const char *path, const char *text, struct bg_error *err)
{
	const struct bg_file_put put = { .mode = 0640, .group = (gid_t)-1 };
	bg_auto_close int text_fd = new_text();

	if (text_fd < 0)
		abort();
	assert_int_equal(write(text_fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(text_fd, 0, SEEK_SET), 0);
	return bg_file_replace(path, &put, text_fd, err);
}

/* A link that somebody put in the way is not followed, nor is what it leads to touched. */
static void a_file_is_replaced_and_no_link_followed(void **state)
{
	struct bg_error err = {};
	struct stat status;

	(void)state;
	write_file("victim", "precious");
	write_file("out", "old");
	assert_int_equal(symlink(in_top("victim"), in_top("out.new")), 0);
	assert_int_equal(replace(in_top("out"), "new", &err), 0);
	reads(in_top("out"), BG_FILE_REGULAR, "new");
	reads(in_top("victim"), BG_FILE_REGULAR, "precious");
	assert_int_equal(stat(in_top("out"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_not_equal(access(in_top("out.new"), F_OK), 0);
}

static void what_cannot_be_replaced_stays(void **state)
{
	const struct bg_file_put put = { .mode = 0600, .group = (gid_t)-1 };
	char longest[PATH_MAX + 1];
	struct bg_error err = {};
	bg_auto_close int no_text = open(scratch_top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	write_file("out", "old");
	/* the text cannot be read */
	assert_int_not_equal(bg_file_replace(in_top("out"), &put, no_text, &err), 0);
	assert_non_null(strstr(err.text, "cannot write "));
	reads(in_top("out"), BG_FILE_REGULAR, "old");
	assert_int_not_equal(access(in_top("out.new"), F_OK), 0);
	/* a directory stands there */
	assert_int_equal(mkdir(in_top("directory"), 0755), 0);
	assert_int_equal(replace(in_top("directory"), "new", &err), -EISDIR);
	assert_int_not_equal(access(in_top("directory.new"), F_OK), 0);
	assert_int_equal(replace("/nowhere/out", "new", &err), -ENOENT);
	memset(longest, 'x', PATH_MAX);
	longest[PATH_MAX - 2] = '\0';
	assert_int_equal(replace(longest, "new", &err), -ENAMETOOLONG);
}

/* --- watching -------------------------------------------------------------- */

static void look(int watch_fd, const char *path, struct bg_file_stamp *stamp)
{
	struct bg_error err = {};

	if (bg_file_look(watch_fd, path, stamp, &err))
		fail_msg("%s", err.text);
}

static void every_change_is_another_stamp(void **state)
{
	struct bg_file_stamp first, second;
	struct bg_error err;
	bg_auto_close int watch_fd = bg_file_watch_open(&err);

	(void)state;
	assert_true(watch_fd >= 0);
	assert_false(bg_file_watch_read(watch_fd));
	write_file("watched", "one");
	look(watch_fd, in_top("watched"), &first);
	assert_true(first.present);
	look(watch_fd, in_top("watched"), &second);
	assert_true(bg_file_is_same(&first, &second));
	assert_false(bg_file_watch_read(watch_fd));
	/* written in place, with as many bytes */
	write_file("watched", "two");
	assert_true(bg_file_watch_read(watch_fd));
	look(watch_fd, in_top("watched"), &second);
	assert_int_equal(first.inode, second.inode);
	/* as the swap of a mounted ConfigMap: the name leads to another file */
	write_file("other", "one");
	assert_int_equal(rename(in_top("other"), in_top("watched")), 0);
	assert_true(bg_file_watch_read(watch_fd));
	look(watch_fd, in_top("watched"), &second);
	assert_false(bg_file_is_same(&first, &second));
	assert_int_equal(unlink(in_top("watched")), 0);
	assert_true(bg_file_watch_read(watch_fd));
	look(watch_fd, in_top("watched"), &second);
	assert_false(second.present);
	assert_false(bg_file_is_same(&first, &second));
}

static void stamps_differ_by_each_of_their_parts(void **state)
{
	const struct bg_file_stamp one = {
		.present = true, .device = 1, .inode = 2, .size_bytes = 3
	};
	struct bg_file_stamp others[] = { one, one, one, one, one, one, one, one };

	(void)state;
	others[0].present = false;
	others[1].device++;
	others[2].inode++;
	others[3].size_bytes++;
	others[4].changed.tv_sec++;
	others[5].changed.tv_nsec++;
	others[6].modified.tv_sec++;
	others[7].modified.tv_nsec++;
	assert_true(bg_file_is_same(&one, &one));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(bg_file_is_same(&one, &others[i]));
}

static void what_cannot_be_watched_is_named(void **state)
{
	char longest[PATH_MAX + 1];
	struct bg_file_stamp stamp;
	struct bg_error err = {};
	bg_auto_close int watch_fd = bg_file_watch_open(&err);

	(void)state;
	assert_int_equal(bg_file_look(watch_fd, "/nowhere/feed", &stamp, &err), -ENOENT);
	assert_string_equal(err.text, "feed /nowhere/feed: watching the directory /nowhere: "
				      "No such file or directory");
	assert_false(stamp.present);
	memset(longest, 'x', PATH_MAX);
	longest[PATH_MAX] = '\0';
	assert_int_equal(bg_file_look(watch_fd, longest, &stamp, &err), -ENAMETOOLONG);
	/* in the root, and where one is */
	assert_int_equal(bg_file_look(watch_fd, "/proc", &stamp, &err), 0);
	assert_true(stamp.present);
	assert_int_equal(bg_file_look(watch_fd, "no such file here", &stamp, &err), 0);
	assert_false(stamp.present);
}

/* --- why not --------------------------------------------------------------- */

/* Runs it as a user without any right, in a process of its own. */
static void as_nobody(int (*check)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		if (!geteuid() && (setgid(NOBODY) || setuid(NOBODY)))
			_exit(99);
		_exit(check());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static bool says_why(const char *name, int how, const char *what, const char *of)
{
	char text[BG_ACCESS_TEXT], expected[BG_ACCESS_TEXT];

	bg_access_why(in_top(name), how, text);
	snprintf(expected, sizeof(expected), " may not %s %s (mode ", what, in_top(of));
	return strstr(text, expected);
}

static int names_the_part_that_is_shut(void)
{
	char text[BG_ACCESS_TEXT];
	struct bg_error err = {};
	char *found;
	size_t length;

	if (!says_why("shut/inner/file", R_OK, "enter", "shut"))
		return 1;
	if (!says_why("open/secret", R_OK, "read", "open/secret"))
		return 2;
	if (!says_why("open/secret", W_OK, "write", "open/secret"))
		return 3;
	/* one that is not there has to be made by its directory */
	if (!says_why("open/new", W_OK, "write in", "open"))
		return 4;
	if (*bg_access_why(in_top("open/new"), R_OK, text))
		return 5;
	if (*bg_access_why(in_top("open/public"), R_OK, text))
		return 6;
	if (bg_file_read(in_top("open/secret"), BG_FILE_ANY, 10, &found, &length, &err) != -EACCES)
		return 7;
	return strstr(err.text, "Permission denied: user ") ? 0 : 8;
}

static void who_may_not_is_told_which_part_of_the_way_is_shut(void **state)
{
	(void)state;
	assert_int_equal(mkdir(in_top("shut"), 0755), 0);
	assert_int_equal(mkdir(in_top("shut/inner"), 0755), 0);
	assert_int_equal(mkdir(in_top("open"), 0755), 0);
	write_file("open/secret", "x");
	write_file("open/public", "x");
	assert_int_equal(chmod(in_top("open/secret"), 0), 0);
	assert_int_equal(chmod(in_top("shut"), 0), 0);
	assert_int_equal(chmod(in_top("open"), 0555), 0);
	as_nobody(names_the_part_that_is_shut);
	assert_int_equal(chmod(in_top("shut"), 0700), 0);
	assert_int_equal(chmod(in_top("open"), 0700), 0);
}

static int lacks_what_it_needs(void)
{
	const __u64 two = BG_CAP(CAP_BPF) | BG_CAP(CAP_PERFMON);
	char text[BG_CAPS_TEXT];
	struct bg_error err = {};

	if (bg_caps_keep(0, 0, &err) || bg_caps())
		return 1;
	if (bg_caps_need(two, "loading", &err) != -EPERM)
		return 2;
	if (strcmp(err.text,
		   "loading takes CAP_BPF and CAP_PERFMON: this process lacks CAP_BPF and "
		   "CAP_PERFMON") != 0)
		return 3;
	if (bg_caps_need(0, "nothing", &err))
		return 4;
	/* of what it has, something else must be the reason */
	return strstr(bg_caps_why(0, text), "must be") ? 0 : 5;
}

static void who_lacks_a_capability_is_told_which(void **state)
{
	char text[BG_CAPS_TEXT];

	(void)state;
	assert_string_equal(bg_caps_names(BG_CAP(CAP_NET_ADMIN), text), "CAP_NET_ADMIN");
	assert_string_equal(bg_caps_names(BG_CAPS_OF_DAEMON, text),
			    "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
	assert_string_equal(bg_caps_names(0, text), "");
	as_nobody(lacks_what_it_needs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole),
		cmocka_unit_test(what_is_no_feed_is_named),
		cmocka_unit_test(stdin_is_read_to_its_end),
		cmocka_unit_test(a_copy_is_the_same),
		cmocka_unit_test(a_file_is_replaced_and_no_link_followed),
		cmocka_unit_test(what_cannot_be_replaced_stays),
		cmocka_unit_test(every_change_is_another_stamp),
		cmocka_unit_test(stamps_differ_by_each_of_their_parts),
		cmocka_unit_test(what_cannot_be_watched_is_named),
		cmocka_unit_test(who_may_not_is_told_which_part_of_the_way_is_shut),
		cmocka_unit_test(who_lacks_a_capability_is_told_which),
	};

	return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
