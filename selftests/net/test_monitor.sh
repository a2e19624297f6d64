#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Events by the daemon's socket: several listen, one of them stops, others send rubbish,
# a flood comes, and the daemon is killed.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

MONITORS=()

# monitor FILE [OPTIONS...]: sets MONITOR_PID, once it listens.
monitor() {
	monitor_spawn "$@"
	MONITORS+=("$MONITOR_PID")
	wait_for hears "$1" || bail "the monitor does not listen: $(cat "$1.err")"
}

# A ping to nobody that is let out is an event of its own.
hears() {
	lab_exec web ping -q -c 1 -W 0.01 192.0.2.7 >/dev/null
	grep -q 192.0.2.7 "$1"
}

# seen FILE FILTER: some line of the file is so.
seen() {
	tail -n 3 "$1"
	jq -es "any(.[]; $2)" "$1"
}

# Drops of ICMP to this address that were seen.
drops_to() {
	jq -s --arg remote "$2" 'map(select(.event == "drop" and .remote == $remote)) | length' "$1"
}

all_drops_to() {
	[ "$(drops_to "$1" "$2")" -ge "$3" ]
}

# ask TEXT: one request by hand.
ask() {
	timeout "$EVENT_S" nc -N -U "$SOCKET" <<<"$1"
}

# flood COUNT ADDRESS: packets of web that no rule lets out, as fast as they go.
flood() {
	lab_exec web ping -q -n -f -l "$1" -c "$1" -W 1 "$2" >/dev/null
}

events_are() {
	local until
	until=$(bpftool -j map lookup pinned "$PIN_DIR/maps/control" key 0 0 0 0 |
		jq '.formatted.value.events_until_ns')
	[ "$([ $((until - $(awk '{printf "%.0f", $1 * 1e9}' /proc/uptime))) -gt 0 ] && echo on || echo off)" = "$1" ]
}

lab_up || bail "no lab"
feed 'egress("sg-cart"; everything)'
bg_start
SOCKET=$(find /run/branchguard -name '*.sock' -newer "$FEED" -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2)
check "the daemon has a socket, and it is for root and its group" \
	test "$(stat -c '%F %a' "$SOCKET")" = "socket 660"
check "nobody listens, and there are no events" events_are off
check "the daemon tells of itself" \
	jq -e ".pid == $BG_PID and .revision == 1 and .listeners == 0" <(ask '{"method":"daemon"}')
check "what is no request is answered with an error" \
	jq -e '.error | test("expected a request in JSON")' <(ask 'GET / HTTP/1.1')
check "so is an unknown method" \
	jq -e '.error | test("expected one of daemon, events")' <(ask '{"method":"nothing"}')

# --- several listen -------------------------------------------------------------
monitor "$LAB_DIR/one" --json
check "now there are events" events_are on
monitor "$LAB_DIR/two" --json
stopped_pid=$MONITOR_PID
monitor "$LAB_DIR/three" --json --drops-only --branch vlan.eth.10
third_pid=$MONITOR_PID
check "three listen" jq -e '.listeners == 3' <(ask '{"method":"daemon"}')
lab_exec cart ping -q -c 1 -W 0.01 192.0.2.8 >/dev/null
lab_exec web ping -q -c 1 -W 0.01 192.0.2.9 >/dev/null
for file in one two three; do
	check "$file sees the drop" wait_for seen "$LAB_DIR/$file" \
		'.event == "drop" and .remote == "192.0.2.9" and .reason == "no-rule" and .branch != null and (.groups | length) > 0'
done
for file in one two; do
	check "$file sees the flow" seen "$LAB_DIR/$file" '.event == "flow" and .remote == "192.0.2.8"'
done
check "who wants drops of one branch gets no other" \
	jq -es 'all(.[]; .event == "drop" and .vlan == 10)' "$LAB_DIR/three"
same_events() {
	diff <(grep -h '192.0.2.[89]' "$LAB_DIR/one") <(grep -h '192.0.2.[89]' "$LAB_DIR/two")
}
check "the same events for both" same_events
check "an unknown branch is refused with those that there are" \
	jq -e '.error | test("there are eni-")' <(ask '{"method":"events","branch":"none"}')

# --- who may --------------------------------------------------------------------
as_other() {
	lab_exec node setpriv --reuid 65534 --clear-groups "$@"
}
as_other --regid 65534 "$BG" monitor --pin-dir "$PIN_DIR" >"$LAB_DIR/other" 2>&1
check "who is not in the socket's group is told so" grep -q "is for root and for its group" "$LAB_DIR/other"
nsenter --net="/run/netns/$LAB_NAME-node" -- setpriv --reuid 65534 --regid "$(stat -c %g "$SOCKET")" \
	--clear-groups --bounding-set -all "$BG" monitor --pin-dir "$PIN_DIR" --drops-only \
	>"$LAB_DIR/member" 2>"$LAB_DIR/member.err" &
