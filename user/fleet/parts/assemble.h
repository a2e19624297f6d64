/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts → the feed of a node. Pure. */
#ifndef BG_PARTS_ASSEMBLE_H
#define BG_PARTS_ASSEMBLE_H

#include "base/json_writer.h"
#include "fleet/parts/part.h"

/*
 * Writes the feed, if everything that the NodeFeed names, and what that names, is there and
 * whole; else the error says which part is not. It means what bg_node_feed() writes for the
 * node, and the daemon's parser has read it. The same content has the same revision.
 * `without_members`: only to see whether the rest would be accepted.
 */
int bg_parts_assemble(const struct bg_part_source *source, const char *node, bool without_members,
		      struct bg_json_writer *feed, struct bg_error *err);

/* The revision of a feed that it has written. */
void bg_parts_revision(const struct bg_json_writer *feed, char revision[BG_PART_HASH_TEXT]);

#endif
