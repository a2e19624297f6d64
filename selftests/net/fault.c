// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes system calls of the daemon fail, for tests that read trouble.sh:
 *	LD_PRELOAD=fault.so BG_FAULT_FILE=FILE branchguard run ...
 * As long as FILE is there, it says which:
 *	CALL HOW[,HOW...] [FIRST [STEP [COUNT]]]	on each line
 * The FIRST call of that kind fails (1), then each STEP-th one (1), COUNT of them at the
 * most (0: all), by one HOW after the other. With `each` for FIRST, the first call from
 * each place in the program fails that is not in FILE.hits. FILE.hits gets a line for each
 * that fails: CALL HOW PLACE (call_site.h), FILE.sites, if it is there, one for each place
 * that calls at all: CALL PLACE.
 *
 * CALL  link link-dump route-dump rule-dump neigh use-neigh filter filter-dump set-filter set-qdisc: a request
 *       of NETLINK_ROUTE, request-NUMBER another one; xdp-query: the dump by which libbpf
 *       asks for XDP programs; event: a message that nobody asked for; socket: one of
 *       NETLINK_ROUTE; a command of bpf(), as in bpf_names, bpf-NUMBER another one;
 *       link-create-xdp: of XDP; if_indextoname, inotify_init1, inotify_add_watch; any of
 *       these, of the daemon's own
 * HOW   an errno: the call fails by it, of a request the receiving; wait-MS: it is made,
 *       but so much later; kill: before it is made, the process is killed.   Requests alone:
 *       send-ERRNO: it is not sent; answer-ERRNO: the kernel refuses it;
 *       interrupted: the table changed while it was listed.   Requests and events:
 *       short: the last bytes are missing; truncated: the buffer was too small;
 *       attribute: the length of one is wrong
 *
 * With BG_FAULT_HASTE=N, what the daemon does from time to time it does N times as often.
 */
#include <dlfcn.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "fault_plan.h"

#define MOST_FDS 1024
#define EVENT "event"

/* --- netlink --------------------------------------------------------------- */

/* Of each socket of NETLINK_ROUTE: what was asked, and how the answer shall fail. */
static struct {
	const char *call;
	const char *how;
} sockets[MOST_FDS];

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		abort();
	return found;
}

static bool is_watched(int fd)
{
	return fd >= 0 && fd < MOST_FDS && sockets[fd].call;
}

/* The name of what has none: a new kind of call is seen as one. */
static const char *numbered(const char *what, unsigned int number)
{
	static char names[2][256][24];
	char *name = names[*what == 'b'][number % 256];

	snprintf(name, sizeof(names[0][0]), "%s-%u", what, number);
	return name;
}

static const char *dump_name(const struct nlmsghdr *message)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);

	switch (message->nlmsg_type) {
	case RTM_GETLINK:
		return link->ifi_family == AF_PACKET ? "xdp-query" : "link-dump";
	case RTM_GETROUTE:
		return "route-dump";
	case RTM_GETRULE:
		return "rule-dump";
	case RTM_GETNEIGH:
		return "neigh-dump";
	case RTM_GETTFILTER:
		return "filter-dump";
	default:
		return numbered("request", message->nlmsg_type);
	}
}

