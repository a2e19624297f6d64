#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet build` as a person and a script meet it: on what a real API server and
# `aws ec2` have printed (selftests/fleet/answers), against the feed that it must be, as parts in
# a directory, and on a large cluster, in time. Needs no network and no kernel.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BG_BUILD:-build}
fleet=$build/branchguard-fleet
answers=selftests/fleet/answers
node=ip-10-0-1-10.us-west-2.compute.internal
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

# expect NAME STATUS COMMAND...: keeps stdout in $dir/out, stderr in $dir/err.
expect() {
	local name=$1 wanted=$2 status=0
	shift 2
	"$@" >"$dir/out" 2>"$dir/err" || status=$?
	OUTPUT="exit $status, expected $wanted"$'\n'$(head -c 4000 "$dir/out")$'\n'$(cat "$dir/err")
	[ "$status" -eq "$wanted" ]
	result $? "$name"
}

# says NAME FILE TEXT: the last command printed that.
says() {
	OUTPUT="no \"$3\" in std$2:"$'\n'$(head -c 4000 "$dir/$2")
	grep -qF -- "$3" "$dir/$2"
	result $? "$1"
}

silent() {
	OUTPUT=$(cat "$dir/$2")
	[ ! -s "$dir/$2" ]
	result $? "$1"
}

same() {
	OUTPUT=$(diff "$2" "$3")
	[ -z "$OUTPUT" ]
	result $? "$1"
}

# --- what real answers become ------------------------------------------------------

expect "the feed of a node from a directory" 0 "$fleet" build --node "$node" "$answers"
silent "nothing is odd with it" err
same "it is the feed that it must be" selftests/fleet/feed.json "$dir/out"
cp "$dir/out" "$dir/feed.json"
expect "the daemon takes it, without a warning or a hint" 0 \
	"$build/branchguard" check --strict "$dir/feed.json"
expect "from files in another order" 0 "$fleet" build --strict -n "$node" \
	"$answers"/pl-*.json "$answers"/kubectl-get-nodes.json "$answers"/describe-*.json "$answers"/kubectl-get.json
same "it is the same" "$dir/feed.json" "$dir/out"
cat "$answers"/[dk]*.json >"$dir/all"
expect "from stdin, one answer after the other" 0 \
	"$fleet" build --node "$node" - "$answers"/pl-*.json <"$dir/all"
same "it is the same" "$dir/feed.json" "$dir/out"

expect "why the pod has its groups" 0 "$fleet" build --explain shop/cart-0 "$answers"
says "by EC2" out "groups    sg-bf71d5d8f5c61035a, which EC2 says its interface has"
says "by its policy" out "policy    shop/cart: selects it: sg-bf71d5d8f5c61035a"
says "and its probes" out "probe     tcp 8080, container app: readinessProbe httpGet"
expect "by its name alone" 0 "$fleet" build --explain cart-0 "$answers"

# --- what is odd ---------------------------------------------------------------------

