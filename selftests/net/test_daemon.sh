#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The daemon and what it leaves pinned: start, kill, start again, upgrade from
# clsact to tcx, interfaces that go and come back, filters that others take
# away, feeds that are swapped and spoiled, unload. No packets: test_lab.sh has
# those. Prints TAP.
set -u
cd "$(dirname "$0")/../.." || exit 1

BG=${BG:-$PWD/${BG_BUILD:-build}/branchguard}
NODE=bgd$$
POD=bgd${$}p
PIN=/sys/fs/bpf/$NODE
DIR=$(mktemp -d)
FEED=$DIR/feed.json
LOG=$DIR/log
PID=
OUTPUT=
count=0
failures=0
node_keys= # further keys of the feed's Node, each with a comma in front

# Not `ip netns exec`: that hides /sys/fs/bpf behind a /sys of its own.
node() { nsenter --net="/run/netns/$NODE" "$@"; }

clean_up() {
	trap - EXIT
	[ -z "$PID" ] || kill -9 "$PID" 2>/dev/null
	wait 2>/dev/null
	"$BG" unload --pin-dir "$PIN" >/dev/null 2>&1
	ip netns del "$NODE" 2>/dev/null
	ip netns del "$POD" 2>/dev/null
	rm -rf "$DIR"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

result() { # STATUS NAME
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
		return
	fi
	failures=$((failures + 1))
	echo "not ok $count - $2"
	printf '%s\n' "$OUTPUT" | tail -n 20 | sed 's/^/#   /'
	tail -n 8 "$LOG" 2>/dev/null | sed 's/^/#   | /'
}

check() { # NAME COMMAND...
	local name=$1 status
	shift
	OUTPUT=$("$@" 2>&1)
	status=$?
	OUTPUT="\$ $*"$'\n'"$OUTPUT"$'\n'"status $status"
	result $status "$name"
}

fails() { ! "$@"; }
test_eval() { eval "$1"; }

# Does the command come true within some seconds?
soon() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "never: $*"
	"$@"
}

logged() { grep -q -- "$1" "$LOG"; }
failing_with() { # TEXT COMMAND...: exit status 1 and this on stderr
	local text=$1 output
	shift
	output=$("$@" 2>&1)
	[ $? -eq 1 ] && grep -qF -- "$text" <<<"$output" && return
	echo "$output"
	return 1
}

start() { # OPTION... (not under check: PID is set here)
	local i
	: >"$LOG"
	# exec: the process id is the daemon's
	(exec nsenter --net="/run/netns/$NODE" "$BG" run --feed "$FEED" --pin-dir "$PIN" "$@" \
		>>"$LOG" 2>&1) &
	PID=$!
	OUTPUT=
	for ((i = 0; i < 600; i++)); do
		logged '"ready"' && return 0
		kill -0 $PID 2>/dev/null || break
		sleep 0.1
	done
	return 1
}

started() { # STATUS NAME: without a daemon the rest says nothing
	result "$1" "$2"
	[ "$1" -eq 0 ] || {
		echo "Bail out! no daemon"
		exit 1
	}
}

stop() { # SIGNAL
	kill "-$1" "$PID"
	wait "$PID" 2>/dev/null
	PID=
}

feed() { # REVISION [MODE [VLANS]]
	local revision=$1 mode=${2:-strict} vlans=${3:-9 10} vlan comma=
	{
		printf '{"FeedVersion": 1, "Revision": "%s",' "$revision"
		printf '"Node": {"PrimaryInterface": "eth0"%s}, "SecurityGroups": [{"GroupId": "sg-1",' \
			"$node_keys"
		printf '"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,'
		printf '"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}], "Branches": ['
		for vlan in $vlans; do
			printf '%s{"Id": "eni-%s", "VlanId": %s, "Mode": "%s",' \
				"$comma" "$vlan" "$vlan" "$mode"
			printf '"GroupIds": ["sg-1"], "Pods": [{"Namespace": "shop",'
			printf '"Name": "p%s", "HostInterface": "cni%s",' "$vlan" "$vlan"
			printf '"Addresses": ["10.0.32.%s"]}]}' "$vlan"
			comma=,
		done
		printf ']}\n'
	} >"$DIR/new"
	mv "$DIR/new" "$FEED"
}

