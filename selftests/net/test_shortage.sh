#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What a node can do to its daemon: limits that others have used up, signals without end,
# things among the pins, entries of maps changed by hand. It starts, follows, and heals.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. selftests/net/trouble.sh

GROUP=65533

guarded() {
	together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432"
}
is_armed_now() {
	lab_exec node bpftool -j net show | jq -e --arg name "$1" '[.[].tc[] | select(.devname == $name)] | length == 2'
}
pins() {
	(cd "$PIN_DIR" && find . ! -name image_next -printf '%y %m %g %p\n' | sort)
}
pins_are_back() {
	[ "$(pins)" = "$PINS" ]
}
is_alive() {
	[ -e "/proc/$BG_PID/exe" ]
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"

# --- the limits of inotify are the node's, and used up ---------------------------------------
echo "inotify_init1 EMFILE" >"$FAULT"
bg_start
check "without an inotify of its own it starts" guarded
check "and says why it looks at the feed instead" bg_says 'not watched.*max_user_instances'
check "an inotify call has failed" hit inotify_init1
feed_live 'no_rules("sg-cart")'
check "it follows the feed" silent tcp cart "$LAB_DB4" 5432
bg_stop
echo "inotify_add_watch ENOSPC" >"$FAULT"
bg_start
check "without a watch it starts" bg_says 'not watched.*No space left'
feed_live "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
check "and follows the feed" guarded
bg_stop
end

# --- pins --------------------------------------------------------------------------------------
ln -s "$PIN_DIR/maps/rules" "$PIN_DIR/maps/my_rules"
mkdir "$PIN_DIR/maps/mine" "$PIN_DIR/links/mine" "$PIN_DIR/programs/mine"
bg_start --group $GROUP
check "links and directories of others among the pins do not keep it from starting" guarded
rm "$PIN_DIR/links/"*cart* "$PIN_DIR/links/"*tc_pod_egress 2>/dev/null
check "nor from putting pins back" wait_for bg_says 'somebody removed pins'
rm "$PIN_DIR/maps/my_rules"
rmdir "$PIN_DIR"/*/mine
PINS=$(pins)
from_here_on
rm -rf "$PIN_DIR"
check "all pins, shared with a group, are put back" wait_for pins_are_back
rm -rf "$PIN_DIR"
feed 'no_rules("sg-cart")'
check "a feed that comes while they are gone comes in force" wait_for feed_in_force
check "which holds" silent tcp cart "$LAB_DB4" 5432
check "and the pins are back" wait_for pins_are_back
feed_live "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"

# --- what the programs know of an interface, changed by hand ---------------------------------------
index=$(ip -n "$LAB_NAME-node" -j link show vlan.eth.10 | jq '.[0].ifindex')
hex() {
	printf '%02x %02x 00 00' $(($1 & 255)) $(($1 >> 8))
}
entry() {
	# shellcheck disable=SC2046 # the bytes are words
	bpftool -j map lookup pinned "$PIN_DIR/maps/$1" key hex $(hex "$2") | jq -cS .formatted.value
}
# shellcheck disable=SC2046
spoil() {
	bpftool map delete pinned "$PIN_DIR/maps/ifaces" key hex $(hex "$index")
	bpftool map update pinned "$PIN_DIR/maps/fast_ifaces" key hex $(hex $((index & 1023))) \
		value hex $(printf '00 %.0s' {1..32})
}
is_as_before() {
	[ "$(entry ifaces "$index") $(entry fast_ifaces $((index & 1023)))" = "$before" ]
}
before="$(entry ifaces "$index") $(entry fast_ifaces $((index & 1023)))"
check "an interface is entered" test "$(jq .ifindex <<<"${before%% *}")" = "$index"
check "somebody deletes that" spoil
check "it is entered again" wait_for is_as_before
check "and judged as before" guarded

# --- signals without end -----------------------------------------------------------------------------
(while kill -HUP "$BG_PID" 2>/dev/null; do :; done) &
flood=$!
ip -n "$LAB_NAME-node" link add vlan.eth.77 type veth peer name far
check "while SIGHUP comes without end, a branch that comes is armed" wait_for is_armed_now vlan.eth.77
kill $flood
wait $flood 2>/dev/null
ip -n "$LAB_NAME-node" link del vlan.eth.77

# --- others write beside the feed without end ---------------------------------------------------------
(while :; do : >"$LAB_DIR/beside"; done) &
flood=$!
feed_live 'no_rules("sg-cart")'
check "while its directory changes without end, the feed is read" silent tcp cart "$LAB_DB4" 5432
kill $flood
wait $flood 2>/dev/null

# --- files may not grow -----------------------------------------------------------------------------
limit_files() {
	local pid
	for pid in "$BG_PID" $(pgrep -P "$BG_PID" -f '^branchguard-log'); do
		prlimit --pid "$pid" --fsize="$1:unlimited"
	done
}
limit_files 0
jq '.FeedVersion = 99' "$FEED" >"$LAB_DIR/bad.json"
cp "$FEED" "$LAB_DIR/good.json"
mv "$LAB_DIR/bad.json" "$FEED"
check "a file that may not grow: the feed is refused all the same" \
	wait_for eval 'bpftool -j map dump pinned "$PIN_DIR/maps/pulse" | jq -e ".[0].formatted.value.feed_refused == true or .[0].formatted.value.feed_refused == 1"'
check "and the daemon lives" is_alive
limit_files unlimited
mv "$LAB_DIR/good.json" "$FEED"
check "with room it says so, and goes on" wait_for bg_says 'lines of the log were lost'
bg_stop
check "unload" bg unload
finish
