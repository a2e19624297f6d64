// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is attached at the interfaces that the programs know, and what is missing there: the
 * kernel is asked, not the daemon. status.c calls it.
 */
#include "show/status_hooks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/printable.h"
#include "datapath/attach.h"
#include "datapath/tcx.h"
#include "pinned/pin.h"

#define BY_THE_DAEMONS_WORD ": what is said to be armed here is so by the daemon's word alone"
static const char who_may_look[] =
	"what is attached could not be looked at, which takes the links' owner "
	"or root" BY_THE_DAEMONS_WORD;
static const char where_to_look[] =
	"what is attached could not be looked at from this network namespace, as the interfaces "
	"are of another one" BY_THE_DAEMONS_WORD;

/* A program of this branchguard, by its pin. */
struct program {
	__u32 id;
	char name[24]; /* as the object has it */
};

struct hook_list {
	const char *pin_dir;
	struct bg_status *status;
	struct program *programs;
	size_t program_count;
	bool tcx;    /* the kernel has tcx, so there are no filters of ours */
	bool hidden; /* links and programs are not for this process to open */
};

static void hook_list_free(struct hook_list *list)
{
	free(list->programs);
}

static int add_program(const char *name, void *context)
{
	struct hook_list *list = context;
	struct bpf_prog_info info = {};
	__u32 info_bytes = sizeof(info);
	struct program *program;
	bg_auto_close int fd = bg_pin_get(list->pin_dir, BG_PIN_PROGRAMS, name);
	int rc;

	/* it was unpinned after it was listed: what has it is outdated */
	if (fd == -ENOENT)
		return 0;
	rc = fd < 0 ? fd : bpf_prog_get_info_by_fd(fd, &info, &info_bytes);
	if (rc)
		return rc;
	program = BG_GROW(list->programs, list->program_count);
	if (!program)
		return -ENOMEM;
	program->id = info.id;
	snprintf(program->name, sizeof(program->name), "%s", name);
	return 0;
}

static const struct program *program_of(const struct hook_list *list, __u32 id)
{
	for (size_t i = 0; i < list->program_count; i++)
		if (list->programs[i].id == id)
			return &list->programs[i];
	return NULL;
}

static int add_iface(const struct bg_iface *iface, void *context)
{
	struct bg_status *status = context;
	struct bg_iface *added = BG_GROW(status->ifaces, status->iface_count);

	if (!added)
		return -ENOMEM;
	*added = *iface;
	return 0;
}

/*
 * By its pin, which everybody who sees the pins can look at. Else it is that of an earlier
 * datapath, or somebody else's: by its id, which takes CAP_SYS_ADMIN; the kernel keeps 15
 * bytes of a name, and some of ours are longer.
 */
static void name_program(const struct hook_list *list, struct bg_hook_status *hook)
{
	const struct program *pinned = program_of(list, hook->prog_id);
	struct bpf_prog_info info = {};
	__u32 info_bytes = sizeof(info);
	bg_auto_close int fd = -1;
	int program = 0;

	/* a filter is known by its handle, too */
	if (list->hidden)
		return;
	if (pinned) {
		snprintf(hook->program, sizeof(hook->program), "%s", pinned->name);
		return;
	}
	hook->outdated = true;
	fd = bpf_prog_get_fd_by_id(hook->prog_id);
	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &info_bytes))
		info.name[0] = '?';
	while (program < BG_PROGRAMS &&
	       strncmp(bg_program_name(program), info.name, sizeof(info.name) - 1) != 0)
		program++;
	snprintf(hook->program, sizeof(hook->program), "%s",
		 program < BG_PROGRAMS ? bg_program_name(program) : info.name);
}

static int add_hook(struct hook_list *list, const struct bg_hook_status *found)
{
	struct bg_status *status = list->status;
	struct bg_hook_status *hook = BG_GROW(status->hooks, status->hook_count);

	if (!hook)
		return -ENOMEM;
	*hook = *found;
	hook->interface[0] = '\0';
	if (hook->ifindex && status->elsewhere)
		snprintf(hook->interface, sizeof(hook->interface), "ifindex %u", hook->ifindex);
	else if (hook->ifindex && !if_indextoname(hook->ifindex, hook->interface))
		hook->interface[0] = '\0';
	name_program(list, hook);
	for (size_t i = 0; i < status->iface_count; i++) {
		if (status->ifaces[i].ifindex != hook->ifindex)
			continue;
		hook->vlan = status->ifaces[i].vlan;
		hook->shared = status->ifaces[i].flags & BG_IFACE_SHARED;
	}
	return 0;
}

