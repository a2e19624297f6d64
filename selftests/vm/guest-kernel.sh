#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The ground the other suites stand on: were one of these missing, they would
# test something else than they say.
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

tagged_frames() {
	local vlan=$1 device=$2 remote=$3 seen
	tcpdump -Z root --immediate-mode -l -nn -e -c 2 -i "$device" "vlan $vlan and icmp" \
		>/tmp/tagged 2>/tmp/tagged.err &
	for _ in {1..50}; do
		grep -q listening /tmp/tagged.err && break
		sleep 0.1
	done
	ping -c 3 -i 0.01 -W 2 "$remote"
	for _ in {1..30}; do
		seen=$(grep -c "vlan $vlan" /tmp/tagged)
		[ "$seen" -ge 2 ] && break
		sleep 0.1
	done
	kill %% 2>/dev/null
	wait
	[ "$seen" -ge 2 ] || { cat /tmp/tagged /tmp/tagged.err && return 1; }
}

jit_is_on() {
	[ "$(sysctl -n net.core.bpf_jit_enable)" = 1 ]
}

cleanup() {
	ip netns del kfabric
	ip link del ktrunk
	ip link del vlan.eth.7
} 2>/dev/null

cleanup
ip netns add kfabric
check "kernel has BTF" test -s /sys/kernel/btf/vmlinux
check "8021q has BTF" test -s /sys/kernel/btf/8021q
check "BPF is compiled" jit_is_on
check "bpffs is mounted" mountpoint -q /sys/fs/bpf

# A veth trunk, the tag beside the data ...
ip link add ktrunk type veth peer name kpeer netns kfabric
check "VLAN interface on a veth trunk" ip link add link ktrunk name vlan.eth.5 type vlan id 5
ip -n kfabric link add link kpeer name kvlan5 type vlan id 5
ip addr add 192.0.2.1/24 dev vlan.eth.5
ip -n kfabric addr add 192.0.2.2/24 dev kvlan5
ip link set ktrunk up
ip link set vlan.eth.5 up
ip -n kfabric link set kpeer up
ip -n kfabric link set kvlan5 up
check "tagged frames on the veth trunk" tagged_frames 5 ktrunk 192.0.2.2

# ... and a virtio one, the tag in the data.
ip link set eth1 netns kfabric
ip link set eth0 up
ip -n kfabric link set eth1 up
check "VLAN interface on a virtio trunk" ip link add link eth0 name vlan.eth.7 type vlan id 7
ip -n kfabric link add link eth1 name kvlan7 type vlan id 7
ip addr add 198.51.100.1/24 dev vlan.eth.7
ip -n kfabric addr add 198.51.100.2/24 dev kvlan7
ip link set vlan.eth.7 up
ip -n kfabric link set kvlan7 up
check "tagged frames on the virtio trunk" tagged_frames 7 eth0 198.51.100.2

# Both ends come back to the root namespace when the other one goes.
cleanup
for _ in {1..50}; do
	[ -e /sys/class/net/eth1 ] && break
	sleep 0.1
done
check "the cable is free again" test -e /sys/class/net/eth1
finish
