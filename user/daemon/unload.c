// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes away links, filters, qdiscs and pins. Only the verb `unload` calls it, never the
 * daemon; nothing that is not ours by the rules of unload.h is touched. It looks first, and
 * changes nothing unless all could be looked at; the pins go last, and only if nothing that
 * they tell of is left.
 */
#include "daemon/unload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/caps.h"
#include "base/cleanup.h"
#include "base/in_time.h"
#include "base/grow.h"
#include "daemon/unload_plan.h"
#include "datapath/attach.h"
#include "datapath/clsact.h"
#include "datapath/link_name.h"
#include "guard/netdevs.h"
#include "maps.h"
#include "pinned/claim.h"
#include "pinned/foreign.h"
#include "pinned/held_file.h"
#include "pinned/home.h"
#include "pinned/lock_holder.h"
#include "pinned/pin.h"
#include "pinned/state_file.h"

/* A filter that was found, and what its program uses. */
struct found {
	struct bg_attachment filter;
	__u32 *maps;
	size_t map_count;
	int program_rc;
};

struct unload {
	const char *pin_dir;
	struct bg_netdevs *netdevs;
	struct bg_unload_ours ours;
	struct bg_ids guarded, linked; /* interfaces: that were guarded, and by links at TC */
	struct bg_attachment *links;   /* that are pinned */
	size_t link_count;
	struct found *found;
	size_t found_count;
	const struct bg_netdev *looked_at;
	bool out_of_memory;
	struct bg_unloaded *unloaded;
	struct bg_error *err;
};

static void unload_free(struct unload *unload)
{
	for (size_t i = 0; i < unload->link_count; i++)
		bg_attach_release(&unload->links[i]);
	for (size_t i = 0; i < unload->found_count; i++)
		free(unload->found[i].maps);
	free(unload->links);
	free(unload->found);
	bg_ids_free(&unload->ours.programs);
	bg_ids_free(&unload->ours.maps);
	bg_ids_free(&unload->ours.qdiscs);
	bg_ids_free(&unload->guarded);
	bg_ids_free(&unload->linked);
}

/* --- looking: what is pinned --------------------------------------------------- */

/* What cannot be read may be what a filter is known by. */
static int unread(const struct unload *unload, const char *folder, const char *name, int rc)
{
	return bg_fail(unload->err, rc,
		       "reading the pin %s/%s/%s: %s: nothing was changed; try again, or remove "
		       "that pin, if it is none of branchguard's",
		       unload->pin_dir, folder, name, strerror(-rc));
}

static int note_program(const char *name, void *context)
{
	struct unload *unload = context;
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	bg_auto_close int fd = bg_pin_get(unload->pin_dir, BG_PIN_PROGRAMS, name);
	int rc = fd < 0 ? fd : bpf_prog_get_info_by_fd(fd, &info, &length);

	if (rc == -ENOENT) /* somebody removed it since */
		return 0;
	if (rc)
		return unread(unload, "programs", name, rc);
	unload->unloaded->pins++;
	return bg_ids_add(&unload->ours.programs, info.id);
}

/* The entry of one interface, of any ABI: was its qdisc made by us? */
static int note_iface(const void *start, void *context)
{
	const struct bg_iface *iface = start;
	struct unload *unload = context;
	int rc = 0;

	if (!iface->ifindex)
		return 0;
	if (iface->flags & BG_IFACE_OUR_QDISC)
		rc = bg_ids_add(&unload->ours.qdiscs, iface->ifindex);
	if (!rc && iface->role != BG_ROLE_NONE && !bg_ids_has(&unload->guarded, iface->ifindex))
		rc = bg_ids_add(&unload->guarded, iface->ifindex);
	return rc;
}

static int note_map_in(struct unload *unload, enum bg_pin_kind kind, const char *folder,
		       const char *name)
{
	bg_auto_close int fd = bg_pin_get(unload->pin_dir, kind, name);
	struct bpf_map_info info;
	int rc = fd < 0 ? fd : bg_map_info(fd, &info);

	if (rc == -ENOENT)
		return 0;
	/* in older layouts `more_ifaces` has some of them */
	if (!rc && kind == BG_PIN_MAPS && (!strcmp(name, "ifaces") || !strcmp(name, "more_ifaces")))
		rc = bg_foreign_each(fd, sizeof(struct bg_iface), note_iface, unload);
	if (rc)
		return unread(unload, folder, name, rc);
	unload->unloaded->pins++;
	return bg_ids_add(&unload->ours.maps, info.id);
}

