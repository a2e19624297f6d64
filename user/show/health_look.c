// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What health has to know beside the pins: whether programs of others come before ours, and
 * whether there are interfaces by which packets get past them. It reads netlink and hooks,
 * and changes nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/ip.h"
#include "datapath/order.h"
#include "datapath/tcx.h"
#include "guard/plan.h"
#include "show/health.h"

int bg_look_add(struct bg_look *look, enum bg_concern concern, enum bg_health_level level,
		const char *format, ...)
{
	struct bg_finding *finding = BG_GROW(look->findings, look->finding_count);
	va_list args;

	if (!finding)
		return -ENOMEM;
	finding->concern = concern;
	finding->level = level;
	va_start(args, format);
	vsnprintf(finding->text, sizeof(finding->text), format, args);
	va_end(args);
	return 0;
}

/* --- who comes first ------------------------------------------------------- */

static bool is_ours(const struct bg_status *status, const struct bg_hook_status *at, __u32 prog_id)
{
	for (size_t i = 0; i < status->hook_count; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];

		if (hook->ifindex == at->ifindex && !strcmp(hook->where, at->where) &&
		    hook->prog_id == prog_id)
			return true;
	}
	return false;
}

/* 1: a program of somebody else is asked before this one. */
static int is_behind(const struct bg_status *status, const struct bg_hook_status *hook,
		     struct bg_netdevs *table)
{
	const bool ingress = !strcmp(hook->where, "ingress");
	struct bg_filters filters = {};
	__u32 ids[BG_TCX_MOST];
	int count, rc;

	count = bg_tcx_programs(hook->ifindex, ingress ? BG_HOOK_INGRESS : BG_HOOK_EGRESS, ids);
	if (count < 0)
		return count;
	if (!strcmp(hook->by, "tcx"))
		return count && !is_ours(status, hook, ids[0]);
	if (count)
		return 1; /* all of tcx comes before all filters */
	rc = bg_netdev_filters(table, hook->ifindex, &filters);
	if (rc)
		return rc;
	return !bg_is_our_handle(ingress ? filters.first_ingress : filters.first_egress);
}

static int look_at_hooks(const struct bg_status *status, struct bg_look *look, struct bg_error *err)
{
	for (size_t i = 0; i < status->hook_count; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];
		int rc;

		if (!hook->interface[0] || !strcmp(hook->by, "xdp"))
			continue;
		rc = is_behind(status, hook, look->table);
		if (rc < 0 && rc != -ENODEV)
			return bg_fail(err, rc, "asking what runs at %s of %s: %s", hook->where,
				       hook->interface, strerror(-rc));
		if (rc > 0 &&
		    bg_look_add(look, BG_CONCERN_ATTACHMENT, BG_HEALTH_NOT_ENFORCING,
				"a program of somebody else comes before %s of %s: what it lets "
				"pass is not judged",
				hook->program, hook->interface))
			return bg_no_memory(err, "looking at the hooks");
	}
	return 0;
}

/* --- interfaces ------------------------------------------------------------ */

static const struct bg_netdev *netdev_of(const struct bg_look *look, __u32 ifindex)
{
	for (size_t i = 0; i < look->netdev_count; i++)
		if (look->netdevs[i].ifindex == ifindex)
			return &look->netdevs[i];
	return NULL;
}

static bool is_known(const struct bg_status *status, __u32 ifindex)
{
	for (size_t i = 0; i < status->iface_count; i++)
		if (status->ifaces[i].ifindex == ifindex)
			return true;
	return false;
}

static const struct bg_branch_status *branch_called(const struct bg_status *status,
						    const char *interface)
{
	for (size_t i = 0; i < status->branch_count; i++)
		if (!strcmp(status->branches[i].row.info.interface, interface))
			return &status->branches[i];
	return NULL;
}

/*
 * A branch is open until it is armed. A strict pod's veth that the feed does not name is
 * judged at its branch alone; without a daemon that follows the feed, nobody can say
 * whether that names it.
 */
