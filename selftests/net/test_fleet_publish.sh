#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet publish` as a cluster has it: without capabilities it keeps the parts of a
# directory what answers make of them that others refresh, and `follow` has them as a feed. From
# answers that are cut, old, or lost too much, nothing comes; a publisher that is killed while it
# writes leaves every node with a whole feed. Needs no network and no kernel.
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
group=sg-bf71d5d8f5c61035a members=sg-a293fb5fcd2beecca

# publisher DIR [OPTION...]: of DIR/answers to DIR/parts; PID is its process.
publisher() {
	local at=$1
	shift
	"${UNPRIVILEGED[@]}" "$fleet" publish --to "$at/parts" --state "$at/state" --settings "$dir/settings.json" \
		"$@" "$at/answers" 2>>"$at/log" &
	PID=$!
}
# publisher_state DIR FILTER: what its publisher says of itself is so.
publisher_state() {
	jq -e "$2" "$1/state"
}
# replace FILE FILTER: as somebody who refreshes an answer does.
replace() {
	jq -c "$2" "$1" >"$1.tmp" && mv "$1.tmp" "$1"
}
# member_list N [FIRST]: an answer with so many members of a group.
member_list() {
	jq -nc --argjson n "$1" --argjson first "${2:-0}" --arg group "$members" '{NetworkInterfaces: [range($first; $first + $n) |
		{NetworkInterfaceId: "eni-m\(.)", Groups: [{GroupId: $group}],
		 PrivateIpAddresses: [{PrivateIpAddress: "10.9.\(. / 250 | floor).\(. % 250 + 1)"}]}]}'
}
# put_members N [FIRST]
put_members() {
	member_list "$@" >"$dir/answers/members.json.tmp" && mv "$dir/answers/members.json.tmp" "$dir/answers/members.json"
}
# meaning FILE: of a feed, whatever its revision and the order of keys.
meaning() {
	jq -S 'del(.Revision) | .NetworkInterfaces[].PrivateIpAddresses |= sort' "$1"
}
# follows: the follower has what `build --node` makes of the answers.
follows() {
	"$fleet" build --node "$node" --settings "$dir/settings.json" "$dir/answers" >"$dir/built.json" 2>"$dir/built.log" &&
		meaning "$dir/built.json" >"$dir/wanted" && meaning "$dir/feed.json" >"$dir/found" && diff "$dir/wanted" "$dir/found"
}
parts_hash() {
	(cd "$1/parts" && sha256sum -- *)
}

echo '{"Node":{"VpcCidrs":["10.0.0.0/16"]}}' >"$dir/settings.json"
mkdir "$dir/answers"
cp selftests/fleet/answers/*.json "$dir/answers"
rm "$dir/answers/describe-security-group-rules.json"
put_members 100
groups=$dir/answers/describe-security-groups.json

# --- from an answer to a node -----------------------------------------------------------------

publisher "$dir"
publisher=$PID
check "answers become parts" wait_for publisher_state "$dir" '.PublishedAt and .Parts == 5 and (.Held | not)'
follower feed "$dir/parts"
check "parts become the feed that build makes" wait_for follows
check "the daemon takes it, without a warning or a hint" "${fleet%/*}/branchguard" check --strict "$dir/feed.json"
[ "$(id -u)" -ne 0 ] || check "without a capability" grep -q $'^CapEff:\t0000000000000000$' "/proc/$publisher/status"
OUTPUT=$("$fleet" publish --to "$dir/parts" "$dir/answers" 2>&1)
[ $? -eq 1 ] && [[ $OUTPUT == *"another process writes parts there"* ]]
result $? "a second publisher does not write there"
OUTPUT=$("$fleet" build --parts "$dir/parts" "$dir/answers" 2>&1)
[ $? -eq 1 ]
result $? "nor does build"

# A rule: from the rename of EC2's answer to the node's feed, when nothing was written just before.
sleep 1
feed_has() {
	grep -q "\"ToPort\":$1[,}]" "$dir/feed.json"
}
(cd "$dir/parts" && stat -c '%i %n' -- *) >"$dir/before"
replace "$groups" "(.SecurityGroups[] | select(.GroupId == \"$group\").IpPermissions[0]) |= (.FromPort = 8000 | .ToPort = 8000)"
since=${EPOCHREALTIME/[.,]/}
until feed_has 8000 || [ $((${EPOCHREALTIME/[.,]/} - since)) -gt $((EVENT_S * 1000000)) ]; do sleep 0.005; done
echo "# a rule's edit is in the node's feed after $(((${EPOCHREALTIME/[.,]/} - since) / 1000)) ms"
check "a rule that is edited arrives on the node" wait_for follows
(cd "$dir/parts" && stat -c '%i %n' -- *) >"$dir/after"
check "one part was written for that" test "$(diff "$dir/before" "$dir/after" | grep '^>' | cut -d ' ' -f 3-)" = "groupfeed-$group.json"

# A member: a small change beside the shards.
put_members 101
check "one more member arrives" wait_for follows
check "in the ring" grep -q '"sequence":1}' "$dir/parts/memberchanges-1.json"

# A storm: what is written together is read together.
sweeps=$(jq .Sweeps "$dir/state") from=$SECONDS
for i in $(seq 9001 9100); do
	sed -i "s/\"ToPort\":[0-9]*/\"ToPort\":$i/; s/\"FromPort\":[0-9]*/\"FromPort\":1/" "$groups"
