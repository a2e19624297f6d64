#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What status, rules, flows and monitor say about traffic that really flows.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# json VERB FILTER [OPTIONS...]: jq -e says yes.
json() {
	local verb=$1 filter=$2
	shift 2
	bg "$verb" --json "$@" | jq -e "$filter"
}

# prints PATTERN COMMAND...: exit 0, and what it prints has this.
prints() {
	local pattern=$1 text
	shift
	text=$("$@" 2>&1) || return
	echo "$text"
	grep -qE -e "$pattern" <<<"$text"
}

# refuses STATUS PATTERN COMMAND...: that exit status, nothing on stdout, one
# line with this on stderr.
refuses() {
	local status=$1 pattern=$2 text rest found
	shift 2
	text=$("$@" 2>"$LAB_DIR/refusal")
	found=$?
	rest=$(cat "$LAB_DIR/refusal")
	echo "$text$rest (status $found)"
	[ "$found" -eq "$status" ] && [ -z "$text" ] && [ "$(wc -l <<<"$rest")" -eq 1 ] &&
		grep -qE -e "$pattern" <<<"$rest"
}

# monitor FILE [OPTIONS...]: sets MONITOR_PID, once events are on.
monitor() {
	monitor_spawn "$@"
	wait_for events_are on || bail "the monitor does not listen: $(cat "$1.err")"
}

# For so long the datapath would go on with events if nobody asked for more of them.
events_until_ns() {
	bpftool -j map lookup pinned "$PIN_DIR/maps/control" key 0 0 0 0 | jq '.formatted.value.events_until_ns'
}
now_ns() {
	awk '{printf "%.0f", $1 * 1e9}' /proc/uptime
}
events_left_ns() {
	echo $(($(events_until_ns) - $(now_ns)))
}
# By the daemon, and not since that time is over.
events_are_ended() {
	[ "$(events_until_ns)" = 0 ]
}

# (now is asked first: where processes start slowly, those seconds would be over by then)
events_are() {
	local now
	now=$(now_ns)
	[ "$([ "$(events_until_ns)" -gt "$now" ] && echo on || echo off)" = "$1" ]
}

# What begins now is new to it: it has looked at what was there.
follow_is_on() {
	icmp client 10.0.47.82 && [ -s "$LAB_DIR/followed" ]
}

# seen FILE FILTER: some line of the file is so.
seen() {
	cat "$1"
	jq -es "any(.[]; $2)" "$1"
}

# in_manual COMMAND...: all keys of the JSON that it prints, but for names of reasons, and EC2's own.
in_manual() {
	local unknown
	unknown=$("$@" | jq -r 'paths | select(all(.[:-1][]; . != "reasons" and . != "IpPermission")) |
		.[-1] | strings' |
		sort -u | comm -23 - <(tr -cs 'A-Za-z0-9_' '\n' <user/branchguard.8 | sort -u)) || return
	echo "not in the manual: $unknown"
	[ -z "$unknown" ]
}

# --- nothing is loaded -------------------------------------------------------
lab_up || bail "no lab"
for verb in status rules flows monitor; do
	check "$verb says that branchguard is not loaded" \
		refuses 1 "^branchguard $verb: branchguard is not loaded: .*control.*branchguard run --feed" bg $verb
done
check "an unknown option is wrong usage" refuses 2 "unknown or ambiguous option '--no-such'" bg flows --no-such
check "a port out of range is wrong usage" refuses 2 "^branchguard flows: --port '65536': expected a number from 0 to 65535" \
	bg flows --port 65536
check "an unknown reason is wrong usage" refuses 2 "^branchguard monitor: --reason 'nope': expected" bg monitor --reason nope
check "an address that is none is wrong usage" refuses 2 "^branchguard flows: --local '10.0.0.300': expected" \
	bg flows --local 10.0.0.300

