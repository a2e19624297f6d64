# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What the socket tests share: a lab of their own, TAP, sockets, the daemon.
#
#   . "$(dirname "$0")/lib.sh"
#   lab_up || bail "no lab"
#   serve db
#   check "without branchguard web reaches the database" tcp web "$LAB_DB4" 5432
#   feed 'egress("sg-cart"; permission("tcp"; 5432; 5432; anywhere))'
#   bg_start
#   check "now it does not" silent tcp web "$LAB_DB4" 5432
#   finish
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

LAB_NAME=bgt$$
LAB_DIR=/run/branchguard-lab/$LAB_NAME
# shellcheck source=scripts/lab.sh
. scripts/lab.sh
# shellcheck source=selftests/tap.sh
. selftests/tap.sh
eval "tap_$(declare -f finish)"

BG=$(realpath -m "${BG_BUILD:-build}")/branchguard
ECHO=$(realpath -m "${BG_BUILD:-build}")/selftests/net/tool_echo
PIN_DIR=$(lab_pin_dir) || exit 1
FEED=$LAB_DIR/feed.json
BG_LOG=$LAB_DIR/log
BG_PID=
BG_LOG_BEFORE=0
# What daemons have in their environment beside what all have.
BG_ENVIRONMENT=()
# After how long silence is silence.
WAIT_S=1
# How long an answer, or what else must come, may take. Who waits for it pays
# nothing, and a machine that is emulated or busy may be very slow.
ANSWER_S=30
EVENT_S=120
# How often wait_for asks.
POLL_S=0.05
[ -z "${BG_IN_VM:-}" ] || WAIT_S=3 ANSWER_S=90 EVENT_S=300 POLL_S=0.3
LIMIT_S=$ANSWER_S

explain_failure() {
	if [ -s "$BG_LOG" ]; then
		echo "#   last lines of the daemon:"
		tail -n 20 "$BG_LOG" | sed 's/^/#   | /'
	fi
}

# Calls that the daemons of a suite made and do not name, and by which a process beside them was
# ended. (SIGSYS is signal 31.)
REFUSED_BEFORE=0
refused_calls() {
	tail -n "+$((REFUSED_BEFORE + 1))" "$BG_LOG" 2>/dev/null |
		grep -e 'a system call was refused' -e 'ended by signal 31 ' | cut -d '"' -f 2- | sort | uniq -c
}

# refused_on_purpose NAME: one was, and does not count for finish.
refused_on_purpose() {
	OUTPUT=$(refused_calls)
	[ -n "$OUTPUT" ]
	result $? "$1"
	REFUSED_BEFORE=$(wc -l <"$BG_LOG")
}

finish() {
	OUTPUT=$(refused_calls)
	[ -z "$OUTPUT" ] || result 1 "no system call was refused"
	tap_finish
}

clean_up() {
	local status=$?
	trap - EXIT
	bg_kill 2>/dev/null
	lab_down
	lab_forget_pins "$PIN_DIR"
	exit $status
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# wait_for COMMAND...: until it succeeds. What it said at last explains why it never did.
wait_for() {
	local end=$((SECONDS + EVENT_S))
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $end ]; then
			"$@"
			return
		fi
		sleep $POLL_S
	done
}

# --- sockets -------------------------------------------------------------

