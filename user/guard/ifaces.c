// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From the plan to what is attached: what has to change in the table of guards. The
 * daemon calls bg_ifaces_sync() after every change of feed or interfaces, and at times
 * without one. A branch or a pod is never disarmed because the feed lost it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "guard/guards.h"
#include "guard/iface_maps.h"
#include "guard/routes.h"
#include "guard/routing.h"

#define NO_PRIMARY                                                                                 \
	"there is no primary interface: the feed's Node.PrimaryInterface is not there, or it "     \
	"names none and no default route leads to one"
#define FORMER_PRIMARY                                                                             \
	"the feed's Node.PrimaryInterface is not there: the interface that was the primary one "   \
	"before stays so"

struct bg_ifaces *bg_ifaces_new(const struct bg_ifaces_options *options, struct bg_netdevs *netdevs)
{
	struct bg_ifaces *ifaces = calloc(1, sizeof(*ifaces));

	if (!ifaces)
		return NULL;
	ifaces->options = *options;
	ifaces->netdevs = netdevs;
	ifaces->interrupt_fd = -1;
	return ifaces;
}

void bg_ifaces_free(struct bg_ifaces *ifaces)
{
	if (!ifaces)
		return;
	for (size_t i = 0; i < ifaces->count; i++)
		for (int program = 0; program < BG_PROGRAMS; program++)
			bg_attach_release(&ifaces->guards[i].attachment[program]);
	for (size_t i = 0; i < ifaces->stray_count; i++)
		bg_attach_release(&ifaces->strays[i]);
	free(ifaces->strays);
	free(ifaces->guards);
	free(ifaces);
}

/* `planned` NULL: the plan does not have it, and it keeps its role and its programs. Not
 * `by_feed`: no feed was accepted yet, so nobody knows which branches it has. */
static void update_guard(struct bg_guard *guard, const struct bg_planned *planned, bool by_feed,
			 const struct bg_netdev *netdev, const struct bg_datapath *datapath,
			 enum bg_xdp_choice xdp)
{
	guard->life = netdev->life;
	if (strcmp(guard->name, netdev->name) != 0)
		bg_log(BG_LOG_INFO, "interface renamed", "interface=%s ifindex=%u was=%s",
		       netdev->name, netdev->ifindex, guard->name);
	snprintf(guard->name, sizeof(guard->name), "%s", netdev->name);
	if (!planned) {
		guard->has_branch = !by_feed;
		guard->left_out = false;
		if (!guard->wanted)
			guard->wanted = bg_role_programs(guard->role, xdp);
		return;
	}
	if (guard->role != planned->role || guard->vlan != planned->vlan) {
		/* what the trunk lets pass for it is to be of the new one alone */
		if (bg_vlan_clear(datapath, guard->vlan, guard->ifindex) && guard->role)
			return;
		if (guard->role)
			bg_log(BG_LOG_INFO, "interface changed",
			       "interface=%s ifindex=%u role=%s vlan=%u was=%s was_vlan=%u",
			       netdev->name, netdev->ifindex, bg_role_name(planned->role),
			       planned->vlan, bg_role_name(guard->role), guard->vlan);
		guard->role = planned->role;
		guard->vlan = planned->vlan;
		guard->in_map = false;
	}
	guard->wanted = planned->programs;
	guard->has_branch = planned->branch || !by_feed;
	guard->left_out = planned->left_out;
	guard->tag = netdev->kind == BG_NETDEV_VLAN ? netdev->vlan : 0;
}

static bool has_vlan(const struct bg_model *model, __u32 vlan)
{
	for (size_t i = 0; model && i < model->branch_count; i++)
		if ((__u32)model->branches[i].vlan == vlan)
			return true;
	return false;
}

/* Without one, what goes by it is judged by nobody, and probes go by the fabric. */
static void look_for_primary(struct bg_ifaces *ifaces, const struct bg_plan *plan,
			     const struct bg_model *model)
{
	const char *trouble = model && !plan->has_primary ? NO_PRIMARY : NULL;

	for (size_t i = 0; i < ifaces->count && trouble; i++)
		if (ifaces->guards[i].role == BG_ROLE_PRIMARY)
			trouble = model->node.primary_interface[0] ? FORMER_PRIMARY : NULL;
	if (trouble && trouble != ifaces->primary_trouble)
		bg_log(BG_LOG_WARNING, trouble, "named=%s",
		       bg_quote(model->node.primary_interface));
	ifaces->primary_trouble = trouble;
}

void bg_ifaces_interrupt_by(struct bg_ifaces *ifaces, int fd)
{
	ifaces->interrupt_fd = fd;
}

