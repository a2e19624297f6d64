#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A node, its network and its neighbours in network namespaces, laid out as the
# AWS VPC CNI does it: names, rules, routes and sysctls. Run it, or source it.
#
#   scripts/lab.sh [--name NAME] up         two strict pods, cart (VLAN 9) and web (VLAN 10)
#   scripts/lab.sh [--name NAME] exec NS COMMAND...
#   scripts/lab.sh [--name NAME] status
#   scripts/lab.sh [--name NAME] down       also what a killed `up` left behind
#
#   NS       addresses                            is
#   node     10.0.1.10   2001:db8:0:1::10         eth0: primary interface, eth1: trunk
#   fabric   .1 of every subnet                   the VPC: routes, filters nothing, is silent
#                                                  about addresses that it does not know
#   client   10.0.2.20   2001:db8:0:2::20         a host of the VPC
#   db       10.0.3.30   2001:db8:0:3::30         another one
#   outside  203.0.113.10  2001:db8:f000::10      a host out of the VPC
#   cart...  10.0.32.0/20  2001:db8:0:32::/64     pods, each in a namespace
#
# Branches are VLAN interfaces of the trunk. A kernel without 8021q gets veth
# pairs of the same names; LAB_KIND says which it is.
#
# Namespaces are called NAME-NS, so that labs run side by side. Functions are
# called lab_*; everything they need is in LAB_NAME and LAB_DIR.

LAB_NAME=${LAB_NAME:-bg-lab}
LAB_DIR=${LAB_DIR:-/run/branchguard-lab/$LAB_NAME}
LAB_MTU=${LAB_MTU:-1500}
LAB_KIND=
LAB_VPC4=10.0.0.0/16 LAB_VPC6=2001:db8::/48
LAB_NODE4=10.0.1.10 LAB_NODE6=2001:db8:0:1::10
LAB_CLIENT4=10.0.2.20 LAB_CLIENT6=2001:db8:0:2::20
LAB_DB4=10.0.3.30 LAB_DB6=2001:db8:0:3::30
LAB_OUTSIDE4=203.0.113.10 LAB_OUTSIDE6=2001:db8:f000::10
LAB_GATEWAY4=10.0.32.1 LAB_GATEWAY6=fe80:ec2::1
LAB_HOSTS=(client db outside)

# shellcheck source=scripts/lab-rules.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab-rules.sh"

lab_fail() {
	echo "lab: $*" >&2
	return 1
}

# lab_exec NS COMMAND...: nsenter and not `ip netns exec`, which would hide bpffs.
lab_exec() {
	local ns=$1
	shift
	nsenter --net="/run/netns/$LAB_NAME-$ns" -- "$@"
}

# lab_ip NS [-6]: ip commands from stdin; -6 for those whose addresses do not show the family.
lab_ip() {
	local ns=$1
	shift
	ip -n "$LAB_NAME-$ns" "$@" -batch -
}

# lab_sysctl NS PATH=VALUE...: paths under net/, because names of interfaces have dots.
lab_sysctl() {
	local ns=$1
	shift
	lab_exec "$ns" bash -c 'for setting; do
		echo "${setting#*=}" >"/proc/sys/net/${setting%%=*}" || exit
	done' sysctl "$@"
}

# The name that the CNI gives the host end of a pod's veth.
lab_host_interface() {
	local pod=$1 mode=${2:-strict} prefix=vlan hash
	[ "$mode" = strict ] || prefix=eni
	hash=$(printf 'shop.%s-0' "$pod" | sha1sum)
	echo "$prefix${hash:0:11}"
}

# The fields of a pod, as lab_pod wrote them: vlan mode v4 v6 host-interface
lab_pod_fields() {
	local fields
	fields=$(sed -n "s/^$1 //p" "$LAB_DIR/pods")
	[ -n "$fields" ] || lab_fail "no pod '$1'" || return
	echo "$fields"
}

lab_mac() {
	printf '02:%02x:00:00:%02x:%02x' "$1" $(($2 >> 8)) $(($2 & 255))
}

