#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet follow etcd://` with a real etcd: parts that are put come by a watch, as one who
# has logged in or shows a certificate, and by the next endpoint when one is gone. In front of it stands
# what does as an etcd on bad days (fleet/etcd_server.py): the feed stays, what is wrong is told, and it
# mends by itself. The servers have a loopback of their own.
[ "${1:-}" = inside ] || exec unshare -n "$0" inside
# shellcheck source=selftests/net/fleet.sh
. "$(dirname "$0")/fleet.sh"
answers=selftests/fleet/answers
for tool in etcd curl openssl; do
	command -v "$tool" >/dev/null || skip_all "no $tool"
done
ip link set lo up || bail "no loopback"

# --- etcd ---------------------------------------------------------------------------------------

# real NAME PORT [OPTION...]: one, in NAME.etcd; ETCD is its process. Certificates make it speak TLS.
real() {
	local scheme=http
	[ $# -eq 2 ] || scheme=https
	etcd --name "$1" --data-dir "$dir/$1.etcd" --listen-client-urls "$scheme://127.0.0.1:$2" \
		--advertise-client-urls "$scheme://127.0.0.1:$2" --listen-peer-urls "http://127.0.0.1:$(($2 + 1000))" \
		--initial-advertise-peer-urls "http://127.0.0.1:$(($2 + 1000))" \
		--initial-cluster "$1=http://127.0.0.1:$(($2 + 1000))" "${@:3}" >>"$dir/$1.etcd.log" 2>&1 &
	ETCD=$!
}
# ask PORT PATH BODY: what it answers.
ask() {
	curl -sf "${TOKEN[@]}" "http://127.0.0.1:$1/v3/$2" -d "$3"
}
TOKEN=()
b64() {
	printf %s "$1" | base64 -w0
}
# put PORT DIR [FILE...]: its parts (or these), under /branchguard, in the order in which a publisher puts them.
put() {
	local port=$1 from=$2 file key kind order
	shift 2
	order=("$@")
	[ $# -gt 0 ] || mapfile -t order < <(cd "$from" && ls -d -- groupm* groupf* prefixl* memberc* nodef* 2>/dev/null)
	for file in "${order[@]}"; do
		kind=${file%%-*} key=${file#*-}
		jq -Rsc --arg key "/branchguard/$kind/${key%.json}" '{key: ($key | @base64), value: @base64}' "$from/$file" |
			curl -sf "${TOKEN[@]}" "http://127.0.0.1:$port/v3/kv/put" -d @- >/dev/null || return
	done
}
# lies NAME PORT ETCD_PORT: something in front of it that lies as NAME/mode says.
lies() {
	python3 selftests/fleet/etcd_server.py "$dir/$1" "$2" "$3" 2>"$dir/$1-server.log" &
	wait_for listens "$2" || bail "no server"
}
listens() {
	ss -ltnH "sport = :$1" | grep -q .
}
mode() {
	echo "$2" >"$dir/$1/mode.new" && mv "$dir/$1/mode.new" "$dir/$1/mode"
}

# --- parts --------------------------------------------------------------------------------------

"$fleet" build --parts "$dir/good" "$answers" >"$dir/build.log" 2>&1 || bail "no parts: $(cat "$dir/build.log")"
once "$dir/good" >"$dir/good.json" || bail "no feed"
part_set more 1
part_set others 2
{
	authority ca
	certificate ca server subjectAltName=IP:127.0.0.1
	certificate ca client extendedKeyUsage=clientAuth
} 2>"$dir/openssl.log" || bail "openssl: $(cat "$dir/openssl.log")"

real one 2379
one=$ETCD
real tls 2479 --cert-file "$dir/server.crt" --key-file "$dir/server.key" --trusted-ca-file "$dir/ca.crt" --client-cert-auth
real users 2579
is_up() {
	ask "$1" kv/range "{\"key\":\"$(b64 x)\"}"
}
wait_for is_up 2379 || bail "no etcd"
wait_for is_up 2579 || bail "no etcd"
put 2379 "$dir/good" || bail "no parts in etcd"

# --- an etcd on bad days: each at one that lies on its own, all at once ---------------------------

declare -A bad=(
	[cut]="the connection"
	[hang]="hangs"
	[garbage]="found no JSON"
	[half]="found no JSON"
	[base64]="expected base64"
	[endless]="found"
	[leader]="does not reach most of the others"
)
# what only makes it begin anew
anew=(compacted back other)
declare -A port=() inode=() lists=()
number=3000
for name in "${!bad[@]}" "${anew[@]}" fragments; do
	port[$name]=$((number += 1))
	lies "$name" "$number" 2379
	follower "$name" "etcd://127.0.0.1:$number/branchguard" --watch-seconds 2
done
follower two "etcd://127.0.0.1:${port[cut]},127.0.0.1:${port[fragments]}/branchguard" --watch-seconds 2
listed() {
	grep -c '"limit":"16"' "$dir/$1/requests"
}
for name in "${!bad[@]}" "${anew[@]}" fragments two; do
	wait_for cmp "$dir/good.json" "$dir/$name.json" || bail "$name: no feed of etcd"
	inode[$name]=$(stat -c %i "$dir/$name.json")
done
for name in "${!bad[@]}" "${anew[@]}" fragments; do
	lists[$name]=$(listed "$name")
	mode "$name" "$name"
done

# --- an etcd on good days -----------------------------------------------------------------------

source=etcd://127.0.0.1:2379/branchguard
check "parts of etcd are the feed of a directory" cmp "$dir/good.json" <(once "$source")
follower node "$source" --watch-seconds 2
followed=$FOLLOWER
check "that is followed" wait_for cmp "$dir/good.json" "$dir/node.json"
check "without a capability" grep -q $'^CapEff:\t0000000000000000$' "/proc/$FOLLOWER/status"
check "it is not stale" wait_for state node '(.Stale | not) and (.Revision | length == 16)'
since=${EPOCHREALTIME/[.,]/}
put 2379 "$dir/more"
check "a change comes by the watch" wait_for cmp "$dir/more.json" "$dir/node.json"
echo "# $(((${EPOCHREALTIME/[.,]/} - since) / 1000)) ms from the first write to the feed"
check "only what the node needs is asked for" fails grep -F "$(b64 /branchguard/nodefeed/)\"" "$dir/fragments/requests"
check "by pages at one revision" grep -q '"revision":"[0-9]*"' <(grep /v3/kv/range "$dir/fragments/requests")
check "a watch wants to know when there is no leader" grep -q '^/v3/watch true ' "$dir/fragments/requests"

# --- bad days, how they end -----------------------------------------------------------------------

# tells NAME: that it is stale, and why; after which all is well there.
tells() {
	check "$1: it is stale, and why" wait_for state "$1" ".Stale and (.Reason | contains(\"${bad[$1]}\"))"
	echo "# $(jq -r .Reason "$dir/$1.state" | cut -c -180)"
	check "$1: the feed stays" test "$(stat -c %i "$dir/$1.json")" = "${inode[$1]}"
	mode "$1" ok
}
# mends NAME: by itself.
mends() {
	check "$1: what has changed comes by itself" wait_for cmp "$dir/more.json" "$dir/$1.json"
	check "$1: and it is well" wait_for state "$1" '.Stale | not'
}
check "what comes in pieces is put together" wait_for cmp "$dir/more.json" "$dir/fragments.json"
check "with one endpoint gone, the other one is asked" wait_for cmp "$dir/more.json" "$dir/two.json"
check "and it is not stale" wait_for state two '.Stale | not'
listed_anew() {
	[ "$(listed "$1")" -gt "${lists[$1]}" ]
}
for name in "${anew[@]}"; do
	check "$name: all is read anew" wait_for listed_anew "$name"
	check "$name: and has come" wait_for cmp "$dir/more.json" "$dir/$name.json"
	mode "$name" ok
done
# (that one hangs takes longest to be seen)
for name in "${!bad[@]}"; do
	[ "$name" = hang ] || tells "$name"
done
for name in "${!bad[@]}" "${anew[@]}"; do
	[ "$name" = hang ] || mends "$name"
done

# --- parts that do not belong together ----------------------------------------------------------

tells hang
mends hang
shard=$(cd "$dir/more" && printf "%s\n" groupmembers-* | head -n 1)
key=groupmembers/${shard#groupmembers-}
ask 2379 kv/deleterange "{\"key\":\"$(b64 "/branchguard/${key%.json}")\"}" >/dev/null
check "without a shard it is stale" wait_for state node '.Stale and (.Reason | contains("etcd has no such key"))'
check "and the feed stays" cmp "$dir/more.json" "$dir/node.json"
put 2379 "$dir/more" "$shard"
check "with it all is well" wait_for state node '.Stale | not'
echo "$RANDOM" >"$dir/other-key"
put 2379 "$dir" other-key
jq . "$dir/more/nodefeed-$node.json" >"$dir/nodefeed-another.json"
put 2379 "$dir" nodefeed-another.json
revision=$(ask 2379 kv/range "{\"key\":\"$(b64 x)\"}" | jq -r .header.revision)
lists[fragments]=$(listed fragments)
ask 2379 kv/compaction "{\"revision\":\"$revision\",\"physical\":true}" >/dev/null
check "after a compaction all is read anew" wait_for listed_anew fragments
put 2379 "$dir/others"
check "and what changes then comes" wait_for cmp "$dir/others.json" "$dir/fragments.json"
check "keys of others change nothing" wait_for cmp "$dir/others.json" "$dir/node.json"

# One that is killed, and comes back from an old backup.
kill -9 "$one"
check "without etcd it is stale" wait_for state node '.Stale and (.Reason | contains("does a server listen there?"))'
kill -9 "$followed"
wait "$followed" 2>/dev/null
follower node "$source" --watch-seconds 2
check "after a restart, too" wait_for state node '.Stale and .Revision'
check "and the feed is there" cmp "$dir/others.json" "$dir/node.json"
rm -r "$dir/one.etcd"
real one 2379
wait_for is_up 2379 || bail "no etcd any more"
put 2379 "$dir/good"
check "an etcd that has gone back is noticed" wait_for grep -q "etcd has gone back to an older revision" "$dir/fragments.log"
check "and followed" wait_for cmp "$dir/good.json" "$dir/fragments.json"
check "by who comes new, too" wait_for cmp "$dir/good.json" "$dir/node.json"
term "$FOLLOWER"
check "SIGTERM ends it within a second" test "$ENDED" = 0

# --- certificates -------------------------------------------------------------------------------

AS=(--ca-file "$dir/ca.crt" --certificate "$dir/client.crt" --key "$dir/client.key")
tls=etcd://127.0.0.1:2479/branchguard
check "one that speaks TLS has no parts yet" refused "NodeFeed $node: etcd has no such key" "$tls" "${AS[@]}"
for file in "$dir/good"/*; do
	key=${file##*/}
	key=${key%.json}
	jq -Rsc --arg key "/branchguard/${key%%-*}/${key#*-}" '{key: ($key | @base64), value: @base64}' "$file" |
		curl -sf --cacert "$dir/ca.crt" --cert "$dir/client.crt" --key "$dir/client.key" https://127.0.0.1:2479/v3/kv/put -d @- >/dev/null
done
check "with a certificate parts become the feed" cmp "$dir/good.json" <(once "$tls" "${AS[@]}")
follower tls "$tls" "${AS[@]}"
check "and are followed" wait_for cmp "$dir/good.json" "$dir/tls.json"
check "without a certificate not" refused "https://127.0.0.1:2479" "$tls" --ca-file "$dir/ca.crt"
check "a server of another CA is not believed" refused "is its CA in --ca-file?" etcd://localhost:2479/x --certificate "$dir/client.crt" \
	--key "$dir/client.key"

# --- users --------------------------------------------------------------------------------------

users=etcd://127.0.0.1:2579/branchguard
echo node:secret-word >"$dir/user"
echo node:wrong-word >"$dir/wrong-user"
put 2579 "$dir/good"
lies users 2999 2579
follower users "etcd://127.0.0.1:2999/branchguard" --user-file "$dir/user" --watch-seconds 2
check "where nobody is asked who he is, a user does no harm" wait_for cmp "$dir/good.json" "$dir/users.json"
logins=$(grep -c /v3/auth/authenticate "$dir/users/requests")
range=\"permType\":\"READ\",\"key\":\"$(b64 /branchguard/)\",\"range_end\":\"$(b64 /branchguard0)\"
while read -r path body; do
	ask 2579 "auth/$path" "$body" >/dev/null || bail "auth/$path"
done <<END
user/add {"name":"root","password":"root"}
role/add {"name":"root"}
user/grant {"user":"root","role":"root"}
user/add {"name":"node","password":"secret-word"}
role/add {"name":"reader"}
role/grant {"name":"reader","perm":{$range}}
user/grant {"user":"node","role":"reader"}
enable {}
END
log_in() {
	TOKEN=()
	TOKEN=(-H "Authorization: $(ask 2579 auth/authenticate '{"name":"root","password":"root"}' | jq -r .token)")
}
log_in
logged_in_again() {
	[ "$(grep -c /v3/auth/authenticate "$dir/users/requests")" -gt "$logins" ]
}
check "when users come, it logs in" wait_for logged_in_again
check "who logs in has the feed" cmp "$dir/good.json" <(once "$users" --user-file "$dir/user")
check "who is nobody has not" refused "etcd asks who this is: give --user-file" "$users"
check "a wrong password is told" refused "look at --user-file" "$users" --user-file "$dir/wrong-user"
check "so are keys that are not to be read" refused "permission denied" etcd://127.0.0.1:2579/other --user-file "$dir/user"
logins=$(grep -c /v3/auth/authenticate "$dir/users/requests")
mode users token
check "a token that is not known any more is asked for again" wait_for logged_in_again
mode users ok
put 2579 "$dir/more"
check "and what changes comes" wait_for cmp "$dir/more.json" "$dir/users.json"
check "that was no reason to be stale" fails grep -q "make no feed.*invalid auth token" "$dir/users.log"
ask 2579 auth/role/revoke "{\"role\":\"reader\",\"key\":\"$(b64 /branchguard/)\",\"range_end\":\"$(b64 /branchguard0)\"}" >/dev/null
check "a right that is taken away makes it stale, and why" wait_for state users '.Stale and (.Reason | contains("permission denied"))'
put 2579 "$dir/others"
ask 2579 auth/role/grant "{\"name\":\"reader\",\"perm\":{$range}}" >/dev/null
check "given back, what has changed comes" wait_for cmp "$dir/others.json" "$dir/users.json"

# --- what is no source ----------------------------------------------------------------------------

check "a password in the source is not wanted, and not told" refused "has a user or a password in it" etcd://a:b@127.0.0.1/x
check "keys need a prefix" refused "expected a prefix of keys" etcd://127.0.0.1:2379/
check "an endpoint needs a host" refused "expected etcd://HOST:PORT/PREFIX" etcd://127.0.0.1:2379,/x
check "elsewhere it speaks TLS" refused "https://192.0.2.1:2379" etcd://192.0.2.1/x
check "a directory has no users" refused "--user-file needs etcd://" "$dir/good" --user-file "$dir/user"
check "etcd takes no token" refused "--token-file needs k8s: or https://" "$users" --token-file "$dir/user"
check "no password and no token in any log" fails grep -rE 'secret-word|wrong-word|Authorization' "$dir"/*.log "$dir"/*.state
finish
