// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Interfaces that an earlier daemon guarded, and the change to new programs. The daemon
 * calls it at its start, and for larger images; interfaces that nothing guards yet are
 * not armed here.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "datapath/attach_look.h"
#include "guard/guards.h"
#include "guard/iface_maps.h"

struct adoption {
	struct bg_ifaces *ifaces;
	const struct bg_datapath *datapath;
	bool out_of_memory;
};

static void adopt_iface(const struct bg_iface *iface, void *context)
{
	struct adoption *adoption = context;
	const struct bg_netdev *netdev =
		bg_netdev_by_index(adoption->ifaces->netdevs, iface->ifindex);
	/* as it was called then: another one may have its ifindex by now */
	const char *name = *iface->interface ? iface->interface : netdev ? netdev->name : "?";
	struct bg_guard *guard = bg_guard_get(adoption->ifaces, iface->ifindex, name);

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
	struct bg_attachment *place;
	struct bg_guard *guard;

	if (attachment->program == BG_PROGRAMS) {
		if (bg_stray_add(adoption->ifaces, attachment)) {
			adoption->out_of_memory = true;
			bg_attach_release(attachment);
		}
		return;
	}
	guard = bg_guard_get(adoption->ifaces, attachment->ifindex, attachment->interface);
	if (!guard) {
		adoption->out_of_memory = true;
		bg_attach_release(attachment);
		return;
	}
	place = &guard->attachment[attachment->program];
	/* two interfaces may have the ifindex, of which one was moved away with its program */
	if (place->by != BG_ATTACH_NONE && bg_attach_look(place) == BG_ATTACH_RUNS) {
		bg_attach_release(attachment);
		return;
	}
	bg_attach_release(place);
	*place = *attachment;
	guard->adopted = true;
}

static int adopt_filters(struct bg_netdevs *netdevs, struct bg_guard *guard, struct bg_error *err)
{
	struct bg_filters filters = {};

	/* what could not be listed is asked for */
	if (bg_netdev_filters(netdevs, guard->ifindex, &filters))
		filters.numbers = UINT32_MAX;
	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment *attachment = &guard->attachment[program];
		int rc;

		if (attachment->by != BG_ATTACH_NONE || bg_program_hook(program) == BG_HOOK_XDP ||
		    !(filters.numbers & BG_PROGRAM_BIT(program)))
			continue;
		rc = bg_attach_find_filter(program, guard->ifindex, attachment);
		if (rc && rc != -ENOENT)
			return bg_fail(err, rc, "looking for the filter of %s on %s: %s",
				       bg_program_name(program), guard->name, strerror(-rc));
		if (!rc)
			snprintf(attachment->interface, sizeof(attachment->interface), "%s",
				 guard->name);
	}
	return 0;
}

/* Whoever took a program away while no daemon ran opened the interface; what was not there
 * when the last one looked, that one has said. */
static void report_gap(struct bg_guard *guard, __u64 last_beat_ns)
{
	const unsigned int wanted = bg_tc_programs(guard->role);

	for (int program = 0; program < BG_PROGRAMS; program++) {
		if (!(wanted & BG_PROGRAM_BIT(program)) ||
		    guard->attachment[program].by != BG_ATTACH_NONE)
			continue;
		guard->lost |= BG_PROGRAM_BIT(program);
		guard->checked_ns = last_beat_ns;
		bg_log(BG_LOG_WARNING,
		       "a program was gone while no daemon ran: what passed here was not "
		       "judged; putting it back",
		       "interface=%s ifindex=%u program=%s", guard->name, guard->ifindex,
		       bg_program_name(program));
	}
}

int bg_ifaces_adopt(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
		    struct bg_error *err)
{
	struct adoption adoption = { .ifaces = ifaces, .datapath = datapath };
	const struct bg_netdev *netdev;
	int rc;

	rc = bg_iface_each(datapath, adopt_iface, &adoption);
	if (rc)
		return bg_fail(err, rc, "reading map ifaces: %s", strerror(-rc));
	rc = bg_attach_adopt(ifaces->options.pin_dir, adopt_link, &adoption, err);
	if (rc)
		return rc;
	if (adoption.out_of_memory)
		return bg_no_memory(err, "taking over what is guarded");
	rc = bg_strays_adopt(ifaces, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < ifaces->count; i++) {
		netdev = bg_netdev_by_index(ifaces->netdevs, ifaces->guards[i].ifindex);
		if (!netdev)
			continue;
		rc = adopt_filters(ifaces->netdevs, &ifaces->guards[i], err);
		if (rc)
			return rc;
		if (!bg_guard_is_another(&ifaces->guards[i], netdev))
			report_gap(&ifaces->guards[i], bg_last_beat_ns(datapath));
	}
	return 0;
}

void bg_ifaces_switch(struct bg_ifaces *ifaces, const struct bg_datapath *datapath)
{
	struct bg_attach_context context = bg_ifaces_context(ifaces, datapath);

	for (size_t i = 0; i < ifaces->count; i++) {
		struct bg_guard *guard = &ifaces->guards[i];

		for (int program = 0; program < BG_PROGRAMS; program++) {
			struct bg_attachment *attachment = &guard->attachment[program];
			struct bg_error err = {};
			int rc;

			if (attachment->by == BG_ATTACH_NONE)
				continue;
			/* one that the options leave out is not loaded: its old one goes, now
			 * or by a sync */
			if (bg_program_fd(datapath->skel, program) < 0) {
				attachment->outdated =
					bg_detach(ifaces->options.pin_dir, attachment, &err);
				continue;
			}
			rc = bg_attach_replace(&context, attachment, &err);
			/* what somebody took away comes back with the next sync */
			if (rc == -ENOLINK)
				bg_attach_forget(ifaces->options.pin_dir, attachment);
			attachment->outdated = rc && rc != -ENOLINK;
			guard->open |= attachment->outdated;
			if (attachment->outdated)
				bg_guard_trouble(guard, BG_LOG_ERROR,
						 "an old program stays in force on this interface",
						 err.text);
		}
	}
}
