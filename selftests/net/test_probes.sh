#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Local probes of strict pods: TCP, UDP and ICMP, both families, early demux on
# and off. They go straight to the pod, not one packet crosses the fabric.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

cart4=10.0.47.82 cart6=2001:db8:0:32::82
probes=("tcp node $cart4 5432" "tcp node $cart6 5432" "udp node $cart4 5432" "udp node $cart6 5432"
	"icmp node $cart4" "icmp node $cart6")
early_demux() {
	lab_sysctl node ipv4/tcp_early_demux="$1" ipv4/udp_early_demux="$1"
}
all_probes='[{Protocol: "tcp", Port: 5432}, {Protocol: "udp", Port: 5432}, {Protocol: "icmp"}, {Protocol: "icmpv6"}]'

lab_up || bail "no lab"
lab_pod third 11 strict 10.0.47.85 2001:db8:0:32::85 || bail "no third pod"
for pod in cart web third client; do
	serve $pod 5432 5433
done

# --- what is broken today ------------------------------------------------------------
early_demux 1
check "without branchguard TCP probes time out" none "tcp node $cart4 5432" "tcp node $cart6 5432"
early_demux 0
check "without branchguard they work with early demux off" together "${probes[@]}"
early_demux 1

# --- what is declared goes straight to the pod ----------------------------------------------
feed "(.Branches[].Pods[].Probes) = $all_probes + [range(1000; 1400) | {Protocol: \"tcp\", Port: .}]"
bg_start
capture fabric any "host $cart4 or host $cart6"
fabric=$CAPTURE
check "with early demux declared probes succeed, no group allows them" together "${probes[@]}"
early_demux 0
check "without early demux as well" together "${probes[@]}"
early_demux 1
many=()
for _ in 1 2 3 4 5; do
	for pod in 82 83 85; do
		many+=("tcp node 10.0.47.$pod 5432" "tcp node 2001:db8:0:32::$pod 5432" "udp node 10.0.47.$pod 5432")
	done
done
check "many at once, to many pods" together "${many[@]}"
capture_end
CAPTURE=$fabric
check "not one packet of them crossed the fabric" saw_nothing
check "they are counted as probes" test "$(packets 9 ingress probe)" -gt 10
check "and tracked as such" eval 'bg flows --json | jq -e "any(.[]; .probe)"'
check "and counted apart, as they have places of their own" \
	eval 'bg status --json | jq -e ".tables.flows.of_probes > 0"'

# --- and nothing else does ---------------------------------------------------------------------
capture fabric any "host $cart4 or host $cart6"
fabric=$CAPTURE
check "a port that is not declared takes the fabric, and no rule allows it" none \
	"tcp node $cart4 5433" "tcp node $cart6 5433" "udp node $cart4 5433"
capture_end
CAPTURE=$fabric
check "where the branch judges it" saw "$cart4.5433"
check "(and drops it)" test "$(packets 9 ingress no-rule)" -gt 0
check "nobody else profits from a declared port" none "tcp client $cart4 5432" "tcp web $cart4 5432" \
	"icmp client $cart6"
check "nor does the pod by itself reach the node" none "tcp cart $LAB_NODE4 22" "icmp cart $LAB_NODE4" \
	"icmp cart $LAB_NODE6"

# A host of the fabric with the node's address, and a forwarded packet with it: no probes.
ip -n "$LAB_NAME-client" addr add "$LAB_NODE4/32" dev lo
check "the node's address is no pass for others" silent icmp_from client "$LAB_NODE4" $cart4
ip -n "$LAB_NAME-client" addr del "$LAB_NODE4/32" dev lo

# --- other traffic of the host: by the fabric, and by a rule, also with early demux --------------
feed_live "ingress(\"sg-cart\"; permission(\"tcp\"; 5433; 5433; [\"$LAB_NODE4/32\", \"$LAB_NODE6/128\"]))
	| ingress(\"sg-cart\"; permission(\"udp\"; 5433; 5433; [\"$LAB_NODE4/32\"]))"
capture fabric vlan.9 "host $cart4"
check "with a rule other traffic of the host works with early demux on" together "tcp node $cart4 5433" \
	"tcp node $cart6 5433" "udp node $cart4 5433"
capture_end
check "by the fabric" saw "$cart4.5433"
feed_live 'no_rules("sg-cart")'

# --- a pod restarts with its address, on another interface -----------------------------------------
lab_pod_delete cart
lab_pod cart 9 strict $cart4 $cart6 || bail "no pod"
serve cart
wait_for armed 9
check "a pod that restarted is probed" wait_for together "${probes[@]}"
capture fabric any "host $cart4 or host $cart6"
check "again" together "${probes[@]}"
capture_end
check "and not by the fabric" saw_nothing

# --- a probe needs no rule, in no revision -----------------------------------------------------------
feed_live '.Node.EstablishedFlows = "revalidate"'
connect probe node $cart4 5432
check "a probe that lasts" talk probe
feed_live .
check "outlives a revision, also where flows are put to the rules again" talk probe
check "and loses no packet to it" test "$(packets 9 ingress revoked)" -eq 0
feed_live '.Node.EstablishedFlows = "keep"'

# --- probes are withdrawn --------------------------------------------------------------------------------
feed_live "(branch(\"cart\")).Pods[0].Probes = [{Protocol: \"tcp\", Port: 5432}]"
check "what is not declared any more does not succeed" none "udp node $cart6 5432"
check "what is, does" together "tcp node $cart4 5432" "tcp node $cart6 5432"

# --- Istio's ambient mode probes from an address of its own ------------------------------------------------
ip -n "$LAB_NAME-node" addr add 169.254.7.127/32 dev lo
feed_live '.Node.ProbeSources = ["169.254.7.127/32"]'
check "a probe from a ProbeSources address" tcp_from node 169.254.7.127 $cart4 5432
finish
