#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A build of another ABI on what one pinned before it, by tcx and by clsact: programs of
# the past (old/) and the one that may come next (next/), up and back, under load. What is
# denied is sent in both directions and families throughout and must not arrive;
# connections and pings go on. Daemons are killed in the middle, their feed is refused,
# and everything is unloaded where it stands.
#
#   BG_UPGRADE_KILLS=N   so many in each change (3)
#   BG_SEED=N            when they are, and of which build (1)
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

NEW=$BG
OLD=$(dirname "$ECHO")/old_branchguard
NEXT=$(dirname "$ECHO")/next_branchguard
RANDOM=${BG_SEED:-1}
KILLS=${BG_UPGRADE_KILLS:-3}
# A start is killed after at most this time, by when it has replaced the other one.
START_MS=900
OLD_ABIS=(1 2 3)
# A guest has one way to attach of its own, and is slow.
[ -z "${BG_IN_VM:-}" ] || KILLS=${BG_UPGRADE_KILLS:-1} START_MS=6000 OLD_ABIS=(3)
THREE='-all,+bpf,+net_admin,+perfmon'
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
	exec nsenter --net="/run/netns/$LAB_NAME-$1" -- env --default-signal=INT ping -n -i 0.01 "$2"
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

# What is missing before the last answer that came: on a slow machine many are under way when
# ping ends. lost FAMILY: the numbers.
lost() {
	sed -n 's/.*icmp_seq=\([0-9]*\) .*time=.*/\1/p' "$LAB_DIR/ping$1" | sort -n |
		awk '{ for (seq++; seq < $1; seq++) print seq } END { exit seq < 20 }'
}

no_ping_was_lost() {
	local family lost
	for family in 4 6; do
		tail -n 2 "$LAB_DIR/ping$family"
		lost=$(lost $family) || return
		[ -z "$lost" ] || {
			echo "lost: $lost"
			return 1
		}
	done
}

# A build that cannot read the flows knows no request of before: what was asked just then has
# no answer. One run of numbers, in less than a second.
lost_is_what_was_under_way() {
	local family lost
	for family in 4 6; do
		tail -n 2 "$LAB_DIR/ping$family"
		lost=$(lost $family) || return
		echo "lost: $lost"
		awk 'NR > 1 && $1 != before + 1 { exit 1 } { before = $1 } END { if (NR > 100) exit 1 }' <<<"$lost" || return
	done
}

# --- two builds ----------------------------------------------------------------------------
# program_of ABI: the build that has it.
program_of() {
	case $1 in
	"$NEW_ABI") echo "$NEW" ;;
	"$NEXT_ABI") echo "$NEXT" ;;
	*) echo "$OLD-$1" ;;
	esac
}

# By tcx the newer ones have the three capabilities that they need, and no other.
start() {
	BG=$(program_of "$1")
	bg_start --attach "$BY"
}
spawn() {
	BG=$(program_of "$1")
	bg_spawn --attach "$BY"
}
bg_spawn() {
	local with=()
	[ "$BY" = clsact ] || [[ $BG == "$OLD"-* ]] ||
		with=(setpriv --bounding-set "$THREE" --inh-caps "$THREE" --ambient-caps "$THREE" --)
	: >>"$BG_LOG"
	BG_LOG_BEFORE=$(wc -l <"$BG_LOG")
	nsenter --net="/run/netns/$LAB_NAME-node" -- "${with[@]}" "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR" "$@" \
		2>>"$BG_LOG" &
	BG_PID=$!
}

