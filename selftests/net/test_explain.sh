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
CPU_S=15
[ -z "${BG_IN_VM:-}" ] || MOST_S=120 CPU_S=60
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
a_in_no='{"Verdict":"deny","Reason":"no-rule","GroupId":null,"RuleId":null,"Missing":'
a_in_no+='{"Owner":"eni-0b2c","GroupIds":["sg-0aa11"],"Direction":"ingress","IpPermission":'
a_in_no+='{"IpProtocol":"tcp","IpRanges":[{"CidrIp":"10.1.1.1/32"}],"FromPort":5432,"ToPort":5432},'
a_in_no+='"Text":"a rule of eni-0b2c'"'"'s groups (sg-0aa11): ingress tcp 5432 from 10.1.1.1/32",'
a_in_no+='"Command":"aws ec2 authorize-security-group-ingress --group-id sg-0aa11 --ip-permissions '
a_in_no+="'IpProtocol=tcp,FromPort=5432,ToPort=5432,IpRanges=[{CidrIp=10.1.1.1/32}]'\"}}"
a_out_ok='{"Verdict":"allow","Reason":"rule","GroupId":"sg-0aa11","RuleId":null}'
a_spoof='{"Verdict":"deny","Reason":"spoofed","GroupId":null,"RuleId":null}'
a_nobody='{"Error":"Branch '"'eni-x'"': expected the id, interface or VLAN id of a branch of the feed; '
a_nobody+='there are eni-0b2c","Line":4}'
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
expect "no port" 2 "--port is missing" ask "${one[@]}"
expect "no port, on a path" 2 "--port is missing" ask --from 10.0.1.1 --to cart-0 --protocol tcp
expect "a branch that is not there" 1 "--branch 'eni-x': .* there are eni-0b2c" \
	ask --branch eni-x --direction ingress --protocol tcp --remote 10.0.1.1 --port 1
expect "a port and an ICMP type" 2 "--icmp-type with --protocol tcp" \
	ask "${one[@]}" --port 1 --icmp-type 3
expect "ICMP and a port" 2 "--port with --protocol icmp" \
	ask --branch 9 --direction ingress --protocol icmp --remote 10.0.1.1 --icmp-type 8 --port 80
expect "ICMP and an IPv6 address" 2 "2001:db8::1 is an IPv6 address: ask for icmpv6" \
	ask --branch 9 --direction ingress --protocol icmp --remote 2001:db8::1 --icmp-type 8
expect "ICMPv6 and an IPv4 address" 2 "10.0.1.1 is an IPv4 address: ask for icmp " \
	ask --branch 9 --direction ingress --protocol icmpv6 --remote 10.0.1.1 --icmp-type 128
expect "IPv4 written as IPv6" 2 "--remote '::ffff:10.0.1.1': expected it written as IPv4: 10.0.1.1" \
	ask --branch 9 --direction ingress --protocol tcp --remote ::ffff:10.0.1.1 --port 1
expect "XDP and egress" 2 "--hook xdp with --direction egress" \
	ask --branch 9 --direction egress --protocol tcp --remote 10.0.1.1 --port 1 --hook xdp
expect "a key that is misspelled" 1 "'Remot' is an unknown key: expected Remote" \
	batch '{"Branch": "9", "Direction": "egress", "Protocol": 47, "Remot": "10.0.0.1"}\n'
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

# --- both ends, and the rule that is missing ----------------------------------------

