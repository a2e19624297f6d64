#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Where the daemon leaves its files: a disk that does not answer, on which whoever writes can
# not even be killed; one that is full, has no room for names, may only be read. It starts,
# follows feed and interfaces, and ends when it is told to.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

DISK=$LAB_DIR/disk
STALLING=$LAB_DIR/stalling
STALL_FS=$(realpath -m "${BG_BUILD:-build}")/selftests/net/tool_stall_fs
stall_pid=
thaw() {
	fsfreeze -u "$DISK" 2>/dev/null
}
leave_disk() {
	local status=$?
	thaw
	unstall_fs
	bg_kill 2>/dev/null
	umount -l "$DISK" 2>/dev/null
	(exit $status)
	clean_up
}
trap leave_disk EXIT

# A file system on FUSE with a server that answers nobody; then it is gone.
stall_fs() {
	mkdir -p "$STALLING"
	"$STALL_FS" "$STALLING" &
	stall_pid=$!
	wait_for grep -q " $STALLING fuse " /proc/mounts || bail "no file system that stalls"
}
unstall_fs() {
	[ -n "$stall_pid" ] || return 0
	kill "$stall_pid" 2>/dev/null
	wait "$stall_pid" 2>/dev/null
	stall_pid=
	umount -l "$STALLING"
}

# ask_there VERB [ARGUMENTS...]: as who finds there what the daemon does; and what came of it.
ask_there() {
	# shellcheck disable=SC2086
	there "$BG" $1 --pin-dir "$PIN_DIR" >"$LAB_DIR/$1.out" 2>"$LAB_DIR/$1.err"
	echo $? >"$LAB_DIR/$1.status"
}
# ended VERB STATUS OUTPUT ERROR
ended() {
	cat "$LAB_DIR/$1".{out,err}
	[ "$(cat "$LAB_DIR/$1.status")" = "$2" ] && says "$3" "$LAB_DIR/$1.out" && says "$4" "$LAB_DIR/$1.err"
}
says() {
	[ -z "$1" ] || grep -q "$1" "$2"
}
all_ended() {
	[ "$(cat "$LAB_DIR"/*.status | wc -l)" = "$1" ]
}
# shellcheck disable=SC2016
unload_there() {
	nsenter --net="/run/netns/$LAB_NAME-node" -- unshare --mount bash -c \
		'mount --bind "$0" /run/branchguard && exec "$@"' "$STALLING" "$BG" unload --pin-dir "$PIN_DIR" 2>&1
}

