// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Makes system calls of the daemon fail, for test_faults.sh:
 *	LD_PRELOAD=fault.so BG_FAULT_FILE=FILE branchguard run ...
 * As long as FILE is there, it says which:
 *	CALL HOW[,HOW...] [FIRST [STEP [COUNT]]]	on each line
 * The FIRST call of that kind fails (1), then each STEP-th one (1), COUNT of them at the
 * most (0: all), by one HOW after the other. FILE.hits gets a line for each.
 *
 * CALL  link link-dump route-dump neigh filter filter-dump set-filter set-qdisc: a request
 *       of NETLINK_ROUTE; event: a message that nobody asked for; a command of bpf(), as
 *       in bpf_names; if_indextoname, inotify_init1, inotify_add_watch
 * HOW   an errno: the call fails by it, of a request the receiving; wait-MS: it is made,
 *       but so much later.   Requests alone:
 *       send-ERRNO: it is not sent; answer-ERRNO: the kernel refuses it;
 *       interrupted: the table changed while it was listed.   Requests and events:
 *       short: the last bytes are missing; truncated: the buffer was too small;
 *       attribute: the length of one is wrong
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#define MOST_FDS 1024
#define MOST_RULES 4
#define MOST_WAYS 16
#define EVENT "event"

/* --- what shall fail ------------------------------------------------------- */

struct rule {
	char call[32];
	char list[160];
	const char *way[MOST_WAYS];
	unsigned int ways, first, step, count;
	unsigned int calls, hits;
};

static struct {
	struct timespec changed;
	ino_t inode;
	struct rule rule[MOST_RULES];
	int rules;
} plan;

static bool read_rule(const char *line, struct rule *rule)
{
	char *rest;

	rule->first = rule->step = 1;
	if (sscanf(line, "%31s %159s %u %u %u", rule->call, rule->list, &rule->first, // NOLINT
		   &rule->step, &rule->count) < 2 ||
	    !rule->first || !rule->step)
		return false;
	for (char *way = strtok_r(rule->list, ",", &rest); way && rule->ways < MOST_WAYS;
	     way = strtok_r(NULL, ",", &rest))
		rule->way[rule->ways++] = way;
	return true;
}

static void read_plan(const char *path, const struct stat *is, int fd)
{
	char text[1024] = "", *rest;

	memset(&plan, 0, sizeof(plan));
	plan.inode = is->st_ino;
	plan.changed = is->st_mtim;
	if (read(fd, text, sizeof(text) - 1) < 0)
		abort();
	for (const char *line = strtok_r(text, "\n", &rest); line && plan.rules < MOST_RULES;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (read_rule(line, &plan.rule[plan.rules++]))
			continue;
		fprintf(stderr, "fault: %s: what is %s?\n", path, line);
		abort();
	}
}

static bool have_plan(const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	struct stat is;

	if (fd < 0)
		return false;
	if (!fstat(fd, &is) &&
	    (is.st_ino != plan.inode || is.st_mtim.tv_nsec != plan.changed.tv_nsec ||
	     is.st_mtim.tv_sec != plan.changed.tv_sec))
		read_plan(path, &is, fd);
	close(fd);
	return true;
}

static void note(const char *path, const char *call, const char *how)
{
	char name[4096], line[64];
	int fd, length;

	snprintf(name, sizeof(name), "%s.hits", path);
	length = snprintf(line, sizeof(line), "%s %s\n", call, how);
	fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, length) != length)
		abort();
	close(fd);
}

static bool is_hit(struct rule *rule, const char *call)
{
	if (strcmp(call, rule->call) != 0)
		return false;
	rule->calls++;
	return rule->calls >= rule->first && (rule->calls - rule->first) % rule->step == 0 &&
	       (!rule->count || rule->hits < rule->count);
}

static bool begins_with(const char *text, const char *start)
{
	return !strncmp(text, start, strlen(start));
}

static void sleep_ms(unsigned long ms)
{
	struct timespec left = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

/* How this call shall fail; NULL: not at all. errno stays as it is. */
static const char *failure_of(const char *call)
{
	const char *path = getenv("BG_FAULT_FILE"), *how = NULL;
	int before = errno, rules = have_plan(path) ? plan.rules : 0;

	for (int i = 0; i < rules && !how; i++) {
		struct rule *rule = &plan.rule[i];

		if (is_hit(rule, call))
			how = rule->way[rule->hits++ % rule->ways];
	}
	if (how)
		note(path, call, how);
	if (how && begins_with(how, "wait-")) {
		sleep_ms(strtoul(how + strlen("wait-"), NULL, 10));
		how = NULL;
	}
	errno = before;
	return how;
}

static int number_of(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {
		{ "EINTR", EINTR },   { "EBUSY", EBUSY },   { "ENOBUFS", ENOBUFS },
		{ "ENOMEM", ENOMEM }, { "EAGAIN", EAGAIN }, { "EMFILE", EMFILE },
		{ "ENOSPC", ENOSPC },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, name))
			return known[i].number;
	fprintf(stderr, "fault: what is %s?\n", name);
	abort();
}

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

static const char *request_name(const struct nlmsghdr *message)
{
	bool dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

	switch (message->nlmsg_type) {
	case RTM_GETLINK:
		return dump ? "link-dump" : "link";
	case RTM_GETROUTE:
		return dump ? "route-dump" : "route";
	case RTM_GETNEIGH:
		return dump ? "neigh-dump" : "neigh";
	case RTM_GETTFILTER:
		return dump ? "filter-dump" : "filter";
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		return "set-filter";
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
		return "set-qdisc";
	default:
		return "other";
	}
}

int socket(int domain, int type, int protocol)
{
	int (*next)(int, int, int) = real("socket");
	int fd = next(domain, type, protocol);

	if (fd >= 0 && fd < MOST_FDS) {
		sockets[fd].call = domain == AF_NETLINK && protocol == NETLINK_ROUTE ? EVENT : NULL;
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
	[BPF_MAP_FREEZE] = "map-freeze",
	[BPF_MAP_GET_FD_BY_ID] = "map-by-id",
	[BPF_PROG_LOAD] = "prog-load",
	[BPF_PROG_GET_FD_BY_ID] = "prog-by-id",
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
	if (number == SYS_bpf && argument[0] >= 0 &&
	    argument[0] < (long)(sizeof(bpf_names) / sizeof(bpf_names[0])) &&
	    bpf_names[argument[0]])
		how = failure_of(bpf_names[argument[0]]);
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
