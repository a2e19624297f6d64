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
	check "$by: unload" bg unload
done
finish
