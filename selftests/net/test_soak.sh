#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Whatever comes, in any order: revisions, broken feeds, interfaces that come and go, storms
# of them with the daemon stopped, calls that fail, pins removed, kill -9, new starts with
# other options. Throughout, what is denied is sent and must not arrive, and connections
# and pings go on; at the end nothing has been lost or leaked.
#
#   BG_SOAK_REVISIONS, BG_SOAK_CHANGES (of interfaces): it ends when there were as many;
#   `make check` has a sample, `make soak` 10,000 of each
#   BG_SEED: which course it takes, as far as the machine's timing lets it. A check takes
#   always the same one, `make soak` another one each time.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. selftests/net/trouble.sh

WANTED_REVISIONS=${BG_SOAK_REVISIONS:-20}
WANTED_CHANGES=${BG_SOAK_CHANGES:-60}
SEED=${BG_SEED:-1}
# As many interfaces appear at once.
STORM=${BG_SOAK_STORM:-20}
RANDOM=$SEED
BY=

CALLS=(link link-dump route-dump neigh filter filter-dump set-filter set-qdisc event if_indextoname obj-info
	obj-get obj-pin map-lookup map-update map-next map-create map-freeze map-update-batch link-create
	link-update prog-query)
ERRORS=(EINTR EBUSY ENOBUFS ENOMEM)
OPTIONS=("" "--max-flows 131072" "--max-rules 4096" "--image-mib 64" "--no-short-way")

revisions=0 changes=0 kills=0 storms=0 faults=0

# below N: sets R. (Not by $(...): a subshell has numbers of its own.)
below() {
	R=$((RANDOM % $1))
}

pause() {
	below "$1"
	sleep "$(printf '0.%03d' "$R")"
}

# --- what may happen -------------------------------------------------------------------------
# Feeds that differ in what nobody here needs, with a mark in the place of the revision.
FEEDS=(
	.
	'egress("sg-cart"; permission("tcp"; 80; 90; anywhere))'
	'ingress("sg-web"; permission("udp"; 53; 53; ["10.9.0.0/16", "2001:db8:9::/48"]))'
	'egress("sg-web"; of_groups("tcp"; 8080; 8080; ["sg-cart"]))'
	'.SecurityGroups[0].IpPermissions += [range(250) | permission("tcp"; . + 1000; . + 1000; ["10.\(.).0.0/16"])]'
	'.NetworkInterfaces += [range(200) | {NetworkInterfaceId: "eni-\(.)", Groups: [{GroupId: "sg-cart"}],
		PrivateIpAddresses: [{PrivateIpAddress: "10.8.0.\(.)"}]}]'
)
make_feeds() {
	local i
	for i in "${!FEEDS[@]}"; do
		jq "$FEED_WORDS ${FEEDS[i]} | .Revision = \"@\"" <"$FEED" >"$LAB_DIR/feed-$i" || bail "jq: ${FEEDS[i]}"
	done
}

# put FILE: as the next revision
put() {
	sed "s/\"@\"/\"$((++revisions))\"/" "$1" >"$LAB_DIR/next.json"
	mv "$LAB_DIR/next.json" "$FEED"
}

revise() {
	local i
	for i in 1 2 3; do
		below ${#FEEDS[@]}
		put "$LAB_DIR/feed-$R"
		pause 200
	done
}

break_feed() {
	below 3
	case $R in
	0) head -c 500 "$LAB_DIR/feed-0" >"$FEED" ;;
	1) rm "$FEED" ;;
	2) echo '{"FeedVersion": 1, "SecurityGroups": 7}' >"$FEED" ;;
	esac
	pause 300
	put "$LAB_DIR/feed-0"
}

# come_and_go: one more interface, of a branch and of none
come_and_go() {
	local i
	for i in 77 78; do
		ip -n "$LAB_NAME-node" link add "vlan.eth.$i" type veth peer name "far$i"
		changes=$((changes + 2))
		pause 100
		ip -n "$LAB_NAME-node" link del "vlan.eth.$i"
	done
}

storm() {
	storms=$((storms + 1))
	kill -STOP "$BG_PID"
	below 2
	[ "$R" -eq 0 ] || put "$LAB_DIR/feed-1"
	for ((i = 100; i < 100 + STORM; i++)); do
		echo "link add vlan.eth.$i type veth peer name far$i"
	done | lab_ip node
	kill -CONT "$BG_PID"
	pause 500
	for ((i = 100; i < 100 + STORM; i++)); do
		echo "link del vlan.eth.$i"
	done | lab_ip node
	changes=$((changes + 2 * STORM))
}

