#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Standard mode: the groups of branch and node, source NAT, and what is not filtered.
# shellcheck source=selftests/net/modes.sh
. "$(dirname "$0")/modes.sh"

std4=10.0.47.84 std6=2001:db8:0:32::84
vpc_out=("tcp std $LAB_DB4 5432" "tcp std $LAB_DB6 5432" "udp std $LAB_DB4 5432" "icmp std $LAB_DB6")
vpc_in=("tcp client $std4 5432" "tcp client $std6 5432" "icmp client $std4")
outside=("tcp std $LAB_OUTSIDE4 5432" "udp std $LAB_OUTSIDE4 5432")
on_node=("tcp std 10.0.47.85 5432" "tcp std 2001:db8:0:32::85 5432" "tcp std $LAB_NODE4 5432"
	"tcp node $std4 5432" "tcp node $std6 5432" "icmp node $std4")
branch_rules='egress("sg-std"; everything) | ingress("sg-std"; everything)'
node_rules='ingress("sg-node"; everything) | egress("sg-node"; everything)'

modes_lab
lab_cni_rules snat || bail "no CNI rules"
check "without branchguard all of it works" together "${vpc_out[@]}" "${vpc_in[@]}" "${outside[@]}" "${on_node[@]}"

feed '.SecurityGroups += [{GroupId: "sg-node"}]'
bg_start
check "without a rule nothing crosses the branch" none "${vpc_out[@]}" "${vpc_in[@]}"
check "nor does anything go outside" none "${outside[@]}"
check "what stays on the node is not filtered" together "${on_node[@]}"
check "nor is what the node does itself" together "tcp node $LAB_DB4 5432" "tcp node $LAB_OUTSIDE4 5432" \
	"tcp client $LAB_NODE4 5432"

feed_live "$branch_rules"
check "no node groups: the branch's alone decide" together "${vpc_out[@]}" "${vpc_in[@]}" "${outside[@]}"
check "in the VPC a standard pod has its own address" seen_from $std4 db tcp std "$LAB_DB4" 5432
check "outside it has the node's" seen_from "$LAB_NODE4" outside tcp std "$LAB_OUTSIDE4" 5432
check "IPv6 knows no source NAT" seen_from $std6 outside tcp std "$LAB_OUTSIDE6" 5432

feed_live '.Node.GroupIds = ["sg-node"]'
check "with node groups both must allow it" none "${vpc_out[@]}" "${vpc_in[@]}" "${outside[@]}"
check "which is a reason of its own" test "$(packets 11 egress no-node-rule)" -gt 0
check "strict pods are not the node's" fails test "$(packets 9 egress no-node-rule)" -gt 0
check "what stays on the node is not filtered now either" together "${on_node[@]}"
check "nor is what the node does itself, nor what it receives" together "tcp node $LAB_DB4 5432" \
	"tcp node $LAB_OUTSIDE4 5432" "tcp client $LAB_NODE4 5432"

feed_live "$node_rules"
check "both allow it" together "${vpc_out[@]}" "${vpc_in[@]}" "${outside[@]}"
feed_live 'no_rules("sg-std")'
check "the node's alone are not enough" none "${vpc_out[@]}" "${vpc_in[@]}" "${outside[@]}"
check "outside: the branch's groups judge before source NAT" test "$(packets 11 egress no-rule)" -gt 0

# --- ExcludeSnatCidrs and ExternalSnat: by the branch, with the pod's address ------------------
lab_no_netfilter
lab_cni_rules snat 203.0.113.0/24 || bail "no CNI rules"
feed_live "$branch_rules"' | .Node.ExcludeSnatCidrs = ["203.0.113.0/24"]'
check "ExcludeSnatCidrs: the pod's address" seen_from $std4 outside tcp std "$LAB_OUTSIDE4" 5432
feed_live 'no_rules("sg-node")'
check "ExcludeSnatCidrs: both groups" none "${outside[@]}"
lab_no_netfilter
lab_cni_rules external || bail "no CNI rules"
feed_live "$node_rules"' | del(.Node.ExcludeSnatCidrs) | .Node.ExternalSnat = true'
check "ExternalSnat: the pod's address" seen_from $std4 outside tcp std "$LAB_OUTSIDE4" 5432
feed_live 'no_rules("sg-node")'
check "ExternalSnat: both groups" none "${outside[@]}"
finish
