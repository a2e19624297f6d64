// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Notes how long the kernel takes for what the daemon attaches, for test_many.sh:
 *	LD_PRELOAD=attach_times.so BG_ATTACH_TIMES=FILE branchguard run ...
 * FILE gets a line for each link and each request for a qdisc or a filter: IFINDEX FROM_US TO_US,
 * since the machine booted. What lies between two lines is the daemon's own time.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* One thread attaches, and asks one thing after the other. */
static struct {
	int fd, ifindex;
	long long from_us;
} asked = { .fd = -1 };

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void note(int ifindex, long long from_us)
{
	static int file = -1;
	const char *path = getenv("BG_ATTACH_TIMES");

	if (file < 0 && path)
		file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file < 0 || dprintf(file, "%d %lld %lld\n", ifindex, from_us, now_us()) < 0)
		abort();
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = real("syscall");
	const union bpf_attr *attr;
	long long from_us;
	long argument[6], rc;
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(list, long);
	va_end(list);
	from_us = now_us();
	rc = next(number, argument[0], argument[1], argument[2], argument[3], argument[4],
		  argument[5]);
	attr = (const union bpf_attr *)argument[1];
	if (number == SYS_bpf && argument[0] == BPF_LINK_CREATE && rc >= 0)
		note((int)attr->link_create.target_ifindex, from_us);
	return rc;
}

static bool attaches(const struct nlmsghdr *message, size_t length)
{
	return length >= NLMSG_LENGTH(sizeof(struct tcmsg)) &&
	       (message->nlmsg_type == RTM_NEWQDISC || message->nlmsg_type == RTM_NEWTFILTER);
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	ssize_t (*next)(int, const void *, size_t, int) = real("send");

	if (attaches(data, length)) {
		asked.fd = fd;
		asked.ifindex = ((const struct tcmsg *)NLMSG_DATA(data))->tcm_ifindex;
		asked.from_us = now_us();
	}
	return next(fd, data, length, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t (*next)(int, struct msghdr *, int) = real("recvmsg");
	ssize_t length = next(fd, message, flags);

	if (fd == asked.fd && !(flags & MSG_PEEK)) {
		note(asked.ifindex, asked.from_us);
		asked.fd = -1;
	}
	return length;
}
