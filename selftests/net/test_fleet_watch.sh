#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet publish k8s:` with an API server that is played (fleet/api_server.py): pods and policies become
# parts, the same to the byte as from what kubectl prints of them; what changes is on the node soon after. On the
# server's bad days the parts stay, what is wrong is told, and it mends by itself. Needs no root and no network but lo.
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
answers=selftests/fleet/answers

server_credentials
echo first-token >"$dir/token"

# --- what there is --------------------------------------------------------------------------------

mkdir "$dir/ec2" "$dir/good"
cp "$answers"/describe-*.json "$answers"/pl-*.json "$dir/ec2"
jq -c '.NetworkInterfaces += [.NetworkInterfaces[0] | .NetworkInterfaceId = "eni-new" | .PrivateIpAddress = "10.0.40.99" |
	.PrivateIpAddresses = [{Primary: true, PrivateIpAddress: "10.0.40.99"}]]' \
	"$answers/describe-network-interfaces.json" >"$dir/ec2/describe-network-interfaces.json"
# object FILE: from stdin, into the place that a server looks at.
object() {
	cat >"$1.tmp" && mv "$1.tmp" "$1"
}
for i in $(seq 0 "$(jq -s 'map(.items) | add | length - 1' "$answers"/kubectl-*.json)"); do
	jq -cs "map(.items) | add[$i]" "$answers"/kubectl-*.json | object "$dir/good/$i.json"
done
pod=$(grep -l '"kind":"Pod"' "$dir/good"/*.json)
policy=$(grep -l '"kind":"SecurityGroupPolicy"' "$dir/good"/*.json)
account=$(grep -l '"kind":"ServiceAccount"' "$dir/good"/*.json)
service=$(grep -l '"clusterIP":"None"' "$dir/good"/*.json || grep -l '"kind":"Service"' "$dir/good"/*.json | head -n 1)

# other_pod: with the interface that no pod had.
other_pod() {
	jq -c '.metadata |= (.name = "cart-1" | .annotations["vpc.amazonaws.com/pod-eni"] |=
		(fromjson | .[0] |= (.eniId = "eni-new" | .privateIp = "10.0.40.99" | .vlanId = 2) | tojson)) |
		.metadata.annotations.zero = "a\u0000b"' "$pod"
}
# printed OBJECTS: as kubectl prints them.
printed() {
	jq -cs '{apiVersion: "v1", kind: "List", items: .}' "$1"/*.json
}

# server NAME: one with objects of its own; sets URL.
server() {
	mkdir -p "$dir/$1"
	[ -e "$dir/$1/parts" ] || cp -r "$dir/good" "$dir/$1/parts"
	[ -e "$dir/$1/lacks" ] || echo servicecidrs >"$dir/$1/lacks"
	python3 selftests/fleet/api_server.py "$dir/$1" "$dir/server.crt" "$dir/server.key" "$dir/token" 2>"$dir/$1-server.log" &
	wait_for test -s "$dir/$1/port" || bail "no server"
	URL=k8s:https://127.0.0.1:$(cat "$dir/$1/port")
}
who=(--ca-file "$dir/ca.crt" --token-file "$dir/token")
# publisher NAME [OPTION...]: of the server at URL; PUBLISHER is its process.
publisher() {
	local name=$1
	shift
	"${UNPRIVILEGED[@]}" "$fleet" publish "$URL" "$dir/ec2" "${who[@]}" --watch-seconds 2 --to "$dir/$name.parts" --state "$dir/$name.state" "$@" 2>>"$dir/$name.log" &
	PUBLISHER=$!
}
# same NAME: the parts that are published are those of a file, to the byte.
same() {
	rm -rf "$dir/$1.wanted"
	printed "$dir/$1/parts" >"$dir/$1.json"
	"$fleet" build --parts "$dir/$1.wanted" "$dir/$1.json" "$dir/ec2" >"$dir/build.log" 2>&1
	diff -r "$dir/$1.wanted" "$dir/$1.parts"
}
# follows NAME: a node has the feed that it would have of a file.
follows() {
	printed "$dir/$1/parts" >"$dir/$1.json"
	"$fleet" build --node "$node" "$dir/$1.json" "$dir/ec2" 2>/dev/null | jq -S 'del(.Revision)' >"$dir/$1.wanted.json"
	once "$dir/$1.parts" | jq -S 'del(.Revision)' | diff "$dir/$1.wanted.json" -
}
parts_hash() {
	(cd "$dir/$1.parts" && sha256sum -- *)
}
changes_pod() {
	jq -c '.metadata.annotations["vpc.amazonaws.com/pod-eni"] |= (fromjson | .[0].vlanId = 77 | tojson)' "$pod" |
		object "$dir/$1/parts/${pod##*/}"
}
has_change() {
	once "$dir/$1.parts" | jq -e '.Branches | map(.VlanId) == [77]'
}