static int note_map(const char *name, void *context)
{
	return note_map_in(context, BG_PIN_MAPS, "maps", name);
}

/* Of the build before, where one was being replaced: programs of it may still run. */
static int note_map_aside(const char *name, void *context)
{
	return note_map_in(context, BG_PIN_ASIDE, "maps_aside", name);
}

/* By its name alone: of a namespace that is no more, links are dead, and their pins go first. */
static int note_link_name(const char *name, void *context)
{
	struct unload *unload = context;
	struct bg_attachment link = {};

	if (bg_link_name_parse(name, &link) ||
	    (link.program < BG_PROGRAMS && bg_program_hook(link.program) == BG_HOOK_XDP))
		return 0;
	return bg_ids_add(&unload->linked, link.ifindex);
}

static void note_link(struct bg_attachment *attachment, void *context)
{
	struct unload *unload = context;
	struct bg_attachment *link = BG_GROW(unload->links, unload->link_count);

	if (link)
		*link = *attachment;
	else
		bg_attach_release(attachment);
	unload->out_of_memory |= !link;
}

static int look_at_pins(struct unload *unload)
{
	const char *pin_dir = unload->pin_dir;
	struct bg_error err = {};
	int rc;

	*unload->err->text = '\0';
	rc = bg_pin_each(pin_dir, BG_PIN_PROGRAMS, note_program, unload) ?:
	     bg_pin_each(pin_dir, BG_PIN_MAPS, note_map, unload) ?:
	     bg_pin_each(pin_dir, BG_PIN_ASIDE, note_map_aside, unload) ?:
	     bg_pin_each(pin_dir, BG_PIN_LINKS, note_link_name, unload);
	if (rc)
		return *unload->err->text ? rc
					  : bg_fail(unload->err, rc, "reading the pins in %s: %s",
						    pin_dir, strerror(-rc));
	rc = bg_attach_adopt(pin_dir, note_link, unload, &err);
	if (rc)
		return bg_fail(unload->err, rc,
			       "%s: nothing was changed; try again, or remove that pin, if it is "
			       "none of branchguard's",
			       err.text);
	return unload->out_of_memory
		       ? bg_no_memory(unload->err, "reading the pins in %s: nothing was changed",
				      pin_dir)
		       : 0;
}

/* --- looking: filters ---------------------------------------------------------- */

static void note_filter(struct bg_attachment *filter, void *context)
{
	struct unload *unload = context;
	struct found *found = BG_GROW(unload->found, unload->found_count);

	if (!found) {
		unload->out_of_memory = true;
		return;
	}
	found->filter = *filter;
	snprintf(found->filter.interface, sizeof(found->filter.interface), "%s",
		 unload->looked_at->name);
	if (!bg_ids_has(&unload->ours.programs, filter->prog_id))
		found->program_rc =
			bg_foreign_maps_of(filter->prog_id, &found->maps, &found->map_count);
}

/* All with a handle of ours, whatever the build. Most interfaces have none. */
static int look_at_interface(struct unload *unload)
{
	const __u32 ifindex = unload->looked_at->ifindex;
	struct bg_filters there = {};
	int rc;

	/* what could not be counted is looked for */
	if (!bg_netdev_filters(unload->netdevs, ifindex, &there) && !there.count)
		return 0;
	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment filter;

		if (bg_program_hook(program) == BG_HOOK_XDP)
			continue;
		rc = bg_attach_find_filter(program, ifindex, &filter);
		if (!rc)
			note_filter(&filter, unload);
		else if (rc != -ENOENT)
			return rc;
	}
	return bg_clsact_strays(ifindex, note_filter, unload);
}

static int look_at_filters(struct unload *unload)
{
	size_t count;

	unload->looked_at = bg_netdevs_list(unload->netdevs, &count);
	for (; count; count--, unload->looked_at++) {
		int rc = look_at_interface(unload);

		if (rc)
			return bg_fail(unload->err, rc,
				       "looking for filters on %s: %s: nothing was changed; try "
				       "again",
				       unload->looked_at->name, strerror(-rc));
	}
	return unload->out_of_memory
		       ? bg_no_memory(unload->err, "looking for filters: nothing was changed")
		       : 0;
}

