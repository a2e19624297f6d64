#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The daemon and what it leaves pinned: start, kill, start again, upgrade from
# clsact to tcx, interfaces that go and come back, filters that others take
# away, feeds that are swapped and spoiled, unload. No packets: test_lab.sh has
# those.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

node() {
	lab_exec node "$@"
}

failing_with() { # TEXT COMMAND...: exit status 1 and this on stderr
	local text=$1 output
	shift
	output=$("$@" 2>&1)
	[ $? -eq 1 ] && grep -qF -- "$text" <<<"$output" && return
	echo "$output"
	return 1
}

# start NAME [OPTION...]: without a daemon the rest says nothing.
start() {
	local name=$1
	shift
	bg_spawn "$@"
	check "$name" wait_for bg_says '"ready"'
	bg_says '"ready"' >/dev/null || bail "no daemon"
}

node_keys='{}' # further ones of the feed's Node
put_feed() { # REVISION [MODE [VLANS]]
	jq -n --arg revision "$1" --arg mode "${2:-strict}" --argjson vlans "[${3:-9, 10}]" \
		--argjson node_keys "$node_keys" "$FEED_WORDS"'
		{FeedVersion: 1, Revision: $revision, Node: ({PrimaryInterface: "eth0"} + $node_keys),
		 SecurityGroups: [{GroupId: "sg-1", IpPermissions: [permission("tcp"; 80; 80; ["10.0.0.0/8"])]}],
		 Branches: [$vlans[] | {Id: "eni-\(.)", VlanId: ., Mode: $mode, GroupIds: ["sg-1"],
			Pods: [{Namespace: "shop", Name: "p\(.)", HostInterface: "cni\(.)",
				Addresses: ["10.0.32.\(.)"]}]}]}' >"$LAB_DIR/new" &&
		mv "$LAB_DIR/new" "$FEED"
}

branch_comes() { # VLAN
	node ip link add "vlan.eth.$1" type veth peer name "p$1" netns "$LAB_NAME-pods" &&
		node ip link set "vlan.eth.$1" up
}

