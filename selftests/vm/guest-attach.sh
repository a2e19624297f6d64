#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Every program, attached by the daemon, on VLAN interfaces of a virtio trunk:
# the tag is in the frame, as from a real NIC, and the trunk has native XDP.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/../net/lib.sh"

# Puts the guest's cable in the place of the lab's veth trunk.
virtio_trunk() {
	local nics=()
	mapfile -t nics < <(for dev in /sys/class/net/*; do
		[ "$(basename "$(realpath "$dev/device/driver" 2>/dev/null)")" = virtio_net ] && basename "$dev"
	done)
	[ ${#nics[@]} -eq 2 ] || return
	ip -n "$LAB_NAME-node" link del eth1
	ip link set "${nics[0]}" netns "$LAB_NAME-node" name eth1 &&
		ip link set "${nics[1]}" netns "$LAB_NAME-fabric" name trunk &&
		ip -n "$LAB_NAME-node" link set eth1 up && ip -n "$LAB_NAME-fabric" link set trunk up
}

# What is attached in the node: "INTERFACE KIND PROGRAM" a line. Kernels cut
# names of programs to 15 characters.
attached() {
	jq -r -n --argjson net "$(lab_exec node bpftool -j net show)" --argjson programs "$(bpftool -j prog show)" '
		($programs | map({(.id | tostring): .name[:15]}) | add) as $names | $net[0] |
		(.xdp[]? | [.devname, "xdp-\(.mode)", .id]), (.tc[]? | [.devname, .kind, .prog_id // .id]) |
		"\(.[0]) \(.[1]) \($names[.[2] | tostring])"' | sort
}

# attached_is KIND-OF-TC XDP-LINES: all of it and nothing else.
attached_is() {
	local tc=$1 cart std
	shift
	cart=$(lab_host_interface cart)
	std=$(lab_host_interface std standard)
	{
		for vlan in 9 11; do
			echo "vlan.eth.$vlan $tc/ingress tc_branch_ingress"
			echo "vlan.eth.$vlan $tc/egress tc_branch_egress"
		done
		echo "eth1 $tc/ingress tc_trunk_guard"
		echo "eth1 $tc/egress tc_trunk_guard"
		echo "eth0 $tc/ingress tc_node_ingress"
		echo "eth0 $tc/egress tc_node_egress"
		echo "$cart $tc/ingress tc_pod_egress"
		echo "$cart $tc/egress tc_pod_ingress"
		echo "$std $tc/ingress tc_pod_egress"
		echo "$std $tc/egress tc_pod_ingress"
		printf '%s\n' "$@"
	} | awk '{ print $1, $2, substr($3, 1, 15) }' | sort >/tmp/expected
	attached >/tmp/attached
	diff -u --label expected --label attached /tmp/expected /tmp/attached
}

nothing_attached() {
	attached >/tmp/attached
	cat /tmp/attached
	[ ! -s /tmp/attached ] && [ ! -e "$PIN_DIR" ]
}

# The same verdicts however the programs are attached, on tagged frames.
verdicts() {
	local how=$1
	# (the filter's words after 'vlan' match behind a tag only)
	capture fabric trunk vlan 9 and tcp port 8080 and 'tcp[tcpflags] & tcp-syn != 0'
	check "$how: an allowed connection to the pod" tcp client 10.0.47.82 8080
	check "$how: another port is dropped" silent tcp client 10.0.47.82 9090
	check "$how: the pod's own connection" tcp cart "$LAB_DB4" 5432
	check "$how: the same by IPv6" tcp client 2001:db8:0:32::82 8080
	check "$how: the pod without a rule for it is cut off" silent tcp std "$LAB_DB4" 5432
	capture_end
	check "$how: its frames were tagged" saw 'Flags \[S\]'
}

tc=tcx
kernel=$(uname -r)
case $kernel in
6.[0-5].*) tc=clsact ;;
esac

lab_network || bail "no lab"
[ "$(cat "$LAB_DIR/kind")" = vlan ] || bail "no VLAN interfaces"
virtio_trunk || bail "no virtio trunk"
lab_pod cart 9 strict 10.0.47.82 2001:db8:0:32::82 || bail "no pod cart"
lab_pod std 11 standard 10.0.47.84 2001:db8:0:32::84 || bail "no pod std"
serve db
serve cart 8080 9090
check "without branchguard the trunk carries pods" tcp client 10.0.47.82 8080

feed 'ingress("sg-cart"; permission("tcp"; 8080; 8080; anywhere)) |
	egress("sg-cart"; permission("tcp"; 5432; 5432; anywhere))'
bg_start --xdp branch
check "programs with XDP on the branches, generic" attached_is $tc \
	"vlan.eth.9 xdp-generic xdp_branch" "vlan.eth.11 xdp-generic xdp_branch"
verdicts "XDP on the branch"
bg_stop
bg unload >/tmp/unload 2>&1
check "unload leaves nothing behind" nothing_attached

bg_start --xdp trunk
check "programs with XDP on the trunk, native" attached_is $tc "eth1 xdp-driver xdp_trunk"
verdicts "XDP on the trunk"
bg_stop
check "the datapath stays without the daemon" tcp client 10.0.47.82 8080
check "and still drops" silent tcp client 10.0.47.82 9090
finish
