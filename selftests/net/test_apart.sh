#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The parser of feeds goes wrong in its process: each time the feed is refused in
# words, what is in force stays, and the next good feed is accepted.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

WAYWARD=$LAB_DIR/wayward
PRELOAD=$(realpath -m "${BG_BUILD:-build}")/selftests/net/wayward.so
to_db="tcp cart $LAB_DB4 5432"
no_web="silent tcp web $LAB_DB4 5432"

# Every daemon of this test is one whose parser can go wrong.
BG_ENVIRONMENT=(BG_WAYWARD_FILE="$WAYWARD" LD_PRELOAD="$PRELOAD")
parser() {
	pgrep -n -P "$BG_PID" -f '^branchguard-parser '
}
# wayward HOW WORDS: the parser is refused by them; a feed that opens everything does
# not come in force by it, the one after it does.
wayward() {
	echo "parser $1" >"$WAYWARD"
	from_here_on
	feed "egress(\"sg-web\"; everything)"
	check "a parser that ${3:-$1}: the feed is refused in words" wait_for bg_says "feed refused, the last.*$2"
	check "a parser that ${3:-$1}: what was in force stays" together "$to_db" "$no_web"
	rm "$WAYWARD"
	[[ $2 != *31* ]] || refused_on_purpose "a parser that ${3:-$1}: any suite would fail by it"
	feed_live "no_rules(\"sg-web\")"
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
bg_start

wayward crash 'ended by signal [45] .*please report' "crashes"
wayward abort 'ended by signal [36]1* .*please report' "aborts"
wayward opens 'ended by signal 31 .*a system call that it may not make' "opens a file"
wayward connects 'ended by signal 31 .*a system call that it may not make' "makes a socket"
wayward starts 'ended by signal 31 .*a system call that it may not make' "starts a program"
# (of which the suite would know nothing else)
echo "daemon asks" >"$WAYWARD"
feed_live "no_rules(\"sg-web\")"
rm "$WAYWARD"
refused_on_purpose "a daemon that makes a call which it does not name: any suite would fail by it"
echo "files asks" >"$WAYWARD"
from_here_on
feed "no_rules(\"sg-web\")"
check "who reads the feed and does so is ended, and the feed refused in words" \
	wait_for bg_says 'feed refused, the last.*branchguard-files ended by signal 31'
rm "$WAYWARD"
refused_on_purpose "and any suite would fail by it"
wait_for feed_in_force

wayward rubbish "answer is none: byte 8 of" "answers rubbish"
wayward silent "answer is none: byte 0 of 0" "answers nothing"
wayward more "answer is none: byte 8 of" "answers too much"

# --- what may pass is tried again by itself ---------------------------------------------
passes() {
	from_here_on
	echo "$1" >"$WAYWARD"
	feed "egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
	check "$3: the feed is refused in words" wait_for bg_says "feed refused, the last.*$2"
	check "$3: what was in force stays" together "$to_db" "$no_web"
	rm "$WAYWARD"
	check "$3: when that has passed, it comes in force by itself" wait_for feed_in_force
	feed_live "no_rules(\"sg-web\")"
}
passes "parser memory" "out of memory" "a parser without memory"
passes "start EAGAIN" "starting branchguard-parser: Resource temporarily" "no parser can be started"

named() {
	[ "$(pgrep -c -P "$BG_PID")" -eq "$(pgrep -c -P "$BG_PID" '^branchguard-')" ]
}
check "top has all of them under their names" wait_for named
check "who reads the feed writes no more than the longest has" grep -qE "^Max file size +$((256 << 20)) " \
	"/proc/$(pgrep -P "$BG_PID" -f '^branchguard-files.*feed')/limits"

# --- one that does not end -----------------------------------------------------------------
echo "parser loop" >"$WAYWARD"
from_here_on
feed "egress(\"sg-web\"; everything)"
check "a parser loops" wait_for parser
kill -9 "$(parser)"
check "when somebody kills it, the feed is refused in words" \
	wait_for bg_says 'feed refused, the last.*parser was killed'
check "and tried again" wait_for parser
is_confined() {
	[ "$(grep -cE "^(Cap(Inh|Prm|Eff|Amb):\s0+|NoNewPrivs:\s1|Seccomp:\s2)$" "/proc/$(parser)/status")" = 6 ]
}
check "by a process without capabilities, new privileges, or other system calls" wait_for is_confined
check "with five descriptors: three of its own, the feed, its answer" eval \
	'ls -l "/proc/$(parser)/fd" | awk "/->/ { n++ } /memfd/ { m++ } END { exit n != 5 || m != 2 }"'
check "what was in force stays" together "$to_db" "$no_web"
is_limited() {
	grep -E '^Max cpu time +5 ' "/proc/$(parser)/limits"
}
check "who may compute for five seconds" wait_for is_limited
# (or by the clock, where it hardly gets a CPU)
check "one that computes for ever is ended, in words" \
	wait_for bg_says 'feed refused, the last.*\(needed more time\|has not ended after\)'
rm "$WAYWARD"
feed_live "egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
check "the next feed is in force" tcp web "$LAB_DB4" 5432
bg_stop
finish
