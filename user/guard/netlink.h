/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Netlink messages about interfaces, their neighbours, routes and filters: reading them,
 * and asking for them. */
#ifndef BG_GUARD_NETLINK_H
#define BG_GUARD_NETLINK_H

#include <libmnl/libmnl.h>

#include "guard/netdevs.h"

struct bg_netlink {
	struct mnl_socket *socket;
	unsigned int sequence;
	/* room for the largest message that the kernel builds for a dump */
	char buffer[65536];
};

int bg_netlink_open(struct bg_netlink *netlink);
void bg_netlink_close(struct bg_netlink *netlink);

/* An attribute of a request. */
struct bg_netlink_attribute {
	int type; /* 0 ends the list */
	const void *data;
	size_t length;
};

/* How often a dump is asked for when the table changes during each of them. */
#define BG_DUMP_TRIES 8

/* Sends one request and hands every message of the answer to `each` (an mnl
 * callback). Returns 0 or a negative errno, also of the kernel; -EINTR: the table
 * changed during the dump, so the dump may be wrong. */
int bg_netlink_ask(struct bg_netlink *netlink, int type, int flags, const void *header,
		   size_t header_length, const struct bg_netlink_attribute *attributes,
		   mnl_cb_t each, void *context);

int bg_netlink_ask_peer(struct bg_netlink *netlink, const struct bg_netdev *netdev, __u8 mac[6]);
int bg_netlink_ask_neighbour(struct bg_netlink *netlink, __u32 ifindex,
			     const struct bg_addr *address, __u8 mac[6]);
int bg_netlink_ask_default_routes(struct bg_netlink *netlink, int family, mnl_cb_t each,
				  void *context);
int bg_netlink_ask_filters(struct bg_netlink *netlink, __u32 ifindex, struct bg_filters *filters);

/* false: the message is about something else. */
bool bg_netdev_parse(const struct nlmsghdr *message, struct bg_netdev *netdev);
bool bg_default_route_parse(const struct nlmsghdr *message, struct bg_default_route *route);
bool bg_neighbour_parse(const struct nlmsghdr *message, struct bg_neighbour *neighbour);

#endif
