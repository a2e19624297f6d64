#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What is left after `unload`: nothing of ours, everything of others.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "$0")/lib.sh"

# Programs, filters, qdiscs and XDP on all interfaces of the node, without the
# numbers that change.
inventory() {
	lab_exec node bpftool -j net | jq -S '.[] | del(..|.id?, .ifindex?)'
	tc -n "$LAB_NAME-node" -j qdisc show | jq -c '.[] | select(.kind == "clsact") | [.dev, .kind]'
	for interface in $(ip -n "$LAB_NAME-node" -j link | jq -r '.[].ifname'); do
		tc -n "$LAB_NAME-node" filter show dev "$interface" ingress
		tc -n "$LAB_NAME-node" filter show dev "$interface" egress
	done
	ip -n "$LAB_NAME-node" -d link show | grep -o 'prog/xdp'
}

foreign_filters() {
	tc -n "$LAB_NAME-node" qdisc add dev vlan.eth.9 clsact &&
		tc -n "$LAB_NAME-node" filter add dev vlan.eth.9 ingress prio 7 protocol ip \
			u32 match ip dst 192.0.2.1/32 flowid 1:1 &&
		tc -n "$LAB_NAME-node" filter add dev vlan.eth.9 egress prio 1 protocol ip \
			u32 match ip dst 192.0.2.2/32 flowid 1:1
}

unloads() {
	bg unload && [ ! -e "$PIN_DIR" ]
}

lab_up || bail "no lab"
serve db
check "others have a qdisc and filters on a branch" foreign_filters
untouched=$(inventory)
for ways in "--attach auto" "--attach clsact --xdp branch" "--xdp trunk"; do
	feed .
	# shellcheck disable=SC2086 # options
	bg_start $ways
	check "$ways: guarded" silent tcp cart "$LAB_DB4" 5432
	check "$ways: the inventory shows it" test "$(inventory)" != "$untouched"
	check "$ways: unload is refused while the daemon runs" fails bg unload
	check "$ways: and changes nothing" silent tcp cart "$LAB_DB4" 5432
	bg_stop
	check "$ways: unload" unloads
	check "$ways: as if it never had been there" test "$(inventory)" = "$untouched"
	check "$ways: not guarded any more" tcp cart "$LAB_DB4" 5432
done

# After a daemon that was killed.
bg_start
bg_kill
check "killed, unloaded" unloads
check "as if it never had been there" test "$(inventory)" = "$untouched"
check "a second unload finds nothing and says so" eval \
	"bg unload 2>&1 | grep -q 'nothing is loaded'"
finish
