// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ifaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attach_clsact.h"
#include "cleanup.h"
#include "ifaces_maps.h"
#include "log.h"

struct guard {
	__u32 ifindex;
	char name[16];
	enum bg_role role;
	__u32 vlan;
	__u32 flags;	 /* enum bg_iface_flag */
	bool in_map;	 /* the entry in `ifaces` is up to date */
	bool adopted;	 /* from an earlier daemon, and not yet reported */
	bool complete;	 /* everything that guards it is there */
	bool has_branch; /* the feed has it */
	__u32 tag;	 /* on the wire, 0 = not a VLAN interface */
	__u64 armed_ns;
	unsigned int wanted;			      /* set of BG_PROGRAM_BIT() */
	struct bg_attachment attachment[BG_PROGRAMS]; /* by enum bg_program */
	char trouble[256]; /* what was last said to be wrong, "" = nothing */
};

struct bg_ifaces {
	struct bg_ifaces_options options;
	struct bg_link_watch *links;
	struct guard *guards;
	size_t count, capacity;
	__u32 primary; /* of the default route */
};

static void plan_free_at(struct bg_plan *plan)
{
	bg_plan_free(plan);
}

static __u64 boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static const char *role_name(enum bg_role role)
{
	static const char *const names[] = { "none",	   "branch",	   "trunk",
					     "pod-strict", "pod-standard", "primary" };

	return names[role];
}

struct bg_ifaces *bg_ifaces_new(const struct bg_ifaces_options *options,
				struct bg_link_watch *links)
{
	struct bg_ifaces *ifaces = calloc(1, sizeof(*ifaces));

	if (!ifaces)
		return NULL;
	ifaces->options = *options;
	ifaces->links = links;
	return ifaces;
}

void bg_ifaces_free(struct bg_ifaces *ifaces)
{
	if (!ifaces)
		return;
	for (size_t i = 0; i < ifaces->count; i++)
		for (int program = 0; program < BG_PROGRAMS; program++)
			bg_attach_release(&ifaces->guards[i].attachment[program]);
	free(ifaces->guards);
	free(ifaces);
}

static struct guard *find_guard(struct bg_ifaces *ifaces, __u32 ifindex)
{
	for (size_t i = 0; i < ifaces->count; i++)
		if (ifaces->guards[i].ifindex == ifindex)
			return &ifaces->guards[i];
	return NULL;
}

/* The guard of an interface, made if need be; NULL when out of memory. */
static struct guard *get_guard(struct bg_ifaces *ifaces, __u32 ifindex, const char *name)
{
	struct guard *guard = find_guard(ifaces, ifindex);

	if (guard)
		return guard;
	if (ifaces->count == ifaces->capacity) {
		size_t capacity = ifaces->capacity * 2 + 32;
		struct guard *larger = realloc(ifaces->guards, capacity * sizeof(*larger));

		if (!larger)
			return NULL;
		ifaces->guards = larger;
		ifaces->capacity = capacity;
	}
	guard = &ifaces->guards[ifaces->count++];
	memset(guard, 0, sizeof(*guard));
	guard->ifindex = ifindex;
	snprintf(guard->name, sizeof(guard->name), "%s", name);
	for (int program = 0; program < BG_PROGRAMS; program++)
		guard->attachment[program].link_fd = -1;
	return guard;
}

/* Says what is wrong with an interface, once until it is another thing. */
static void trouble(struct guard *guard, enum bg_log_level level, const char *message,
		    const char *reason)
{
	char text[sizeof(guard->trouble)];

	snprintf(text, sizeof(text), "%s%s%s", message, *reason ? ": " : "", reason);
	if (!strcmp(guard->trouble, text))
		return;
	memcpy(guard->trouble, text, sizeof(text));
	bg_log(level, message, "interface=%s ifindex=%u role=%s%s%s", guard->name, guard->ifindex,
	       role_name(guard->role), *reason ? " reason=" : "", *reason ? bg_quote(reason) : "");
}