ENDS=$DIR/ends.json
cat >"$ENDS" <<'JSON'
{ "FeedVersion": 1,
  "Node": { "PrimaryInterface": "eth0", "Addresses": ["10.0.1.10"], "VpcCidrs": ["10.0.0.0/16"],
            "ServiceCidrs": ["172.20.0.0/16"] },
  "SecurityGroups": [
    { "GroupId": "sg-cart", "IpPermissions": [],
      "IpPermissionsEgress": [ { "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
                                 "UserIdGroupPairs": [ { "GroupId": "sg-0db" } ] } ] },
    { "GroupId": "sg-web", "IpPermissions": [], "IpPermissionsEgress": [] },
    { "GroupId": "sg-0db", "IpPermissionsEgress": [],
      "IpPermissions": [ { "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
                           "UserIdGroupPairs": [ { "GroupId": "sg-web" } ] } ] } ],
  "NetworkInterfaces": [
    { "NetworkInterfaceId": "eni-rds", "Groups": [ { "GroupId": "sg-0db" } ],
      "PrivateIpAddresses": [ { "PrivateIpAddress": "10.0.3.30" } ] } ],
  "Branches": [
    { "Id": "eni-cart", "VlanId": 9, "GroupIds": ["sg-cart"],
      "Pods": [ { "Namespace": "shop", "Name": "cart-0",
                  "Addresses": ["10.0.47.90", "2001:db8::90"] } ] },
    { "Id": "eni-web", "VlanId": 10, "GroupIds": ["sg-web"],
      "Pods": [ { "Namespace": "shop", "Name": "web-0", "Addresses": ["10.0.47.91"] } ] } ] }
JSON

ask_ends() {
	"$BG" explain --feed "$ENDS" "$@"
}

batch_ends() {
	printf '%b' "$1" | ask_ends --queries - "${@:2}"
}

# says FILTER COMMAND...: jq -e says yes to its output.
says() {
	local filter=$1
	shift
	"$@" 2>/dev/null | jq -e "$filter" >/dev/null
}

db=(--protocol tcp --remote 10.0.3.30 --port 5432 --direction egress)
expect "what the other end denies is denied" 0 \
	"^deny: .* egress of eni-cart; by the other end" ask_ends --branch eni-cart "${db[@]}"
expect "it is said that this node does not enforce it" 0 \
	"other end deny: ingress of eni-rds, not enforced on this node" \
	ask_ends --branch eni-cart "${db[@]}"
expect "which rule is missing there" 0 \
	"missing  .*eni-rds's groups \(sg-0db\): ingress tcp 5432 from sg-cart" \
	ask_ends --branch eni-cart "${db[@]}"
expect "and the command" 0 \
	"authorize-security-group-ingress --group-id sg-0db .*UserIdGroupPairs=\[\{GroupId=sg-cart\}\]'" \
	ask_ends --branch eni-cart "${db[@]}"
expect "a path has that end, too" 0 "^deny: .*10.0.3.30|eni-rds +ingress deny" \
	ask_ends --from shop/cart-0 --to 10.0.3.30 --protocol tcp --port 5432
expect "what is missing here is a group, where the feed knows it" 0 \
	"missing  .*eni-web's groups \(sg-web\): egress tcp 5432 to sg-0db" \
	ask_ends --branch eni-web "${db[@]}"
expect "an address only where there is nothing else, IPv6 too" 0 \
	"egress --group-id sg-cart .*Ipv6Ranges=\[\{CidrIpv6=2001:db8::1/128\}\]'" \
	ask_ends --branch 9 --direction egress --protocol udp --remote 2001:db8::1 --port 53
expect "another branch of this node is an end that is enforced" 0 \
	"other end deny: egress of eni-web, vlan.eth.10 of this node" \
	ask_ends --branch 9 --direction ingress --protocol tcp --remote 10.0.47.91 --port 80
expect "a service address is judged after DNAT" 0 "^undecided: .*172.20.0.1:443" \
	ask_ends --branch 9 --direction egress --protocol tcp --remote 172.20.0.1 --port 443
expect "no rule for one is proposed" 0 "^0$" bash -c \
	"'$BG' explain --feed '$ENDS' -b 9 -d egress -p tcp -r 172.20.0.1 --port 443 | grep -c missing ||
	true"
check "JSON has both ends and the whole" says '.Verdict == "allow" and .Overall == "deny" and
	.OtherEnd.Verdict == "deny" and .OtherEnd.Enforced == false and .OtherEnd.Id == "eni-rds" and
	.OtherEnd.Missing.IpPermission.UserIdGroupPairs[0].GroupId == "sg-cart"' \
	ask_ends --branch eni-cart "${db[@]}" --json