static const char *request_name(const struct nlmsghdr *message)
{
	if ((message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return dump_name(message);
	switch (message->nlmsg_type) {
	case RTM_GETLINK:
		return "link";
	case RTM_GETROUTE:
		return "route";
	case RTM_GETNEIGH:
		return "neigh";
	case RTM_NEWNEIGH:
		return "use-neigh";
	case RTM_GETTFILTER:
		return "filter";
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		return "set-filter";
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
		return "set-qdisc";
	default:
		return numbered("request", message->nlmsg_type);
	}
}

int socket(int domain, int type, int protocol)
{
	int (*next)(int, int, int) = real("socket");
	bool is_route = domain == AF_NETLINK && protocol == NETLINK_ROUTE;
	const char *how = is_route ? failure_of("socket") : NULL;
	int fd = how ? -1 : next(domain, type, protocol);

	if (how)
		errno = number_of(how);
	if (fd >= 0 && fd < MOST_FDS) {
		sockets[fd].call = is_route ? EVENT : NULL;
		sockets[fd].how = NULL;
	}
	return fd;
}

/* True: the request must not be sent, errno says why. */
static bool fails_to_send(int fd, const void *data, size_t length)
{
	const struct nlmsghdr *message = data;

	if (!is_watched(fd) || length < sizeof(*message))
		return false;
	sockets[fd].call = request_name(message);
	sockets[fd].how = failure_of(sockets[fd].call);
	if (!sockets[fd].how || !begins_with(sockets[fd].how, "send-"))
		return false;
	errno = number_of(sockets[fd].how + strlen("send-"));
	sockets[fd].how = NULL;
	return true;
}

ssize_t sendto(int fd, const void *data, size_t length, int flags, const struct sockaddr *to,
	       socklen_t to_length)
{
	ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
		real("sendto");

	return fails_to_send(fd, data, length) ? -1 : next(fd, data, length, flags, to, to_length);
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	ssize_t (*next)(int, const void *, size_t, int) = real("send");

	return fails_to_send(fd, data, length) ? -1 : next(fd, data, length, flags);
}

/* In place of the answer: a message that refuses. */
static ssize_t refuse(struct nlmsghdr *message, size_t room, int error)
{
	struct nlmsgerr *body = NLMSG_DATA(message);

	if (room < NLMSG_LENGTH(sizeof(*body)))
		abort();
	memset(body, 0, sizeof(*body));
	body->error = -error;
	message->nlmsg_type = NLMSG_ERROR;
	message->nlmsg_flags = 0;
	message->nlmsg_len = NLMSG_LENGTH(sizeof(*body));
	return message->nlmsg_len;
}

static size_t header_length(int type)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return sizeof(struct ifinfomsg);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return sizeof(struct rtmsg);
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return sizeof(struct fib_rule_hdr);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return sizeof(struct ndmsg);
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
		return sizeof(struct tcmsg);
	default:
		return 0;
	}
}

/* Of the first attribute of the last message that has one. */
static void spoil_attribute(struct nlmsghdr *message, ssize_t length)
{
	struct nlattr *attribute = NULL;
	int left = (int)length;

	for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
		size_t header = NLMSG_ALIGN(header_length(message->nlmsg_type));

		if (header && message->nlmsg_len >= NLMSG_LENGTH(header) + sizeof(*attribute))
			attribute = (struct nlattr *)((char *)NLMSG_DATA(message) + header);
	}
	if (attribute)
		attribute->nla_len = 0xfff0;
}

static ssize_t spoil(const char *how, struct msghdr *message, ssize_t length)
{
	struct nlmsghdr *first = message->msg_iov[0].iov_base;

	if (!strcmp(how, "interrupted")) {
		first->nlmsg_flags |= NLM_F_DUMP_INTR;
	} else if (!strcmp(how, "short")) {
		length -= 8;
	} else if (!strcmp(how, "truncated")) {
		message->msg_flags |= MSG_TRUNC;
	} else if (!strcmp(how, "attribute")) {
		spoil_attribute(first, length);
	} else if (begins_with(how, "answer-")) {
		return refuse(first, message->msg_iov[0].iov_len,
			      number_of(how + strlen("answer-")));
	} else {
		errno = number_of(how);
		return -1;
	}
	return length;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t (*next)(int, struct msghdr *, int) = real("recvmsg");
	const char *how;
	ssize_t length;

	/* what is only looked at will be asked for again */
	if (!is_watched(fd) || flags & MSG_PEEK)
		return next(fd, message, flags);
	if (strcmp(sockets[fd].call, EVENT) != 0) {
		how = sockets[fd].how;
		sockets[fd].how = NULL;
		if (how && !strcmp(how, "EINTR")) { /* the answer is still to come */
			errno = EINTR;
			return -1;
		}
		length = next(fd, message, flags);
		return how && length > 0 ? spoil(how, message, length) : length;
	}
	/* by an error a message is lost, as when the kernel had no memory for it */
	length = next(fd, message, flags);
	how = length > 0 ? failure_of(EVENT) : NULL;
	return how ? spoil(how, message, length) : length;
}

