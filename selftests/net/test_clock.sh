#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The calendar is set to another day while a daemon runs, and between two: ages, since when,
# what is due, and how long a gap lasted stay right.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

AHEAD=$LAB_DIR/ahead
BG_ENVIRONMENT=(BG_CLOCK_FILE="$AHEAD" LD_PRELOAD="$(realpath -m "${BG_BUILD:-build}")/selftests/net/clock.so")
DAY=86400
# The verbs have the calendar of their machine.
bg() {
	local verb=$1
	shift
	lab_exec node env "${BG_ENVIRONMENT[@]}" "$BG" "$verb" --pin-dir "$PIN_DIR" "$@"
}
set_clock() {
	echo "$1" >"$AHEAD.new"
	mv "$AHEAD.new" "$AHEAD"
}
now() {
	echo $(($(date +%s) + $(cat "$AHEAD")))
}
# lately FILTER: of status; a time of the last minutes, by today's calendar
lately() {
	local moment
	moment=$(bg status --json | jq -r "$1 | sub(\"\\\\.[0-9]+\"; \"\") | fromdateiso8601") || return
	echo "$moment, and now $(now)"
	[ "$moment" -le $(($(now) + 1)) ] && [ "$moment" -gt $(($(now) - 300)) ]
}
kept() {
	bg status --json | jq -e 'any(.feed.kept[]; .id == "eni-web")'
}
guarded() {
	together "tcp cart $LAB_DB4 5432" "silent tcp web $LAB_DB4 5432"
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
set_clock 0
bg_start --keep-lost 600
connect lasting cart "$LAB_DB4" 5432
check "a connection talks" talk lasting
feed_live '.Branches = [branch("cart")]'
echo '{' >"$LAB_DIR/bad.json"
cp "$FEED" "$LAB_DIR/good.json"
mv "$LAB_DIR/bad.json" "$FEED"
check "a feed is refused" wait_for bg_says 'feed refused'
for step in $DAY -$DAY; do
	set_clock "$step"
	check "$step s: what is kept for minutes is kept" kept
	check "$step s: it is since lately" lately '.feed.kept[0].since'
	check "$step s: the refusal is, too" wait_for lately '.feed.last_refused.since'
	check "$step s: the feed was looked at just now" wait_for lately '.feed.last_read'
	check "$step s: the daemon is heard of" wait_for eval 'bg health | grep "^well *daemon"'
	from_here_on
	take_away 9
	check "$step s: a program that is put back was gone for seconds" \
		wait_for bg_says 'took a program away.*at_most_ms=[0-9]\{1,4\}\b'
	check "$step s: it is guarded, and the connection goes on" eval 'guarded && talk lasting'
done
bg_kill
set_clock $((2 * DAY))
bg_spawn --keep-lost 600
check "the calendar is set while no daemon runs: the next one is ready" wait_for bg_says '"ready"'
check "what is kept is kept" kept
check "since lately" lately '.feed.kept[0].since'
check "guarded" guarded
bg_stop
bg_spawn --keep-lost 1
check "what is kept for a second is kept no longer" wait_for fails kept
cp "$LAB_DIR/good.json" "$FEED"
feed_live .
check "the next revision has the time of its calendar" eval \
	'bg status --revisions --json | jq -e --argjson now "$(now)" ".[0].time | sub(\"\\\\.[0-9]+\"; \"\") | fromdateiso8601 > \$now - 300"'
bg_stop
check "unload" bg unload
finish
