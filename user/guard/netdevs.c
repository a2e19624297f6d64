// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of interfaces: one dump, then each change. The daemon's loop reads it, the
 * other files of the room look things up in it; it never changes an interface.
 */
#include "guard/netdevs.h"

#include <errno.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/dict.h"
#include "base/grow.h"
#include "guard/netlink.h"

/* Bursts (hundreds of pods at once) must fit, or else each causes a full dump. */
#define EVENT_BUFFER_BYTES (4 << 20)

/* What bg_netdevs_read() takes in at most before others get their turn. */
#define MESSAGES_A_TURN 4096

struct table {
	struct bg_netdev *netdev; /* sorted by ifindex */
	size_t count;
	struct bg_dict
		by_name; /* → index in netdev; empty while the table changes, or when memory is short */
};

struct bg_netdevs {
	struct mnl_socket *events;
	struct bg_netlink netlink;
	struct table table;
	__u32 lives;	 /* numbers given so far */
	bool incomplete; /* changes were lost, and the table was not yet listed again */
	/* during bg_netdevs_read() */
	void (*on_neighbour)(const struct bg_neighbour *neighbour, void *context);
	void *context;
	unsigned int changed;
};

static void release_table(struct table *table)
{
	bg_dict_release(&table->by_name);
	free(table->netdev);
}

static void index_names(struct table *table)
{
	bg_dict_release(&table->by_name);
	for (size_t i = 0; i < table->count; i++) {
		const char *name = table->netdev[i].name;

		if (bg_dict_put(&table->by_name, name, strlen(name), i, NULL))
			continue;
		bg_dict_release(&table->by_name);
		return;
	}
}

