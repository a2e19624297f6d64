// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Arming one interface: what has to be there, in the order in which it must come.
 * ifaces.c calls it for each guard in every sync; which programs these are, the plan has
 * decided, and no program is taken away before the one in its place is attached.
 */
#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "datapath/clsact.h"
#include "guard/guards.h"
#include "guard/iface_maps.h"

/* Some drivers say "no memory" where they never have the queues for it: after so many syncs,
 * generic XDP it is. */
#define NATIVE_TRIES 10

static int write_iface(struct bg_guard *guard, const struct bg_datapath *datapath,
		       struct bg_error *err)
{
	struct bg_iface iface = {
		.ifindex = guard->ifindex,
		.role = guard->role,
		.vlan = guard->vlan,
		.flags = guard->flags,
	};
	int rc;

	snprintf(iface.interface, sizeof(iface.interface), "%s", guard->name);
	/* somebody may have changed it by hand: without its entry nothing is known of it */
	if (guard->in_map && bg_iface_is_entered(datapath, &iface))
		return 0;
	rc = bg_iface_set(datapath, &iface, err);
	guard->in_map = !rc;
	return rc;
}

/* Is it a filter where tcx is wanted now, or the other way round? */
static bool is_attached_otherwise(const struct bg_ifaces *ifaces,
				  const struct bg_attachment *attachment)
{
	return attachment->by == (ifaces->options.tcx ? BG_ATTACH_CLSACT : BG_ATTACH_TCX);
}

/* The new one is attached before the old one is detached. */
static int attach_program(struct bg_ifaces *ifaces, struct bg_guard *guard,
			  const struct bg_datapath *datapath, enum bg_program program,
			  struct bg_error *err)
{
	struct bg_attach_context context = bg_ifaces_context(ifaces, datapath);
	struct bg_attachment *attachment = &guard->attachment[program];
	struct bg_attachment made = { .program = program, .ifindex = guard->ifindex };
	struct bg_error ignored;
	bool made_qdisc = false;
	int rc;

	/* a netlink message will tell that another one has the ifindex by now, or which name this has */
	if (!bg_interface_is_called(guard->ifindex, guard->name))
		return -ENODEV;
	snprintf(made.interface, sizeof(made.interface), "%s", guard->name);
	if (guard->native_failures >= NATIVE_TRIES)
		context.native_xdp = false;
	rc = bg_attach(&context, &made, &made_qdisc, err);
	if (rc && bg_program_hook(program) == BG_HOOK_XDP && context.native_xdp && rc != -EBUSY)
		guard->native_failures++;
	if (made_qdisc) {
		guard->flags |= BG_IFACE_OUR_QDISC;
		guard->in_map = false;
	}
	if (rc)
		return rc;
	if (bg_attach_look(attachment) == BG_ATTACH_ELSEWHERE)
		bg_attach_release(attachment);
	rc = bg_detach(ifaces->options.pin_dir, attachment, err);
	if (!rc) {
		*attachment = made;
		return 0;
	}
	/* the old one stays, and is known: so the new one goes, or is found by the next try */
	if (bg_detach(ifaces->options.pin_dir, &made, &ignored))
		bg_attach_release(&made);
	return rc;
}

static enum bg_attach_state look_at(struct bg_ifaces *ifaces, struct bg_guard *guard,
				    enum bg_program program)
{
	struct bg_attachment *attachment = &guard->attachment[program];
	enum bg_attach_state state = bg_attach_look(attachment);

	if (attachment->by == BG_ATTACH_NONE)
		return state;
	if (state == BG_ATTACH_GONE || state == BG_ATTACH_CHANGED)
		guard->lost |= BG_PROGRAM_BIT(program);
	if (state == BG_ATTACH_GONE)
		bg_attach_forget(ifaces->options.pin_dir, attachment);
	return state;
}

/* An interface that goes takes its programs along: only where one could be attached again
 * somebody took it away. */
static void report_put_back(struct bg_ifaces *ifaces, struct bg_guard *guard,
			    enum bg_program program)
{
	char length[40] = "";