done
check "the last of a hundred edits arrives" wait_for follows
check "by a few sweeps" eval '[ $(($(jq .Sweeps "$dir/state") - sweeps)) -le $((SECONDS - from + 4)) ]'
echo "# 100 edits: $(($(jq .Sweeps "$dir/state") - sweeps)) sweeps in $((SECONDS - from)) s"

# An object that is broken.
odd() {
	jq -nc '{apiVersion: "v1", kind: "List", items: ([range($n) | {apiVersion: "v1", kind: "ConfigMap", metadata: {name: "c\(.)"}}] +
		[{apiVersion: "v1", kind: "Pod", metadata: {name: "odd", namespace: "shop"}}])}' --argjson n "$1" >"$dir/answers/odd.json.tmp"
	mv "$dir/answers/odd.json.tmp" "$dir/answers/odd.json"
}
odd 0
check "a broken object is told" wait_for grep -q 'odd in the answers.*Pod shop/odd: spec is missing; left out' "$dir/log"
odd 3
put_members 102
check "the rest goes on" wait_for follows
check "it is told once, wherever it stands" test "$(grep -c 'shop/odd' "$dir/log")" -eq 1
check "and counted" wait_for publisher_state "$dir" '.Reports == 1'

# What others do to the parts.
rm "$dir/parts/groupfeed-$group.json"
check "a part that somebody removes comes back" wait_for test -s "$dir/parts/groupfeed-$group.json"
printf x >>"$dir/parts/groupfeed-$group.json"
kill -HUP $publisher
check "SIGHUP: all is looked at" wait_for grep -q "it is written anew.*groupfeed-$group" "$dir/log"
mv "$dir/parts" "$dir/parts.old"
check "another directory in its place is filled" wait_for test -s "$dir/parts/nodefeed-$node.json"
check "and followed" wait_for follows
check "the publisher is the same" kill -0 $publisher

# --- killed while it writes ---------------------------------------------------------------------