# lab_network: all but the branches and pods.
lab_network() {
	local ns host names=(node fabric "${LAB_HOSTS[@]}")
	[ ! -e "$LAB_DIR" ] || lab_fail "lab '$LAB_NAME' is there already; 'down' removes it" || return
	mkdir -p "$LAB_DIR" && : >"$LAB_DIR/pods" || return
	printf 'netns add %s\n' "${names[@]/#/$LAB_NAME-}" | ip -batch - || return
	# No duplicate address detection: it would cost a second an address.
	for ns in "${names[@]}"; do
		lab_sysctl "$ns" ipv6/conf/default/accept_dad=0 ipv6/conf/all/accept_dad=0 || return
	done
	lab_sysctl fabric ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 \
		ipv4/conf/all/send_redirects=0 ipv4/conf/default/send_redirects=0 \
		ipv4/conf/all/rp_filter=0 ipv4/conf/default/rp_filter=0 ipv4/icmp_ratelimit=0 || return
	lab_sysctl node ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 \
		ipv4/conf/all/rp_filter=0 ipv4/conf/default/rp_filter=0 || return
	# From inside: kernels before 6.13 also want the name to be free where ip runs.
	{
		for host in "${LAB_HOSTS[@]}"; do
			echo "link add $host mtu $LAB_MTU type veth" \
				"peer name eth0 mtu $LAB_MTU netns $LAB_NAME-$host"
		done
		echo "link add node mtu $LAB_MTU type veth" \
			"peer name eth0 mtu $LAB_MTU netns $LAB_NAME-node"
		echo "link add trunk mtu $LAB_MTU type veth" \
			"peer name eth1 mtu $LAB_MTU netns $LAB_NAME-node"
	} | lab_ip fabric || return
	lab_ip fabric <<-END || return
		link set lo up
		link set node up
		link set trunk up
		link set client up
		link set db up
		link set outside up
		addr add 10.0.1.1/24 dev node
		addr add 2001:db8:0:1::1/64 dev node nodad
		addr add 10.0.2.1/24 dev client
		addr add 2001:db8:0:2::1/64 dev client nodad
		addr add 10.0.3.1/24 dev db
		addr add 2001:db8:0:3::1/64 dev db nodad
		addr add 203.0.113.1/24 dev outside
		addr add 2001:db8:f000::1/64 dev outside nodad
		route add blackhole 0.0.0.0/0
		route add blackhole ::/0
	END
	lab_host client 24 $LAB_CLIENT4 10.0.2.1 $LAB_CLIENT6 2001:db8:0:2::1 || return
	lab_host db 24 $LAB_DB4 10.0.3.1 $LAB_DB6 2001:db8:0:3::1 || return
	lab_host outside 24 $LAB_OUTSIDE4 203.0.113.1 $LAB_OUTSIDE6 2001:db8:f000::1 || return
	lab_host node 24 $LAB_NODE4 10.0.1.1 $LAB_NODE6 2001:db8:0:1::1 || return
	lab_sysctl node ipv4/conf/eth0/rp_filter=2 || return
	lab_ip node <<-END || return
		link set eth1 up
		rule add prio 1024 fwmark 0x80/0x80 lookup main
	END
	lab_probe_vlan
}

# lab_host NS PREFIX_LENGTH V4 GATEWAY4 V6 GATEWAY6
lab_host() {
	lab_ip "$1" <<-END
		link set lo up
		link set eth0 up
		addr add $3/$2 dev eth0
		addr add $5/64 dev eth0 nodad
		route add default via $4
		route add default via $6
	END
}

# Tries whether this kernel has 8021q.
lab_probe_vlan() {
	if ip -n "$LAB_NAME-node" link add link eth1 name probe type vlan id 4094 2>/dev/null; then
		LAB_KIND=vlan
		ip -n "$LAB_NAME-node" link del probe || return
	else
		LAB_KIND=veth
	fi
	echo "$LAB_KIND" >"$LAB_DIR/kind"
}

# What the CNI does once on a node with strict pods: the local rule gets a later priority.
lab_strict_node() {
	ip -n "$LAB_NAME-node" rule show prio 20 | grep -q . && return
	lab_ip node <<-END || return
		rule add prio 20 lookup local
		rule del prio 0
	END
	lab_ip node -6 <<-END
		rule add prio 20 lookup local
		rule del prio 0
		rule add prio 0 from $LAB_GATEWAY6 ipproto ipv6-icmp lookup local
	END
}

# What the CNI writes before it sets a link up.
lab_link_sysctls() {
	lab_sysctl node "ipv6/conf/$1/accept_ra=0" "ipv6/conf/$1/accept_redirects=1" \
		"ipv6/conf/$1/forwarding=0"
}

