/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The interfaces of this network namespace (netdevs), kept up to date by netlink, and
 * the few questions about them that only the kernel can answer.
 */
#ifndef BG_GUARD_NETDEVS_H
#define BG_GUARD_NETDEVS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "types.h"

enum bg_netdev_kind { BG_NETDEV_OTHER, BG_NETDEV_VLAN, BG_NETDEV_VETH };

struct bg_netdev {
	__u32 ifindex;
	__u32 life; /* another number whenever this may be another interface than before */
	char name[16];
	enum bg_netdev_kind kind;
	__u16 vlan;	   /* id, of a BG_NETDEV_VLAN */
	__u32 lower;	   /* ifindex of its parent or peer, 0 = none */
	int lower_netnsid; /* where that is, -1 = here */
	__u8 mac[6];	   /* all 0 = none */
	bool up;	   /* administratively */
	bool loopback;
};

/* A neighbour whose link-layer address is known. */
struct bg_neighbour {
	__u32 ifindex;
	struct bg_addr address;
	__u8 mac[6];
	bool permanent; /* somebody has said so; the kernel does not ask */
};

/* A default route; the gateway is all 0 when the route has none. */
struct bg_default_route {
	__u32 table;
	__u32 ifindex;
	__u32 metric;
	bool has_several_hops; /* ifindex is that of the first */
	struct bg_addr gateway;
};

/* A rule `from ADDRESS lookup TABLE` of the priority that the CNI's have. */
struct bg_routing_rule {
	__u32 table;
	struct bg_addr from;
};

/* A route of the main table to one address. */
struct bg_host_route {
	__u32 ifindex;
	struct bg_addr to;
};

/* What routes standard pods. */
struct bg_routing {
	struct bg_routing_rule *rules; /* of a family, in the order in which the kernel asks them */
	size_t rule_count;
	struct bg_default_route *defaults; /* of all tables */
	size_t default_count;
	struct bg_host_route *hosts;
	size_t host_count;
};

struct bg_netdevs;

enum bg_netdevs_change {
	BG_NETDEVS_CHANGED = 1 << 0, /* something in the table */
	BG_FILTERS_CHANGED = 1 << 1, /* somebody changed a qdisc or a filter */
	BG_ROUTES_CHANGED = 1 << 2,  /* a default route of some table, or one to an address */
	BG_RULES_CHANGED = 1 << 3,   /* a rule for a pod, which the CNI writes last */
};

/* Subscribes first and reads the table then, so that no change is missed. */
int bg_netdevs_open(struct bg_netdevs **netdevs, struct bg_error *err);
void bg_netdevs_close(struct bg_netdevs *netdevs); /* NULL is fine */
BG_CLEANUP_OF(bg_netdevs_close, struct bg_netdevs)
int bg_netdevs_fd(const struct bg_netdevs *netdevs);

/*
 * Takes in what is pending, without waiting, and no more than some thousand messages; *changed is a set of
 * enum bg_netdevs_change. When the kernel had to drop messages the whole table is
 * listed again; until that has succeeded the table is as it was last known, and
 * incomplete: call again soon. `on_neighbour` may be NULL.
 */
int bg_netdevs_read(struct bg_netdevs *netdevs,
		    void (*on_neighbour)(const struct bg_neighbour *neighbour, void *context),
		    void *context, unsigned int *changed, struct bg_error *err);

bool bg_netdevs_incomplete(const struct bg_netdevs *netdevs);

/* Valid until the next read; sorted by ifindex. */
const struct bg_netdev *bg_netdevs_list(const struct bg_netdevs *netdevs, size_t *count);
const struct bg_netdev *bg_netdev_by_name(const struct bg_netdevs *netdevs, const char *name);
const struct bg_netdev *bg_netdev_by_index(const struct bg_netdevs *netdevs, __u32 ifindex);

/*
 * Link-layer address of the far end: of a veth the peer's, wherever it is; else
 * what the neighbour table says of `address`. -ENOENT: not known.
 */
int bg_netdev_peer_mac(struct bg_netdevs *netdevs, const struct bg_netdev *netdev,
		       const struct bg_addr *address, __u8 mac[6]);

/* What the neighbour table says of `address`. -ENOENT: nothing. */
int bg_netdev_neighbour(struct bg_netdevs *netdevs, __u32 ifindex, const struct bg_addr *address,
			struct bg_neighbour *neighbour);
/*
 * Has the kernel look after it as if a packet were sent there: who is not known is asked
 * for, who has not been heard of for a while as well. What comes of it, bg_netdevs_read()
 * tells. Not for a permanent one, which would be none any more.
 */
int bg_netdev_use_neighbour(struct bg_netdevs *netdevs, __u32 ifindex,
			    const struct bg_addr *address);

/* The default routes of all tables (254 is main); the caller frees *routes. */
int bg_netdevs_default_routes(struct bg_netdevs *netdevs, int family,
			      struct bg_default_route **routes, size_t *count);

/* Routes are in it only where rules are; the caller releases it with bg_routing_free(). */
int bg_netdevs_routing(struct bg_netdevs *netdevs, struct bg_routing *routing);
void bg_routing_free(struct bg_routing *routing);

/*
 * The route that the rules and tables find now for what comes in by an interface from an
 * address, and goes to one far away. ifindex 0: by none, or by several. -ENODEV: there is
 * no such interface.
 */
struct bg_found_route {
	__u32 table; /* 254 is main */
	__u32 ifindex;
};
int bg_netdev_find_route(struct bg_netdevs *netdevs, __u32 ifindex, const struct bg_addr *from,
			 struct bg_found_route *route);

/* The filters of an interface's clsact qdisc; all 0 when it has none. */
struct bg_filters {
	int count;	     /* on both hooks */
	__u32 first_ingress; /* handle of the one that is asked first */
	__u32 first_egress;
	__u32 numbers; /* a bit for each bg_filter_number() that one has, whosever it is */
};

int bg_netdev_filters(struct bg_netdevs *netdevs, __u32 ifindex, struct bg_filters *filters);

#endif
