#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What was in force when, and when something was last seen: revisions that outlive the
# daemon, causes that age, and a restart that changes nothing.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

status() {
	bg status --json | jq -e "$1"
}
revisions() {
	bg status --revisions --json | jq -e "$1"
}
# As an auditor has it, who has no branchguard at hand.
by_bpftool() {
	bpftool -j map dump pinned "$PIN_DIR/maps/revisions" | jq -e "map(.formatted) | $1"
}
hash() {
	sha256sum "$FEED" | cut -d ' ' -f 1
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
METRICS=$LAB_DIR/node.prom
bg_start --metrics-file "$METRICS"

# --- revisions ---------------------------------------------------------------------------
first=$(hash)
check "the first revision is listed, by the hash of its feed" revisions \
	"length == 1 and .[0].revision == 1 and .[0].for == \"feed\" and .[0].sha256 == \"$first\" and .[0].rules.added > 0"
feed_live "egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
check "so is the next one, with what came" revisions \
	"length == 2 and .[0].revision == 2 and .[0].sha256 == \"$(hash)\" and
	 .[0].rules.added == 1 and .[0].rules.removed == 0 and .[0].groups.added == 0"
check "bpftool shows the same" by_bpftool \
	"length == 2 and any(.[]; .key == 1 and .value.sha256 == \"$first\" and .value.cause == \"BG_REVISION_OF_FEED\" and
	 (.value.time | test(\"^20[0-9-]+T[0-9:]+Z$\")))"
check "people get a table" eval "bg status --revisions | grep -E '^ *r2 +20[0-9T:Z-]+ +feed +$(hash | head -c 12) '"
published=$(bg status --json | jq .published)
touch "$FEED"
kill -HUP "$BG_PID"
check "a feed that was touched is no revision" wait_for bg_says 'no new revision'
bg_kill
bg_start --metrics-file "$METRICS"
check "nor is a restart" status ".revision == 2 and .published == $published"
check "which keeps the list" revisions 'map(.revision) == [2, 1]'
check "and enforces" together "tcp web $LAB_DB4 5432" "silent tcp web $LAB_DB4 5433"

bg_stop
bg_start --metrics-file "$METRICS" --image-mib 8
check "one with other sizes is, and says so" revisions \
	'.[0].revision == 3 and .[0].for == "restart" and .[0].sha256 == .[1].sha256'
bg_stop
bg_start --metrics-file "$METRICS"

again=$(jq -r .Revision "$FEED")
feed_live "no_rules(\"sg-web\")"
jq --arg again "$again" '.Revision = $again' "$FEED" >"$LAB_DIR/again.json"
mv "$LAB_DIR/again.json" "$FEED"
check "the name of an earlier revision for another content is warned of" \
	wait_for bg_says "Revision text is that of an earlier.* feed_revision=\"$again\" revision=5 earlier=3"
check "in the list" revisions '.[0].feed_revision_also_of == 3 and .[1].feed_revision_also_of == null'
check "and in the status" status 'any(.causes[]; .text | test("Revision text of revision 3"))'
bg_stop
feed .
bg_start --metrics-file "$METRICS"
check "a restart with another feed is a revision; which groups are new, nobody knows" revisions \
	'.[0].revision == 6 and .[0].rules.added == 0 and .[0].groups.added == null'

# --- causes ------------------------------------------------------------------------------
spoofs() {
	lab_exec cart ping -q -c 2 -W 1 -I 10.0.47.99 "$LAB_DB4"
	status "$spoofed"
}
spoofed='any(.causes[]; .subject == "eni-cart" and (.text | test("^spoofed [(][0-9]+ packet")) and .since and .last_seen)'
lab_ip cart <<<"address add 10.0.47.99/32 dev eth0"
check "a cause has since when, and when last" wait_for spoofs
check "for people, too" eval "bg status | tr -s '\n ' ' ' | grep -E 'spoofed .*[(]since 20[0-9T:Z-]+, last seen [0-9.]+ s ago[)]'"
# It gets old: the daemon's note of it is made an older one.
older() {
	bpftool -j map dump pinned "$PIN_DIR/maps/sightings" | jq -r '.[] | select(.formatted.key.tag > 0) |
		"\(.key | join(" ")) value \(.value[:16] | join(" ")) 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0"' |
		while read -r line; do
			# shellcheck disable=SC2086
			bpftool map update pinned "$PIN_DIR/maps/sightings" key hex ${line//0x/}
		done
	status 'all(.causes[]; .text | test("^spoofed") | not)'
}
check "five minutes later it is none" wait_for older
check "but its counter stays" status '.branches[] | select(.vlan == 9).egress.reasons.spoofed > 0'
check "when it comes again, so does the cause" wait_for spoofs
# What came while no daemon looked has no time but that of the last look, which is made an
# older one here.
wait_for older || bail "the daemon has not seen all of it"
bg_kill
lab_exec cart ping -q -c 2 -W 1 -I 10.0.47.99 "$LAB_DB4" >/dev/null
bpftool -j map dump pinned "$PIN_DIR/maps/pulse" | jq -r '.[0].value | .[:8] + ["1", "0", "0", "0", "0", "0", "0", "0"] + .[16:] |
	join(" ")' | sed 's/0x//g' |
	xargs bpftool map update pinned "$PIN_DIR/maps/pulse" key hex 0 0 0 0 value hex
bg_start --metrics-file "$METRICS"
unseen='any(.causes[]; .subject == "eni-cart" and (.text | test("^spoofed [(]2 packets")) and .since and .or_later and .last_seen == null)'
check "what came while no daemon looked has no other time" wait_for status "$unseen"
check "for people, too" eval "bg status | tr -s '\n ' ' ' | grep -E 'spoofed .*[(]since 20[0-9T:Z-]+ or later[)]'"
ip -n "$LAB_NAME-node" link del vlan.eth.9
ip -n "$LAB_NAME-node" link del vlan.eth.10
check "branches without interface are one line" wait_for status \
	'[.causes[] | select(.text | test("no interface"))] | length == 1 and
	 (.[0].text | test("2 branches of the feed have no interface: vlan.eth.9, vlan.eth.10"))'

# --- the manual ---------------------------------------------------------------------------
# Every key of the JSON stands there.
documented() {
	local missing
	missing=$(comm -23 <({
		bg status --json | jq 'del(.. | .reasons?)'
		bg status --revisions --json
		bg health --json
	} | jq -r 'paths | .[] | strings' | sort -u) \
		<(sed -n '/^\.SH JSON/,/^\.SH EXIT/p' user/branchguard.8 | tr -cs 'a-z0-9_' '\n' | sort -u))
	echo "$missing"
	[ -z "$missing" ]
}
[ ! -e user/branchguard.8 ] || check "the manual has every key of the JSON" documented

# --- metrics -----------------------------------------------------------------------------
metric() {
	awk -v name="branchguard_$1" '$1 == name { print $2 }' "$METRICS"
}
age() {
	awk -v at="$(metric metrics_timestamp_seconds)" -v now="$(date +%s)" "BEGIN { exit !(now - at < $1 && now - at > -2) }"
}
check "the metrics tell their age" age 20
check "what they were built from" grep '^branchguard_build_info{version=".*",commit=".*",abi="[0-9]*"} 1' "$METRICS"
check "and that the feed was read" test "$(metric feed_last_read_timestamp_seconds)" != 0
bg_stop
check "of a daemon that has ended they do not say that it runs" test "$(metric daemon_running)" = 0
check "status knows since when" status '.daemon.ended and any(.causes[]; (.text | test("daemon is not running")) and .since)'
finish
