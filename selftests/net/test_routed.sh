#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A standard pod whose veth the feed does not name: the CNI's rule and route say whose it is.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

outside=("tcp lost $LAB_OUTSIDE4 5432" "udp lost $LAB_OUTSIDE4 5432" "tcp lost $LAB_OUTSIDE6 5432")
on_node=("tcp lost $LAB_NODE4 5432" "tcp node 10.0.47.87 5432" "tcp node 2001:db8:0:32::87 5432")

lab_up || bail "no lab"
lab_pod lost 14 standard 10.0.47.87 2001:db8:0:32::87 || bail "no standard pod"
for host in outside lost node; do
	serve $host 5432
done
lab_cni_rules snat || bail "no CNI rules"
check "without branchguard it reaches the outside" together "${outside[@]}" "${on_node[@]}"

in_feed=$(lab_feed | jq -c '.Branches[] | select(.VlanId == 14)
	| .Pods[].HostInterface = "eni0123456789a"') || bail "no branch"
feed 'del(.Branches[] | select(.VlanId == 14)) | egress("sg-lost"; everything)'
bg_start
check "in no feed: it reaches nobody outside" none "${outside[@]}"
check "what stays on the node is not filtered" together "${on_node[@]}"
check "health names its veth" wait_for eval 'bg health | grep "degraded.*; eni[0-9a-f]*: by the CNI"'
feed_live ".Branches += [$in_feed]"
check "the feed has its address, behind another veth: the branch's groups judge" \
	wait_for together "${outside[@]}" "${on_node[@]}"
check "and health has nothing against it" wait_for eval '! bg health | grep "by the CNI"'
ip -n "$LAB_NAME-node" rule del prio 1536 from 10.0.47.87
feed_live 'no_rules("sg-lost")'
check "also without the rule, once it was known" none "${outside[@]:0:2}"
bg_kill
bg_start
check "and by the next daemon" none "${outside[@]:0:2}"
finish
