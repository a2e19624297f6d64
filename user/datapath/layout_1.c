// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ABI 1. Its maps are those of ABI 2, but not its policy image: an entry of the address
 * tries may be of a kind that the other side does not know. layouts.c has it in its table.
 */
#include "datapath/layout_2.h"
#include "datapath/layout_3.h"

const struct bg_layout bg_layout_1 = {
	.abi = 1,
	.other_policy = true,
	.moves = bg_moves_2,
	.flows = &bg_flows_3,
};