check "a path's JSON, too" says '.Verdict == "deny" and .Steps[1].Interface == "eni-rds" and
	.Steps[1].Enforced == false and .Steps[0].Enforced == true and
	.Steps[1].Missing.Owner == "eni-rds"' \
	ask_ends --from cart-0 --to 10.0.3.30 --protocol tcp --port 5432 --json

expect "ICMP between two IPv6 ends" 1 "ask for icmpv6" \
	ask_ends --from 2001:db8::1 --to 2001:db8::90 --protocol icmp --icmp-type 8

expect "as expected: status 0" 0 "^deny" ask_ends --branch eni-cart "${db[@]}" --expect deny
expect "not as expected: status 1" 1 "expected allow, found deny: tcp .*ingress of eni-rds, no-rule" \
	ask_ends --branch eni-cart "${db[@]}" --expect allow
expect "a path, as expected" 0 "^deny" \
	ask_ends --from cart-0 --to 10.0.3.30 --protocol tcp --port 5432 --expect deny
expect "a path, not as expected" 1 "expected allow, found deny: from cart-0 to 10.0.3.30" \
	ask_ends --from cart-0 --to 10.0.3.30 --protocol tcp --port 5432 --expect allow
expect "a service address is as nobody expects" 1 "judged after DNAT" \
	ask_ends --branch 9 --direction egress --protocol tcp --remote 172.20.0.1 --port 443 \
	--expect deny
to_db='"Protocol": "tcp", "Remote": "10.0.3.30", "Port": 5432'
cart=$(question eni-cart egress "$to_db, \"Expect\": \"deny\"")
web=$(question eni-web egress "$to_db, \"Expect\": \"allow\"")
open=$(question eni-web egress "$to_db")
expect "a batch, as expected" 0 '"Overall":"deny"' batch_ends "$cart\n$open\n"
expect "a batch, one line for each that is not" 1 \
	"line 2: expected allow, found deny: .*egress of eni-web, no-rule" batch_ends "$cart\n$web\n"
expect "and the status says so" 1 "1 of the answers are not the expected ones" \
	batch_ends "$cart\n$web\n"
expect "lines that do not say are held to the option" 1 "line 2: expected allow" \
	batch_ends "$cart\n$open\n" --expect allow

path_db='"To": "10.0.3.30", "Protocol": "tcp", "Port": 5432'
away=$(printf '{"From": "shop/cart-0", %s, "Expect": "%s"}' "$path_db" deny)
open=$(printf '{"From": "web-0", %s, "Expect": "%s"}' "$path_db" allow)
check "a path in a batch, beside a question" says '.Verdict == "deny" and .From == "10.0.47.90" and
	(.Steps | map(.Interface) == ["vlan.eth.9", "eni-rds"]) and
	.Steps[1].Missing.Owner == "eni-rds"' batch_ends "$away\n"
same "in the order of the questions" "null vlan.eth.9 null vlan.eth.10" bash -c \
	"printf '%s\n' '$cart' '$away' '$cart' '$open' | '$BG' explain --feed '$ENDS' -q - |
	jq -r '.Steps[0].Interface' | xargs"
expect "one that is not as expected" 1 \
	"line 2: expected allow, found deny: from web-0 to 10.0.3.30" batch_ends "$away\n$open\n"
expect "ends that make no path are answered in their place" 1 'is no pod.*"Line":2' \
	batch_ends "$cart\n${away/cart-0/nobody}\n$away\n"
expect "a path and a branch in one question" 1 "Branch with From and To" \
	batch_ends "{\"Branch\": \"9\", ${away#\{}\n"

# A group of another account has to be named with it, one of the same need not.
jq '(.SecurityGroups[] | select(.GroupId == "sg-0db")).OwnerId = "444455556666"
	| (.SecurityGroups[] | select(.GroupId == "sg-web")).OwnerId = "111122223333"' \
	"$ENDS" >"$DIR/accounts.json"
