// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The processes that read and write files for the daemon, true ones and some that stand in
 * their place and lie: what becomes of every way in which one can end, stall or answer.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apart/apart.h"
#include "apart/files.h"
#include "apart/memory.h"
#include "base/cleanup.h"
#include "for_beside.h"
#include "test.h"

static char path[64];

static void write_feed(const char *text)
{
	bg_auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void read_whole(int fd, char *text, size_t size)
{
	ssize_t got = pread(fd, text, size - 1, 0);

	assert_true(got >= 0);
	text[got] = '\0';
}

static struct bg_files files_of(const char *name)
{
	return (struct bg_files){ .path = name, .watch_fd = -1, .limit_ms = 60000 };
}

#define READS ((struct bg_files_look){ .kind = BG_FILE_REGULAR, .most_bytes = 1000 })

static void a_file_is_read_when_it_changed(void **state)
{
	struct bg_files files = files_of(path);
	struct bg_files_look look = READS;
	struct bg_error err = {};
	bg_auto_close int text_fd = bg_memory_new("a feed", &err);
	char text[64];

	(void)state;
	files.watch_fd = bg_file_watch_open(&err);
	assert_true(files.watch_fd >= 0);
	write_feed("one");
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), 0);
	assert_int_equal(look.watch_rc, 0);
	assert_false(look.is_same);
	read_whole(text_fd, text, sizeof(text));
	assert_string_equal(text, "one");
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), 0);
	assert_true(look.is_same);
	read_whole(text_fd, text, sizeof(text));
	assert_string_equal(text, "one");
	/* the same process, which has its directory watched by now */
	assert_true(files.child.pid > 0);
	write_feed("three");
	assert_true(bg_file_watch_read(files.watch_fd));
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), 0);
	assert_false(look.is_same);
	look.anyway = true;
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), 0);
	assert_false(look.is_same);
	read_whole(text_fd, text, sizeof(text));
	assert_string_equal(text, "onethreethree");
	assert_int_equal(unlink(path), 0);
	look.anyway = false;
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), -ENOENT);
	bg_files_end(&files);
	assert_int_equal(files.child.pid, 0);
	bg_files_end(&files);
	close(files.watch_fd);
}

static void a_file_is_replaced_elsewhere(void **state)
{
	struct bg_files files = files_of(path), nowhere = files_of("/proc/none/file");
	const struct bg_file_put put = { .mode = 0640, .group = getegid() };
	struct bg_error err = {};
	bg_auto_close int text_fd = bg_memory_of("metrics", "up 1\n", 5, &err);
	bg_auto_close int fd = -1;
	struct stat status;
	char text[64];

	(void)state;
	assert_int_equal(bg_files_write(&files, text_fd, &put, &err), 0);
	bg_files_end(&files);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		abort();
	read_whole(fd, text, sizeof(text));
	assert_string_equal(text, "up 1\n");
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(bg_files_write(&nowhere, text_fd, &put, &err), -ENOENT);
	assert_non_null(strstr(err.text, "cannot write /proc/none/file.new"));
	bg_files_end(&nowhere);
}

static int knock_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bg_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
}

