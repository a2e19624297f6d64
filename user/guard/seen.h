/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What there is of a model's branches and pods: the input of feed/settle.h. */
#ifndef BG_GUARD_SEEN_H
#define BG_GUARD_SEEN_H

#include "feed/settle.h"
#include "guard/netdevs.h"

struct bg_sight {
	bool *branches, *pods; /* of the document, as struct bg_seen */
	bool *alive;	       /* of what is in force */
};

/* `in_force` may be NULL. 0 or -ENOMEM. */
int bg_sight_take(const struct bg_model *document, const struct bg_model *in_force,
		  const struct bg_netdevs *netdevs, struct bg_sight *sight);
void bg_sight_free(struct bg_sight *sight); /* {} is fine */

/*
 * Notes in a model that is in force which interfaces are its branches' and pods', but for
 * branches that are kept: those stay with the ones that they had. Returns whether anything
 * is another one now.
 */
bool bg_sight_note(struct bg_model *in_force, const struct bg_netdevs *netdevs);

#endif
