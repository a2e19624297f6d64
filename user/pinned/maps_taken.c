// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Compares what programs go by with the maps that people read, out of which anybody with
 * bpftool may delete. What is new comes into the latter first, what is old goes from them
 * last, so they have it all at any time. status asks; nothing is put back here.
 */
#include "pinned/maps_taken.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "base/sound.h"
#include "image.h"
#include "pinned/image_pin.h"

#define BLOCK_CELLS (sizeof(struct bg_block) / sizeof(__u32))

void bg_taken_free(struct bg_taken *taken)
{
	free(taken->ifaces);
	free(taken->vlans);
	*taken = (struct bg_taken){};
}

struct scan {
	const struct bg_maps *maps;
	int fd; /* of the map for people */
	struct bg_taken *taken;
	struct bg_error *err;
};

/* 1: it is there. */
static int has(const struct scan *scan, const char *name, __u32 key, void *value)
{
	if (!bpf_map_lookup_elem(scan->fd, &key, value))
		return 1;
	return errno == ENOENT ? 0 : bg_map_unread(scan->maps, name, scan->err);
}

static int look_for_iface(const void *key, const void *value, void *context)
{
	struct scan *scan = context;
	struct bg_iface iface, there, *taken;
	int rc;

	(void)key;
	memcpy(&iface, value, sizeof(iface));
	if (!iface.ifindex || !bg_sound_iface(&iface))
		return 0;
	rc = has(scan, "ifaces", iface.ifindex, &there);
	if (rc)
		return rc < 0 ? rc : 0;
	taken = BG_GROW(scan->taken->ifaces, scan->taken->iface_count);
	if (!taken)
		return -ENOMEM;
	*taken = iface;
	return 0;
}

static int look_for_ifaces(struct scan *scan)
{
	struct bg_walk walk = {
		.name = "fast_ifaces",
		.key_bytes = sizeof(__u32),
		.value_bytes = sizeof(struct bg_iface),
		.each = look_for_iface,
		.context = scan,
	};
	bg_auto_close int fd =
		bg_maps_fd(scan->maps, "ifaces", sizeof(struct bg_iface), false, scan->err);

	scan->fd = fd;
	return fd < 0 ? fd : bg_map_walk(scan->maps, &walk, scan->err);
}

static int look_for_branch(struct scan *scan, __u32 vlan)
{
	struct bg_branch_info there;
	int rc = has(scan, "branches", vlan, &there);
	__u32 *taken;

	if (rc)
		return rc < 0 ? rc : 0;
	taken = BG_GROW(scan->taken->vlans, scan->taken->vlan_count);
	if (!taken)
		return bg_no_memory(scan->err, "looking for branches");
	*taken = vlan;
	return 0;
}

static int look_for_branches(struct scan *scan)
{
	bg_auto_close int outer = -1, image = -1, fd = -1;
	__u32 cells[BLOCK_CELLS], first, zero = 0;
	struct bg_header header;
	int rc = 0;

	outer = bg_maps_fd(scan->maps, "policy", sizeof(__u32), false, scan->err);
	if (outer < 0)
		return outer;
	image = bg_image_open(scan->maps->pin_dir, outer);
	/* none is in force, or another one by now */
	if (image < 0 || bpf_map_lookup_elem(image, &zero, &header) ||
	    header.magic != BG_IMAGE_MAGIC || !header.branches)
		return 0;
	fd = bg_maps_fd(scan->maps, "branches", sizeof(struct bg_branch_info), false, scan->err);
	if (fd < 0)
		return fd;
	scan->fd = fd;
	first = header.branches;
	for (__u32 vlan = 0; vlan < BG_VLANS && !rc; vlan++) {
		const __u32 at = (first + vlan) % BLOCK_CELLS;
		__u32 block = (first + vlan) / BLOCK_CELLS;

		if ((!vlan || !at) && bpf_map_lookup_elem(image, &block, cells))
			return bg_map_unread(scan->maps, "image", scan->err);
		if (cells[at])
			rc = look_for_branch(scan, vlan);
	}
	return rc;
}

static int look(const struct bg_maps *maps, struct bg_taken *taken, struct bg_error *err)
{
	struct scan scan = { .maps = maps, .taken = taken, .err = err };

	return look_for_ifaces(&scan) ?: look_for_branches(&scan);
}

int bg_maps_taken(const struct bg_maps *maps, struct bg_taken *taken, struct bg_error *err)
{
	bg_cleanup(bg_taken_free) struct bg_taken found = {};
	int rc = look(maps, &found, err);

	/* what went from both between the two looks-up is in neither at the second look */
	if (!rc && (found.iface_count || found.vlan_count)) {
		bg_taken_free(&found);
		rc = look(maps, &found, err);
	}
	if (rc)
		return rc;
	*taken = found;
	found = (struct bg_taken){};
	return 0;
}
