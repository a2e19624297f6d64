/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A directory of parts (parts/part.h). */
#ifndef BG_FLEET_PARTS_DIR_H
#define BG_FLEET_PARTS_DIR_H

#include "fleet/parts/part_set.h"

struct bg_parts_dir {
	const char *path;
	int fd;
};

/* To read from; the descriptor is the caller's. */
int bg_parts_dir_open(const char *path, struct bg_parts_dir *dir, struct bg_error *err);
/* To write into: it is made if it is not there, and nobody else writes until it is closed. */
int bg_parts_dir_lock(const char *path, struct bg_parts_dir *dir, struct bg_error *err);

/* Is it (fd -1: it is not open) still the one that stands at its path? */
bool bg_parts_dir_stands(const struct bg_parts_dir *dir);

/* One of them; no link is followed, and no writer waited for. -ENOENT: it is not there. */
int bg_parts_dir_read_part(const struct bg_parts_dir *dir, enum bg_part_kind kind, const char *name,
			   struct bg_part_set *set, struct bg_error *err);
/* All parts that are whole; of others `bad` is told. */
int bg_parts_dir_read(const struct bg_parts_dir *dir, struct bg_part_set *set,
		      void (*bad)(const char *text), struct bg_error *err);

/*
 * Makes the directory's parts those of `made`: what `old` (as it was read) has with the same
 * text is not touched, what is no part stays. Each file is whole at any time; what is done
 * when it fails is done.
 */
int bg_parts_dir_write(const struct bg_parts_dir *dir, const struct bg_part_set *old,
		       const struct bg_part_set *made, struct bg_parts_written *written,
		       struct bg_error *err);

#endif