bool bg_ifaces_interrupted(const struct bg_ifaces *ifaces)
{
	return ifaces->interrupted;
}

/* Once it is, a pass stays so. */
static bool is_interrupted(struct bg_ifaces *ifaces)
{
	struct pollfd wake = { .fd = ifaces->interrupt_fd, .events = POLLIN };

	if (!ifaces->interrupted && wake.fd >= 0)
		ifaces->interrupted = poll(&wake, 1, 0) > 0;
	return ifaces->interrupted;
}

/* Trunks first: from then on nothing comes in for a branch that is not armed. */
static int arm_all(struct bg_ifaces *ifaces, const struct bg_datapath *datapath, bool trunks)
{
	int incomplete = 0;

	for (size_t i = 0; i < ifaces->count; i++) {
		struct bg_guard *guard = &ifaces->guards[i];
		bool is_trunk = guard->wanted & BG_PROGRAM_BIT(BG_TC_TRUNK_INGRESS);

		if (is_trunk != trunks)
			continue;
		if (!guard->elsewhere && !guard->leaving && !is_interrupted(ifaces))
			bg_guard_arm(ifaces, guard, datapath);
		incomplete += !guard->complete;
	}
	return incomplete;
}

/* It was once, and what judges its packets stands, whatever else there is to be done. */
static bool is_armed(const struct bg_guard *guard)
{
	return guard->complete || (guard->armed_ns && bg_guard_is_judged(guard));
}

/* Under the name that the feed has, or, renamed, under which it is guarded. */
static const struct bg_guard *guard_of(struct bg_ifaces *ifaces,
				       const struct bg_model_branch *branch, __u32 *ifindex)
{
	const struct bg_netdev *netdev = bg_netdev_by_name(ifaces->netdevs, branch->interface);

	*ifindex = netdev ? netdev->ifindex : 0;
	if (netdev)
		return bg_guard_find(ifaces, netdev->ifindex);
	for (size_t i = 0; i < ifaces->count && ifaces->misnamed_count; i++) {
		const struct bg_guard *guard = &ifaces->guards[i];

		if (guard->role != BG_ROLE_BRANCH || !guard->is_misnamed || guard->elsewhere ||
		    guard->leaving || guard->vlan != (__u32)branch->vlan)
			continue;
		*ifindex = guard->ifindex;
		return guard;
	}
	return NULL;
}

static int note_branches(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
			 const struct bg_model *model, struct bg_error *err)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		__u32 ifindex;
		const struct bg_guard *guard = guard_of(ifaces, branch, &ifindex);
		int rc = bg_branch_set(datapath, branch->vlan, ifindex,
				       guard && is_armed(guard) ? guard->armed_ns : 0, err);

		if (rc)
			return rc;
	}
	return 0;
}

/* The feed wants it again, while what guarded it could not be taken away. */
static bool comes_back(const struct bg_guard *guard, const struct bg_plan *plan)
{
	bool attached = false;

	for (int program = 0; program < BG_PROGRAMS; program++)
		attached |= guard->attachment[program].by != BG_ATTACH_NONE;
	return attached && bg_plan_find(plan, guard->ifindex);
}

/*
 * Standard pods that the CNI's rules name, and no feed does by the veth. One that was
 * a branch's veth stays that branch's: the feed may be late, or not read yet.
 */
static int add_routed_pods(struct bg_ifaces *ifaces, const struct bg_model *model,
			   struct bg_plan *plan, struct bg_error *err)
{
	bg_cleanup(bg_routing_free) struct bg_routing routing = {};
	bg_auto_free struct bg_routed_pod *pods = NULL;
	size_t count = 0;
	int rc = bg_netdevs_routing(ifaces->netdevs, &routing);

	if (rc)
		return bg_fail(err, rc, "netlink: listing the rules and routes of pods: %s",
			       strerror(-rc));
	rc = bg_routed_pods(&routing, ifaces->netdevs, model, &pods, &count);
	for (size_t i = 0; i < count && !rc; i++) {
		const struct bg_guard *guard = bg_guard_find(ifaces, pods[i].netdev->ifindex);

		if (pods[i].branch || !guard || !guard->vlan)
			rc = bg_plan_add_standard_pod(plan, pods[i].netdev, pods[i].branch);
	}
	return rc ? bg_no_memory(err, "deciding what to guard") : 0;
}