mkdir "$dir/drift"
cp "$answers"/*.json "$dir/drift"
sed -i 's/sg-bf71d5d8f5c61035a/sg-f66eabe10cc7b761f/' "$dir/drift/kubectl-get.json"
expect "an interface with other groups than the policies want" 0 "$fleet" build --node "$node" "$dir/drift"
says "is told" err "branchguard-fleet build: Pod shop/cart-0: eni-369521aa8139a1df3 has the groups \
sg-bf71d5d8f5c61035a, its policies want sg-f66eabe10cc7b761f"
same "and changes nothing" "$dir/feed.json" "$dir/out"
expect "unless nothing may be odd" 1 "$fleet" build --strict --node "$node" "$dir/drift"
silent "then there is no feed" out
says "and that is said" err "no feed, since there is something to report (--strict)"

printf '{"items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"\\u202ex","namespace":"a\\u009b"}}]}' \
	>"$dir/drift/odd.json"
expect "text that would drive a terminal" 0 "$fleet" build --node "$node" "$dir/drift"
says "does not get there" err "Pod a?/?x: spec is missing; left out"

# --- what makes no feed ----------------------------------------------------------------

expect "a file that is cut" 1 "$fleet" build --node "$node" "$answers" - <<<'{"items":['
says "is named with its place" err "branchguard-fleet build: stdin:2:1: premature EOF"
silent "there is no feed" out
expect "a file that is not there" 1 "$fleet" build --node "$node" "$answers" "$dir/none.json"
says "is named" err "$dir/none.json: looking for it: No such file or directory"
mkdir "$dir/empty"
expect "nor a directory without files" 1 "$fleet" build --node "$node" "$dir/empty"
says "which is said" err "$dir/empty: found no file that ends in .json"
expect "a node that there is not" 1 "$fleet" build --node nobody "$answers"
says "with one that there is" err "nobody: the files have no such node; one that they have is $node"
expect "a pod that there is not" 1 "$fleet" build --explain shop/none "$answers"
says "which is said" err "pod 'shop/none': the files have no such pod"
expect "no node" 2 "$fleet" build "$answers"
expect "no file" 2 "$fleet" build --node "$node"
expect "a node and a pod" 2 "$fleet" build --node "$node" --explain shop/cart-0 "$answers"
expect "no verb" 2 "$fleet"
expect "a verb that there is not" 2 "$fleet" distribute
says "which is said" err "unknown verb 'distribute'"
# a disk that is full is no success
expect "what cannot be written" 1 bash -c "\"$fleet\" build --node $node $answers >/dev/full"

# --- parts ---------------------------------------------------------------------------------

parts=$dir/parts
# meaning FILE: of a feed, whatever its revision and the order of keys.
meaning() { jq -S 'del(.Revision) | if .SecurityGroupRules then .SecurityGroupRules |= sort else . end' "$1"; }
# written TEXT: what the last command said of the parts.
written() { says "$1" out "$parts: $2"; }

expect "parts of all feeds" 0 "$fleet" build --parts "$parts" "$answers"
silent "nothing is odd with them" err
written "five" "5 parts, 5 written"
expect "put together" 0 "$fleet" follow "$parts" --node "$node"
cp "$dir/out" "$dir/followed.json"
same "they are the feed" <(meaning selftests/fleet/feed.json) <(meaning "$dir/followed.json")
expect "the daemon takes it, without a warning or a hint" 0 "$build/branchguard" check --strict "$dir/followed.json"
touch -d @1 "$parts"/*
echo theirs >"$parts/notes.txt"
expect "the same once more" 0 "$fleet" build --parts "$parts" "$answers"
written "nothing is written" "5 parts, 0 written (0 bytes), 0 removed"
OUTPUT=$(find "$parts" -name '*.json' -newermt @2)
[ -z "$OUTPUT" ]
result $? "nor touched"
# a link, a pipe and a folder in the place of parts; one that was not finished, and one of a node that is gone
echo mine >"$dir/mine"
ln -sf "$dir/mine" "$parts/nodefeed-$node.json"
ln -s "$dir/mine" "$parts/.nodefeed-$node.json.new"
list=$parts/prefixlistfeed-pl-9c5c7a4eb9ec45082.json
rm "$list" && mkfifo "$list"
echo half >"$parts/.groupfeed-sg-1.json.new"
cp "$parts"/groupmembers-*.json "$parts/nodefeed-gone.json"
expect "a pipe in the place of a part" 1 timeout 10 "$fleet" follow "$parts" --node "$node"
says "and a link are no parts" err "nodefeed-$node.json: opening: it is a symbolic link, which is not followed"
expect "what is no part" 0 timeout 10 "$fleet" build --parts "$parts" "$answers"
written "is made anew, and what is gone removed" "5 parts, 2 written (827 bytes), 1 removed"
says "which is said" err "nodefeed-gone.json: /kind: found \"GroupMembers\", expected NodeFeed; written anew"
OUTPUT=$(ls -A "$parts")$'\n'$(cat "$dir/mine")
[ "$OUTPUT" = "$(printf '%s\n' "$dir/parts"/{groupfeed-sg-a293fb5fcd2beecca,groupfeed-sg-bf71d5d8f5c61035a,groupmembers-sg-a293fb5fcd2beecca-0,"nodefeed-$node",notes,prefixlistfeed-pl-9c5c7a4eb9ec45082}.json |
	sed 's|.*/||; s/notes.json/notes.txt/' | LC_ALL=C sort)"$'\nmine' ]
