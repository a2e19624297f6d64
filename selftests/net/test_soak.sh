#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Whatever comes, in any order: revisions, broken feeds, interfaces that come and go, storms
# of them with the daemon stopped or dead, calls that fail, pins removed, kill -9, new starts
# with other options, upgrades. Throughout, what is denied is sent and must not arrive, and
# connections and pings go on; at the end nothing has been lost or leaked.
#
#   BG_SOAK_REVISIONS, BG_SOAK_CHANGES (of interfaces): it ends when as many were in force, and
#   came or went; `make check` has a sample, `make soak` 10,000 of each
#   BG_SOAK_BURST, BG_SOAK_STORM: so many of them at once; BG_SOAK_HASTE: so many times as often
#   the daemon looks after things (fault.c)
#   BG_SEED: which course it takes, as far as the machine's timing lets it. A check takes
#   always the same one, `make soak` another one each time.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/net/trouble.sh
. selftests/net/trouble.sh

# Of each of four courses: by tcx and by clsact, with several daemons and with one.
WANTED_REVISIONS=$((${BG_SOAK_REVISIONS:-80} / 4))
WANTED_CHANGES=$((${BG_SOAK_CHANGES:-240} / 4))
SEED=${BG_SEED:-1}
BURST=${BG_SOAK_BURST:-3}
STORM=${BG_SOAK_STORM:-20}
HASTE=${BG_SOAK_HASTE:-1}
haste "$HASTE"
RANDOM=$SEED
BY=

CALLS=(any link link-dump route-dump neigh use-neigh filter filter-dump set-filter set-qdisc event socket if_indextoname
	obj-info obj-get obj-pin map-lookup map-lookup-batch map-update map-update-batch map-delete map-next
	map-create map-freeze prog-load prog-query btf-load link-create link-update link-detach)
ERRORS=(EINTR EBUSY ENOBUFS ENOMEM)
OLD=$(dirname "$ECHO")/old_branchguard
OPTIONS=("" "--max-flows 131072" "--max-rules 4096" "--image-mib 64" "--no-short-way")

# Those put, and those that came in force (of the log until LOG_READ).
puts=0 revisions=0 changes=0 kills=0 storms=0 faults=0 upgrades=0
LOG_READ=0

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
	sed "s/\"@\"/\"$((++puts))\"/" "$1" >"$LAB_DIR/next.json"
	mv "$LAB_DIR/next.json" "$FEED"
}