/* "xdp,ingress,egress" */
static void list_hooks(const struct guard *guard, char *text, size_t size)
{
	static const char *const names[] = { "xdp", "ingress", "egress" };
	size_t length = 0;

	text[0] = '\0';
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (guard->attachment[program].way != BG_ATTACH_NONE && length < size)
			length += snprintf(text + length, size - length, "%s%s", length ? "," : "",
					   names[bg_program_hook(program)]);
}

static enum bg_attach_way tc_way(const struct guard *guard)
{
	enum bg_attach_way way = BG_ATTACH_NONE;

	for (int program = 0; program < BG_PROGRAMS; program++)
		if (guard->attachment[program].way != BG_ATTACH_NONE &&
		    bg_program_hook(program) != BG_HOOK_XDP)
			way = guard->attachment[program].way;
	return way;
}

static void report(const struct guard *guard, const char *message)
{
	char hooks[64];

	list_hooks(guard, hooks, sizeof(hooks));
	bg_log(BG_LOG_INFO, message, "interface=%s ifindex=%u role=%s vlan=%u hooks=%s way=%s",
	       guard->name, guard->ifindex, role_name(guard->role), guard->vlan,
	       *hooks ? hooks : "none", bg_attach_way_name(tc_way(guard)));
}

/* --- adoption -------------------------------------------------------------- */

struct adoption {
	struct bg_ifaces *ifaces;
	const struct bg_datapath *datapath;
	bool out_of_memory;
};

static void adopt_iface(const struct bg_iface *iface, void *context)
{
	struct adoption *adoption = context;
	const struct bg_link *link = bg_link_by_index(adoption->ifaces->links, iface->ifindex);
	struct guard *guard = get_guard(adoption->ifaces, iface->ifindex, link ? link->name : "?");

	if (!guard) {
		adoption->out_of_memory = true;
		return;
	}
	guard->role = iface->role;
	guard->vlan = iface->vlan;
	guard->flags = iface->flags;
	guard->in_map = true;
	guard->adopted = true;
	if (guard->role == BG_ROLE_BRANCH)
		guard->armed_ns =
			bg_branch_armed_ns(adoption->datapath, guard->vlan, iface->ifindex);
}

static void adopt_link(struct bg_attachment *attachment, void *context)
{
	struct adoption *adoption = context;
	struct guard *guard =
		get_guard(adoption->ifaces, attachment->ifindex, attachment->interface);

	if (!guard) {
		adoption->out_of_memory = true;
		bg_attach_release(attachment);
		return;
	}
	guard->attachment[attachment->program] = *attachment;
	guard->adopted = true;
}

static void adopt_filters(struct guard *guard)
{
	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment *attachment = &guard->attachment[program];

		if (attachment->way != BG_ATTACH_NONE || bg_program_hook(program) == BG_HOOK_XDP ||
		    bg_attach_find_filter(program, guard->ifindex, attachment))
			continue;
		snprintf(attachment->interface, sizeof(attachment->interface), "%s", guard->name);
	}
}

int bg_ifaces_adopt(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
		    struct bg_error *err)
{
	struct adoption adoption = { .ifaces = ifaces, .datapath = datapath };
	int rc;

	bg_iface_each(datapath, adopt_iface, &adoption);
	rc = bg_attach_adopt(ifaces->options.pin_dir, adopt_link, &adoption, err);
	if (rc)
		return rc;
	if (adoption.out_of_memory)
		return bg_fail(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ifaces->count; i++)
		if (bg_link_by_index(ifaces->links, ifaces->guards[i].ifindex))
			adopt_filters(&ifaces->guards[i]);
	return 0;
}

static struct bg_attach_context attach_context(const struct bg_ifaces *ifaces,
					       const struct bg_datapath *datapath)
{
	struct bg_attach_context context = {
		.pin_dir = ifaces->options.pin_dir,
		.skel = datapath->skel,
		.tcx = ifaces->options.tcx,
	};

	return context;
}