# lab_branch VLAN: a new interface, as with every CNI ADD, and the fabric's end of it.
lab_branch() {
	local vlan=$1 mac far_mac
	mac=$(lab_mac 153 "$vlan")
	far_mac=$(lab_mac 250 "$vlan")
	lab_branch_delete "$vlan"
	if [ "$(cat "$LAB_DIR/kind")" = vlan ]; then
		ip -n "$LAB_NAME-node" link add link eth1 name "vlan.eth.$vlan" address "$mac" \
			type vlan id "$vlan" || return
		ip -n "$LAB_NAME-fabric" link add link trunk name "vlan.$vlan" address "$far_mac" \
			type vlan id "$vlan" || return
	else
		ip -n "$LAB_NAME-node" link add "vlan.eth.$vlan" address "$mac" mtu "$LAB_MTU" type veth peer name "vlan.$vlan" address "$far_mac" mtu "$LAB_MTU" \
			netns "$LAB_NAME-fabric" || return
	fi
	lab_link_sysctls "vlan.eth.$vlan" || return
	# The VPC's router has only the link-local address that the CNI's rule of priority 0
	# names: the node would send the answer to any other back to the fabric.
	lab_ip fabric <<-END || return
		link set vlan.$vlan addrgenmode none
		link set vlan.$vlan up
		addr add $LAB_GATEWAY4/32 dev vlan.$vlan
		addr add $LAB_GATEWAY6/64 dev vlan.$vlan nodad
	END
	lab_ip node <<-END || return
		link set vlan.eth.$vlan up
		route add $LAB_GATEWAY4 dev vlan.eth.$vlan scope link table $((vlan + 100))
		route add default via $LAB_GATEWAY4 dev vlan.eth.$vlan table $((vlan + 100))
		route add $LAB_GATEWAY6 dev vlan.eth.$vlan table $((vlan + 100))
		route add default via $LAB_GATEWAY6 dev vlan.eth.$vlan table $((vlan + 100))
	END
	# Pods that were on it before.
	awk -v vlan="$vlan" '$2 == vlan { print $4, $5 }' "$LAB_DIR/pods" |
		while read -r v4 v6; do
			lab_fabric_pod "$vlan" "$v4" "$v6" || return
		done
}

lab_branch_delete() {
	ip -n "$LAB_NAME-node" link del "vlan.eth.$1" 2>/dev/null
	ip -n "$LAB_NAME-fabric" link del "vlan.$1" 2>/dev/null
	return 0
}

# lab_fabric_pod VLAN V4 V6: as in the VPC, the fabric knows behind which branch they are.
lab_fabric_pod() {
	local mac
	mac=$(lab_mac 153 "$1")
	lab_ip fabric <<-END
		route replace $2/32 dev vlan.$1
		neigh replace $2 lladdr $mac nud permanent dev vlan.$1
		route replace $3/128 dev vlan.$1
		neigh replace $3 lladdr $mac nud permanent dev vlan.$1
	END
}

# lab_pod NAME VLAN MODE V4 V6: what CNI ADD does, and the pod. The branch is
# made when it is missing; a branch may have several pods.
lab_pod() {
	local name=$1 vlan=$2 mode=$3 v4=$4 v6=$5 veth mac
	veth=$(lab_host_interface "$name" "$mode")
	mac=$(lab_mac 17 "$((0x${veth: -4}))")
	ip netns add "$LAB_NAME-$name" || return
	echo "$name $vlan $mode $v4 $v6 $veth" >>"$LAB_DIR/pods"
	lab_sysctl "$name" ipv6/conf/default/accept_dad=0 ipv6/conf/all/accept_dad=0 || return
	ip -n "$LAB_NAME-node" link show "vlan.eth.$vlan" >/dev/null 2>&1 || lab_branch "$vlan" || return
	ip -n "$LAB_NAME-node" link add "$veth" address "$mac" mtu "$LAB_MTU" type veth peer name eth0 mtu "$LAB_MTU" netns "$LAB_NAME-$name" || return
	lab_link_sysctls "$veth" || return
	lab_ip "$name" <<-END || return
		link set lo up
		link set eth0 up
		addr add $v4/32 dev eth0
		addr add $v6/128 dev eth0 nodad
		route add 169.254.1.1 dev eth0 scope link
		route add default via 169.254.1.1 dev eth0
		neigh add 169.254.1.1 lladdr $mac nud permanent dev eth0
		route add fe80::1 dev eth0
		route add default via fe80::1 dev eth0
		neigh add fe80::1 lladdr $mac nud permanent dev eth0
	END
	ip -n "$LAB_NAME-node" link set "$veth" up || return
	if [ "$mode" = strict ]; then
		lab_strict_node || return
		lab_iif_rules "vlan.eth.$vlan" $((vlan + 100)) || return
		lab_iif_rules "$veth" $((vlan + 100)) || return
		lab_ip node <<-END || return
			route add $v4/32 dev $veth scope link table $((vlan + 100))
			route add $v6/128 dev $veth table $((vlan + 100))
		END
	else
		lab_ip node <<-END || return
			route add $v4/32 dev $veth scope link
			route add $v6/128 dev $veth
			rule add prio 512 to $v4 lookup main
			rule add prio 1536 from $v4 lookup $((vlan + 100))
		END
		lab_ip node -6 <<-END || return
			rule add prio 512 to $v6 lookup main
			rule add prio 1536 from $v6 lookup $((vlan + 100))
		END
	fi
	lab_fabric_pod "$vlan" "$v4" "$v6"
}

