#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Programs of others on the same interfaces: they see every packet that we let
# pass, whatever they say about it we judge, and who takes ours away is noticed.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

first_tool=$(realpath -m "${BG_BUILD:-build}")/selftests/net/tool_tcx_first
object=$(realpath -m "${BG_BUILD:-build}")/selftests/net/foreign.bpf.o
veth=$(lab_host_interface cart)
foreign=$PIN_DIR-foreign # (no dots on bpffs)
forget_foreign() {
	rm -rf "$foreign"
	clean_up
}
trap forget_foreign EXIT

allowed=("tcp cart $LAB_DB4 5432" "tcp cart $LAB_DB6 5432" "udp cart $LAB_DB4 5432" "tcp client 10.0.47.82 5432")
denied=("tcp cart $LAB_CLIENT4 5432" "tcp web $LAB_DB4 5432" "udp client 10.0.47.82 5432")
verdicts_hold() {
	together "${allowed[@]}" && none "${denied[@]}"
}

seen() {
	bpftool -j map dump pinned "$foreign/maps/foreign_seen" | jq '.[0].formatted.value // .[0].value'
}

# sees COMMAND...: it succeeds, and the program of the others has counted its packets.
sees() {
	local before
	before=$(seen)
	"$@" && echo "before $before, now $(seen)" && [ "$(seen)" -gt "$before" ]
}

# short_ways VLAN DIRECTION: packets by the short way so far.
short_ways() {
	bg status --json | jq --argjson vlan "$1" '[.branches[] | select(.vlan == $vlan)
		| .'"$2"' | .. | .short_way_packets? // empty] | add // 0'
}

# on_stack DIRECTION COMMAND...: it succeeds, and in that direction nothing takes the short way.
on_stack() {
	local direction=$1 before
	shift
	before=$(short_ways 9 "$direction")
	"$@" && echo "before $before, now $(short_ways 9 "$direction")" && [ "$(short_ways 9 "$direction")" = "$before" ]
}

# by_short_way DIRECTION COMMAND...: it succeeds, and something does.
by_short_way() {
	local direction=$1 before
	shift
	before=$(short_ways 9 "$direction")
	"$@" && [ "$(short_ways 9 "$direction")" -gt "$before" ]
}

node_tc() {
	# not by `tc -n`, which would hide bpffs
	lab_exec node tc "$@"
}

# ours INTERFACE: programs of ours there, links and filters.
ours() {
	lab_exec node bpftool -j net show dev "$1" | jq '[.[0].tc[] | select(.name | startswith("tc_"))] | length'
}
ours_are() {
	[ "$(ours "$1")" = "$2" ]
}

# The agent's filters on an interface: at the very front, and saying "pass".
agent_comes() {
	node_tc qdisc add dev "$1" clsact 2>/dev/null
	for hook in ingress egress; do
		node_tc filter add dev "$1" $hook prio 1 handle 1 protocol all bpf da \
			object-pinned "$foreign/foreign_ok" || bail "no filter on $1"
	done
}

agent_goes() {
	for hook in ingress egress; do
		node_tc filter del dev "$1" $hook prio 1 handle 1 bpf
	done
}

# others_come WAY: to the branch, behind whatever is there.
others_come() {
	local hook
	for hook in ingress egress; do
		if [ "$1" = tcx ]; then
			lab_exec node bpftool net attach tcx_$hook pinned "$foreign/foreign_ok" dev vlan.eth.9 ||
				bail "no tcx program"
		else
			node_tc filter add dev vlan.eth.9 $hook prio 50000 handle 7 protocol all bpf da \
				object-pinned "$foreign/foreign_next" || bail "no filter on the branch"
		fi
	done
}

others_go() {
	local hook
	for hook in ingress egress; do
		if [ "$1" = tcx ]; then
			lab_exec node bpftool net detach tcx_$hook dev vlan.eth.9
		else
			node_tc filter del dev vlan.eth.9 $hook prio 50000 handle 7 bpf
		fi
	done
}

# They come by tcx, before all that is there, and say "pass".
step_before() {
	lab_exec node "$first_tool" ingress "$foreign/foreign_ok" "$veth" &&
		lab_exec node "$first_tool" egress "$foreign/foreign_ok" "$veth" &&
		lab_exec node "$first_tool" ingress "$foreign/foreign_ok" vlan.eth.9 &&
		lab_exec node "$first_tool" egress "$foreign/foreign_ok" vlan.eth.9
}

steppers_go() {
	lab_exec node bpftool net detach tcx_ingress dev "$veth"
	lab_exec node bpftool net detach tcx_egress dev "$veth"
	others_go tcx
}

# first_are PREFIX: so begin the names of the programs that come first on each hook.
first_are() {
	local interface names
	for interface in "$veth" vlan.eth.9; do
		lab_exec node bpftool -j net show dev "$interface" |
			jq -r '.[0].tc | group_by(.kind)[] | select(.[0].kind | startswith("tcx/")) | first.name'
	done >"$LAB_DIR/first"
	names=$(cat "$LAB_DIR/first")
	echo "$names"
	[ "$(wc -l <<<"$names")" = 4 ] && ! grep -qv "^$1" <<<"$names"
}