static int look_at_strangers(const struct bg_status *status, struct bg_look *look)
{
	const bool followed = status->daemon_runs && !bg_daemon_unheard_ns(status);
	int rc = 0;

	for (size_t i = 0; i < look->netdev_count && !rc; i++) {
		const struct bg_netdev *netdev = &look->netdevs[i];
		enum bg_mode mode;

		if (is_known(status, netdev->ifindex) || netdev->loopback)
			continue;
		if (branch_called(status, netdev->name) || bg_branch_name_vlan(netdev->name))
			rc = bg_look_add(look, BG_CONCERN_INTERFACES, BG_HEALTH_NOT_ENFORCING,
					 "%s is a branch, and is NOT guarded", netdev->name);
		else if (bg_pod_name_mode(netdev->name, &mode) && mode == BG_STRICT)
			rc = bg_look_add(look, BG_CONCERN_INTERFACES,
					 followed ? BG_HEALTH_DEGRADED : BG_HEALTH_NOT_ENFORCING,
					 "%s is a strict pod's, and is not guarded: %s",
					 netdev->name,
					 followed ? "the feed does not name it"
						  : "no daemon follows the interfaces");
	}
	return rc;
}

static const struct bg_branch_status *branch_of_vlan(const struct bg_status *status, __u32 vlan)
{
	for (size_t i = 0; i < status->branch_count; i++)
		if (status->branches[i].row.vlan == vlan)
			return &status->branches[i];
	return NULL;
}

static const char *name_of(const struct bg_look *look, __u32 ifindex)
{
	const struct bg_netdev *netdev = netdev_of(look, ifindex);

	return netdev ? netdev->name : "another interface";
}

/* Is it a strict pod, whose veth is there? */
static bool is_asked(const struct bg_status *status, const struct bg_look *look,
		     const struct bg_pod *pod)
{
	const struct bg_netdev *veth = netdev_of(look, pod->host_ifindex);

	if (!veth || !veth->up)
		return false;
	for (size_t i = 0; i < status->iface_count; i++)
		if (status->ifaces[i].ifindex == veth->ifindex)
			return status->ifaces[i].role == BG_ROLE_POD_STRICT;
	return false;
}

/* What comes from a strict pod by another way than its branch's is dropped as it leaves. */
static bool is_guarded_exit(const struct bg_status *status, __u32 ifindex)
{
	for (size_t i = 0; i < status->iface_count; i++)
		if (status->ifaces[i].ifindex == ifindex)
			return status->ifaces[i].role == BG_ROLE_PRIMARY ||
			       status->ifaces[i].role == BG_ROLE_TRUNK ||
			       status->ifaces[i].role == BG_ROLE_BRANCH;
	return false;
}

/*
 * A strict pod sends by its branch or not at all: a rule of the CNI leads there, and a table
 * with a default route. Where either lacks, what the node's stack would have to forward is
 * dropped, which is bad, but not open. The veth's program cannot see where rules lead IPv6
 * (bpf/README.md): that is dropped where it leaves, if anything of ours is there.
 */
static int look_at_route(const struct bg_status *status, const struct bg_branch_status *branch,
			 const struct bg_pod_row *row, const struct bg_found_route *route,
			 struct bg_look *look)
{
	const struct bg_netdev *netdev = netdev_of(look, branch->ifindex_now);
	const char *veth = name_of(look, row->pod.host_ifindex);
	const char *interface = netdev ? netdev->name : branch->row.info.interface;
	const bool is_v4 = bg_addr_is_v4(&row->address);
	const char *family = is_v4 ? "IPv4" : "IPv6";

	if (netdev && netdev->up && route->ifindex == netdev->ifindex)
		return 0;
	if (!is_v4 && route->ifindex && !is_guarded_exit(status, route->ifindex))
		return bg_look_add(
			look, BG_CONCERN_INTERFACES, BG_HEALTH_NOT_ENFORCING,
			"IPv6 of the pod at %s is led to %s (table %u), which is not "
			"guarded, and not to %s: what does not take the short way is NOT "
			"judged",
			veth, name_of(look, route->ifindex), route->table, interface);
	if (!netdev || !netdev->up)
		return bg_look_add(look, BG_CONCERN_INTERFACES, BG_HEALTH_DEGRADED,
				   "%s is %s: what its pod at %s sends is dropped (off-branch)",
				   interface, netdev ? "down" : "gone", veth);
	if (!route->ifindex)
		return bg_look_add(
			look, BG_CONCERN_INTERFACES, BG_HEALTH_DEGRADED,
			"no default route leads to %s for %s of its pod at %s: what does "
			"not take the short way is dropped (off-branch)",
			interface, family, veth);
	return bg_look_add(
		look, BG_CONCERN_INTERFACES, BG_HEALTH_DEGRADED,
		"%s of the pod at %s is led to %s (table %u) and not to %s: what does not "
		"take the short way is dropped (off-branch)",
		family, veth, name_of(look, route->ifindex), route->table, interface);
}

