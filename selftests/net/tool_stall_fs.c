// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A file system that does not answer:
 *	tool_stall_fs DIRECTORY
 * mounts it there. In it one can open `log`, and what ends with `.lock`, and know nothing else.
 * Whoever writes into these, or asks for anything else, waits, and so does everybody after that;
 * no signal ends it. When this program ends, all of them get an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LOG_NODE = FUSE_ROOT_ID + 1, LOCK_NODE };
#define LONG_S 3600

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644,
		.nlink = 1,
		.blksize = 4096,
	};
}

/* 0: none that is known. */
static uint64_t node_called(const char *name)
{
	static const char lock[] = ".lock";
	size_t length = strlen(name), end = sizeof(lock) - 1;

	if (!strcmp(name, "log"))
		return LOG_NODE;
	return length > end && !strcmp(name + length - end, lock) ? LOCK_NODE : 0;
}

static bool reply(int fd, const struct fuse_in_header *in, const void *body, size_t length)
{
	const struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + length),
					     .unique = in->unique };
	const struct iovec parts[] = { { (void *)&out, sizeof(out) }, { (void *)body, length } };

	return writev(fd, parts, 2) >= 0;
}

static bool refuse(int fd, const struct fuse_in_header *in, int error)
{
	const struct fuse_out_header out = { .len = sizeof(out),
					     .error = -error,
					     .unique = in->unique };

	return write(fd, &out, sizeof(out)) >= 0;
}

/* False: nobody is to hear of it any more. */
static bool answer(int fd, const struct fuse_in_header *in)
{
	const char *body = (const char *)(in + 1);
	uint64_t node;

	switch (in->opcode) {
	case FUSE_INIT:
		return reply(fd, in,
			     &(struct fuse_init_out){
				     .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096 },
			     sizeof(struct fuse_init_out));
	case FUSE_GETATTR:
		return reply(fd, in,
			     &(struct fuse_attr_out){ .attr_valid = LONG_S,
						      .attr = attr_of(in->nodeid) },
			     sizeof(struct fuse_attr_out));
	case FUSE_LOOKUP:
		node = node_called(body);
		return node && reply(fd, in,
				     &(struct fuse_entry_out){ .nodeid = node,
							       .entry_valid = LONG_S,
							       .attr_valid = LONG_S,
							       .attr = attr_of(node) },
				     sizeof(struct fuse_entry_out));
	case FUSE_OPEN:
		return reply(fd, in, &(struct fuse_open_out){}, sizeof(struct fuse_open_out));
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		return reply(fd, in, NULL, 0);
	case FUSE_IOCTL: /* whether it is a terminal */
		return refuse(fd, in, ENOTTY);
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return true;
	default:
		return false;
	}
}

int main(int argc, char **argv)
{
	static _Alignas(8) char request[1 << 17];
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	bool stalls = false;
	ssize_t length;

	if (argc != 2 || fd < 0) {
		fprintf(stderr, "usage: tool_stall_fs DIRECTORY (with /dev/fuse: %s)\n",
			strerror(errno));
		return 2;
	}
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fd);
	if (mount("stall", argv[1], "fuse", MS_NOSUID | MS_NODEV, options)) {
		fprintf(stderr, "tool_stall_fs: mounting at %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	/* a request that was taken and not answered is waited for, whatever signals come */
	while ((length = read(fd, request, sizeof(request))) > 0 || errno == EINTR)
		if (length > 0 && !stalls)
			stalls = !answer(fd, (const struct fuse_in_header *)request);
	return 0;
}