	if (!(guard->lost & BG_PROGRAM_BIT(program)))
		return;
	guard->lost &= ~BG_PROGRAM_BIT(program);
	ifaces->put_back_count++;
	/* the pulse of a daemon of long ago may not tell it */
	if (guard->checked_ns)
		snprintf(length, sizeof(length), " at_most_ms=%llu",
			 (bg_boottime_ns() - guard->checked_ns) / BG_NS_PER_MS);
	bg_log(BG_LOG_WARNING, "somebody took a program away, it is put back",
	       "interface=%s ifindex=%u program=%s way=%s%s", guard->name, guard->ifindex,
	       bg_program_name(program), bg_attach_by_name(guard->attachment[program].by), length);
}

/* What is not as it should be, although the interface is guarded. */
struct outcome {
	bool without_xdp;
	bool outdated; /* a program of an earlier datapath, whose policy is frozen */
	bool behind;   /* a program of somebody else stands before one of ours */
	bool leftover; /* a program that has no part here any more cannot be taken away */
};

static void replace_outdated(const struct bg_ifaces *ifaces, struct bg_attachment *attachment,
			     const struct bg_datapath *datapath, struct outcome *outcome,
			     struct bg_error *err)
{
	struct bg_attach_context context = bg_ifaces_context(ifaces, datapath);

	if (!attachment->outdated)
		return;
	attachment->outdated = bg_attach_replace(&context, attachment, err);
	outcome->outdated |= attachment->outdated;
}

static int attach_one(struct bg_ifaces *ifaces, struct bg_guard *guard,
		      const struct bg_datapath *datapath, enum bg_program program,
		      struct outcome *outcome, struct bg_error *err)
{
	struct bg_attach_context context = bg_ifaces_context(ifaces, datapath);
	struct bg_attachment *attachment = &guard->attachment[program];
	enum bg_attach_state state = look_at(ifaces, guard, program);
	int rc;

	if (state == BG_ATTACH_RUNS && !is_attached_otherwise(ifaces, attachment)) {
		replace_outdated(ifaces, attachment, datapath, outcome, err);
		return 0;
	}
	/* ours comes back into the place that it had */
	if (state == BG_ATTACH_CHANGED)
		rc = bg_attach_replace(&context, attachment, err);
	else
		rc = attach_program(ifaces, guard, datapath, program, err);
	if (!rc)
		report_put_back(ifaces, guard, program);
	return rc == -ENOLINK ? -ENODEV : rc;
}

/* XDP comes last, and may fail: TC gives the same verdict, only later. */
static int attach_missing(struct bg_ifaces *ifaces, struct bg_guard *guard,
			  const struct bg_datapath *datapath, struct outcome *outcome,
			  struct bg_error *err)
{
	int rc;

	for (int program = BG_PROGRAMS - 1; program >= 0; program--) {
		if (!(guard->wanted & BG_PROGRAM_BIT(program)))
			continue;
		rc = attach_one(ifaces, guard, datapath, program, outcome, err);
		if (rc && bg_program_hook(program) != BG_HOOK_XDP)
			return rc;
		outcome->without_xdp |= rc;
	}
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (!(guard->wanted & BG_PROGRAM_BIT(program)) &&
		    bg_detach(ifaces->options.pin_dir, &guard->attachment[program], err))
			outcome->leftover = true;
	return 0;
}

/* On the short way, packets would not meet the programs of others: with such programs,
 * the interface's packets take the stack. */
static void note_others(struct bg_guard *guard, const struct bg_filters *filters)
{
	enum bg_program program = guard->role == BG_ROLE_BRANCH ? BG_TC_BRANCH_INGRESS
								: BG_TC_POD_EGRESS;
	__u32 flags = guard->flags & ~BG_IFACE_SHARED;

	if (bg_attach_is_shared(guard->attachment, program, filters->count))
		flags |= BG_IFACE_SHARED;
	if (flags == guard->flags)
		return;
	bg_log(BG_LOG_INFO,
	       flags & BG_IFACE_SHARED
		       ? "other programs run on this interface: its packets keep to the stack"
		       : "no other programs run on this interface any more",
	       "interface=%s ifindex=%u", guard->name, guard->ifindex);
	guard->flags = flags;
	guard->in_map = false;
}

