#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard explain` from outside: what it prints, in which order, with which
# exit status. The verdicts themselves are tested in selftests/packets.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

BG=${BG_BUILD:-build}/branchguard
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
FEED=$DIR/feed.json
QUESTIONS=100000
MOST_S=30
[ -z "${BG_IN_VM:-}" ] || MOST_S=120
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

cat >"$FEED" <<'JSON'
{ "FeedVersion": 1, "Revision": "r/42",
  "Node": { "PrimaryInterface": "eth0", "Addresses": ["10.0.1.10"] },
  "SecurityGroups": [
    { "GroupId": "sg-0aa11", "GroupName": "pay",
      "IpPermissionsEgress": [ { "IpProtocol": "-1", "IpRanges": [ { "CidrIp": "0.0.0.0/0" } ] } ],
      "IpPermissions": [ { "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
                           "IpRanges": [ { "CidrIp": "10.0.0.0/16" } ] } ] } ],
  "SecurityGroupRules": [
    { "SecurityGroupRuleId": "sgr-01", "GroupId": "sg-0aa11", "IsEgress": false,
      "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "CidrIpv4": "10.0.0.0/16" } ],
  "Branches": [
    { "Id": "eni-0b2c", "VlanId": 9, "GroupIds": ["sg-0aa11"],
      "Pods": [ { "Namespace": "shop", "Name": "cart-0", "Addresses": ["10.0.47.90"] } ] } ] }
JSON

# expect NAME STATUS PATTERN COMMAND...: stdout and stderr together hold PATTERN.
expect() {
	local name=$1 status=$2 pattern=$3 output got=0
	shift 3
	output=$("$@" 2>&1) || got=$?
	OUTPUT="status $got, expected $status, and /$pattern/ in:"$'\n'$output
	[ "$got" -eq "$status" ] && grep -qE -- "$pattern" <<<"$output"
	result $? "$name"
}

# same NAME EXPECTED COMMAND...: stdout is exactly that.
same() {
	local name=$1 expected=$2 output
	shift 2
	output=$("$@" 2>/dev/null)
	OUTPUT=$(diff <(echo "$expected") <(echo "$output"))
	result $? "$name"
}

ask() {
	"$BG" explain --feed "$FEED" "$@"
}

batch() {
	printf '%b' "$1" | "$BG" explain --feed "$FEED" --queries -
}

# "branch" "direction" and the rest of a question, as JSON
question() {
	printf '{"Branch": "%s", "Direction": "%s", %s}' "$1" "$2" "$3"
}

in_ok=$(question eni-0b2c ingress '"Protocol": "tcp", "Remote": "10.0.1.1", "Port": 5432')
in_no=$(question eni-0b2c ingress '"Protocol": "tcp", "Remote": "10.1.1.1", "Port": 5432')
out_ok=$(question eni-0b2c egress '"Protocol": "icmp", "Remote": "192.0.2.1", "IcmpType": 8')
spoof=$(question 9 egress '"Protocol": 47, "Remote": "192.0.2.1", "Local": "192.0.2.2"')
nobody=$(question eni-x ingress '"Protocol": 47, "Remote": "192.0.2.1"')
a_in_ok='{"Verdict":"allow","Reason":"rule","GroupId":"sg-0aa11","RuleId":"sgr-01"}'
a_in_no='{"Verdict":"deny","Reason":"no-rule","GroupId":null,"RuleId":null}'
a_out_ok='{"Verdict":"allow","Reason":"rule","GroupId":"sg-0aa11","RuleId":null}'
a_spoof='{"Verdict":"deny","Reason":"spoofed","GroupId":null,"RuleId":null}'
a_nobody='{"Error":"Branch '"'eni-x'"' is not one of the 1 branches of the feed","Line":4}'
one=(--branch eni-0b2c --direction ingress --protocol tcp --remote 10.0.1.1)

expect "an allowed packet, in words" 0 \
	"^allow: tcp 10.0.1.1:[0-9]+ -> 10.0.47.90:5432, ingress of eni-0b2c" ask "${one[@]}" --port 5432
expect "its rule" 0 "sg-0aa11 \(pay\) sgr-01: ingress tcp 5432 from 10.0.0.0/16" \
	ask "${one[@]}" --port 5432
expect "its revision" 0 "r/42" ask "${one[@]}" --port 5432
expect "a denied packet is an answer too: status 0" 0 "^deny: .*5433" ask "${one[@]}" --port 5433
expect "by XDP" 0 '"Program": "xdp_branch"' ask "${one[@]}" --port 5432 --hook xdp --json
expect "a branch without IPv6" 0 "the branch has no IPv6 address" \
	ask --branch 9 --direction egress --protocol udp --remote 2001:db8::1 --port 53
expect "a path" 0 "^allow: tcp 5432 from 10.0.1.1 to shop/cart-0" \
	ask --from 10.0.1.1 --to cart-0 --protocol tcp --port 5432
expect "a path, what is missing" 0 "missing .*ingress tcp 80 from 10.0.1.1/32" \
	ask --from 10.0.1.1 --to cart-0 --protocol tcp --port 80
expect "a path, as JSON" 0 '"Interface": "vlan.eth.9"' \
	ask --from 10.0.1.1 --to cart-0 --protocol tcp --port 80 --json

same "answers in the order of the questions" \
	"$a_in_ok"$'\n'"$a_in_no"$'\n'"$a_out_ok"$'\n'"$a_spoof"$'\n'"$a_in_ok" \
	batch "$in_ok\n$in_no\n$out_ok\n$spoof\n$in_ok\n"
same "no newline at the end, and CRLF" "$a_in_ok"$'\n'"$a_in_no" batch "$in_ok\r\n$in_no"
same "empty lines are passed over" "$a_in_ok"$'\n'"$a_in_no" batch "\n$in_ok\n \t\n$in_no\n\n"
same "a bad line is answered in its place" \
	"$a_in_ok"$'\n'"$a_in_no"$'\n'"$a_nobody"$'\n'"$a_in_ok" \
	batch "$in_ok\n\n$in_no\n$nobody\n$in_ok\n"
expect "and makes the status 1" 1 "1 of the questions could not be answered" batch "$nobody\n"
expect "a line that is no JSON" 1 '"Error":.*"Line":2' batch "$in_ok\n{\n"
expect "a line that is not UTF-8" 1 '"Error":.*"Line":1' batch '\xff\xfe\n'
expect "a line with a NUL" 1 '"Error":.*"Line":1' batch '{}\0\n'
same "no question, no answer" "" batch ""
expect "an endless line" 1 "line 2 of the questions is longer" \
	bash -c "(echo '$in_ok'; head -c 100000 /dev/zero | tr '\\0' x) | '$BG' explain -f '$FEED' -q -"
expect "a questions file that is not there" 1 "/nonexistent: No such file" \
	ask --queries /nonexistent
expect "a questions file that is a directory" 1 "Is a directory" ask --queries /
expect "a feed that is not there" 1 "/nonexistent" \
	"$BG" explain --feed /nonexistent "${one[@]}" --port 1

# A program may ask one by one: what is answered does not wait for the next.
one_by_one() {
	local answer
	coproc "$BG" explain --feed "$FEED" --queries -
	for _ in 1 2 3; do
		echo "$in_ok" >&"${COPROC[1]}"
		read -r -t "$MOST_S" answer <&"${COPROC[0]}" || return 1
		echo "$answer"
	done
	eval "exec ${COPROC[1]}>&-"
	wait "$COPROC_PID"
}
same "one by one" "$a_in_ok"$'\n'"$a_in_ok"$'\n'"$a_in_ok" one_by_one

expect "no feed" 2 "either --feed FEED or --live" "$BG" explain "${one[@]}" --port 1
expect "both" 2 "either --feed FEED or --live" ask --live "${one[@]}" --port 1
expect "half a question" 2 "needs --branch, --direction" ask --branch 9
expect "no port" 2 "Port is missing" ask "${one[@]}"
expect "a port too many" 2 "0 to 65535" ask "${one[@]}" --port 65536
expect "no protocol of this name" 2 "'tpc': expected tcp" \
	ask --branch 9 --direction ingress --protocol tpc --remote 10.0.0.1
expect "two families" 2 "different families" ask "${one[@]}" --port 1 --local ::1
expect "half a path" 2 "needs --from, --to" ask --from cart-0 --protocol tcp --port 1
expect "a path and a question" 2 "go with" ask "${one[@]}" --port 1 --from cart-0 --to node
expect "a file and a question" 2 "exclude each other" ask "${one[@]}" --queries /dev/null
expect "two things from stdin" 2 "cannot both" "$BG" explain --feed - --queries -
expect "nothing is in force" 1 "/sys/fs/bpf/branchguard_none" \
	"$BG" explain --live --pin-dir /sys/fs/bpf/branchguard_none "${one[@]}" --port 1

many() {
	local start_us=${EPOCHREALTIME/[^0-9]/} answered ms
	awk -v n="$QUESTIONS" 'BEGIN {
		srand(7)
		for (i = 0; i < n; i++)
			printf "{\"Branch\": \"eni-0b2c\", \"Direction\": \"%s\", \"Protocol\": \"%s\", " \
			       "\"Remote\": \"10.%d.%d.%d\", \"Port\": %d}\n",
			       i % 2 ? "ingress" : "egress", i % 3 ? "tcp" : "udp", i % 3, i % 256,
			       i % 251, i % 5 ? 5432 : i % 65536
	}' >"$DIR/questions"
	start_us=${EPOCHREALTIME/[^0-9]/}
	answered=$(ask --queries "$DIR/questions" | grep -c '^{"Verdict":')
	ms=$(((${EPOCHREALTIME/[^0-9]/} - start_us) / 1000))
	echo "$answered of $QUESTIONS answered in $ms ms"
	[ "$answered" -eq "$QUESTIONS" ] && [ "$ms" -lt $((MOST_S * 1000)) ]
}
expect "100,000 questions in seconds" 0 "answered" many

finish
