#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# `branchguard-fleet probe`: what it says of states that are written down, and of followers and publishers
# that run, stop and hang. Needs no root and no network.
set -u
cd "$(dirname "$0")/../.." || exit 1
fleet=${BG_BUILD:-build}/branchguard-fleet
answers=selftests/fleet/answers
node=ip-10-0-1-10.us-west-2.compute.internal
dir=$(mktemp -d)
pids=()
trap 'kill -9 "${pids[@]}" 2>/dev/null; rm -rf "$dir"' EXIT
# shellcheck source=selftests/tap.sh
. selftests/tap.sh

# wait_for COMMAND...: until it succeeds, at most so long.
wait_for() {
	local end=$((SECONDS + 60))
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || { "$@"; return 1; }
		sleep 0.05
	done
}
# says STATUS TEXT STATE [OPTION...]: of a state with that text, where @N is the time N seconds ago.
says() {
	local status=$1 text=$2 state=$3 got=0 said
	shift 3
	while [[ $state =~ @([0-9]+) ]]; do
		state=${state/@${BASH_REMATCH[1]}/$(date -u -d "-${BASH_REMATCH[1]} seconds" +%Y-%m-%dT%H:%M:%SZ)}
	done
	printf '%s' "$state" >"$dir/state"
	said=$("$fleet" probe "$@" "$dir/state" 2>&1) || got=$?
	echo "status $got: $said"
	[ "$got" -eq "$status" ] && [[ $said == *"$text"* ]]
}

check "a state that was written a moment ago is one of a process that runs" says 0 "written " '{"Revision":"a","LookedAt":"@1"}'
check "one that is old is not" says 1 "is gone, or hangs" '{"Revision":"a","LookedAt":"@70"}'
check "how old it may be can be said" says 0 "written 7" '{"Revision":"a","LookedAt":"@70"}' --within 600
check "a time to come is none that is old" says 0 "written -" '{"Revision":"a","LookedAt":"'"$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)"'"}'
check "a stale feed is well enough" says 0 "written " '{"Revision":"a","Stale":true,"Reason":"HTTP 403","LookedAt":"@1"}'
check "but not well" says 1 "HTTP 403" '{"Revision":"a","Stale":true,"Reason":"HTTP 403","LookedAt":"@1"}' --well
check "nor is what is held" says 1 "a page is missing" '{"Parts":1,"Held":true,"Reason":"a page is missing","LookedAt":"@1"}' --well
check "nor no feed" says 1 "no feed was put together yet" '{"Revision":null,"Stale":false,"LookedAt":"@1"}' --well
check "all is well" says 0 "written " '{"Revision":"a","Stale":false,"LookedAt":"@1"}' --well
check "a publisher without a word of a feed is well, too" says 0 "written " '{"Parts":1,"Held":false,"LookedAt":"@1"}' --well
check "no time is no state" says 1 "no LookedAt" '{"Revision":"a"}'
check "nor is another time" says 1 "no LookedAt" '{"Revision":"a","LookedAt":"yesterday"}'
check "nor is other JSON" says 1 "found no state" '["LookedAt"]'
check "nor half a state" says 1 "found no state" '{"Revision":"a","Look'
rm "$dir/state"
check "nor none" eval "'$fleet' probe '$dir/state' 2>&1 | grep -F 'nobody has written it yet'"

"$fleet" build --parts "$dir/parts" $answers >"$dir/log" 2>&1 || bail "no parts: $(cat "$dir/log")"
"$fleet" follow "$dir/parts" --node $node --output "$dir/feed" --state "$dir/follow" 2>"$dir/log" &
pids+=($!)
"$fleet" publish $answers --to "$dir/published" --state "$dir/publish" 2>"$dir/log" &
pids+=($!)
for verb in follow publish; do
	check "$verb: runs, and is well" wait_for "$fleet" probe --well "$dir/$verb"
done
rm "$dir/parts"/group*
check "follow: is not well without parts" wait_for fails "$fleet" probe --well "$dir/follow"
check "follow: but runs" "$fleet" probe "$dir/follow"
kill -STOP "${pids[@]}"
check "what hangs is found out after that time" wait_for fails "$fleet" probe --within 5 "$dir/follow"
finish
