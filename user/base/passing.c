// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Sends and takes messages with a descriptor. files.c and files_main.c call it, each at its
 * end of the socket; it believes nothing of what it takes.
 */
#include "base/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int bg_pass(int socket_fd, const void *bytes, size_t length_bytes, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = {};
	struct iovec part = { (void *)bytes, length_bytes };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	}
	return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* How many came: the room for one is, as it is aligned, room for two. */
static size_t take_descriptors(struct msghdr *message, int *fds, size_t most)
{
	const struct cmsghdr *head = CMSG_FIRSTHDR(message);
	size_t count;

	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(*fds);
	if (count > most)
		count = most;
	memcpy(fds, CMSG_DATA(head), count * sizeof(*fds));
	return count;
}

int bg_take_passed(int socket_fd, void *bytes, size_t length_bytes, int *fd)
{
	char control[CMSG_SPACE(sizeof(*fd))] = {};
	int fds[sizeof(control) / sizeof(int)];
	struct iovec part = { bytes, length_bytes };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	size_t count;

	*fd = -1;
	if (length < 0)
		return -errno;
	count = take_descriptors(&message, fds, sizeof(fds) / sizeof(fds[0]));
	if ((size_t)length == length_bytes && count <= 1 &&
	    !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && (count || !message.msg_controllen)) {
		if (count)
			*fd = fds[0];
		return 0;
	}
	while (count)
		close(fds[--count]);
	return -EPROTO;
}
