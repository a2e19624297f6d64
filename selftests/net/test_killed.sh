#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# kill -9 at a call of a start, and of a reload: what was in force stays so, and the next
# start finds its way, whatever was half done. Throughout, what is denied is sent and must not
# arrive, and a connection goes on; at the end there are no programs, pins or filters more.
#
#   BG_KILLS=places: at the first and the last call from each place in the program (minutes);
#   N: at N of these, spread evenly (`make check` has a few); 0: at every call (hours)
#   BG_SEED: which ones. A check takes always the same, `make soak` others each time.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. selftests/net/trouble.sh

KILLS=${BG_KILLS:-2}
SEED=${BG_SEED:-1}
RANDOM=$SEED

# --- what must stay ------------------------------------------------------------------------------
# Each program at its place, and what is pinned (policy images have no names of their own).
is_attached() {
	lab_exec node bpftool -j net show | jq -r '.[].tc[] | "\(.devname) \(.kind) \(.name | sub(":.*"; ""))"' | sort
}
is_pinned() {
	(cd "$PIN_DIR" && find . -type f ! -name image_next | sort)
}
is_as_it_was() {
	diff <(echo "$ATTACHED") <(is_attached) && diff <(echo "$PINNED") <(is_pinned)
}
goes_on() {
	talk out && nothing_passed
}

# --- being killed --------------------------------------------------------------------------------
# plan CALL HOW...: as fault.c reads it, from here on.
plan() {
	rm -f "$FAULT.hits"
	echo "$*" >"$FAULT.new"
	mv "$FAULT.new" "$FAULT"
}
has_died() {
	! [ -e "/proc/$BG_PID" ] || [[ $(ps -o stat= -p "$BG_PID") = Z* ]]
}
# start_once N: a start and no more, with a policy map of another size each time.
start_once() {
	bg_spawn --once --attach "$BY" --image-mib $((4 + $1 % 2 * 4))
	wait_for has_died
}
# reload_once N: a reload, with rules that come or go. (A daemon that is to be killed after more
# calls than the reload takes makes them soon.)
reload_once() {
	feed "${FEEDS[$1 % 2]}"
	if [ "$1" -eq 0 ]; then wait_for feed_in_force; else wait_for has_died; fi
}
FEEDS=('egress("sg-web"; permission("tcp"; 80; 90; anywhere))' 'no_rules("sg-web")')

# Nobody holds the pins any more.
is_free() {
	flock -n "$PIN_DIR" true
}

# A start is of a daemon that was killed, a reload of one that runs.
prepare_for() {
	if [ "$1" = start_once ]; then
		bg_kill
		wait_for is_free
	elif [ -z "$BG_PID" ]; then
		bg_start --attach "$BY"
	fi
}

# The numbers of the calls at which to kill. Most calls are the same ones, again and again: half of
# those of a start by clsact ask for one more filter.
calls_to_kill_at() {
	local at=() k
	if [ "$KILLS" = 0 ]; then
		seq "$(wc -l <"$FAULT.hits")"
		return
	fi
	mapfile -t at < <(awk '{ place = $1 " " $3; first[place] = first[place] ? first[place] : NR; last[place] = NR }
		END { for (place in first) print first[place] "\n" last[place] }' "$FAULT.hits" | sort -nu)
	[ "$KILLS" != places ] || KILLS=${#at[@]}
	for ((k = 0; k < KILLS; k++)); do
		echo "${at[(k * ${#at[@]} + RANDOM % ${#at[@]}) / KILLS]}"
	done
}

# kill_each WHAT: sets KILLED to how often it was killed, OF to how many calls it makes.
kill_each() {
	local what=$1 at k=0 calls
	prepare_for "$what"
	plan any wait-0
	"$what" 0
	end
	OF=$(wc -l <"$FAULT.hits") KILLED=0
	mapfile -t calls < <(calls_to_kill_at)
	for at in "${calls[@]}"; do
		prepare_for "$what"
		plan any kill "$at" 1 1
		"$what" $((++k))
		end
		if has_died; then
			wait "$BG_PID" 2>/dev/null
			[ $? -ne 137 ] || KILLED=$((KILLED + 1))
			BG_PID=
		fi
		goes_on >"$LAB_DIR/went-on" 2>&1 || {
			echo "# killed at call $at: $(cat "$LAB_DIR/went-on")"
			return 1
		}
		[ $((k % 50)) -ne 0 ] || echo "# $k of ${#calls[@]}"
	done
	[ -n "$BG_PID" ] || bg_start --attach "$BY"
	# (the last ones may not be reached: not each start makes as many calls)
	[ $KILLED -gt 0 ]
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
echo "# seed $SEED: BG_SEED=$SEED repeats it"
for BY in tcx clsact; do
	bg_start --attach $BY
	ATTACHED=$(is_attached) PINNED=$(is_pinned)
	connect out cart "$LAB_DB4" 5432
	check "$BY: a connection talks" talk out
	flood
	for what in start_once reload_once; do
		kill_each $what
		result $? "$BY: killed at each of $KILLED of $OF calls of a ${what%_once}, what is in force stays"
		feed .
		check "$BY: the next daemon follows the feed" wait_for feed_in_force
		check "$BY: and nothing is there twice, or missing" wait_for is_as_it_was
	done
	stop_floods
	check "$BY: nothing that is denied has passed" nothing_passed
	check "$BY: the connection goes on" talk out
	bg_stop
	check "$BY: unload" bg unload
	check "$BY: leaves nothing" eval '! is_attached | grep . && [ ! -e "$PIN_DIR" ]'
done
finish
