# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What tests of branchguard-fleet share: certificates, followers, and how they end. Without the lab
# of lib.sh, and so without a kernel, it stands alone:
#
#   . "$(dirname "$0")/fleet.sh"
#   follower node "$URL" --ca-file "$dir/ca.crt"
#   check "parts become a feed" wait_for test -s "$dir/node.json"
#   check "that is not stale" wait_for state node '.Stale | not'
#   term "$FOLLOWER"
#   check "SIGTERM ends it within a second" test "$ENDED" = 0
set -u

# Whose feed it is: the node of fleet/answers.
node=ip-10-0-1-10.us-west-2.compute.internal
if [ -z "${LAB_NAME:-}" ]; then
	cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
	dir=$(mktemp -d)
	# shellcheck disable=SC2154 # set above
	trap '{ kill -9 $(jobs -p); wait; } 2>/dev/null; rm -rf "$dir"' EXIT
	# shellcheck source=selftests/tap.sh
	. selftests/tap.sh
	EVENT_S=120
	[ -z "${BG_IN_VM:-}" ] || EVENT_S=300

	# wait_for COMMAND...: until it succeeds. What it said at last explains why it never did.
	wait_for() {
		local end=$((SECONDS + EVENT_S))
		until "$@" >/dev/null 2>&1; do
			if [ $SECONDS -ge $end ]; then
				"$@"
				return
			fi
			sleep 0.02
		done
	}

	explain_failure() {
		tail -n 5 "$dir"/*.log | sed 's/^/# /'
	}
fi
fleet=$(realpath "${BG_BUILD:-build}")/branchguard-fleet
OUTPUT_LINES=12

# As a pod without any capability runs; uid 0, if that is who runs the test.
UNPRIVILEGED=(setpriv --no-new-privs)
[ "$(id -u)" -ne 0 ] || UNPRIVILEGED+=(--bounding-set=-all --inh-caps=-all)

# term PID: sets ENDED to the status with which a process of ours ends by SIGTERM, and whether it
# is late. (Not in a subshell: it must be our child.)
term() {
	local since=${EPOCHREALTIME/[.,]/}
	kill "$1"
	wait "$1"
	ENDED=$?
	[ $((${EPOCHREALTIME/[.,]/} - since)) -le 1000000 ] || ENDED+=" late"
}

# once SOURCE [OPTION...]: the feed, as it is printed.
once() {
	"$fleet" follow --node "$node" "$@"
}
# refused TEXT SOURCE [OPTION...]: no feed, soon, and the error says so.
refused() {
	local status=0 said
	said=$(timeout 60 "$fleet" follow --node "$node" "${@:2}" 2>&1) || status=$?
	printf '%s\n' "$said"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ] && [[ $said == *"$1"* && $said != *FeedVersion* && $said != *$'\e'* ]]
}
# follower NAME SOURCE [OPTION...]: into NAME.json; FOLLOWER is its process.
follower() {
	"${UNPRIVILEGED[@]}" "$fleet" follow "${@:2}" --node "$node" --output "$dir/$1.json" \
		--state "$dir/$1.state" 2>>"$dir/$1.log" &
	FOLLOWER=$!
}
# state NAME FILTER: what the follower says of it is so.
state() {
	jq -e "$2" "$dir/$1.state"
}

# authority NAME: NAME.crt and NAME.key, of a CA.
authority() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/$1.key" -subj "/CN=$1" \
		-days 2 -out "$dir/$1.crt"
}
# certificate CA NAME EXTENSION: NAME.crt and NAME.key, signed by that CA.
certificate() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$dir/$2.key" -subj "/CN=$2" \
		-out "$dir/$2.csr" && openssl x509 -req -in "$dir/$2.csr" -CA "$dir/$1.crt" -CAkey "$dir/$1.key" \
		-days 2 -extfile <(echo "$3") -out "$dir/$2.crt"
}
# server_credentials: ca.crt, and server.crt with server.key for a server of this machine.
server_credentials() {
	command -v openssl >/dev/null || skip_all "no openssl to make a certificate"
	{
		authority ca
		certificate ca server subjectAltName=IP:127.0.0.1
	} 2>"$dir/openssl.log" || bail "openssl: $(cat "$dir/openssl.log")"
}
# part_set NAME N: of $answers with one more member, beside the parts that are good: NAME has them, NAME.json
# the feed that they make.
part_set() {
	mkdir "$dir/answers" && cp "$answers"/*.json "$dir/answers"
	jq -c --arg ip "10.0.77.$2" '.NetworkInterfaces[-1:] |= map(.PrivateIpAddresses += [{Primary: false, PrivateIpAddress: $ip}])' \
		"$answers/describe-network-interfaces.json" >"$dir/answers/describe-network-interfaces.json"
	cp -r "$dir/good" "$dir/$1"
	"$fleet" build --parts "$dir/$1" "$dir/answers" >"$dir/build.log" 2>&1 || bail "no parts: $(cat "$dir/build.log")"
	once "$dir/$1" >"$dir/$1.json" || bail "no feed"
	rm -r "$dir/answers"
}
