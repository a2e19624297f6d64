/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the packets of a branch go next, and which interface is the primary one:
 * the maps `routes`, `fast_routes` and `node` (headers/maps.h), from the node's routes.
 */
#ifndef BG_GUARD_ROUTES_H
#define BG_GUARD_ROUTES_H

#include "datapath/datapath.h"
#include "guard/netdevs.h"

/* Brings both in line with the routes; *primary is the interface of the main
 * table's default route, 0 = none. */
int bg_routes_sync(const struct bg_datapath *datapath, const struct bg_model *model,
		   struct bg_netdevs *netdevs, __u32 *primary, struct bg_error *err);

#endif
