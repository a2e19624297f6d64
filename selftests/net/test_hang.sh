#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What may keep a daemon waiting, or end it: a pipe for a feed, a log that nobody
# reads, a want that passes. Meanwhile interfaces are armed and SIGTERM is heard.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

to_db="tcp cart $LAB_DB4 5432"
is_armed() {
	bg status --json | jq -e --arg name "$1" 'any(.branches[]; .interface == $name and .armed)'
}
# A branch interface that comes while the daemon has other troubles.
comes() {
	ip -n "$LAB_NAME-node" link add vlan.eth.77 type veth peer name far77
}
goes() {
	ip -n "$LAB_NAME-node" link del vlan.eth.77
}
programs_on() {
	lab_exec node bpftool -j net show | jq -e --arg name "$1" 'any(.[].tc[]; .devname == $name)'
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"

# --- a log pipe that is full, and one whose reader has gone --------------------------
mkfifo "$LAB_DIR/log.pipe"
exec 7<>"$LAB_DIR/log.pipe"
head -c 65536 /dev/zero >&7 # all that fits
nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR" 2>"$LAB_DIR/log.pipe" &
BG_PID=$!
check "a daemon whose log nobody reads arms its interfaces" wait_for is_armed vlan.eth.9
check "and enforces" together "$to_db" "wait_for silent tcp web $LAB_DB4 5432"
feed "egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
check "it follows the feed" wait_for tcp web "$LAB_DB4" 5432
comes
check "and the interfaces" wait_for programs_on vlan.eth.77
goes
head -c 65536 <&7 >/dev/null # somebody reads again
feed .
check "when somebody reads again, it says what was lost" eval \
	'timeout 20 head -n 1 <&7 | tr -d "\0" | grep "were lost.* lost=[1-9]"'
term_in 10000
check "SIGTERM ends it" test "$ENDED" = 0
exec 7>&-

{ lab_exec node bash -c 'echo $$ >"$1.pid"; exec "${@:2}"' pid "$LAB_DIR/daemon" \
	"$BG" run --feed "$FEED" --pin-dir "$PIN_DIR" 2>&1 >/dev/null | head -n 1 >/dev/null; } &
check "a daemon is armed" wait_for is_armed vlan.eth.9
feed "no_rules(\"sg-web\")"
check "one whose log's reader has gone follows the feed" wait_for silent tcp web "$LAB_DB4" 5432
check "it lives" kill -0 "$(cat "$LAB_DIR/daemon.pid")"
kill "$(cat "$LAB_DIR/daemon.pid")"
check "and ends when told to" wait_for fails kill -0 "$(cat "$LAB_DIR/daemon.pid")"

# --- a pipe for a feed: its writer says nothing -----------------------------------------
bg_start
mv "$FEED" "$LAB_DIR/good.json"
mkfifo "$FEED"
exec 8<>"$FEED"
check "a pipe in the feed's place is refused, and what to do" \
	wait_for bg_says 'feed refused.*found a pipe.*--once'
check "what was in force stays" together "$to_db" "silent tcp web $LAB_DB4 5432"
comes
check "interfaces are armed" wait_for programs_on vlan.eth.77
goes
term_in 10000
check "SIGTERM is heard" test "$ENDED" = 0
exec 8>&-
rm "$FEED"
cp "$LAB_DIR/good.json" "$FEED"

# --- a want that passes -----------------------------------------------------------------
bg_start
prlimit --pid "$BG_PID" --nofile=4:4096
feed "egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
check "without file descriptors a feed is refused" wait_for bg_says 'feed refused.*Too many open files'
check "what was in force stays" together "$to_db" "silent tcp web $LAB_DB4 5432"
prlimit --pid "$BG_PID" --nofile=1024:4096
check "when they are there it is accepted by itself" wait_for tcp web "$LAB_DB4" 5432
bg_stop

# --- a file system that does not answer: of the feed, of the metrics ---------------------
WAYWARD=$LAB_DIR/wayward
BG_ENVIRONMENT=(BG_WAYWARD_FILE="$WAYWARD" LD_PRELOAD="$(realpath -m "${BG_BUILD:-build}")/selftests/net/wayward.so")
process_for() {
	pgrep -P "$BG_PID" -f "^branchguard-files .*$1"
}
no_web="silent tcp web $LAB_DB4 5432"
feed "no_rules(\"sg-web\")"
bg_start
check "a daemon without its feed's file system:" wait_for feed_in_force
echo "files reads" >"$WAYWARD"
feed "egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
wait_for grep -q . "$WAYWARD.hits"
comes
check "interfaces are armed while it waits" wait_for programs_on vlan.eth.77
goes
check "the feed is refused in words" wait_for bg_says 'feed refused, the last.*no answer for 5 s'
check "and status tells them" eval 'bg status | grep "no answer for 5 s"'
check "what was in force stays" together "$to_db" "$no_web"
check "it tries again" wait_for process_for feed.json
term_in 1000
check "SIGTERM ends it meanwhile" test "$ENDED" = 0
check "nobody is left waiting" wait_for fails pgrep -f "^branchguard-files $FEED"
bg_spawn
check "a start does not wait for it" wait_for bg_says '"ready"'
check "and says so" bg_says 'not read yet'
comes
check "and arms interfaces" wait_for programs_on vlan.eth.77
goes
check "what was in force stays" together "$to_db" "$no_web"
rm "$WAYWARD"
check "when it answers again, the feed comes in force by itself" wait_for tcp web "$LAB_DB4" 5432
kill -STOP "$(process_for feed.json)"
feed "no_rules(\"sg-web\")"
check "a reader that somebody stopped is replaced" wait_for feed_in_force
bg_stop

echo "files writes" >"$WAYWARD"
mkdir "$LAB_DIR/metrics"
bg_start --metrics-file "$LAB_DIR/metrics/node.prom"
wait_for grep -q writes "$WAYWARD.hits"
feed_live "egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
check "while metrics cannot be written, a feed comes in force" tcp web "$LAB_DB4" 5432
term_in 1000
check "SIGTERM ends it within a second" test "$ENDED" = 0
bg_start --metrics-file "$LAB_DIR/metrics/node.prom"
check "it says so" wait_for bg_says 'metrics not written.*no answer for 5 s'
rm "$WAYWARD"
bg_stop
check "and writes them when it can, for everybody to read" eval \
	'grep -q "branchguard_daemon_running 0" "$LAB_DIR/metrics/node.prom" && [ "$(stat -c %a "$LAB_DIR/metrics/node.prom")" = 644 ]'

# --- and of the daemon's own state ---------------------------------------------------------
bg_start
check "a daemon without the file system of its state:" feed_in_force
# (other daemons of this machine have theirs in the same directory)
STATE=$(grep -l "\"PinDir\": \"$PIN_DIR\"" /run/branchguard/*.json)
STATE=${STATE%.json}
echo "files state" >"$WAYWARD"
feed_live "no_rules(\"sg-web\")"
check "a feed comes in force" together "$to_db" "$no_web"
comes
check "interfaces are armed" wait_for programs_on vlan.eth.77
goes
check "it says so" wait_for bg_says 'state cannot be written.*no answer for 5 s'
check "and tries again" wait_for process_for "$STATE"
term_in 1000
check "SIGTERM ends it within a second" test "$ENDED" = 0
check "nobody is left waiting" wait_for fails pgrep -f "^branchguard-files $STATE"
echo oops >"$FEED"
bg_spawn
check "a start does not wait for it" wait_for bg_says '"ready"'
check "and says so" bg_says 'daemon before.*cannot be read.*does not answer in time'
comes
check "it arms interfaces" wait_for programs_on vlan.eth.77
goes
check "what is in force stays" together "$to_db" "$no_web"
term_in 1000
check "SIGTERM ends it" test "$ENDED" = 0
rm "$WAYWARD"
bg_spawn
check "what was written last is older than what is in force:" wait_for bg_says 'not the last one.*not taken up'
check "it is not put in force again" together "$to_db" "$no_web"
feed_good() {
	cp "$LAB_DIR/good.json" "$FEED"
	feed_live "no_rules(\"sg-web\")"
}
feed_good
check "with a good feed, the state is written again" wait_for eval \
	'bg status --json | jq -e ".feed.last_refused == null"'

# Where the state goes somebody else has put links, and a directory.
bg_stop
rm -f "$WAYWARD.hits"
echo "parser loop" >"$WAYWARD"
bg_spawn
# that of the feed, and that of what was in force
wait_for eval '[ "$(grep -c parser "$WAYWARD.hits")" = 2 ]'
term_in 1000
check "SIGTERM ends a start that waits for its parsers" test "$ENDED" = 0
rm "$WAYWARD"
echo precious >"$LAB_DIR/precious"
for kind in json held feed0 feed1; do
	rm -f "$STATE.$kind" "$STATE.$kind.new"
	ln -s "$LAB_DIR/precious" "$STATE.$kind"
	ln -s "$LAB_DIR/precious" "$STATE.$kind.new"
done
bg_start
feed_live .
are_own() {
	[ "$(find "$STATE".json "$STATE".held "$STATE".feed[01] -type f -perm 600 | wc -l)" = 4 ] &&
		! ls "$STATE".*.new
}
feed_live .
check "links in the place of its state are replaced, and not followed" wait_for are_own
check "what they led to is as it was" eval '[ "$(cat "$LAB_DIR/precious")" = precious ]'
rm "$STATE.json"
check "a state file that somebody removed is written again" wait_for test -s "$STATE.json"
bg_stop
finish
