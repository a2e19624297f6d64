// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Takes away links, filters, qdiscs and pins. Only the verb `unload` calls it, never the
 * daemon; nothing that is not ours by the rules of unload.h is touched.
 */
#include "daemon/unload.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/caps.h"
#include "base/cleanup.h"
#include "base/ids.h"
#include "datapath/attach.h"
#include "datapath/clsact.h"
#include "guard/netdevs.h"
#include "maps.h"
#include "pinned/held_file.h"
#include "pinned/claim.h"
#include "pinned/home.h"
#include "pinned/lock_holder.h"
#include "pinned/pin.h"
#include "pinned/state_file.h"

struct unload {
	const char *pin_dir;
	struct bg_ids programs; /* that are pinned */
	struct bg_ids maps;
	struct bg_ids qdiscs; /* interfaces whose clsact qdisc we made */
	struct bg_unloaded *unloaded;
};

static void unload_free(struct unload *unload)
{
	bg_ids_free(&unload->programs);
	bg_ids_free(&unload->maps);
	bg_ids_free(&unload->qdiscs);
}

static int note_program(const char *name, void *context)
{
	struct unload *unload = context;
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	bg_auto_close int fd = bg_pin_get(unload->pin_dir, BG_PIN_PROGRAMS, name);

	unload->unloaded->pins++;
	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &length))
		return 0;
	return bg_ids_add(&unload->programs, info.id);
}

/* The entry of one interface: was its qdisc made by us? */
static int note_iface(struct unload *unload, const struct bg_iface *iface)
{
	return iface->ifindex && iface->flags & BG_IFACE_OUR_QDISC
		       ? bg_ids_add(&unload->qdiscs, iface->ifindex)
		       : 0;
}

/* Of any ABI: the key is what it is, and the value begins with the fields that are asked. */
static int note_ifaces(struct unload *unload, int fd, const struct bpf_map_info *info)
{
	bg_auto_free char *keys = calloc(2, info->key_size);
	bg_auto_free struct bg_iface *iface = calloc(1, sizeof(*iface) + info->value_size);
	char *key = keys, *last = NULL;

	if (!keys || !iface)
		return -ENOMEM;
	/* `ifaces` is a hash, and was an array before; this loop walks either */
	while (!bpf_map_get_next_key(fd, last, key)) {
		if (!bpf_map_lookup_elem(fd, key, iface) && note_iface(unload, iface))
			return -ENOMEM;
		last = key;
		key = key == keys ? keys + info->key_size : keys;
	}
	return 0;
}

/* Of the build before, where one was being replaced: programs of it may still run. */
static int note_map_aside(const char *name, void *context)
{
	struct unload *unload = context;
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	bg_auto_close int fd = bg_pin_get(unload->pin_dir, BG_PIN_ASIDE, name);

	unload->unloaded->pins++;
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &length))
		return 0;
	return bg_ids_add(&unload->maps, info.id);
}

static int note_map(const char *name, void *context)
{
	struct unload *unload = context;
	struct bpf_map_info info = {};
	__u32 length = sizeof(info);
	bg_auto_close int fd = bg_pin_get(unload->pin_dir, BG_PIN_MAPS, name);
	int rc;

	unload->unloaded->pins++;
	if (fd < 0 || bpf_map_get_info_by_fd(fd, &info, &length))
		return 0;
	rc = bg_ids_add(&unload->maps, info.id);
	if (rc)
		return rc;
	/* in older layouts it ends before the name, and `more_ifaces` has some of them */
	if (info.value_size >= offsetof(struct bg_iface, interface) &&
	    (!strcmp(name, "ifaces") || !strcmp(name, "more_ifaces")))
		return note_ifaces(unload, fd, &info);
	return 0;
}

/* Pinned, or with one of our maps, as the kernel lists them: so a program of an earlier
 * build is ours too, which an interrupted upgrade may have left. */
static bool is_ours(const struct unload *unload, __u32 prog_id)
{
	bg_auto_close int fd = bpf_prog_get_fd_by_id(prog_id);
	__u32 maps[64], length;
	struct bpf_prog_info info = {
		.map_ids = (__u64)(unsigned long)maps,
		.nr_map_ids = sizeof(maps) / sizeof(maps[0]),
	};

	if (bg_ids_has(&unload->programs, prog_id))
		return true;
	length = sizeof(info);
	if (fd < 0 || bpf_prog_get_info_by_fd(fd, &info, &length))
		return false;
	for (__u32 i = 0; i < info.nr_map_ids && i < sizeof(maps) / sizeof(maps[0]); i++)
		if (bg_ids_has(&unload->maps, maps[i]))
			return true;
	return false;
}

/* Calls `each` for all filters of an interface that have a handle of ours, whatever the
 * build. Most interfaces have none. */