put_members 103
check "a change is in the new ring" wait_for test -s "$dir/parts/memberchanges-1.json"
wait_for follows || bail "the follower does not follow"
# what cannot be removed stands in the way of the second kind that is written
mkdir -p "$dir/parts/.groupfeed-$members.json.new/x"
cp "$dir/feed.json" "$dir/good.json"
shard=$(sha256sum <"$dir/parts/groupmembers-$members-0.json")
put_members 400
shard_is_new() {
	[ "$(sha256sum <"$dir/parts/groupmembers-$members-0.json")" != "$shard" ]
}
check "in the middle of writing shards are new" wait_for shard_is_new
check "that it cannot go on is told" wait_for publisher_state "$dir" '.Held and (.Reason | contains("groupfeed-'$members'.json.new: writing:"))'
kill -9 $publisher
wait $publisher 2>/dev/null
check "killed then, the follower sees that they do not fit" wait_for jq -e .Stale "$dir/feed.state"
check "and keeps the last whole feed" cmp "$dir/good.json" "$dir/feed.json"
rmdir "$dir/parts/.groupfeed-$members.json.new/x" "$dir/parts/.groupfeed-$members.json.new"
publisher "$dir"
publisher=$PID
check "the next one goes on" wait_for follows
check "and all is well again" wait_for jq -e '.Stale | not' "$dir/feed.state"
check "at every node" "${fleet%/*}/branchguard" check --strict "$dir/feed.json"
touch -d @1 "$dir/parts"/*.json
term $publisher
check "SIGTERM ends it within a second" test "$ENDED" = 0
publisher "$dir"
publisher=$PID
check "after a restart all is there" wait_for grep -q 'parts published.*written=0 bytes=0 removed=0' "$dir/log"
check "and nothing was touched" test -z "$(find "$dir/parts" -name '*.json' -newermt @2)"
put_members 401
check "the ring goes on" wait_for test -s "$dir/parts/memberchanges-2.json"
check "with what it had" grep -q '"sequence":1}' "$dir/parts/memberchanges-1.json"
check "and arrives" wait_for follows
term $publisher
check "it ends" test "$ENDED" = 0

# --- what is held ----------------------------------------------------------------------------------

OUTPUT=$("$fleet" publish --once --to "$dir/parts" --settings "$dir/settings.json" "$dir/answers" 2>&1)
result $? "once is enough, if one wants"
ec2=describe-network-interfaces.json
declare -A harm=(
	["an answer that is cut"]="head -c 900 $ec2 >x && cat x >$ec2"
	["an empty one"]=": >$ec2"
	["the last page missing"]="replace $ec2 '.NextToken = \"t\"'; replace members.json '.NextToken = \"u\"'"
	["no interfaces"]="rm $ec2 members.json"
	["no directory"]="mv ../answers ../away"
	["a pipe"]="rm $ec2 && mkfifo $ec2"
	["members gone"]="member_list 20 >members.json"
	["the nodes' pods gone"]="jq -nc '{NetworkInterfaces: []}' >members.json"
	["an old answer"]="touch -d '-2 hours' $ec2"
	["a feed among them"]="cp '$dir/feed.json' ."
	["deep brackets"]="head -c 1000000 /dev/zero | tr '\\0' '[' >deep.json"
)
declare -A says=(
	["an answer that is cut"]=$ec2
	["an empty one"]="empty, expected what"
	["the last page missing"]="the last page of \`aws ec2 describe-network-interfaces\` is missing"
	["no interfaces"]="no file has what \`aws ec2 describe-network-interfaces\` prints"
	["no directory"]="answers: looking for it: No such file"
	["a pipe"]=$ec2
	["members gone"]="members of groups would be gone at once"
	["the nodes' pods gone"]="members of groups would be gone at once"
	["an old answer"]="$ec2 was written more than 3600 s ago"
	["a feed among them"]="found a feed (FeedVersion)"
	["deep brackets"]="deep.json:1:"
)
number=0
declare -A at=() run=()
touch "$dir/answers"/*
for name in "${!harm[@]}"; do
	at[$name]=$dir/case$((number += 1))
	mkdir "${at[$name]}" && cp -a "$dir/parts" "$dir/answers" "${at[$name]}"
	cp -a "$dir/answers" "${at[$name]}/good"
	(cd "${at[$name]}/answers" && eval "${harm[$name]}") || bail "$name"
	publisher "${at[$name]}" --max-age 3600
	run[$name]=$PID
done
for name in "${!harm[@]}"; do
	check "$name: is told" wait_for publisher_state "${at[$name]}" .Held
	OUTPUT=$(jq -r .Reason "${at[$name]}/state")
	[[ $OUTPUT == *"${says[$name]}"* ]]
	result $? "$name: why"
	echo "# $name: $(jq -r .Reason "${at[$name]}/state" | sed "s|$dir/||g" | cut -c -150)"
	check "$name: the parts stay" test "$(parts_hash "${at[$name]}")" = "$(parts_hash "$dir")"
done
for name in "${!harm[@]}"; do
	rm -rf "${at[$name]}/answers" && mv "${at[$name]}/good" "${at[$name]}/answers"
done
for name in "${!harm[@]}"; do
	check "$name: mended by itself" wait_for publisher_state "${at[$name]}" '(.Held | not) and .PublishedAt'
	check "$name: was told once" test "$(grep -c 'nothing is published' "${at[$name]}/log")" -eq 1
	check "$name: nothing was written" publisher_state "${at[$name]}" '.PartsWritten == 0 and .PartsRemoved == 0'
done
member_list 20 >"${at["a pipe"]}/answers/members.json"
term "${run["a pipe"]}"
OUTPUT=$("$fleet" publish --once --to "${at["a pipe"]}/parts" --settings "$dir/settings.json" "${at["a pipe"]}/answers" 2>&1)
[ $? -eq 1 ] && [[ $OUTPUT == *"members of groups would be gone"* ]]
result $? "once, what is held is a failure"
OUTPUT=$("$fleet" publish --once --max-shrink 100 --to "${at["a pipe"]}/parts" --settings "$dir/settings.json" "${at["a pipe"]}/answers" 2>&1)
result $? "unless all may go"

# --- what it is not given ---------------------------------------------------------------------------

for arguments in "publish $dir/answers" "publish --to $dir/x" "publish --to $dir/x -" "publish --to k8s: $dir/answers"; do
	# shellcheck disable=SC2086 # words
	OUTPUT=$("$fleet" $arguments 2>&1)
	[ $? -eq 2 ]
	result $? "wrong usage: ${arguments//$dir\//}"
done
finish
