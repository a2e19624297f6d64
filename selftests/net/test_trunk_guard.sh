#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A VLAN whose branch is not armed: nothing comes in, nothing goes out, though
# interface, routes and pod are all there.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. selftests/net/trouble.sh

lab_up || bail "no lab"
if [ "$(cat "$LAB_DIR/kind")" != vlan ]; then
	echo "1..0 # SKIP this kernel has no 8021q, so the branches are not on the trunk"
	exit 0
fi
serve db
serve web
out=("tcp web $LAB_DB4 5432" "tcp web $LAB_DB6 5432" "icmp web $LAB_DB4")
in=("tcp client 10.0.47.83 5432" "tcp client 2001:db8:0:32::83 5432" "icmp client 10.0.47.83")
check "without branchguard VLAN 10 works" together "${out[@]}" "${in[@]}"

# web is in no feed, cart is.
feed 'del(.Branches[] | select(.VlanId == 10)) | egress("sg-cart"; everything)'
bg_start
capture fabric trunk vlan 10
check "a branch that the feed does not have sends nothing" none "${out[@]}"
check "and gets nothing" none "${in[@]}"
capture_end
check "of what it sends nothing reaches the trunk" fails saw '10.0.47.83.* >'
check "the other VLAN works" tcp cart "$LAB_DB4" 5432

# VLAN 13 is in the feed, but its interface has another name than the feed says,
# so nothing arms it: the guard alone stands there.
lab_pod late 13 strict 10.0.47.95 2001:db8:0:32::95 || bail "no pod"
feed_live '.Branches += [{Id: "eni-late", VlanId: 13, Interface: "other.13", GroupIds: ["sg-cart"],
	Pods: [{Namespace: "shop", Name: "late-0", Addresses: ["10.0.47.95", "2001:db8:0:32::95"]}]}]'
check "a branch that is not armed sends nothing" none "tcp late $LAB_DB4 5432" "icmp late $LAB_DB6"
feed_live '(.Branches[] | select(.VlanId == 13)).Interface = "vlan.eth.13"'
check "once it is armed" wait_for armed 13
check "it does" together "tcp late $LAB_DB4 5432" "icmp late $LAB_DB6"

# To attach a program takes its time (the kernel waits until all CPUs are done with what was
# there), and interfaces that come together wait for each other.
armed_anew() {
	bg status --json | jq -e --argjson vlan "$1" \
		--argjson at "$(ip -n "$LAB_NAME-node" -j link show "vlan.eth.$1" | jq '.[0].ifindex')" \
		'any(.branches[]; .vlan == $vlan and .armed and .ifindex == $at)'
}
call=set-filter
if bg_says 'way=tcx'; then call="link-create"; fi
pass=("tcp cart $LAB_DB4 5432" "tcp late $LAB_DB4 5432" "icmp late $LAB_DB6")
from_here_on
lab_branch_delete 9
lab_branch_delete 13
wait_for together "bg_says gone.*interface=vlan.eth.9" "bg_says gone.*interface=vlan.eth.13"
begin "$call" "wait-$((WAIT_S * 5000))" 1 1 1
{ lab_branch 9 && lab_branch 13; } || bail "no branches"
wait_for hit "$call"
check "while one of two new interfaces gets its first program, both are shut" \
	none "${pass[@]}" "icmp client 10.0.47.82" "icmp client 10.0.47.95"
check "and none is armed" fails eval 'armed_anew 9 || armed_anew 13'
check "in the end both are" wait_for together "armed_anew 9" "armed_anew 13"
check "and what is allowed passes" together "${pass[@]}"
finish