static void each_filter(struct bg_netdevs *netdevs, __u32 ifindex,
			void (*each)(struct bg_attachment *filter, void *context), void *context)
{
	struct bg_filters there = {};

	if (!bg_netdev_filters(netdevs, ifindex, &there) && !there.count)
		return;
	for (int program = 0; program < BG_PROGRAMS; program++) {
		struct bg_attachment filter;

		if (bg_program_hook(program) != BG_HOOK_XDP &&
		    !bg_attach_find_filter(program, ifindex, &filter))
			each(&filter, context);
	}
	bg_clsact_strays(ifindex, each, context);
}

struct doubt {
	const struct unload *unload;
	struct bg_attachment filter; /* by = NONE: there is none */
};

static void check_filter(struct bg_attachment *filter, void *context)
{
	struct doubt *doubt = context;

	if (!bg_ids_has(&doubt->unload->programs, filter->prog_id))
		doubt->filter = *filter;
}

/*
 * Which program a filter has can be asked by its id alone, and whose that is without
 * CAP_SYS_ADMIN only of those that are pinned. A filter with one of our handles that would
 * be left behind, with nothing to find it by, is a reason to change nothing.
 */
static int check_filters(struct unload *unload, struct bg_netdevs *netdevs, struct bg_error *err)
{
	size_t count;
	const struct bg_netdev *netdev = bg_netdevs_list(netdevs, &count);

	if (bg_caps() & BG_CAP(CAP_SYS_ADMIN))
		return 0;
	for (; count; count--, netdev++) {
		struct doubt doubt = { .unload = unload, .filter.by = BG_ATTACH_NONE };

		each_filter(netdevs, netdev->ifindex, check_filter, &doubt);
		if (doubt.filter.by != BG_ATTACH_NONE)
			return bg_fail(err, -EPERM,
				       "%s has a filter of branchguard (handle %#x) whose program "
				       "%u is not pinned in %s; to see whether it belongs there "
				       "takes CAP_SYS_ADMIN: nothing was changed",
				       netdev->name, doubt.filter.handle, doubt.filter.prog_id,
				       unload->pin_dir);
	}
	return 0;
}

static void remove_filter(struct bg_attachment *filter, void *context)
{
	struct unload *unload = context;
	struct bg_error ignored;

	if (!is_ours(unload, filter->prog_id))
		return;
	bg_detach(unload->pin_dir, filter, &ignored);
	unload->unloaded->filters++;
}

static void remove_filters(struct unload *unload, struct bg_netdevs *netdevs)
{
	size_t count;
	const struct bg_netdev *netdev = bg_netdevs_list(netdevs, &count);

	for (; count; count--, netdev++) {
		struct bg_filters left;

		each_filter(netdevs, netdev->ifindex, remove_filter, unload);
		if (bg_ids_has(&unload->qdiscs, netdev->ifindex) &&
		    !bg_netdev_filters(netdevs, netdev->ifindex, &left) && !left.count) {
			bg_clsact_remove_qdisc(netdev->ifindex);
			unload->unloaded->qdiscs++;
		}
	}
}

static void remove_link(struct bg_attachment *attachment, void *context)
{
	struct unload *unload = context;
	struct bg_error ignored;

	bg_detach(unload->pin_dir, attachment, &ignored);
	unload->unloaded->links++;
	unload->unloaded->pins++;
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

int bg_unload(const char *pin_dir, bool any_netns, struct bg_unloaded *unloaded,
	      struct bg_error *err)
{
	bg_cleanup(bg_netdevs_close_at) struct bg_netdevs *netdevs = NULL;
	bg_cleanup(unload_free) struct unload unload = { .pin_dir = pin_dir, .unloaded = unloaded };
	bg_auto_close int lock_fd = -1;
	struct bg_error ignored;
	bool at_home;
	int claim_fd, rc;

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
	rc = bg_pin_each(pin_dir, BG_PIN_PROGRAMS, note_program, &unload);
	if (!rc)
		rc = bg_pin_each(pin_dir, BG_PIN_MAPS, note_map, &unload);
	if (!rc)
		rc = bg_pin_each(pin_dir, BG_PIN_ASIDE, note_map_aside, &unload);
	if (rc)
		return bg_fail(err, rc, "reading the pins in %s: %s", pin_dir, strerror(-rc));
	rc = at_home ? check_filters(&unload, netdevs, err) : 0;
	if (rc)
		return rc;
	rc = bg_attach_adopt(pin_dir, remove_link, &unload, err);
	if (rc)
		return rc;
	if (at_home)
		remove_filters(&unload, netdevs);
	else
		unloaded->left = unload.qdiscs.count;
	rc = bg_pin_clear(pin_dir);
	if (rc)
		return bg_fail(err, rc, "everything is detached, but %s cannot be removed: %s",
			       pin_dir,
			       rc == -ENOTEMPTY ? "there is something in it that is not ours"
						: strerror(-rc));
	/* left by a daemon that was killed */
	if (!bg_claim_netns(&claim_fd, &ignored))
		bg_claim_end(claim_fd);
	bg_held_files_remove(pin_dir);
	bg_state_remove(pin_dir);
	return 0;
}