member_pid=$!
MONITORS+=("$member_pid")
wait_for hears "$LAB_DIR/member" || bail "a member of the group hears nothing: $(cat "$LAB_DIR/member.err")"
check "a member of the group reads it as people do" \
	grep -q " drop eni-.* egress .*icmp 10.0.47.83 -> 192.0.2.7 .*: no-rule in sg-" "$LAB_DIR/member"

# --- rubbish, and no places left ----------------------------------------------------
for i in {1..20}; do
	head -c 20000 /dev/urandom | timeout 20 nc -U "$SOCKET" >/dev/null 2>&1 &
	timeout 20 socat -u "UNIX-CONNECT:$SOCKET" - >"$LAB_DIR/idle-$i" 2>/dev/null &
done
says_full() { grep -q "no place for another client" "$LAB_DIR"/idle-*; }
check "there are so many places and no more" wait_for says_full
asks_well() { ask '{"method":"daemon"}' | jq -e .pid; }
check "who asks nothing loses the place" wait_for asks_well
check "and the daemon is well" armed 10

# --- one is stopped, a flood comes ----------------------------------------------------
feed_live '.Branches += [.Branches[1] | .Id = "eni-late" | .VlanId = 11 | del(.Interface) |
	.Pods = [{Namespace: "shop", Name: "late-0", Addresses: ["10.0.47.111"]}]]'
kill -STOP "$stopped_pid"
(for _ in {1..6}; do flood 4000 192.0.2.66; done) &
flood_pid=$!
lab_pod late 11 strict 10.0.47.111 2001:db8:0:32::111 || bail "no third pod"
check "an interface that comes in the flood is armed" wait_for armed 11
wait $flood_pid
lost_or_seen() {
	[ "$(jq -s '[.[] | select(.event == "lost").count] | add // 0' "$1")" -gt 0 ] || all_drops_to "$1" 192.0.2.66 24000
}
check "who reads sees the flood, or is told what is missing" wait_for lost_or_seen "$LAB_DIR/one"
lab_exec web ping -q -c 1 -W 0.01 192.0.2.10 >/dev/null
check "and what comes after it" wait_for seen "$LAB_DIR/one" '.remote == "192.0.2.10"'
check "who was stopped has lost events, and they are counted" \
	jq -e '.events_lost_by_listeners > 0' <(ask '{"method":"daemon"}')
status_knows() { bg status --json | jq -e '.listeners >= 3 and .events_lost_by_listeners > 0'; }
check "status knows" wait_for status_knows
check "so do the metrics" grep -q '^branchguard_listener_events_lost_total [1-9]' <(bg status --metrics)
check "and health, of the one that is too slow" \
	grep -q "degraded  *events  .*lost by a listener that reads too slowly" <(bg health)
kill -CONT "$stopped_pid"
check "once it goes on it is told how many" wait_for seen "$LAB_DIR/two" '.event == "lost" and .count > 1000'
hears_again() {
	lab_exec web ping -q -c 1 -W 0.01 192.0.2.11 >/dev/null
	grep -q 192.0.2.11 "$LAB_DIR/two"
}
check "and hears what happens" wait_for hears_again

# --- the daemon is killed ------------------------------------------------------------
kill -INT "$third_pid" "$stopped_pid"
wait "$third_pid"
check "a monitor ends well" test $? -eq 0
bg_kill
check "the monitor says that the daemon ended, and reads without it" \
	wait_for seen "$LAB_DIR/one" '.event == "interrupted" and (.text | test("read without it"))'
check "who may not do that waits" wait_for grep -q " interrupted the daemon has ended; waiting" "$LAB_DIR/member"
hears_alone() {
	lab_exec web ping -q -c 1 -W 0.01 192.0.2.12 >/dev/null
	seen "$LAB_DIR/one" '.event == "drop" and .remote == "192.0.2.12"'
}
check "it hears what happens" wait_for hears_alone
check "a second one is told who reads" grep -q "reads the events itself" <(bg monitor 2>&1)
bg_start
# (the one that has read without it lets the others have the events, too)
for file in one member; do
	check "with the next daemon $file goes on" wait_for grep -q "the daemon runs again" "$LAB_DIR/$file"
done
hears_by_daemon() {
	lab_exec web ping -q -c 1 -W 0.01 192.0.2.13 >/dev/null
	grep -q 192.0.2.13 "$LAB_DIR/one" && grep -q 192.0.2.13 "$LAB_DIR/member"
}
check "and both hear" wait_for hears_by_daemon

# --- the end --------------------------------------------------------------------------
rm "$SOCKET"
check "a socket that somebody removed is put back" wait_for test -S "$SOCKET"
kill -INT "${MONITORS[0]}" "$member_pid"
wait "${MONITORS[0]}" "$member_pid"
check "then nobody listens, and there are no events" wait_for events_are off
bg_stop
check "a daemon that ends takes its socket away" test ! -e "$SOCKET"
finish
