/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Going on with what an earlier daemon left pinned, after a crash as well as for an
 * upgrade to a new build. Programs are always loaded from this build; the maps are
 * taken over wherever their definition still fits.
 */
#ifndef BG_DATAPATH_ADOPT_H
#define BG_DATAPATH_ADOPT_H

#include "datapath/datapath.h"
#include "datapath/fate.h"

/* Pins apart from the object's maps: the read-only data of the loaded programs, for people,
 * and the hash seed. */
#define BG_CONFIG_PIN "config"
#define BG_SEED_PIN "seed"

/*
 * Between open and load: gives the object's maps the pinned ones, and *seed the
 * hash seed under which their flows are stored. Sets datapath->adopted, and
 * options.image_blocks to the capacity of the adopted policy. Maps that do not
 * fit are named in datapath->dropped. -EPROTO: another ABI.
 */
int bg_adopt_maps(struct bg_datapath *datapath, __u64 *seed, struct bg_error *err);

/* A map as this build defines it, with the sizes that were asked for. */
struct bg_map_shape bg_shape_of(const struct bpf_map *map);

/* After load: puts the numbers, tags and texts of the maps into the registry. */
int bg_adopt_contents(struct bg_datapath *datapath, struct bg_error *err);

#endif
