// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A message and its descriptor, from a process that may send anything. */
#include "base/passing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test.h"

static const char text[8] = "message";
static int pair[2];

static int open_pair(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int close_pair(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

/* The number that the next descriptor gets: as long as it stays, none was left open. */
static int next_free(void)
{
	int fd = dup(STDERR_FILENO);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

static void takes(int expected_rc, bool with_fd)
{
	char got[sizeof(text)];
	int before = next_free(), fd = -2;

	assert_int_equal(bg_take_passed(pair[1], got, sizeof(got), &fd), expected_rc);
	assert_int_equal(fd >= 0, with_fd);
	if (!expected_rc)
		assert_memory_equal(got, text, sizeof(text));
	if (with_fd) {
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		close(fd);
	} else {
		assert_int_equal(fd, -1);
	}
	assert_int_equal(next_free(), before);
}

static void a_message_comes_with_what_was_sent(void **state)
{
	(void)state;
	assert_int_equal(bg_pass(pair[0], text, sizeof(text), -1), 0);
	takes(0, false);
	assert_int_equal(bg_pass(pair[0], text, sizeof(text), pair[0]), 0);
	takes(0, true);
}

static void another_length_is_refused_and_its_descriptor_closed(void **state)
{
	char longer[sizeof(text) + 1] = {};

	(void)state;
	assert_int_equal(bg_pass(pair[0], text, sizeof(text) - 1, pair[0]), 0);
	takes(-EPROTO, false);
	assert_int_equal(bg_pass(pair[0], longer, sizeof(longer), pair[0]), 0);
	takes(-EPROTO, false);
}

static void send_many(int count)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = {};
	struct iovec part = { (void *)text, sizeof(text) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(count * sizeof(int));
	for (int i = 0; i < count; i++)
		memcpy(CMSG_DATA(head) + i * sizeof(int), &pair[0], sizeof(int));
	assert_int_equal(sendmsg(pair[0], &message, 0), sizeof(text));
}

/* Two fit where one does, since the room is aligned. */
static void more_descriptors_are_refused_and_closed(void **state)
{
	(void)state;
	for (int count = 2; count <= 8; count++) {
		send_many(count);
		takes(-EPROTO, false);
	}
}

static void the_end_is_no_message(void **state)
{
	(void)state;
	shutdown(pair[0], SHUT_WR);
	takes(-EPROTO, false);
	assert_int_equal(bg_pass(pair[0], text, sizeof(text), -1), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_message_comes_with_what_was_sent, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(another_length_is_refused_and_its_descriptor_closed,
						open_pair, close_pair),
		cmocka_unit_test_setup_teardown(more_descriptors_are_refused_and_closed, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(the_end_is_no_message, open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