# spawn_on DIRECTORY [ARGUMENTS...]: a daemon that has this one as its /run/branchguard.
spawn_on() {
	: >>"$BG_LOG"
	from_here_on
	mkdir -p /run/branchguard
	# (all of it becomes the daemon: $! is its own)
	# shellcheck disable=SC2016
	unshare --mount bash -c 'mount --bind "$0" /run/branchguard && exec nsenter --net="$1" -- "${@:2}"' \
		"$1" "/run/netns/$LAB_NAME-node" "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR" "${@:2}" 2>>"$BG_LOG" &
	BG_PID=$!
}
start_on() {
	spawn_on "$@"
	wait_for bg_says '"ready"' || bail "the daemon is not ready"
}
# As who looks where the daemon has its files.
there() {
	nsenter --target "$BG_PID" --mount --net -- "$@"
}
comes() {
	ip -n "$LAB_NAME-node" link add vlan.eth.77 type veth peer name far77
}
goes() {
	ip -n "$LAB_NAME-node" link del vlan.eth.77
}
is_guarded() {
	lab_exec node bpftool -j net show | jq -e '[.[].tc[] | select(.devname == "vlan.eth.77")] | length == 2'
}
# A file process that no signal reaches.
in_the_disk() {
	pgrep --parent "$1" --runstates D -f '^branchguard-files'
}
writer_in_the_disk() {
	pgrep --runstates D -f "^branchguard-log $BG_LOG\$"
}
# The log has these ends of daemons since from_here_on.
says_all() {
	[ "$(bg_says '"stopping; ' | wc -l)" = "$1" ]
}
followed_by() {
	bg status --json | jq -e --argjson pid "$1" '.daemon.pid == $pid and all(.branches[]; .armed)'
}
none_in_the_disk() {
	! pgrep --runstates D -f "^branchguard-files (/run/branchguard/$STATE|$DISK/)"
}
says_by_socket() {
	there timeout 5 "$BG" status --pin-dir "$PIN_DIR" --json | jq -e '.daemon.running' &&
		there ls -l /run/branchguard | grep '^s'
}
to_db="tcp cart $LAB_DB4 5432"
no_web="silent tcp web $LAB_DB4 5432"
web_may="egress(\"sg-web\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
web_may_not='no_rules("sg-web")'

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"
mkdir "$DISK"

# --- full, without room for names, read-only -----------------------------------------------------
for how in "full size=64k" "nameless nr_inodes=1" "read-only ro"; do
	options=${how#* } how=${how% *}
	mount -t tmpfs -o "$options" none "$DISK" || bail "no tmpfs"
	[ "$how" != full ] || dd if=/dev/zero of="$DISK/all" bs=4k 2>/dev/null
	start_on "$DISK" --metrics-file "$LAB_DIR/node.prom"
	check "$how: a daemon starts and guards" together "$to_db" "$no_web"
	check "$how: it says that its state cannot be written" wait_for bg_says 'state cannot be written'
	feed "$web_may"
	check "$how: the feed is followed" wait_for tcp web "$LAB_DB4" 5432
	comes
	check "$how: and the interfaces" wait_for is_guarded
	goes
	case $how in
	full)
		rm "$DISK/all"
		check "$how: with room again, all is written" wait_for eval 'ls "$DISK"/*.json'
		;;
	*) check "$how: nobody can listen, and it says so" wait_for bg_says 'nobody can listen.*will be tried again' ;;
	esac
	cp "$FEED" "$LAB_DIR/good.json"
	echo oops >"$FEED"
	wait_for bg_says 'feed refused'
	term_in 4000
	check "$how: SIGTERM ends it in time" test "$ENDED" = 0
	check "$how: the metrics know what the daemon knows" grep 'branchguard_feed_refused 1' "$LAB_DIR/node.prom"
	mv "$LAB_DIR/good.json" "$FEED"
	feed "$web_may_not"
	umount "$DISK"
done

# --- a disk that does not answer --------------------------------------------------------------------
truncate -s 32M "$LAB_DIR/image"
if ! mkfs.ext4 -q "$LAB_DIR/image" || ! mount -o loop "$LAB_DIR/image" "$DISK" 2>/dev/null; then
	echo "# this machine mounts no file as a disk"
	bg unload
	finish