void bg_ifaces_switch(struct bg_ifaces *ifaces, const struct bg_datapath *datapath)
{
	struct bg_attach_context context = attach_context(ifaces, datapath);

	for (size_t i = 0; i < ifaces->count; i++) {
		struct guard *guard = &ifaces->guards[i];

		for (int program = 0; program < BG_PROGRAMS; program++) {
			struct bg_attachment *attachment = &guard->attachment[program];
			struct bg_error err = {};
			int rc;

			if (attachment->way == BG_ATTACH_NONE)
				continue;
			rc = bg_attach_replace(&context, attachment, &err);
			/* what is gone is put back by the next sync */
			if (rc == -ENOLINK)
				bg_detach(ifaces->options.pin_dir, attachment);
			else if (rc)
				trouble(guard, BG_LOG_ERROR,
					"an old program stays in force on this interface",
					err.text);
		}
	}
}

/* --- disarming ------------------------------------------------------------- */

static void drop_guard(struct bg_ifaces *ifaces, struct guard *guard,
		       const struct bg_datapath *datapath)
{
	for (int program = 0; program < BG_PROGRAMS; program++)
		bg_detach(ifaces->options.pin_dir, &guard->attachment[program]);
	bg_vlan_clear(datapath, guard->vlan, guard->ifindex);
	bg_iface_clear(datapath, guard->ifindex);
	*guard = ifaces->guards[--ifaces->count];
}

static void drop_gone(struct bg_ifaces *ifaces, const struct bg_datapath *datapath)
{
	for (size_t i = 0; i < ifaces->count;) {
		struct guard *guard = &ifaces->guards[i];

		if (bg_link_by_index(ifaces->links, guard->ifindex)) {
			i++;
			continue;
		}
		bg_log(BG_LOG_INFO, "interface gone, disarmed",
		       "interface=%s ifindex=%u role=%s vlan=%u", guard->name, guard->ifindex,
		       role_name(guard->role), guard->vlan);
		/* links whose interface is gone are dead already; only pins remain */
		drop_guard(ifaces, guard, datapath);
	}
}

/* Host traffic and the trunk are not ours to filter when they have no role. */
static bool stays_without_plan(const struct guard *guard, const struct bg_plan *plan)
{
	switch (guard->role) {
	case BG_ROLE_BRANCH:
	case BG_ROLE_POD_STRICT:
	case BG_ROLE_POD_STANDARD:
		return true;
	case BG_ROLE_TRUNK:
		return !plan->has_trunk;
	case BG_ROLE_PRIMARY:
	case BG_ROLE_NONE:
		break;
	}
	return false;
}

static void drop_unplanned(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
			   const struct bg_plan *plan, const struct bg_model *model)
{
	for (size_t i = 0; i < ifaces->count;) {
		struct guard *guard = &ifaces->guards[i];

		/* without a feed nobody knows what is not wanted */
		if (!model || bg_plan_find(plan, guard->ifindex) ||
		    stays_without_plan(guard, plan)) {
			i++;
			continue;
		}
		report(guard, "disarmed: the interface has no part in the feed any more");
		drop_guard(ifaces, guard, datapath);
	}
}

/* --- arming ---------------------------------------------------------------- */

static int write_iface(struct guard *guard, const struct bg_datapath *datapath,
		       struct bg_error *err)
{
	struct bg_iface iface = {
		.ifindex = guard->ifindex,
		.role = guard->role,
		.vlan = guard->vlan,
		.flags = guard->flags,
	};
	int rc;

	if (guard->in_map)
		return 0;
	rc = bg_iface_set(datapath, &iface, err);
	guard->in_map = !rc;
	return rc;
}

