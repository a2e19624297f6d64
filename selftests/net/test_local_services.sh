#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Services on the node itself: NodeLocal DNSCache, the cluster's DNS address
# with it, the Pod Identity agent in both families.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

dns=("udp cart 169.254.20.10 53" "tcp cart 169.254.20.10 53")
cluster_dns=("udp cart 172.20.0.10 53" "tcp cart 172.20.0.10 53")
agent=("tcp cart 169.254.170.23 80" "tcp cart fd00:ec2::23 80")
all=("${dns[@]}" "${cluster_dns[@]}" "${agent[@]}")
on_node='(ip or ip6) and (host 169.254.20.10 or host 172.20.0.10 or host 169.254.170.23 or host fd00:ec2::23)'

# The fabric may also answer that it knows no such address.
reaches_none() {
	briefly together "${@/#/fails }"
}

lab_up || bail "no lab"
lab_pod std 11 standard 10.0.47.84 2001:db8:0:32::84 || bail "no standard pod"
lab_ip node <<-END || bail "no addresses"
	addr add 169.254.20.10/32 dev lo
	addr add 172.20.0.10/32 dev lo
	addr add 169.254.170.23/32 dev lo
	addr add fd00:ec2::23/128 dev lo nodad
END
serve_at node 169.254.20.10 53
serve_at node 169.254.20.10 54
serve_at node 172.20.0.10 53
serve_at node 169.254.170.23 80
serve_at node fd00:ec2::23 80

check "without branchguard a standard pod reaches them" together "${all[@]//cart/std}"
check "without branchguard a strict pod reaches none" reaches_none "${all[@]}"

feed '.Node.LocalServices = [
	{Address: "169.254.20.10", Protocol: "udp", Port: 53}, {Address: "169.254.20.10", Protocol: "tcp", Port: 53},
	{Address: "172.20.0.10", Protocol: "udp", Port: 53}, {Address: "172.20.0.10", Protocol: "tcp", Port: 53},
	{Address: "169.254.170.23", Protocol: "tcp", Port: 80}, {Address: "fd00:ec2::23", Protocol: "tcp", Port: 80}]'
bg_start
capture fabric any "$on_node"
check "without a rule a strict pod reaches none of them" none "${all[@]}"
check "that is dropped by its branch's rules" test "$(packets 9 egress no-rule)" -ge 6
check "a standard pod reaches them as before" together "${all[@]//cart/std}"

feed_live 'egress("sg-cart"; permission("udp"; 53; 53; ["169.254.20.10/32", "172.20.0.10/32"]))
	| egress("sg-cart"; permission("tcp"; 53; 54; ["169.254.20.10/32", "172.20.0.10/32"]))
	| egress("sg-cart"; permission("tcp"; 80; 80; ["169.254.170.23/32", "fd00:ec2::23/128"]))'
check "by its egress rules it reaches NodeLocal DNSCache" together "${dns[@]}"
check "and the cluster's DNS address on the node" together "${cluster_dns[@]}"
check "and the Pod Identity agent, IPv6 too" together "${agent[@]}"
# (UDP only, and IPv6 is declared by TCP only)
check "questions and answers of 3,000 bytes" udp_size cart 169.254.20.10 53 3000
check "many at once" together "${all[@]}" "${all[@]}" "${all[@]}"
check "another pod without the rules does not" none "${all[@]//cart/web}"
capture_end
check "and the fabric sees nothing of it" saw_nothing
check "a port that is not declared is not reached, rule or not" reaches_none "tcp cart 169.254.20.10 54"

# It is the pod that asks, not the service.
serve cart 5432
check "a service does not reach the pod by it" none "tcp_from node 169.254.20.10 10.0.47.82 5432" \
	"tcp_from node fd00:ec2::23 2001:db8:0:32::82 5432"

feed_live 'no_rules("sg-cart")'
check "without the rules it does not any more" none "${all[@]}"
feed_live '.Node.LocalServices = [] | egress("sg-cart"; everything)'
check "nor by a rule alone, without the declaration" reaches_none "${dns[@]}" "${agent[@]}"
finish