ifindex() { node ip -o link show "$1" | cut -d: -f1; }
# One field of the branch of a VLAN, as the pinned map has it.
branch_field() { # VLAN FIELD
	bpftool -j map dump pinned "$PIN_DIR/maps/branches" |
		jq -r ".[] | (.formatted // .) | select(.key == $1) | .value.$2"
}
branch_is() { [ "$(branch_field "$1" "$2")" = "$3" ]; }
armed_vlan() { # VLAN IFINDEX
	[ "$(bpftool -j map dump pinned "$PIN_DIR/maps/fast_vlans" |
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
	[ "$(bpftool -j map dump pinned "$PIN_DIR/maps/control" |
		jq -r '.[0] | (.formatted // .) | .value.feed_revision')" = "$1" ]
}
links_pinned() { # IN_NAME COUNT
	local links
	shopt -s nullglob
	links=("$PIN_DIR"/links/*"$1"*)
	[ ${#links[@]} = "$2" ]
}
our_filters() { node tc filter show dev "$1" "$2" | grep -c 'handle 0xb6'; }

# Two branches and two pods' interfaces, of which nobody needs more than the near ends.
mkdir -p "$LAB_DIR"
printf 'netns add %s\n' "$LAB_NAME-node" "$LAB_NAME-pods" | ip -batch - || bail "no namespaces"
node ip link set lo up
branch_comes 9 || bail "no branch"
branch_comes 10 || bail "no second branch"
node ip link add cni9 type veth peer name eth9 netns "$LAB_NAME-pods"
node ip link add cni10 type veth peer name eth10 netns "$LAB_NAME-pods"
node ip link add eth0 type veth peer name e0 netns "$LAB_NAME-pods"
for interface in eth0 cni9 cni10; do
	node ip link set $interface up
done

# --- what cannot start ------------------------------------------------------

put_feed r1
check "a pin directory off bpffs is refused with the mount command" \
	failing_with "mount -t bpf" node "$BG" run --feed "$FEED" --pin-dir "$LAB_DIR/pins"
check "an ordinary user gets one line" \
	failing_with "lacks CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON" setpriv --reuid 65534 --clear-groups \
	"$BG" run --feed "$FEED" --pin-dir "$PIN_DIR"
check "a feed in a directory that does not exist is refused" \
	failing_with "No such file" node "$BG" run --feed "$LAB_DIR/none/feed.json" --pin-dir "$PIN_DIR"

# --- clsact -----------------------------------------------------------------

branch_comes 12
node tc qdisc add dev vlan.eth.12 clsact
foreign() { node tc filter show dev vlan.eth.12 ingress | grep -q 'match c0000201'; }
node tc filter add dev vlan.eth.12 ingress prio 7 protocol ip u32 \
	match ip dst 192.0.2.1/32 flowid 1:1
start "starts with clsact" --attach clsact --xdp branch
check "both branches are armed" wait_for bg_says 'armed.*vlan.eth.10'
check "filters of ours are on both directions of a branch" \
	test "$(our_filters vlan.eth.9 ingress)/$(our_filters vlan.eth.9 egress)" = 1/1
check "the armed VLAN names the interface" armed_vlan 9 "$(ifindex vlan.eth.9)"
check "XDP is pinned as a link" links_pinned xdp_branch 3
check "a second daemon on the same directory is refused" \
	failing_with "in use by another" node "$BG" run --feed "$FEED" --pin-dir "$PIN_DIR"
check "unload refuses while a daemon runs" \
	failing_with "stop it first" node "$BG" unload --pin-dir "$PIN_DIR"
check "a filter of somebody else is left alone" foreign
check "and ours stands before it" test "$(our_filters vlan.eth.12 ingress)" = 1

first_filter() { node tc filter show dev vlan.eth.9 ingress | grep -o 'handle 0x[0-9a-f]*' | head -n 1; }
ours_first() { [[ $(first_filter) == "handle 0xb6"* ]]; }
# As aws-network-policy-agent does; the kernel puts the newer one first.
node tc filter add dev vlan.eth.9 ingress prio 1 handle 1 protocol all bpf da \
	object-pinned "$PIN_DIR/programs/tc_node_ingress"
check "a filter that comes first does not stay there" wait_for ours_first
check "but stays" eval 'node tc filter show dev vlan.eth.9 ingress | grep -q "handle 0x1 "'
check "and there is one of ours still" test "$(our_filters vlan.eth.9 ingress)" = 1
node tc filter del dev vlan.eth.9 ingress prio 1
check "a filter that somebody deletes is put back" \
	wait_for eval 'test "$(our_filters vlan.eth.9 ingress)" = 1'
check "and the log says so" bg_says "took a program away"

# --- kill, and an upgrade to tcx ----------------------------------------------

armed_before=$(branch_field 9 armed_ns)
bg_kill
check "after kill -9 the filters are still there" \
	test "$(our_filters vlan.eth.9 ingress)/$(our_filters vlan.eth.9 egress)" = 1/1
node ip link del vlan.eth.10
branch_comes 10
branch_comes 13
node ip link set vlan.eth.13 xdpgeneric pinned "$PIN_DIR/programs/xdp_branch"
if node "$BG" run --feed "$LAB_DIR/none/x" --attach tcx --pin-dir "$PIN_DIR" 2>&1 |
	grep -q "no tcx"; then
	way=clsact per_branch=1
else
	way=tcx per_branch=3
fi
start "starts again, by $way" --attach $way --xdp branch
check "takes over what is there" bg_says 'taking over'
check "the interface was armed all the time" branch_is 9 armed_ns "$armed_before"
check "one that was replaced meanwhile is armed anew" branch_is 10 ifindex "$(ifindex vlan.eth.10)"
check "where somebody has the XDP hook, the log says who" \
	bg_says 'without XDP.*vlan.eth.13.*taken by program \([0-9]*\) (`bpftool prog show id \1` names it)'
check "and TC guards alone" has_programs vlan.eth.13 3
check "a branch has three programs" has_programs vlan.eth.9 3
if [ $way = tcx ]; then
	check "no filter of ours is left beside the links" test "$(our_filters vlan.eth.9 ingress)" = 0
fi
check "the link of the interface that went is unpinned" links_pinned vlan_eth_10 $per_branch

# --- interfaces ---------------------------------------------------------------

old=$(ifindex vlan.eth.9)
node ip link del vlan.eth.9
check "an interface that goes is disarmed" wait_for armed_vlan 9 0
check "its branch is absent" branch_is 9 ifindex 0
check "its pins are gone" links_pinned vlan_eth_9 0
branch_comes 9
check "under its old name and a new ifindex it is armed again" wait_for armed_vlan 9 "$(ifindex vlan.eth.9)"
check "which is another ifindex" test "$old" != "$(ifindex vlan.eth.9)"
branch_comes 11
check "an interface without a branch in the feed is guarded" wait_for has_programs vlan.eth.11 3
check "and the log says that everything on it is dropped" bg_says 'vlan.eth.11.*everything\|everything.*vlan.eth.11'
check "the pod is in the map" eval \
	'bpftool -j map dump pinned $PIN_DIR/maps/pods | jq -e "length == 2" >/dev/null'
node ip link del cni9
check "a pod whose veth goes leaves the map" wait_for eval \
	'bpftool -j map dump pinned $PIN_DIR/maps/pods | jq -e "length == 1" >/dev/null'
node ip link add cni9 type veth peer name eth9 netns "$LAB_NAME-pods"
check "and comes back with it" wait_for eval \
	'bpftool -j map dump pinned $PIN_DIR/maps/pods | jq -e "length == 2" >/dev/null'
if [ $way = tcx ]; then
	id=$(node bpftool -j net | jq -r '.[0].tc[] | select(.devname == "vlan.eth.9") | select(.kind == "tcx/ingress").link_id')
	bpftool link detach id "$id"
	check "a link that somebody detaches is put back" wait_for eval \
		'node bpftool -j net | jq -e ".[0].tc[] | select(.devname == \"vlan.eth.9\" and .kind == \"tcx/ingress\" and .link_id != '"$id"')"'
fi

# --- feeds --------------------------------------------------------------------

put_feed r2
check "a feed that is replaced by a rename is put in force" wait_for revision_is r2
sed 's/r2/r3/' "$FEED" >"$LAB_DIR/plain" && cat "$LAB_DIR/plain" >"$FEED"
check "so is one that is written in place" wait_for revision_is r3
from_here_on
echo '{"FeedVersion": 1,' >"$LAB_DIR/spoiled" && mv "$LAB_DIR/spoiled" "$FEED"
check "a spoiled feed is refused" wait_for bg_says 'feed refused, the last revision stays'
check "and the last revision stays" revision_is r3
rm "$FEED"
check "a feed that vanishes is told of" wait_for bg_says 'feed refused.*No such file'
check "each refusal once" test "$(bg_says "feed refused" | wc -l)" = 2
put_feed r4 standard
check "the next good one is put in force" wait_for revision_is r4
check "a branch keeps its mode until its pod is replaced" branch_is 9 mode BG_STRICT
node ip link del vlan.eth.9
branch_comes 9
check "and has the new one then" wait_for branch_is 9 mode BG_STANDARD
node_keys='{"LiveModeChange": true}'
put_feed r4b strict
check "or at once where the feed wants that" wait_for branch_is 9 mode BG_STRICT
node_keys='{}'
put_feed r5 strict 10
check "a branch that leaves the feed stays while it lives" wait_for bg_says 'lacks a branch.*branch="eni-9"'
check "in force as it was" branch_is 9 id eni-9
node ip link del cni9
check "when its veth is gone it is forgotten" wait_for eval '! branch_is 9 id eni-9'
check "but its interface stays guarded" has_programs vlan.eth.9 3
revisions=$(bg_says "revision in force.*r5" | wc -l)
kill -HUP "$BG_PID"
check "SIGHUP reads the feed again" wait_for bg_says "content that is in force"
touch "$FEED"
check "so does a touch" wait_for eval 'test $(bg_says "content that is in force" | wc -l) = 2'
check "but the same content is no new revision" test "$(bg_says "revision in force.*r5" | wc -l)" = "$revisions"

mkdir -p "$LAB_DIR/map/..1" "$LAB_DIR/map/..2"
put_feed c1 && cp "$FEED" "$LAB_DIR/map/..1/feed.json"
put_feed c2 && cp "$FEED" "$LAB_DIR/map/..2/feed.json"
ln -s ..1 "$LAB_DIR/map/..data" && ln -s ..data/feed.json "$LAB_DIR/map/feed.json"
bg_stop
check "stopping says that all stays in force" bg_says 'stays pinned and in force'
FEED=$LAB_DIR/map/feed.json
start "follows a mounted ConfigMap" --attach $way
check "which is in force" revision_is c1
ln -s ..2 "$LAB_DIR/map/..data_tmp" && mv -T "$LAB_DIR/map/..data_tmp" "$LAB_DIR/map/..data"
check "through the swap of its link" wait_for revision_is c2

# --- the end ------------------------------------------------------------------

bg_kill
check "unload works without a daemon" node "$BG" unload --pin-dir "$PIN_DIR"
check "no program is left on a branch" has_programs vlan.eth.9 0
check "nor pins" fails test -e "$PIN_DIR"
check "the qdisc that we made is gone" \
	eval '! node tc qdisc show dev cni10 | grep -q clsact'
check "the filter of somebody else is still there" foreign
check "and so is the XDP program of somebody else" has_programs vlan.eth.13 1
check "unload once more finds nothing, which is no error" node "$BG" unload --pin-dir "$PIN_DIR"

finish
