#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet follow k8s:` with an API server that is played (fleet/api_server.py) and does what a real
# one does on bad days: the feed stays, what is wrong is told, and it mends by itself. selftests/cluster has
# the real one. Needs no root and no network but lo.
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
answers=selftests/fleet/answers

server_credentials
echo first-token >"$dir/token"

# server NAME: one with parts of its own; sets URL.
server() {
	mkdir -p "$dir/$1"
	[ -d "$dir/$1/parts" ] || cp -r "$dir/good" "$dir/$1/parts"
	python3 selftests/fleet/api_server.py "$dir/$1" "$dir/server.crt" "$dir/server.key" "$dir/token" 2>"$dir/$1-server.log" &
	wait_for test -s "$dir/$1/port" || bail "no server"
	URL=k8s:https://127.0.0.1:$(cat "$dir/$1/port")
}

AS=(--ca-file "$dir/ca.crt" --token-file "$dir/token" --watch-seconds 2)

"$fleet" build --parts "$dir/good" "$answers" >"$dir/build.log" 2>&1 || bail "no parts: $(cat "$dir/build.log")"
once "$dir/good" >"$dir/good.json" || bail "no feed"
part_set more 1
part_set others 2

# --- a server on bad days: each failure at a server of its own, all at once ------------------

declare -A bad=(
	[cut]="the connection"
	[forbidden]="HTTP 403: "
	[broken]="etcdserver: request timed out"
	[garbage]="found no JSON"
	[missing]="HTTP 404: "
	[hang]="hangs"
)
# only asked for anew
anew=(gone gone-event back)
declare -A inode=() lists=()
for mode in "${!bad[@]}" "${anew[@]}"; do
	server "$mode"
	follower "$mode" "$URL" "${AS[@]}"
done
for mode in "${!bad[@]}" "${anew[@]}"; do
	wait_for cmp "$dir/good.json" "$dir/$mode.json" || bail "$mode: no feed of a server"
	inode[$mode]=$(stat -c %i "$dir/$mode.json")
	lists[$mode]=$(grep -c limit= "$dir/$mode/requests")
	echo "$mode" >"$dir/$mode/mode"
done
relisted() { [ "$(grep -c limit= "$dir/$1/requests")" -gt $((lists[$1] + 5)) ]; }

server api
follower api "$URL" "${AS[@]}"
check "objects of an API server become the feed" wait_for cmp "$dir/good.json" "$dir/api.json"
check "that is the one of a directory, and can be printed" cmp "$dir/good.json" <(once "$URL" "${AS[@]}")
check "it is not stale" wait_for state api '.Stale | not'
check "lists come by pages" grep -q 'limit=.*continue=%2B%2F%3D1' "$dir/api/requests"
check "only the node's own feed is asked for" fails grep -E 'nodefeeds\?' <(grep -v "fieldSelector=metadata.name%3D$node" "$dir/api/requests")
since=${EPOCHREALTIME/[.,]/}
cp "$dir/more"/* "$dir/api/parts"
check "a change comes by the watch" wait_for cmp "$dir/more.json" "$dir/api.json"
echo "# $(((${EPOCHREALTIME/[.,]/} - since) / 1000)) ms from the first write to the feed"
cp "$dir/more.json" "$dir/wanted.json"

for mode in "${!bad[@]}"; do
	check "$mode: it is stale, and why" wait_for state "$mode" ".Stale and (.Reason | contains(\"${bad[$mode]}\"))"
	echo "# $(jq -r .Reason "$dir/$mode.state" | cut -c -180)"
	check "$mode: the feed stays" test "$(stat -c %i "$dir/$mode.json")" = "${inode[$mode]}"
	cp "$dir/more"/* "$dir/$mode/parts"
	echo ok >"$dir/$mode/mode"
done
for mode in "${anew[@]}"; do
	check "$mode: there is a new list" wait_for relisted "$mode"
	[ "$mode" = back ] || echo ok >"$dir/$mode/mode"
	cp "$dir/more"/* "$dir/$mode/parts"
done
for mode in "${!bad[@]}" "${anew[@]}"; do
	check "$mode: what has changed comes by itself" wait_for cmp "$dir/more.json" "$dir/$mode.json"
	check "$mode: and it is well" wait_for state "$mode" '.Stale | not'
done
check "the log says that versions went back" grep -q "the API server has gone back to older versions" "$dir/back.log"

# --- a server on a good day -------------------------------------------------------------------

# parts that do not belong together
mkdir "$dir/aside" && mv "$dir/api/parts"/groupmembers-* "$dir/aside"
check "without a shard it is stale" wait_for state api '.Stale and (.Reason | contains("has no such object"))'
check "and the feed stays" cmp "$dir/wanted.json" "$dir/api.json"
cp "$dir/aside"/* "$dir/api/parts"
check "with it all is well" wait_for state api '.Stale | not'

echo second-token >"$dir/token"
cp "$dir/others"/* "$dir/api/parts" && cp "$dir/others.json" "$dir/wanted.json"
check "another token in the file is taken at once" wait_for cmp "$dir/wanted.json" "$dir/api.json"
kill -9 $FOLLOWER
wait $FOLLOWER 2>/dev/null
echo cut >"$dir/api/mode"
follower api "$URL" "${AS[@]}"
check "after a restart without a server, the feed is still there" wait_for state api '.Stale and .Revision != null'
check "as it was" cmp "$dir/wanted.json" "$dir/api.json"
echo ok >"$dir/api/mode"
check "and is well when there is one" wait_for state api '.Stale | not'

# --- who is asked --------------------------------------------------------------------------

check "a server with another certificate gets no token" refused "is this the right server, and is its CA in --ca-file?" \
	"$URL" --token-file "$dir/token"
echo wrong >"$dir/wrong"
check "a token that it does not know is told" refused "HTTP 401: Unauthorized: it does not know who asks" \
	"$URL" --ca-file "$dir/ca.crt" --token-file "$dir/wrong"
check "a node that it does not have is told" refused "NodeFeed nobody: the API server has no such object" \
	"$URL" "${AS[@]}" --node nobody
unset KUBERNETES_SERVICE_HOST
check "outside of a pod it takes an URL" refused "this is no pod: expected k8s:https://HOST:PORT" k8s:
export KUBERNETES_SERVICE_HOST=::1 KUBERNETES_SERVICE_PORT=1
check "in a pod it takes what kubelet mounts" refused "/var/run/secrets/kubernetes.io/serviceaccount/token: reading the token" k8s:
check "no plain HTTP" refused "expected k8s:https://HOST:PORT" k8s:http://127.0.0.1

check "it only reads" fails grep -v '^GET ' "$dir/api/requests"
check "no token in any log" fails grep -E 'first-token|second-token' "$dir"/*.log "$dir"/*.state

finish