/* --- deciding ------------------------------------------------------------------ */

/*
 * Which program a filter has can be asked by its id alone, and whose that is without
 * CAP_SYS_ADMIN only of those that are pinned. A filter with one of our handles that would
 * be left behind, with nothing to find it by, is a reason to change nothing.
 */
static int doubtful(const struct unload *unload, const struct found *found)
{
	const struct bg_attachment *filter = &found->filter;

	if (found->program_rc == -EPERM)
		return bg_fail(unload->err, -EPERM,
			       "%s has a filter of branchguard (handle %#x) whose program "
			       "%u is not pinned in %s; to see whether it belongs there "
			       "takes CAP_SYS_ADMIN: nothing was changed",
			       filter->interface, filter->handle, filter->prog_id, unload->pin_dir);
	return bg_fail(unload->err, found->program_rc,
		       "asking the kernel whose program %u is, of a filter on %s (handle %#x): %s: "
		       "nothing was changed; try again",
		       filter->prog_id, filter->interface, filter->handle,
		       strerror(-found->program_rc));
}

static int decide(struct unload *unload, enum bg_unload_fate **fates)
{
	bg_auto_free struct bg_unload_filter *filters = NULL;
	bg_auto_free enum bg_unload_fate *decided = NULL;
	size_t first_doubt;

	filters = calloc(unload->found_count + 1, sizeof(*filters));
	decided = calloc(unload->found_count + 1, sizeof(*decided));
	if (!filters || !decided)
		return bg_no_memory(unload->err, "looking for filters: nothing was changed");
	for (size_t i = 0; i < unload->found_count; i++) {
		const struct found *found = &unload->found[i];

		filters[i] = (struct bg_unload_filter){ found->filter.prog_id, found->program_rc,
							found->maps, found->map_count };
	}
	if (bg_unload_plan(&unload->ours, filters, unload->found_count, decided, &first_doubt))
		return doubtful(unload, &unload->found[first_doubt]);
	*fates = bg_take_ptr(decided);
	return 0;
}

/* --- doing --------------------------------------------------------------------- */

/* Where one cannot be taken away, the others can; the first reason is kept. */
static int take_links(struct unload *unload, int failed, struct bg_error *err)
{
	for (size_t i = 0; i < unload->link_count; i++) {
		int rc = bg_detach(unload->pin_dir, &unload->links[i], err);

		if (rc) {
			failed = failed ?: bg_fail(unload->err, rc, "%s", err->text);
			continue;
		}
		unload->unloaded->links++;
		unload->unloaded->pins++;
	}
	return failed;
}

static int take_filters(struct unload *unload, const enum bg_unload_fate *fates, int failed,
			struct bg_error *err)
{
	for (size_t i = 0; i < unload->found_count; i++) {
		int rc = fates[i] == BG_UNLOAD_TAKEN
				 ? bg_detach(unload->pin_dir, &unload->found[i].filter, err)
				 : 0;

		if (rc)
			failed = failed ?: bg_fail(unload->err, rc, "%s", err->text);
		else
			unload->unloaded->filters += fates[i] == BG_UNLOAD_TAKEN;
	}
	return failed;
}

static int take_qdisc(struct unload *unload, __u32 ifindex)
{
	struct bg_filters left = {};
	int rc = bg_netdev_filters(unload->netdevs, ifindex, &left);

	if (rc == -ENODEV) /* it went along with its interface */
		return 0;
	if (rc || !bg_unload_takes_qdisc(&unload->ours, ifindex, left.count))
		return rc;
	rc = bg_clsact_remove_qdisc(ifindex);
	unload->unloaded->qdiscs += !rc;
	return rc;
}

static int take_qdiscs(struct unload *unload, int failed)
{
	size_t count;
	const struct bg_netdev *netdev = bg_netdevs_list(unload->netdevs, &count);

	for (; count; count--, netdev++) {
		int rc = bg_ids_has(&unload->ours.qdiscs, netdev->ifindex)
				 ? take_qdisc(unload, netdev->ifindex)
				 : 0;

		if (rc)
			failed = failed
					 ?: bg_fail(unload->err, rc,
						    "removing the clsact qdisc of %s: %s",
						    netdev->name, strerror(-rc));
	}
	return failed;
}

