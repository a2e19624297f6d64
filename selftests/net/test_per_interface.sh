#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# StandardMode "per-interface": each packet meets the groups of the one interface
# that it crosses.
# shellcheck source=selftests/net/modes.sh
. "$(dirname "$0")/modes.sh"

vpc=("tcp std $LAB_DB4 5432" "tcp std $LAB_DB6 5432" "tcp client 10.0.47.84 5432")
outside=("tcp std $LAB_OUTSIDE4 5432" "udp std $LAB_OUTSIDE4 5432")

modes_lab
lab_cni_rules snat || bail "no CNI rules"
feed '.SecurityGroups += [{GroupId: "sg-node"}] | .Node.GroupIds = ["sg-node"] | .Node.StandardMode = "per-interface"'
bg_start
check "no rules: nothing" none "${vpc[@]}" "${outside[@]}"
feed_live 'egress("sg-std"; everything) | ingress("sg-std"; everything)'
check "branch rules: what crosses the branch" together "${vpc[@]}"
check "branch rules: not what crosses the primary interface" none "${outside[@]}"
feed_live 'no_rules("sg-std") | egress("sg-node"; everything)'
check "node rules: not what crosses the branch" none "${vpc[@]}"
check "node rules: what crosses the primary interface" together "${outside[@]}"
check "with the node's address" seen_from "$LAB_NODE4" outside tcp std "$LAB_OUTSIDE4" 5432
feed_live '.Node.StandardMode = "both"'
check "both: not any more" none "${outside[@]}"
finish