/* One that was moved to another network namespace took its link along, which tells the ifindex
 * that it has there. */
static bool is_here(const struct bpf_link_info *info, enum bg_hook hook)
{
	__u32 ids[BG_TCX_MOST], links[BG_TCX_MOST];
	int count = bg_tcx_links(info->tcx.ifindex, hook, ids, links);

	for (int i = 0; i < count; i++)
		if (links[i] == info->id)
			return true;
	return count < 0;
}

static int add_link(const char *name, void *context)
{
	struct hook_list *list = context;
	struct bpf_link_info info = {};
	__u32 info_bytes = sizeof(info);
	struct bg_hook_status hook = {};
	bg_auto_close int fd = bg_pin_get(list->pin_dir, BG_PIN_LINKS, name);
	int rc;

	/* it was detached after it was listed */
	if (fd == -ENOENT)
		return 0;
	rc = fd < 0 ? fd : bpf_link_get_info_by_fd(fd, &info, &info_bytes);
	if (rc)
		return rc;
	if (info.type == BPF_LINK_TYPE_XDP) {
		hook.ifindex = info.xdp.ifindex;
		hook.where = hook.by = "xdp";
	} else if (info.type == BPF_LINK_TYPE_TCX) {
		const bool egress = info.tcx.attach_type == BPF_TCX_EGRESS;

		hook.ifindex = list->status->elsewhere || is_here(&info, egress ? BG_HOOK_EGRESS
										: BG_HOOK_INGRESS)
				       ? info.tcx.ifindex
				       : 0;
		hook.where = egress ? "egress" : "ingress";
		hook.by = "tcx";
		list->tcx = true;
	} else {
		return 0;
	}
	hook.prog_id = info.prog_id;
	return add_hook(list, &hook);
}

/* Filters of clsact have no pins: looks for each that this interface may have. */
static int add_filters(struct hook_list *list, const struct bg_iface *iface)
{
	int rc = 0;

	for (int program = 0; program < BG_PROGRAMS && !rc; program++) {
		struct bg_attachment found;
		struct bg_hook_status hook = { .ifindex = iface->ifindex, .by = "clsact" };

		if (bg_program_hook(program) == BG_HOOK_XDP)
			continue;
		rc = bg_attach_find_filter(program, iface->ifindex, &found);
		if (rc == -ENOENT) {
			rc = 0;
			continue;
		}
		if (rc)
			return rc;
		hook.where = bg_program_hook(program) == BG_HOOK_EGRESS ? "egress" : "ingress";
		hook.prog_id = found.prog_id;
		snprintf(hook.program, sizeof(hook.program), "%s", bg_program_code(program));
		rc = add_hook(list, &hook);
	}
	return rc;
}

static int by_interface(const void *a, const void *b)
{
	const struct bg_hook_status *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return strcmp(y->where, x->where); /* xdp, ingress, egress */
}

static bool is_hooked(const struct bg_status *status, __u32 ifindex, enum bg_program program)
{
	const char *where = bg_hook_name(bg_program_hook(program));

	for (size_t i = 0; i < status->hook_count; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];

		if (hook->ifindex == ifindex && !strcmp(hook->where, where) &&
		    !strcmp(hook->program, bg_program_code(program)))
			return true;
	}
	return false;
}

/* Somebody may have unpinned its link, which lives on by the daemon. */
static bool is_unpinned(const struct hook_list *list, __u32 ifindex, enum bg_program program)
{
	__u32 ids[BG_TCX_MOST];
	int count = bg_tcx_programs(ifindex, bg_program_hook(program), ids);

	for (int i = 0; i < count; i++) {
		const struct program *pinned = program_of(list, ids[i]);

		if (pinned && !strcmp(pinned->name, bg_program_code(program)))
			return true;
	}
	return false;
}

