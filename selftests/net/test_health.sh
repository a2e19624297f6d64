#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# health in every bad state: a line a concern, and an exit status that is never 0 when
# something passes that no rule admits.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

FIRST_TOOL=$(realpath -m "${BG_BUILD:-build}")/selftests/net/tool_tcx_first
OBJECT=$(realpath -m "${BG_BUILD:-build}")/selftests/net/foreign.bpf.o
FOREIGN=$PIN_DIR-foreign # (no dots on bpffs)
forget_foreign() {
	rm -rf "$FOREIGN"
	clean_up
}
trap forget_foreign EXIT

# health_is STATUS [CONCERN WORDS]: that exit status, in text and JSON; that concern is not
# well and says this.
health_is() {
	local json text status
	json=$(bg health --json)
	status=$?
	text=$(bg health)
	echo "exit $status"
	echo "$text"
	[ "$status" -eq "$1" ] &&
		jq -e --argjson status "$1" '.exit_status == $status and
			.health == (["well", "degraded", "not-enforcing"] | .[$status])' <<<"$json" &&
		{ [ $# -eq 1 ] || jq -e --arg concern "$2" --arg words "$3" 'any(.concerns[];
			.concern == $concern and .health != "well" and (.text | test($words)))' <<<"$json"; }
}
well() {
	health_is 0 && bg health --json | jq -e 'all(.concerns[]; .health == "well" and .since == null) and
		(.concerns | map(.concern) == ["daemon", "attachment", "interfaces", "feed", "tables", "events"])'
}
leaks() {
	tcp web "$LAB_DB4" 5432
}
in_node() {
	ip -n "$LAB_NAME-node" "$@"
}
# What the last daemon left is thrown away, and a new one begins.
start_anew() {
	bg_kill
	bg unload >/dev/null
	bg_start --attach "$BY"
	wait_for well || bail "not well: $(bg health)"
}
# detach INTERFACE HOOK
detach() {
	local id
	id=$(lab_exec node bpftool -j net show | jq --arg at "$1" --arg where "tcx/$2" '.[].tc[] |
		select(.devname == $at and .kind == $where).link_id')
	if [ -n "$id" ]; then
		bpftool link detach id "$id"
	else
		lab_exec node tc filter del dev "$1" "$2"
	fi
}
# first_comes INTERFACE: a program of somebody else, before all others at egress.
first_comes() {
	if lab_exec node bpftool -j net show | grep -q tcx; then
		lab_exec node "$FIRST_TOOL" egress "$FOREIGN/foreign_ok" "$1"
	else
		lab_exec node tc filter add dev "$1" egress prio 1 handle 1 protocol all bpf da object-pinned "$FOREIGN/foreign_ok"
	fi
}

# What strict pods send must find its branch: it is the same however programs are attached.
see_interfaces() {
	in_node link set vlan.eth.10 down
	check "a branch is down: its pod reaches nobody" health_is 1 interfaces 'vlan.eth.10 is down.*dropped'
	check "which is said once for both families" test "$(bg health | grep -o 'vlan.eth.10 is down' | wc -l)" -eq 1
	check "status says it, too" eval "bg status --json | jq -e 'any(.causes[]; .text | test(\"vlan.eth.10 is down.*dropped\"))'"
	check "and in figures" eval 'bg status --metrics | grep "^branchguard_branch_armed.*\"vlan.eth.10\".* 1$" &&
		bg status --metrics | grep "^branchguard_branch_up.*\"vlan.eth.10\".* 0$" &&
		bg status --metrics | grep "^branchguard_branch_up.*\"vlan.eth.9\".* 1$"'
	check "and with the branch" eval 'bg status | grep "^branch eni-web .* DOWN, .*armed since"'
	in_node link set vlan.eth.10 up
	check "it is up, but its routes are gone" health_is 1 interfaces 'IPv4 of the pod at vlan.* is led to eth0 [(]table 254[)] and not to vlan.eth.10: .* dropped'
	in_node link del vlan.eth.10
	check "it is gone" wait_for health_is 1 interfaces 'vlan.eth.10 is gone'
	lab_pod_delete web
	check "so is its pod: that is well" wait_for well
	lab_pod web 10 strict 10.0.47.83 2001:db8:0:32::83 || bail "no pod"
	check "both come back" wait_for well
	for family in 4 6; do
		veth=$(in_node "-$family" rule show | sed -n 's/.*iif \(vlan[0-9a-f]*\) lookup 110.*/\1/p')
		in_node "-$family" rule del priority 10 iif "$veth" lookup 110
		check "IPv$family: the rule that leads to a branch is gone" health_is 1 interfaces \
			"IPv$family of the pod at $veth is led to eth0 [(]table 254[)] and not to vlan.eth.10"
		in_node "-$family" rule add priority 10 iif "$veth" lookup 4711
		in_node "-$family" route add default dev vlan.eth.10 table 4711
		check "IPv$family: another table leads there, too" well
		in_node "-$family" route flush table 4711
		check "IPv$family: if it does" health_is 1 interfaces "IPv$family of the pod .* is led to eth0"
		in_node "-$family" rule del priority 10 iif "$veth" lookup 4711
		in_node "-$family" rule add priority 10 iif "$veth" lookup 110
	done
	in_node link add other0 type veth peer name other1
	in_node link set other0 up
	in_node link set other1 up
	in_node -6 route add default dev other0 metric 1
	in_node -6 rule del priority 10 iif "$veth" lookup 110
	check "IPv6 is led to where nothing of ours is" health_is 2 interfaces "IPv6 of the pod at $veth is led to other0 .* NOT judged"
	in_node -6 rule add priority 10 iif "$veth" lookup 110
	in_node link del other0
	check "the rules are back" well
}

lab_up || bail "no lab"
serve db
bpftool prog loadall "$OBJECT" "$FOREIGN" || bail "no foreign programs"
check "nothing is loaded" health_is 2 datapath 'not loaded'
echo '{' >"$FEED"
bg_spawn
check "no feed was ever accepted" wait_for health_is 1 feed 'refused.*feed.json'
bg_stop
bg unload >/dev/null
rm "$FEED"
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"

# --- the daemon and its feed ----------------------------------------------------------------
bg_start
check "a healthy node" wait_for well
check "a line a concern" test "$(bg health | wc -l)" -eq 6
kill -STOP "$BG_PID"
cp "$FEED" "$LAB_DIR/good.json"
check "a frozen daemon" wait_for health_is 1 daemon 'not heard of for'
check "status says so, too" eval "bg status | grep '^daemon  *NOT HEARD OF for .* process $BG_PID'"
kill -CONT "$BG_PID"
check "one that goes on" wait_for well
echo '{"FeedVersion": 1, "Branches": 7}' >"$FEED"
check "a refused feed" wait_for health_is 1 feed 'refused, revision 1 stays in force: .*SecurityGroups is missing'
rm "$FEED"
check "a feed that is gone" wait_for health_is 1 feed 'refused, revision 1 .*No such file'
cp "$LAB_DIR/good.json" "$FEED"
check "one that is back" wait_for well
rm "/run/branchguard/$(basename "$(grep -l "\"$PIN_DIR\"" /run/branchguard/*.json)")"
check "without the daemon's own file" health_is 1 interfaces 'run/branchguard'
check "which it writes again" wait_for well
elsewhere() {
	lab_exec fabric "$BG" health --pin-dir "$PIN_DIR"
	[ $? -eq 2 ]
}
check "from another network namespace" elsewhere
unprivileged() {
	lab_exec node setpriv --reuid 65534 --clear-groups "$BG" health --pin-dir "$PIN_DIR"
	[ $? -eq 2 ]
}
check "for somebody who may look at nothing" unprivileged
check "when it cannot be said" eval '! bg health >/dev/full 2>/dev/null'
bg_kill
check "a daemon that was killed" health_is 1 daemon 'not running'
bg_start --max-rules 2
check "tables that are full" health_is 1 tables 'rules 100.0 % full [(]1 of 1[)]'
bg_stop
check "a daemon that ended" health_is 1 daemon 'not running'
bg unload >/dev/null
check "after unload" health_is 2 datapath 'not loaded'

# --- what is attached ---------------------------------------------------------------------------
for BY in auto clsact; do
	start_anew
	rm -rf "$PIN_DIR/links" "$PIN_DIR/programs"
	check "$BY: pins that are gone are not missed for long" wait_for well
	bg_kill
	detach vlan.eth.10 egress
	check "$BY: one program is detached" health_is 2 attachment 'tc_branch_egress is missing at vlan.eth.10'
	for at in vlan.eth.9 vlan.eth.10 eth0 eth1; do
		detach $at ingress
		detach $at egress
	done 2>/dev/null
	detach "$(lab_host_interface web)" ingress
	check "$BY: then something passes" leaks
	check "$BY: all are detached" health_is 2 attachment 'missing.*and [0-9]+ more'
	start_anew
	bg_kill
	first_comes vlan.eth.10
	check "$BY: somebody else comes first" health_is 2 attachment 'comes before tc_branch_egress of vlan.eth.10'
	start_anew

	[ "$BY" = clsact ] || see_interfaces
	bg_kill
	index=$(in_node -j link show vlan.eth.10 | jq '.[0].ifindex')
	bpftool map delete pinned "$PIN_DIR/maps/ifaces" key $((index & 255)) $((index >> 8)) 0 0
	check "$BY: somebody deletes from the map of interfaces" health_is 1 interfaces 'map ifaces lacks vlan.eth.10 [(]1 in all'
	bpftool map delete pinned "$PIN_DIR/maps/branches" key 10 0 0 0
	check "$BY: and from that of branches" health_is 1 interfaces 'map branches lacks that of VLAN 10 [(]1 in all'
	check "$BY: status says both" eval 'bg status --json | jq -e "[.causes[].text | select(test(\"^map (ifaces|branches) lacks\"))] | length == 2"'
	detach vlan.eth.10 egress
	check "$BY: and still what is missing there" health_is 2 attachment 'tc_branch_egress is missing at vlan.eth.10'
	start_anew
	bg_kill
	lab_pod_delete web
	lab_pod web 10 strict 10.0.47.83 2001:db8:0:32::83 || bail "no pod"
	check "$BY: a branch comes back while no daemon runs" health_is 2 interfaces 'vlan.eth.10 is a branch, and is NOT guarded'
	rm -rf "$PIN_DIR"
	check "$BY: all pins are gone" health_is 2 datapath 'not loaded'
	# (filters need no pins, and nobody knows them any more)
	for at in vlan.eth.9 vlan.eth.10 eth0 eth1 "$(lab_host_interface cart)" "$(lab_host_interface web)"; do
		lab_exec node tc qdisc del dev "$at" clsact 2>/dev/null
	done
done

# --- what is well is not called a fault ---------------------------------------------------------
# A branch with a name of its own, and a restart with a feed that nobody can read.
start_anew
in_node link set vlan.eth.10 down
in_node link set vlan.eth.10 name pods10
in_node link set pods10 up
feed_live '(branch("web")).Interface = "pods10"'
check "a branch has another name" wait_for eval 'bg status --json | jq -e "any(.branches[]; .interface == \"pods10\" and .armed)"'
bg_kill
echo '{' >"$FEED"
bg_spawn
wait_for bg_says '"ready"'
check "after a restart with a broken feed it is not said to drop everything" eval \
	'bg status --json | jq -e "(.interface_problems | debug) == []" && bg status --json | jq -e "all(.branches[]; .armed)"'
finish
