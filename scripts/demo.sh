#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What security groups for pods are for, on real packets, in about a minute:
#
#   make demo
#
# Every step prints the host, the command that runs there, and what it expects. If
# anything else happens, the demo ends with status 1. Nothing is left behind, even
# when it is interrupted.
set -u
cd "$(dirname "$0")/.." || exit 1
LAB_NAME=bg-demo
LAB_DIR=/run/branchguard-lab/$LAB_NAME
# shellcheck source=scripts/lab.sh
. scripts/lab.sh

BG=$(realpath "${BG_BUILD:-build}/branchguard") || exit 1
FEED=$LAB_DIR/feed.json
DAEMON_LOG=$LAB_DIR/daemon.log
DAEMON=
QUERY="echo 'select count(*) from orders;' | nc -N -w 1 $LAB_DB4 5432"
if [ -t 1 ]; then
	bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' green='' red='' plain=''
fi

step() {
	printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
	shift
	[ $# -eq 0 ] || printf '   %s\n' "$@"
}

fail() {
	printf '   %sFAILED: %s%s\n' "$red" "$*" "$plain"
	[ ! -s "$DAEMON_LOG" ] || sed 's/^/   daemon: /' "$DAEMON_LOG"
	exit 1
}

# run HOST COMMAND: shows both, and what comes out; the output is in OUTPUT.
run() {
	printf '   %s%s$ %s%s\n' "$bold" "$1" "$2" "$plain"
	OUTPUT=$(lab_exec "$1" env PATH="$(dirname "$BG"):$PATH" bash -c "$2" 2>&1)
	STATUS=$?
	[ -z "$OUTPUT" ] || printf '%s\n' "$OUTPUT" | sed 's/^/     /'
}

verdict() {
	if [ "$1" -eq 0 ]; then
		printf '     %s-> %s, as expected%s\n' "$green" "$2" "$plain"
	else
		fail "expected $2, got ${3:-something else}"
	fi
}

expect_answer() {
	run "$1" "$2"
	[ "$OUTPUT" = "42 orders" ]
	verdict $? "an answer" "none"
}

expect_silence() {
	run "$1" "$2"
	[ -z "$OUTPUT" ]
	verdict $? "silence" "an answer"
}

# expect TEXT HOST COMMAND: succeeds, and the output has the text.
expect() {
	run "$2" "$3"
	[ "$STATUS" -eq 0 ] || fail "status $STATUS"
	grep -q -- "$1" <<<"$OUTPUT" || fail "expected '$1' in it"
}

# until_so COMMAND...: waits until it succeeds, since the daemon needs a moment.
until_so() {
	local end=$((SECONDS + 60))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "waited for a minute in vain: $*"
		sleep 0.1
	done
}

in_force() {
	[ "$(lab_exec node "$BG" status --json --pin-dir "$PIN_DIR" | jq -r .feed_revision)" = "$1" ]
}

start_daemon() {
	echo "   ${bold}node\$ branchguard run --feed $FEED --pin-dir $PIN_DIR &$plain"
	: >"$DAEMON_LOG"
	nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR" \
		2>>"$DAEMON_LOG" &
	DAEMON=$!
	until_so grep '"ready"' "$DAEMON_LOG"
	cut -d' ' -f2- "$DAEMON_LOG" | cut -c1-150 | sed 's/^/     /'
}

edit() {
	echo "   ${bold}\$ vi $FEED   # $1$plain"
	jq "$2" "$FEED" >"$LAB_DIR/edited.json" || fail "jq"
	mv "$LAB_DIR/edited.json" "$FEED"
	until_so in_force "$(jq -r .Revision "$FEED")"
	tail -n 1 "$DAEMON_LOG" | cut -d' ' -f2- | cut -c1-150 | sed 's/^/     /'
}

clean_up() {
	local status=$?
	trap - EXIT
	# bash would report that the daemon was killed
	exec 2>/dev/null
	[ -z "$DAEMON" ] || kill -9 "$DAEMON"
	lab_down
	lab_forget_pins "$PIN_DIR"
	exit $status
}

[ "$(id -u)" -eq 0 ] || {
	echo "demo: needs root: it makes network namespaces and loads BPF programs" >&2
	exit 1
}
[ ! -e "$LAB_DIR" ] || {
	echo "demo: one is running already, or was killed: 'scripts/lab.sh --name $LAB_NAME down' cleans up" >&2
	exit 1
}
PIN_DIR=
trap clean_up EXIT
trap 'echo; echo "interrupted, cleaning up"; exit 130' INT TERM HUP
PIN_DIR=$(lab_pin_dir) || exit 1

step "A node with two pods, a database elsewhere" \
	"cart and web run on one node, each with a branch interface of its own" \
	"(vlan.eth.9, vlan.eth.10); between them and the database lies the fabric."
lab_up || fail "the lab does not come up"
lab_status | sed 's/^/   /'
if [ "$(cat "$LAB_DIR/kind")" = vlan ]; then
	echo "   The branches are real VLAN interfaces, their frames are tagged on the trunk eth1."
else
	echo "   This kernel has no 8021q: veth pairs of the same names stand in for the VLAN interfaces."
fi
lab_exec db socat TCP-LISTEN:5432,fork,reuseaddr SYSTEM:'read query; echo "42 orders"' 2>/dev/null &
lab_exec cart socat TCP-LISTEN:8080,fork,reuseaddr SYSTEM:'read query; echo "42 orders"' 2>/dev/null &
until_so lab_exec db nc -z 127.0.0.1 5432
until_so lab_exec cart nc -z 127.0.0.1 8080

step "Without branchguard" "Nothing filters: both pods reach the database."
expect_answer cart "$QUERY"
expect_answer web "$QUERY"

step "The feed: security groups as EC2 describes them" \
	"cart is in a group that may speak to the database's group, web is not."
lab_feed | jq --arg db $LAB_DB4 '
	.NetworkInterfaces = [{NetworkInterfaceId: "eni-db", Groups: [{GroupId: "sg-db"}],
		PrivateIpAddresses: [{PrivateIpAddress: $db}]}]
	| .SecurityGroups += [{GroupId: "sg-db", IpPermissions: [{IpProtocol: "tcp", FromPort: 5432,
		ToPort: 5432, UserIdGroupPairs: [{GroupId: "sg-cart"}, {GroupId: "sg-web"}]}]}]
	| (.SecurityGroups[] | select(.GroupId == "sg-cart")) |= (.GroupName = "orders clients"
		| .IpPermissionsEgress = [{IpProtocol: "tcp", FromPort: 5432, ToPort: 5432,
			UserIdGroupPairs: [{GroupId: "sg-db"}]}])
	| (.SecurityGroups[] | select(.GroupId == "sg-web")) |= (.GroupName = "front end"
		| .IpPermissionsEgress = [{IpProtocol: "tcp", FromPort: 443, ToPort: 443,
			IpRanges: [{CidrIp: "0.0.0.0/0"}]}])' >"$FEED" || fail "jq"
run node "jq -c '.SecurityGroups[] | {GroupId, GroupName, IpPermissionsEgress}' $FEED"
expect "sg-db" node "branchguard explain --feed $FEED --branch eni-cart --direction egress --protocol tcp --remote $LAB_DB4 --port 5432"

step "branchguard enforces it"
start_daemon
echo "   What web sends must not even leave the node: tcpdump listens at the database."
nsenter --net="/run/netns/$LAB_NAME-db" -- tcpdump -Z root --immediate-mode -U -l -nn -i eth0 \
	"host 10.0.47.83" >"$LAB_DIR/seen" 2>"$LAB_DIR/seen.err" &
tcpdump=$!
until_so grep 'listening on' "$LAB_DIR/seen.err"
expect_answer cart "$QUERY"
expect_silence web "$QUERY"
kill $tcpdump
wait $tcpdump 2>/dev/null
(! grep . "$LAB_DIR/seen")
verdict $? "not one packet of web at the database" "those above"

step "A reply needs no rule" \
	"sg-cart has no ingress rule at all. The database's answers came in because cart asked;" \
	"a connection that somebody else opens does not."
expect 5432 node "branchguard flows --pin-dir $PIN_DIR"
expect_silence db "echo hello | nc -N -w 1 10.0.47.82 8080"

step "Why? Ask" "Counters by reason, rules with their hits, and the rule that is missing."
expect no-rule node "branchguard status --pin-dir $PIN_DIR"
expect sg-cart node "branchguard rules --pin-dir $PIN_DIR"
run node "branchguard explain --live --pin-dir $PIN_DIR --branch eni-web --direction egress --protocol tcp --remote $LAB_DB4 --port 5432"
grep -q '^deny' <<<"$OUTPUT" || fail "expected deny"
grep -q 'missing .*egress tcp 5432 to sg-db' <<<"$OUTPUT" || fail "expected the missing rule"

step "The group is edited while the daemon runs" \
	"The file is replaced, the verdict changes with the revision, connections stay."
edit "allow sg-web to speak to sg-db" '.Revision = "2"
	| (.SecurityGroups[] | select(.GroupId == "sg-web")).IpPermissionsEgress +=
		[{IpProtocol: "tcp", FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{GroupId: "sg-db"}]}]'