revise() {
	local i
	for ((i = 0; i < BURST; i++)); do
		below ${#FEEDS[@]}
		put "$LAB_DIR/feed-$R"
		pause $((200 / HASTE))
	done
}

# As the daemons say it.
count_revisions() {
	local until
	until=$(stat -c %s "$BG_LOG")
	revisions=$((revisions + $(tail -c "+$((LOG_READ + 1))" "$BG_LOG" | head -c $((until - LOG_READ)) |
		grep -c '"revision in force"')))
	LOG_READ=$until
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
	storms=$((storms + 1)) changes=$((changes + 2 * STORM))
	kill -STOP "$BG_PID"
	below 2
	[ "$R" -eq 0 ] || put "$LAB_DIR/feed-1"
	appear "$STORM"
	kill -CONT "$BG_PID"
	pause 500
	vanish "$STORM"
}

storm_without_daemon() {
	storms=$((storms + 1)) kills=$((kills + 1)) changes=$((changes + 2 * STORM))
	bg_kill
	appear "$STORM"
	again
	vanish "$STORM"
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

again() {
	below ${#OPTIONS[@]}
	# shellcheck disable=SC2086 # several words
	bg_spawn --attach "$BY" ${OPTIONS[R]}
	pause 900
}

# old_start ABI: a build of the past.
old_start() {
	local BG=$BG
	[ "$(uname -m)" != x86_64 ] || BG=$OLD-$1 # there are none for others
	bg_spawn --attach "$BY"
	wait_for bg_says '"ready"'
}

# Its end, and that of some that were to replace it.
upgrade() {
	local i
	upgrades=$((upgrades + 1))
	bg_kill
	below 3
	for ((i = R; i > 0; i--)); do
		again
		bg_kill
	done
	again
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
OF_SEVERAL=(kill_daemon kill_daemon stop_daemon unpin storm_without_daemon)
# go_on REVISIONS CHANGES: until there were as many, or something has passed.
go_on() {
	local steps=0 what
	while count_revisions && { [ $revisions -lt "$1" ] || [ $changes -lt "$2" ]; } && nothing_passed >/dev/null; do
		below ${#COURSE[@]}
		what=${COURSE[R]}
		# of these there were enough
		[[ $what != storm* ]] || [ $changes -lt "$2" ] || what=revise
		echo "# $what" >>"$BG_LOG"
		$what
		# (who prints nothing for long, hangs)
		[ $((++steps % 20)) -ne 0 ] ||
			echo "# $(date +%T) $steps steps, $revisions of $puts revisions in force, $changes changes, $(resident_kib) KiB"
	done
}

# --- what must not -----------------------------------------------------------------------------
# What the daemon holds, by kind, what its arrays take of the kernel's memory, and what is pinned.
holds() {
	find "/proc/$BG_PID/fd" -type l -printf '%l\n' | sed 's/[0-9]*//g' | sort | uniq -c
	echo "$(bytes_of 2 6 12) bytes"
	find "$PIN_DIR" | wc -l
}

# bytes_of TYPE...: of the daemon's maps of these types (2, 6, 12: arrays).
bytes_of() {
	cat "/proc/$BG_PID/fdinfo"/* | awk -v types=" $* " '
		/^map_type:/ { counts = index(types, " " $2 " ") }
		/^memlock:/ && counts { bytes += $2 }
		END { print bytes + 0 }'
}

# Maps, programs and links of the daemon: "KIND ID" on each line.
objects() {
	cat "/proc/$BG_PID/fdinfo"/* | sed -n 's/^\(map\|prog\|link\)_id:\s*/\1 /p' | sort -u
}

# When all was taken away there is none of them any more.
no_object_is_left() {
	local kind id
	while read -r kind id; do
		! bpftool "$kind" show id "$id" 2>/dev/null || return
	done <"$LAB_DIR/objects"
}

# Numbers of rules are given out in turn, and each that was used once keeps the text of its last
# rule, for the flows that name it: in the daemon twice, and in the map former_rules. So what is
# held grows with the rules that ever came, until all numbers have been used, and no further;
# tables grow to the most interfaces, rules and members that there were at once. Who is measured
# has few numbers, and has used them all, and had each feed and as many interfaces as will come,
# when that begins: what grows then is lost. (But for the heap's own steps of 1 MiB: one comes in
# the first revisions, and 420 more, with storms, took 8 KiB. Two more are taken for holes in it.)
NUMBERS=600
HEAP_STEPS_KIB=3072
grow_to_the_most() {
	local other
	appear "$STORM"
	wait_for is_guarded $((100 + STORM - 1)) || return
	vanish "$STORM"
	changes=$((changes + 2 * STORM))
	for other in 0 3 5; do
		put "$LAB_DIR/feed-$other"
		wait_for in_force || return
		put "$LAB_DIR/feed-4" # whose 250 rules are new then; and for it the maps grow
		wait_for in_force || return
	done
}

resident_kib() {
	awk '/^VmRSS/ { print $2 }' "/proc/$BG_PID/status"
}

# settle NAME: with the first feed, after some revisions of it; sets RESIDENT_KIB and HASH_KIB.
settle() {
	for _ in 1 2 3; do
		put "$LAB_DIR/feed-0"
		wait_for in_force || return
	done
	sleep 0.5 # (who looks sees maps that the kernel is about to free)
	holds >"$LAB_DIR/$1"
	HASH_KIB=$(($(bytes_of 1 5 9 10 11) / 1024))
	RESIDENT_KIB=$(resident_kib)
}

in_force() {
	is_running || bg_spawn --attach "$BY"
	bg status --json | jq -e --arg revision "$puts" '.feed_revision == $revision and all(.branches[]; .armed)'
}

nothing_is_left_over() {
	knows_no_dead_interface && [ "$(bpftool -j map dump pinned "$PIN_DIR/maps/rules" | jq length)" = "$RULES" ]
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
	tail -q -n 2 "$LAB_DIR"/ping-*
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
	puts=0 revisions=0 changes=0 kills=0 storms=0 faults=0 upgrades=0 PINGS=()
	: >>"$BG_LOG"
	LOG_READ=$(stat -c %s "$BG_LOG")
	put "$LAB_DIR/feed-0"
	below 2
	old_start $((R + 1))
	connect out4 cart "$LAB_DB4" 5432
	connect out6 cart "$LAB_DB6" 5432
	check "$BY: connections talk" eval 'talk out4 && talk out6'
	lasting "$LAB_DB4" 4
	lasting "$LAB_DB6" 6
	flood
	upgrade
	COURSE=("${OF_ONE_DAEMON[@]}" "${OF_SEVERAL[@]}")
	go_on "$WANTED_REVISIONS" "$WANTED_CHANGES"
	wait_for in_force
	result $? "$BY: after all of it the daemon comes to the last revision"
	bg_kill
	bg_start --attach $BY --max-rules $NUMBERS
	grow_to_the_most
	result $? "$BY: as many interfaces and rules as will come have been there"
	settle before
	RULES=$(bpftool -j map dump pinned "$PIN_DIR/maps/rules" | jq length)
	before_kib=$RESIDENT_KIB before_hash_kib=$HASH_KIB
	COURSE=("${OF_ONE_DAEMON[@]}")
	go_on $((revisions + WANTED_REVISIONS)) $((changes + WANTED_CHANGES))
	settle after
	end_pings
	check "$BY: no ping that is allowed was lost" lost_none
	sed -n 's/^.* packets transmitted/#  &/p' "$LAB_DIR"/ping-*
	check "$BY: the connections talk on" eval 'talk out4 && talk out6'
	stop_floods
	check "$BY: nothing that is denied has passed" nothing_passed
	check "$BY: the daemon leaked no descriptors, maps, programs, links or pins, nor arrays of the kernel" \
		nothing_leaked
	check "$BY: nor memory of its own ($before_kib KiB, then $RESIDENT_KIB KiB)" \
		test "$RESIDENT_KIB" -lt $((before_kib + HEAP_STEPS_KIB))
	check "$BY: nor entries of maps ($before_hash_kib KiB, then $HASH_KIB KiB)" \
		test "$HASH_KIB" -lt $((before_hash_kib + 256))
	check "$BY: nor interfaces that are gone, nor rules that are not in force" nothing_is_left_over
	echo "# $BY: $revisions of $puts revisions came in force, $changes interfaces came or went," \
		"$kills kills, $storms storms, $faults faults, $upgrades upgrades"
	objects >"$LAB_DIR/objects"
	bg_stop
	bg unload
	check "$BY: of $(wc -l <"$LAB_DIR/objects") maps, programs and links none is left" wait_for no_object_is_left
done
finish
