/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What somebody took out of the maps that are for people, while programs go by it still. */
#ifndef BG_PINNED_MAPS_TAKEN_H
#define BG_PINNED_MAPS_TAKEN_H

#include "pinned/maps_open.h"

struct bg_taken {
	struct bg_iface *ifaces; /* out of `ifaces`; as `fast_ifaces` has them */
	size_t iface_count;
	__u32 *vlans; /* out of `branches`; the image in force has them */
	size_t vlan_count;
};

/* After success the caller frees it with bg_taken_free(). */
int bg_maps_taken(const struct bg_maps *maps, struct bg_taken *taken, struct bg_error *err);
void bg_taken_free(struct bg_taken *taken);

#endif