# --- servers on bad days: each failure at a server of its own, all at once ---------------------------

declare -A bad=(
	[cut]="the connection"
	[forbidden]="HTTP 403: "
	[broken]="etcdserver: request timed out"
	[garbage]="found no JSON"
	[missing]="HTTP 404: "
	[hang]="hangs"
	[cut-json]="found no JSON"
	[other-kind]="found something else than a"
	[endless]="found a line of more than"
	[no-policies]="HTTP 404, but the server says that it serves that"
)
# only asked for anew
anew=(gone gone-event back)
declare -A before=() lists=()
for mode in "${!bad[@]}" "${anew[@]}"; do
	server "$mode"
	publisher "$mode"
done
mkdir "$dir/later"
echo securitygrouppolicies >"$dir/later/lacks"
server later
publisher later
for mode in "${!bad[@]}" "${anew[@]}"; do
	wait_for state "$mode" '.PublishedAt and (.Held | not)' || bail "$mode: nothing is published"
	before[$mode]=$(parts_hash "$mode")
	lists[$mode]=$(grep -c 'pods?limit=' "$dir/$mode/requests")
	echo "$mode" >"$dir/$mode/mode"
done
relisted() { [ "$(grep -c 'pods?limit=' "$dir/$1/requests")" -gt "${lists[$1]}" ]; }

check "without a kind that is not served" wait_for grep -q 'serves no such kind.*securitygrouppolicies' "$dir/later.log"
check "parts are there all the same" wait_for state later '.PublishedAt and (.Held | not)'
: >"$dir/later/lacks"

# --- a server on a good day ------------------------------------------------------------------------

server api
publisher api --max-shrink 100
check "objects of an API server become parts" wait_for state api '.PublishedAt and .Parts > 3 and (.Held | not)'
check "those that a file of kubectl makes, to the byte" same api
check "a kind that it says it does not serve has no objects" grep -q 'serves no such kind.*path=/apis/networking.k8s.io/v1/servicecidrs' "$dir/api.log"
check "lists come by pages" grep -q '/api/v1/services?limit=.*continue=%2B%2F%3D1' "$dir/api/requests"

since=${EPOCHREALTIME/[.,]/}
other_pod | object "$dir/api/parts/new.json"
has_two() { jq -e '.spec.feed.Branches | length == 2' "$dir/api.parts/nodefeed-$node.json"; }
check "a pod that is created" wait_for has_two
echo "# is in its node's part after $(((${EPOCHREALTIME/[.,]/} - since) / 1000)) ms"
check "as from a file, though an annotation has a zero byte" wait_for follows api
jq -c '.spec.securityGroups.groupIds = ["sg-f66eabe10cc7b761f"]' "$policy" | object "$dir/api/parts/${policy##*/}"
check "a policy that changes is told: groups are not those that it wants" wait_for grep -q 'odd in the answers.*cart-1.*sg-f66eabe10cc7b761f' "$dir/api.log"
jq -c '.spec.serviceAccountSelector.matchLabels.tier = "gold"' "$policy" | object "$dir/api/parts/${policy##*/}"
check "a policy by the account's labels wants nothing" wait_for grep -q 'odd in the answers.*cart-1.*its policies want none:' "$dir/api.log"
jq -c '.metadata.labels.tier = "gold"' "$account" | object "$dir/api/parts/${account##*/}"
check "until the account gets the label" wait_for state api '.Reports == 0'
jq -c '.spec.externalIPs = ["198.51.100.7"]' "$service" | object "$dir/api/parts/${service##*/}"
has_address() { grep -q 198.51.100.7 "$dir/api.parts/nodefeed-$node.json"; }
check "a service's address" wait_for has_address
cp "$policy" "$dir/api/parts"
check "and all of it as from a file" wait_for follows api
rm "$dir/api/parts/new.json"
has_one() { jq -e '.spec.feed.Branches | length == 1' "$dir/api.parts/nodefeed-$node.json"; }
check "a pod that is deleted" wait_for has_one
check "leaves nothing" wait_for follows api
echo second-token >"$dir/token"
changes_pod api
check "another token in the file is taken at once" wait_for has_change api

