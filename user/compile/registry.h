/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers that outlive a revision: a rule keeps its number (and so its hits) as
 * long as the feed has it, a branch its tag (and so its flows) and its counter
 * slot. A freed number is not given out again before all others were used, so that
 * it is still right in the flows and events that have it. Tags are never given out
 * twice. Pure.
 */
#ifndef BG_COMPILE_REGISTRY_H
#define BG_COMPILE_REGISTRY_H

#include "base/cleanup.h"
#include "base/error.h"
#include "feed/model.h"

struct bg_registry;

/* `max_rules` and `max_branches`: entries of the maps `rules` and `counters` / 2;
 * numbers run from 1 to max - 1. NULL when out of memory. */
struct bg_registry *bg_registry_new(__u32 max_rules, __u32 max_branches);
void bg_registry_free(struct bg_registry *registry);
BG_CLEANUP_OF(bg_registry_free, struct bg_registry)

/* Puts in what an earlier daemon left in the pinned maps. */
int bg_registry_adopt_rule(struct bg_registry *registry, __u32 number, const struct bg_rule *rule);
int bg_registry_adopt_branch(struct bg_registry *registry, const struct bg_branch_info *branch);
/* A tag that some flow still has is not given out again. */
void bg_registry_adopt_tag(struct bg_registry *registry, __u32 tag);

/*
 * Numbers everything in the model. -ENOSPC with the figures when it does not fit;
 * the registry is then as it was. The numbers are provisional until
 * bg_registry_commit(), which frees those that this model does not use any more;
 * bg_registry_rollback() takes them back.
 */
int bg_registry_assign(struct bg_registry *registry, struct bg_model *model, struct bg_error *err);
void bg_registry_commit(struct bg_registry *registry);
void bg_registry_rollback(struct bg_registry *registry);

#endif
