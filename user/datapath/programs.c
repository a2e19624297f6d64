// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The table of the programs that can be attached. guard/, explain/, pins and messages
 * take names and hooks from it; nothing is attached or loaded here.
 */
#include "datapath/programs.h"

#include <bpf/libbpf.h>

#include "branchguard.skel.h"

static const struct {
	const char *name; /* of the attachment */
	const char *code; /* what is attached, as the object has it */
	enum bg_hook hook;
} programs[BG_PROGRAMS] = {
	[BG_XDP_BRANCH] = { "xdp_branch", "xdp_branch", BG_HOOK_XDP },
	[BG_XDP_TRUNK] = { "xdp_trunk", "xdp_trunk", BG_HOOK_XDP },
	[BG_TC_BRANCH_INGRESS] = { "tc_branch_ingress", "tc_branch_ingress", BG_HOOK_INGRESS },
	[BG_TC_BRANCH_EGRESS] = { "tc_branch_egress", "tc_branch_egress", BG_HOOK_EGRESS },
	[BG_TC_TRUNK_INGRESS] = { "tc_trunk_guard_in", "tc_trunk_guard", BG_HOOK_INGRESS },
	[BG_TC_TRUNK_EGRESS] = { "tc_trunk_guard_out", "tc_trunk_guard", BG_HOOK_EGRESS },
	[BG_TC_POD_EGRESS] = { "tc_pod_egress", "tc_pod_egress", BG_HOOK_INGRESS },
	[BG_TC_POD_INGRESS] = { "tc_pod_ingress", "tc_pod_ingress", BG_HOOK_EGRESS },
	[BG_TC_NODE_INGRESS] = { "tc_node_ingress", "tc_node_ingress", BG_HOOK_INGRESS },
	[BG_TC_NODE_EGRESS] = { "tc_node_egress", "tc_node_egress", BG_HOOK_EGRESS },
};

enum bg_hook bg_program_hook(enum bg_program program)
{
	return programs[program].hook;
}

const char *bg_hook_name(enum bg_hook hook)
{
	static const char *const names[] = { "xdp", "ingress", "egress" };

	return names[hook];
}

const char *bg_program_name(enum bg_program program)
{
	return programs[program].name;
}

const char *bg_program_code(enum bg_program program)
{
	return programs[program].code;
}

int bg_program_fd(const struct branchguard_bpf *skel, enum bg_program program)
{
	return bpf_program__fd(bpf_object__find_program_by_name(skel->obj, programs[program].code));
}

unsigned int bg_tc_programs(enum bg_role role)
{
	switch (role) {
	case BG_ROLE_BRANCH:
		return BG_PROGRAM_BIT(BG_TC_BRANCH_INGRESS) | BG_PROGRAM_BIT(BG_TC_BRANCH_EGRESS);
	case BG_ROLE_TRUNK:
		return BG_PROGRAM_BIT(BG_TC_TRUNK_INGRESS) | BG_PROGRAM_BIT(BG_TC_TRUNK_EGRESS);
	case BG_ROLE_POD_STRICT:
	case BG_ROLE_POD_STANDARD:
		return BG_PROGRAM_BIT(BG_TC_POD_EGRESS) | BG_PROGRAM_BIT(BG_TC_POD_INGRESS);
	case BG_ROLE_PRIMARY:
		return BG_PROGRAM_BIT(BG_TC_NODE_INGRESS) | BG_PROGRAM_BIT(BG_TC_NODE_EGRESS);
	case BG_ROLE_NONE:
		break;
	}
	return 0;
}