/* What is no link was a filter, whoever made its qdisc. */
static unsigned int filters_elsewhere(const struct unload *unload)
{
	unsigned int count = 0;

	for (size_t i = 0; i < unload->guarded.count; i++)
		count += !bg_ids_has(&unload->linked, unload->guarded.id[i]);
	return count;
}

static int take_all(struct unload *unload, bool at_home)
{
	bg_auto_free enum bg_unload_fate *fates = NULL;
	struct bg_error err;
	int rc = decide(unload, &fates);

	if (rc)
		return rc;
	rc = take_links(unload, 0, &err);
	rc = take_filters(unload, fates, rc, &err);
	if (at_home)
		rc = take_qdiscs(unload, rc);
	else
		unload->unloaded->left = filters_elsewhere(unload);
	if (!rc)
		return 0;
	err = *unload->err;
	return bg_fail(unload->err, rc,
		       "%s; %u links and %u filters are gone, what is left is still in force, and "
		       "known by its pins in %s: run `branchguard unload` again",
		       err.text, unload->unloaded->links, unload->unloaded->filters,
		       unload->pin_dir);
}

static int lock(const char *pin_dir, int *lock_fd, struct bg_error *err)
{
	struct bg_lock_holder holder;
	int rc = bg_pin_lock(pin_dir, false, lock_fd, err);

	if (rc != -EBUSY)
		return rc;
	if (bg_lock_held(pin_dir, &holder) && holder.pid)
		return bg_fail(err, rc,
			       "a daemon is running on %s (process %d, %s) and would put "
			       "everything back: stop it first",
			       pin_dir, holder.pid, holder.name);
	return bg_fail(err, rc,
		       "a daemon is running on %s and would put everything back: stop it "
		       "first",
		       pin_dir);
}

/* What is left by a daemon that was killed, too. */
static int remove_files(void *context, int *fd, struct bg_error *err)
{
	const char *pin_dir = context;
	int claim_fd;

	(void)fd;
	if (!bg_claim_netns(&claim_fd, err))
		bg_claim_end(claim_fd);
	bg_held_files_remove(pin_dir);
	bg_state_remove(pin_dir);
	return 0;
}

int bg_unload(const char *pin_dir, bool any_netns, struct bg_unloaded *unloaded,
	      struct bg_error *err)
{
	bg_cleanup(bg_netdevs_close_at) struct bg_netdevs *netdevs = NULL;
	bg_cleanup(unload_free) struct unload unload = { .pin_dir = pin_dir,
							 .unloaded = unloaded,
							 .err = err };
	bg_auto_close int lock_fd = -1;
	struct bg_error why;
	bool at_home;
	int rc;

	rc = lock(pin_dir, &lock_fd, err);
	if (rc)
		return rc;
	rc = bg_caps_need(BG_CAP(CAP_NET_ADMIN), "detaching programs from interfaces", err);
	if (rc)
		return rc;
	rc = bg_home_check(pin_dir, err);
	at_home = !rc;
	if (rc && (rc != -EXDEV || !any_netns))
		return rc;
	rc = bg_netdevs_open(&netdevs, err);
	if (rc)
		return rc;
	unload.netdevs = netdevs;
	rc = look_at_pins(&unload);
	if (!rc && at_home)
		rc = look_at_filters(&unload);
	if (!rc)
		rc = take_all(&unload, at_home);
	if (rc)
		return rc;
	rc = bg_pin_clear(pin_dir);
	if (rc)
		return bg_fail(err, rc, "everything is detached, but %s cannot be removed: %s",
			       pin_dir,
			       rc == -ENOTEMPTY ? "there is something in it that is not ours"
						: strerror(-rc));
	rc = bg_in_time(BG_STATE_DIR, BG_IN_TIME_MS, remove_files, (void *)pin_dir, NULL, &why);
	return rc ? bg_fail(err, rc,
			    "everything is detached and unpinned, but the daemon's files are left: "
			    "%s",
			    why.text)
		  : 0;
}
