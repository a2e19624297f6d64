# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# What attacks share, beside what socket tests have: a lab in which nobody speaks but the
# attacker, and the list of what is known to be open.
# shellcheck source=selftests/net/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.sh"

OPEN_LIST=selftests/attacks/open.list

# open_kinds: those of random frames.
open_kinds() {
	sed -n 's/^kind \([^ ]*\) |.*/\1/p' "$OPEN_LIST"
}

# Patterns of open.list, as bash has them; `host:` before one says that it is open in ways
# that are not tried in a guest.
mapfile -t OPEN_PATTERNS < <(sed -n '/^#/d; s/ *|.*//p' "$OPEN_LIST")

# is_listed PREFIX NAME
is_listed() {
	local pattern
	for pattern in "${OPEN_PATTERNS[@]}"; do
		# shellcheck disable=SC2053 # a pattern it is
		[[ $1$2 != $pattern ]] || return 0
	done
	return 1
}

# known_open STATUS NAME: a result; of what open.list has, the opposite is expected.
known_open() {
	if is_listed "" "$2" || { [ -z "${BG_IN_VM:-}" ] && is_listed host: "$2"; }; then
		if [ "$1" -eq 0 ]; then
			OUTPUT="it is closed: take it off $OPEN_LIST"
			result 1 "known to be open: $2"
			return
		fi
		OUTPUT=
		result 0 "KNOWN OPEN: $2"
	elif is_listed host: "$2"; then
		OUTPUT=
		result 0 "known to be open elsewhere: $2"
	else
		result "$1" "$2"
	fi
}

# Nobody answers by himself, and the node knows all MACs. Again when an interface is new.
silence() {
	local pod vlan mode v4 v6 veth mac host
	while read -r pod vlan mode v4 v6 veth; do
		mac=$(ip -j -n "$LAB_NAME-$pod" link show dev eth0 | jq -r '.[0].address')
		lab_ip node <<-END || return
			neigh replace $v4 lladdr $mac nud permanent dev $veth
			neigh replace $v6 lladdr $mac nud permanent dev $veth
		END
		mac=$(ip -j -n "$LAB_NAME-fabric" link show dev "vlan.$vlan" | jq -r '.[0].address')
		lab_ip node <<-END || return
			neigh replace $LAB_GATEWAY4 lladdr $mac nud permanent dev vlan.eth.$vlan
			neigh replace $LAB_GATEWAY6 lladdr $mac nud permanent dev vlan.eth.$vlan
		END
		for host in "$pod eth0" "fabric vlan.$vlan"; do
			ip -n "$LAB_NAME-${host% *}" addr flush dev "${host#* }" || return
		done
		# What is to be filled in is filled in where it leaves, as by a device that cannot.
		for host in "vlan.eth.$vlan" "$veth"; do
			lab_exec node ethtool -K "$host" tx off >/dev/null || return
		done
	done <"$LAB_DIR/pods"
	mac=$(ip -j -n "$LAB_NAME-fabric" link show dev node | jq -r '.[0].address')
	lab_ip node <<-END || return
		neigh replace 10.0.1.1 lladdr $mac nud permanent dev eth0
		neigh replace 2001:db8:0:1::1 lladdr $mac nud permanent dev eth0
	END
	lab_sysctl fabric ipv4/ip_forward=0 ipv6/conf/all/forwarding=0
}