/* The daemon's, which lies where a disk may not answer. */
static void a_socket_is_placed_and_taken_away(void **state)
{
	struct bg_files files = files_of(path), others = files_of("/tmp");
	struct bg_listening at, found;
	struct bg_error err = {};
	bg_auto_close int fd = bg_listen_socket(&err);
	char directory[64], name[80];
	struct stat status;

	(void)state;
	/* where nobody else can put one in its place */
	snprintf(directory, sizeof(directory), "%s.s", path);
	snprintf(name, sizeof(name), "%s/sock", directory);
	files.path = name;
	assert_int_equal(bg_files_listen(&files, fd, (gid_t)-1, &at, &err), 0);
	assert_int_equal(stat(directory, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0755);
	assert_int_equal(stat(name, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_int_equal(knock_at(name), 0);
	assert_int_equal(bg_files_find(&files, &found, &err), 0);
	assert_int_equal(found.inode, status.st_ino);
	assert_int_equal(found.inode, at.inode);
	assert_int_equal(found.device, at.device);
	/* another one is not taken away */
	found.inode++;
	assert_int_equal(bg_files_deafen(&files, &found, &err), 0);
	assert_int_equal(knock_at(name), 0);
	assert_int_equal(bg_files_deafen(&files, &at, &err), 0);
	assert_int_equal(knock_at(name), -ENOENT);
	/* nor is anything replaced that is no socket */
	assert_int_equal(close(open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	close(fd);
	fd = bg_listen_socket(&err);
	assert_int_equal(bg_files_listen(&files, fd, (gid_t)-1, &at, &err), -EEXIST);
	assert_non_null(strstr(err.text, "is no socket: remove it"));
	/* no socket comes with the question: it does not know what to do */
	assert_int_equal(bg_files_listen(&others, -1, (gid_t)-1, &at, &err), -EAGAIN);
	unlink(name);
	rmdir(directory);
	bg_files_end(&files);
	bg_files_end(&others);
}

static void a_file_is_opened_elsewhere(void **state)
{
	struct bg_files files = files_of(path), nowhere = files_of("/proc/none/file");
	char directory[64], name[80];
	struct bg_error err = {};
	struct stat ours, theirs;
	int fd;

	(void)state;
	snprintf(directory, sizeof(directory), "%s.o", path);
	snprintf(name, sizeof(name), "%s/lock", directory);
	files.path = name;
	for (int i = 0; i < 2; i++) {
		fd = bg_files_open(&files, &err);
		if (fd < 0) {
			fail_msg("%s", err.text);
			return;
		}
		assert_int_equal(fstat(fd, &ours), 0);
		assert_int_equal(stat(name, &theirs), 0);
		assert_int_equal(ours.st_ino, theirs.st_ino);
		assert_int_equal(ours.st_mode, S_IFREG | 0600);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
	unlink(name);
	assert_int_equal(symlink(path, name), 0);
	assert_int_equal(bg_files_open(&files, &err), -ELOOP);
	assert_int_equal(bg_files_open(&nowhere, &err), -ENOENT);
	assert_non_null(strstr(err.text, "opening /proc/none/file: "));
	unlink(name);
	rmdir(directory);
	bg_files_end(&files);
	bg_files_end(&nowhere);
}

/* As those of the daemon's state: one process for some files beside each other. */
static void of_several_files_one_is_meant_by_its_suffix(void **state)
{
	const struct bg_file_put put = { .mode = 0600,
					 .group = (gid_t)-1,
					 .makes_directory = true };
	struct bg_files_look look = { .kind = BG_FILE_OWN, .most_bytes = 100 };
	struct bg_error err = {};
	bg_auto_close int text_fd = bg_memory_of("state", "one", 3, &err);
	bg_auto_close int read_fd = bg_memory_new("state", &err);
	char directory[64], start[80], one[96], two[96], text[64];
	struct bg_files files = files_of(start);

	(void)state;
	snprintf(directory, sizeof(directory), "%s.d", path);
	snprintf(start, sizeof(start), "%s/state", directory);
	snprintf(one, sizeof(one), "%s.one", start);
	snprintf(two, sizeof(two), "%s.two", start);
	files.suffix = ".one";
	assert_int_equal(bg_files_find(&files, NULL, &err), -ENOENT);
	assert_int_equal(bg_files_read(&files, &look, read_fd, &err), -ENOENT);
	assert_int_equal(bg_files_write(&files, text_fd, &put, &err), 0);
	assert_int_equal(bg_files_find(&files, NULL, &err), 0);
	files.suffix = ".two";
	assert_int_equal(bg_files_find(&files, NULL, &err), -ENOENT);
	/* neither a link nor what others may write is our own */
	assert_int_equal(symlink(one, two), 0);
	assert_int_equal(bg_files_read(&files, &look, read_fd, &err), -ELOOP);
	files.suffix = ".one";
	assert_int_equal(chmod(one, 0620), 0);
	assert_int_equal(bg_files_read(&files, &look, read_fd, &err), -EPERM);
	assert_non_null(strstr(err.text, "state.one: found a file that others may have written"));
	assert_int_equal(chmod(one, 0640), 0);
	assert_int_equal(bg_files_read(&files, &look, read_fd, &err), 0);
	read_whole(read_fd, text, sizeof(text));
	assert_string_equal(text, "one");
	bg_files_end(&files);
	unlink(two);
	unlink(one);
	assert_int_equal(rmdir(directory), 0);
}

static void one_that_does_not_answer_is_given_up(void **state)
{
	struct bg_files files = files_of(path);
	struct bg_files_look look = READS;
	struct bg_error err = {};
	bg_auto_close int text_fd = bg_memory_new("a feed", &err);

	(void)state;
	write_feed("one");
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), 0);
	/* as if its file system stalled */
	kill(files.child.pid, SIGSTOP);
	files.limit_ms = 100;
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "no answer for 0 s: does its file system answer?"));
	assert_int_equal(files.child.pid, 0);
	assert_false(look.stamp.present);
	files.limit_ms = 60000;
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), 0);
	/* somebody ends it in the middle */
	kill(files.child.pid, SIGSTOP);
	kill(files.child.pid, SIGKILL);
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), -EAGAIN);
	assert_non_null(strstr(err.text, "branchguard-files ended"));
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), 0);
	bg_files_end(&files);
	start_error = EMFILE;
	assert_int_equal(bg_files_read(&files, &look, text_fd, &err), -EMFILE);
}

