/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of a directory that are read as they are asked for, and whether they are still those. */
#ifndef BG_FLEET_PARTS_READER_H
#define BG_FLEET_PARTS_READER_H

#include "fleet/parts_dir.h"
#include "source/file_watch.h"

/* More than the parts of 1,000,000 members have. */
#define BG_PARTS_MOST_BYTES (32u << 20)

/* A file as it was before it was read; or that it was not there. */
struct bg_part_stamp {
	char *file;
	struct bg_file_stamp stamp;
};

/* {} but for the directory at first. */
struct bg_parts_reader {
	struct bg_parts_dir dir;
	struct bg_part_set read;
	struct bg_part_stamp *stamps;
	size_t stamp_count, read_bytes;
};

struct bg_part_source bg_parts_reader_source(struct bg_parts_reader *reader);
/* Is all that was asked for as it was then, what was missing still missing? */
bool bg_parts_reader_is_current(const struct bg_parts_reader *reader);
/* All but the directory. */
void bg_parts_reader_release(struct bg_parts_reader *reader);

#endif
