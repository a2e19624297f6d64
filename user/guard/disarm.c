// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Disarming: whose interface is gone, and who lost its role to another interface. ifaces.c
 * calls it in every sync, around the arming. What cannot be taken away, or cleared of the
 * maps, stays a guard that leaves, and the next sync tries again.
 */
#include <string.h>

#include "guard/guards.h"
#include "guard/iface_maps.h"

/* Nothing is attached any more. False: the maps could not be cleared of it, by which the trunk
 * would let frames of its VLAN pass; it stays as one that leaves, and the next sync tries again. */
static bool forget_guard(struct bg_ifaces *ifaces, struct bg_guard *guard,
			 const struct bg_datapath *datapath)
{
	int vlan_rc = bg_vlan_clear(datapath, guard->vlan, guard->ifindex);
	int iface_rc = bg_iface_clear(datapath, guard->ifindex);
	int rc = bg_pods_forget(datapath, guard->ifindex) ?: iface_rc ?: vlan_rc;

	if (!rc) {
		*guard = ifaces->guards[--ifaces->count];
		return true;
	}
	guard->leaving = true;
	guard->complete = guard->open = false;
	guard->armed_ns = 0;
	bg_guard_trouble(guard, BG_LOG_WARNING,
			 "nothing guards this interface any more, but the maps still name it; will "
			 "be tried again",
			 strerror(-rc));
	return false;
}

/* False: what guards it could not all be taken away, or not be forgotten. Until it is, by the
 * next syncs, what is attached judges as it did, by the entry that stays. */
static bool drop_guard(struct bg_ifaces *ifaces, struct bg_guard *guard,
		       const struct bg_datapath *datapath)
{
	struct bg_error err;
	bool gone = true;

	/* first, since detaching may wait */
	bg_vlan_clear(datapath, guard->vlan, guard->ifindex);
	for (int program = 0; program < BG_PROGRAMS; program++)
		gone &= !bg_detach(ifaces->options.pin_dir, &guard->attachment[program], &err);
	if (gone)
		return forget_guard(ifaces, guard, datapath);
	guard->leaving = true;
	guard->complete = guard->open = false;
	bg_guard_trouble(guard, BG_LOG_WARNING,
			 "it was disarmed, but what guarded this interface cannot be taken away; "
			 "will be tried again",
			 err.text);
	return false;
}

/* What could not be taken away or forgotten when it was disarmed. */
static void drop_leaving(struct bg_ifaces *ifaces, const struct bg_datapath *datapath)
{
	for (size_t i = 0; i < ifaces->count;)
		if (!ifaces->guards[i].leaving || !drop_guard(ifaces, &ifaces->guards[i], datapath))
			i++;
}

/* Its interface is gone. Links are dead by that, and only pins remain; but what it took along
 * to another network namespace stays with it. */
static bool drop_gone_guard(struct bg_ifaces *ifaces, struct bg_guard *guard,
			    const struct bg_datapath *datapath)
{
	struct bg_error err;

	bg_log(BG_LOG_INFO, "interface gone, disarmed", "interface=%s ifindex=%u role=%s vlan=%u",
	       guard->name, guard->ifindex, bg_role_name(guard->role), guard->vlan);
	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment *attachment = &guard->attachment[program];
		enum bg_attach_state state = bg_attach_look(attachment);

		if (state == BG_ATTACH_ELSEWHERE)
			bg_attach_release(attachment);
		else if (state == BG_ATTACH_GONE ||
			 bg_detach(ifaces->options.pin_dir, attachment, &err))
			bg_attach_forget(ifaces->options.pin_dir, attachment);
	}
	return forget_guard(ifaces, guard, datapath);
}

/* Who is not in the table is asked for: a table can be late, or not be had. */
static bool is_elsewhere(const struct bg_ifaces *ifaces, const struct bg_guard *guard)
{
	return !bg_netdev_by_index(ifaces->netdevs, guard->ifindex) &&
	       !bg_interface_is_here(guard->ifindex);
}

/* Of the VLANs of those that are gone the trunk lets nothing pass any more, before anything
 * that may wait: other interfaces may have them by now, which are not armed. */
