#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet follow` as a node has it: without capabilities it keeps the feed what the
# parts of a directory make of it, and a daemon enforces that. Whatever stands in the place of
# parts, the feed stays.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
dir=$LAB_DIR node=node
PARTS=$dir/parts

# answers MEMBER...: a cluster with the lab's pods, where cart may reach the members of sg-db on
# port 5432, as kubectl and aws print it; and its parts.
answers() {
	lab_feed | jq -c --args '
		{apiVersion: "v1", kind: "List", items: ([{apiVersion: "v1", kind: "Node", metadata: {name: "node"}}] +
			[.Branches[] | . as $branch | {apiVersion: "v1", kind: "Pod", metadata: {namespace: "shop", name: .Pods[0].Name,
				annotations: {"vpc.amazonaws.com/pod-eni": ([{eniId: .Id, vlanId: .VlanId, privateIp: .Pods[0].Addresses[0]}] | tojson)}},
				spec: {nodeName: "node"}, status: {phase: "Running"}}] +
			[.Branches[] | {apiVersion: "vpcresources.k8s.aws/v1beta1", kind: "SecurityGroupPolicy",
				metadata: {namespace: "shop", name: .Id}, spec: {podSelector: {}, securityGroups: {groupIds: .GroupIds}}}])},
		{SecurityGroups: ([{GroupId: "sg-db"}] + [.SecurityGroups[] | .IpPermissionsEgress = [
			{IpProtocol: "tcp", FromPort: 5432, ToPort: 5432, UserIdGroupPairs: [{GroupId: "sg-db"}],
			 PrefixListIds: [{PrefixListId: "pl-1"}]}]])},
		{PrefixLists: [{PrefixListId: "pl-1", Entries: [{Cidr: "192.0.2.0/24"}]}]},
		{NetworkInterfaces: ([.Branches[] | {NetworkInterfaceId: .Id, Groups: [{GroupId: .GroupIds[0]}]}] +
			[{NetworkInterfaceId: "eni-db", Groups: [{GroupId: "sg-db"}],
			  PrivateIpAddresses: [$ARGS.positional[] | {PrivateIpAddress: .}]}])}' "$@" >"$LAB_DIR/answers.json"
	lab_feed | jq -c '{Node: (.Node | del(.Name))}' >"$LAB_DIR/settings.json"
	"$fleet" build --parts "$PARTS" --settings "$LAB_DIR/settings.json" "$LAB_DIR/answers.json" 2>"$LAB_DIR/build.log" ||
		bail "no parts: $(cat "$LAB_DIR/build.log")"
}

# in_force: the daemon enforces what the parts make.
in_force() {
	local revision
	revision=$(once "$PARTS" | head -c 45 | cut -d '"' -f 6)
	[ -n "$revision" ] && bg_says "\"revision in force\".* feed_revision=\"$revision\""
}

lab_up || bail "no lab"
serve db

# --- a node ---------------------------------------------------------------------------------

follower feed "$PARTS"
check "before there are parts, that is said" wait_for state feed \
	'.Stale and .Revision == null and (.Reason | contains("opening the directory: No such file"))'
answers 10.0.9.9
check "parts become a feed" wait_for test -s "$FEED"
check "without a capability" grep -q $'^CapEff:\t0000000000000000$' "/proc/$FOLLOWER/status"
bg_spawn
check "which the daemon enforces" wait_for in_force
wait_for bg_says '"ready"' || bail "the daemon is not ready"
check "who is no member is not reached" silent tcp cart "$LAB_DB4" 5432
answers 10.0.9.9 "$LAB_DB4"
check "one more member, in the ring, comes in force" wait_for in_force
check "and is reached" tcp cart "$LAB_DB4" 5432
check "that was one small part" grep -l "\"add\":\\[\"$LAB_DB4\"\\]" "$PARTS/memberchanges-1.json"
check "the state says what is there" state feed \
	'(.Stale | not) and (.Revision | length == 16) and .Node == "node" and (.Since | endswith("Z"))'

cp -a "$PARTS" "$LAB_DIR/good" && cp -a "$FEED" "$LAB_DIR/good.json"
before=$(stat -c %i "$FEED")
rm "$PARTS"/groupmembers-*
check "without a shard it is stale, since when and why" wait_for state feed \
	'.Stale and (.StaleSince | endswith("Z")) and (.Reason | contains("groupmembers-sg-db-0.json"))'
check "the log says so once" test "$(grep -c 'the parts make no feed: what there is stays.*groupmembers-sg-db-0' "$LAB_DIR/feed.log")" -eq 1
check "the feed stays" test "$(stat -c %i "$FEED")" = "$before"
kill -9 $FOLLOWER
wait $FOLLOWER 2>/dev/null
follower feed "$PARTS"
check "after a restart, too" wait_for grep -q "parts are followed.*revision=\"$(jq -r .Revision "$FEED")\"" "$LAB_DIR/feed.log"
check "and it is stale again" wait_for state feed '.Stale and .Revision != null'
check "the feed is still there" test "$(stat -c %i "$FEED")" = "$before"
cp "$LAB_DIR/good"/groupmembers-* "$PARTS"
check "whole again" wait_for state feed '.Stale | not'
check "with the same feed, which is not written again" test "$(stat -c %i "$FEED")" = "$before"
echo '{}' >"$FEED"
check "what somebody else writes there does not stay" wait_for cmp "$FEED" "$LAB_DIR/good.json"
mv "$PARTS" "$PARTS.old" && cp -a "$LAB_DIR/good" "$PARTS" && ln -sfn "$LAB_DIR/good.json" "$FEED"
from_here_on
answers 10.0.9.9
check "another directory in its place is followed" wait_for in_force
check "and a link in the place of the feed is not written through" cmp "$FEED" <(once "$PARTS")
check "which is what it was" test ! -L "$FEED" -a -s "$LAB_DIR/good.json"
check "who is no member any more is not reached" silent tcp cart "$LAB_DB4" 5432
term "$FOLLOWER"
check "SIGTERM ends it within a second" test "$ENDED" = 0
check "the feed stays" test -s "$FEED"
check "what it prints is the same" cmp "$FEED" <(once "$PARTS")

