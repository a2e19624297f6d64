/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files, directories and stdin → the model of a cluster. */
#ifndef BG_FLEET_INPUTS_H
#define BG_FLEET_INPUTS_H

#include "fleet/gather/cluster.h"

/*
 * Reads each of `paths`: a file, "-" for stdin, or a directory, of which all files that end
 * in .json are read. In whatever order, the model is the same.
 */
int bg_inputs_read(struct bg_cluster *cluster, char *const *paths, size_t count,
		   struct bg_error *err);

#endif
