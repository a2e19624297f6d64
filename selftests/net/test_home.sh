#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Pins belong to one network namespace: whoever acts on them from another one is
# refused, and nothing changes where they are at home.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

to_db="tcp cart $LAB_DB4 5432"
guarded() {
	together "$to_db" "silent tcp web $LAB_DB4 5432" "silent udp web $LAB_DB4 5432"
}
# elsewhere VERB...: the same pins, but the fabric's interfaces; what it prints is in OUTPUT.
elsewhere() {
	local verb=$1
	shift
	lab_exec fabric "$BG" "$verb" --pin-dir "$PIN_DIR" "$@" 2>&1
}
refuses() {
	local said
	said=$("$@") && return 1
	echo "$said"
	grep -q 'another network namespace' <<<"$said"
}
links() {
	find "$PIN_DIR/links" -type f | wc -l
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
for by in auto clsact; do
	bg_start --attach $by
	check "$by: enforced" guarded
	bg_stop
	before=$(links)
	capture db eth0 "src host 10.0.47.83"
	check "$by: a daemon in another network namespace is refused" \
		refuses elsewhere run --feed "$FEED"
	check "$by: and says what a DaemonSet needs" \
		eval 'elsewhere run --feed "$FEED" | grep "hostNetwork: true"'
	check "$by: so is a single pass" refuses elsewhere run --once --feed "$FEED"
	check "$by: so is unload" refuses elsewhere unload
	check "$by: looking is not acting, and what cannot be seen from there is not claimed" \
		eval 'elsewhere status --json | jq -e "
			(.branches | length == 2 and all(.armed == null and .up == null)) and .missing_programs == null and
			any(.causes[]; .text | test(\"from this network namespace\"))"'
	check "$by: nor in words" eval '[ "$(elsewhere status | grep -c "armed since.* says the daemon$")" = 2 ]'
	check "$by: nor in figures" eval '! elsewhere status --metrics | grep -e branch_armed -e branch_up -e missing_programs'
	check "$by: everything is still enforced" guarded
	capture_end
	check "$by: not one packet of web got out meanwhile" saw_nothing
	check "$by: no link went" test "$(links)" = "$before"
	bg_start --attach $by
	check "$by: at home it goes on" guarded
	bg_stop
	check "$by: unload at home" bg unload
done

# What is left of a namespace that is no more can be taken away from anywhere.
bg_start
bg_stop
check "unload --any-netns takes away what is left" elsewhere unload --any-netns
check "nothing is pinned any more" test ! -e "$PIN_DIR"
check "nothing is enforced any more" tcp web "$LAB_DB4" 5432

# Of one that lives filters stay, which are no links; that is said, and how they go.
for by in clsact auto; do
	bg_start --attach clsact
	bg_stop
	check "unload --any-netns says what may be left" \
		eval 'elsewhere unload --any-netns | grep "had filters at [1-9][0-9]* interfaces.*run. and then"'
	check "what is left is still enforced" guarded
	bg_start --attach $by
	bg_stop
	check "run --attach $by and then unload there take it away" eval 'bg unload | grep -v "had filters"'
	check "so that nothing is enforced any more" tcp web "$LAB_DB4" 5432
done
finish