static bool has_hooks(const struct bg_status *status, __u32 ifindex)
{
	for (size_t i = 0; i < status->hook_count; i++)
		if (status->hooks[i].ifindex == ifindex)
			return true;
	return false;
}

const char *bg_gap_doubt(const struct bg_gap *gap, char text[BG_GAP_DOUBT])
{
	text[0] = '\0';
	if (gap->was[0])
		snprintf(text, BG_GAP_DOUBT, " (its ifindex, %u, was that of %s)", gap->ifindex,
			 gap->was);
	bg_printable(text);
	return text;
}

/* What the interfaces that the programs know must have, and have not. */
static int find_gaps(struct hook_list *list)
{
	struct bg_status *status = list->status;

	for (size_t i = 0; i < status->iface_count; i++) {
		const struct bg_iface *iface = &status->ifaces[i];
		const unsigned int wanted = bg_tc_programs(iface->role);
		char interface[IF_NAMESIZE];

		if (!if_indextoname(iface->ifindex, interface)) {
			if (errno == ENXIO || errno == ENODEV)
				continue; /* it is gone, and nothing passes there */
			snprintf(interface, sizeof(interface), "%s", iface->interface);
		}
		for (int program = 0; program < BG_PROGRAMS; program++) {
			struct bg_gap *gap;

			if (!(wanted & BG_PROGRAM_BIT(program)) ||
			    is_hooked(status, iface->ifindex, program))
				continue;
			if (list->hidden) {
				status->not_looked_at = who_may_look;
				continue;
			}
			if (is_unpinned(list, iface->ifindex, program)) {
				status->unpinned_count++;
				continue;
			}
			gap = BG_GROW(status->gaps, status->gap_count);
			if (!gap)
				return -ENOMEM;
			*gap = (struct bg_gap){ .program = bg_program_name(program),
						.vlan = iface->vlan,
						.ifindex = iface->ifindex };
			if (strcmp(interface, iface->interface) != 0 &&
			    !has_hooks(status, iface->ifindex))
				snprintf(gap->was, sizeof(gap->was), "%s", iface->interface);
			snprintf(gap->interface, sizeof(gap->interface), "%s", interface);
		}
	}
	return 0;
}

int bg_status_read_hooks(const struct bg_maps *maps, struct bg_status *status, struct bg_error *err)
{
	bg_cleanup(hook_list_free) struct hook_list list = { .pin_dir = maps->pin_dir,
							     .status = status };
	int rc = bg_maps_ifaces(maps, add_iface, status, err)
			 ?: bg_maps_taken(maps, &status->taken, err);

	if (rc)
		return rc;
	/* the programs know them all the same */
	for (size_t i = 0; i < status->taken.iface_count; i++)
		if (add_iface(&status->taken.ifaces[i], status))
			return bg_no_memory(err, "reading map fast_ifaces");
	rc = bg_pin_each(maps->pin_dir, BG_PIN_PROGRAMS, add_program, &list);
	list.hidden = rc == -EACCES;
	if (rc && !list.hidden)
		return bg_fail(err, rc, "cannot look at the pins in %s/programs: %s", maps->pin_dir,
			       strerror(-rc));
	rc = list.hidden ? 0 : bg_pin_each(maps->pin_dir, BG_PIN_LINKS, add_link, &list);
	if (rc)
		return bg_fail(err, rc, "cannot look at the pins in %s/links: %s", maps->pin_dir,
			       strerror(-rc));
	/* the same ifindex is another interface here, with what that has */
	if (status->elsewhere)
		status->not_looked_at = where_to_look;
	for (size_t i = 0; i < status->iface_count && !list.tcx && !status->elsewhere; i++) {
		rc = add_filters(&list, &status->ifaces[i]);
		if (rc)
			return bg_fail(err, rc, "cannot look at the filters of %s: %s",
				       status->ifaces[i].interface, strerror(-rc));
	}
	if (!status->elsewhere && find_gaps(&list))
		return bg_no_memory(err, "looking for gaps");
	if (status->hook_count)
		qsort(status->hooks, status->hook_count, sizeof(*status->hooks), by_interface);
	return 0;
}
