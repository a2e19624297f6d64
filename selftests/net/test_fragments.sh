#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Datagrams in pieces, both ways and in both families, and the ICMP errors that
# keep packets from having to be cut.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

cart4=10.0.47.82 cart6=2001:db8:0:32::82
out=("ping_size cart $LAB_DB4 4000" "ping_size cart $LAB_DB6 4000"
	"udp_size cart $LAB_DB4 5432 5000" "udp_size cart $LAB_DB6 5432 5000")
in=("ping_size client $cart4 4000" "ping_size client $cart6 4000"
	"udp_size client $cart4 5432 5000" "udp_size client $cart6 5432 5000")

lab_up || bail "no lab"
serve db
serve cart
check "without branchguard cart sends large datagrams, and gets them back" together "${out[@]}"
check "without branchguard cart receives them" together "${in[@]}"

feed .
bg_start
capture db eth0 "host $cart4 or host $cart6"
check "without a rule they do not go out" none "${out[@]}"
capture_end
check "not one fragment of them" saw_nothing
check "without a rule they do not come in" none "${in[@]}"
check "later fragments of what was denied are counted apart" \
	test "$(packets 9 egress fragment-unknown)" -gt 0

feed_live "egress(\"sg-cart\"; permission(\"udp\"; 5432; 5432; anywhere))
	| egress(\"sg-cart\"; permission(\"icmp\"; 8; 0; anywhere))
	| egress(\"sg-cart\"; permission(\"icmpv6\"; 128; 0; anywhere))"
check "by egress rules they go out, and come back" together "${out[@]}"
check "but still do not come in" none "${in[@]}"
check "the port of the first fragment decides for all" silent udp_size cart "$LAB_DB4" 5433 5000

feed_live "no_rules(\"sg-cart\") | ingress(\"sg-cart\"; permission(\"udp\"; 5432; 5432; [\"$LAB_CLIENT4/32\", \"$LAB_CLIENT6/128\"]))
	| ingress(\"sg-cart\"; permission(\"icmp\"; 8; -1; [\"$LAB_CLIENT4/32\"]))
	| ingress(\"sg-cart\"; permission(\"icmpv6\"; 128; -1; [\"$LAB_CLIENT6/128\"]))"
check "by ingress rules they come in, and go back" together "${in[@]}"
check "from nobody else" none "ping_size db $cart4 4000" "ping_size db $cart6 4000"

# --- a narrow place in the fabric: path MTU discovery -----------------------------------
# pours NS ADDRESS PORT: more than fits in one packet must come back by TCP.
pours() {
	local address=$2
	[[ $address != *:* ]] || address=[$address]
	[ "$(head -c 100000 /dev/zero | tr '\0' x |
		lab_exec "$1" timeout "$LIMIT_S" socat -t "$LIMIT_S" - "TCP:$address:$3" | wc -c)" -eq 100000 ]
}
# narrow BYTES: of the router's own interface only, so that it is the router who
# says so. The far end keeps to it, as the veth drops what is larger than its
# other end, but announces segments as large as ever.
narrow() {
	ip -n "$LAB_NAME-fabric" link set db mtu "$1" && lab_ip db <<-END
		route change default via 10.0.3.1 mtu lock $1 advmss 1460
		route change default via 2001:db8:0:3::1 mtu lock $1 advmss 1440
	END
}
forget_mtu() {
	ip -n "$LAB_NAME-cart" route flush cache
	ip -n "$LAB_NAME-cart" -6 route flush cache
}
# Each time the pod has to be told anew.
pour_ten_times() {
	local i
	for i in {1..10}; do
		forget_mtu
		together "pours cart $LAB_DB4 5432" "pours cart $LAB_DB6 5432" || {
			echo "the ${i}th time"
			return 1
		}
	done
}
feed_live "no_rules(\"sg-cart\") | egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; anywhere))
	| egress(\"sg-cart\"; permission(\"udp\"; 5432; 5432; anywhere))"
check "100 kB by TCP come back" together "pours cart $LAB_DB4 5432" "pours cart $LAB_DB6 5432"
check "the fabric gets a narrow place" narrow 1300
capture cart eth0 'icmp[0] == 3 or icmp6[0] == 2'
check "through a narrow place as well, ten times" pour_ten_times
capture_end
check "because \"fragmentation needed\" reaches the pod without a rule" saw 'need to frag'
check "and \"packet too big\" too" saw 'too big'
check "they are counted" test "$(packets 9 ingress icmp-error)" -ge 20
narrow 1500

# Nobody else's errors do. (The fabric says that it has no such host.)
ip -n "$LAB_NAME-fabric" route add unreachable 10.0.200.0/24
feed_live "egress(\"sg-cart\"; permission(\"icmp\"; 8; 0; [\"10.0.200.0/24\"]))"
unreachable() {
	lab_exec cart ping -n -c 1 -W "$LIMIT_S" 10.0.200.1 | grep 'Destination Host Unreachable'
}
check "an error about an allowed ping reaches the pod" unreachable
finish
