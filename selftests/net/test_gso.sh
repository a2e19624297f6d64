#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Large segments and checksums that the hardware would fill in: bulk TCP both
# ways, in both families, with XDP and without, by the short way and the stack.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# bulk NS ADDRESS [-R]: at least 100 Mbit/s, which no traffic reaches that has
# to be sent again all the time.
# The server has one client at a time, and may not be done with the one before.
is_busy() {
	jq -e '.error // "" | test("busy")' <<<"$1"
}

bulk() {
	local ns=$1 report megabits least=100 end=$((SECONDS + EVENT_S))
	[ -z "${BG_IN_VM:-}" ] || least=5
	shift
	while
		report=$(lab_exec "$ns" timeout "$EVENT_S" iperf3 -J -t 1 -c "$@")
		is_busy "$report" && [ $SECONDS -lt $end ]
	do
		sleep $POLL_S
	done
	jq -r '.error // empty' <<<"$report"
	megabits=$(jq '.end.sum_received.bits_per_second / 1e6 | floor' <<<"$report") || return
	echo "$megabits Mbit/s"
	[ "$megabits" -ge "$least" ]
}

nothing_dropped() {
	bg status --json | jq -c '.branches[] | {vlan, ingress: .ingress.reasons, egress: .egress.reasons}'
	[ "$(bg status --json | jq '[.branches[] | .ingress, .egress | .dropped_packets] | add')" = 0 ]
}

lab_up || bail "no lab"
lab_exec db iperf3 -s -D
wait_for eval '[ -n "$(lab_exec db ss -Hlnt "sport = :5201")" ]' || bail "no iperf3"
check "without branchguard bulk traffic flows" bulk cart "$LAB_DB4"
feed .
bg_start
check "without a rule it does not" fails lab_exec cart timeout "$WAIT_S" iperf3 -t 1 -c "$LAB_DB4"
feed_live "egress(\"sg-cart\"; permission(\"tcp\"; 5201; 5201; [\"10.0.3.0/24\", \"2001:db8:0:3::/64\"]))"
all_ways=("--xdp branch" "--no-short-way" "--xdp off" "--xdp branch --no-short-way" "--attach clsact")
[ -z "${BG_IN_VM:-}" ] || all_ways=("${all_ways[@]:0:2}")
for ways in "${all_ways[@]}"; do
	bg_stop
	bg unload >/dev/null
	# shellcheck disable=SC2086 # options
	bg_start $ways
	check "$ways: pod to fabric" bulk cart "$LAB_DB4"
	check "$ways: fabric to pod" bulk cart "$LAB_DB4" -R
	check "$ways: pod to fabric, IPv6" bulk cart "$LAB_DB6"
	check "$ways: fabric to pod, IPv6" bulk cart "$LAB_DB6" -R
	check "$ways: nothing was dropped on the way" nothing_dropped
done
finish
