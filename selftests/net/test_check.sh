#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard check` as a person and a program meet it: what it prints, where, and
# what it exits with. Needs no network and no kernel.
set -u
cd "$(dirname "$0")/../.." || exit 1
program=${BG_BUILD:-build}/branchguard
feeds=selftests/feeds
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
count=0

# expect NAME STATUS COMMAND...: keeps stdout in $dir/out, stderr in $dir/err.
expect() {
	local name=$1 wanted=$2 status
	shift 2
	count=$((count + 1))
	"$@" >"$dir/out" 2>"$dir/err"
	status=$?
	if [ "$status" -eq "$wanted" ]; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name: exit $status, expected $wanted"
		sed 's/^/# /' "$dir/out" "$dir/err"
	fi
}

# says NAME FILE TEXT: the last command printed that.
says() {
	count=$((count + 1))
	if grep -qF -- "$3" "$dir/$2"; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1: no \"$3\" in std$2"
		sed 's/^/# /' "$dir/$2"
	fi
}

# holds NAME FILTER: of the JSON that the last command printed.
holds() {
	count=$((count + 1))
	if jq -e "$2" "$dir/out" >/dev/null; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1: not $2"
		sed 's/^/# /' "$dir/out"
	fi
}

silent() {
	count=$((count + 1))
	if [ ! -s "$dir/$2" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		sed 's/^/# /' "$dir/$2"
	fi
}

for feed in "$feeds"/good-*.json; do
	expect "$feed is accepted" 0 "$program" check "$feed"
	silent "nothing on stderr" err
done
for feed in "$feeds"/bad-*.json; do
	expect "$feed is refused" 1 "$program" check "$feed"
	says "the error names it" err "branchguard check: $feed"
	silent "nothing on stdout" out
done

expect "a sum for people" 0 "$program" check "$feeds/good-example.json"
says "the rules" out "6 (5 ingress, 1 egress)"
says "the branches" out "1 (1 pod with 2 addresses, 1 policy)"
says "the memory" out "bytes each"
expect "the same from stdin" 0 "$program" check - <"$feeds/good-example.json"
says "which it says" out "(stdin): accepted"

expect "JSON" 0 "$program" check --json "$feeds/good-example.json"
holds "is accepted" '.accepted and .rules == 6 and .members == 7 and .branches == 1'
holds "has the image's size" '.image_bytes > 65536 and .bytes_per_prefix > 0'
expect "JSON of a refused feed" 1 "$program" check --json "$feeds/bad-type.json"
holds "has the error" '.accepted == false and (.error | length > 0)'

jq '.Branches[0].Pods[0].Probes = [] | .Coment = 1' "$feeds/good-example.json" >"$dir/odd.json"
expect "warnings do not refuse" 0 "$program" check "$dir/odd.json"
says "an unknown key" out "/Coment: unknown key, ignored"
expect "nor in JSON" 0 "$program" check --json "$dir/odd.json"
holds "they have pointers" '.warnings | map(.pointer) | index("/Coment") != null'

expect "a file that is not there" 1 "$program" check "$dir/gone.json"
says "which is said" err "No such file"
expect "a directory" 1 "$program" check "$dir"
expect "no feed named" 2 "$program" check
expect "two feeds named" 2 "$program" check a b
expect "an option that there is not" 2 "$program" check --jason "$dir/odd.json"
expect "help" 0 "$program" check --help
says "with its usage" out "usage: branchguard check"
expect "a full disk is no success" 1 sh -c "\"\$0\" check \"\$1\" >/dev/full" "$program" \
	"$feeds/good-example.json"
echo "1..$count"
