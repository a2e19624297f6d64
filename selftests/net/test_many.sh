#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Three hundred branches that appear at once: how soon all are guarded, and that a signal
# does not wait until they are.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

MANY=300
# By filters it takes a third of a second where nothing else is to be done, and ten times
# that is no second look at each of them for each of them.
MOST_MS=3000
[ -z "${BG_IN_VM:-}" ] || MOST_MS=60000
# One attach at most is waited for.
STOP_MS=1500
[ -z "${BG_IN_VM:-}" ] || STOP_MS=10000

# Ids from 100 on, since the lab has others.
appear() {
	seq 100 $((99 + MANY)) | sed 's/.*/link add vlan.eth.& type veth peer name far&/' |
		lab_exec node ip -batch -
}

# By the daemon that was started last.
armed_lines() {
	tail -n +$((BG_LOG_BEFORE + 1)) "$BG_LOG" | grep '"armed" interface=vlan.eth.[1-3][0-9][0-9] '
}

armed() {
	armed_lines | wc -l
}

are_armed() {
	[ "$(armed)" -ge "$1" ]
}

# Milliseconds of the day at which the log has the first and the last of them.
log_ms() {
	armed_lines | sed -n "$1p" |
		sed -E 's/^[^T]*T([0-9]+):([0-9]+):([0-9]+)\.([0-9]+)Z.*/\1 \2 \3 \4/' |
		{ read -r h m s ms && echo $((((10#$h * 60 + 10#$m) * 60 + 10#$s) * 1000 + 10#$ms)); }
}

in_time() {
	local took
	took=$(($(log_ms '$') - $(log_ms 1)))
	echo "$(armed) armed in $took ms"
	[ "$took" -lt "$MOST_MS" ]
}

# filters: two on each of them.
filters() {
	local dev count=0
	for dev in $(seq 100 37 $((99 + MANY))); do
		count=$((count + $(lab_exec node tc filter show dev "vlan.eth.$dev" ingress | grep -c "$1")))
		count=$((count + $(lab_exec node tc filter show dev "vlan.eth.$dev" egress | grep -c "$1")))
	done
	echo "$count filters on 9 of them"
	[ "$count" -eq 18 ]
}

# It is no child of the shell that a check runs in: that cannot wait for it.
has_ended() {
	[ ! -e "/proc/$BG_PID" ] || grep -q '^State:.*Z' "/proc/$BG_PID/status"
}

# stops_at_once: while the others are still to be armed.
stops_at_once() {
	local start_us=${EPOCHREALTIME/[^0-9]/} ms
	kill "$BG_PID"
	wait_for has_ended || return
	ms=$(((${EPOCHREALTIME/[^0-9]/} - start_us) / 1000))
	echo "ended after $ms ms, with $(armed) of $MANY armed"
	[ "$ms" -lt "$STOP_MS" ]
}

lab_up || bail "no lab"
feed '.' || bail "no feed"
bg_start --attach clsact --max-branches 512
appear || bail "no interfaces"
wait_for are_armed 20 && kill -HUP "$BG_PID"
check "three hundred at once are armed by filters, whatever signal comes" wait_for are_armed $MANY
check "each has a program both ways" filters branch
check "it takes no longer than it must" in_time
bg_kill
bg unload >/dev/null

# by links, for each of which the kernel waits; they are there when it starts
bg_spawn --attach auto --max-branches 512
wait_for are_armed 5
check "a signal does not wait until all are armed" stops_at_once
finish
