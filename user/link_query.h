/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Netlink messages about interfaces: reading them, and asking for them. Used by
 * link_watch.c alone. */
#ifndef BG_LINK_QUERY_H
#define BG_LINK_QUERY_H

#include <libmnl/libmnl.h>

#include "link_watch.h"

struct bg_link_query {
	struct mnl_socket *socket;
	unsigned int sequence;
	/* room for the largest message that the kernel builds for a dump */
	char buffer[65536];
};

int bg_link_query_open(struct bg_link_query *query);
void bg_link_query_close(struct bg_link_query *query);

/* An attribute of a request, of the ones that are asked with. */
struct bg_link_attribute {
	int type; /* 0 ends the list */
	const void *data;
	size_t length;
};

/* A dump during which the table changed is asked for anew, at most so often. */
#define BG_DUMP_TRIES 8

/* Sends one request and hands every message of the answer to `each` (an mnl
 * callback). Returns 0 or a negative errno, the kernel's included; -EINTR: the
 * table changed during the dump, which is not to be relied on. */
int bg_link_ask(struct bg_link_query *query, int type, int flags, const void *header,
		size_t header_length, const struct bg_link_attribute *attributes, mnl_cb_t each,
		void *context);

int bg_link_ask_peer(struct bg_link_query *query, const struct bg_link *link, __u8 mac[6]);
int bg_link_ask_neighbour(struct bg_link_query *query, __u32 ifindex, const struct bg_addr *address,
			  __u8 mac[6]);
int bg_link_ask_default_routes(struct bg_link_query *query, int family, mnl_cb_t each,
			       void *context);
int bg_link_ask_filters(struct bg_link_query *query, __u32 ifindex, struct bg_filters *filters);

/* false: the message is about something else. */
bool bg_link_parse(const struct nlmsghdr *message, struct bg_link *link);
bool bg_default_route_parse(const struct nlmsghdr *message, struct bg_default_route *route);
bool bg_neighbour_parse(const struct nlmsghdr *message, struct bg_neighbour *neighbour);

#endif
