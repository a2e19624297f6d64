#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# One daemon guards the interfaces of a network namespace: a second one, with pins of its own,
# would take programs and filters out of the place of the first, and is refused.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

OTHER=$PIN_DIR-other
forget_both() {
	rm -rf "$OTHER"
	clean_up
}
trap forget_both EXIT

guarded() {
	together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432"
}
other() {
	lab_exec node timeout 10 "$BG" "$@" --pin-dir "$OTHER" --attach "$by" 2>&1
}
refused() {
	local said
	said=$(other "$@")
	[ $? -eq 1 ] && echo "$said" && grep -q "process $BG_PID) guards the interfaces of this network namespace" <<<"$said"
}

# As a member of the group who may look: all that can be opened of what a daemon has there is
# locked, the way that a daemon locks, and kept so. Sets HOLDER and how much it HELD.
MEMBERS=65533
hold_all() {
	rm -f "$LAB_DIR/held"
	# shellcheck disable=SC2016
	setpriv --reuid 65534 --regid $MEMBERS --clear-groups bash -c '
		shopt -s nullglob dotglob
		for path in "$1" "$1"/* "$1"/*/* "${1%/*}" /run/branchguard /run/branchguard/* /run; do
			{ exec {fd}<"$path"; } 2>/dev/null && flock -n $fd && echo "$path"
		done
		echo all
		sleep 600' hold "$PIN_DIR" >"$LAB_DIR/held" 2>/dev/null &
	HOLDER=$!
	wait_for grep -q '^all$' "$LAB_DIR/held"
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
for by in auto clsact; do
	bg_start --attach $by
	check "$by: with other pins a second one is refused, and told by whom" refused run --feed "$FEED"
	check "$by: for one pass, too" refused run --once --feed "$FEED"
	check "$by: nothing is left of it" test ! -e "$OTHER"
	check "$by: nobody took a program away" fails bg_says 'took a program away\|came first'
	check "$by: enforced" guarded
	bg_kill
	flock -s "$PIN_DIR" sleep 0.3 &
	bg_start --attach $by
	check "$by: killed, it leaves the place to the next one, though somebody looks just then" guarded
	bg_stop
	bg_start --attach $by --group $MEMBERS
	check "$by: a member of the group may look" \
		lab_exec node setpriv --reuid 65534 --regid $MEMBERS --clear-groups "$BG" status --pin-dir "$PIN_DIR"
	hold_all
	check "$by: a member can lock something, as its own" grep -q . "$LAB_DIR/held"
	bg_kill
	bg_start --attach $by --group $MEMBERS
	check "$by: but keeps no daemon from starting" guarded
	bg_stop
	check "$by: nor from unload" bg unload
	kill $HOLDER
	wait $HOLDER 2>/dev/null
done
finish
