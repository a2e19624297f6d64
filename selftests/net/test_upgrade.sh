#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A build of another ABI on what one pinned before it: programs of the past (old/), each
# replaced under load, by tcx and by clsact. What is denied is sent in both directions and
# families throughout and must not arrive; a connection and pings go on. The new daemon
# is killed in the middle, too, and its feed is refused.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

NEW=$BG
OLD=$(dirname "$ECHO")/old_branchguard
# Killed this long after its start: before, while and after it replaces the old one.
MOMENTS=(0.3 0.8)
CART4=10.0.47.82 CART6=2001:db8:0:32::82
WEB4=10.0.47.83 WEB6=2001:db8:0:32::83
FLOODS=() PINGS=()
[ "$(uname -m)" = x86_64 ] || skip_all "the programs of the past are for x86_64"

# --- load ------------------------------------------------------------------------------
flood() {
	local way
	for way in "web $LAB_CLIENT4" "web $LAB_CLIENT6" "client $CART4" "client $CART6"; do
		# shellcheck disable=SC2086
		ping_in ${way% *} ${way#* } >/dev/null &
		FLOODS+=($!)
	done
	capture client eth0 "(icmp or icmp6) and (src host $WEB4 or src host $WEB6)"
	AT_CLIENT=$CAPTURE
	capture cart eth0 "(icmp or icmp6) and (src host $LAB_CLIENT4 or src host $LAB_CLIENT6)"
	AT_CART=$CAPTURE
}

end_flood() {
	kill "${FLOODS[@]}"
	wait "${FLOODS[@]}" 2>/dev/null
	FLOODS=()
	for CAPTURE in "$AT_CLIENT" "$AT_CART"; do
		capture_end
	done
}

nothing_denied_arrived() {
	! cat "$AT_CLIENT" "$AT_CART" | grep .
}

# Denied, and sent: the new one has counted it.
denied_was_counted() {
	[ "$(packets 10 egress no-rule)" -gt 0 ] && [ "$(packets 9 ingress no-rule)" -gt 0 ]
}

# (not by lab_exec: $! must be ping itself; and in the background it would ignore SIGINT,
# upon which it says how many came back)
ping_in() {
	exec nsenter --net="/run/netns/$LAB_NAME-$1" -- env --default-signal=INT ping -n -q -i 0.01 "$2"
}

pings() {
	ping_in cart "$LAB_DB4" >"$LAB_DIR/ping4" 2>&1 &
	PINGS=($!)
	ping_in cart "$LAB_DB6" >"$LAB_DIR/ping6" 2>&1 &
	PINGS+=($!)
}

end_pings() {
	kill -INT "${PINGS[@]}"
	wait "${PINGS[@]}" 2>/dev/null
}

# (the last one of each may be under way)
no_ping_was_lost() {
	local family lost=0
	for family in 4 6; do
		tail -n 2 "$LAB_DIR/ping$family"
		[[ $(<"$LAB_DIR/ping$family") =~ ([0-9]+)\ packets\ transmitted,\ ([0-9]+)\ received ]] || return
		[ "${BASH_REMATCH[2]}" -gt 20 ] || return
		lost=$((lost + BASH_REMATCH[1] - BASH_REMATCH[2]))
	done
	[ $lost -le 2 ]
}

# --- two builds ----------------------------------------------------------------------------
old_start() {
	BG=$OLD-$ABI
	bg_start --attach "$BY"
	BG=$NEW
}

new_spawn() {
	bg_spawn --attach "$BY"
}

abi_is() {
	bpftool -j map dump pinned "$PIN_DIR/maps/control" | jq -e ".. | .abi? // empty | . == $1"
}

# Each place has the program of this build: its maps are those that are pinned.
all_are_of_this_build() {
	local program ids
	ids=$(for program in "$PIN_DIR"/programs/*; do bpftool -j prog show pinned "$program" | jq .id; done)
	if [ "$BY" = tcx ]; then
		for link in "$PIN_DIR"/links/*; do
			bpftool -j link show pinned "$link" | jq .prog_id
		done
	else
		lab_exec node bpftool -j net show | jq '.[].tc[].id'
	fi | sort -u | while read -r id; do
		grep -qx "$id" <<<"$ids" || {
			echo "program $id is not ours"
			exit 1
		}
	done
}

nothing_is_left_over() {
	[ ! -e "$PIN_DIR/maps_aside" ] && ! ls "$PIN_DIR"/*/*_new 2>/dev/null
}

flows_of_db() {
	bg flows --json | jq '[.. | objects | select(.remote? != null and (.remote | tostring | contains("'"$LAB_DB4"'")))] | length'
}

hits() {
	bg rules --json | jq '[.. | .hits? // empty] | add'
}

says_whose_pins() {
	local verb
	for verb in status rules flows; do
		fails bg "$verb" >"$LAB_DIR/said" 2>&1 || return
		cat "$LAB_DIR/said"
		grep -q "ABI $ABI" "$LAB_DIR/said" && grep -q 'branchguard run' "$LAB_DIR/said" || return
	done
}

# --- upgrades ----------------------------------------------------------------------------------
lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"])) |
	egress(\"sg-cart\"; permission(\"icmp\"; 8; 0; [\"$LAB_DB4/32\"])) |
	egress(\"sg-cart\"; permission(\"icmpv6\"; 128; 0; [\"$LAB_DB6/128\"]))"
BYS=(clsact)
fails bg run --once --attach tcx --feed /dev/null 2>&1 | grep -q 'no tcx' || BYS+=(tcx)
for BY in "${BYS[@]}"; do
	for ABI in 1 2; do
		it="$BY, ABI $ABI"
		old_start
		connect lasting cart "$LAB_DB4" 5432
		check "$it: a connection through the old one" talk lasting
		check "$it: the new one's verbs say whose pins these are" says_whose_pins
		flood
		pings
		bg_kill
		for moment in "${MOMENTS[@]}"; do
			new_spawn
			sleep "$moment"
			bg_kill
		done
		check "$it: while the new one was killed twice, the connection went on" talk lasting
		bg_start --attach "$BY"
		check "$it: the new one is in force" abi_is 3
		check "$it: at each place" all_are_of_this_build
		check "$it: with nothing left over" wait_for nothing_is_left_over
		check "$it: the connection goes on" talk lasting
		bg_kill
		bg_start --attach "$BY"
		check "$it: and after a restart" talk lasting
		end_pings
		check "$it: no ping was lost" no_ping_was_lost
		check "$it: what is denied is counted" denied_was_counted
		end_flood
		check "$it: none of it arrived" nothing_denied_arrived
		bg_stop
		check "$it: unload" bg unload
	done
done

# --- a feed that cannot be put in force ---------------------------------------------------------
BY=${BYS[-1]} ABI=1
old_start
bg_kill
cp "$FEED" "$LAB_DIR/good.json"
echo '{' >"$LAB_DIR/broken.json"
mv "$LAB_DIR/broken.json" "$FEED"
flood
new_spawn
check "refused: the new one says that the old one stays" wait_for bg_says 'stay in force, and no new interface'
check "refused: it does" abi_is 1
check "refused: and enforces" together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432"
mv "$LAB_DIR/good.json" "$FEED"
check "mended: the new one is in force" wait_for abi_is 3
check "mended: at each place" wait_for all_are_of_this_build
end_flood
check "refused, then mended: nothing that is denied arrived" nothing_denied_arrived
bg_stop
finish
