#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The node is a hop, by the short way as by the stack: it takes one off, and who
# has no more gets "time exceeded".
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

cart4=10.0.47.82 cart6=2001:db8:0:32::82

# expires NS ADDRESS HOPS: somebody on the way says so.
expires() {
	lab_exec "$1" ping -n -c 1 -W "$ANSWER_S" -t "$3" "$2" | grep -i exceeded
}

# A ping that arrives has come this many hops: the reply started with 64.
arrives_with() {
	lab_exec "$1" ping -n -c 1 -W "$ANSWER_S" "$2" | grep -E "ttl=$3( |$)"
}

hops() {
	check "$1: out, IPv4: the node answers a TTL of 1" expires cart "$LAB_DB4" 1
	check "$1: out, IPv6: and a hop limit of 1" expires cart "$LAB_DB6" 1
	check "$1: in, IPv4: what has one hop left at the node" expires client $cart4 2
	check "$1: in, IPv6: likewise" expires client $cart6 2
	check "$1: one hop more is enough, out" icmp_hops cart "$LAB_DB4" 3
	check "$1: and in" icmp_hops client $cart6 3
	check "$1: the pod sees two hops, IPv4" arrives_with cart "$LAB_DB4" 62
	check "$1: and IPv6" arrives_with cart "$LAB_DB6" 62
}

icmp_hops() {
	lab_exec "$1" ping -n -c 1 -W "$ANSWER_S" -t "$3" "$2"
}

lab_up || bail "no lab"
hops "without branchguard"
feed 'egress("sg-cart"; permission("icmp"; -1; -1; ["0.0.0.0/0"])) | egress("sg-cart"; permission("icmpv6"; -1; -1; ["::/0"]))
	| ingress("sg-cart"; permission("icmp"; -1; -1; ["0.0.0.0/0"])) | ingress("sg-cart"; permission("icmpv6"; -1; -1; ["::/0"]))'
bg_start
hops "short way"
check "which it was" eval "bg status --json | jq -e '[.. | .short_way_packets? // empty] | add > 0'"
bg_stop
bg_start --no-short-way
hops "through the stack"
# What follows asks nothing of the kernel that the above does not.
[ -z "${BG_IN_VM:-}" ] || finish

# The first packet of a flow is the one that expires, or is too large: no verdict has been given on
# it when the node answers, and no rule lets ICMP errors in.
too_large() {
	lab_exec cart ping -n -c 1 -W "$ANSWER_S" -M "do" -s 1400 "$1" | grep -E 'Frag needed|Packet too big|too long'
}
errors_of_the_node() {
	check "$1: without a rule for errors, \"time exceeded\" comes, IPv4" expires cart "$LAB_DB4" 1
	check "$1: and IPv6" expires cart "$LAB_DB6" 1
	ip -n "$LAB_NAME-node" link set vlan.eth.9 mtu 1300
	check "$1: and \"too big\", where the branch takes less, IPv4" too_large "$LAB_DB4"
	check "$1: and IPv6" too_large "$LAB_DB6"
	ip -n "$LAB_NAME-node" link set vlan.eth.9 mtu 1500
	lab_exec cart ip route flush cache
	lab_exec cart ip -6 route flush cache
}
feed_live 'no_rules("sg-cart") | egress("sg-cart"; permission("icmp"; 8; 0; ["0.0.0.0/0"]))
	| egress("sg-cart"; permission("icmpv6"; 128; 0; ["::/0"]))'
capture fabric any '(icmp[0] == 3 or icmp[0] == 11) or (icmp6 and (ip6[40] == 2 or ip6[40] == 3))'
errors_of_the_node "through the stack"
bg_stop
bg_start
errors_of_the_node "short way"
capture_end
check "they do not leave the node" saw_nothing
finish