expect_answer web "$QUERY"
edit "and not any more" '.Revision = "3"
	| (.SecurityGroups[] | select(.GroupId == "sg-web")).IpPermissionsEgress |= .[:1]'
expect_silence web "$QUERY"
echo "   ${bold}\$ echo oops >$FEED   # a broken feed$plain"
echo oops >"$LAB_DIR/broken" && cp "$FEED" "$LAB_DIR/good.json" && mv "$LAB_DIR/broken" "$FEED"
until_so grep 'feed refused' "$DAEMON_LOG"
tail -n 1 "$DAEMON_LOG" | cut -d' ' -f2- | sed 's/^/     /'
expect_answer cart "$QUERY"
expect_silence web "$QUERY"
cp "$LAB_DIR/good.json" "$FEED"

step "The daemon dies, the enforcement does not"
echo "   ${bold}node\$ kill -9 $DAEMON$plain"
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
DAEMON=
expect "NOT RUNNING" node "branchguard status --pin-dir $PIN_DIR | sed -n 1,2p"
expect_answer cart "$QUERY"
expect_silence web "$QUERY"
echo "   Started again, it adopts what is there: programs, revision, flows."
start_daemon
grep -q 'taking over' "$DAEMON_LOG" || fail "it did not take over"
expect_answer cart "$QUERY"
expect_silence web "$QUERY"

step "And away" "The daemon stops, unload takes away everything it made."
echo "   ${bold}node\$ kill $DAEMON$plain"
kill "$DAEMON"
wait "$DAEMON"
DAEMON=
expect unloaded node "branchguard unload --pin-dir $PIN_DIR"
expect_answer web "$QUERY"

printf '\n%sDone in %d s; everything was as expected. The lab is taken down.%s\n' "$bold" $SECONDS "$plain"
