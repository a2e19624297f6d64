#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A feed without PrimaryInterface: the interface of the default route is the primary one, and
# the role moves with that; while there is none, who had it keeps it.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

in_node() {
	ip -n "$LAB_NAME-node" "$@"
}
# How many programs run at an interface.
programs() {
	lab_exec node bpftool -j net show | jq --arg name "$1" '[.[].tc[] | select(.devname == $name)] | length'
}

lab_up || bail "no lab"
# another way out
ip -n "$LAB_NAME-fabric" link add second type veth peer name eth2 netns "$LAB_NAME-node"
ip -n "$LAB_NAME-fabric" -batch - <<-END
	addr add 10.0.9.1/24 dev second
	link set second up
END
in_node addr add 10.0.9.2/24 dev eth2
in_node link set eth2 up
probe="tcp node 10.0.47.82 5432"
serve cart
feed 'del(.Node.PrimaryInterface) | .Branches[].Pods[].Probes = [{Protocol: "tcp", Port: 5432}]'
bg_start
check "a probe goes by the interface of the default route" together "$probe"
in_node route replace default via 10.0.9.1 dev eth2 src "$LAB_NODE4"
check "the default route moves: so does the primary interface" \
	wait_for bg_says "another interface is the primary one now\" interface=eth0 "
check "the new one was armed before the old one was disarmed" \
	eval 'bg_says "role=primary" | tail -n 2 | head -n 1 | grep "\"armed\" interface=eth2 "'
check "which has no program any more" test "$(programs eth0)" = 0
check "status says so" eval 'bg status | sed -n "/^node/,/^tables/p" | grep "eth2: tc_node_ingress, tc_node_egress"'
check "probes go by the new one" together "$probe"
# (the way to the pods, as in a VPC; and a branch, which tells that routes were looked at)
in_node route add 10.0.47.0/24 via 10.0.9.1 dev eth2 src "$LAB_NODE4"
in_node -6 route del default
in_node route del default
in_node link add vlan.eth.77 type veth peer name to-77
check "no default route is left" wait_for bg_says '"armed" interface=vlan.eth.77 '
check "who had the role keeps it, and so do probes" together "$probe"
check "which is no trouble" fails eval 'bg status | grep "primary interface"'
in_node link del vlan.eth.77
in_node route del 10.0.47.0/24
in_node route add default via 10.0.1.1
in_node -6 route add default via 2001:db8:0:1::1
check "it comes back: so does the role" \
	wait_for bg_says "another interface is the primary one now\" interface=eth2 "
check "and the node is as it was" together "$probe" "icmp node $LAB_DB4"
bg_stop
finish
