#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet publish --to k8s:` with an API server that is played (fleet/api_server.py): two publishers
# of which the holder of a Lease writes, one that is killed while it does, what others write there, and a
# server that refuses, throttles, cuts or makes no sense. The other end is `follow k8s:`. Needs no root and no
# network but lo; test_fleet_cluster.sh has a real server.
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
answers=selftests/fleet/answers
group=sg-bf71d5d8f5c61035a members=sg-a293fb5fcd2beecca

explain_failure() {
	tail -n 5 "$dir/main"/[abf]*.log "$dir"/alone/*.log | cut -c -300 | sed 's/^/# /'
}

server_credentials
echo first-token >"$dir/token"
identity=(--ca-file "$dir/ca.crt" --token-file "$dir/token")

# member_list N: an answer with so many members of a group.
member_list() {
	jq -nc --argjson n "$1" --arg group "$members" '{NetworkInterfaces: [range($n) |
		{NetworkInterfaceId: "eni-m\(.)", Groups: [{GroupId: $group}],
		 PrivateIpAddresses: [{PrivateIpAddress: "10.9.\(. / 250 | floor).\(. % 250 + 1)"}]}]}'
}
# replace FILE FILTER: as somebody who refreshes an answer does.
replace() {
	jq -c "$2" "$1" >"$1.tmp" && mv "$1.tmp" "$1"
}
# edit NAME PORT: of a rule.
edit() {
	replace "$dir/$1/answers/describe-security-groups.json" \
		"(.SecurityGroups[] | select(.GroupId == \"$group\").IpPermissions[0]) |= (.FromPort = $2 | .ToPort = $2)"
}

# server NAME: one without parts, with answers of its own.
server() {
	mkdir -p "$dir/$1/answers"
	cp "$answers"/*.json "$dir/$1/answers"
	rm "$dir/$1/answers/describe-security-group-rules.json"
	member_list 100 >"$dir/$1/answers/members.json"
	python3 selftests/fleet/api_server.py "$dir/$1" "$dir/server.crt" "$dir/server.key" "$dir/token" 2>"$dir/$1/server.log" &
}
# url NAME
url() {
	echo "k8s:https://127.0.0.1:$(cat "$dir/$1/port")"
}
# publisher NAME WHO [OPTION...]: PUBLISHER is its process.
publisher() {
	local at=$dir/$1 who=$2
	wait_for test -s "$at/port" || bail "no server"
	"$fleet" publish --to "$(url "$1")" "${identity[@]}" --lease "kube-system/publisher" --identity "$who" \
		--state "$at/$who.state" "${@:3}" "$at/answers" 2>>"$at/$who.log" &
	PUBLISHER=$!
}
# follower NAME: of that server.
follower() {
	"$fleet" follow "$(url "$1")" "${identity[@]}" --node "$node" --watch-seconds 2 --output "$dir/$1/feed.json" \
		--state "$dir/$1/feed.state" 2>>"$dir/$1/follow.log" &
}
# state NAME WHO FILTER: what a publisher says of itself is so.
state() {
	jq -e "$3" "$dir/$1/$2.state"
}
# set_mode NAME MODE [write|lease]: how its server behaves.
set_mode() {
	local file=$dir/$1/mode${3:+-$3}
	echo "$2" >"$file.tmp" && mv "$file.tmp" "$file"
}
# meaning FILE: of a feed, whatever its revision and the order of keys.
meaning() {
	jq -S 'del(.Revision) | .NetworkInterfaces[].PrivateIpAddresses |= sort' "$1"
}
# follows NAME: the follower has what `build --node` makes of the answers.
follows() {
	"$fleet" build --node "$node" "$dir/$1/answers" >"$dir/$1/built.json" 2>"$dir/$1/built.log" &&
		diff <(meaning "$dir/$1/built.json") <(meaning "$dir/$1/feed.json")
}
# lands NAME: so can the parts be put together that the server has, without a follower.
lands() {
	"$fleet" follow "$dir/$1/parts" --node "$node" >"$dir/$1/feed.json" 2>"$dir/$1/put.log" && follows "$1"
}
# requests NAME REGEX: how many of parts there were.
requests() {
	grep branchguard.dev "$dir/$1/requests" | grep -cE "$2"
}
lease() {
	jq -r "$2" "$dir/$1/leases/publisher.json"
}

# --- one of two writes -----------------------------------------------------------------------------

servers=(main alone paused throttle invalid large denied lost written-garbage endless-write lease-denied lease-garbage lease-wrong-kind
	cut forbidden garbage other-kind no-version endless-list)
for name in "${servers[@]}"; do server "$name"; done

publisher main a
declare -A pid=([a]=$PUBLISHER)
wait_for state main a .Leader || bail "no leader"
publisher main b
pid[b]=$PUBLISHER
check "answers become objects of an API server" wait_for state main a '.PublishedAt and .Parts == 5 and (.Held | not)'
follower main
check "which become the feed that build makes" wait_for follows main
check "the daemon takes it" "${fleet%-fleet}" check --strict "$dir/main/feed.json"
check "they are what build writes into a directory" eval '"$fleet" build --parts "$dir/dir" "$dir/main/answers" >"$dir/main/dir.log" 2>&1 &&
	diff <(cd "$dir/dir" && cat -- * | jq -S .spec) <(cd "$dir/main/parts" && cat -- * | jq -S .spec)'
check "shards were written before groups, and nodes last" eval \
	'[ "$(grep -E "^(POST|PUT)" "$dir/main/requests" | grep -oE "(groupmembers|groupfeeds|nodefeeds)$" | uniq | tr "\n" " ")" = "groupmembers groupfeeds nodefeeds " ]'
check "a second publisher stands by" wait_for state main b '(.Leader | not) and .Holder == "a" and (.Held | not)'
check "the Lease is for 15 s" test "$(lease main '.spec | "\(.holderIdentity) \(.leaseDurationSeconds) \(.leaseTransitions)"')" = "a 15 0"

: >"$dir/main/requests"
edit main 8000
check "a rule that is edited arrives on the node" wait_for follows main
check "by one request" test "$(requests main '^(POST|PUT|DELETE)')" -eq 1
# (the follower lists its node)
check "and no list" test "$(requests main 'groupfeeds\?limit=')" -eq 0
member_list 101 >"$dir/main/answers/members.json.tmp" && mv "$dir/main/answers/members.json.tmp" "$dir/main/answers/members.json"
check "one more member arrives" wait_for follows main
check "in the ring" wait_for test -s "$dir/main/parts/memberchanges-1.json"
check "who stands by has written nothing" state main b '.PartsWritten == 0 and .Sweeps == 0'

# what others do there
jq -c '.metadata.name = "mine" | .metadata.labels["app.kubernetes.io/managed-by"] = "me"' "$dir/main/parts/nodefeed-$node.json" >"$dir/main/mine"
cp "$dir/main/mine" "$dir/main/parts/nodefeed-mine.json"
jq -c '.metadata.labels = {"of": "somebody"} | .spec.exists = false' "$dir/main/parts/groupfeed-$group.json" >"$dir/main/odd"
jq -c '.metadata.name = "left"' "$dir/main/parts/nodefeed-$node.json" >"$dir/main/left"
cp "$dir/main/left" "$dir/main/parts/nodefeed-left.json"
cp "$dir/main/odd" "$dir/main/parts/groupfeed-$group.json"
wait_for jq -e .Stale "$dir/main/feed.state" || bail "the follower takes what has another hash"
kill -HUP "${pid[a]}"
check "SIGHUP: all is listed, and what somebody has edited is told" wait_for grep -q "it is written anew.*groupfeed-$group" "$dir/main/a.log"
check "and as it was again" wait_for follows main
check "with the labels that it got" jq -e '.metadata.labels.of == "somebody"' "$dir/main/parts/groupfeed-$group.json"
check "a node that there is not is gone" wait_for test ! -e "$dir/main/parts/nodefeed-left.json"
check "but not one that says it is somebody else's" test -e "$dir/main/parts/nodefeed-mine.json"
# (not a list: it writes on what it knows)
cp "$dir/main/odd" "$dir/main/parts/groupfeed-$group.json"
wait_for jq -e .Stale "$dir/main/feed.state" || bail "the follower takes what has another hash"
: >"$dir/main/requests"
edit main 8001
check "what somebody has written meanwhile is not overwritten blindly: it is read anew, and then it arrives" wait_for follows main
check "by a list" test "$(requests main 'groupfeeds\?limit=')" -gt 0
replace "$dir/main/answers/members.json" '.NetworkInterfaces |= .[:20]'
check "what would lose too much of what the server has is held" wait_for state main a '.Held and (.Reason | contains("members of groups would be gone"))'
member_list 102 >"$dir/main/answers/members.json.tmp" && mv "$dir/main/answers/members.json.tmp" "$dir/main/answers/members.json"
check "and goes on" wait_for follows main

# --- who is next ------------------------------------------------------------------------------------

kill "${pid[a]}"
wait "${pid[a]}"
check "SIGTERM ends it well" test $? -eq 0
check "the other one takes over" wait_for state main b '.Leader and .Holder == "b"'
check "since the Lease was released" test "$(lease main .spec.leaseTransitions)" -eq 1
edit main 8002
check "and goes on with what there is" wait_for follows main
publisher main a
pid[a]=$PUBLISHER
check "the first one stands by now" wait_for state main a '(.Leader | not) and .Holder == "b"'
cp "$dir/main/feed.json" "$dir/main/good.json"
set_mode main stop write
member_list 400 >"$dir/main/answers/members.json.tmp" && mv "$dir/main/answers/members.json.tmp" "$dir/main/answers/members.json"
edit main 8003
check "in the middle of writing the parts do not fit" wait_for jq -e .Stale "$dir/main/feed.state"
kill -9 "${pid[b]}"
killed=${EPOCHREALTIME/[.,]/}
wait "${pid[b]}" 2>/dev/null
check "killed then, the last whole feed stays" cmp "$dir/main/good.json" "$dir/main/feed.json"
set_mode main ok write

# --- a server on bad days: each failure at a server of its own, all at once; two publishers are at none of them ------------

declare -A says=(
	[throttle]="HTTP 429: the server has received too many requests"
	[invalid]="is invalid: spec.hash: Required value"
	[large]="HTTP 413: Request entity too large"
	[denied]="User \"publisher\" cannot write"
	[lost]="closed the connection"
	[written-garbage]="the answer when"
	[endless-write]="more than 8388608 bytes"
	[lease-denied]="leases.coordination.k8s.io is forbidden"
	[lease-garbage]="the Lease kube-system/publisher: found no JSON"
	[lease-wrong-kind]="found something else than a Lease"
	[cut]="the connection"
	[forbidden]="HTTP 403: "
	[garbage]="found no JSON"
	[other-kind]="found something else than a"
	[no-version]="found no /metadata/resourceVersion"
	[endless-list]="more than 33554432 bytes"
)
for name in "${!says[@]}"; do
	case $name in
	throttle | invalid | large | denied | lost | written-garbage) set_mode "$name" "$name" write ;;
	endless-write) set_mode "$name" endless write ;;
	lease-*) set_mode "$name" "${name#lease-}" lease ;;
	*) set_mode "$name" "$name" ;;
	esac
	publisher "$name" a
done
publisher alone a
publisher paused a
paused=$PUBLISHER
check "one that is alone publishes" wait_for state alone a '.PublishedAt and .Leader'
wait_for state paused a '.PublishedAt and .Leader' || bail "another one does not"
kill -STOP "$paused"
stopped=${EPOCHREALTIME/[.,]/}
set_mode alone hang lease
hung=${EPOCHREALTIME/[.,]/}
for name in "${!says[@]}"; do
	check "$name: is told" wait_for state "$name" a ".Held and (.Reason | contains($(jq -n --arg t "${says[$name]}" '$t')))"
	echo "# $(jq -r .Reason "$dir/$name/a.state" | cut -c -200)"
done
check "what is not refused was written" eval '[ "$(ls "$dir/invalid/parts" | grep -c "^nodefeed")" -eq 1 ] && [ "$(ls "$dir/large/parts" | grep -c "^nodefeed")" -eq 1 ]'
check "who is throttled asks seldom" test "$(requests throttle '^POST')" -lt 100
for name in "${!says[@]}"; do
	rm -f "$dir/$name"/mode*
done
for name in "${!says[@]}"; do
	check "$name: mended by itself" wait_for state "$name" a '.PublishedAt and (.Held | not)'
	check "$name: the parts are whole" lands "$name"
done

check "who cannot renew its Lease stops" wait_for state alone a '.Leader | not'
echo "# $(((${EPOCHREALTIME/[.,]/} - hung) / 1000)) ms after the server began to hang"
check "before it ends" test $((${EPOCHREALTIME/[.,]/} - hung)) -lt 60000000
check "and says so" grep -q "the Lease is not ours any more" "$dir/alone/a.log"
: >"$dir/alone/requests"
edit alone 8100
check "what is edited then stays" wait_for state alone a '.Held and (.Reason | contains("hangs"))'
check "since nothing is written" test "$(requests alone '^(POST|PUT|DELETE)')" -eq 0
set_mode alone ok lease
check "when it is renewed, it goes on" wait_for lands alone

check "after a holder that was killed the other one takes over" wait_for state main a .Leader
took_ms=$(((${EPOCHREALTIME/[.,]/} - killed) / 1000))
check "not before its Lease was over" test "$(lease main .spec.leaseTransitions)" -eq 2
echo "# seen $took_ms ms after the kill"
check "and ends what it had begun" wait_for follows main
check "all is well on the node" wait_for jq -e '.Stale | not' "$dir/main/feed.state"
check "what is somebody else's is as it was" cmp "$dir/main/mine" "$dir/main/parts/nodefeed-mine.json"

# (so long that nobody may count on it any more)
is_over() { [ $((${EPOCHREALTIME/[.,]/} - stopped)) -gt 12000000 ]; }
wait_for is_over
jq -c '.spec.holderIdentity = "c" | .spec.renewTime = "2001-01-01T00:00:00.000000Z"' "$dir/paused/leases/publisher.json" >"$dir/paused/lease"
# as another client takes it
at=https://127.0.0.1:$(cat "$dir/paused/port")/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/publisher
other=(curl -sf --cacert "$dir/ca.crt" -H "Authorization: Bearer $(cat "$dir/token")" "$at")
if command -v curl >/dev/null; then
	version=$("${other[@]}" | jq -r .metadata.resourceVersion)
	check "another one takes it while it is stopped" "${other[@]}" -X PUT -o "$dir/paused/answer" \
		-d "$(jq -c --arg v "$version" '.metadata.resourceVersion = $v' "$dir/paused/lease")"
	: >"$dir/paused/requests"
	edit paused 8101
	kill -CONT "$paused"
	check "then it writes no more, whatever clock the other has" wait_for state paused a '(.Leader | not) and .Holder == "c"'
	check "and has not" test "$(requests paused '^(POST|PUT|DELETE)')" -eq 0
else
	kill -CONT "$paused"
fi

OUTPUT=$("$fleet" publish --once --to "$(url lost)" "${identity[@]}" --lease kube-system/other "$dir/lost/answers" 2>&1)
result $? "once is enough, if one wants"
check "and the Lease is free after that" jq -e '.spec.holderIdentity == ""' "$dir/lost/leases/other.json"

# --- what it is not given ---------------------------------------------------------------------------

for arguments in "--to k8s:" "--to k8s:http://127.0.0.1" "--to k8s:https://127.0.0.1 --lease x" "--to k8s:https://127.0.0.1 --lease A/b" \
	"--to k8s:https://127.0.0.1 --key k" "--to $dir/x --identity me" "--to $dir/x --ca-file f" "--to k8s:https://127.0.0.1 --identity="; do
	# shellcheck disable=SC2086 # words
	OUTPUT=$(env -u KUBERNETES_SERVICE_HOST "$fleet" publish $arguments "$dir/main/answers" 2>&1)
	[ $? -eq 2 ]
	result $? "wrong usage: ${arguments//$dir\//}"
done
check "no token in any log" fails grep -rF first-token "$dir" --include='*.log' --include='*.state'
finish
