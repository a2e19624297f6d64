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
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

# expect NAME STATUS COMMAND...: keeps stdout in $dir/out, stderr in $dir/err.
expect() {
	local name=$1 wanted=$2 status=0
	shift 2
	"$@" >"$dir/out" 2>"$dir/err" || status=$?
	OUTPUT="exit $status, expected $wanted"$'\n'$(cat "$dir/out" "$dir/err")
	[ "$status" -eq "$wanted" ]
	result $? "$name"
}

# says NAME FILE TEXT: the last command printed that.
says() {
	OUTPUT="no \"$3\" in std$2:"$'\n'$(cat "$dir/$2")
	grep -qF -- "$3" "$dir/$2"
	result $? "$1"
}

# holds NAME FILTER: of the JSON that the last command printed.
holds() {
	OUTPUT="not $2:"$'\n'$(cat "$dir/out")
	jq -e "$2" "$dir/out" >/dev/null
	result $? "$1"
}

# silent NAME FILE: it printed nothing there.
silent() {
	OUTPUT=$(cat "$dir/$2")
	[ ! -s "$dir/$2" ]
	result $? "$1"
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

jq '.Branches[0].Pods[0].Probes = [] | .SecurityGroups[].IpPermissionsEgress = [] | .Coment = 1' "$feeds/good-example.json" >"$dir/odd.json"
expect "warnings do not refuse" 0 "$program" check "$dir/odd.json"
says "an unknown key" out "/Coment: unknown key, ignored"
says "where it is" out "$(grep -n Coment "$dir/odd.json" | cut -d: -f1):13: /Coment"
expect "nor in JSON" 0 "$program" check --json "$dir/odd.json"
holds "they have pointers" '.warnings | map(.pointer) == ["/Coment"]'
holds "and are not mixed with hints, which the daemon has not" '.hints | length > 0 and all(.[]; .pointer | test("^/Branches/0"))'

jq '.Branches[0].VlanId = 5000 | .Branches[0].Pods[0].Addresses[1] = "x"' "$feeds/good-example.json" >"$dir/two.json"
expect "a feed with two errors is refused" 1 "$program" check "$dir/two.json"
says "the first, with line and column" err "two.json:$(grep -n 5000 "$dir/two.json" | cut -d: -f1):17: /Branches/0/VlanId: found 5000"
says "and the second" err 'Addresses/1: found "x", expected an IPv4 or IPv6 address'
says "how many there are" err "two.json: refused, 2 errors:"
expect "JSON of it" 1 "$program" check --json "$dir/two.json"
holds "has them as objects" '.error_count == 2 and (.errors | map(.pointer, .column | tostring) | index("/Branches/0/VlanId") != null and index("17") != null)'

expect "unless --strict" 1 "$program" check --strict "$dir/odd.json"
says "which prints them as well" out "/Coment: unknown key, ignored"
expect "--strict and nothing to warn of" 0 "$program" check --strict "$feeds/good-example.json"
jq '.Node.PlatformTrafic = "filter"' "$feeds/good-example.json" >"$dir/slip.json"
expect "a slip of the pen in a key refuses" 1 "$program" check "$dir/slip.json"
says "and names the key" err 'PlatformTrafic: found an unknown key, expected "PlatformTraffic"'

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
# (exit status and words alike, whatever prints)
for verb in help version --options "check --help" "run --options" "help flows"; do
	expect "nor is it for $verb" 1 sh -c "\"\$0\" $verb >/dev/full" "$program"
	says "which is said" err "cannot write to stdout: No space left"
	expect "nor a closed stdout" 1 sh -c "\"\$0\" $verb >&-" "$program"
done
finish