int bg_ifaces_sync(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
		   const struct bg_model *model, struct bg_error *err)
{
	bg_cleanup(bg_plan_free) struct bg_plan plan = {};
	int incomplete, rc, routes_rc;

	/* not knowing the routes is no reason to leave an interface unguarded */
	routes_rc = bg_routes_sync(datapath, model, ifaces->netdevs, &ifaces->primary, err);
	rc = bg_plan_make(model, ifaces->netdevs, ifaces->options.xdp, ifaces->primary, &plan);
	if (rc)
		return bg_no_memory(err, "deciding what to guard");
	bg_guards_drop_gone(ifaces, datapath);
	rc = add_routed_pods(ifaces, model, &plan, err);
	if (rc && !routes_rc)
		routes_rc = rc;
	for (size_t i = 0; i < plan.count; i++)
		if (!bg_guard_get(ifaces, plan.planned[i].netdev->ifindex,
				  plan.planned[i].netdev->name))
			return bg_no_memory(err, "deciding what to guard");
	ifaces->misnamed_count = 0;
	for (size_t i = 0; i < ifaces->count; i++) {
		struct bg_guard *guard = &ifaces->guards[i];
		const struct bg_netdev *netdev =
			bg_netdev_by_index(ifaces->netdevs, guard->ifindex);

		/* what the table lacks stays as it is; what the maps could not be cleared of has to
		 * go first, also where another interface has its ifindex */
		if (netdev && (!guard->leaving || comes_back(guard, &plan))) {
			guard->leaving = false;
			update_guard(guard, bg_plan_find(&plan, guard->ifindex), model, netdev,
				     datapath, ifaces->options.xdp);
			guard->is_misnamed = !guard->has_branch && has_vlan(model, guard->vlan);
		}
		ifaces->misnamed_count += guard->is_misnamed;
	}
	look_for_primary(ifaces, &plan, model);
	ifaces->interrupted = false;
	incomplete = arm_all(ifaces, datapath, true);
	incomplete += arm_all(ifaces, datapath, false);
	bg_guards_drop_unplanned(ifaces, datapath, &plan, model);
	if (model) {
		rc = note_branches(ifaces, datapath, model, err);
		if (rc)
			return rc;
		rc = bg_pods_sync(datapath, model, ifaces->netdevs, err);
		if (rc)
			return rc;
	}
	return routes_rc ? routes_rc : incomplete;
}

/* Of filters that come before ours netlink tells at once. */
static bool runs_first(const struct bg_guard *guard, enum bg_program program)
{
	return bg_attach_look(&guard->attachment[program]) == BG_ATTACH_RUNS &&
	       (guard->attachment[program].by != BG_ATTACH_TCX ||
		!bg_attach_is_behind(guard->attachment, program, 0));
}

bool bg_ifaces_lost(struct bg_ifaces *ifaces)
{
	bool lost = false;

	for (size_t i = 0; i < ifaces->count; i++) {
		struct bg_guard *guard = &ifaces->guards[i];
		bool whole = guard->complete && !guard->elsewhere;

		for (int program = 0; program < BG_PROGRAMS && whole; program++)
			whole = guard->attachment[program].by == BG_ATTACH_NONE ||
				runs_first(guard, program);
		if (whole)
			guard->checked_ns = bg_boottime_ns();
		lost |= !whole && guard->complete && !guard->elsewhere;
	}
	return lost;
}

__u64 bg_ifaces_put_back(const struct bg_ifaces *ifaces)
{
	return ifaces->put_back_count;
}

bool bg_ifaces_outdated(const struct bg_ifaces *ifaces)
{
	for (size_t i = 0; i < ifaces->count; i++)
		for (int program = 0; program < BG_PROGRAMS; program++)
			if (ifaces->guards[i].attachment[program].by != BG_ATTACH_NONE &&
			    ifaces->guards[i].attachment[program].outdated)
				return true;
	return false;
}

int bg_ifaces_pin_again(const struct bg_ifaces *ifaces, struct bg_error *err)
{
	int made = 0;

	for (size_t i = 0; i < ifaces->count; i++) {
		for (int program = 0; program < BG_PROGRAMS; program++) {
			int rc = bg_attach_pin_again(ifaces->options.pin_dir,
						     &ifaces->guards[i].attachment[program], err);

			if (rc < 0)
				return rc;
			made += rc;
		}
	}
	return made;
}

void bg_ifaces_troubles(const struct bg_ifaces *ifaces,
			void (*each)(const char *interface, const char *text, bool open,
				     void *context),
			void *context)
{
	for (size_t i = 0; i < ifaces->count; i++)
		if (ifaces->guards[i].trouble[0])
			each(ifaces->guards[i].name, ifaces->guards[i].trouble,
			     ifaces->guards[i].open, context);
	if (ifaces->primary_trouble)
		each("node", ifaces->primary_trouble, false, context);
}