# lab_iif_rules INTERFACE TABLE: once each.
lab_iif_rules() {
	ip -n "$LAB_NAME-node" rule del prio 10 iif "$1" 2>/dev/null
	ip -n "$LAB_NAME-node" -6 rule del prio 10 iif "$1" 2>/dev/null
	ip -n "$LAB_NAME-node" rule add prio 10 iif "$1" lookup "$2" &&
		ip -n "$LAB_NAME-node" -6 rule add prio 10 iif "$1" lookup "$2"
}

# lab_pod_delete NAME: CNI DEL; the branch goes with its last pod.
lab_pod_delete() {
	local name=$1 fields vlan mode v4 v6 veth
	fields=$(lab_pod_fields "$name") || return
	read -r vlan mode v4 v6 veth <<<"$fields"
	lab_kill "$LAB_NAME-$name"
	ip -n "$LAB_NAME-node" link del "$veth"
	ip netns del "$LAB_NAME-$name"
	sed -i "/^$name /d" "$LAB_DIR/pods"
	if [ "$mode" = strict ]; then
		ip -n "$LAB_NAME-node" rule del prio 10 iif "$veth"
		ip -n "$LAB_NAME-node" -6 rule del prio 10 iif "$veth"
	else
		ip -n "$LAB_NAME-node" rule del prio 512 to "$v4"
		ip -n "$LAB_NAME-node" -6 rule del prio 512 to "$v6"
		ip -n "$LAB_NAME-node" rule del prio 1536 from "$v4"
		ip -n "$LAB_NAME-node" -6 rule del prio 1536 from "$v6"
	fi
	if ! awk -v vlan="$vlan" '$2 == vlan { n++ } END { exit !n }' "$LAB_DIR/pods"; then
		lab_branch_delete "$vlan"
		if [ "$mode" = strict ]; then
			ip -n "$LAB_NAME-node" rule del prio 10 iif "vlan.eth.$vlan"
			ip -n "$LAB_NAME-node" -6 rule del prio 10 iif "vlan.eth.$vlan"
		fi
	fi
}

# The two pods that most stories need.
lab_two_pods() {
	lab_pod cart 9 strict 10.0.47.82 2001:db8:0:32::82 &&
		lab_pod web 10 strict 10.0.47.83 2001:db8:0:32::83
}

# A feed that fits the lab: node, one branch a VLAN in group sg-<first pod>, no rules.
lab_feed() {
	jq -n -R --arg node4 $LAB_NODE4 --arg node6 $LAB_NODE6 --arg vpc4 $LAB_VPC4 --arg vpc6 $LAB_VPC6 '
	[inputs | split(" ") | {name: .[0], vlan: (.[1] | tonumber), mode: .[2],
		addresses: [.[3], .[4]], veth: .[5]}] | group_by(.vlan) as $branches |
	{FeedVersion: 1, Revision: "1",
	 Node: {Name: "node", PrimaryInterface: "eth0", TrunkInterface: "eth1",
		Addresses: [$node4, $node6], VpcCidrs: [$vpc4, $vpc6],
		ServiceCidrs: ["172.20.0.0/16", "2001:db8:0:ffff::/108"]},
	 SecurityGroups: [$branches[] | {GroupId: "sg-\(.[0].name)",
		IpPermissions: [], IpPermissionsEgress: []}],
	 NetworkInterfaces: [],
	 Branches: [$branches[] | {Id: "eni-\(.[0].name)", VlanId: .[0].vlan, Mode: .[0].mode,
		GroupIds: ["sg-\(.[0].name)"],
		Pods: [.[] | {Namespace: "shop", Name: "\(.name)-0", Addresses: .addresses}]}]}' \
		<"$LAB_DIR/pods"
}

