#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# How much memory the daemon and all its maps need, by a cgroup that gives no more; and
# that the room for the policy image grows with the feed.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

MOST_MB=40 # README.md, Limits

# A cgroup that limits memory, of either version; sets CGROUP and the names of its files.
make_cgroup() {
	local root
	if root=$(findmnt -n -t cgroup -O memory -o TARGET | head -n 1) && [ -n "$root" ]; then
		LIMIT=memory.limit_in_bytes PEAK=memory.max_usage_in_bytes
	else
		root=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
		if [ -z "$root" ]; then
			root=$LAB_DIR/cgroup
			mkdir "$root" && mount -t cgroup2 none "$root" || return
		fi
		[ -e "$root/memory.max" ] || echo +memory >"$root/cgroup.subtree_control" || return
		LIMIT=memory.max PEAK=memory.peak
	fi
	CGROUP=$root/$LAB_NAME
	mkdir "$CGROUP" && [ -e "$CGROUP/$LIMIT" ]
}

# The daemon in the cgroup, with a limit in MB.
start_within() {
	echo $(($1 * 1000000)) >"$CGROUP/$LIMIT" || bail "no limit in $CGROUP"
	(
		echo "$BASHPID" >"$CGROUP/cgroup.procs" || exit
		exec nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" run --feed "$FEED" \
			--pin-dir "$PIN_DIR" 2>>"$BG_LOG"
	) &
	BG_PID=$!
}

peak_mb() {
	echo $(($(cat "$CGROUP/$PEAK" 2>/dev/null || echo 0) / 1000000))
}

lab_up || bail "no lab"
make_cgroup || bail "no cgroup that limits memory"
: >"$BG_LOG"
echo '{"FeedVersion": 1, "Revision": "1", "SecurityGroups": [], "Branches": []}' >"$FEED"
start_within $MOST_MB
check "with an empty feed it starts in $MOST_MB MB" wait_for bg_says '"ready"'
echo "# peak: $(peak_mb) MB"
echo '{"FeedVersion": 1, "Revision": "2", "SecurityGroups": [{"GroupId": "sg-1"}], "Branches": []}' >"$FEED"
check "and can publish a revision" wait_for feed_in_force
echo "# peak: $(peak_mb) MB"
check "the peak is less than that" test "$(peak_mb)" -le $MOST_MB

# --- a feed for which there is no memory ------------------------------------------------
jq -n '{FeedVersion: 1, Revision: "3", SecurityGroups: [{GroupId: "sg-1"}], Branches: [],
	NetworkInterfaces: [range(100000) | {NetworkInterfaceId: "eni-\(.)", Groups: [{GroupId: "sg-1"}],
	PrivateIpAddresses: [{PrivateIpAddress: "10.\(. / 65536 | floor).\(. / 256 | floor % 256).\(. % 256)"}]}]}' \
	>"$LAB_DIR/large.json"
mv "$LAB_DIR/large.json" "$FEED"
check "a feed for which there is no memory is refused, and it says so" \
	wait_for bg_says 'feed refused, the last.*\([Kk]illed\|memory\)'
check "the daemon lives" test -e "/proc/$BG_PID/exe"
echo 1000000000 >"$CGROUP/$LIMIT"
check "with memory it comes in force by itself" wait_for feed_in_force
bg_stop

# --- a feed that outgrows the room for it ----------------------------------------------
echo 1000000000 >"$CGROUP/$LIMIT"
rm "$FEED"
serve db
feed 'egress("sg-cart"; everything)'
bg_start --max-rules 200000
connect lasting cart "$LAB_DB4" 5432
check "a connection that lasts" talk lasting
feed_live 'ingress("sg-cart"; permission("tcp"; 81; 81;
	[range(150000) | "\(11 + . % 150).\(. / 150 | floor % 256).\(. * 7 % 251).\(. % 13)/32"]))'
check "a feed with more room is loaded for by itself" bg_says 'loaded again.* capacity_kib='
check "the connection goes on" talk lasting
check "and what is new is in force" tcp cart "$LAB_DB4" 5432
bg_stop
rmdir "$CGROUP"
finish