fail_calls() {
	local call how
	below ${#CALLS[@]}
	call=${CALLS[R]}
	below ${#ERRORS[@]}
	how=${ERRORS[R]}
	below 4
	begin "$call" "$how" $((R + 1)) $((R + 1))
	faults=$((faults + 1))
	revise
	come_and_go
	end
}

# A daemon whose calls fail may give up at its start: then there is none for a while.
is_running() {
	[ -e "/proc/$BG_PID" ] && [[ $(ps -o stat= -p "$BG_PID") != Z* ]]
}

again() {
	below ${#OPTIONS[@]}
	# shellcheck disable=SC2086 # several words
	bg_spawn --attach "$BY" ${OPTIONS[R]}
	pause 900
}

kill_daemon() {
	kills=$((kills + 1))
	bg_kill
	come_and_go
	again
}

stop_daemon() {
	local pid=$BG_PID
	kill "$pid"
	wait_for eval "! kill -0 $pid"
	again
}

# Until they are held by a daemon, or pinned again, programs end with what holds them: no kill
# belongs between, and no daemon that has not yet taken over.
unpin() {
	local pins
	is_running || return 0
	wait_for bg_says '"ready"'
	pins=$(find "$PIN_DIR" | wc -l)
	rm -rf "$PIN_DIR"
	pause 200
	wait_for pinned_again "$pins"
	is_running || bail "the daemon ended while its pins were away"
}

pinned_again() {
	! is_running || [ "$(find "$PIN_DIR" | wc -l)" -ge "$1" ]
}

look() {
	local verb
	for verb in status rules flows; do
		bg "$verb" --json >/dev/null
	done
}

# At real VLANs there is no moment without a guard; a veth in their place has one.
restart_pod() {
	[ "$(cat "$LAB_DIR/kind")" = vlan ] || return 0
	lab_pod_delete web
	lab_pod web 10 strict 10.0.47.83 2001:db8:0:32::83 || bail "no pod"
	lab_exec web ping -q -i 0.01 -c 50 -w "$WAIT_S" "$LAB_CLIENT4" >/dev/null
	changes=$((changes + 2))
}

OF_ONE_DAEMON=(revise revise break_feed come_and_go come_and_go storm fail_calls fail_calls look restart_pod)
OF_SEVERAL=(kill_daemon kill_daemon stop_daemon unpin)
# go_on REVISIONS CHANGES: until there were as many, or something has passed.
go_on() {
	local steps=0
	while { [ $revisions -lt "$1" ] || [ $changes -lt "$2" ]; } && nothing_passed >/dev/null; do
		below ${#COURSE[@]}
		echo "# ${COURSE[R]}" >>"$BG_LOG"
		${COURSE[R]}
		# (who prints nothing for long, hangs)
		[ $((++steps % 50)) -ne 0 ] || echo "# $steps steps, $revisions revisions, $changes changes"
	done
}

# --- what must not -----------------------------------------------------------------------------
# What the daemon holds, by kind, and what is pinned.
holds() {
	find "/proc/$BG_PID/fd" -type l -printf '%l\n' | sed 's/[0-9]*//g' | sort | uniq -c
	find "$PIN_DIR" | wc -l
}

# settle NAME: with the first feed, after some revisions of it; sets RESIDENT_KIB.
settle() {
	for _ in 1 2 3; do
		put "$LAB_DIR/feed-0"
		wait_for in_force || return
	done
	sleep 0.5
	holds >"$LAB_DIR/$1"
	RESIDENT_KIB=$(awk '/^VmRSS/ { print $2 }' "/proc/$BG_PID/status")
}

in_force() {
	is_running || bg_spawn --attach "$BY"
	bg status --json | jq -e --arg revision "$revisions" '.feed_revision == $revision and all(.branches[]; .armed)'
}

nothing_leaked() {
	diff "$LAB_DIR/before" "$LAB_DIR/after"
}

# ($! must be ping itself.)
lasting() {
	nsenter --net="/run/netns/$LAB_NAME-cart" -- ping -n -i 0.02 "$1" >"$LAB_DIR/ping-$2" &
	PINGS+=($!)
}

end_pings() {
	kill -INT "${PINGS[@]}"
	wait "${PINGS[@]}" 2>/dev/null
	PINGS=()
}

# (The last one may have been on its way.)
lost_none() {
	tail -n 2 "$LAB_DIR"/ping-*
	awk '/packets transmitted/ { n++; if ($1 - $4 > 1) bad = 1 } END { exit bad || n != 2 }' "$LAB_DIR"/ping-*
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\", \"$LAB_DB6/128\"])) |
	egress(\"sg-cart\"; permission(\"icmp\"; 8; -1; [\"$LAB_DB4/32\"])) |
	egress(\"sg-cart\"; permission(\"icmpv6\"; -1; -1; [\"$LAB_DB6/128\"]))"
make_feeds
echo "# seed $SEED: BG_SEED=$SEED repeats it"
# (What changes a variable here is not called by check, which has a shell of its own.)
for BY in tcx clsact; do
	revisions=0 changes=0 kills=0 storms=0 faults=0 PINGS=()
	put "$LAB_DIR/feed-0"
	bg_start --attach $BY
	connect out4 cart "$LAB_DB4" 5432
	connect out6 cart "$LAB_DB6" 5432
	check "$BY: connections talk" eval 'talk out4 && talk out6'
	lasting "$LAB_DB4" 4
	lasting "$LAB_DB6" 6
	flood
	COURSE=("${OF_ONE_DAEMON[@]}" "${OF_SEVERAL[@]}")
	go_on "$WANTED_REVISIONS" "$WANTED_CHANGES"
	wait_for in_force
	result $? "$BY: after all of it the daemon comes to the last revision"
	bg_kill
	bg_start --attach $BY
	settle before
	before_kib=$RESIDENT_KIB
	COURSE=("${OF_ONE_DAEMON[@]}")
	go_on $((revisions + WANTED_REVISIONS)) $((changes + WANTED_CHANGES))
	settle after
	end_pings
	check "$BY: no ping that is allowed was lost" lost_none
	check "$BY: the connections talk on" eval 'talk out4 && talk out6'
	stop_floods
	check "$BY: nothing that is denied has passed" nothing_passed
	check "$BY: the daemon leaked neither descriptors nor pins" nothing_leaked
	check "$BY: nor memory ($before_kib KiB, then $RESIDENT_KIB KiB)" \
		test "$RESIDENT_KIB" -lt $((before_kib + before_kib / 4 + 4096))
	echo "# $BY: $revisions revisions, $changes interfaces came or went, $kills kills, $storms storms, $faults faults"
	bg_stop
	bg unload
done
finish
