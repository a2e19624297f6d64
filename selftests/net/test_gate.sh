#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The CNI gate: no container starts before its branch is armed with a revision that has the
# pod. Calls as a runtime makes them, in a lab with the real daemon.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/cni.sh
. selftests/net/cni.sh

ORDINARY='{"interfaces":[{"name":"eni1"},{"name":"dummy1","mac":"0"}],"big": 12345678901234567890123}'
ordinary_passes() {
	call ADD 0 "$ORDINARY" && [ "$ANSWER" = "$ORDINARY" ]
}
lab_up || bail "no lab"

# --- nothing is pinned -------------------------------------------------------------

check "without pins STATUS answers 50" refuses 50 "nothing is loaded" STATUS 0
check "a pod without a branch passes" ordinary_passes
check "one with a branch is to try again later" \
	refuses 11 "the branch of pod shop/cart-0 (VLAN 9) is not armed" ADD 0 "$(made cart)"
check "and is told why" refuses 11 "branchguard is not loaded: $PIN_DIR/maps/control" ADD 0 "$(made cart)"
FAILURE=open
check "\"open\" lets it go" passes cart
check "with a warning" eval 'passes cart && grep "WARNING: .*shop/cart-0 (VLAN 9) is not armed.*not loaded" <<<"$SAID"'
check "and STATUS is fine" call STATUS 0
FAILURE=closed
check "DEL does not fail" call DEL 0 "$(made cart)"
check "nor without prevResult" call DEL 0
check "nor does GC" call GC 0

# --- the feed has not the pod, and then has ------------------------------------------

feed 'del(branch("cart"))'
bg_start
check "with pins STATUS is fine" call STATUS 0
check "a pod that is armed passes" passes web
check "CHECK finds it so" call CHECK 0 "$(made web)"
check "a pod without a branch passes" ordinary_passes
check "one that the feed lacks is refused" \
	refuses 11 "has no branch with VLAN id 9" ADD 0 "$(made cart)"
since_ms=$(date +%s%3N)
check "after as long as it may wait" refuses 11 "waited 1 s" ADD 1 "$(made cart)"
check "and not sooner" test $(($(date +%s%3N) - since_ms)) -ge 1000
check "another pod of the same VLAN is not taken for it" \
	refuses 11 "VLAN 10, but no pod of it with 10.9.9.9" ADD 0 "$(made web '.ips = [{address: "10.9.9.9/32"}]')"
check "nor one with the same address behind another veth" \
	refuses 11 "it is of a pod before this one" ADD 0 "$(made web '.interfaces[0].name = "eth0"')"

prev=$(made cart)
config 300 "$prev" >"$LAB_DIR/waiting.in"
CNI_COMMAND=ADD CNI_CONTAINERID=cid CNI_NETNS=/run/netns/x CNI_IFNAME=eth0 \
	nsenter --net="/run/netns/$LAB_NAME-node" -- "$CNI" <"$LAB_DIR/waiting.in" >"$LAB_DIR/waiting.out" 2>&1 &
waiting=$!
sleep "$WAIT_S"
check "it waits" kill -0 $waiting
check "and has said nothing" test ! -s "$LAB_DIR/waiting.out"
lab_feed | jq '.Branches[] | select(.VlanId == 9)' >"$LAB_DIR/branch.json"
feed ".Branches += [$(<"$LAB_DIR/branch.json")]"
wait $waiting
check "until the feed has it, and then passes" test $? -eq 0
check "what other plugins made is handed on to the byte" test "$(<"$LAB_DIR/waiting.out")" = "$prev"
check "by then it is armed" armed 9

# --- the daemon is away, and what is pinned stays ---------------------------------------

bg_stop || bail "the daemon does not end"
check "without a daemon what is armed passes" passes cart
check "and STATUS is fine: no node gets out of order while it is replaced" call STATUS 0
lab_pod_delete cart
lab_pod cart 9 strict 10.0.47.82 2001:db8:0:32::82 || bail "no cart"
check "a pod of that name that comes then is another one" refuses 11 "(VLAN 9) is not armed" ADD 0 "$(made cart)"
check "and that no daemon runs is said" refuses 11 ", and no daemon runs" ADD 0 "$(made cart)"
AT=fabric
check "from another network namespace it is refused" \
	refuses 11 "another network namespace" ADD 0 "$(made web)"
AT=node
for by in auto clsact; do
	bg_start --attach $by
	check "$by: with the daemon, which puts back what is missing, it passes" passes cart 60
	check "$by: that it runs is not denied" eval '! refuses 11 "no daemon runs" ADD 0 "$(made cart ".ips = [{address: \"10.9.9.9/32\"}]")"'
	bg_kill
	check "$by: killed, and still so" passes cart
	take_away 9
	check "$by: but not without a program" \
		refuses 11 "program tc_branch_egress is missing at vlan.eth.9" ADD 0 "$(made cart)"
	check "$by: CHECK says so, too" refuses 11 "is missing at vlan.eth.9" CHECK 0 "$(made cart)"
	check "$by: the other branch is as it was" passes web
done
check "unload" bg unload
check "then STATUS answers 50 again" refuses 50 "nothing is loaded" STATUS 0

# --- hostile input ---------------------------------------------------------------------

# raw STATUS CODE: what is on stdin, as it is.
raw() {
	local status=0
	ANSWER=$(CNI_COMMAND=${COMMAND:-ADD} CNI_CONTAINERID=cid CNI_NETNS=/x CNI_IFNAME=eth0 lab_exec node "$CNI" 2>&1) ||
		status=$?
	echo "${ANSWER:0:300}"
	[ $status -eq "$1" ] && [ "${2:-}" = "$(jq -r '.code // empty' <<<"$ANSWER" 2>/dev/null)" ]
}
check "nothing" eval 'raw 1 6 </dev/null'
check "a part" eval 'config 0 "$prev" | head -c 200 | raw 1 6'
check "more than 1 MiB" eval 'head -c 1100000 /dev/zero | tr "\0" " " | raw 1 5'
check "DEL minds none of it" eval 'head -c 1100000 /dev/zero | COMMAND=DEL raw 0'
check "an answer that nobody takes" eval '! config 0 "$ORDINARY" | CNI_COMMAND=ADD CNI_CONTAINERID=c CNI_NETNS=/x CNI_IFNAME=e "$CNI" >/dev/full'
a_thousand() {
	local many
	many=$(jq -nc '{interfaces: [range(1000) | {name: "veth\(.)"}, {name: "dummy\(.)", mac: "0"}], ips: []}')
	call ADD 0 "$many" >/dev/null && [ "$ANSWER" = "$many" ]
}
check "a thousand interfaces" a_thousand
finish