/* Attached, but by the other way than is asked for now? */
static bool has_other_way(const struct bg_ifaces *ifaces, const struct bg_attachment *attachment)
{
	return attachment->way == (ifaces->options.tcx ? BG_ATTACH_CLSACT : BG_ATTACH_TCX);
}

/* The new one stands before the old one goes. */
static int attach_program(struct bg_ifaces *ifaces, struct guard *guard,
			  const struct bg_datapath *datapath, enum bg_program program,
			  struct bg_error *err)
{
	struct bg_attach_context context = attach_context(ifaces, datapath);
	struct bg_attachment *attachment = &guard->attachment[program], made;
	bool made_qdisc = false;
	int rc;

	rc = bg_attach(&context, program, guard->ifindex, guard->name,
		       ifaces->options.xdp == BG_XDP_ON_TRUNK, &made, &made_qdisc, err);
	if (made_qdisc) {
		guard->flags |= BG_IFACE_OUR_QDISC;
		guard->in_map = false;
	}
	if (rc)
		return rc;
	bg_detach(ifaces->options.pin_dir, attachment);
	*attachment = made;
	return 0;
}

static bool is_there(struct bg_ifaces *ifaces, struct guard *guard, enum bg_program program)
{
	struct bg_attachment *attachment = &guard->attachment[program];

	if (attachment->way == BG_ATTACH_NONE)
		return false;
	if (!bg_attach_check(attachment))
		return true;
	bg_log(BG_LOG_WARNING, "somebody took a program away, putting it back",
	       "interface=%s ifindex=%u program=%s way=%s", guard->name, guard->ifindex,
	       bg_program_name(program), bg_attach_way_name(attachment->way));
	bg_detach(ifaces->options.pin_dir, attachment);
	return false;
}

/* What is not as it should be though the interface is guarded. */
struct outcome {
	bool without_xdp;
	const char *behind; /* the program that another one stands before */
};

/* XDP comes last: it is a quicker way to the verdict that TC gives as well. */
static int attach_missing(struct bg_ifaces *ifaces, struct guard *guard,
			  const struct bg_datapath *datapath, bool *without_xdp,
			  struct bg_error *err)
{
	int rc;

	for (int program = BG_PROGRAMS - 1; program >= 0; program--) {
		struct bg_attachment *attachment = &guard->attachment[program];

		if (!(guard->wanted & BG_PROGRAM_BIT(program)))
			continue;
		if (is_there(ifaces, guard, program) && !has_other_way(ifaces, attachment))
			continue;
		rc = attach_program(ifaces, guard, datapath, program, err);
		if (rc && bg_program_hook(program) != BG_HOOK_XDP)
			return rc;
		if (rc)
			*without_xdp = true;
	}
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (!(guard->wanted & BG_PROGRAM_BIT(program)))
			bg_detach(ifaces->options.pin_dir, &guard->attachment[program]);
	return 0;
}

static int count_our_filters(const struct guard *guard)
{
	int count = 0;

	for (int program = 0; program < BG_PROGRAMS; program++)
		count += guard->attachment[program].way == BG_ATTACH_CLSACT;
	return count;
}

/* A redirect at ingress would pass by the programs of others. */
static void note_others(struct guard *guard, const struct bg_filters *filters)
{
	enum bg_program program = guard->role == BG_ROLE_BRANCH ? BG_TC_BRANCH_INGRESS
								: BG_TC_POD_EGRESS;
	__u32 flags = guard->flags & ~BG_IFACE_SHARED;

	if (bg_attach_is_shared(&guard->attachment[program], filters->count,
				count_our_filters(guard)))
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

/*
 * A program before ours that lets a packet pass hides it from ours. A filter can
 * be put in front without a gap; a tcx program cannot be attached twice, and who
 * put another before it meant it: that is told.
 */
static void stay_first(struct bg_ifaces *ifaces, struct guard *guard,
		       const struct bg_datapath *datapath, const struct bg_filters *filters,
		       struct outcome *outcome)
{
	struct bg_attach_context context = attach_context(ifaces, datapath);

	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment *attachment = &guard->attachment[program];
		struct bg_error err = {};

		if (!bg_attach_is_behind(attachment, filters))
			continue;
		if (attachment->way == BG_ATTACH_CLSACT &&
		    !bg_clsact_to_front(&context, attachment, &err))
			bg_log(BG_LOG_INFO, "another filter came first, ours is in front again",
			       "interface=%s ifindex=%u program=%s", guard->name, guard->ifindex,
			       bg_program_name(program));
		else
			outcome->behind = bg_program_name(program);
	}
}

