/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Values of maps that are pinned: another build may have written them, or somebody's hand.
 * Each of these ends the texts, and sees that what is an index, a number of a kind or a VLAN
 * is one that there is. false: no branchguard writes such a value, and it is not used.
 */
#ifndef BG_BASE_SOUND_H
#define BG_BASE_SOUND_H

#include <stdbool.h>

#include "maps.h"

bool bg_sound_iface(struct bg_iface *iface);
bool bg_sound_branch(__u32 vlan, struct bg_branch_info *branch);
bool bg_sound_pod(struct bg_pod *pod);
bool bg_sound_rule(struct bg_rule *rule);
void bg_sound_control(struct bg_control *control);
void bg_sound_revision(struct bg_revision *revision);

#endif
