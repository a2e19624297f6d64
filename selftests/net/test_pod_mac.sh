#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A pod gets another hardware address, or has its address behind a bridge of its own, as a virtual
# machine has: the node finds out, though what comes for the pod takes the short way.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

cart4=10.0.47.82 cart6=2001:db8:0:32::82 vm4=10.0.47.83 vm6=2001:db8:0:32::83
in=("tcp client $cart4 5432" "tcp client $cart6 5432")
in_vm=("tcp client $vm4 5432" "tcp client $vm6 5432")

# The kernel looks after its neighbours in seconds, not in a minute.
in_haste() {
	local family veth
	for veth; do
		for family in ipv4 ipv6; do
			lab_sysctl node "$family/neigh/$veth/base_reachable_time_ms=100" \
				"$family/neigh/$veth/delay_first_probe_time=1" \
				"$family/neigh/$veth/retrans_time_ms=100" "$family/neigh/$veth/ucast_solicit=1" || return
		done
	done
}

# gateway NS INTERFACE VETH: as lab_pod does; another hardware address costs an interface these.
gateway() {
	local mac
	mac=$(ip -n "$LAB_NAME-node" -j link show "$3" | jq -r '.[0].address')
	lab_ip "$1" <<-END
		neigh replace 169.254.1.1 lladdr $mac nud permanent dev $2
		neigh replace fe80::1 lladdr $mac nud permanent dev $2
	END
}

another_mac() {
	ip -n "$LAB_NAME-cart" link set eth0 address "02:77:00:00:00:0$1" && gateway cart eth0 "$cart_veth"
}

# The pod web becomes a bridge; its addresses go to a machine behind it.
behind_a_bridge() {
	ip netns add "$LAB_NAME-vm" || return
	lab_sysctl vm ipv6/conf/default/accept_dad=0 ipv6/conf/all/accept_dad=0 || return
	lab_ip web <<-END || return
		addr flush dev eth0
		link add br0 type bridge
		link set br0 up
		link set eth0 master br0
		link add far type veth peer name eth0 netns $LAB_NAME-vm
		link set far master br0
		link set far up
	END
	lab_ip vm <<-END || return
		link set lo up
		link set eth0 up
		addr add $vm4/32 dev eth0
		addr add $vm6/128 dev eth0 nodad
		route add 169.254.1.1 dev eth0 scope link
		route add default via 169.254.1.1 dev eth0
		route add fe80::1 dev eth0
		route add default via fe80::1 dev eth0
	END
	gateway vm eth0 "$web_veth"
}

short_ways() {
	bg status --json | jq '[.branches[] | select(.vlan == 9).ingress | .. | .short_way_packets? // empty] | add // 0'
}
takes_the_short_way() {
	local before
	before=$(short_ways)
	"$@" && [ "$(short_ways)" -gt "$before" ]
}

lab_up || bail "no lab"
cart_veth=$(lab_host_interface cart)
web_veth=$(lab_host_interface web)
in_haste "$cart_veth" "$web_veth" || bail "no haste"
serve cart
feed 'ingress("sg-cart"; permission("tcp"; 5432; 5432; anywhere)) | ingress("sg-web"; permission("tcp"; 5432; 5432; anywhere))'
bg_start
check "a pod is reached, by the short way" takes_the_short_way together "${in[@]}"
another_mac 1 || bail "no other address"
check "with another hardware address it is again, soon" wait_for briefly together "${in[@]}"
check "by the short way" takes_the_short_way together "${in[@]}"
behind_a_bridge || bail "no bridge"
serve vm
check "so is a machine behind a bridge in the pod" wait_for briefly together "${in_vm[@]}"
ip -n "$LAB_NAME-node" neigh replace $cart4 lladdr 02:77:00:00:00:01 nud permanent dev "$cart_veth"
# What nobody uses is STALE, soon after it was heard of.
looked_after() {
	ip -n "$LAB_NAME-node" neigh show $cart6 dev "$cart_veth" | grep -E 'REACHABLE|DELAY|PROBE'
}
check "while the neighbours are looked after" wait_for looked_after
check "what somebody has entered for good stays so" eval \
	'ip -n "$LAB_NAME-node" neigh show $cart4 dev "$cart_veth" | grep PERMANENT'
finish
