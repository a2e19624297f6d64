#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet follow k8s:` and `publish --to k8s:` with a real API server and etcd, in a network namespace of their own: the
# custom resources of scripts/deploy/kustomize/crds/crds.json, a token that may list and watch them, a change, a server that is
# killed, and a right that is taken away. The server is built by `make check-cluster`; $BG_KUBE_APISERVER is another one.
# shellcheck source=selftests/cluster/server.sh
. "$(dirname "$0")/../cluster/server.sh"
fleet=$build/branchguard-fleet
answers=$tree/selftests/fleet/answers
node=ip-10-0-1-10.us-west-2.compute.internal

while read -r crd; do
	check "the server takes $(jq -r .metadata.name <<<"$crd")" as_admin POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions "$crd"
done < <(jq -c '.items[]' "$crds")
for kind in nodefeeds groupfeeds groupmembers memberchanges prefixlistfeeds; do
	wait_for as_admin GET $parts_at/$kind >/dev/null || bail "no $kind"
done

binding='{"metadata":{"name":"feeder"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"feeder"},
	"subjects":[{"kind":"ServiceAccount","name":"feeder","namespace":"kube-system"}]}'
rights() {
	wait_for as_admin POST /api/v1/namespaces/kube-system/serviceaccounts '{"metadata":{"name":"feeder"}}' &&
		as_admin POST $rbac/clusterroles '{"metadata":{"name":"feeder"},"rules":[{"apiGroups":["branchguard.dev"],
			"resources":["nodefeeds","groupfeeds","groupmembers","memberchanges","prefixlistfeeds"],"verbs":["list","watch"]}]}' &&
		as_admin POST $rbac/clusterrolebindings "$binding" &&
		token_of feeder >token
}
rights >rights.log 2>&1 || bail "no rights: $(cat rights.log)"

# --- parts ----------------------------------------------------------------------------------------

# put: every part into the server, as it is now, those that a node needs last.
put() {
	local file kind name
	for file in parts/group*.json parts/prefixlist*.json parts/node*.json; do
		kind=$(jq -r '.kind | ascii_downcase | sub("(?<end>[^s])$"; "\(.end)s")' "$file")
		name=$(jq -r .metadata.name "$file")
		as_admin PATCH "$parts_at/$kind/$name" "$(cat "$file")" merge-patch+json >/dev/null 2>&1 ||
			as_admin POST "$parts_at/$kind" "$(cat "$file")"
	done
}

