/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Carrying over what cannot be taken over as it is: maps of another ABI, by layouts.h,
 * and flows whose table has another size or seed. The old maps are only read, since the
 * old programs are at work until the daemon replaces them.
 */
#ifndef BG_DATAPATH_MIGRATE_H
#define BG_DATAPATH_MIGRATE_H

#include "datapath/datapath.h"

/* Between open and load: remembers which flows are to be brought in. `fd` is taken. */
void bg_migrate_flows_later(struct bg_datapath *datapath, int fd, const struct bg_moved_flows *as);

/* After load, and before anything is read from the maps: fills those that were made
 * anew. What did not fit is named in datapath->dropped. */
int bg_migrate_maps(struct bg_datapath *datapath, struct bg_error *err);

/* Brings in the flows that are there and not yet here, or that were seen later there.
 * May be called again and again. */
int bg_migrate_flows(struct bg_datapath *datapath, struct bg_error *err);

/* Adds a name to datapath->dropped. */
void bg_migrate_note_dropped(struct bg_datapath *datapath, const char *map);

#endif