# Pings pass while they step before us and we before them.
nothing_is_lost() {
	local pings
	lab_exec cart ping -q -i 0.002 -c 2000 "$LAB_DB4" >"$LAB_DIR/pings" &
	pings=$!
	for _ in 1 2; do
		step_before && wait_for first_are tc_ || return
		steppers_go
	done
	wait "$pings"
	cat "$LAB_DIR/pings"
	grep " 0% packet loss" "$LAB_DIR/pings"
}

take_ours_away() {
	local id
	if [ "$1" = tcx ]; then
		for id in $(lab_exec node bpftool -j net show dev vlan.eth.9 |
			jq '.[0].tc[] | select(.name | startswith("tc_")).link_id'); do
			bpftool link detach id "$id"
		done
	else
		node_tc filter del dev vlan.eth.9 ingress
		node_tc filter del dev vlan.eth.9 egress
	fi
}

lab_up || bail "no lab"
for ns in db client cart; do
	serve "$ns" 5432
done
mkdir "$foreign" "$foreign/maps" || bail "no directory for foreign programs"
bpftool prog loadall "$object" "$foreign" pinmaps "$foreign/maps" || bail "no foreign programs"
feed "egress(\"sg-cart\"; permission(\"-1\"; -1; -1; [\"$LAB_DB4/32\", \"$LAB_DB6/128\"]))
	| ingress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_CLIENT4/32\"]))"

ways=(tcx clsact)
case $(uname -r) in
[0-5].* | 6.[0-5].*) ways=(clsact) ;;
esac

for way in "${ways[@]}"; do
	agent_comes "$veth"
	agent_comes vlan.eth.9
	[ "$way" = clsact ] || others_come "$way"
	check "$way, they came first: without us they see packets" sees tcp cart "$LAB_DB4" 5432
	bg_start --attach "$way"
	check "$way, they came first: verdicts hold, though they say OK" verdicts_hold
	check "$way, they came first: they see what passes" sees together "${allowed[@]}"
	check "$way, they came first: so it leaves through the stack" on_stack egress tcp cart "$LAB_DB4" 5432
	check "$way, they came first: and comes in through it" on_stack ingress tcp client 10.0.47.82 5432
	[ "$way" = clsact ] || others_go "$way"
	agent_goes "$veth"
	agent_goes vlan.eth.9
	check "$way: their clean-up by handle 1 leaves ours on the veth" ours_are "$veth" 2
	check "$way: and on the branch" ours_are vlan.eth.9 2
	check "$way: the short way out is taken again" wait_for by_short_way egress tcp cart "$LAB_DB4" 5432
	check "$way: the short way in, too" wait_for by_short_way ingress tcp client 10.0.47.82 5432

	from_here_on
	agent_comes "$veth"
	agent_comes vlan.eth.9
	others_come "$way"
	for interface in "$veth" vlan.eth.9; do
		check "$way, they come later: the log says so of $interface" \
			wait_for bg_says "other programs run on this interface.*interface=$interface "
	done
	check "$way, they come later: they see what passes" sees together "${allowed[@]}"
	check "$way, they come later: verdicts hold" wait_for verdicts_hold
	check "$way, they come later: what passes keeps to the stack" on_stack ingress tcp client 10.0.47.82 5432
	others_go "$way"
	agent_goes "$veth"
	agent_goes vlan.eth.9
	check "$way: they go, ours stay" ours_are vlan.eth.9 2

	if [ "$way" = tcx ]; then
		from_here_on
		step_before || bail "no program before ours"
		check "$way, they step before us: we step before them" wait_for first_are tc_
		check "$way, they step before us: the log says so" bg_says "ours is in front again.*tc_branch_egress"
		check "$way, they step before us: they see what passes" sees together "${allowed[@]}"
		check "$way, they step before us: verdicts hold" verdicts_hold
		bg_kill
		steppers_go
		step_before || bail "no program before ours"
		check "$way, they step before us while no daemon runs" first_are foreign
		check "$way, they step before us while no daemon runs: what is denied passes" tcp cart "$LAB_CLIENT4" 5432
		bg_start --attach "$way"
		check "$way: the next daemon steps before them" wait_for first_are tc_
		check "$way: and verdicts hold" verdicts_hold
		steppers_go
		check "$way, they come and go: not a packet is lost" nothing_is_lost
	elif [ ${#ways[@]} -gt 1 ]; then
		from_here_on
		step_before || bail "no program before ours"
		check "$way, they come by tcx: the log warns" wait_for bg_says "not judged.*tcx programs come before every filter"
		steppers_go
	fi

	from_here_on
	take_ours_away "$way"
	check "$way: ours are taken away, and put back" wait_for ours_are vlan.eth.9 2
	check "$way: the log says so" bg_says "took a program away.*vlan.eth.9"
	check "$way: verdicts hold" verdicts_hold
	bg_stop
	bg unload >/dev/null || bail "no unload"
done
finish