/* It calls a program that could not be given its own place back (bg_attach_to_front()). */
static bool a_stand_in_is_busy(const struct bg_ifaces *ifaces,
			       const struct bg_attachment *attachment)
{
	for (size_t i = 0; i < ifaces->count; i++) {
		const struct bg_attachment *other = ifaces->guards[i].attachment;

		for (int program = 0; program < BG_PROGRAMS; program++, other++)
			if (other != attachment && other->by == BG_ATTACH_TCX && other->outdated)
				return true;
	}
	return false;
}

static int move_to_front(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
			 struct bg_attachment *attachment, struct bg_error *err)
{
	struct bg_attach_context context = bg_ifaces_context(ifaces, datapath);

	if (attachment->by == BG_ATTACH_TCX && a_stand_in_is_busy(ifaces, attachment))
		return bg_fail(err, -EBUSY,
			       "%s waits for an old program elsewhere, which could not be "
			       "replaced yet",
			       bg_program_name(attachment->program));
	return bg_attach_to_front(&context, attachment, err);
}

/*
 * A filter outlives its pins (`unload --any-netns`, or whoever removes them). By clsact it is
 * found and replaced; where ours is attached by tcx it would go on behind it, by the rules of
 * then, and nobody would know of it. Where we guard, the handle is enough.
 */
static bool took_unknown_filters(struct bg_ifaces *ifaces, struct bg_guard *guard,
				 struct outcome *outcome, struct bg_error *err)
{
	bool took = false;

	guard->no_remnants = true;
	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment filter;

		if (bg_program_hook(program) == BG_HOOK_XDP ||
		    guard->attachment[program].by == BG_ATTACH_CLSACT ||
		    bg_attach_find_filter(program, guard->ifindex, &filter))
			continue;
		if (bg_detach(ifaces->options.pin_dir, &filter, err)) {
			outcome->leftover = true;
			guard->no_remnants = false;
			continue;
		}
		took = true;
		bg_log(BG_LOG_WARNING,
		       "took away a filter of an earlier daemon, whose pins were gone: it judged "
		       "by rules of then",
		       "interface=%s ifindex=%u program=%s", guard->name, guard->ifindex,
		       bg_program_name(program));
	}
	return took;
}

/* When a program before ours lets a packet pass, ours does not see the packet. */
static void stay_first(struct bg_ifaces *ifaces, struct bg_guard *guard,
		       const struct bg_datapath *datapath, const struct bg_filters *filters,
		       struct outcome *outcome, struct bg_error *err)
{
	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment *attachment = &guard->attachment[program];
		__u32 first_filter = bg_program_hook(program) == BG_HOOK_INGRESS
					     ? filters->first_ingress
					     : filters->first_egress;

		if (!bg_attach_is_behind(guard->attachment, program, first_filter))
			continue;
		if (move_to_front(ifaces, datapath, attachment, err))
			outcome->behind = true;
		else
			bg_log(BG_LOG_WARNING,
			       "another program came first: what it let pass was not judged; ours "
			       "is in front again",
			       "interface=%s ifindex=%u program=%s", guard->name, guard->ifindex,
			       bg_program_name(program));
	}
}

static bool has_peer_role(enum bg_role role)
{
	return role == BG_ROLE_BRANCH || role == BG_ROLE_POD_STRICT || role == BG_ROLE_POD_STANDARD;
}

static int arm(struct bg_ifaces *ifaces, struct bg_guard *guard, const struct bg_datapath *datapath,
	       struct outcome *outcome, struct bg_error *err)
{
	struct bg_filters filters = {};
	int rc;

	rc = write_iface(guard, datapath, err);
	if (rc)
		return rc;
	rc = attach_missing(ifaces, guard, datapath, outcome, err);
	if (rc)
		return rc;
	rc = bg_netdev_filters(ifaces->netdevs, guard->ifindex, &filters);
	if (!rc && filters.count && !guard->no_remnants &&
	    took_unknown_filters(ifaces, guard, outcome, err))
		rc = bg_netdev_filters(ifaces->netdevs, guard->ifindex, &filters);
	if (!rc) {
		stay_first(ifaces, guard, datapath, &filters, outcome, err);
		if (has_peer_role(guard->role))
			note_others(guard, &filters);
	}
	rc = write_iface(guard, datapath, err);
	if (rc)
		return rc;
	/* only now may the trunk let frames of this VLAN pass */
	if (guard->role == BG_ROLE_BRANCH && guard->vlan)
		return bg_vlan_set(datapath, guard->vlan, guard->ifindex, err);
	return 0;
}

