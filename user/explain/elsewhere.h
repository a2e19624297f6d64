/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Interfaces of other nodes, judged as this node's programs would. */
#ifndef BG_EXPLAIN_ELSEWHERE_H
#define BG_EXPLAIN_ELSEWHERE_H

#include "base/dict.h"
#include "explain/ends.h"

/* Those in the same groups are judged alike: they are one set, and a branch of one of the
 * judges, each of which has so many of them as there are VLAN ids. */
struct bg_elsewhere {
	const struct bg_model *model;
	struct bg_dict sets_by_groups; /* indices of groups → index in sets */
	const struct bg_model_interface **sets;
	size_t set_count;
	struct bg_explainer **judges; /* NULL: not opened yet */
	size_t judge_room;
};

void bg_elsewhere_release(struct bg_elsewhere *elsewhere);

/* Whoever has many questions has one datapath made for all that may be meant. 0, -ENOMEM. */
int bg_elsewhere_add_all(struct bg_elsewhere *elsewhere);

/* side->end is an interface, in a group at least. */
int bg_elsewhere_judge(struct bg_elsewhere *elsewhere, struct bg_side *side, struct bg_error *err);

#endif