result $? "other files stay, and no link was written through"
expect "the feed is as it was" 0 "$fleet" follow "$parts" --node "$node"
same "to the byte" "$dir/followed.json" "$dir/out"
exec 7<"$parts"
flock 7
expect "while another one writes" 1 "$fleet" build --parts "$parts" "$answers"
says "nothing is written" err "$parts: another process writes parts there"
exec 7<&-
expect "a node and parts" 2 "$fleet" build --parts "$parts" --node "$node" "$answers"
expect "a node that has no part" 1 "$fleet" follow "$parts" --node nobody
says "is named" err "nodefeed-nobody.json: opening: No such file or directory"
expect "a source that this program does not know" 2 "$fleet" follow ftp://parts.example/ --node nobody
says "is named" err "ftp://parts.example/: ftp: is no source that this program knows"

# --- nothing that it does not need -------------------------------------------------------

OUTPUT=$(ldd "$fleet")
! grep -qE 'libelf|libbpf|libmnl' <<<"$OUTPUT"
result $? "it is linked with nothing that loads programs"
OUTPUT=$(ldd "$build/branchguard")
! grep -q libcurl <<<"$OUTPUT"
result $? "and what loads some with nothing that asks a network"

# --- 10,000 pods --------------------------------------------------------------------------

# 200 nodes with 50 pods each, as kubectl and aws print them: 50 MB. (One pod by jq, with the
# places of what differs, and all of them by awk, which is quicker.)
pod=$(jq -nc '{apiVersion: "v1", kind: "Pod", metadata: {
		name: "pod-@i", namespace: "ns-@s", resourceVersion: "1@i", uid: "u-@i",
		labels: {app: "app-@i", "pod-template-hash": "x", tier: "t@t"},
		annotations: {
			"vpc.amazonaws.com/pod-eni": ([{eniId: "eni-@i", ifAddress: "02:00:00:00:00:01", privateIp: "10.64.@a.@b",
				ipv6Addr: "", vlanId: 4000, subnetCidr: "10.64.0.0/12"}] | tojson),
			"example.com/more": ("x" * 1500)}},
	spec: {nodeName: "node-@n", serviceAccountName: "sa-@t", containers: [range(3) | {
		name: "c\(.)", image: "registry.example/app:1", env: [range(15) | {name: "VARIABLE_\(.)", value: "value of it"}],
		ports: [{name: "http", containerPort: (8080 + .)}], readinessProbe: {httpGet: {path: "/", port: "http"}},
		resources: {limits: {cpu: "1", memory: "1Gi"}, requests: {cpu: "1", memory: "1Gi"}},
		volumeMounts: [range(4) | {name: "v\(.)", mountPath: "/v/\(.)"}]}]},
	status: {phase: "Running", podIPs: [{ip: "10.64.@a.@b"}]}}')
jq -nc '{apiVersion: "v1", kind: "List", items: [
		(range(200) | {apiVersion: "v1", kind: "Node", metadata: {name: "node-\(.)"},
			status: {addresses: [{type: "InternalIP", address: "10.0.\(. / 256 | floor).\(. % 256)"}]}}),
		(range(40) as $n | range(20) | {apiVersion: "v1", kind: "ServiceAccount",
			metadata: {name: "sa-\(.)", namespace: "ns-\($n)", labels: {tier: "t\(. % 3)"}}}),
		(range(40) as $n | range(10) | {apiVersion: "vpcresources.k8s.aws/v1beta1", kind: "SecurityGroupPolicy",
			metadata: {name: "p-\(.)", namespace: "ns-\($n)"},
			spec: {podSelector: {matchExpressions: [{key: "tier", operator: "In", values: ["t\(. % 3)"]}]},
				securityGroups: {groupIds: ["sg-\(.)"]}}})]}' >"$dir/pods.json"