bool bg_guard_is_judged(const struct bg_guard *guard)
{
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (guard->wanted & BG_PROGRAM_BIT(program) &&
		    bg_program_hook(program) != BG_HOOK_XDP &&
		    guard->attachment[program].by == BG_ATTACH_NONE)
			return false;
	return true;
}

void bg_guard_arm(struct bg_ifaces *ifaces, struct bg_guard *guard,
		  const struct bg_datapath *datapath)
{
	struct bg_error err = {};
	struct outcome outcome = {};
	int rc;

	if (guard->left_out)
		bg_guard_trouble(guard, BG_LOG_WARNING,
				 "the feed has a branch or a pod on this interface, which is the "
				 "node's own: it is left out",
				 "");
	if (guard->role == BG_ROLE_NONE) {
		guard->complete = true;
		return;
	}
	rc = arm(ifaces, guard, datapath, &outcome, &err);
	guard->open = outcome.behind || outcome.outdated || !bg_guard_is_judged(guard);
	if (rc == -ENODEV) {
		/* the interface is gone; a netlink message about that will come */
		guard->complete = false;
		return;
	}
	if (rc) {
		guard->complete = false;
		if (bg_guard_is_judged(guard)) {
			bg_guard_trouble(guard, BG_LOG_ERROR,
					 "what guards this interface stays, but could not be "
					 "brought up to date",
					 err.text);
			return;
		}
		bg_vlan_clear(datapath, guard->vlan, guard->ifindex);
		bg_guard_trouble(guard, BG_LOG_ERROR, "this interface is not guarded", err.text);
		return;
	}
	if (outcome.outdated)
		bg_guard_trouble(guard, BG_LOG_ERROR,
				 "an old program stays in force on this interface", err.text);
	else if (outcome.behind)
		bg_guard_trouble(
			guard, BG_LOG_WARNING,
			"a program of somebody else runs before ours: what it lets pass is not "
			"judged",
			err.text);
	else if (outcome.leftover)
		bg_guard_trouble(
			guard, BG_LOG_WARNING,
			"a program that has no part here any more stays on this interface, "
			"besides those that have",
			err.text);
	else if (outcome.without_xdp)
		bg_guard_trouble(guard, BG_LOG_WARNING,
				 "without XDP on this interface, TC guards it alone", err.text);
	else if (guard->role == BG_ROLE_BRANCH && guard->is_misnamed)
		bg_guard_trouble(guard, BG_LOG_WARNING,
				 "the feed calls this branch's interface otherwise: as long as it "
				 "is there, it is judged by the branch's rules; give it the feed's "
				 "name, or the feed its name",
				 "");
	else if (guard->role == BG_ROLE_BRANCH && !guard->has_branch)
		bg_guard_trouble(
			guard, BG_LOG_WARNING,
			"no branch in the feed for this interface: everything on it is dropped",
			"");
	else if (guard->role == BG_ROLE_POD_STANDARD && !guard->vlan)
		bg_guard_trouble(guard, BG_LOG_WARNING,
				 "by the CNI's rule this is the veth of a branch's pod, and no pod "
				 "in the feed has it or its address: nothing of it leaves the node",
				 "");
	else if (guard->role == BG_ROLE_BRANCH && guard->tag && guard->tag != guard->vlan)
		bg_guard_trouble(guard, BG_LOG_WARNING,
				 "the tag on the wire is not the VlanId of the feed's branch", "");
	else if (!guard->left_out)
		guard->trouble[0] = '\0';
	guard->checked_ns = bg_boottime_ns();
	if (!guard->complete) {
		guard->complete = true;
		if (!guard->armed_ns)
			guard->armed_ns = bg_boottime_ns();
		bg_guard_report(guard, guard->adopted ? "adopted" : "armed");
		guard->adopted = false;
	}
}
