#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Three hundred branches that appear at once: how soon all are guarded, what the daemon adds to
# the time that the kernel itself takes, and that a signal does not wait until they are.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

MANY=300
# By filters. Where others keep the machine busy, the kernel takes longer, too.
MOST_MS=1000
MOST_TIMES=4
# What the daemon may add to each interface's links.
MOST_ADDED_US=5000
# So many of them are measured: the kernel waits for each link.
MEASURED=25
# One attach at most is waited for.
STOP_MS=1500
[ -z "${BG_IN_VM:-}" ] || STOP_MS=10000

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

# measure_filters SINCE_US: sets TOOK_MS, from then until the last one was attached, and KERNEL_MS,
# which of that was the kernel's own.
measure_filters() {
	read -r TOOK_MS KERNEL_MS < <(awk -v since="$1" -v first="$FIRST_OF_MANY" '
		$1 >= first { kernel += $3 - $2; last = $3 }
		END { printf "%d %d\n", (last - since) / 1000, kernel / 1000 }' "$TIMES")
}

in_time() {
	[ "$KERNEL_MS" -gt 0 ] &&
		{ [ "$TOOK_MS" -lt "$MOST_MS" ] || [ "$TOOK_MS" -lt $((MOST_TIMES * KERNEL_MS)) ]; }
}

# measure_links: sets OF to the number of interfaces, KERNEL_US to what the kernel took for one,
# ADDED_US to what else lies between the first call for one and the first for the next (these are
# medians), LEAST_US to the same of the quarter that had least of it. Where others attach, too, what
# the daemon asks waits for them, now and then at most interfaces; what the daemon itself adds, it
# adds at all of them.
measure_links() {
	awk -v first="$FIRST_OF_MANY" '
		$1 >= first && $1 != at {
			if (at) print $2 - since - kernel, kernel
			at = $1; since = $2; kernel = 0
		}
		{ kernel += $3 - $2 }' "$TIMES" >"$TIMES.each"
	OF=$(wc -l <"$TIMES.each")
	KERNEL_US=$(sort -n -k 2 "$TIMES.each" | sed -n "$(((OF + 1) / 2))p" | cut -d ' ' -f 2)
	ADDED_US=$(sort -n "$TIMES.each" | sed -n "$(((OF + 1) / 2))p" | cut -d ' ' -f 1)
	LEAST_US=$(sort -n "$TIMES.each" | sed -n "$(((OF + 3) / 4))p" | cut -d ' ' -f 1)
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
TIMES=$LAB_DIR/times
BG_ENVIRONMENT=(LD_PRELOAD="$(realpath -m "${BG_BUILD:-build}")/selftests/net/attach_times.so" BG_ATTACH_TIMES="$TIMES")
bg_start --attach clsact --max-branches 512
# it sees them together
kill -STOP "$BG_PID"
appear "$MANY" || bail "no interfaces"
FIRST_OF_MANY=$(ip -n "$LAB_NAME-node" -j link show vlan.eth.100 | jq '.[0].ifindex')
read -r since_s _ </proc/uptime
kill -CONT "$BG_PID"
wait_for are_armed 20 && kill -HUP "$BG_PID"
check "three hundred at once are armed by filters, whatever signal comes" wait_for are_armed $MANY
check "each has a program both ways" filters branch
measure_filters "${since_s/./}0000"
in_time
result $? "it takes no longer than it must: $TOOK_MS ms, $KERNEL_MS of which the kernel took"
bg_kill
bg unload >/dev/null

# by links, for each of which the kernel waits; they are there when it starts
rm "$TIMES"
bg_spawn --attach auto --max-branches 512
wait_for are_armed "$MEASURED"
check "a signal does not wait until all are armed" stops_at_once
measure_links
[ "$OF" -ge $((MEASURED - 1)) ] && [ "$LEAST_US" -lt "$MOST_ADDED_US" ]
result $? "to $KERNEL_US us of the kernel for an interface the daemon adds $ADDED_US ($LEAST_US in a quarter of $OF)"
finish
