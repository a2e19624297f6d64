/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who is a member of a group, as addresses. Pure. */
#ifndef BG_GATHER_MEMBERS_H
#define BG_GATHER_MEMBERS_H

#include "fleet/gather/join.h"

struct bg_gathered_members {
	struct bg_prefix *prefixes; /* sorted, each once */
	size_t count;
};

/*
 * The members of each of these groups (tidy), in (*members)[i] of groups->name[i]: what EC2
 * says, and pods that have an interface that it does not know yet. Interfaces of `node`'s
 * own branches are left out: they are members by themselves. An address that a living pod
 * has on another interface now is not the old one's any more. The caller releases them.
 */
int bg_members_of(struct bg_cluster *cluster, const struct bg_names *groups, const char *node,
		  struct bg_gathered_members **members, struct bg_error *err);

/*
 * The addresses of `node`'s own branches. What bg_members_of() says for the node is what it
 * says for none (NULL), without these. 0 or -ENOMEM.
 */
int bg_own_members(const struct bg_cluster *cluster, const char *node,
		   struct bg_gathered_members *own);
/* Sorts them, and leaves each once. */
void bg_members_tidy(struct bg_gathered_members *members);
void bg_members_free(struct bg_gathered_members *members, size_t count);

#endif
