// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of guarded interfaces: finding one, adding one, and logging how it is. Called
 * by ifaces.c, arm.c and ifaces_adopt.c; it attaches nothing and removes no entry.
 */
#include "guard/guards.h"

#include <stdio.h>
#include <string.h>

#include "base/grow.h"

const char *bg_role_name(enum bg_role role)
{
	static const char *const names[] = { "none",	   "branch",	   "trunk",
					     "pod-strict", "pod-standard", "primary" };

	/* after a restart it is what somebody pinned */
	return (size_t)role < sizeof(names) / sizeof(names[0]) ? names[role] : "unknown";
}

struct bg_guard *bg_guard_find(struct bg_ifaces *ifaces, __u32 ifindex)
{
	__u32 *place = &ifaces->places[ifindex % BG_GUARD_PLACES];

	if (*place < ifaces->count && ifaces->guards[*place].ifindex == ifindex)
		return &ifaces->guards[*place];
	for (size_t i = 0; i < ifaces->count; i++) {
		if (ifaces->guards[i].ifindex != ifindex)
			continue;
		*place = (__u32)i;
		return &ifaces->guards[i];
	}
	return NULL;
}

struct bg_guard *bg_guard_get(struct bg_ifaces *ifaces, __u32 ifindex, const char *name)
{
	struct bg_guard *guard = bg_guard_find(ifaces, ifindex);

	if (guard)
		return guard;
	guard = BG_GROW(ifaces->guards, ifaces->count);
	if (!guard)
		return NULL;
	ifaces->places[ifindex % BG_GUARD_PLACES] = (__u32)(ifaces->count - 1);
	guard->ifindex = ifindex;
	snprintf(guard->name, sizeof(guard->name), "%s", name);
	for (int program = 0; program < BG_PROGRAMS; program++)
		guard->attachment[program].link_fd = -1;
	return guard;
}

bool bg_guard_has(const struct bg_guard *guard, enum bg_attach_state state)
{
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (bg_program_hook(program) != BG_HOOK_XDP &&
		    bg_attach_look(&guard->attachment[program]) == state)
			return true;
	return false;
}

bool bg_guard_is_another(const struct bg_guard *guard, const struct bg_netdev *netdev)
{
	const bool renamed = strcmp(guard->name, netdev->name) != 0;

	/* of an earlier daemon's guard the name alone is known */
	if (guard->life == netdev->life || (!guard->life && !renamed))
		return false;
	/* armed in the moment in which they changed places, another one can have our programs */
	return (guard->life && renamed) ||
	       (!bg_guard_has(guard, BG_ATTACH_RUNS) && !bg_guard_has(guard, BG_ATTACH_CHANGED));
}

void bg_guard_trouble(struct bg_guard *guard, enum bg_log_level level, const char *message,
		      const char *reason)
{
	char text[sizeof(guard->trouble)];

	snprintf(text, sizeof(text), "%s%s%s", message, *reason ? ": " : "", reason);
	if (!strcmp(guard->trouble, text))
		return;
	memcpy(guard->trouble, text, sizeof(text));
	bg_log(level, message, "interface=%s ifindex=%u role=%s%s%s", guard->name, guard->ifindex,
	       bg_role_name(guard->role), *reason ? " reason=" : "",
	       *reason ? bg_quote(reason) : "");
}

/* "xdp,ingress,egress" */
static void list_hooks(const struct bg_guard *guard, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (guard->attachment[program].by != BG_ATTACH_NONE && length < size)
			length += snprintf(text + length, size - length, "%s%s", length ? "," : "",
					   bg_hook_name(bg_program_hook(program)));
}

static enum bg_attach_by tc_attached_by(const struct bg_guard *guard)
{
	enum bg_attach_by by = BG_ATTACH_NONE;

	for (int program = 0; program < BG_PROGRAMS; program++)
		if (guard->attachment[program].by != BG_ATTACH_NONE &&
		    bg_program_hook(program) != BG_HOOK_XDP)
			by = guard->attachment[program].by;
	return by;
}

void bg_guard_report(const struct bg_guard *guard, const char *message)
{
	char hooks[64];

	list_hooks(guard, hooks, sizeof(hooks));
	bg_log(BG_LOG_INFO, message, "interface=%s ifindex=%u role=%s vlan=%u hooks=%s way=%s",
	       guard->name, guard->ifindex, bg_role_name(guard->role), guard->vlan,
	       *hooks ? hooks : "none", bg_attach_by_name(tc_attached_by(guard)));
}

struct bg_attach_context bg_ifaces_context(const struct bg_ifaces *ifaces,
					   const struct bg_datapath *datapath)
{
	struct bg_attach_context context = {
		.pin_dir = ifaces->options.pin_dir,
		.skel = datapath->skel,
		.tcx = ifaces->options.tcx,
		.native_xdp = ifaces->options.xdp == BG_XDP_ON_TRUNK,
	};

	return context;
}