fi
mkdir "$DISK/run" "$DISK/other"
start_on "$DISK/run" --metrics-file "$DISK/node.prom"
check "a daemon with its files on a disk" wait_for says_by_socket
# (by this name, which other daemons of this machine do not have)
STATE=$(basename "$DISK"/run/*.sock .sock)
check "guards" together "$to_db" "$no_web"
daemon=$BG_PID
fsfreeze -f "$DISK"
feed "$web_may"
check "the disk does not answer: a feed comes in force" wait_for tcp web "$LAB_DB4" 5432
comes
check "interfaces are armed" wait_for is_guarded
goes
check "meanwhile a process waits for the disk that no signal reaches" wait_for in_the_disk "$daemon"
term_in 4000
check "SIGTERM ends the daemon in time" test "$ENDED" = 0
spawn_on "$DISK/other" --metrics-file "$DISK/node.prom"
check "the next one starts" wait_for bg_says '"ready"'
check "and says what it cannot know" bg_says 'another branchguard.*not known'
check "what is in force stays" together "$to_db" "tcp web $LAB_DB4 5432"
feed "$web_may_not"
check "it follows the feed" wait_for silent tcp web "$LAB_DB4" 5432
comes
check "and the interfaces" wait_for is_guarded
goes
check "others wait for the disk" wait_for in_the_disk "$BG_PID"
term_in 4000
check "SIGTERM ends it, too" test "$ENDED" = 0
thaw
check "when the disk answers, nobody is left" wait_for none_in_the_disk
start_on "$DISK/run" --metrics-file "$DISK/node.prom"
check "and all is as before" wait_for says_by_socket
check "guarded" together "$to_db" "$no_web"
term_in 4000
check "to the end" test "$ENDED" = 0

# --- nor one that the log is on ---------------------------------------------------------------------
BG_LOG=$DISK/log
bg_start
fsfreeze -f "$DISK"
feed "$web_may"
check "a log on a disk that does not answer: a feed comes in force" wait_for tcp web "$LAB_DB4" 5432
comes
check "interfaces are armed" wait_for is_guarded
goes
check "a process waits for the log that no signal reaches" wait_for writer_in_the_disk
term_in 1000
check "SIGTERM ends the daemon within a second" test "$ENDED" = 0
bg_spawn
check "the next one guards" wait_for followed_by "$BG_PID"
comes
check "whatever comes" wait_for is_guarded
goes
term_in 1000
check "and ends as fast" test "$ENDED" = 0
thaw
check "when the disk answers, all that was said is there" wait_for says_all 2
check "and nobody is left" wait_for fails pgrep -f "^branchguard-log $BG_LOG\$"
BG_LOG=$LAB_DIR/log

# --- a file system that never answers: FUSE without its server ---------------------------------------
if [ ! -c /dev/fuse ]; then
	echo "# this machine has no FUSE"
	check "unload" bg unload
	finish
fi
stall_fs
start_on "$STALLING" --metrics-file "$STALLING/node.prom"
feed "$web_may_not"
check "state, socket and metrics on FUSE that stalls: a feed comes in force" wait_for silent tcp web "$LAB_DB4" 5432
comes
check "interfaces are armed" wait_for is_guarded
goes
questions=("status" "status --json" "health" "rules" "flows" "monitor" "unload"
	"explain --live --branch vlan.eth.9 --direction egress --protocol tcp --remote $LAB_DB4 --port 5432")
for question in "${questions[@]}"; do
	ask_there "$question" &
done
check "no verb waits for it for long" wait_for all_ended "${#questions[@]}"
no_answer="/run/branchguard[^:]*: no answer for [0-9]* s: does its file system answer"
check "status says all else, and what it misses" ended "status" 1 "revision" "$no_answer"
check "in JSON, too" ended "status --json" 1 '"feed_revision": "' "$no_answer"
check "health cannot tell" ended "health" 2 "^not-enforcing *interfaces .*$no_answer" ""
check "rules do not need it" ended "rules" 0 "sg-cart" ""
check "nor do flows" ended "flows" 0 "" ""
check "monitor ends" ended "monitor" 1 "" "$no_answer"
check "unload does nothing, as a daemon runs" ended "unload" 1 "" "a daemon is running"
check "explain answers" ended "${questions[7]}" 0 "allow" ""
term_in 1000
check "SIGTERM ends the daemon within a second" test "$ENDED" = 0
unloaded() {
	OUT=$(unload_there)
	echo "$OUT"
	grep "everything is detached.*$no_answer" <<<"$OUT"
}
check "unload takes all out of force, and names what it could not remove" unloaded
check "nothing is pinned any more" fails ls "$PIN_DIR"
unstall_fs

stall_fs
nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" run --feed "$STALLING/feed.json" --pin-dir "$PIN_DIR" \
	>>"$STALLING/log" 2>&1 &
BG_PID=$!
comes
check "feed and log on it: interfaces are armed" wait_for is_guarded
goes
check "a process waits for the feed" wait_for pgrep --parent "$BG_PID" -f "^branchguard-files $STALLING/feed.json\$"
check "and one for the log" wait_for pgrep --parent "$BG_PID" -f "^branchguard-log $STALLING/log\$"
term_in 1000
check "SIGTERM ends the daemon within a second" test "$ENDED" = 0
unstall_fs
check "nobody is left" wait_for fails pgrep -f "^branchguard-[a-z]* $STALLING/"
check "unload" bg unload
finish