/* A pod has several addresses: of each family one says it; of a branch without an interface
 * that is up, one of all. */
static bool is_first(const struct bg_status *status, size_t index, bool of_its_family)
{
	const struct bg_pod_row *row = &status->pods[index];

	for (size_t i = 0; i < index; i++)
		if (status->pods[i].pod.host_ifindex == row->pod.host_ifindex &&
		    (!of_its_family ||
		     bg_addr_is_v4(&status->pods[i].address) == bg_addr_is_v4(&row->address)))
			return false;
	return true;
}

static int look_at_routes(const struct bg_status *status, struct bg_look *look)
{
	int rc = 0;

	for (size_t i = 0; i < status->pod_count && !rc; i++) {
		const struct bg_pod *pod = &status->pods[i].pod;
		const struct bg_branch_status *branch = branch_of_vlan(status, pod->vlan);
		const struct bg_netdev *netdev = branch ? netdev_of(look, branch->ifindex_now)
							: NULL;

		if (branch && is_asked(status, look, pod) &&
		    is_first(status, i, netdev && netdev->up))
			rc = look_at_route(status, branch, &status->pods[i], &look->routes[i],
					   look);
	}
	return rc;
}

/* A trunk that is the primary interface as well has the role of that one. */
static bool has_guard(const struct bg_status *status, __u32 ifindex)
{
	unsigned int directions = 0;

	for (size_t i = 0; i < status->hook_count; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];

		if (hook->ifindex == ifindex &&
		    !strcmp(hook->program, bg_program_code(BG_TC_TRUNK_INGRESS)))
			directions |= !strcmp(hook->where, "ingress") ? 1 : 2;
	}
	return directions == 3;
}

/* The second line: it stops the frames of a branch that is not armed yet. */
static int look_at_trunks(const struct bg_status *status, struct bg_look *look)
{
	__u32 last = 0;
	int rc = 0;

	for (size_t i = 0; i < look->netdev_count && !rc; i++) {
		const struct bg_netdev *netdev = &look->netdevs[i];
		const struct bg_netdev *trunk;

		if (netdev->kind != BG_NETDEV_VLAN || netdev->lower_netnsid >= 0 ||
		    netdev->lower == last || !is_known(status, netdev->ifindex))
			continue;
		last = netdev->lower;
		trunk = netdev_of(look, netdev->lower);
		if (trunk && !has_guard(status, trunk->ifindex))
			rc = bg_look_add(look, BG_CONCERN_INTERFACES, BG_HEALTH_DEGRADED,
					 "%s, the trunk of %s, lacks its guard: frames of branches "
					 "that are not armed yet would pass",
					 trunk->name, netdev->name);
	}
	return rc;
}

int bg_look_at_interfaces(const struct bg_status *status, struct bg_look *look)
{
	return look_at_strangers(status, look) ?:
	       look_at_routes(status, look) ?:
	       look_at_trunks(status, look);
}

static int find_routes(const struct bg_status *status, struct bg_look *look, struct bg_error *err)
{
	look->routes = calloc(status->pod_count + 1, sizeof(*look->routes));
	if (!look->routes)
		return bg_no_memory(err, "looking for the routes of the pods");
	for (size_t i = 0; i < status->pod_count; i++) {
		const struct bg_pod_row *row = &status->pods[i];
		int rc;

		if (!is_asked(status, look, &row->pod) || !is_first(status, i, true))
			continue;
		rc = bg_netdev_find_route(look->table, row->pod.host_ifindex, &row->address,
					  &look->routes[i]);
		if (rc && rc != -ENODEV)
			return bg_fail(err, rc, "netlink: asking for the route of a pod: %s",
				       strerror(-rc));
	}
	return 0;
}

int bg_health_look(const struct bg_status *status, struct bg_look *look, struct bg_error *err)
{
	int rc;

	*look = (struct bg_look){};
	rc = bg_netdevs_open(&look->table, err);
	if (rc)
		return rc;
	look->netdevs = bg_netdevs_list(look->table, &look->netdev_count);
	rc = find_routes(status, look, err) ?: look_at_hooks(status, look, err);
	if (!rc && bg_look_at_interfaces(status, look))
		rc = bg_no_memory(err, "looking at the interfaces");
	if (rc)
		bg_look_free(look);
	return rc;
}

void bg_look_free(struct bg_look *look)
{
	free(look->routes);
	free(look->findings);
	bg_netdevs_close(look->table);
	*look = (struct bg_look){};
}
