/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who has the addresses of strict pods. */
#ifndef BG_GUARD_POD_NEIGHBOURS_H
#define BG_GUARD_POD_NEIGHBOURS_H

#include "datapath/datapath.h"
#include "guard/netdevs.h"

/* So many addresses a call, so that no step of the loop is long, and the kernel's table, which
 * ends at some 1,000 neighbours, is not filled at once. */
#define BG_PODS_ASKED 32

/* Goes on behind *last, which is all 0 at first. */
void bg_pods_ask(const struct bg_datapath *datapath, struct bg_netdevs *netdevs,
		 struct bg_addr *last);

#endif
