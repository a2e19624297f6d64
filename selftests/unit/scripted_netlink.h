/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A kernel that answers by netlink as a test has written it down: it stands in the place
 * of libmnl's sockets. What is asked by a socket of its own gets the answers, in the
 * order in which they were given; the socket of events gets the events. When there is
 * nothing left, both say EAGAIN.
 */
#ifndef SCRIPTED_NETLINK_H
#define SCRIPTED_NETLINK_H

#include <stdbool.h>

#include <libmnl/libmnl.h>

#include "guard/netdevs.h"

/* What is received by one call: a number of messages, or an errno. */
struct script_part {
	union {
		char bytes[4096];
		struct nlmsghdr align;
	};
	size_t length;
	int error;
	bool for_ever; /* the same once more each time; what comes after it does not come */
};

void script_reset(void);
/* The next one that is empty, to be filled by the functions below. */
struct script_part *script_answer(void);
struct script_part *script_event(void);
/* Answers that nobody has asked for yet. */
unsigned int script_left(void);
/* Requests so far. */
unsigned int script_asked(void);

struct script_link {
	const char *name, *kind; /* NULL = none */
	__u32 ifindex, lower;
	int netnsid; /* + 1, 0 = none */
	unsigned int flags;
	int family;
	__u16 vlan;
	__u8 mac[6];
};

/* Each adds a message to a part; `type` is RTM_NEW... or RTM_DEL... */
struct nlmsghdr *script_link(struct script_part *part, int type, const struct script_link *link);
struct nlmsghdr *script_neighbour(struct script_part *part, int type, __u32 ifindex, int state,
				  const char *address, const __u8 *mac);
struct script_route {
	int family, type, prefix_length;
	__u32 table, ifindex, metric; /* 0 = no such attribute */
	const char *gateway;
	__u32 hops[2];	/* ifindexes of several next hops */
	const char *to; /* NULL = no such attribute */
};
struct nlmsghdr *script_route(struct script_part *part, int type, const struct script_route *route);
struct script_rule {
	int family, prefix_length, action, flags;
	__u32 table, priority;
	const char *from;
};
struct nlmsghdr *script_rule(struct script_part *part, int type, const struct script_rule *rule);
/* A filter, or, without handle, the chain itself. */
struct nlmsghdr *script_filter(struct script_part *part, __u32 handle);
void script_done(struct script_part *part);
/* An acknowledgement, or the kernel's refusal. */
void script_error(struct script_part *part, int error);

/* The table of interfaces with these, as bg_netdevs_open() makes it. */
struct bg_netdevs *script_netdevs(const struct script_link *links, size_t count);

#endif