# lab_up: the network and two pods.
lab_up() {
	lab_network && lab_two_pods
}

# lab_pin_dir: prints a directory of the lab's own on a bpffs; if the machine has no
# bpffs, one is mounted for the lab.
lab_pin_dir() {
	local bpffs=/sys/fs/bpf
	if [ "$(stat -f -c %T $bpffs 2>/dev/null)" != bpf_fs ]; then
		bpffs=/run/branchguard-lab/$LAB_NAME-bpf # no dot: libbpf makes it another path
		mkdir -p "$bpffs" && mount -t bpf bpf "$bpffs" || return
	fi
	echo "$bpffs/$LAB_NAME"
}

# lab_forget_pins PIN_DIR: removes the pins, and with them links and programs; and what a daemon
# that was killed left in its own directory.
lab_forget_pins() {
	local state
	[ -n "$1" ] || return 0
	grep -sl "\"PinDir\": \"$1\"" /run/branchguard/*.json | while read -r state; do
		rm -f "${state%json}"*
	done
	rm -rf "$1"
	[[ $1 != /run/* ]] || { umount "${1%/*}" && rmdir "${1%/*}"; }
}

# Ends what runs in a namespace; by SIGTERM first, so that it can clean up.
lab_kill() {
	local pids
	pids=$(ip netns pids "$1" 2>/dev/null) || return 0
	[ -n "$pids" ] || return 0
	# shellcheck disable=SC2086 # one word a process
	kill $pids 2>/dev/null
	for _ in {1..30}; do
		[ -n "$(ip netns pids "$1" 2>/dev/null)" ] || return 0
		sleep 0.05
	done
	# shellcheck disable=SC2046
	kill -9 $(ip netns pids "$1" 2>/dev/null) 2>/dev/null
	return 0
}

# lab_down: removes all of the lab that is there, also what a killed `up` left behind.
lab_down() {
	local ns
	for ns in /run/netns/"$LAB_NAME"-*; do
		[ -e "$ns" ] || continue
		lab_kill "${ns##*/}"
		ip netns del "${ns##*/}"
	done
	rm -rf "$LAB_DIR"
}

lab_status() {
	local ns kind=(vlan "VLAN interfaces of eth1")
	[ -e "$LAB_DIR/kind" ] || lab_fail "no lab '$LAB_NAME'; 'up' makes one" || return
	[ "$(cat "$LAB_DIR/kind")" = vlan ] || kind=(veth "veth pairs (this kernel has no 8021q)")
	echo "lab $LAB_NAME: branches are ${kind[1]}"
	for ns in /run/netns/"$LAB_NAME"-*; do
		printf '  %-8s %s\n' "${ns##*/"$LAB_NAME"-}" "$(ip -n "${ns##*/}" -br addr show eth0 2>/dev/null |
			awk '{ for (i = 3; i <= NF; i++) if ($i !~ /^fe80/) printf "%s ", $i }')"
	done
	[ ! -s "$LAB_DIR/pods" ] || echo "pods (name, VLAN, mode, addresses, host interface):"
	sed 's/^/  /' "$LAB_DIR/pods"
}

lab_usage() {
	sed -n '3,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

lab_main() {
	local verb
	if [ "${1:-}" = --name ]; then
		[[ ${2:-} =~ ^[A-Za-z0-9._-]{1,40}$ ]] || lab_usage
		LAB_NAME=$2
		LAB_DIR=/run/branchguard-lab/$LAB_NAME
		shift 2
	fi
	verb=${1:-}
	[ $# -eq 0 ] || shift
	[ "$(id -u)" -eq 0 ] || lab_fail "needs root: it makes network namespaces" || exit
	case $verb in
	up)
		[ ! -e "$LAB_DIR" ] || lab_fail "lab '$LAB_NAME' is up; 'down' removes it" || exit
		# A lab that is not complete is removed again.
		trap 'trap - EXIT; lab_down; exit 1' EXIT INT TERM HUP
		lab_up || exit
		trap - EXIT INT TERM HUP
		lab_status
		;;
	down) lab_down ;;
	exec)
		[ $# -ge 2 ] || lab_usage
		[ -e "/run/netns/$LAB_NAME-$1" ] || lab_fail "lab '$LAB_NAME' has no namespace '$1'" || exit
		lab_exec "$@"
		;;
	status) lab_status ;;
	*) lab_usage ;;
	esac
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
	lab_main "$@"
fi