# serve NS [PORT...]: echoes what comes by TCP and UDP, in both families.
serve() {
	local ns=$1 port
	shift
	[ $# -gt 0 ] || set -- 5432
	for port; do
		lab_exec "$ns" "$ECHO" "$port" &
		wait_for listens "$ns" "$port" || bail "no server on port $port in $ns"
	done
}

# serve_at NS ADDRESS PORT: the same on one address of several.
serve_at() {
	local address=$2
	[[ $2 != *:* ]] || address=[$2]
	lab_exec "$1" "$ECHO" "$3" "$2" &
	wait_for listens "$1" "$3 and src $address" || bail "no server on $2 port $3 in $1"
}

# By TCP and by UDP.
listens() {
	[ "$(lab_exec "$1" ss -Hlntu "sport = :$2" | wc -l)" -ge 2 ]
}

# tcp NS ADDRESS PORT, udp NS ADDRESS PORT, icmp NS ADDRESS: 0 = answered,
# 100 = silence, anything else went wrong (refused, unreachable ...).
tcp() {
	lab_exec "$1" timeout "$LIMIT_S" bash -c '
		exec 3<>"/dev/tcp/$0/$1" && echo hello >&3 && read -r -u 3 answer && [ "$answer" = hello ]' "$2" "$3"
	silence_is 124 $?
}

udp() {
	# (read would take a byte, and the kernel then drop the rest of the datagram)
	lab_exec "$1" timeout "$LIMIT_S" bash -c '
		exec 3<>"/dev/udp/$0/$1" && echo hello >&3 && [ "$(head -n 1 <&3)" = hello ]' "$2" "$3"
	silence_is 124 $?
}

icmp() {
	lab_exec "$1" ping -n -c 1 -W "$LIMIT_S" "$2"
	silence_is 1 $?
}

# ping_size NS ADDRESS BYTES: larger than the MTU it goes in fragments.
ping_size() {
	lab_exec "$1" ping -n -c 1 -W "$LIMIT_S" -s "$3" "$2"
	silence_is 1 $?
}

# udp_size NS ADDRESS PORT BYTES: at most 8192, which head writes at once.
udp_size() {
	lab_exec "$1" timeout "$LIMIT_S" bash -c '
		exec 3<>"/dev/udp/$0/$1" && head -c "$2" /dev/zero >&3 &&
			[ "$(head -c "$2" <&3 | wc -c)" -eq "$2" ]' "$2" "$3" "$4"
	silence_is 124 $?
}

silence_is() {
	[ "$2" -ne "$1" ] || return 100
	return "$2"
}

# silent COMMAND...: it was not answered, and nobody said why: dropped.
silent() {
	briefly "$@"
	[ $? -eq 100 ]
}

# briefly COMMAND...: where no answer is expected, it is not waited for long.
briefly() {
	local LIMIT_S=$WAIT_S
	"$@"
}

# --- a look at the wire ----------------------------------------------------

# capture NS INTERFACE FILTER...: sets CAPTURE; several may run at once.
capture() {
	local ns=$1 interface=$2
	shift 2
	# a name of its own, also in a subshell: an old file says "listening" already
	CAPTURE=$(mktemp "$LAB_DIR/capture-XXXXXX")
	nsenter --net="/run/netns/$LAB_NAME-$ns" -- tcpdump -Z root --immediate-mode -U -l -nn -i "$interface" "$@" \
		>"$CAPTURE" 2>"$CAPTURE.err" &
	echo $! >"$CAPTURE.pid"
	wait_for grep -q 'listening on' "$CAPTURE.err" || bail "tcpdump: $(cat "$CAPTURE.err")"
}

# capture_end: packets seen are in CAPTURE afterwards.
capture_end() {
	local pid
	pid=$(cat "$CAPTURE.pid")
	wait_for capture_is_written "$pid"
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}

# What the kernel counted before the filter was in place, tcpdump never shows: by so much it
# stays behind, with all the rest written.
capture_is_written() {
	local behind
	behind=$(capture_behind "$1") && { [ "$behind" -eq 0 ] || [ "$behind" = "$(capture_behind "$1")" ]; }
}
# Asked by SIGUSR1, tcpdump says what it took in of what came, as soon as the machine lets it.
capture_behind() {
	local said
	said=$(wc -l <"$CAPTURE.err")
	kill -USR1 "$1" && wait_for capture_says_more "$said" &&
		tail -n "+$((said + 1))" "$CAPTURE.err" | awk '/received by filter/ { behind = $5 - $2 } END { print behind }'
}
capture_says_more() {
	[ "$(wc -l <"$CAPTURE.err")" -gt "$1" ]
}

# (tcpdump ends with an empty line)
saw_nothing() {
	! grep . "$CAPTURE"
}

saw() {
	cat "$CAPTURE"
	grep -q -- "$1" "$CAPTURE"
}

# seen_from ADDRESS NS COMMAND...: the command succeeds, and what arrives at NS comes
# from that address and from no other.
seen_from() {
	local address=$1 ns=$2 status
	shift 2
	capture "$ns" eth0 dst port 5432
	"$@"
	status=$?
	capture_end
	saw "$address\.[0-9]* >" && ! grep . "$CAPTURE" | grep -v "$address\.[0-9]* >" && [ $status -eq 0 ]
}

# --- the feed ----------------------------------------------------------------

# Words for the filters of feed().
FEED_WORDS='
def anywhere: ["0.0.0.0/0", "::/0"];
def permission($protocol; $from; $to; $cidrs):
	{IpProtocol: $protocol, FromPort: $from, ToPort: $to,
	 IpRanges: [$cidrs[] | select(contains(":") | not) | {CidrIp: .}],
	 Ipv6Ranges: [$cidrs[] | select(contains(":")) | {CidrIpv6: .}]};
def of_groups($protocol; $from; $to; $groups):
	{IpProtocol: $protocol, FromPort: $from, ToPort: $to,
	 UserIdGroupPairs: [$groups[] | {GroupId: .}]};
def everything: {IpProtocol: "-1", IpRanges: [{CidrIp: "0.0.0.0/0"}], Ipv6Ranges: [{CidrIpv6: "::/0"}]};
def ingress($group; $permission):
	(.SecurityGroups[] | select(.GroupId == $group)).IpPermissions += [$permission];
def egress($group; $permission):
	(.SecurityGroups[] | select(.GroupId == $group)).IpPermissionsEgress += [$permission];
def no_rules($group):
	(.SecurityGroups[] | select(.GroupId == $group)) |= (.IpPermissions = [] | .IpPermissionsEgress = []);
def branch($pod): .Branches[] | select(.Pods | any(.Name == "\($pod)-0"));
'

# feed FILTER: the lab's feed, or the present one, put through jq; replaced in
# one move, with the next revision.
feed() {
	local from=$FEED
	if [ ! -e "$FEED" ]; then
		lab_feed >"$LAB_DIR/first.json" || bail "no feed"
		from=$LAB_DIR/first.json
	fi
	jq "$FEED_WORDS $1 | .Revision = (.Revision | tonumber + 1 | tostring)" <"$from" >"$LAB_DIR/next.json" ||
		bail "jq: $1"
	mv "$LAB_DIR/next.json" "$FEED"
}

# The feed as it is now is in force; when the daemon has been started, wait for
# that. (The log is asked first, and all without jq: to start it costs an emulated machine
# half a second.) STATUS is what the datapath said.
feed_in_force() {
	[[ $(<"$FEED") =~ \"Revision\":\ (\"[^\"]*\") ]] || return
	local revision=${BASH_REMATCH[1]}
	bg_says "\"revision in force\".* feed_revision=$revision" || return
	STATUS=$(bg status --json)
	[[ $STATUS == *"\"feed_revision\": $revision"* ]]
}

# feed_live FILTER: the same while the daemon runs.
feed_live() {
	feed "$1"
	wait_for feed_in_force || bail "revision $(jq -r .Revision "$FEED") does not come in force: $(bg status)"
}

# --- branchguard -------------------------------------------------------------

# bg VERB ARGUMENTS...: any verb that asks the datapath.
bg() {
	local verb=$1
	shift
	lab_exec node "$BG" "$verb" --pin-dir "$PIN_DIR" "$@"
}

# bg_start [ARGUMENTS...]: the daemon, until everything is armed.
bg_start() {
	bg_spawn "$@"
	wait_for bg_is_ready || bail "the daemon is not ready: $(bg status 2>&1)"
}

bg_spawn() {
	: >>"$BG_LOG"
	BG_LOG_BEFORE=$(wc -l <"$BG_LOG")
	# not by lab_exec: $! must be the daemon itself
	env "${BG_ENVIRONMENT[@]}" nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR" "$@" \
		2>>"$BG_LOG" &
	BG_PID=$!
}

bg_is_ready() {
	bg_says '"ready"' && feed_in_force && [[ ! $STATUS =~ \"armed\":\ (false|null) ]]
}

# bg_says PATTERN: the daemon that was started last has logged it.
bg_says() {
	tail -n "+$((BG_LOG_BEFORE + 1))" "$BG_LOG" | grep -e "$1"
}

# What the daemon has said until now does not count for bg_says.
from_here_on() {
	BG_LOG_BEFORE=$(wc -l <"$BG_LOG")
}

# bg_kill: as kill -9 does; bg_stop: as systemd does.
bg_kill() {
	[ -n "$BG_PID" ] || return 0
	kill -9 "$BG_PID" 2>/dev/null
	wait "$BG_PID" 2>/dev/null
	BG_PID=
}

bg_stop() {
	local status
	kill "$BG_PID"
	wait "$BG_PID"
	status=$?
	BG_PID=
	return $status
}

# term_in MS: SIGTERM. ENDED is the status with which the daemon ended, and how long that took if
# it was longer. (Not in a subshell: it must be our child.)
term_in() {
	local since_ms took_ms
	since_ms=$(date +%s%3N)
	ENDED="still there"
	kill "$BG_PID"
	while took_ms=$(($(date +%s%3N) - since_ms)); do
		if [[ $(ps -o stat= -p "$BG_PID") = Z* || ! -d /proc/$BG_PID ]]; then
			wait "$BG_PID"
			ENDED=$?
			[ "$took_ms" -le "$1" ] || ENDED="$ENDED, after $took_ms ms"
			break
		fi
		[ "$took_ms" -le $(($1 + 10000)) ] || break
		sleep 0.02
	done
	[ "$ENDED" != "still there" ] || kill -9 "$BG_PID"
	BG_PID=
}

# take_away VLAN: the egress program of its branch, as somebody else would.
take_away() {
	local id
	id=$(lab_exec node bpftool -j net show | jq --arg name "vlan.eth.$1" '.[].tc[] |
		select(.devname == $name and .kind == "tcx/egress").link_id // empty')
	if [ -n "$id" ]; then
		bpftool link detach id "$id"
	else
		lab_exec node tc filter del dev "vlan.eth.$1" egress
	fi
}

# monitor_spawn FILE [OPTIONS...]: sets MONITOR_PID; what it prints is in FILE, what it says beside
# that in FILE.err.
monitor_spawn() {
	local file=$1
	shift
	nsenter --net="/run/netns/$LAB_NAME-node" -- "$BG" monitor --pin-dir "$PIN_DIR" "$@" \
		>"$file" 2>"$file.err" &
	# shellcheck disable=SC2034 # for who calls it
	MONITOR_PID=$!
}

# appear COUNT: so many branches at once, from VLAN 100 on, since the lab has others; vanish COUNT:
# they go.
appear() {
	seq 100 $((99 + $1)) | sed 's/.*/link add vlan.eth.& type veth peer name far&/' | lab_ip node
}
vanish() {
	seq 100 $((99 + $1)) | sed 's/.*/link del vlan.eth.&/' | lab_ip node
}

# packets VLAN DIRECTION REASON: what was counted.
packets() {
	bg status --json | jq --argjson vlan "$1" --arg direction "$2" --arg reason "$3" \
		'[.branches[] | select(.vlan == $vlan)[$direction].reasons[$reason] // 0] | add // 0'
}

# armed VLAN: and on which programs.
armed() {
	bg status --json | jq -e --argjson vlan "$1" 'any(.branches[]; .vlan == $vlan and .armed)'
}

# --- several at once, and connections that stay -------------------------------

# together COMMAND...: each argument is a whole command; all must succeed.
together() {
	local i bad=0 pids=()
	for i; do
		$i >/dev/null 2>&1 &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[i]}" || {
			echo "not so: ${*:i+1:1}"
			bad=1
		}
	done
	return $bad
}

# none COMMAND...: all of them meet silence.
none() {
	briefly together "${@/#/silent }"
}

# connect NAME NS ADDRESS PORT: a TCP connection that lasts; talk NAME says
# something over it and wants to hear it back.
declare -A CONNECTION_IN=() CONNECTION_OUT=()
connect() {
	local name=$1 fd
	rm -f "$LAB_DIR/$name".{in,out}
	mkfifo "$LAB_DIR/$name.in" "$LAB_DIR/$name.out" || return
	exec {fd}<>"$LAB_DIR/$name.in"
	CONNECTION_IN[$name]=$fd
	exec {fd}<>"$LAB_DIR/$name.out"
	CONNECTION_OUT[$name]=$fd
	lab_exec "$2" bash -c '
		exec 3<>"/dev/tcp/$0/$1" || exit
		while read -r word limit; do
			echo "$word" >&3
			# answers that come late belong to words before
			while answer=silence && read -r -t "$limit" -u 3 answer && [ "$answer" != "$word" ]; do :; done
			echo "${answer:-silence}"
		done' "$3" "$4" <&"${CONNECTION_IN[$name]}" >&"${CONNECTION_OUT[$name]}" 2>/dev/null &
}

talk() {
	local word=word-$RANDOM answer=
	echo "$word $LIMIT_S" >&"${CONNECTION_IN[$1]}"
	read -r -t $((LIMIT_S + ANSWER_S)) -u "${CONNECTION_OUT[$1]}" answer
	echo "said '$word', heard '$answer'"
	case $answer in
	"$word") return 0 ;;
	silence) return 100 ;;
	esac
	return 1
}

# icmp_from NS SOURCE ADDRESS, tcp_from NS SOURCE ADDRESS PORT: from one address of several.
icmp_from() {
	lab_exec "$1" ping -n -c 1 -W "$LIMIT_S" -I "$2" "$3"
	silence_is 1 $?
}

tcp_from() {
	[ "$(echo hello | lab_exec "$1" timeout "$LIMIT_S" nc -N -s "$2" "$3" "$4")" = hello ] || return 100
}
