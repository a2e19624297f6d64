#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# An ifindex is no name for good: another interface may have it by now (one that is moved in
# from a container's namespace brings its own), or the one that had it was moved away with
# its programs. And what is in a link may be another program by now.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

SWAP=$(realpath -m "${BG_BUILD:-build}")/selftests/net/tool_link_swap
BG_OBJECT=$(realpath -m "${BG_BUILD:-build}")/selftests/net/foreign.bpf.o

ifindex() {
	ip -n "$LAB_NAME-node" -j link show "$1" | jq '.[0].ifindex'
}
# programs INTERFACE: how many run there, in the namespace of the node.
programs() {
	lab_exec node bpftool -j net show | jq --arg name "$1" '[.[].tc[] | select(.devname == $name)] | length'
}
has_programs() {
	[ "$(programs "$1")" = "$2" ]
}
says_once() {
	[ "$(bg_says "$1" | wc -l)" = 1 ]
}
guarded() {
	together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432" "silent udp web $LAB_DB4 5432"
}
# between two looks of the daemon
unseen() {
	kill -STOP "$BG_PID"
	"$@"
	kill -CONT "$BG_PID"
}
# gives_ifindex_of OLD NEW: OLD goes, and NEW gets its ifindex.
gives_ifindex_of() {
	local index
	index=$(ifindex "$1")
	ip -n "$LAB_NAME-node" -batch - <<-END
		link del $1
		link add $2 index $index type veth peer name to-$2
		link set $2 up
	END
}
moves_and_gives_ifindex() {
	local index
	index=$(ifindex "$1")
	ip -n "$LAB_NAME-node" -batch - <<-END
		link set $1 netns $LAB_NAME-outside
		link add $2 index $index type veth peer name to-$2
		link set $2 up
	END
}

lab_up || bail "no lab"
serve db
web=$(lab_host_interface web)
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
for by in auto clsact; do
	bg_start --attach $by
	check "$by: enforced" guarded

	# --- a pod goes, and a stranger gets its ifindex -------------------------------------
	unseen gives_ifindex_of "$web" stranger
	check "$by: a pod's interface whose ifindex another one got is gone" \
		wait_for bg_says "interface gone, disarmed.*interface=$web "
	check "$by: the other one gets no program" has_programs stranger 0
	check "$by: nor is it called renamed, or anything taken away" \
		fails bg_says 'interface renamed\|took a program away'
	# --- a branch in its place ------------------------------------------------------------
	unseen gives_ifindex_of stranger vlan.eth.77
	check "$by: one that gets the ifindex and is a branch is armed" wait_for has_programs vlan.eth.77 2
	check "$by: which is no putting back" fails bg_says 'took a program away'
	unseen gives_ifindex_of vlan.eth.77 vlan.eth.78
	check "$by: a branch in the place of another one, too" wait_for has_programs vlan.eth.78 2
	check "$by: as what it is" wait_for bg_says '"armed" interface=vlan.eth.78 '
	check "$by: and without a false word" fails bg_says 'interface renamed\|took a program away'

	# --- one is moved away with its programs, and another one gets the ifindex ------------
	unseen moves_and_gives_ifindex vlan.eth.78 vlan.eth.79
	check "$by: a branch with the ifindex of one that was moved away is armed" \
		wait_for has_programs vlan.eth.79 2
	check "$by: nobody took anything away" fails bg_says 'took a program away'
	ip -n "$LAB_NAME-node" link set vlan.eth.79 netns "$LAB_NAME-outside"
	if [ $by = auto ]; then
		check "$by: of one that was moved away the log speaks" wait_for bg_says 'another network namespace'
		sleep 7 # two rounds of the daemon
		check "$by: once" says_once 'another network namespace'
		check "$by: and status" eval 'bg status | grep "vlan.eth.79.*another network namespace"'
	else
		check "$by: one that was moved away is gone" wait_for bg_says 'interface gone, disarmed.*interface=vlan.eth.79 '
	fi
	bg_stop
	bg_start --attach $by
	check "$by: a daemon that comes then says nothing false" fails bg_says 'was gone while no daemon ran'
	for n in 78 79; do
		ip -n "$LAB_NAME-outside" link del vlan.eth.$n
	done

	# --- a stranger while no daemon runs ---------------------------------------------------
	ip -n "$LAB_NAME-node" link add vlan.eth.77 type veth peer name to-vlan.eth.77
	check "$by: a branch comes" wait_for has_programs vlan.eth.77 2
	bg_stop
	gives_ifindex_of vlan.eth.77 stranger
	check "$by: status says that it may be a stranger whose packets are not judged" \
		eval 'bg status | grep "^GAP  .* at stranger (its ifindex, [0-9]*, was that of vlan.eth.77): NOT judged"'
	bg_start --attach $by
	check "$by: a stranger that got an ifindex while no daemon ran has no program" has_programs stranger 0
	check "$by: and nothing was gone" fails bg_says 'was gone while no daemon ran'
	ip -n "$LAB_NAME-node" link del stranger

	# --- the pod comes back ------------------------------------------------------------------
	lab_kill "$LAB_NAME-web"
	ip netns del "$LAB_NAME-web"
	sed -i '/^web /d' "$LAB_DIR/pods"
	lab_pod web 10 strict 10.0.47.83 2001:db8:0:32::83 || bail "no pod"
	check "$by: the pod comes back, and is guarded" eval 'wait_for armed 10 && wait_for guarded'

	# --- a program that others put into our link ---------------------------------------------
	if [ $by = auto ] && [ "$(bg status --json | jq -r '.hooks[0].by // "tcx"')" = tcx ]; then
		bpftool prog loadall "$BG_OBJECT" "$PIN_DIR-foreign" || bail "no programs of somebody else"
		from_here_on
		link=$(find "$PIN_DIR/links" -name 'vlan_eth_10-*-tc_branch_egress')
		"$SWAP" "$link" "$PIN_DIR-foreign/foreign_next" || bail "not swapped"
		check "$by: another program in our link is found, and ours comes back" \
			wait_for bg_says 'took a program away.*interface=vlan.eth.10 .*tc_branch_egress'
		check "$by: into the link that it had" test -e "$link"
		check "$by: enforced" guarded
		check "$by: no gap" eval "bg status --json | jq -e '.missing_programs == []'"
		rm -rf "$PIN_DIR-foreign"
	fi
	bg_stop
	check "$by: unload" bg unload
done
finish
