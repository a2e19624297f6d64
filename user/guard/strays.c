// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What another build left attached that this one cannot replace: programs it has none for
 * under that name or number, and filters on interfaces that it has no role for. They go
 * on with the maps of that build, so they are found at the start, and go once everything
 * of this build's is in place. What belongs to another --pin-dir is never touched.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/ids.h"
#include "datapath/clsact.h"
#include "guard/guards.h"

int bg_stray_add(struct bg_ifaces *ifaces, const struct bg_attachment *stray)
{
	struct bg_attachment *added = BG_GROW(ifaces->strays, ifaces->stray_count);

	if (!added)
		return -ENOMEM;
	*added = *stray;
	return 0;
}

/* One look at the filters of an interface. */
struct search {
	struct bg_ifaces *ifaces;
	struct bg_ids pinned; /* programs that are pinned in this pin_dir */
	const struct bg_netdev *netdev;
	bool is_guarded;
	bool out_of_memory;
};

static void search_free(struct search *search)
{
	bg_ids_free(&search->pinned);
}

/* Which program a filter has tells by its id alone; where we guard, the handle is enough. */
static void take_stray(struct bg_attachment *stray, void *context)
{
	struct search *search = context;

	if (!search->is_guarded && !bg_ids_has(&search->pinned, stray->prog_id))
		return;
	snprintf(stray->interface, sizeof(stray->interface), "%s", search->netdev->name);
	if (bg_stray_add(search->ifaces, stray))
		search->out_of_memory = true;
}

/* It becomes a guard without a role: replaced, and then disarmed, as if it had lost that. */
static void take_filter(struct search *search, const struct bg_attachment *filter)
{
	struct bg_guard *guard =
		bg_guard_get(search->ifaces, filter->ifindex, search->netdev->name);

	if (!guard) {
		search->out_of_memory = true;
		return;
	}
	guard->attachment[filter->program] = *filter;
	snprintf(guard->attachment[filter->program].interface, sizeof(filter->interface), "%s",
		 guard->name);
	guard->adopted = true;
}

static int look_at(struct search *search)
{
	const __u32 ifindex = search->netdev->ifindex;
	struct bg_filters filters = {};
	int rc = bg_netdev_filters(search->ifaces->netdevs, ifindex, &filters);

	/* most have none, or our own; what could not be asked is looked for */
	if (rc)
		filters.numbers = UINT32_MAX;
	if (!filters.numbers)
		return 0;
	search->is_guarded = bg_guard_find(search->ifaces, ifindex);
	rc = filters.numbers >> BG_PROGRAMS ? bg_clsact_strays(ifindex, take_stray, search) : 0;
	for (int program = 0; program < BG_PROGRAMS && !rc && !search->is_guarded; program++) {
		struct bg_attachment filter;

		if (bg_program_hook(program) == BG_HOOK_XDP ||
		    !(filters.numbers & BG_PROGRAM_BIT(program)))
			continue;
		rc = bg_attach_find_filter(program, ifindex, &filter);
		if (!rc && bg_ids_has(&search->pinned, filter.prog_id))
			take_filter(search, &filter);
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc;
}

int bg_strays_adopt(struct bg_ifaces *ifaces, struct bg_error *err)
{
	bg_cleanup(search_free) struct search search = { .ifaces = ifaces };
	size_t count;
	int rc;

	rc = bg_pinned_programs(ifaces->options.pin_dir, &search.pinned);
	if (rc)
		return bg_fail(err, rc, "looking at the programs pinned in %s/programs: %s",
			       ifaces->options.pin_dir, strerror(-rc));
	search.netdev = bg_netdevs_list(ifaces->netdevs, &count);
	for (; count; count--, search.netdev++) {
		rc = look_at(&search);
		/* whom this does not find, nobody would look after */
		if (rc)
			return bg_fail(err, rc,
				       "looking for the filters of another build on %s: %s",
				       search.netdev->name, strerror(-rc));
		if (search.out_of_memory)
			return bg_no_memory(err, "taking over what is guarded");
	}
	return 0;
}

size_t bg_ifaces_drop_strays(struct bg_ifaces *ifaces)
{
	struct bg_error err;
	size_t kept = 0;

	for (size_t i = 0; i < ifaces->stray_count; i++) {
		struct bg_attachment *stray = &ifaces->strays[i];
		const struct bg_guard *guard = bg_guard_find(ifaces, stray->ifindex);
		const char *by = bg_attach_by_name(stray->by);

		/* until ours is there it may be all that guards the interface */
		if ((guard && !guard->complete) ||
		    bg_detach(ifaces->options.pin_dir, stray, &err)) {
			ifaces->strays[kept++] = *stray;
			continue;
		}
		bg_log(BG_LOG_INFO,
		       "took away a program of another build, which this one does not have",
		       "interface=%s ifindex=%u program=%s way=%s handle=%#x", stray->interface,
		       stray->ifindex, stray->stray[0] ? stray->stray : "?", by, stray->handle);
	}
	ifaces->stray_count = kept;
	return kept;
}
