#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The lab by itself: what the other tests find to be blocked works without
# branchguard, and what they find to work fails without it.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

lab_up || bail "no lab"
lab_pod std 11 standard 10.0.47.84 2001:db8:0:32::84 || bail "no standard pod"
serve db
serve cart
serve std
serve outside

for pod in cart std; do
	check "$pod reaches the database by TCP" tcp $pod "$LAB_DB4" 5432
	check "$pod reaches the database by TCP, IPv6" tcp $pod "$LAB_DB6" 5432
	check "$pod reaches the database by UDP" udp $pod "$LAB_DB4" 5432
	check "$pod reaches the database by UDP, IPv6" udp $pod "$LAB_DB6" 5432
	read -r _ _ v4 v6 _ <<<"$(lab_pod_fields $pod)"
	check "client reaches $pod" tcp client "$v4" 5432
	check "client reaches $pod, IPv6" tcp client "$v6" 5432
	check "web reaches its neighbour $pod" tcp web "$v4" 5432
	check "web reaches its neighbour $pod, IPv6" tcp web "$v6" 5432
done

capture db eth0 'src host 10.0.47.82 and port 5432'
check "what a strict pod sends" tcp cart "$LAB_DB4" 5432
capture_end
check "has its own address" saw '10.0.47.82'

capture fabric vlan.9 icmp
check "a strict pod pings its node" icmp cart "$LAB_NODE4"
capture_end
check "by way of the fabric" saw "10.0.47.82 > $LAB_NODE4"

capture fabric vlan.9 icmp
check "the node pings a strict pod" icmp node 10.0.47.82
capture_end
check "by way of the fabric" saw "$LAB_NODE4 > 10.0.47.82"

capture fabric vlan.11 icmp
check "the node pings a standard pod" icmp node 10.0.47.84
capture_end
check "and the fabric sees nothing" saw_nothing

# Early demux claims the SYN-ACK for the prober's socket, and ip_forward() drops
# what belongs to a socket.
check "a TCP probe of a strict pod fails with early demux" silent tcp node 10.0.47.82 5432
check "a TCP probe of a strict pod fails with early demux, IPv6" silent tcp node 2001:db8:0:32::82 5432
check "a connected UDP probe fails too" silent udp node 10.0.47.82 5432
check "a TCP probe of a standard pod does not" tcp node 10.0.47.84 5432
lab_sysctl node ipv4/tcp_early_demux=0 ipv4/udp_early_demux=0
check "without early demux it works" tcp node 10.0.47.82 5432
check "without early demux it works, IPv6" tcp node 2001:db8:0:32::82 5432
check "without early demux it works, UDP" udp node 10.0.47.82 5432
lab_sysctl node ipv4/tcp_early_demux=1 ipv4/udp_early_demux=1

ip -n "$LAB_NAME-node" addr add 169.254.20.10/32 dev lo
serve node 53
check "a standard pod reaches a node-local service" udp std 169.254.20.10 53
check "a strict pod does not" silent udp cart 169.254.20.10 53

lab_rules_work() {
	lab_cni_rules snat || return
	lab_service tcp 172.20.0.10 80 "$LAB_DB4" 5432 || return
	lab_node_port tcp 30080 10.0.47.84 5432
}
for LAB_NETFILTER in iptables nft; do
	lab_no_netfilter
	check "rules of CNI and kube-proxy ($LAB_NETFILTER)" lab_rules_work
	capture db eth0 port 5432
	check "a service address leads to its backend ($LAB_NETFILTER)" tcp cart 172.20.0.10 80
	capture_end
	check "with the pod's address" saw "10.0.47.82.*> $LAB_DB4.5432"
	capture outside eth0 port 5432
	check "a standard pod reaches the outside ($LAB_NETFILTER)" tcp std "$LAB_OUTSIDE4" 5432
	capture_end
	check "with the node's address" saw "$LAB_NODE4.*> $LAB_OUTSIDE4.5432"
	capture outside eth0 port 5432
	check "a strict pod reaches the outside ($LAB_NETFILTER)" tcp cart "$LAB_OUTSIDE4" 5432
	capture_end
	check "with its own address" saw "10.0.47.82.*> $LAB_OUTSIDE4.5432"
	check "a masquerade for everything ($LAB_NETFILTER)" lab_blanket_masquerade
	capture db eth0 port 5432
	silent tcp cart "$LAB_DB4" 5432
	capture_end
	check "spoils the address of a strict pod" fails saw '10.0.47.82'
done

pod_restarts() {
	lab_no_netfilter
	lab_pod_delete cart && lab_pod cart 9 strict 10.0.47.82 2001:db8:0:32::82 && icmp cart "$LAB_DB4"
}
check "a pod can be replaced" pod_restarts
finish
