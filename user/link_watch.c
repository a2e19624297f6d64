// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of interfaces: dump, then changes. */
#include "link_watch.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "cleanup.h"
#include "link_query.h"

/* Bursts (hundreds of pods at once) must fit, else it is a full dump each time. */
#define EVENT_BUFFER_BYTES (4 << 20)

struct bg_link_watch {
	struct mnl_socket *events;
	struct bg_link_query query;
	struct bg_link *links;
	size_t count, capacity;
	/* while a batch is taken in */
	void (*on_neighbour)(const struct bg_neighbour *neighbour, void *context);
	void *context;
	unsigned int changed;
};

/* First place whose ifindex is not below. */
static size_t place_of(const struct bg_link_watch *watch, __u32 ifindex)
{
	size_t low = 0, high = watch->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (watch->links[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_link(const struct bg_link *a, const struct bg_link *b)
{
	return a->ifindex == b->ifindex && !strcmp(a->name, b->name) && a->kind == b->kind &&
	       a->vlan == b->vlan && a->lower == b->lower && a->lower_netnsid == b->lower_netnsid &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->up == b->up;
}

static int put_link(struct bg_link_watch *watch, const struct bg_link *link)
{
	size_t place = place_of(watch, link->ifindex);

	if (place < watch->count && watch->links[place].ifindex == link->ifindex) {
		if (same_link(&watch->links[place], link))
			return 0;
	} else {
		if (watch->count == watch->capacity) {
			size_t capacity = watch->capacity * 2 + 64;
			struct bg_link *larger = realloc(watch->links, capacity * sizeof(*larger));

			if (!larger)
				return -ENOMEM;
			watch->links = larger;
			watch->capacity = capacity;
		}
		memmove(&watch->links[place + 1], &watch->links[place],
			(watch->count - place) * sizeof(*link));
		watch->count++;
	}
	watch->links[place] = *link;
	watch->changed |= BG_LINKS_CHANGED;
	return 0;
}

static void remove_link(struct bg_link_watch *watch, __u32 ifindex)
{
	size_t place = place_of(watch, ifindex);

	if (place == watch->count || watch->links[place].ifindex != ifindex)
		return;
	watch->count--;
	memmove(&watch->links[place], &watch->links[place + 1],
		(watch->count - place) * sizeof(*watch->links));
	watch->changed |= BG_LINKS_CHANGED;
}

static int take_in(const struct nlmsghdr *message, void *context)
{
	struct bg_link_watch *watch = context;
	struct bg_default_route route;
	struct bg_neighbour neighbour;
	struct bg_link link;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		if (bg_link_parse(message, &link) && put_link(watch, &link))
			return MNL_CB_ERROR;
		break;
	case RTM_DELLINK:
		/* the bridge family says so too when a port leaves a bridge */
		if (bg_link_parse(message, &link))
			remove_link(watch, link.ifindex);
		break;
	case RTM_NEWNEIGH:
		if (watch->on_neighbour && bg_neighbour_parse(message, &neighbour))
			watch->on_neighbour(&neighbour, watch->context);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (bg_default_route_parse(message, &route))
			watch->changed |= BG_ROUTES_CHANGED;
		break;
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		watch->changed |= BG_FILTERS_CHANGED;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static int read_table(struct bg_link_watch *watch, struct bg_error *err)
{
	struct rtgenmsg family = { .rtgen_family = AF_UNSPEC };
	int rc, tries = 0;

	watch->changed |= BG_LINKS_CHANGED | BG_FILTERS_CHANGED | BG_ROUTES_CHANGED;
	do {
		watch->count = 0;
		rc = bg_link_ask(&watch->query, RTM_GETLINK, NLM_F_DUMP, &family, sizeof(family),
				 NULL, take_in, watch);
	} while (rc == -EINTR && ++tries < BG_DUMP_TRIES);
	return rc ? bg_fail(err, rc, "netlink: listing the interfaces: %s", strerror(-rc)) : 0;
}

static void close_at(struct bg_link_watch **watch)
{
	bg_link_watch_close(*watch);
}

int bg_link_watch_open(struct bg_link_watch **out, struct bg_error *err)
{
	static const int groups[] = { RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_TC, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV6_ROUTE };
	bg_cleanup(close_at) struct bg_link_watch *watch = NULL;
	int bytes = EVENT_BUFFER_BYTES, rc;

	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return bg_fail(err, -ENOMEM, "out of memory");
	rc = bg_link_query_open(&watch->query);
	if (rc)
		return bg_fail(err, rc, "netlink: opening a socket: %s", strerror(-rc));
	watch->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!watch->events || mnl_socket_bind(watch->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return bg_fail(err, -errno, "netlink: opening a socket: %s", strerror(errno));
	setsockopt(mnl_socket_get_fd(watch->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		   sizeof(bytes));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(watch->events, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return bg_fail(err, -errno, "netlink: subscribing to group %d: %s", group,
				       strerror(errno));
	}
	rc = read_table(watch, err);
	if (rc)
		return rc;
	*out = bg_take_ptr(watch);
	return 0;
}

void bg_link_watch_close(struct bg_link_watch *watch)
{
	if (!watch)
		return;
	if (watch->events)
		mnl_socket_close(watch->events);
	bg_link_query_close(&watch->query);
	free(watch->links);
	free(watch);
}

int bg_link_watch_fd(const struct bg_link_watch *watch)
{
	return mnl_socket_get_fd(watch->events);
}

int bg_link_watch_read(struct bg_link_watch *watch,
		       void (*on_neighbour)(const struct bg_neighbour *neighbour, void *context),
		       void *context, unsigned int *changed, struct bg_error *err)
{
	bool lost = false;
	int rc = 0;

	watch->on_neighbour = on_neighbour;
	watch->context = context;
	watch->changed = 0;
	for (;;) {
		ssize_t length = mnl_socket_recvfrom(watch->events, watch->query.buffer,
						     sizeof(watch->query.buffer));

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			lost = true;
			continue;
		}
		if (length < 0 && errno != EAGAIN)
			rc = bg_fail(err, -errno, "netlink: receiving: %s", strerror(errno));
		if (length <= 0)
			break;
		if (mnl_cb_run(watch->query.buffer, length, 0, 0, take_in, watch) < MNL_CB_STOP)
			lost = true;
	}
	if (lost && !rc)
		rc = read_table(watch, err);
	watch->on_neighbour = NULL;
	*changed = watch->changed;
	return rc;
}

const struct bg_link *bg_links(const struct bg_link_watch *watch, size_t *count)
{
	*count = watch->count;
	return watch->links;
}

const struct bg_link *bg_link_by_name(const struct bg_link_watch *watch, const char *name)
{
	for (size_t i = 0; *name && i < watch->count; i++)
		if (!strcmp(watch->links[i].name, name))
			return &watch->links[i];
	return NULL;
}

const struct bg_link *bg_link_by_index(const struct bg_link_watch *watch, __u32 ifindex)
{
	size_t place = place_of(watch, ifindex);

	if (place == watch->count || watch->links[place].ifindex != ifindex)
		return NULL;
	return &watch->links[place];
}

int bg_link_peer_mac(struct bg_link_watch *watch, const struct bg_link *link,
		     const struct bg_addr *address, __u8 mac[6])
{
	if (link->kind == BG_LINK_VETH && !bg_link_ask_peer(&watch->query, link, mac))
		return 0;
	return bg_link_ask_neighbour(&watch->query, link->ifindex, address, mac);
}

struct route_list {
	struct bg_default_route *routes;
	size_t count, capacity;
};

static int take_route(const struct nlmsghdr *message, void *context)
{
	struct route_list *list = context;
	struct bg_default_route route;

	if (message->nlmsg_type != RTM_NEWROUTE || !bg_default_route_parse(message, &route))
		return MNL_CB_OK;
	if (list->count == list->capacity) {
		size_t capacity = list->capacity * 2 + 64;
		struct bg_default_route *larger = realloc(list->routes, capacity * sizeof(*larger));

		if (!larger)
			return MNL_CB_ERROR;
		list->routes = larger;
		list->capacity = capacity;
	}
	list->routes[list->count++] = route;
	return MNL_CB_OK;
}

int bg_link_default_routes(struct bg_link_watch *watch, int family,
			   struct bg_default_route **routes, size_t *count)
{
	struct route_list list = {};
	int rc, tries = 0;

	do {
		list.count = 0;
		rc = bg_link_ask_default_routes(&watch->query, family, take_route, &list);
	} while (rc == -EINTR && ++tries < BG_DUMP_TRIES);
	if (rc) {
		free(list.routes);
		return rc;
	}
	*routes = list.routes;
	*count = list.count;
	return 0;
}

int bg_link_filters(struct bg_link_watch *watch, __u32 ifindex, struct bg_filters *filters)
{
	return bg_link_ask_filters(&watch->query, ifindex, filters);
}