# From nothing, what has changed so far is the same as from a file.
OUTPUT=$("$fleet" publish --once "$URL" "$dir/ec2" "${who[@]}" --to "$dir/once.parts" 2>&1)
result $? "once is enough, if one wants"
mv "$dir/api.parts" "$dir/api.parts.old" && cp -r "$dir/once.parts" "$dir/api.parts"
check "and makes the same, to the byte" same api
rm -r "$dir/api.parts" && mv "$dir/api.parts.old" "$dir/api.parts"

# --- and the bad ones ----------------------------------------------------------------------------------

for mode in "${!bad[@]}"; do
	check "$mode: it is held, and why" wait_for state "$mode" ".Held and (.Reason | contains(\"${bad[$mode]}\"))"
	echo "# $(jq -r .Reason "$dir/$mode.state" | cut -c -180)"
	changes_pod "$mode"
done
for mode in "${!bad[@]}"; do
	check "$mode: the parts stay" test "$(parts_hash "$mode")" = "${before[$mode]}"
	echo ok >"$dir/$mode/mode"
done
for mode in "${anew[@]}"; do
	check "$mode: there is a new list" wait_for relisted "$mode"
	[ "$mode" = back ] || echo ok >"$dir/$mode/mode"
	changes_pod "$mode"
done
for mode in "${!bad[@]}" "${anew[@]}"; do
	check "$mode: what has changed comes by itself" wait_for has_change "$mode"
	check "$mode: and it is well" wait_for state "$mode" '.Held | not'
done
check "the log says that versions went back" grep -q "the API server has gone back to older versions" "$dir/back.log"

# --- what is held -------------------------------------------------------------------------------------

rm "$dir/gone/parts/${pod##*/}"
check "nodes that lose their pods are no reason to hold" wait_for state gone '.Held | not'
printed "$dir/good" >"$dir/ec2/kubectl.json"
check "what kubectl prints, beside an API server, is held" wait_for state api '.Held and (.Reason | contains("a file has objects of Kubernetes"))'
rm "$dir/ec2/kubectl.json"
check "and well without it" wait_for state api '.Held | not'

has_policies() { grep -q 'securitygrouppolicies?watch=' "$dir/later/requests"; }
check "a kind that is served by now is found" wait_for has_policies
check "and counts" wait_for same later

# Somebody's pods, with annotations of the size that a server takes: more than a page may have.
mkdir "$dir/large"
cp -r "$dir/good" "$dir/large/parts"
for i in $(seq 40); do
	head -c 250000 /dev/zero | tr '\0' x | jq -cR --slurpfile pod "$pod" --arg name "large-$i" '. as $text | $pod[0] |
		.metadata |= (.name = $name | .annotations = {text: $text}) | .spec.nodeName = null' | object "$dir/large/parts/large-$i.json"
done
PAGE=250 server large
publisher large
check "pages that are too large are asked for in smaller pieces" wait_for grep -q 'pods?limit=31&continue=' "$dir/large/requests"
check "and all comes" wait_for state large '.PublishedAt and (.Held | not)'
check "41 pods" grep -q 'said what there is.* pods=41 ' "$dir/large.log"

# --- who is asked --------------------------------------------------------------------------------------

echo wrong >"$dir/wrong"
# publishes_not STATUS NAME TEXT ARGUMENT...
publishes_not() {
	local wanted=$1 name=$2 text=$3 status=0
	shift 3
	OUTPUT=$(timeout 60 "$fleet" publish --to "$dir/none" "$@" 2>&1) || status=$?
	[ $status -eq "$wanted" ] && grep -qF -- "$text" <<<"$OUTPUT"
	result $? "$name"
}
publishes_not 2 "two API servers" "expected one API server" "$URL" "$URL"
publishes_not 2 "no plain HTTP" "expected k8s:https://HOST:PORT" k8s:http://127.0.0.1
publishes_not 2 "a token for nobody" "need k8s:" --token-file "$dir/token" "$dir/ec2"
publishes_not 2 "half a certificate" "need each other" --certificate "$dir/ca.crt" "$URL" "$dir/ec2"
publishes_not 1 "once, a server that does not know us is a failure" "HTTP 401: Unauthorized" --once --ca-file "$dir/ca.crt" --token-file "$dir/wrong" "$URL" "$dir/ec2"
publishes_not 1 "once, a server with another certificate is one, and gets no token" "is its CA in --ca-file?" --once --token-file "$dir/token" "$URL" "$dir/ec2"
check "nothing was written there" test -z "$(ls "$dir/none")"

check "it only reads" fails grep -v '^GET ' "$dir"/*/requests
check "no token in any log" fails grep -E 'first-token|second-token' "$dir"/*.log "$dir"/*.state

term "$PUBLISHER"
check "SIGTERM ends it within a second" test "$ENDED" = 0
finish