accounts() {
	"$BG" explain --feed "$DIR/accounts.json" "${db[@]}" "$@"
}
expect "a group of another account is named with it" 0 \
	"UserIdGroupPairs=\[\{GroupId=sg-0db,UserId=444455556666\}\]'" accounts --branch eni-web
sed -i s/444455556666/111122223333/ "$DIR/accounts.json"
expect "one of the same is not" 0 "UserIdGroupPairs=\[\{GroupId=sg-0db\}\]'" accounts --branch eni-web

# More kinds of other ends than a datapath has branches, met in no order: 4,186 pairs of 92
# groups, each of which admits its own port. One of the pair's is allowed, another is not.
many_ends() {
	local said status
	jq -n '[range(92)] as $groups | {FeedVersion: 1, Node: {PrimaryInterface: "eth0"},
		SecurityGroups: [$groups[] | {GroupId: "sg-\(.)", IpPermissionsEgress: [{IpProtocol: "-1",
			IpRanges: [{CidrIp: "0.0.0.0/0"}]}], IpPermissions: [{IpProtocol: "tcp",
			FromPort: ., ToPort: ., IpRanges: [{CidrIp: "10.0.0.0/8"}]}]}],
		Branches: [{Id: "eni-1", VlanId: 9, GroupIds: ["sg-0"], Pods: [{Addresses: ["10.9.0.1"]}]}],
		NetworkInterfaces: [$groups[] as $a | $groups[$a + 1:][] as $b |
			{NetworkInterfaceId: "eni-\($a)-\($b)", Groups: [{GroupId: "sg-\($a)"}, {GroupId: "sg-\($b)"}],
			PrivateIpAddresses: [{PrivateIpAddress: "10.1.\($a).\($b)"}]}]}' >"$DIR/many.json"
	awk 'BEGIN { for (i = 0; i < 600; i++) {
		a = (i * 37) % 91; b = a + 1 + (i * 53) % (91 - a); port = i % 3 ? (i % 3 == 1 ? a : b) : a + b + 92
		printf "{\"Branch\": \"9\", \"Direction\": \"egress\", \"Protocol\": \"tcp\", \"Remote\": " \
		       "\"10.1.%d.%d\", \"Port\": %d, \"Expect\": \"%s\"}\n", a, b, port, i % 3 ? "allow" : "deny"
	} }' >"$DIR/many.questions"
	said=$(timeout "$MOST_S" "$BG" explain --feed "$DIR/many.json" --queries "$DIR/many.questions")
	status=$?
	echo "status $status, $(grep -c '"Overall"' <<<"$said") of 600 with another end"
	return "$status"
}
expect "more kinds of other ends than a datapath has branches" 0 "600 of 600" many_ends

many() {
	local answered seconds TIMEFORMAT="%U %S"
	awk -v n="$QUESTIONS" 'BEGIN {
		srand(7)
		for (i = 0; i < n; i++)
			printf "{\"Branch\": \"eni-0b2c\", \"Direction\": \"%s\", \"Protocol\": \"%s\", " \
			       "\"Remote\": \"10.%d.%d.%d\", \"Port\": %d}\n",
			       i % 2 ? "ingress" : "egress", i % 3 ? "tcp" : "udp", i % 3, i % 256,
			       i % 251, i % 5 ? 5432 : i % 65536
	}' >"$DIR/questions"
	# (of a CPU: what others do on this machine is not its fault)
	{ time answered=$(ask --queries "$DIR/questions" | grep -c '^{"Verdict":'); } 2>"$DIR/seconds"
	seconds=$(awk '{ print $1 + $2 }' "$DIR/seconds")
	echo "$answered of $QUESTIONS answered, which took a CPU $seconds s"
	[ "$answered" -eq "$QUESTIONS" ] && [ "${seconds%.*}" -lt "$CPU_S" ]
}
expect "100,000 questions in seconds" 0 "answered" many

finish