/* It hears the question first, so that the answer is to that. */
static bool hear(const struct bg_child_start *how)
{
	struct bg_files_question question;

	return recv(how->fds[0], &question, sizeof(question), 0) == sizeof(question);
}

static struct bg_files_answer false_answer;
static size_t false_bytes;

static void answers_falsely(const struct bg_child_start *how)
{
	if (hear(how) && false_bytes &&
	    send(how->fds[0], &false_answer, false_bytes, MSG_NOSIGNAL) < 0)
		syscall(SYS_exit_group, 1);
}

static void an_answer_that_is_none_is_not_believed(void **state)
{
	static const struct {
		size_t bytes;
		int rc, watch_rc;
		int expected;
	} cases[] = {
		{ 0, 0, 0, -EAGAIN }, /* it ends instead */
		{ 7, 0, 0, -EAGAIN },
		{ sizeof(struct bg_files_answer), 1, 0, -EAGAIN },
		{ sizeof(struct bg_files_answer), -4096, 0, -EAGAIN },
		{ sizeof(struct bg_files_answer), 0, 1, -EAGAIN },
		{ sizeof(struct bg_files_answer), -EIO, 0, -EIO },
	};

	(void)state;
	stand_in = answers_falsely;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_files files = files_of(path);
		struct bg_files_look look = READS;
		struct bg_error err = {};
		bg_auto_close int text_fd = bg_memory_new("a feed", &err);

		false_bytes = cases[i].bytes;
		false_answer.rc = cases[i].rc;
		false_answer.look.watch_rc = cases[i].watch_rc;
		/* a text without an end */
		memset(false_answer.err.text, 'x', sizeof(false_answer.err.text));
		assert_int_equal(bg_files_read(&files, &look, text_fd, &err), cases[i].expected);
		assert_true(strlen(err.text) < sizeof(err.text));
		bg_files_end(&files);
	}
}

/* --- children -------------------------------------------------------------- */

static void a_child_without_a_name_of_ours_is_none(void **state)
{
	char *argv[] = { (char *)"branchguard", NULL };

	(void)state;
	assert_int_equal(bg_apart_main(1, argv), -1);
	assert_int_equal(bg_apart_main(0, argv), -1);
}

