#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# externalTrafficPolicy: Local: a port of the node leads to a standard pod, with
# the client's address; the answers go out the same way and need no rule.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

lab_network || bail "no lab"
lab_pod std 11 standard 10.0.47.84 2001:db8:0:32::84 || bail "no standard pod"
serve std 5432
# one client in the VPC, one outside of it
port=("tcp client $LAB_NODE4 30080" "tcp outside $LAB_NODE4 30080" "udp client $LAB_NODE4 30053"
	"udp outside $LAB_NODE4 30053")

# node_port RULES
node_port() {
	local LAB_NETFILTER=$1
	lab_cni_rules snat || bail "no CNI rules"
	LAB_NETFILTER=iptables
	lab_node_port tcp 30080 10.0.47.84 5432 || bail "no node port"
	lab_node_port udp 30053 10.0.47.84 5432 || bail "no UDP node port"
}

node_port iptables
check "without branchguard node ports lead to the pod" together "${port[@]}"

# No rules: neither of the branch nor of the node, whose traffic this is.
feed '.SecurityGroups += [{GroupId: "sg-node"}] | .Node.GroupIds = ["sg-node"]'
bg_start
for rules in iptables nft; do
	lab_no_netfilter
	node_port $rules
	capture std eth0 dst port 5432
	check "$rules: with branchguard they do, too" together "${port[@]}"
	capture_end
	check "$rules: with the address of a client in the VPC" saw "$LAB_CLIENT4\.[0-9]* > 10.0.47.84.5432"
	check "$rules: and of one outside" saw "$LAB_OUTSIDE4\.[0-9]* > 10.0.47.84.5432"
	check "$rules: no answer was dropped" test \
		"$(packets 11 egress no-rule) $(packets 11 egress no-node-rule)" = "0 0"
done

connect inside client "$LAB_NODE4" 30080
connect far outside "$LAB_NODE4" 30080
check "connections by it talk" together "talk inside" "talk far"
feed_live '.Node.EstablishedFlows = "revalidate"'
check "and talk on under another revision, though no rule admits them" together "talk inside" "talk far"

# aws-network-policy-agent's filter on the veth says TC_ACT_OK: what our program has written into
# the packet for the primary interface is gone.
veth=$(lab_host_interface std standard)
trap 'rm -rf "$PIN_DIR-foreign"; clean_up' EXIT
mkdir "$PIN_DIR-foreign" || bail "no directory for foreign programs"
bpftool prog loadall "$(realpath -m "${BG_BUILD:-build}")/selftests/net/foreign.bpf.o" "$PIN_DIR-foreign" ||
	bail "no foreign programs"
lab_exec node tc qdisc add dev "$veth" clsact 2>/dev/null
lab_exec node tc filter add dev "$veth" ingress prio 50000 handle 7 protocol all bpf da \
	object-pinned "$PIN_DIR-foreign/foreign_ok" || bail "no filter"
check "with an agent's filter on the pod's veth they talk on" together "talk inside" "talk far"
check "and new ones come about" together "${port[@]}"
check "but the pod opens nothing" none "tcp std $LAB_OUTSIDE4 5432"
lab_exec node tc filter del dev "$veth" ingress prio 50000 handle 7 bpf

check "the pod's own port stays closed" none "tcp client 10.0.47.84 5432" "udp client 10.0.47.84 5432"
check "the pod itself opens nothing" none "tcp std $LAB_CLIENT4 5432" "tcp std $LAB_OUTSIDE4 5432"

feed_live 'egress("sg-std"; everything) | egress("sg-node"; everything)'
serve outside 5432
connect out std "$LAB_OUTSIDE4" 5432
check "what it opens by the primary interface, once its rules say so, talks" talk out
feed_live 'no_rules("sg-std")'
check "and falls silent with its rule: the answers do not make it the other side's" silent talk out

feed_live '.Node.StandardMode = "per-interface" | no_rules("sg-node")'
check "per-interface: likewise, UDP too" together "${port[@]}"
feed_live 'egress("sg-node"; everything)'
connect out std "$LAB_OUTSIDE4" 5432
check "per-interface: what the pod opens by the primary interface passes by the node's groups" talk out
feed_live 'no_rules("sg-node")'
check "and is not taken for an answer when they change" silent talk out
finish
