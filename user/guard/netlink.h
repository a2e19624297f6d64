/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Netlink messages about interfaces, their neighbours, routes and filters: reading them,
 * and asking for them. */
#ifndef BG_GUARD_NETLINK_H
#define BG_GUARD_NETLINK_H

#include <libmnl/libmnl.h>

#include "guard/netdevs.h"

/* Room for the largest message that the kernel builds for a dump; one answer at a time. */
struct bg_netlink {
	char buffer[65536];
};

/* An attribute of a request. */
struct bg_netlink_attribute {
	int type; /* 0 ends the list */
	const void *data;
	size_t length;
};

/*
 * Sends one request and hands every message of the answer to `each` (an mnl
 * callback). Returns 0 or a negative errno, the kernel's included. Each request has
 * a socket of its own: what is left of an answer that broke off cannot get into the
 * next one, nor make the kernel refuse it (EBUSY: "a dump still runs").
 */
int bg_netlink_ask(struct bg_netlink *netlink, int type, const void *header, size_t header_length,
		   const struct bg_netlink_attribute *attributes, mnl_cb_t each, void *context);

/*
 * The same for a table. It is whole or an error: one that changed while it was listed
 * (EINTR), or broke off, is asked for again, BG_DUMP_TRIES times at the most. `begin`
 * is called before each try, to forget what the one before gave.
 */
#define BG_DUMP_TRIES 8
int bg_netlink_dump(struct bg_netlink *netlink, int type, const void *header, size_t header_length,
		    void (*begin)(void *context), mnl_cb_t each, void *context);

int bg_netlink_ask_peer(struct bg_netlink *netlink, const struct bg_netdev *netdev, __u8 mac[6]);
int bg_netlink_ask_neighbour(struct bg_netlink *netlink, __u32 ifindex,
			     const struct bg_addr *address, struct bg_neighbour *neighbour);
int bg_netlink_use_neighbour(struct bg_netlink *netlink, __u32 ifindex,
			     const struct bg_addr *address);
int bg_netlink_dump_routes(struct bg_netlink *netlink, int family, void (*begin)(void *context),
			   mnl_cb_t each, void *context);
int bg_netlink_dump_rules(struct bg_netlink *netlink, int family, void (*begin)(void *context),
			  mnl_cb_t each, void *context);
int bg_netlink_list_default_routes(struct bg_netlink *netlink, int family,
				   struct bg_default_route **routes, size_t *count);
int bg_netlink_list_routing(struct bg_netlink *netlink, struct bg_routing *routing);
int bg_netlink_ask_route(struct bg_netlink *netlink, __u32 ifindex, const struct bg_addr *from,
			 struct bg_found_route *route);
int bg_netlink_ask_filters(struct bg_netlink *netlink, __u32 ifindex, struct bg_filters *filters);

/* 0 when it is too short, as no kernel makes it. */
__u32 bg_netlink_number(const struct nlattr *attribute);

/* false: it is of another length than addresses of the family. */
bool bg_netlink_address(const struct nlattr *attribute, int family, struct bg_addr *address);

/* No message in it is cut short, and no attribute of those that are read below. */
bool bg_netlink_is_whole(const void *buffer, size_t length);

/* false: the message is about something else. */
bool bg_netdev_parse(const struct nlmsghdr *message, struct bg_netdev *netdev);
bool bg_default_route_parse(const struct nlmsghdr *message, struct bg_default_route *route);
bool bg_host_route_parse(const struct nlmsghdr *message, struct bg_host_route *route);
bool bg_routing_rule_parse(const struct nlmsghdr *message, struct bg_routing_rule *rule);
bool bg_neighbour_parse(const struct nlmsghdr *message, struct bg_neighbour *neighbour);

#endif
