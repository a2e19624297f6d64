// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whose file it is, and who could have changed it, on each part of the way. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "source/owner.h"
#include "scratch.h"
#include "test.h"

static void write_file(const char *path, mode_t mode)
{
	bg_auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0)
		abort();
	assert_int_equal(write(fd, path, strlen(path)), strlen(path));
	assert_int_equal(fchmod(fd, mode), 0);
}

static void opens(const char *name, const char *content)
{
	struct bg_error err = {};
	char path[256], text[64] = "";
	bg_auto_close int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", scratch_top, name);
	fd = bg_open_owned(path, &err);
	if (fd < 0)
		fail_msg("%s", err.text);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, content);
	/* and as a relative path */
	close(fd);
	fd = bg_open_owned(name, &err);
	assert_true(fd >= 0);
}

static void refuses(const char *name, int code, const char *where)
{
	struct bg_error err = {};
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", scratch_top, name);
	assert_int_equal(bg_open_owned(path, &err), code);
	if (!strstr(err.text, where))
		fail_msg("'%s' does not say '%s'", err.text, where);
}

static void what_is_ours_is_opened(void **state)
{
	(void)state;
	write_file("plain", 0644);
	opens("plain", "plain");
	opens("./plain", "plain");
	assert_int_equal(mkdir("d", 0755), 0);
	opens("d/../plain", "plain");
	refuses("none", -ENOENT, "/none: No such file");
	refuses("d", -EISDIR, "/d: Is a directory");
}

static void nobody_else_may_write_it(void **state)
{
	(void)state;
	write_file("group", 0664);
	refuses("group", -EPERM, "/group can be written by others");
	write_file("all", 0646);
	refuses("all", -EPERM, "mode 0646");
}

static void nor_put_another_in_its_place(void **state)
{
	(void)state;
	assert_int_equal(mkdir("open", 0755), 0);
	write_file("open/feed", 0644);
	assert_int_equal(chmod("open", 0777), 0);
	refuses("open/feed", -EPERM, "/open can be written by others");
	/* who may make files there may not replace this one */
	assert_int_equal(chmod("open", 01777), 0);
	opens("open/feed", "open/feed");
}

static void links_are_followed_and_count(void **state)
{
	(void)state;
	assert_int_equal(mkdir("v1", 0755) ?: mkdir("v2", 0755), 0);
	write_file("v1/feed", 0644);
	write_file("v2/feed", 0644);
	/* as the kubelet swaps a ConfigMap */
	assert_int_equal(symlink("v1", "..data") ?: symlink("..data/feed", "feed"), 0);
	opens("feed", "v1/feed");
	assert_int_equal(symlink("v2", "..new") ?: rename("..new", "..data"), 0);
	opens("feed", "v2/feed");
	assert_int_equal(chmod("v2", 0777), 0);
	refuses("feed", -EPERM, "/v2 can be written by others");
	assert_int_equal(symlink("round", "round"), 0);
	refuses("round", -ELOOP, "Too many levels");
}

static void it_belongs_to_nobody_else(void **state)
{
	(void)state;
	if (geteuid())
		skip(); /* only root can give files away */
	write_file("theirs", 0644);
	assert_int_equal(chown("theirs", 65534, 65534), 0);
	refuses("theirs", -EPERM, "/theirs belongs to another user (user 65534");
	write_file("ours", 0644);
	assert_int_equal(symlink("ours", "link") ?: lchown("link", 65534, 65534), 0);
	refuses("link", -EPERM, "/link belongs to another user");
}

#define IN_TOP(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TOP(what_is_ours_is_opened),	      IN_TOP(nobody_else_may_write_it),
		IN_TOP(nor_put_another_in_its_place), IN_TOP(links_are_followed_and_count),
		IN_TOP(it_belongs_to_nobody_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
