#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Interfaces that have two roles, or are given one that would cut off the node.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

to_db="tcp cart $LAB_DB4 5432"
from_node="icmp node $LAB_DB4"
# The links of an interface: another one is made when a program is attached again.
links_of() {
	lab_exec node bpftool -j net show | jq -c "[.[].tc[] | select(.devname == \"$1\") | .link_id] | sort"
}

lab_up || bail "no lab"
serve db
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"$LAB_DB4/32\"]))"

# --- the trunk is the primary interface: usual on bare metal ---------------------------
feed '.Node.TrunkInterface = "eth0"'
bg_start
check "trunk and primary in one: cart reaches what it may, web does not" \
	together "$to_db" "silent tcp web $LAB_DB4 5432" "$from_node"
before=$(links_of eth0)
sleep 7 # two rounds of the daemon
check "its two programs of a hook do not fight for the first place" fails bg_says "came first"
check "nor are they attached again" test "$(links_of eth0)" = "$before"
bg_stop
bg unload >/dev/null
feed '.Node.TrunkInterface = "eth1"'

# --- a branch that names the node's own interface ---------------------------------------
# Not named in the feed, the primary interface is known by the default route.
feed 'del(.Node.PrimaryInterface) | branch("web").Interface = "eth0"'
bg_start
check "a branch on the primary interface: the node goes on speaking" together "$from_node" "$to_db"
check "it is left out, and why" bg_says "node's own: it is left out\" interface=eth0"
check "status says so too" eval "bg status | grep \"eth0.*node's own\""
feed_live 'branch("web").Interface = "lo"'
check "a branch on loopback is left out as well" wait_for bg_says "node's own: it is left out\" interface=lo "
check "the node still speaks to itself" icmp node 127.0.0.1
check "and the others go on" together "$from_node" "$to_db"
feed_live 'branch("web") |= (del(.Interface) | .Pods[0].HostInterface = "eth0")'
check "a pod whose veth would be the primary interface: the node goes on" together "$from_node" "$to_db"
feed_live 'branch("web") |= del(.Pods[0].HostInterface)'
check "when the feed is right again nothing is said any more" \
	wait_for fails eval "bg status | grep \"node's own\""
check "and web is guarded" armed 10

# --- a restart while the feed is broken ---------------------------------------------------
bg_kill
cp "$FEED" "$LAB_DIR/good.json"
echo oops >"$FEED"
bg_spawn
check "a daemon that starts with a broken feed is ready" wait_for bg_says '"ready"'
check "what was in force is" together "$to_db" "silent tcp web $LAB_DB4 5432"
check "and nobody says that all is dropped" fails bg_says "everything on it is dropped"
cp "$LAB_DIR/good.json" "$FEED"
check "with a good feed it goes on" wait_for feed_in_force

# --- an interface that is renamed, or moved away -------------------------------------------
ip -n "$LAB_NAME-node" link set vlan.eth.10 down
ip -n "$LAB_NAME-node" link set vlan.eth.10 name other10
ip -n "$LAB_NAME-node" link set other10 up
check "a branch's interface that is renamed stays guarded" wait_for bg_says "renamed.*other10"
check "status has it by both names, armed" wait_for eval \
	'bg status | grep "vlan.eth.10, strict, RENAMED to other10, ifindex [0-9]*, armed since"'
check "nothing of web gets out by it" silent tcp web "$LAB_DB4" 5432
ip -n "$LAB_NAME-node" link set other10 netns "$LAB_NAME-client"
check "one that is moved to another network namespace is not taken for gone" \
	wait_for bg_says "another network namespace"
check "its programs stay" eval "lab_exec client bpftool net show | grep other10"
check "and the others go on" together "$to_db" "$from_node"
finish
