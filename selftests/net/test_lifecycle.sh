#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Interfaces, pods and daemons come and go.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

to_db="tcp cart $LAB_DB4 5432"
to_db6="tcp cart $LAB_DB6 5432"
ifindex() {
	ip -n "$LAB_NAME-node" -j link show "$1" | jq '.[0].ifindex'
}
armed_at() {
	bg status --json | jq -e --argjson vlan "$1" --argjson at "$(ifindex "vlan.eth.$1")" \
		'any(.branches[]; .vlan == $vlan and .armed and .ifindex == $at)'
}
unarmed() {
	bg status --json | jq -e --argjson vlan "$1" 'all(.branches[]; .vlan != $vlan or (.armed | not))'
}

# --- the daemon first, the pods later --------------------------------------------
lab_network || bail "no lab"
serve db
serve client
lab_two_pods || bail "no pods"
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\", \"$LAB_DB6/128\"]))"
check "without branchguard web reaches the database" tcp web "$LAB_DB4" 5432
lab_pod_delete cart
lab_pod_delete web
bg_spawn
check "the daemon starts before its pods" wait_for feed_in_force
check "their branches are not armed" unarmed 9
lab_two_pods || bail "no pods"
check "a branch that appears is armed" wait_for armed_at 9
check "and so is the other one" wait_for armed_at 10
check "verdicts are as they should be" together "$to_db" "$to_db6" "silent tcp web $LAB_DB4 5432" \
	"silent tcp cart $LAB_CLIENT4 5432"

# --- a new interface under the old name ----------------------------------------------
before=$(ifindex vlan.eth.9)
lab_pod_delete cart
check "a branch that goes is disarmed" wait_for unarmed 9
lab_pod cart 9 strict 10.0.47.82 2001:db8:0:32::82 || bail "no pod"
check "its successor has another ifindex" test "$(ifindex vlan.eth.9)" != "$before"
check "and is armed" wait_for armed_at 9
check "with the same verdicts" together "$to_db" "$to_db6" "silent tcp cart $LAB_CLIENT4 5432"

# Pods that start all the time: whatever the moment, what has no rule does not pass.
capture client eth0 src net 10.0.32.0/20
for _ in 1 2 3 4 5; do
	lab_pod_delete web
	lab_pod web 10 strict 10.0.47.83 2001:db8:0:32::83 || bail "no pod"
	lab_exec web ping -q -i 0.01 -c 100 -w "$WAIT_S" "$LAB_CLIENT4" >/dev/null
	silent tcp web "$LAB_CLIENT4" 5432
done
wait_for armed_at 10
capture_end
if [ "$(cat "$LAB_DIR/kind")" = vlan ]; then
	check "a pod that restarts is never unguarded" saw_nothing
fi
check "after five restarts its branch is armed" armed_at 10

# --- two daemons, and none ------------------------------------------------------------
second() {
	lab_exec node timeout "$EVENT_S" "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR"
}
refuses_second() {
	local text
	text=$(second 2>&1)
	[ $? -eq 1 ] && echo "$text" && grep -q "in use by another" <<<"$text"
}
check "a second daemon is refused" refuses_second
connect out cart "$LAB_DB4" 5432
check "a connection talks" talk out
bg_kill
check "kill -9: it talks on" talk out
check "kill -9: verdicts stay" together "$to_db" "$to_db6" "silent tcp cart $LAB_CLIENT4 5432" \
	"silent tcp web $LAB_DB4 5432"
check "status says that no daemon runs" eval "bg status | grep -q 'NOT RUNNING'"
# flows_with_left SECONDS: those that do not end by the clock while a daemon starts.
flows_with_left() {
	bg flows --json | jq -c --argjson least "$1" '[.[] | select(.left_s > $least)
		| {key: ([.branch, .direction, .protocol, .local, .local_port, .remote, .remote_port] | tostring),
			value: .age_s}] | from_entries'
}
flows_before=$(flows_with_left "$EVENT_S")
check "there are flows" jq -e -n --argjson before "$flows_before" '$before | length > 0'
bg_start
check "a new daemon takes over" bg_says "taking over"
# (what was made anew would be younger)
check "with the flows that are" jq -e -n --argjson before "$flows_before" \
	--argjson after "$(flows_with_left 0)" 'all($before | to_entries[]; $after[.key] // -1 >= .value)'
check "the connection talks on" talk out
check "verdicts are the same" together "$to_db" "$to_db6" "silent tcp cart $LAB_CLIENT4 5432" \
	"silent tcp web $LAB_DB4 5432"
feed_live "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_CLIENT4/32\"]))"
check "and it follows the feed" tcp cart "$LAB_CLIENT4" 5432

# Killed while it works: whatever is left, the next one makes it whole.
for pause in 0.02 0.1 0.3; do
	bg_kill
	bg_spawn
	sleep $pause
done
bg_kill
bg_start
check "killed at its start three times, it comes up" together "$to_db" "silent tcp web $LAB_DB4 5432"
check "the connection still talks" talk out

# While no daemon runs an interface is made anew: the next daemon arms it.
bg_stop
lab_pod_delete web
lab_pod web 10 strict 10.0.47.83 2001:db8:0:32::83 || bail "no pod"
bg_start
check "an interface that came while no daemon ran is armed" armed_at 10
check "and guarded" silent tcp web "$LAB_DB4" 5432

# --- once, and back again ---------------------------------------------------------------
bg_stop
once() {
	lab_exec node "$BG" run --once --feed "$FEED" --pin-dir "$PIN_DIR"
}
feed 'no_rules("sg-cart")'
check "run --once puts a feed in force and ends" once
check "which holds" silent tcp cart "$LAB_CLIENT4" 5432
finish