# --- a revision, two branches ------------------------------------------------
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\", \"$LAB_DB6/128\"])) |
	egress(\"sg-cart\"; permission(\"udp\"; 1; 1; [\"$LAB_DB4/32\"])) |
	ingress(\"sg-cart\"; permission(\"icmp\"; 8; -1; [\"$LAB_CLIENT4/32\"]))"
bg_start
check "status names the revision" prints "^revision +1 in force since 20.* feed \"$(jq -r .Revision "$FEED")\"" bg status
check "and the daemon" prints "^daemon +running, process $BG_PID\$" bg status
check "programs stand under their branch" json status \
	'.branches[] | select(.vlan == 9).programs | map(.program) |
	 contains(["tc_branch_ingress", "tc_branch_egress", "tc_pod_egress"])'
check "a branch has its pod's addresses" json status \
	'.branches[] | select(.vlan == 9).pod_addresses | contains(["10.0.47.82", "2001:db8:0:32::82"])'
check "rules lists what is in the feed" json rules 'map(select(.group_id == "sg-cart")) | length >= 4'
check "a rule that admitted nothing is unused" json rules \
	'any(.[]; .protocol == "tcp" and .ports == "5432" and .hits == 0)' --unused --group sg-cart
check "status shows one branch when asked for it" json status '.branches | map(.vlan) == [10]' --branch vlan.eth.10
check "an unknown branch is refused with those that there are" \
	refuses 1 "--branch 'no-such': expected the id, VLAN id or interface.*eni-" bg rules --branch no-such

# --- traffic, and who watches it ---------------------------------------------
monitor "$LAB_DIR/events" --json
nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" flows --pin-dir "$PIN_DIR" --follow --json \
	>"$LAB_DIR/followed" 2>"$LAB_DIR/followed.err" &
follow_pid=$!
wait_for follow_is_on || bail "flows --follow says nothing"
check "flows --follow listens to the daemon beside the monitor" wait_for json status '.listeners == 2'
connect out cart "$LAB_DB4" 5432
check "cart talks with the database" talk out
check "web does not" silent tcp web "$LAB_DB4" 5432
check "the client pings cart" icmp client 10.0.47.82

flow='.protocol == "tcp" and .local == "10.0.47.82" and .remote == "'$LAB_DB4'" and .remote_port == 5432'
check "the flow is tracked, with the rule that admitted it" json flows \
	"any(.[]; $flow and .state == \"assured\" and .direction == \"egress\" and .group_id == \"sg-cart\" and
		.revision == 1 and .packets.egress >= 3 and .packets.ingress >= 2 and .left_s > 300)"
check "filters that fit show it" json flows 'length == 1' --branch 9 --protocol tcp --port 5432 --local 10.0.47.0/24 \
	--remote "$LAB_DB4"
check "filters that do not fit hide it" json flows 'length == 0' --branch 9 --port 5433
check "another branch has none of it" json flows 'all(.[]; .protocol != "tcp")' --branch vlan.eth.10
check "for people it is a line" prints "tcp +10.0.47.82:[0-9]+ +-> +$LAB_DB4:5432 +assured .*sg-cart" bg flows
check "the rule has hits" json rules 'any(.[]; .protocol == "tcp" and .ports == "5432" and .hits > 0)' --branch 9
check "and is not unused" json rules 'all(.[]; .hits == 0)' --unused
check "status counts the flow" json status '.branches[] | select(.vlan == 9).flows.assured >= 1'
check "and the drop" json status '.branches[] | select(.vlan == 10).egress.reasons["no-rule"] >= 1'
check "metrics have the drop too" \
	prints 'packets_total\{branch="[^"]+",direction="egress",reason="no-rule",verdict="drop"\} [1-9]' bg status --metrics
check "follow has seen it begin" wait_for seen "$LAB_DIR/followed" "(.event == \"new\") and $flow"
# A look at the table each second may come between: then the next one is told first.
told_first() {
	seen "$LAB_DIR/followed" "(.event == \"new\") and $flow and .packets.egress == 1 and .left_s == null and
		.group_id == \"sg-cart\"" && return
	tcp cart "$LAB_DB4" 5432 >/dev/null
	return 1
}
check "as the daemon told it, before the table was looked at" wait_for told_first
check "and each once" test -z "$(jq -r "select((.event == \"new\") and $flow) | .local_port" "$LAB_DIR/followed" |
	sort | uniq -d)"

check "the monitor saw the flow, and by which rule" wait_for seen "$LAB_DIR/events" \
	".event == \"flow\" and .reason == \"rule\" and .group_id == \"sg-cart\" and $flow"
check "it saw the drop, and why" wait_for seen "$LAB_DIR/events" \
	'.event == "drop" and .vlan == 10 and .reason == "no-rule" and .remote_port == 5432 and .direction == "egress"'
check "it saw the ping" wait_for seen "$LAB_DIR/events" '.event == "flow" and .protocol == "icmp" and .icmp_type == 8'
# Words are the same on all kernels, and guests have no manual.
if [ -z "${BG_IN_VM:-}" ]; then
	for of in "bg status" "bg status --revisions" "bg health" "bg rules" "bg flows" "$BG check $FEED" "$BG version" \
		"bg explain --live -b 10 -d egress -p tcp -r $LAB_DB4 --port 5432" \
		"bg explain --live --from cart-0 --to web-0 -p icmp --icmp-type 8"; do
		# shellcheck disable=SC2086 # words
		check "all keys of ${of/$BG/bg} stand in the manual" in_manual $of --json
	done
	check "and those of events" in_manual cat "$LAB_DIR/events" "$LAB_DIR/followed"
fi
kill -INT $follow_pid
wait $follow_pid
check "flows --follow ends well" test $? -eq 0
check "it had nothing to complain of" test ! -s "$LAB_DIR/followed.err"
kill -INT $MONITOR_PID
wait $MONITOR_PID
check "it ends well" test $? -eq 0
check "then events are off" wait_for events_are_ended

# --- a monitor that is killed ------------------------------------------------
monitor "$LAB_DIR/killed" --drops-only
kill -9 $MONITOR_PID
wait $MONITOR_PID 2>/dev/null
check "for a killed monitor events go on for four seconds at most" test "$(events_left_ns)" -le 4000000000
check "then they are off" wait_for events_are off
monitor "$LAB_DIR/drops" --drops-only --branch 10 --reason no-rule --count 1
silent tcp web "$LAB_DB4" 5432
check "another one listens, and ends after its count" wait $MONITOR_PID
check "it shows people why" prints " drop [^ ]+ +egress +tcp 10.0.47.83:[0-9]+ -> $LAB_DB4:5432 .*no-rule" cat "$LAB_DIR/drops"

# --- a refused feed, no daemon, no branchguard -------------------------------
cp "$FEED" "$LAB_DIR/good.json"
jq '.Branches[1].VlanId = 5000' "$LAB_DIR/good.json" >"$LAB_DIR/bad.json"
mv "$LAB_DIR/bad.json" "$FEED"
check "a refused feed shows" wait_for json status '.feed.last_refused.error | test("VlanId")'
check "for people too" prints "^REFUSED +the feed as it is now" bg status
check "and in the metrics" prints "^branchguard_feed_refused 1" bg status --metrics
mv "$LAB_DIR/good.json" "$FEED"
check "a good one clears it" wait_for json status '.feed.last_refused == null'
monitor "$LAB_DIR/last"
bg_stop
check "no daemon: status says so" prints "^daemon +NOT RUNNING" bg status
check "and why that matters" json status 'any(.causes[]; .text | test("daemon is not running"))'
check "flows and rules go on" json flows 'length >= 1'
nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" flows --pin-dir "$PIN_DIR" --follow \
	>"$LAB_DIR/alone" 2>"$LAB_DIR/alone.err" &
follow_pid=$!
check "so does flows --follow, and says that nobody tells" wait_for grep -q "no daemon tells what begins" "$LAB_DIR/alone.err"
check "it finds what begins by itself" wait_for eval 'icmp client 10.0.47.82 && grep " new  *eni-cart .*icmp" "$LAB_DIR/alone"'
kill -INT $follow_pid
wait $follow_pid

# --- a table that nobody wants in memory -------------------------------------
fill=$(realpath -m "${BG_BUILD:-build}")/selftests/net/tool_fill_flows
filled=$("$fill" "$PIN_DIR/maps/flows" "$(bpftool -j map dump pinned "$PIN_DIR/maps/branches" | jq '.[0].formatted.value.tag')") ||
	bail "the flow table cannot be filled"
# With less memory than they take as they are, and they are more than are sorted.
little() { (ulimit -v 60000 && bg "$@"); }
counts() { [ "$(little flows --json | jq "map(select($1)) | length")" -eq "$filled" ]; }
check "all of $filled flows are printed as JSON" \
	counts '.branch != null and .remote_port == 0 and .left_s > 0 and (.created | test("^20.*Z$"))'
lines() { [ "$(little flows | tee "$LAB_DIR/table" | wc -l)" -eq $((filled + 1)) ]; }
check "and as lines" lines
check "in columns" test "$(tail -n +2 "$LAB_DIR/table" | grep -cE '^eni-[^ ]+ +tcp +10\.0\.47\.[0-5]:80 +<- +11\.[0-9.]+:0 +half-open ')" -eq "$filled"

bg unload >/dev/null
wait $MONITOR_PID
check "unload ends a monitor" test $? -eq 1
check "which says why" grep -q "branchguard was unloaded" "$LAB_DIR/last.err"
finish