POD=${pod//4000/@k} awk 'BEGIN {
	count = split(ENVIRON["POD"], part, "@")
	printf "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":["
	for (i = 0; i < 10000; i++) {
		value["i"] = i; value["s"] = i % 40; value["t"] = i % 3; value["n"] = int(i / 50); value["k"] = i % 50 + 1
		value["a"] = int(i / 256); value["b"] = i % 256
		printf "%s%s", i ? "," : "", part[1]
		for (p = 2; p <= count; p++) printf "%s%s", value[substr(part[p], 1, 1)], substr(part[p], 2)
	}
	print "]}"
}' >>"$dir/pods.json"
jq -nc '{SecurityGroups: [range(10) as $g | {GroupId: "sg-\($g)", GroupName: "g", IpPermissionsEgress: [],
		IpPermissions: [{IpProtocol: "tcp", FromPort: 80, ToPort: 80, IpRanges: [], Ipv6Ranges: [], PrefixListIds: [],
			UserIdGroupPairs: [{GroupId: "sg-\(($g + 1) % 10)", UserId: "1"}]}]}]},
	{NetworkInterfaces: [range(10000) | {NetworkInterfaceId: "eni-\(.)", Description: "aws-k8s-branch-eni",
		Groups: [range(. % 3; 10; 3) | {GroupId: "sg-\(.)", GroupName: "g"}],
		PrivateIpAddress: "10.64.\(. / 256 | floor).\(. % 256)",
		PrivateIpAddresses: [{Primary: true, PrivateIpAddress: "10.64.\(. / 256 | floor).\(. % 256)"}]}]}' >"$dir/ec2.json"
size=$(($(stat -c %s "$dir/pods.json") / 1000000))
best=
TIMEFORMAT='%U %S'
for _ in 1 2 3; do
	used=$( { time "$fleet" build --node node-7 "$dir/pods.json" "$dir/ec2.json" >"$dir/out" 2>"$dir/err"; } 2>&1)
	ms=$(awk '{ printf "%d", ($1 + $2) * 1000 }' <<<"$used")
	[ -n "$best" ] && [ "$best" -le "$ms" ] || best=$ms
done
jq -e . "$dir/out" >"$dir/whole"
status=$?
echo "# 10,000 pods, $size MB: $best ms of CPU time"
OUTPUT="exit $status"$'\n'$(head -5 "$dir/err")
[ "$status" -eq 0 ] && [ ! -s "$dir/err" ]
result $? "a feed out of 10,000 pods, without anything odd"
OUTPUT=$(jq -c '[(.Branches | length), (.NetworkInterfaces | length),
	([.NetworkInterfaces[].PrivateIpAddresses[].PrivateIpAddress] | unique | length)]' "$dir/out")
[ "$OUTPUT" = "[50,10,9950]" ]
result $? "it has 50 branches, and all others are members"
# (a quarter of a second here; a machine may be slower, and its caches somebody else's)
OUTPUT="$best ms of CPU time"
[ "$best" -lt 2000 ]
result $? "in less than two seconds of CPU time"

# All of it as parts, and a pod that is gone.
used=$( { time "$fleet" build --parts "$dir/many" "$dir/pods.json" "$dir/ec2.json" >"$dir/parts-out" 2>"$dir/err"; } 2>&1)
cat "$dir/parts-out" "$dir/err" | sed "s|^|# $used: |"
OUTPUT=$(cat "$dir/parts-out" "$dir/err")
grep -q ' 0 removed' <<<"$OUTPUT" && [ ! -s "$dir/err" ]
result $? "parts of 200 nodes and 10,000 pods"
"$fleet" follow "$dir/many" --node node-7 >"$dir/followed"
same "one of them means the feed" <(meaning "$dir/out") <(meaning "$dir/followed")
sed 's/"nodeName":"node-7"/"nodeName":"node-8"/' "$dir/pods.json" >"$dir/moved.json" && rm "$dir/pods.json"
expect "pods elsewhere" 0 "$fleet" build --parts "$dir/many" "$dir/moved.json" "$dir/ec2.json"
says "are the parts of two nodes" out " 2 written"
jq -c 'if .NetworkInterfaces then .NetworkInterfaces |= .[:5000] else . end' "$dir/ec2.json" >"$dir/half.json"
sed -i 's/"phase":"Running"/"phase":"Failed"/g' "$dir/moved.json"
expect "half of all members gone, and all branches" 1 "$fleet" build --parts "$dir/many" "$dir/moved.json" "$dir/half.json"
says "is held" err "held: 10000 of 10000 branches would be gone at once, more than 20 %: nothing was written"

finish
