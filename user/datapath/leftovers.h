/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a revision leaves in `rules` and `branches` that the next one does not have. */
#ifndef BG_DATAPATH_LEFTOVERS_H
#define BG_DATAPATH_LEFTOVERS_H

#include "datapath/datapath.h"

/* All take it away, at once or by a later bg_datapath_sweep(); a rule that was in force goes
 * to `former_rules`. */
void bg_leftover_rule(struct bg_datapath *datapath, __u32 number);
void bg_leftover_new_rule(struct bg_datapath *datapath, __u32 number);
void bg_leftover_branch(struct bg_datapath *datapath, __u32 vlan);

/* What is left over in maps that both have. */
void bg_leftovers_take(struct bg_datapath *datapath, const struct bg_datapath *from);

/* Takes away what the kernel would not, as long as nobody publishes; does nothing if there is nothing left. */
void bg_datapath_sweep(struct bg_datapath *datapath);

#endif