static bool has_peer_role(enum bg_role role)
{
	return role == BG_ROLE_BRANCH || role == BG_ROLE_POD_STRICT || role == BG_ROLE_POD_STANDARD;
}

static int arm(struct bg_ifaces *ifaces, struct guard *guard, const struct bg_datapath *datapath,
	       struct outcome *outcome, struct bg_error *err)
{
	struct bg_filters filters = {};
	int rc;

	rc = write_iface(guard, datapath, err);
	if (!rc)
		rc = attach_missing(ifaces, guard, datapath, &outcome->without_xdp, err);
	if (rc)
		return rc;
	if (!bg_link_filters(ifaces->links, guard->ifindex, &filters)) {
		stay_first(ifaces, guard, datapath, &filters, outcome);
		if (has_peer_role(guard->role))
			note_others(guard, &filters);
	}
	rc = write_iface(guard, datapath, err);
	/* only now may the trunk let its frames by */
	if (!rc && guard->role == BG_ROLE_BRANCH && guard->vlan)
		rc = bg_vlan_set(datapath, guard->vlan, guard->ifindex, err);
	return rc;
}

static void arm_and_report(struct bg_ifaces *ifaces, struct guard *guard,
			   const struct bg_datapath *datapath)
{
	struct bg_error err = {};
	struct outcome outcome = {};
	int rc;

	rc = arm(ifaces, guard, datapath, &outcome, &err);
	if (rc == -ENODEV) {
		/* it went while we were at it; netlink will say so */
		guard->complete = false;
		return;
	}
	if (rc) {
		guard->complete = false;
		bg_vlan_clear(datapath, guard->vlan, guard->ifindex);
		trouble(guard, BG_LOG_ERROR, "this interface is not guarded", err.text);
		return;
	}
	if (outcome.behind)
		trouble(guard, BG_LOG_WARNING,
			"a program of somebody else stands before this one: what that lets pass is "
			"not judged",
			outcome.behind);
	else if (outcome.without_xdp)
		trouble(guard, BG_LOG_WARNING, "without XDP on this interface, TC guards it alone",
			err.text);
	else if (guard->role == BG_ROLE_BRANCH && !guard->has_branch)
		trouble(guard, BG_LOG_WARNING,
			"no branch in the feed for this interface: everything on it is dropped",
			"");
	else if (guard->role == BG_ROLE_BRANCH && guard->tag && guard->tag != guard->vlan)
		trouble(guard, BG_LOG_WARNING,
			"the tag on the wire is not the VlanId of the feed's branch", "");
	else
		guard->trouble[0] = '\0';
	if (!guard->complete) {
		guard->complete = true;
		if (!guard->armed_ns)
			guard->armed_ns = boot_ns();
		report(guard, guard->adopted ? "adopted" : "armed");
		guard->adopted = false;
	}
}

