// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the routes as the CNI writes them: a table for each branch. ifaces.c calls it
 * in every sync; it never changes a route.
 */
#include "guard/routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/ip.h"
#include "branchguard.skel.h"
#include "guard/plan.h"
#include "maps.h"

struct routes {
	struct bg_default_route *route;
	size_t count;
};

static void free_routes(struct routes *routes)
{
	free(routes->route);
}

/* The route of least metric in a table; `ifindex` 0: by any interface. */
static const struct bg_default_route *best_route(const struct routes *routes, __u32 table,
						 __u32 ifindex)
{
	const struct bg_default_route *best = NULL;

	for (size_t i = 0; i < routes->count; i++) {
		const struct bg_default_route *route = &routes->route[i];

		/* of a branch's way the gateway must be known */
		if (route->table == table &&
		    (!ifindex || (route->ifindex == ifindex && !route->has_several_hops)) &&
		    (!best || route->metric < best->metric))
			best = route;
	}
	return best;
}

static void describe_gateway(const struct bg_addr *gateway, char *text)
{
	static const struct bg_addr none;
	char address[BG_IP_TEXT];

	if (memcmp(gateway, &none, sizeof(none)) != 0)
		snprintf(text, BG_ADDR_BYTES, "%s", bg_addr_format(gateway, address));
}

/* Whatever is in `fast_routes` is in `routes`: that is written first, and cleared last. */
static int set_route(const struct bg_datapath *datapath, __u32 vlan, const char *interface,
		     const struct bg_route *wanted, struct bg_error *err)
{
	const struct bpf_map *fast = datapath->skel->maps.fast_routes;
	const struct bpf_map *map = datapath->skel->maps.routes;
	struct bg_route_info info = {}, known = {};
	struct bg_route there = {};
	int rc = 0;

	snprintf(info.interface, sizeof(info.interface), "%s", interface);
	describe_gateway(&wanted->gateway4, info.gateway4);
	describe_gateway(&wanted->gateway6, info.gateway6);
	bpf_map_lookup_elem(bpf_map__fd(map), &vlan, &known);
	if (memcmp(&known, &info, sizeof(info)) != 0)
		rc = bg_map_set(map, &vlan, &info, err);
	if (rc)
		return rc;
	bpf_map_lookup_elem(bpf_map__fd(fast), &vlan, &there);
	return memcmp(&there, wanted, sizeof(there)) != 0 ? bg_map_set(fast, &vlan, wanted, err)
							  : 0;
}

static int clear_other_routes(const struct bg_datapath *datapath, const bool used[BG_VLANS],
			      struct bg_error *err)
{
	int fd = bpf_map__fd(datapath->skel->maps.routes);
	static const struct bg_route none;
	__u32 vlan, next;
	bool more;

	more = !bpf_map_get_next_key(fd, NULL, &next);
	while (more) {
		int rc = 0;

		vlan = next;
		/* the next key is taken before this entry goes, or else the walk starts over */
		more = !bpf_map_get_next_key(fd, &vlan, &next);
		if (vlan < BG_VLANS && used[vlan])
			continue;
		if (vlan < BG_VLANS)
			rc = bg_map_set(datapath->skel->maps.fast_routes, &vlan, &none, err);
		if (rc)
			return rc;
		bpf_map_delete_elem(fd, &vlan);
	}
	return 0;
}

static int sync_branch_routes(const struct bg_datapath *datapath, const struct bg_model *model,
			      const struct bg_netdevs *netdevs, const struct routes *v4,
			      const struct routes *v6, struct bg_error *err)
{
	bool used[BG_VLANS] = {};

	for (size_t i = 0; model && i < model->branch_count; i++) {
		__u32 vlan = model->branches[i].vlan, table = vlan + BG_BRANCH_TABLE_BASE;
		const struct bg_netdev *netdev =
			bg_netdev_by_name(netdevs, model->branches[i].interface);
		const struct bg_default_route *route;
		struct bg_route wanted = {};
		int rc;

		if (!netdev)
			continue;
		route = best_route(v4, table, netdev->ifindex);
		if (route)
			wanted.gateway4 = route->gateway;
		wanted.ifindex = route ? netdev->ifindex : 0;
		route = best_route(v6, table, netdev->ifindex);
		if (route) {
			wanted.gateway6 = route->gateway;
			wanted.ifindex = netdev->ifindex;
		}
		if (!wanted.ifindex)
			continue;
		rc = set_route(datapath, vlan, netdev->name, &wanted, err);
		if (rc)
			return rc;
		used[vlan] = true;
	}
	return clear_other_routes(datapath, used, err);
}

/* Nobody has the role now, as while a default route is made anew: who had it keeps it, as it
 * keeps its programs. */
static const struct bg_netdev *who_had_it(const struct bg_netdevs *netdevs,
					  const struct bg_host *there)
{
	const struct bg_netdev *netdev = bg_netdev_by_index(netdevs, there->primary_ifindex);

	return netdev && !strcmp(netdev->name, there->primary_interface) ? netdev : NULL;
}

/* The node's primary interface: probes come from there, and their replies go there. */
static int sync_node(const struct bg_datapath *datapath, const struct bg_model *model,
		     const struct bg_netdevs *netdevs, __u32 primary, struct bg_error *err)
{
	const struct bpf_map *map = datapath->skel->maps.node;
	struct bg_host host = {}, there = {};
	const struct bg_netdev *netdev;
	__u32 zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(map), &zero, &there);
	netdev = bg_plan_primary(model, netdevs, primary) ?: who_had_it(netdevs, &there);
	if (netdev) {
		host.primary_ifindex = netdev->ifindex;
		memcpy(host.primary_mac, netdev->mac, sizeof(host.primary_mac));
		snprintf(host.primary_interface, sizeof(host.primary_interface), "%s",
			 netdev->name);
		bg_format_mac(host.primary_mac, host.primary_mac_text);
	}
	return memcmp(&host, &there, sizeof(host)) != 0 ? bg_map_set(map, &zero, &host, err) : 0;
}

int bg_routes_sync(const struct bg_datapath *datapath, const struct bg_model *model,
		   struct bg_netdevs *netdevs, __u32 *primary, struct bg_error *err)
{
	bg_cleanup(free_routes) struct routes v4 = {}, v6 = {};
	const struct bg_default_route *route;
	int rc;

	rc = bg_netdevs_default_routes(netdevs, AF_INET, &v4.route, &v4.count);
	if (!rc)
		rc = bg_netdevs_default_routes(netdevs, AF_INET6, &v6.route, &v6.count);
	if (rc && rc != -EAFNOSUPPORT && rc != -EOPNOTSUPP)
		return bg_fail(err, rc, "netlink: listing the default routes: %s", strerror(-rc));
	route = best_route(&v4, RT_TABLE_MAIN, 0);
	if (!route)
		route = best_route(&v6, RT_TABLE_MAIN, 0);
	*primary = route ? route->ifindex : 0;
	rc = sync_node(datapath, model, netdevs, *primary, err);
	return rc ? rc : sync_branch_routes(datapath, model, netdevs, &v4, &v6, err);
}
