/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files, directories and stdin → the model of a cluster. */
#ifndef BG_FLEET_INPUTS_H
#define BG_FLEET_INPUTS_H

#include "fleet/gather/cluster.h"
#include "source/file.h"

/*
 * Reads each of `paths`: a file of this kind, "-" for stdin, or a directory, of which all files
 * that end in .json are read. In whatever order, the model is the same.
 */
int bg_inputs_read(struct bg_cluster *cluster, char *const *paths, size_t count,
		   enum bg_file_kind kind, struct bg_error *err);

/* Calls `each` for every file that is read of a directory, until it does not return 0. */
int bg_inputs_of_directory(const char *path,
			   int (*each)(void *context, const char *file, struct bg_error *err),
			   void *context, struct bg_error *err);

#endif