/* The place of this ifindex in the table, or where it would be put in. */
static size_t place_of(const struct table *table, __u32 ifindex)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table->netdev[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool same_netdev(const struct bg_netdev *a, const struct bg_netdev *b)
{
	return a->ifindex == b->ifindex && !strcmp(a->name, b->name) && a->kind == b->kind &&
	       a->vlan == b->vlan && a->lower == b->lower && a->lower_netnsid == b->lower_netnsid &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->up == b->up;
}

/*
 * 1: the table is another one now, 0: it is not; -ENOMEM. Who was known lives on: the kernel
 * tells of each end.
 */
static int put_netdev(struct table *table, const struct bg_netdev *netdev)
{
	size_t place = place_of(table, netdev->ifindex);
	bool known = place < table->count && table->netdev[place].ifindex == netdev->ifindex;
	__u32 life = known ? table->netdev[place].life : netdev->life;

	if (known && same_netdev(&table->netdev[place], netdev))
		return 0;
	bg_dict_release(&table->by_name);
	if (!known) {
		if (!BG_GROW(table->netdev, table->count))
			return -ENOMEM;
		memmove(&table->netdev[place + 1], &table->netdev[place],
			(table->count - 1 - place) * sizeof(*netdev));
	}
	table->netdev[place] = *netdev;
	table->netdev[place].life = life;
	return 1;
}

static bool remove_netdev(struct table *table, __u32 ifindex)
{
	size_t place = place_of(table, ifindex);

	if (place == table->count || table->netdev[place].ifindex != ifindex)
		return false;
	bg_dict_release(&table->by_name);
	table->count--;
	memmove(&table->netdev[place], &table->netdev[place + 1],
		(table->count - place) * sizeof(*table->netdev));
	return true;
}

static int take_in(const struct nlmsghdr *message, void *context)
{
	struct bg_netdevs *netdevs = context;
	struct bg_default_route route;
	struct bg_neighbour neighbour;
	struct bg_routing_rule rule;
	struct bg_host_route host;
	struct bg_netdev netdev;
	int changed;

	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		if (!bg_netdev_parse(message, &netdev))
			break;
		netdev.life = ++netdevs->lives;
		changed = put_netdev(&netdevs->table, &netdev);
		if (changed < 0)
			return MNL_CB_ERROR;
		if (changed)
			netdevs->changed |= BG_NETDEVS_CHANGED;
		break;
	case RTM_DELLINK:
		/* when a port leaves a bridge, the bridge family sends one too: not parsed */
		if (bg_netdev_parse(message, &netdev) &&
		    remove_netdev(&netdevs->table, netdev.ifindex))
			netdevs->changed |= BG_NETDEVS_CHANGED;
		break;
	case RTM_NEWNEIGH:
		if (netdevs->on_neighbour && bg_neighbour_parse(message, &neighbour))
			netdevs->on_neighbour(&neighbour, netdevs->context);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		if (bg_default_route_parse(message, &route) || bg_host_route_parse(message, &host))
			netdevs->changed |= BG_ROUTES_CHANGED;
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		if (bg_routing_rule_parse(message, &rule))
			netdevs->changed |= BG_RULES_CHANGED;
		break;
	case RTM_NEWQDISC:
	case RTM_DELQDISC:
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
		netdevs->changed |= BG_FILTERS_CHANGED;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static void forget_table(void *context)
{
	struct table *table = context;

	table->count = 0;
}

static int take_listed(const struct nlmsghdr *message, void *context)
{
	struct bg_netdev netdev;

	if (message->nlmsg_type == RTM_NEWLINK && bg_netdev_parse(message, &netdev) &&
	    put_netdev(context, &netdev) < 0) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

/* Ends were lost, too: who is as he was, but for his name, is surely not another one. */
static bool is_same_one(const struct bg_netdev *before, const struct bg_netdev *netdev)
{
	static const __u8 none[sizeof(before->mac)];

	return before->kind == netdev->kind && before->vlan == netdev->vlan &&
	       before->lower == netdev->lower && before->lower_netnsid == netdev->lower_netnsid &&
	       !memcmp(before->mac, netdev->mac, sizeof(before->mac)) &&
	       (memcmp(before->mac, none, sizeof(none)) != 0 ||
		!strcmp(before->name, netdev->name));
}

static void number_listed(struct bg_netdevs *netdevs, struct table *listed)
{
	for (size_t i = 0; i < listed->count; i++) {
		struct bg_netdev *netdev = &listed->netdev[i];
		const struct bg_netdev *before = bg_netdev_by_index(netdevs, netdev->ifindex);

		netdev->life = before && is_same_one(before, netdev) ? before->life
								     : ++netdevs->lives;
	}
}

/* The new table is made aside, and takes the old one's place when it is whole. */
static int read_table(struct bg_netdevs *netdevs, struct bg_error *err)
{
	struct rtgenmsg family = { .rtgen_family = AF_UNSPEC };
	struct table listed = {};
	int rc;

	rc = bg_netlink_dump(&netdevs->netlink, RTM_GETLINK, &family, sizeof(family), forget_table,
			     take_listed, &listed);
	if (rc) {
		release_table(&listed);
		return bg_fail(err, rc, "netlink: listing the interfaces: %s", strerror(-rc));
	}
	number_listed(netdevs, &listed);
	release_table(&netdevs->table);
	netdevs->table = listed;
	netdevs->incomplete = false;
	netdevs->changed |= BG_NETDEVS_CHANGED | BG_FILTERS_CHANGED | BG_ROUTES_CHANGED;
	return 0;
}

int bg_netdevs_open(struct bg_netdevs **out, struct bg_error *err)
{
	static const int groups[] = { RTNLGRP_LINK,	  RTNLGRP_NEIGH,      RTNLGRP_TC,
				      RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
				      RTNLGRP_IPV6_RULE };
	bg_cleanup(bg_netdevs_close_at) struct bg_netdevs *netdevs = NULL;
	int bytes = EVENT_BUFFER_BYTES, rc;

	netdevs = calloc(1, sizeof(*netdevs));
	if (!netdevs)
		return bg_no_memory(err, "netlink: listing the interfaces");
	netdevs->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!netdevs->events || mnl_socket_bind(netdevs->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return bg_fail(err, -errno, "netlink: opening a socket: %s", strerror(errno));
	setsockopt(mnl_socket_get_fd(netdevs->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		   sizeof(bytes));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(netdevs->events, NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			return bg_fail(err, -errno, "netlink: subscribing to group %d: %s", group,
				       strerror(errno));
	}
	rc = read_table(netdevs, err);
	if (rc)
		return rc;
	index_names(&netdevs->table);
	*out = bg_take_ptr(netdevs);
	return 0;
}

void bg_netdevs_close(struct bg_netdevs *netdevs)
{
	if (!netdevs)
		return;
	if (netdevs->events)
		mnl_socket_close(netdevs->events);
	release_table(&netdevs->table);
	free(netdevs);
}

int bg_netdevs_fd(const struct bg_netdevs *netdevs)
{
	return mnl_socket_get_fd(netdevs->events);
}

int bg_netdevs_read(struct bg_netdevs *netdevs,
		    void (*on_neighbour)(const struct bg_neighbour *neighbour, void *context),
		    void *context, unsigned int *changed, struct bg_error *err)
{
	bool drained = false;
	int rc = 0;

	netdevs->on_neighbour = on_neighbour;
	netdevs->context = context;
	netdevs->changed = 0;
	/* others may bring about messages faster than they are read */
	for (int i = 0; i < MESSAGES_A_TURN; i++) {
		ssize_t length = mnl_socket_recvfrom(netdevs->events, netdevs->netlink.buffer,
						     sizeof(netdevs->netlink.buffer));

		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			netdevs->incomplete = true;
			continue;
		}
		/* whatever the error is, a change may be lost with it */
		if (length < 0 && errno != EAGAIN)
			netdevs->incomplete = true;
		drained = length <= 0;
		if (drained)
			break;
		if (!bg_netlink_is_whole(netdevs->netlink.buffer, length) ||
		    mnl_cb_run(netdevs->netlink.buffer, length, 0, 0, take_in, netdevs) <
			    MNL_CB_STOP)
			netdevs->incomplete = true;
	}
	/* what is still to be read is older than a list made now */
	if (netdevs->incomplete && drained)
		rc = read_table(netdevs, err);
	if (netdevs->changed & BG_NETDEVS_CHANGED)
		index_names(&netdevs->table);
	netdevs->on_neighbour = NULL;
	*changed = netdevs->changed;
	return rc;
}

bool bg_netdevs_incomplete(const struct bg_netdevs *netdevs)
{
	return netdevs->incomplete;
}

const struct bg_netdev *bg_netdevs_list(const struct bg_netdevs *netdevs, size_t *count)
{
	*count = netdevs->table.count;
	return netdevs->table.netdev;
}

const struct bg_netdev *bg_netdev_by_name(const struct bg_netdevs *netdevs, const char *name)
{
	const struct table *table = &netdevs->table;
	const size_t *found = bg_dict_find(&table->by_name, name, strlen(name));

	if (found)
		return &table->netdev[*found];
	for (size_t i = 0; *name && !table->by_name.count && i < table->count; i++)
		if (!strcmp(table->netdev[i].name, name))
			return &table->netdev[i];
	return NULL;
}

const struct bg_netdev *bg_netdev_by_index(const struct bg_netdevs *netdevs, __u32 ifindex)
{
	const struct table *table = &netdevs->table;
	size_t place = place_of(table, ifindex);

	if (place == table->count || table->netdev[place].ifindex != ifindex)
		return NULL;
	return &table->netdev[place];
}

int bg_netdev_peer_mac(struct bg_netdevs *netdevs, const struct bg_netdev *netdev,
		       const struct bg_addr *address, __u8 mac[6])
{
	struct bg_neighbour neighbour;
	int rc;

	if (netdev->kind == BG_NETDEV_VETH && !bg_netlink_ask_peer(&netdevs->netlink, netdev, mac))
		return 0;
	rc = bg_netdev_neighbour(netdevs, netdev->ifindex, address, &neighbour);
	if (!rc)
		memcpy(mac, neighbour.mac, sizeof(neighbour.mac));
	return rc;
}

int bg_netdev_neighbour(struct bg_netdevs *netdevs, __u32 ifindex, const struct bg_addr *address,
			struct bg_neighbour *neighbour)
{
	return bg_netlink_ask_neighbour(&netdevs->netlink, ifindex, address, neighbour);
}

int bg_netdev_use_neighbour(struct bg_netdevs *netdevs, __u32 ifindex,
			    const struct bg_addr *address)
{
	return bg_netlink_use_neighbour(&netdevs->netlink, ifindex, address);
}

int bg_netdevs_default_routes(struct bg_netdevs *netdevs, int family,
			      struct bg_default_route **routes, size_t *count)
{
	return bg_netlink_list_default_routes(&netdevs->netlink, family, routes, count);
}

int bg_netdevs_routing(struct bg_netdevs *netdevs, struct bg_routing *routing)
{
	return bg_netlink_list_routing(&netdevs->netlink, routing);
}

int bg_netdev_find_route(struct bg_netdevs *netdevs, __u32 ifindex, const struct bg_addr *from,
			 struct bg_found_route *route)
{
	return bg_netlink_ask_route(&netdevs->netlink, ifindex, from, route);
}

int bg_netdev_filters(struct bg_netdevs *netdevs, __u32 ifindex, struct bg_filters *filters)
{
	return bg_netlink_ask_filters(&netdevs->netlink, ifindex, filters);
}
