/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The mode that a branch really has. A pod is attached in one mode and keeps it
 * until it is replaced, whatever the feed says meanwhile (EKS does the same),
 * unless Node.LiveModeChange is set. The CNI's names show how a pod was
 * attached: vlan<hash> is strict, eni<hash> is standard. With other names, a
 * branch keeps its mode as long as its interface has the same ifindex.
 */
#ifndef BG_GUARD_MODES_H
#define BG_GUARD_MODES_H

#include <stdbool.h>

#include "feed/model.h"
#include "guard/netdevs.h"
#include "maps.h"

struct bg_modes;

struct bg_modes *bg_modes_new(void);
void bg_modes_free(struct bg_modes *modes);

/* The mode that an earlier daemon had in force for a branch. */
int bg_modes_adopt(struct bg_modes *modes, const struct bg_branch_info *info);

/* From now on the modes of this model are asked for. 0 or -ENOMEM. */
int bg_modes_ask(struct bg_modes *modes, const struct bg_model *model);
/* The new model was refused: those of the model before are asked for again. */
void bg_modes_ask_back(struct bg_modes *modes);

/*
 * Puts the modes that are in effect into the model of the last bg_modes_ask().
 * Returns the number of branches whose mode is another one than at the last
 * call, or -ENOMEM. `kept` is called once for each that stays in `mode` though the
 * feed asks for another.
 */
int bg_modes_apply(struct bg_modes *modes, struct bg_model *model, const struct bg_netdevs *netdevs,
		   void (*kept)(const struct bg_model_branch *branch, enum bg_mode mode,
				enum bg_mode asked));

#endif