# edit N: of a group's rule.
edit() {
	mkdir -p answers && cp "$answers"/*.json answers
	jq -c --arg cidr "198.51.100.$1/32" '.SecurityGroupRules |= map(if .CidrIpv4 then .CidrIpv4 = $cidr else . end)' \
		"$answers/describe-security-group-rules.json" >answers/describe-security-group-rules.json
	jq -c --arg cidr "198.51.100.$1/32" '(.. | objects | select(has("CidrIp")) | .CidrIp) |= $cidr' \
		"$answers/describe-security-groups.json" >answers/describe-security-groups.json
	make_parts answers
}
make_parts() {
	"$fleet" build --parts parts "$1" >build.log 2>&1 || bail "no parts: $(cat build.log)"
	"$fleet" follow parts --node $node >wanted.json || bail "no feed"
}
state() { jq -e "$1" state.json; }
has_come() { cmp wanted.json feed.json; }

make_parts "$answers"
check "parts are custom resources" put
"$fleet" follow "k8s:$url" --ca-file ca.crt --token-file token --node $node --output feed.json --state state.json \
	--watch-seconds 4 2>follow.log &
pids[follower]=$!
check "they become the feed, by a right to list and watch" wait_for has_come

edit 1
changed=$(grep -l '198.51.100.1/32' parts/groupfeed-*.json)
since=${EPOCHREALTIME/[.,]/}
as_admin PATCH "$parts_at/groupfeeds/$(jq -r .metadata.name "$changed")" "$(cat "$changed")" merge-patch+json >/dev/null
check "a rule that is edited comes by the watch" wait_for has_come
echo "# after $(((${EPOCHREALTIME/[.,]/} - since) / 1000)) ms, with the request that writes it"

before=$(stat -c %i feed.json)
kill -9 "${pids[server]}"
wait "${pids[server]}" 2>/dev/null
unset 'pids[server]'
check "a server that is killed makes it stale, and why" wait_for state '.Stale and (.Reason | contains("https://127.0.0.1:6443"))'
check "and the feed stays" test "$(stat -c %i feed.json)" = "$before"
start_api
wait_for is_ready || bail "no API server any more"
edit 2
wait_for put >put.log 2>&1
check "what changes when it is back comes" wait_for has_come
check "and all is well" wait_for state '.Stale | not'

before=$(stat -c %i feed.json)
as_admin DELETE $rbac/clusterrolebindings/feeder >delete.log
check "a right that is taken away makes it stale, and why" wait_for state '.Stale and (.Reason | contains("HTTP 403: "))'
echo "# $(jq -r .Reason state.json | cut -c -200)"
check "and the feed stays" test "$(stat -c %i feed.json)" = "$before"
check "the right is given back" as_admin POST $rbac/clusterrolebindings "$binding"
edit 3
put >put.log 2>&1
check "and what has changed comes" wait_for has_come
check "and all is well" wait_for state '.Stale | not'

# --- who writes parts -------------------------------------------------------------------------------

leases=/apis/coordination.k8s.io/v1/namespaces/kube-system/leases
publisher_rights() {
	local role='{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"publisher"}'
	as_admin POST /api/v1/namespaces/kube-system/serviceaccounts '{"metadata":{"name":"publisher"}}' &&
		as_admin POST $leases '{"metadata":{"name":"branchguard-publisher","namespace":"kube-system"}}' &&
		as_admin POST $rbac/clusterroles '{"metadata":{"name":"publisher"},"rules":[{"apiGroups":["branchguard.dev"],
			"resources":["nodefeeds","groupfeeds","groupmembers","memberchanges","prefixlistfeeds"],
			"verbs":["list","create","update","delete"]},{"apiGroups":["coordination.k8s.io"],"resources":["leases"],
			"resourceNames":["branchguard-publisher"],"verbs":["get","update"]}]}' &&
		as_admin POST $rbac/clusterrolebindings '{"metadata":{"name":"publisher"},"roleRef":'"$role"',
			"subjects":[{"kind":"ServiceAccount","name":"publisher","namespace":"kube-system"}]}' &&
		token_of publisher >publisher-token
}
# publisher NAME
publisher() {
	"$fleet" publish --to "k8s:$url" --ca-file ca.crt --token-file publisher-token --lease kube-system/branchguard-publisher \
		--identity "$1" --state "$1.json" answers 2>>"$1.log" &
	pids[$1]=$!
}
says() { jq -e "$2" "$1.json"; }
ends() { kill "$1" "${pids[$2]}"; wait "${pids[$2]}" 2>/dev/null; unset "pids[$2]"; }
publisher_rights >rights.log 2>&1 || bail "no rights: $(cat rights.log)"
publisher one
check "a publisher takes a Lease that nobody holds" wait_for says one '.Leader and .PublishedAt'
check "what stands there already is not written again" says one '.PartsWritten == 0 and .PartsRemoved == 0'
publisher two
check "a second one stands by" wait_for says two '(.Leader | not) and .Holder == "one"'
as_admin PATCH "$parts_at/groupfeeds/$(jq -r .metadata.name "$changed")" '{"metadata":{"labels":{"of":"somebody"}}}' merge-patch+json >patch.log
edit 4
check "an answer that is edited comes, though somebody has labelled the object since" wait_for has_come
check "with the label" jq -e '.metadata.labels.of == "somebody"' <(as_admin GET "$parts_at/groupfeeds/$(jq -r .metadata.name "$changed")")
as_admin DELETE "$parts_at/nodefeeds/$node" >delete.log
check "what somebody deletes makes it stale" wait_for state .Stale
jq -c '.metadata.name = "left"' "parts/nodefeed-$node.json" >left.json
as_admin POST "$parts_at/nodefeeds" "$(cat left.json)" >left.log
kill -HUP "${pids[one]}"
check "and comes again" wait_for state '.Stale | not'
check "what no node has goes" wait_for fails as_admin GET "$parts_at/nodefeeds/left"
ends -TERM one
check "when it ends the other one goes on" wait_for says two .Leader
edit 5
check "with the next edit" wait_for has_come
publisher one
check "the first one stands by then" wait_for says one '.Holder == "two"'
ends -KILL two
edit 6
check "and takes over from one that was killed" wait_for has_come
check "which the Lease counts" test "$(as_admin GET $leases/branchguard-publisher | jq .spec.leaseTransitions)" -ge 2
asked publisher | sed 's/^/# publisher: /'
check "each of its verbs is used" test "$(asked publisher | cut -d ' ' -f 1,3 | sort -u | wc -l)" -eq 6
check "no token in the log" fails grep -F -e "$(cat token)" -e "$(cat publisher-token)" follow.log state.json ./one.log ./two.log
finish
