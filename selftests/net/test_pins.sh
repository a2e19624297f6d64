#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Pins are removed under the running daemon: it puts them back, and what is enforced
# outlives it as before. So does the policy that is taken out of its map.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. "$(dirname "$0")/trouble.sh"

to_db="tcp cart $LAB_DB4 5432"
guarded() {
	together "$to_db" "silent tcp web $LAB_DB4 5432"
}
pins() {
	(cd "$PIN_DIR" && find . -type f -o -type d | sort)
}
all_are_back() {
	[ "$(pins)" = "$before" ] && bg status >/dev/null
}
killed_and_still_guarded() {
	bg_kill
	guarded
}

comes_up() {
	[ -e "/proc/$BG_PID/exe" ] && bg_is_ready && all_are_back
}

take_policy_away() {
	bpftool map delete pinned "$PIN_DIR/maps/policy" key hex 00 00 00 00
}
# policy_comes_back: the entry is the same as before.
policy_comes_back() {
	local before
	before=$(policy) && take_policy_away && wait_for bg_says 'took the policy out of its map.*at_most_ms=[0-9]' &&
		[ "$(policy)" = "$before" ] && guarded
}
policy() {
	bpftool -j map lookup pinned "$PIN_DIR/maps/policy" key hex 00 00 00 00 | jq -e .inner_map_id
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
for by in auto clsact; do
	bg_start --attach $by
	before=$(pins)
	check "$by: enforced" guarded
	connect lasting cart "$LAB_DB4" 5432
	check "$by: a connection that lasts" talk lasting
	rm -rf "$PIN_DIR"
	check "$by: the whole directory is put back" wait_for all_are_back
	check "$by: and logged" bg_says 'somebody removed pins.* pins=[1-9]'
	check "$by: the directory is locked as before" fails bg unload
	check "$by: so no second daemon starts" fails bg run --once --feed "$FEED"
	rm -rf "$PIN_DIR/links" "$PIN_DIR/maps/control" "$PIN_DIR/programs/tc_pod_egress"
	check "$by: parts of it, too" wait_for all_are_back
	from_here_on
	sleep 2.5 # two looks at the pins
	check "$by: then nothing is put back that is there" fails bg_says 'somebody removed pins'
	check "$by: killed, it leaves everything in force" killed_and_still_guarded
	bg_start --attach $by
	check "$by: the next one takes it over" bg_says 'taking over'
	check "$by: and the connection goes on" talk lasting
	# While it starts, at several moments of that: it comes up, and all is pinned.
	for pause in 0.05 0.15 0.25 0.35 0.45; do
		bg_kill
		bg_spawn --attach $by
		sleep $pause
		rm -rf "$PIN_DIR"
		check "$by: removed $pause s after the start: it comes up" wait_for comes_up
	done
	# While a first one loads, however long that takes.
	bg_kill
	rm -rf "$PIN_DIR"
	begin prog-load wait-1000 1 1 1
	bg_spawn --attach $by
	check "$by: a first one loads" wait_for hit prog-load
	rm -rf "$PIN_DIR"
	check "$by: removed meanwhile: it comes up" wait_for comes_up
	end
	check "$by: enforced" guarded
	bg_stop
	check "$by: unload" bg unload
done
# The image that is put back is the one of this daemon's revision, or of the one before.
bg_start
check "the policy is taken out of its map: it comes back" policy_comes_back
bg_stop
bg_start
check "and does so when it is that of the daemon before" policy_comes_back
check "which is counted" eval "bg status --json | jq -e '.daemon.pins_put_back >= 2'"
bg_stop
finish