# killed_often ABI ABI: starts of either that get nowhere, or just there.
killed_often() {
	local i abis=("$@")
	for ((i = 0; i < KILLS; i++)); do
		spawn "${abis[RANDOM % 2]}"
		sleep "$(printf '%d.%03d' $((RANDOM % START_MS / 1000)) $((RANDOM % START_MS % 1000)))"
		bg_kill
	done
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

hits() {
	bg rules --json | jq '[.. | .hits? // empty] | add'
}

hits_by_rule() {
	bg rules --json | jq -c '[.. | objects | select(.hits?) | del(.group)]'
	bg flows --json
}

# hits_are N: by the program, and by bpftool, whose map is named for people.
hits_are() {
	hits_by_rule
	[ "$(hits)" = "$1" ] &&
		[ "$(bpftool -j map dump pinned "$PIN_DIR/maps/rules" | jq '[.[].formatted.value.hits] | add')" = "$1" ]
}

# What the load does not send: counted once.
deny_some() {
	lab_exec cart ping -n -q -c 30 -i 0.01 -W 0.1 "$LAB_CLIENT4" >/dev/null
	lab_exec cart ping -n -q -c 20 -i 0.01 -W 0.1 "$LAB_CLIENT6" >/dev/null
}

says_whose_pins() {
	local verb
	for verb in status rules flows; do
		fails bg "$verb" >"$LAB_DIR/said" 2>&1 || return
		cat "$LAB_DIR/said"
		grep -q "ABI $1" "$LAB_DIR/said" && grep -q 'branchguard run' "$LAB_DIR/said" || return
	done
}

# says STATUS TEXT VERB: it ends with that status, and says this.
says() {
	local status
	bg "$3" >"$LAB_DIR/said" 2>&1
	status=$?
	cat "$LAB_DIR/said"
	[ $status -eq "$1" ] && grep -qF -- "$2" "$LAB_DIR/said"
}

# Programs, filters and qdiscs of the node.
inventory() {
	lab_exec node bpftool -j net | jq -S '.[] | del(..|.id?, .ifindex?)'
	tc -n "$LAB_NAME-node" -j qdisc show | jq -c '.[] | select(.kind == "clsact") | [.dev, .kind]'
}

unloads_clean() {
	"$@" "$NEW" unload --pin-dir "$PIN_DIR" && [ ! -e "$PIN_DIR" ] && [ "$(inventory)" = "$UNTOUCHED" ]
}

# The program that only the next build has is on the trunk, its pins beside the others.
next_runs() {
	lab_exec node bpftool net | grep tc_next && [ -e "$PIN_DIR/maps/next_seen" ] && [ -e "$PIN_DIR/programs/tc_next" ]
}
next_does_not() {
	! lab_exec node bpftool net | grep tc_next && ! find "$PIN_DIR" | grep next
}

# --- upgrades ----------------------------------------------------------------------------------
NEW_ABI=$("$NEW" version --json | jq .abi) NEXT_ABI=$((NEW_ABI + 1))
lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\", \"$LAB_DB6/128\"])) |
	egress(\"sg-cart\"; permission(\"icmp\"; 8; 0; [\"$LAB_DB4/32\"])) |
	egress(\"sg-cart\"; permission(\"icmpv6\"; 128; 0; [\"$LAB_DB6/128\"]))"
BYS=(clsact)
fails bg run --once --attach tcx --feed /dev/null 2>&1 | grep -q 'no tcx' || BYS+=(tcx)
[ -z "${BG_IN_VM:-}" ] || BYS=("${BYS[-1]}")
UNTOUCHED=$(inventory)

# begin ABI: a daemon of that build, and load.
begin() {
	start "$1"
	connect lasting cart "$LAB_DB4" 5432
	connect lasting6 cart "$LAB_DB6" 5432
	check "$it: connections through it" both_talk
	flood
	pings
	deny_some
	DENIED=$(packets 9 egress no-rule) HITS=$(hits)
	bg_kill
}

# change ABI ABI: from the one to the other, after starts that were killed. On the way back
# either may start: what it counted an older build does not know.
change() {
	killed_often "$([ "$1" -gt "$2" ] && echo "$1" || echo "$2")" "$2"
	check "$it: while it was killed, the connections went on" both_talk
	start "$2"
	check "$it: it is in force" abi_is "$2"
	check "$it: at each place" wait_for all_are_of_this_build
	check "$it: with nothing left over" wait_for nothing_is_left_over
	check "$it: the connections go on" both_talk
}

end() {
	end_flood
	check "$it: nothing that is denied arrived" nothing_denied_arrived
	bg_stop
	check "$it: unload" unloads_clean lab_exec node
}

both_talk() {
	talk lasting && talk lasting6
}

for BY in "${BYS[@]}"; do
	for ABI in "${OLD_ABIS[@]}"; do
		it="$BY, ABI $ABI"
		begin "$ABI"
		BG=$NEW
		check "$it: the new one's verbs say whose pins these are" says_whose_pins "$ABI"
		change "$ABI" "$NEW_ABI"
		check "$it: what was counted still is" test "$DENIED,$(packets 9 egress no-rule)" = 50,50
		check "$it: and hits" hits_are "$HITS"
		bg_kill
		bg_start --attach "$BY"
		check "$it: and after a restart" both_talk
		check "$it: what is denied is counted" denied_was_counted
		if [ "$ABI" = "${OLD_ABIS[-1]}" ]; then
			bg_kill
			it="$BY, to ABI $NEXT_ABI"
			change "$NEW_ABI" "$NEXT_ABI"
			check "$it: what was counted still is" test "$(packets 9 egress no-rule)" = 50
			check "$it: and hits" hits_are "$HITS"
			check "$it: what only that build has is at work" next_runs
			end_pings
			check "$it: no ping was lost" no_ping_was_lost
			bg_kill
			it="$BY, back to ABI $NEW_ABI"
			pings
			change "$NEXT_ABI" "$NEW_ABI"
			check "$it: what only the other build had is gone" wait_for next_does_not
			check "$it: what is denied is counted" wait_for denied_was_counted
			end_pings
			check "$it: of pings, no more than was under way was lost" lost_is_what_was_under_way
		else
			end_pings
			check "$it: no ping was lost" no_ping_was_lost
		fi
		end
	done
done

# --- a feed that cannot be put in force ---------------------------------------------------------
# (the policy of ABI 1 cannot be read by any later build)
BY=${BYS[-1]}
start 1
bg_kill
cp "$FEED" "$LAB_DIR/good.json"
echo '{' >"$LAB_DIR/broken.json"
mv "$LAB_DIR/broken.json" "$FEED"
flood
spawn "$NEW_ABI"
check "refused: the new one says that the old one stays" wait_for bg_says 'stay in force, and no new interface'
check "refused: it does" abi_is 1
check "refused: and enforces" together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432"
check "refused: status says what it waits for" says 1 "of this build (process $BG_PID) takes it over as soon as" status
check "refused: so does health, which cannot tell more" says 2 "of this build (process $BG_PID) takes it over as soon as" health
check "refused: nothing is unloaded meanwhile" says 1 "a daemon is running" unload
mv "$LAB_DIR/good.json" "$FEED"
check "mended: the new one is in force" wait_for abi_is "$NEW_ABI"
check "mended: at each place" wait_for all_are_of_this_build
check "mended: health is well" wait_for bg health
end_flood
check "refused, then mended: nothing that is denied arrived" nothing_denied_arrived
bg_stop
bg unload >/dev/null

# --- unloaded where it stands --------------------------------------------------------------------
# In the midst of a change: the new maps are in place, and old programs may run.
is_changing() {
	[ -e "$PIN_DIR/maps_aside/control" ]
}
changes_and_dies() {
	until is_changing || bg_says '"ready"'; do :; done
	bg_kill
}
for BY in "${BYS[@]}"; do
	for abi in "${OLD_ABIS[@]}" "$NEXT_ABI"; do
		start "$abi"
		bg_stop
		BG=$NEW
		check "$BY, ABI $abi: unloaded by this build" unloads_clean lab_exec node
	done
	# (by tcx links need no capability to be told from those of others)
	start "$NEXT_ABI"
	bg_kill
	spawn "$NEW_ABI"
	changes_and_dies
	check "$BY: in the midst of a change unload takes all" unloads_clean lab_exec node
done
finish
