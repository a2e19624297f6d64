#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Pods of one branch reach each other in the node, straight and through services of
# kube-proxy's, where the groups of both admit it; and a pod reaches itself through one.
# With and without the short way, and with somebody's programs on the veths.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FOREIGN=$(realpath -m "${BG_BUILD:-build}")/selftests/net/foreign.bpf.o
cart4=10.0.47.82 cart6=2001:db8:0:32::82
twin4=10.0.47.86 twin6=2001:db8:0:32::86
straight=("tcp cart $twin4 5432" "tcp cart $twin6 5432" "udp cart $twin4 5432" "udp cart $twin6 5432")
service=("tcp cart 172.20.0.20 80" "tcp cart 2001:db8:0:ffff::20 80"
	"udp cart 172.20.0.20 53" "udp cart 2001:db8:0:ffff::20 53")
itself=("tcp cart 172.20.0.21 80" "tcp cart 2001:db8:0:ffff::21 80"
	"udp cart 172.20.0.21 53" "udp cart 2001:db8:0:ffff::21 53")
back=("tcp twin $cart4 5432" "tcp twin 172.20.0.21 80" "udp twin $cart6 5432" "udp twin 2001:db8:0:ffff::21 53")

both='egress("sg-cart"; of_groups("tcp"; 5432; 5432; ["sg-cart"]))
	| egress("sg-cart"; of_groups("udp"; 5432; 5432; ["sg-cart"]))
	| ingress("sg-cart"; of_groups("tcp"; 5432; 5432; ["sg-cart"]))
	| ingress("sg-cart"; of_groups("udp"; 5432; 5432; ["sg-cart"]))'

lab_up || bail "no lab"
lab_pod twin 9 strict $twin4 $twin6 || bail "no sibling"
for pod in cart twin; do
	serve $pod 5432
done
lab_cni_rules snat || bail "no CNI rules"
for pod in 20:$twin4:$twin6 21:$cart4:$cart6; do
	IFS=: read -r number v4 v6 <<<"$pod"
	for kind in "tcp 80" "udp 53"; do
		lab_service "${kind% *}" "172.20.0.$number" "${kind#* }" "$v4" 5432 || bail "no service"
		lab_service "${kind% *}" "2001:db8:0:ffff::$number" "${kind#* }" "$v6" 5432 || bail "no service"
	done
done
check "without branchguard they reach each other" together "${straight[@]}" "${service[@]}" "${itself[@]}"

# They pass no host but the node, and none is counted as dropped.
siblings_talk() {
	local way=$1
	capture fabric any "(ip or ip6) and (host $cart4 or host $cart6)"
	check "$way: they reach each other, straight and through a service, and themselves" together \
		"${straight[@]}" "${service[@]}" "${itself[@]}" "${back[@]}"
	capture_end
	check "$way: the fabric sees nothing of it" saw_nothing
	check "$way: nothing was dropped" test "$(packets 9 egress no-rule) $(packets 9 ingress no-rule) $(
		packets 9 egress foreign-source) $(packets 9 egress off-branch)" = "0 0 0 0"
}

# What one side admits alone.
siblings_are_judged() {
	local way=$1
	feed_live 'no_rules("sg-cart") | egress("sg-cart"; everything)'
	check "$way: not what the receiver's groups do not admit" none "${straight[@]}" "${service[@]}"
	check "$way: which is counted for it" test "$(packets 9 ingress no-rule)" -ge 4
	feed_live 'no_rules("sg-cart") | ingress("sg-cart"; everything)'
	check "$way: nor what the sender's do not" none "${straight[@]}" "${service[@]}"
	check "$way: which is counted for him" test "$(packets 9 egress no-rule)" -ge 4
	check "$way: it reaches itself without any rule" together "${itself[@]}"
}

feed "$both"
bg_start
siblings_talk "short way"
siblings_are_judged "short way"
bg_stop
bg unload >/dev/null || bail "unload"
feed "$both"
bg_start --no-short-way
siblings_talk "no short way"

# An agent behind ours, which says "that is settled" in both directions and so clears tc_index.
bpftool prog loadall "$FOREIGN" "$PIN_DIR-foreign" || bail "no programs of somebody else"
for pod in cart twin; do
	veth=$(lab_host_interface $pod)
	lab_exec node tc qdisc add dev "$veth" clsact 2>/dev/null
	for direction in ingress egress; do
		lab_exec node tc filter add dev "$veth" $direction prio 9 bpf da \
			object-pinned "$PIN_DIR-foreign/foreign_ok" || bail "no filter"
	done
done
for pod in cart twin; do
	wait_for bg_says "other programs run on this interface.*interface=$(lab_host_interface $pod) " || bail "not noticed"
done
check "beside an agent the same" together "${straight[@]}" "${service[@]}" "${itself[@]}" "${back[@]}"
rm -rf "$PIN_DIR-foreign"
finish