static void shut_gone(const struct bg_ifaces *ifaces, const struct bg_datapath *datapath)
{
	for (size_t i = 0; i < ifaces->count; i++) {
		const struct bg_guard *guard = &ifaces->guards[i];
		const struct bg_netdev *netdev =
			bg_netdev_by_index(ifaces->netdevs, guard->ifindex);

		if ((netdev && bg_guard_is_another(guard, netdev)) ||
		    (is_elsewhere(ifaces, guard) && !bg_guard_has(guard, BG_ATTACH_ELSEWHERE)))
			bg_vlan_clear(datapath, guard->vlan, guard->ifindex);
	}
}

void bg_guards_drop_gone(struct bg_ifaces *ifaces, const struct bg_datapath *datapath)
{
	shut_gone(ifaces, datapath);
	drop_leaving(ifaces, datapath);
	for (size_t i = 0; i < ifaces->count;) {
		struct bg_guard *guard = &ifaces->guards[i];
		const struct bg_netdev *netdev =
			bg_netdev_by_index(ifaces->netdevs, guard->ifindex);

		if (guard->leaving) {
			i++;
			continue;
		}
		if (netdev && bg_guard_is_another(guard, netdev)) {
			i += !drop_gone_guard(ifaces, guard, datapath);
			continue;
		}
		guard->elsewhere = is_elsewhere(ifaces, guard);
		if (!guard->elsewhere) {
			i++;
			continue;
		}
		if (bg_guard_has(guard, BG_ATTACH_ELSEWHERE)) {
			bg_guard_trouble(
				guard, BG_LOG_WARNING,
				"the interface is in another network namespace now: what is "
				"attached stays",
				"");
			i++;
			continue;
		}
		i += !drop_gone_guard(ifaces, guard, datapath);
	}
}

/*
 * Trunk and primary interface are not ours to filter when another one has the role:
 * that none has it now (a route that flaps, a name that is not there) says nothing.
 */
static bool stays_without_plan(const struct bg_guard *guard, const struct bg_plan *plan)
{
	switch (guard->role) {
	case BG_ROLE_BRANCH:
	case BG_ROLE_POD_STRICT:
	case BG_ROLE_POD_STANDARD:
		return true;
	case BG_ROLE_TRUNK:
		return !plan->has_trunk;
	case BG_ROLE_PRIMARY:
		return !plan->has_primary;
	case BG_ROLE_NONE:
		break;
	}
	return false;
}

/* Is the role, which one interface has, with another one that is armed by now? */
static bool is_handed_on(struct bg_ifaces *ifaces, const struct bg_plan *plan, enum bg_role role)
{
	const unsigned int programs = bg_tc_programs(role);

	for (size_t i = 0; i < plan->count; i++) {
		const struct bg_planned *planned = &plan->planned[i];
		const struct bg_guard *guard = bg_guard_find(ifaces, planned->netdev->ifindex);

		if ((planned->programs & programs) == programs && guard && guard->complete)
			return true;
	}
	return false;
}

static const char *why_dropped(enum bg_role role)
{
	switch (role) {
	case BG_ROLE_PRIMARY:
		return "disarmed: another interface is the primary one now";
	case BG_ROLE_TRUNK:
		return "disarmed: another interface is the trunk now";
	default:
		return "disarmed: the interface has no part in the feed any more";
	}
}

void bg_guards_drop_unplanned(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
			      const struct bg_plan *plan, const struct bg_model *model)
{
	for (size_t i = 0; i < ifaces->count;) {
		struct bg_guard *guard = &ifaces->guards[i];

		/* without a feed, an interface that is not in the plan may still be wanted */
		if (!model || guard->leaving || bg_plan_find(plan, guard->ifindex) ||
		    stays_without_plan(guard, plan) ||
		    (guard->role && !is_handed_on(ifaces, plan, guard->role))) {
			i++;
			continue;
		}
		bg_guard_report(guard, why_dropped(guard->role));
		i += !drop_guard(ifaces, guard, datapath);
	}
}
