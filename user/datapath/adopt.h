/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Starting on top of what an earlier daemon left pinned: one path for a start
 * after a crash and for the upgrade to a new build. The programs are always
 * loaded afresh; the maps are taken over wherever their definition still fits.
 */
#ifndef BG_DATAPATH_ADOPT_H
#define BG_DATAPATH_ADOPT_H

#include "datapath/datapath.h"

/*
 * Between open and load: gives the object's maps the pinned ones, and *seed the
 * hash seed under which their flows are stored. Sets datapath->adopted, and
 * options.image_blocks to the capacity of the adopted policy. Maps that do not
 * fit are named in datapath->dropped. -EPROTO: another ABI.
 */
int bg_adopt_maps(struct bg_datapath *datapath, __u64 *seed, struct bg_error *err);

/* After load: numbers, tags and texts that the maps hold go to the registry. */
int bg_adopt_contents(struct bg_datapath *datapath, struct bg_error *err);

#endif
