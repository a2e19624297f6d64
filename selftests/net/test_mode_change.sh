#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A branch keeps the mode that it was attached with until its pod is replaced.
# shellcheck source=selftests/net/modes.sh
. "$(dirname "$0")/modes.sh"

mode_of() {
	bg status --json | jq -r --argjson vlan "$1" '.branches[] | select(.vlan == $vlan).mode'
}
mode_is() {
	[ "$(mode_of "$1")" = "$2" ]
}

lab_up || bail "no lab"
serve cart
feed .
bg_start
check "cart is strict" mode_is 9 strict
check "so its node does not reach it unfiltered" silent icmp node 10.0.47.82

feed_live '(branch("cart")).Mode = "standard"'
check "the feed wants it standard: it stays strict" mode_is 9 strict
check "and filtered" silent icmp node 10.0.47.82
check "the daemon says why, and which is which" bg_says "keeps its mode.* mode=strict asked=standard"
bg_kill
bg_start
check "another daemon keeps it, too" mode_is 9 strict

lab_pod_delete cart
lab_pod cart 9 standard 10.0.47.82 2001:db8:0:32::82 || bail "no pod"
check "its pod was replaced: it is standard" wait_for mode_is 9 standard
check "and its node reaches it" wait_for icmp node 10.0.47.82

feed_live '(branch("cart")).Mode = "strict" | .Node.LiveModeChange = true'
check "LiveModeChange: at once" wait_for mode_is 9 strict
finish
