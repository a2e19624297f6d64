/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Parts of a cluster in tests: made, and put together again. */
#ifndef FOR_PARTS_H
#define FOR_PARTS_H

#include "fleet/parts/assemble.h"
#include "fleet/parts/group_members.h"
#include "fleet/parts/make.h"

/* Adds a text to the cluster, which has to be taken. */
void parts_read(struct bg_cluster *cluster, const char *file, const char *text, size_t length);

/* What bg_parts_make() says; the shrink is never held at 100. */
int parts_try(struct bg_cluster *cluster, bool standard, unsigned int max_shrink_percent,
	      struct bg_part_set *old, struct bg_part_set *made, struct bg_error *err);
/* Replaces *set by what it has to be now, or the test fails. */
void parts_make(struct bg_cluster *cluster, bool standard, struct bg_part_set *set);

/* A copy, by the texts; each has to be one that can be read. */
void parts_copy(const struct bg_part_set *set, struct bg_part_set *copy);

/* Does each node's feed, put together from `set`, mean what is made of the cluster at once? */
void parts_mean_the_same(struct bg_cluster *cluster, bool standard, struct bg_part_set *set);

/* The error of putting a node's feed together; 0 and "" when there is none. */
int parts_error(struct bg_part_set *set, const char *node, struct bg_error *err);

#endif
