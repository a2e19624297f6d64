/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The programs that are attached to interfaces: what each is called and on which
 * hook it belongs. Pins, explain and messages take their names from here.
 */
#ifndef BG_DATAPATH_PROGRAMS_H
#define BG_DATAPATH_PROGRAMS_H

#include "maps.h"

struct branchguard_bpf;

enum bg_program {
	BG_XDP_BRANCH,
	BG_XDP_TRUNK,
	BG_TC_BRANCH_INGRESS,
	BG_TC_BRANCH_EGRESS,
	BG_TC_TRUNK_INGRESS, /* both are tc_trunk_guard */
	BG_TC_TRUNK_EGRESS,
	BG_TC_POD_EGRESS,  /* from the pod: TC ingress of its host veth */
	BG_TC_POD_INGRESS, /* toward the pod: TC egress */
	BG_TC_NODE_INGRESS,
	BG_TC_NODE_EGRESS,
	BG_PROGRAMS,
};

#define BG_PROGRAM_BIT(program) (1u << (program))

enum bg_hook { BG_HOOK_XDP, BG_HOOK_INGRESS, BG_HOOK_EGRESS };

enum bg_hook bg_program_hook(enum bg_program program);
const char *bg_hook_name(enum bg_hook hook); /* "xdp", "ingress", "egress" */

/* As pins and messages have it; the trunk guard has a name for each direction. */
const char *bg_program_name(enum bg_program program);

/* What is attached, as the object has it: "tc_trunk_guard" for both directions. */
const char *bg_program_code(enum bg_program program);

/* Negative when the program was not loaded. */
int bg_program_fd(const struct branchguard_bpf *skel, enum bg_program program);

/* The TC programs that an interface of a role must have to be armed: a set of
 * BG_PROGRAM_BIT(). XDP comes on top where it is asked for, and only speeds up. */
unsigned int bg_tc_programs(enum bg_role role);

#endif
