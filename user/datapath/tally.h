/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map `counters`: what the datapath has counted, added up for people. */
#ifndef BG_DATAPATH_TALLY_H
#define BG_DATAPATH_TALLY_H

#include "datapath/datapath.h"

/* Brings the map in line with `fast_counters` and `branches`. On failure some entries are
 * of an earlier time, as they say themselves. */
int bg_datapath_tally(const struct bg_datapath *datapath, struct bg_error *err);

#endif
