#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A feed whose every text would drive a terminal, turn lines around or hide: no verb and
# no log passes it on, and JSON says what it was.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# CSI as one character, right-to-left override, an isolate, no width; a feed takes these
# in texts, but no C0 and no DEL.
BAD=$(printf '\302\2332J\342\200\256gnp\342\201\246x\342\200\213')
WORSE=$(printf '\033[31m\177')$BAD
BYTES='[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf'

# clean COMMAND...: it prints something, and nothing of that kind, on stdout or stderr.
clean() {
	"$@" >"$LAB_DIR/out" 2>&1
	# (visible where it is shown)
	cat -v "$LAB_DIR/out" | head -n 20
	[ -s "$LAB_DIR/out" ] && ! LC_ALL=C grep -qaP "$BYTES" "$LAB_DIR/out"
}
# A verb that asks no datapath.
bg_alone() {
	lab_exec node "$BG" "$@"
}
# tells COMMAND...: its JSON is whole, has the text as it was, and is as clean.
tells() {
	clean "$@" && "$@" 2>/dev/null | jq -e --arg bad "$BAD" -s 'any(.. | strings; contains($bad))'
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
jq --arg bad "$BAD" --arg worse "$WORSE" '
	def worse: . + $bad;
	(.Branches[] | select(.Id == "eni-cart") | .Id) |= $bad |
	(.. | objects | select(has("GroupName")) | .GroupName) |= worse |
	(.. | objects | select(has("Description")) | .Description) |= worse |
	.SecurityGroups += [{GroupId: ("sg-" + $bad), GroupName: $bad, IpPermissions: [], IpPermissionsEgress: []}] |
	.Branches[0].GroupIds += ["sg-" + $bad] | .Revision = "9" + $bad | .[$worse] = 1' \
	"$FEED" >"$LAB_DIR/next.json" || bail "no feed"
mv "$LAB_DIR/next.json" "$FEED"
# (bg_start would look for the revision as it is in the feed)
bg_spawn
wait_for bg_says '"ready"' || bail "the daemon is not ready"
wait_for armed 10 || bail "the branch is not armed"
briefly tcp cart "$LAB_DB4" 5432

check "check" clean bg_alone check "$FEED"
check "check --json" tells bg_alone check --json "$FEED"
for verb in status rules flows; do
	check "$verb" clean bg $verb
	check "$verb --json" clean bg $verb --json
done
check "status --json says whose it is" tells bg status --json
check "status --revisions" clean bg status --revisions
check "status --metrics" clean bg status --metrics
check "status of a branch that is not there" clean bg status --branch "$WORSE"
check "rules of one" clean bg rules --branch "$BAD"
question=(--direction egress --protocol tcp --remote "$LAB_DB4" --port 5432)
check "explain" clean bg_alone explain --feed "$FEED" --branch "$BAD" "${question[@]}"
check "explain, denied" clean bg_alone explain --feed "$FEED" --branch "$BAD" "${question[@]::7}" 1
check "explain of a branch that is not there" clean bg_alone explain --feed "$FEED" --branch "$WORSE" "${question[@]}"
check "a path" clean bg status --pin-dir "/sys/fs/bpf/$WORSE"
check "an option" clean bg status "--$WORSE"
check "a verb" clean "$BG" "$WORSE"
jq --arg worse "$WORSE" '.Branches[0].VlanId = $worse | .Branches[1].Id = $worse' "$FEED" >"$LAB_DIR/refused.json"
check "a feed that is refused" clean bg_alone check "$LAB_DIR/refused.json"
nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" monitor --pin-dir "$PIN_DIR" >"$LAB_DIR/events" 2>&1 &
monitor=$!
heard() { briefly tcp cart "$LAB_CLIENT4" 1; grep -q drop "$LAB_DIR/events"; }
wait_for heard
kill $monitor
wait $monitor
check "monitor" clean cat "$LAB_DIR/events"
bg_stop
check "the daemon's log" clean cat "$BG_LOG"
bg unload >/dev/null
finish