branch() { # VLAN
	node ip link add "vlan.eth.$1" type veth peer name "p$1" netns "$POD" &&
		node ip link set "vlan.eth.$1" up
}

ifindex() { node ip -o link show "$1" | cut -d: -f1; }
# One field of the branch of a VLAN, as the pinned map has it.
branch_field() { # VLAN FIELD
	bpftool -j map dump pinned "$PIN/maps/branches" |
		jq -r ".[] | (.formatted // .) | select(.key == $1) | .value.$2"
}
branch_is() { [ "$(branch_field "$1" "$2")" = "$3" ]; }
armed_vlan() { # VLAN IFINDEX
	[ "$(bpftool -j map dump pinned "$PIN/maps/vlans" |
		jq -r ".[] | (.formatted // .) | select(.key == $1) | .value")" = "$2" ]
}
programs_on() {
	node bpftool -j net |
		jq -r ".[0] | (.tc + .xdp)[] | select(.devname == \"$1\") | .kind // .mode"
}
has_programs() { # INTERFACE COUNT
	[ "$(programs_on "$1" | wc -w)" = "$2" ] || {
		programs_on "$1"
		return 1
	}
}
revision_is() {
	[ "$(bpftool -j map dump pinned "$PIN/maps/control" |
		jq -r '.[0] | (.formatted // .) | .value.feed_revision')" = "$1" ]
}
links_pinned() { # IN_NAME COUNT
	local links
	shopt -s nullglob
	links=("$PIN"/links/*"$1"*)
	[ ${#links[@]} = "$2" ]
}
our_filters() { node tc filter show dev "$1" "$2" | grep -c 'handle 0xb6'; }

for tool in ip tc bpftool jq nsenter; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing"
		exit 0
	}
done
if [ "$(id -u)" -ne 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi
ip netns add "$NODE" && ip netns add "$POD" || exit 1
node ip link set lo up
branch 9 && branch 10 || exit 1
node ip link add cni9 type veth peer name eth9 netns "$POD"
node ip link add cni10 type veth peer name eth10 netns "$POD"
node ip link add eth0 type veth peer name e0 netns "$POD"
for interface in eth0 cni9 cni10; do node ip link set $interface up; done

# --- what cannot start ------------------------------------------------------

feed r1
check "a pin directory off bpffs is refused with the mount command" \
	failing_with "mount -t bpf" node "$BG" run --feed "$FEED" --pin-dir "$DIR/pins"
check "an ordinary user gets one line" \
	failing_with "must run as root" setpriv --reuid 65534 --clear-groups \
	"$BG" run --feed "$FEED" --pin-dir "$PIN"
check "a feed in a directory that does not exist is refused" \
	failing_with "No such file" node "$BG" run --feed "$DIR/none/feed.json" --pin-dir "$PIN"

# --- clsact -----------------------------------------------------------------

branch 12
node tc qdisc add dev vlan.eth.12 clsact
foreign() { node tc filter show dev vlan.eth.12 ingress | grep -q 'match c0000201'; }
node tc filter add dev vlan.eth.12 ingress prio 7 protocol ip u32 \
	match ip dst 192.0.2.1/32 flowid 1:1
start --attach clsact --xdp branch
started $? "starts with clsact"
check "both branches are armed" soon logged 'armed.*vlan.eth.10'
check "filters of ours are on both directions of a branch" \
	test "$(our_filters vlan.eth.9 ingress)/$(our_filters vlan.eth.9 egress)" = 1/1
check "the armed VLAN names the interface" armed_vlan 9 "$(ifindex vlan.eth.9)"
check "XDP is pinned as a link" links_pinned xdp_branch 3
check "a second daemon on the same directory is refused" \
	failing_with "in use by another" node "$BG" run --feed "$FEED" --pin-dir "$PIN"
check "unload refuses while a daemon runs" \
	failing_with "stop it first" node "$BG" unload --pin-dir "$PIN"
check "a filter of somebody else is left alone" foreign
check "and ours stands before it" test "$(our_filters vlan.eth.12 ingress)" = 1

first_filter() { node tc filter show dev vlan.eth.9 ingress | grep -o 'handle 0x[0-9a-f]*' | head -n 1; }
ours_first() { [[ $(first_filter) == "handle 0xb6"* ]]; }
# As aws-network-policy-agent does; the kernel puts the newer one first.
node tc filter add dev vlan.eth.9 ingress prio 1 handle 1 protocol all bpf da \
	object-pinned "$PIN/programs/tc_node_ingress"
check "a filter that comes first does not stay there" soon ours_first
check "but stays" test_eval 'node tc filter show dev vlan.eth.9 ingress | grep -q "handle 0x1 "'
check "and there is one of ours still" test "$(our_filters vlan.eth.9 ingress)" = 1
node tc filter del dev vlan.eth.9 ingress prio 1
check "a filter that somebody deletes is put back" \
	soon test_eval 'test "$(our_filters vlan.eth.9 ingress)" = 1'
check "and the log says so" logged "took a program away"

# --- kill, and an upgrade to tcx ----------------------------------------------

armed_before=$(branch_field 9 armed_ns)
stop KILL
check "after kill -9 the filters are still there" \
	test "$(our_filters vlan.eth.9 ingress)/$(our_filters vlan.eth.9 egress)" = 1/1
node ip link del vlan.eth.10
branch 10
branch 13
node ip link set vlan.eth.13 xdpgeneric pinned "$PIN/programs/xdp_branch"
if node "$BG" run --feed "$DIR/none/x" --attach tcx --pin-dir "$PIN" 2>&1 |
	grep -q "no tcx"; then
	way=clsact per_branch=1
else
	way=tcx per_branch=3
fi
start --attach $way --xdp branch
started $? "starts again, by $way"
check "takes over what is there" logged 'taking over'
check "the interface was armed all the time" branch_is 9 armed_ns "$armed_before"
check "one that was replaced meanwhile is armed anew" branch_is 10 ifindex "$(ifindex vlan.eth.10)"
check "where somebody has the XDP hook, the log says who" \
	logged 'without XDP.*vlan.eth.13.*taken by program [0-9]* (xdp_branch)'
check "and TC guards alone" has_programs vlan.eth.13 3
check "a branch has three programs" has_programs vlan.eth.9 3
if [ $way = tcx ]; then
	check "no filter of ours is left beside the links" test "$(our_filters vlan.eth.9 ingress)" = 0
fi
check "the link of the interface that went is unpinned" links_pinned vlan_eth_10 $per_branch

# --- interfaces ---------------------------------------------------------------

old=$(ifindex vlan.eth.9)
node ip link del vlan.eth.9
check "an interface that goes is disarmed" soon armed_vlan 9 0
check "its branch is absent" branch_is 9 ifindex 0
check "its pins are gone" links_pinned vlan_eth_9 0
branch 9
check "under its old name and a new ifindex it is armed again" soon armed_vlan 9 "$(ifindex vlan.eth.9)"
check "which is another ifindex" test "$old" != "$(ifindex vlan.eth.9)"
branch 11
check "an interface without a branch in the feed is guarded" soon has_programs vlan.eth.11 3
check "and the log says that everything on it is dropped" logged 'vlan.eth.11.*everything\|everything.*vlan.eth.11'
check "the pod is in the map" test_eval \
	'bpftool -j map dump pinned $PIN/maps/pods | jq -e "length == 2" >/dev/null'
node ip link del cni9
check "a pod whose veth goes leaves the map" soon test_eval \
	'bpftool -j map dump pinned $PIN/maps/pods | jq -e "length == 1" >/dev/null'
node ip link add cni9 type veth peer name eth9 netns "$POD"
check "and comes back with it" soon test_eval \
	'bpftool -j map dump pinned $PIN/maps/pods | jq -e "length == 2" >/dev/null'
if [ $way = tcx ]; then
	id=$(node bpftool -j net | jq -r '.[0].tc[] | select(.devname == "vlan.eth.9") | select(.kind == "tcx/ingress").link_id')
	bpftool link detach id "$id"
	check "a link that somebody detaches is put back" soon test_eval \
		'node bpftool -j net | jq -e ".[0].tc[] | select(.devname == \"vlan.eth.9\" and .kind == \"tcx/ingress\" and .link_id != '"$id"')"'
fi

# --- feeds --------------------------------------------------------------------

feed r2
check "a feed that is replaced by a rename is put in force" soon revision_is r2
sed 's/r2/r3/' "$FEED" >"$DIR/plain" && cat "$DIR/plain" >"$FEED"
check "so is one that is written in place" soon revision_is r3
echo '{"FeedVersion": 1,' >"$FEED"
check "a spoiled feed is refused" soon logged 'feed refused, the last revision stays'
check "and the last revision stays" revision_is r3
rm "$FEED"
check "a feed that vanishes is told of" soon logged 'feed refused.*No such file'
# (a slow machine also reads a file between its truncation and what is written)
[ -n "${BG_IN_VM:-}" ] || check "each refusal once" test "$(grep -c "feed refused" "$LOG")" = 2
feed r4 standard
check "the next good one is put in force" soon revision_is r4
check "a branch keeps its mode until its pod is replaced" branch_is 9 mode BG_STRICT
node ip link del vlan.eth.9
branch 9
check "and has the new one then" soon branch_is 9 mode BG_STANDARD
node_keys=', "LiveModeChange": true'
feed r4b strict
check "or at once where the feed wants that" soon branch_is 9 mode BG_STRICT
node_keys=
feed r5 strict 10
check "a branch that leaves the feed is forgotten" soon test_eval '! branch_is 9 id eni-9'
check "but its interface stays guarded" has_programs vlan.eth.9 3
kill -HUP "$PID"
check "SIGHUP reads the feed again" soon test_eval 'test $(grep -c "revision in force.*r5" "$LOG") = 2'

mkdir -p "$DIR/map/..1" "$DIR/map/..2"
feed c1 && cp "$FEED" "$DIR/map/..1/feed.json"
feed c2 && cp "$FEED" "$DIR/map/..2/feed.json"
ln -s ..1 "$DIR/map/..data" && ln -s ..data/feed.json "$DIR/map/feed.json"
stop TERM
check "stopping says that all stays in force" logged 'stays pinned and in force'
FEED=$DIR/map/feed.json
start --attach $way
started $? "follows a mounted ConfigMap"
check "which is in force" revision_is c1
ln -s ..2 "$DIR/map/..data_tmp" && mv -T "$DIR/map/..data_tmp" "$DIR/map/..data"
check "through the swap of its link" soon revision_is c2

# --- the end ------------------------------------------------------------------

stop KILL
check "unload works without a daemon" node "$BG" unload --pin-dir "$PIN"
check "no program is left on a branch" has_programs vlan.eth.9 0
check "nor pins" fails test -e "$PIN"
check "the qdisc that we made is gone" \
	test_eval '! node tc qdisc show dev cni10 | grep -q clsact'
check "the filter of somebody else is still there" foreign
check "and so is the XDP program of somebody else" has_programs vlan.eth.13 1
check "unload once more finds nothing, which is no error" node "$BG" unload --pin-dir "$PIN"

echo "1..$count"
[ $failures -eq 0 ]
