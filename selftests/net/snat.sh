# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck source=selftests/net/lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"

# snat_bypass RULES: with the rules of that tool strict pods keep their address.
snat_bypass() {
	local cart4=10.0.47.82 cart6=2001:db8:0:32::82
	LAB_NETFILTER=$1
	lab_up || bail "no lab"
	lab_pod other 12 strict 10.0.47.86 2001:db8:0:32::86 || bail "no pod"
	for host in db outside other cart; do
		serve $host 5432
	done

	lab_cni_rules snat || bail "no CNI rules"
	lab_service tcp 172.20.0.10 80 "$LAB_DB4" 5432 || bail "no service"
	lab_service tcp 2001:db8:0:ffff::10 80 "$LAB_DB6" 5432 || bail "no IPv6 service"
	lab_service udp 172.20.0.10 53 "$LAB_DB4" 5432 || bail "no UDP service"
	lab_service tcp 172.20.0.11 80 10.0.47.86 5432 || bail "no service on this node"
	lab_service tcp 172.20.0.12 80 "$LAB_OUTSIDE4" 5432 || bail "no service outside"
	feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; anywhere))
		| egress(\"sg-cart\"; permission(\"udp\"; 5432; 5432; [\"10.0.0.0/16\", \"2001:db8::/48\"]))
		| ingress(\"sg-other\"; of_groups(\"tcp\"; 5432; 5432; [\"sg-cart\"]))"
	bg_start

	# The CNI's and kube-proxy's rules.
	check "CNI: a strict pod keeps its address in the VPC" seen_from $cart4 db tcp cart "$LAB_DB4" 5432
	check "CNI: and outside of it" seen_from $cart4 outside tcp cart "$LAB_OUTSIDE4" 5432
	check "CNI: IPv6" seen_from $cart6 outside tcp cart "$LAB_OUTSIDE6" 5432
	check "service: leads to its backend, with the pod's address" seen_from $cart4 db tcp cart 172.20.0.10 80
	check "service: IPv6" seen_from $cart6 db tcp cart 2001:db8:0:ffff::10 80
	check "service: UDP" udp cart 172.20.0.10 53
	check "service: to a strict pod of this node" seen_from $cart4 other tcp cart 172.20.0.11 80
	check "service: is judged by its backend" none "tcp web 172.20.0.10 80" "udp web 172.20.0.10 53"
	feed_live "no_rules(\"sg-cart\") | egress(\"sg-cart\"; permission(\"tcp\"; 80; 80; [\"172.20.0.0/16\"]))"
	check "service: a rule for its own address is none for the backend" silent tcp cart 172.20.0.10 80
	feed_live "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; anywhere))
		| egress(\"sg-cart\"; permission(\"udp\"; 5432; 5432; anywhere))"
	check "no packet was dropped for a foreign source" test "$(packets 9 egress foreign-source)" = 0

	# A masquerade for everything: without branchguard it spoils them all.
	lab_blanket_masquerade || bail "no masquerade"
	check "blanket: a strict pod keeps its address in the VPC" seen_from $cart4 db tcp cart "$LAB_DB4" 5432
	check "blanket: and outside of it" seen_from $cart4 outside tcp cart "$LAB_OUTSIDE4" 5432
	check "blanket: IPv6" seen_from $cart6 outside tcp cart "$LAB_OUTSIDE6" 5432
	check "blanket: UDP" udp cart "$LAB_DB4" 5432
	check "blanket: to a pod of this node" seen_from $cart4 other tcp cart 10.0.47.86 5432
	capture db eth0 "tcp dst port 5432"
	check "blanket: it would spoil a service" silent tcp cart 172.20.0.10 80
	capture_end
	check "blanket: so nothing leaves, with whatever source" saw_nothing
	check "blanket: it is dropped with a reason of its own" test "$(packets 9 egress foreign-source)" -gt 0
	check "blanket: and status names the cause" eval "bg status | grep -i masquerade"

	# Everything through the stack: what the masquerade spoils does not leave.
	bg_stop
	bg unload >/dev/null
	check "without branchguard the masquerade spoils the address" fails briefly seen_from $cart4 db tcp cart "$LAB_DB4" 5432
	bg_start --no-short-way
	capture db eth0 "tcp dst port 5432"
	check "no short way: it does not leave with a foreign source" silent tcp cart "$LAB_DB4" 5432
	capture_end
	check "no short way: not one packet" saw_nothing
	lab_no_netfilter
	lab_cni_rules snat || bail "no CNI rules"
	check "no short way: the CNI's rules do not hurt" seen_from $cart4 outside tcp cart "$LAB_OUTSIDE4" 5432
}