/* What the plan says of an interface; NULL: only what stays without it. */
static void update_guard(struct guard *guard, const struct bg_planned *planned,
			 const struct bg_link *link, const struct bg_datapath *datapath,
			 enum bg_xdp_choice xdp)
{
	if (strcmp(guard->name, link->name) && strcmp(guard->name, "?"))
		bg_log(BG_LOG_INFO, "interface renamed", "interface=%s ifindex=%u was=%s",
		       link->name, link->ifindex, guard->name);
	snprintf(guard->name, sizeof(guard->name), "%s", link->name);
	if (!planned) {
		guard->has_branch = false;
		if (!guard->wanted)
			guard->wanted = bg_role_programs(guard->role, xdp);
		return;
	}
	if (guard->role != planned->role || guard->vlan != planned->vlan) {
		bg_vlan_clear(datapath, guard->vlan, guard->ifindex);
		if (guard->role)
			bg_log(BG_LOG_INFO, "interface changed",
			       "interface=%s ifindex=%u role=%s vlan=%u was=%s was_vlan=%u",
			       link->name, link->ifindex, role_name(planned->role), planned->vlan,
			       role_name(guard->role), guard->vlan);
		guard->role = planned->role;
		guard->vlan = planned->vlan;
		guard->in_map = false;
	}
	guard->wanted = planned->programs;
	guard->has_branch = planned->branch;
	guard->tag = link->kind == BG_LINK_VLAN ? link->vlan : 0;
}

/* Trunks first: from then on nothing comes in for a branch that is not armed. */
static int arm_all(struct bg_ifaces *ifaces, const struct bg_datapath *datapath, bool trunks)
{
	int incomplete = 0;

	for (size_t i = 0; i < ifaces->count; i++) {
		struct guard *guard = &ifaces->guards[i];
		bool is_trunk = guard->wanted & BG_PROGRAM_BIT(BG_TC_TRUNK_INGRESS);

		if (is_trunk != trunks)
			continue;
		arm_and_report(ifaces, guard, datapath);
		incomplete += !guard->complete;
	}
	return incomplete;
}

static int note_branches(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
			 const struct bg_model *model, struct bg_error *err)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];
		const struct bg_link *link = bg_link_by_name(ifaces->links, branch->interface);
		struct guard *guard = link ? find_guard(ifaces, link->ifindex) : NULL;
		int rc = bg_branch_set(datapath, branch->vlan, link ? link->ifindex : 0,
				       guard && guard->complete ? guard->armed_ns : 0, err);

		if (rc)
			return rc;
	}
	return 0;
}

int bg_ifaces_sync(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
		   const struct bg_model *model, struct bg_error *err)
{
	bg_cleanup(plan_free_at) struct bg_plan plan = {};
	int incomplete, rc;

	rc = bg_ways_sync(datapath, model, ifaces->links, &ifaces->primary, err);
	if (rc)
		return rc;
	rc = bg_plan_make(model, ifaces->links, ifaces->options.xdp, ifaces->primary, &plan);
	if (rc)
		return bg_fail(err, rc, "out of memory");
	drop_gone(ifaces, datapath);
	drop_unplanned(ifaces, datapath, &plan, model);
	for (size_t i = 0; i < plan.count; i++)
		if (!get_guard(ifaces, plan.planned[i].link->ifindex, plan.planned[i].link->name))
			return bg_fail(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < ifaces->count; i++) {
		struct guard *guard = &ifaces->guards[i];

		update_guard(guard, bg_plan_find(&plan, guard->ifindex),
			     bg_link_by_index(ifaces->links, guard->ifindex), datapath,
			     ifaces->options.xdp);
	}
	incomplete = arm_all(ifaces, datapath, true);
	incomplete += arm_all(ifaces, datapath, false);
	if (model) {
		rc = note_branches(ifaces, datapath, model, err);
		if (!rc)
			rc = bg_pods_sync(datapath, model, ifaces->links, err);
		if (rc)
			return rc;
	}
	return incomplete;
}

void bg_ifaces_troubles(const struct bg_ifaces *ifaces,
			void (*each)(const char *interface, const char *text, void *context),
			void *context)
{
	for (size_t i = 0; i < ifaces->count; i++)
		if (ifaces->guards[i].trouble[0])
			each(ifaces->guards[i].name, ifaces->guards[i].trouble, context);
}