# as nobody, whose the directory is
install -d -o nobody "$LAB_DIR/nobody"
chmod 755 "$LAB_DIR"
UNPRIVILEGED+=(--reuid=nobody --clear-groups)
follower nobody/feed "$PARTS"
check "a user without any right does it, too" wait_for cmp "$FEED" "$LAB_DIR/nobody/feed.json"
term "$FOLLOWER"
check "and ends" test "$ENDED" = 0
UNPRIVILEGED=("${UNPRIVILEGED[@]:0:4}")

# --- what stands in the place of parts ---------------------------------------------------------

# seal KIND NAME SPEC: a part with the hash that it should have.
seal() {
	local hash
	hash=$(jq -cjS . <<<"$3" | sha256sum)
	jq -cS --arg kind "$1" --arg name "$2" --arg hash "${hash:0:16}" '{apiVersion: "branchguard.dev/v1alpha1", kind: $kind,
		metadata: {name: $name}, spec: (. + {hash: $hash})}' <<<"$3"
}
# spec FILE FILTER: of a part, changed.
spec() {
	jq -c ".spec | del(.hash) | $2" "$1"
}

node_part=nodefeed-node.json group=groupfeed-sg-cart.json shard=groupmembers-sg-db-0.json
declare -A harm=(
	["a wrong hash"]="sed -i s/5432/5433/ $group"
	["a part that is cut"]="head -c 100 '$LAB_DIR/good/$group' >$group"
	["nothing in it"]=": >$node_part"
	["a huge one"]="truncate -s 4M $shard"
	["a link"]="mv $group ../theirs.json && ln -s ../theirs.json $group"
	["a pipe"]="rm $group && mkfifo $group"
	["a folder"]="rm $group && mkdir $group"
	["another kind"]="sed -i 's/\"GroupFeed\"/\"NodeFeed\"/' $group"
	["another group's"]="cp groupfeed-sg-web.json $group"
	["another node's"]="seal NodeFeed node \"\$(spec $node_part '.id = \"n2\"')\" >x && mv x $node_part"
	["one for another node"]="seal NodeFeed node \"\$(spec $node_part '.feed.Node.Name = \"n2\"')\" >x && mv x $node_part"
	["what the daemon would refuse"]="seal NodeFeed node \"\$(spec $node_part '.feed.Branches[0].VlanId = 5000')\" >x && mv x $node_part"
	["a shard of another time"]="seal GroupMembers sg-db-0 \"\$(spec $shard '.addresses = []')\" >x && mv x $shard"
	["a gap in the ring"]="seal MemberChanges 9 '{\"changes\":[],\"sequence\":9}' >memberchanges-9.json"
	["a change that does not fit"]="seal MemberChanges 1 \"\$(spec memberchanges-1.json '.changes[0].add = [\"10.0.9.9\"]')\" >x && mv x memberchanges-1.json"
	["deep brackets"]="head -c 1000000 /dev/zero | tr '\\0' '[' >$group"
	["nobody there"]="rm $node_part"
	["no directory"]="rm -r ../parts"
)
# All at once: each waits for a second before it says that something is wrong.
number=0
declare -A at=()
for name in "${!harm[@]}"; do
	at[$name]=case$((number += 1))
	there=$dir/${at[$name]}
	mkdir "$there" && cp -a "$LAB_DIR/good" "$there/parts" && cp -a "$LAB_DIR/good.json" "$there/feed.json"
	(cd "$there/parts" && eval "${harm[$name]}") || bail "$name"
	follower "${at[$name]}/feed" "$there/parts"
	at[$name]+=" $FOLLOWER $(stat -c %i "$there/feed.json")"
done
untouched() {
	[ "$(stat -c %i "$dir/$1/feed.json")" = "$2" ] && cmp "$dir/$1/feed.json" "$LAB_DIR/good.json"
}
for name in "${!harm[@]}"; do
	read -r case pid inode <<<"${at[$name]}"
	check "$name: is told" wait_for state "$case/feed" .Stale
	echo "# $name: $(jq -r .Reason "$dir/$case/feed.state" | cut -c -150)"
	check "$name: and the feed stays" untouched "$case" "$inode"
	rm -rf "$dir/$case/parts" && cp -a "$LAB_DIR/good" "$dir/$case/parts"
done
for name in "${!harm[@]}"; do
	read -r case pid inode <<<"${at[$name]}"
	check "$name: mended by itself" wait_for state "$case/feed" '.Stale | not'
	check "$name: with the same feed" untouched "$case" "$inode"
	kill "$pid"
done

# What it does not know, it leaves.
cd "$LAB_DIR/good" || exit 1
seal OtherFeed x '{"id":"x"}' >otherfeed-x.json
mkfifo pipe.json groupfeed-pipe.json
seal NodeFeed node "$(spec $node_part '.later = {than: "this"}')" >x && mv x $node_part
cd - >/dev/null || exit 1
check "kinds, files and keys that it does not know change nothing" \
	cmp "$LAB_DIR/good.json" <(timeout 20 "$fleet" follow "$LAB_DIR/good" --node node)
finish