static void a_child_is_waited_for_no_longer_than_said(void **state)
{
	struct bg_error err = {};
	int pair[2], status;
	struct bg_child child;
	struct bg_child_start how = { .name = BG_FILES, .argument = path, .fd_count = 1 };

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	how.fds[0] = pair[1];
	assert_int_equal(bg_child_start(&how, &child, &err), 0);
	assert_int_equal(bg_child_wait(&child, 0, &status), -ETIMEDOUT);
	bg_child_kill(&child);
	assert_int_equal(bg_child_wait(&child, -1, &status), 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* once it is gone, nobody else is killed in its place */
	assert_int_equal(child.pid, 0);
	bg_child_kill(&child);
	how.fds[0] = 1000000;
	assert_int_equal(bg_child_start(&how, &child, &err), -EBADF);
	assert_non_null(strstr(err.text, "starting branchguard-files: "));
	close(pair[0]);
	close(pair[1]);
}

/* --- true processes that end by themselves ---------------------------------- */

#ifndef __SANITIZE_ADDRESS__ /* it has calls of its own to make, which they may not */
/* Who asks nothing and is gone, or says nothing that can be understood. */
static void the_process_ends_with_who_asks(void **state)
{
	struct bg_error err = {};
	int pair[2], status;
	struct bg_child child;
	struct bg_child_start how = { .name = BG_FILES, .argument = path, .fd_count = 1 };

	(void)state;
	for (int nonsense = 0; nonsense < 2; nonsense++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		how.fds[0] = pair[1];
		assert_int_equal(bg_child_start(&how, &child, &err), 0);
		close(pair[1]);
		if (nonsense)
			assert_int_equal(send(pair[0], "what?", 5, MSG_NOSIGNAL), 5);
		else
			close(pair[0]);
		assert_int_equal(bg_child_wait(&child, 60000, &status), 0);
		assert_true(WIFEXITED(status));
		if (nonsense)
			close(pair[0]);
	}
}

/* The question by hand, so that nobody kills who answers it. */
static struct bg_files_answer asked(const struct bg_child_start *how, int socket_fd,
				    struct bg_files_question question, int text_fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec bytes = { &question, sizeof(question) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	struct bg_files_answer answer;
	struct bg_error err = {};
	struct bg_child child;
	int status;

	assert_int_equal(bg_child_start(how, &child, &err), 0);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &text_fd, sizeof(int));
	assert_int_equal(sendmsg(socket_fd, &message, MSG_NOSIGNAL), sizeof(question));
	assert_int_equal(recv(socket_fd, &answer, sizeof(answer), 0), sizeof(answer));
	assert_int_equal(shutdown(socket_fd, SHUT_RDWR), 0);
	assert_int_equal(bg_child_wait(&child, 60000, &status), 0);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	return answer;
}

static void one_question_has_one_answer(void **state)
{
	static const struct {
		const char *path;
		enum bg_files_do what;
		struct bg_files_look look;
		int rc;
		bool is_same;
		const char *text; /* after it */
	} cases[] = {
		{ path,
		  BG_FILES_READ,
		  { .kind = BG_FILE_REGULAR, .most_bytes = 3 },
		  0,
		  false,
		  "one" },
		{ path,
		  BG_FILES_READ,
		  { .kind = BG_FILE_REGULAR, .most_bytes = 2 },
		  -E2BIG,
		  false,
		  "" },
		{ path, BG_FILES_READ, { .most_bytes = 9, .watches = true }, 0, false, "one" },
		{ "/tmp", BG_FILES_READ, { .most_bytes = 9 }, -EISDIR, false, "" },
		{ "/dev/null", BG_FILES_READ, { .kind = BG_FILE_REGULAR }, -EINVAL, false, "" },
		{ "/proc/none/x", BG_FILES_WRITE, {}, -ENOENT, false, "" },
		{ path, BG_FILES_WRITE, {}, 0, false, "" },
		{ path, BG_FILES_FIND, {}, 0, false, "" },
		{ "/proc/none/x", BG_FILES_FIND, {}, -ENOENT, false, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bg_child_start how = { .name = BG_FILES, .argument = cases[i].path };
		struct bg_files_question question = {
			.what = cases[i].what,
			.put = { .mode = 0600, .group = (gid_t)-1 },
			.look = cases[i].look,
		};
		struct bg_files_answer answer;
		struct bg_error err = {};
		bg_auto_close int text_fd = bg_memory_new("a feed", &err);
		char text[64];
		int pair[2], watch_fd = bg_file_watch_open(&err);

		write_feed("one");
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
		how.fds[how.fd_count++] = pair[1];
		how.fds[how.fd_count++] = watch_fd;
		answer = asked(&how, pair[0], question, text_fd);
		assert_int_equal(answer.rc, cases[i].rc);
		assert_int_equal(answer.look.is_same, cases[i].is_same);
		if (cases[i].what == BG_FILES_READ) {
			read_whole(text_fd, text, sizeof(text));
			assert_string_equal(text, cases[i].text);
		}
		close(pair[0]);
		close(pair[1]);
		close(watch_fd);
	}
}
#endif

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_when_it_changed),
		cmocka_unit_test(a_file_is_replaced_elsewhere),
		cmocka_unit_test(a_socket_is_placed_and_taken_away),
		cmocka_unit_test(a_file_is_opened_elsewhere),
		cmocka_unit_test(of_several_files_one_is_meant_by_its_suffix),
		cmocka_unit_test_teardown(one_that_does_not_answer_is_given_up, back_to_normal),
		cmocka_unit_test_teardown(an_answer_that_is_none_is_not_believed, back_to_normal),
		cmocka_unit_test(a_child_without_a_name_of_ours_is_none),
		cmocka_unit_test(a_child_is_waited_for_no_longer_than_said),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(the_process_ends_with_who_asks),
		cmocka_unit_test(one_question_has_one_answer),
#endif
	};
	int status = bg_apart_main(argc, argv);

	if (status >= 0)
		return status;
	snprintf(path, sizeof(path), "/tmp/test_beside_files-%d", getpid());
	status = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return status;
}