/* --- bpf() and the rest ---------------------------------------------------- */

static const char *const bpf_names[] = {
	[BPF_MAP_CREATE] = "map-create",
	[BPF_MAP_LOOKUP_ELEM] = "map-lookup",
	[BPF_MAP_UPDATE_ELEM] = "map-update",
	[BPF_MAP_DELETE_ELEM] = "map-delete",
	[BPF_MAP_GET_NEXT_KEY] = "map-next",
	[BPF_MAP_LOOKUP_BATCH] = "map-lookup-batch",
	[BPF_MAP_UPDATE_BATCH] = "map-update-batch",
	[BPF_MAP_DELETE_BATCH] = "map-delete-batch",
	[BPF_MAP_FREEZE] = "map-freeze",
	[BPF_MAP_GET_FD_BY_ID] = "map-by-id",
	[BPF_PROG_LOAD] = "prog-load",
	[BPF_PROG_GET_FD_BY_ID] = "prog-by-id",
	[BPF_PROG_BIND_MAP] = "prog-bind-map",
	[BPF_PROG_TEST_RUN] = "prog-run",
	[BPF_PROG_QUERY] = "prog-query",
	[BPF_OBJ_PIN] = "obj-pin",
	[BPF_OBJ_GET] = "obj-get",
	[BPF_OBJ_GET_INFO_BY_FD] = "obj-info",
	[BPF_BTF_LOAD] = "btf-load",
	[BPF_BTF_GET_FD_BY_ID] = "btf-by-id",
	[BPF_LINK_CREATE] = "link-create",
	[BPF_LINK_UPDATE] = "link-update",
	[BPF_LINK_DETACH] = "link-detach",
};

static const char *bpf_name(unsigned long command, const union bpf_attr *attr)
{
	if (command == BPF_LINK_CREATE && attr->link_create.attach_type == BPF_XDP)
		return "link-create-xdp";
	if (command < sizeof(bpf_names) / sizeof(bpf_names[0]) && bpf_names[command])
		return bpf_names[command];
	return numbered("bpf", command);
}

long syscall(long number, ...)
{
	long (*next)(long, ...) = real("syscall");
	const char *how = NULL;
	long argument[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		argument[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf)
		how = failure_of(bpf_name(argument[0], (const union bpf_attr *)argument[1]));
	if (how) {
		errno = number_of(how);
		return -1;
	}
	return next(number, argument[0], argument[1], argument[2], argument[3], argument[4],
		    argument[5]);
}

char *if_indextoname(unsigned int ifindex, char name[IF_NAMESIZE])
{
	char *(*next)(unsigned int, char *) = real("if_indextoname");
	const char *how = failure_of("if_indextoname");

	if (!how)
		return next(ifindex, name);
	errno = number_of(how);
	return NULL;
}

int inotify_init1(int flags)
{
	int (*next)(int) = real("inotify_init1");
	const char *how = failure_of("inotify_init1");

	if (!how)
		return next(flags);
	errno = number_of(how);
	return -1;
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	int (*next)(int, const char *, uint32_t) = real("inotify_add_watch");
	const char *how = failure_of("inotify_add_watch");

	if (!how)
		return next(fd, path, mask);
	errno = number_of(how);
	return -1;
}

/* --- haste ----------------------------------------------------------------- */

static long haste(void)
{
	const char *times = getenv("BG_FAULT_HASTE");

	return times && *times ? strtol(times, NULL, 10) : 1;
}

/* The clock by which the daemon knows when something is due. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int (*next)(clockid_t, struct timespec *) = real("clock_gettime");
	int rc = next(clock, now);

	if (!rc && clock == CLOCK_MONOTONIC && haste() > 1) {
		now->tv_nsec *= haste();
		now->tv_sec = now->tv_sec * haste() + now->tv_nsec / 1000000000;
		now->tv_nsec %= 1000000000;
	}
	return rc;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int limit_ms)
{
	int (*next)(int, struct epoll_event *, int, int) = real("epoll_wait");
	const long times = haste();

	if (limit_ms > 0 && times > 1)
		limit_ms = (int)(limit_ms / times) + 1;
	return next(fd, events, most, limit_ms);
}
