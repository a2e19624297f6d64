# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck source=selftests/net/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# verdicts ARGUMENTS...: both directions, both families, TCP, UDP and ICMP by
# real sockets; the arguments are the daemon's.
verdicts() {
	local cart4=10.0.47.82 cart6=2001:db8:0:32::82 egress ingress neighbour
	egress=("tcp cart $LAB_DB4 5432" "tcp cart $LAB_DB6 5432" "udp cart $LAB_DB4 5432"
		"udp cart $LAB_DB6 5432" "icmp cart $LAB_DB4" "icmp cart $LAB_DB6")
	ingress=("tcp client $cart4 5432" "tcp client $cart6 5432" "udp client $cart4 5432"
		"udp client $cart6 5432" "icmp client $cart4" "icmp client $cart6")
	neighbour=("tcp web $cart4 5432" "tcp web $cart6 5432" "icmp web $cart4")

	lab_up || bail "no lab"
	serve db 5432 5433
	serve cart 5432 5433
	check "without branchguard cart reaches the database" together "${egress[@]}"
	check "without branchguard the client reaches cart" together "${ingress[@]}"
	check "without branchguard its neighbour reaches cart" together "${neighbour[@]}"

	feed .
	bg_start "$@"
	capture db eth0 "host $cart4 or host $cart6"
	check "without a rule cart reaches nothing" none "${egress[@]}"
	capture_end
	check "and not one packet arrives" saw_nothing
	check "drops are counted by reason" test "$(packets 9 egress no-rule)" -gt 5
	capture cart eth0 "host $LAB_CLIENT4 or host $LAB_CLIENT6"
	check "without a rule nobody reaches cart" none "${ingress[@]}" "${neighbour[@]}"
	capture_end
	check "and not one packet arrives in the pod" saw_nothing
	check "these drops are counted too" test "$(packets 9 ingress no-rule)" -gt 5

	feed_live "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\", \"$LAB_DB6/128\"]))
		| egress(\"sg-cart\"; permission(\"udp\"; 5432; 5432; [\"10.0.0.0/16\", \"2001:db8::/48\"]))
		| egress(\"sg-cart\"; permission(\"icmp\"; 8; -1; [\"10.0.3.0/24\"]))
		| egress(\"sg-cart\"; permission(\"icmpv6\"; 128; 0; [\"2001:db8:0:3::/64\"]))"
	check "by its egress rules cart reaches the database, replies need none" together "${egress[@]}"
	check "by the same rules nothing else" none "tcp cart $LAB_DB4 5433" "tcp cart $LAB_DB6 5433" \
		"udp cart $LAB_DB4 5433" "tcp cart $LAB_CLIENT4 5432" "icmp cart $LAB_CLIENT4" \
		"icmp cart $LAB_CLIENT6"
	check "nor does anybody reach cart" none "${ingress[@]}" "${neighbour[@]}"
	check "cart's neighbour has no share in the rules" none "tcp web $LAB_DB4 5432" \
		"udp web $LAB_DB6 5432" "icmp web $LAB_DB4"

	feed_live "ingress(\"sg-cart\"; permission(\"tcp\"; 5000; 5432; [\"10.0.2.0/24\", \"2001:db8:0:2::/64\"]))
		| ingress(\"sg-cart\"; permission(\"udp\"; 5432; 5432; anywhere))
		| ingress(\"sg-cart\"; permission(\"icmp\"; -1; -1; [\"$LAB_CLIENT4/32\"]))
		| ingress(\"sg-cart\"; permission(\"icmpv6\"; -1; -1; [\"$LAB_CLIENT6/128\"]))"
	check "by its ingress rules the client reaches cart" together "${ingress[@]}"
	check "another port does not answer" none "tcp client $cart4 5433" "tcp client $cart6 5433"
	check "nor does the neighbour" none "tcp web $cart4 5432" "tcp web $cart6 5432" "icmp web $cart4"
	check "egress works as before" together "${egress[@]}"
	check "rules count their hits" test "$(bg rules --json | jq '[.[] | select(.group_id == "sg-cart").hits] | add')" -gt 10

	# Two branches of one node: both sides' groups decide.
	feed_live 'ingress("sg-cart"; of_groups("tcp"; 5432; 5432; ["sg-web"]))'
	check "the receiving side alone does not decide" none "tcp web $cart4 5432" "tcp web $cart6 5432"
	feed_live 'egress("sg-web"; of_groups("tcp"; 5432; 5432; ["sg-cart"]))'
	check "both sides together do" together "tcp web $cart4 5432" "tcp web $cart6 5432"

	# Whatever the rules say, a source that is not the branch's own does not leave.
	feed_live 'egress("sg-cart"; everything)'
	lab_ip cart <<-END
		addr add 10.0.47.99/32 dev eth0
		route add $LAB_CLIENT4 via 169.254.1.1 dev eth0 src 10.0.47.99
	END
	capture fabric vlan.9 src host 10.0.47.99
	check "a spoofed source gets no answer" silent icmp cart $LAB_CLIENT4
	capture_end
	check "and does not leave the node" saw_nothing
	check "it is counted as spoofed" test "$(packets 9 egress spoofed)" -gt 0
}
