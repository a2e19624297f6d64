#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The ways around the verdict that have been found, one by one, each with its neighbours and
# with what is legitimate beside it (stories.py), in every way that branchguard stands in
# and while things happen to interfaces. A row that open.list names is expected to fail in at
# least one of them.
# shellcheck source=selftests/attacks/lib.sh
. "$(dirname "$0")/lib.sh"

RESULTS=$LAB_DIR/results
FOREIGN=$(realpath -m "${BG_BUILD:-build}")/selftests/net/foreign.bpf.o

# stories WAY STORY...: its rows into RESULTS.
stories() {
	local way=$1
	shift
	selftests/attacks/stories.py "$LAB_NAME" "$@" >"$LAB_DIR/rows" 2>"$LAB_DIR/said" ||
		bail "stories.py $*: $(cat "$LAB_DIR/said")"
	sed "s/^/$way\t/" "$LAB_DIR/rows" >>"$RESULTS"
}

# One result a row, of all ways in which it was tried.
judge_rows() {
	local name status
	while IFS=$'\t' read -r status name; do
		OUTPUT=$(awk -F '\t' -v name="$name" '$3 == name && $2 == "not ok" { print $1 ": " $4 }' "$RESULTS")
		known_open "$status" "$name"
	done < <(awk -F '\t' '!($3 in bad) { order[n++] = $3; bad[$3] = 0 } $2 == "not ok" { bad[$3] = 1 }
		END { for (i = 0; i < n; i++) print bad[order[i]] "\t" order[i] }' "$RESULTS")
}

rules='egress("sg-cart"; permission("tcp"; 5432; 5432; ["10.0.3.0/24", "2001:db8:0:3::/64"]))
	| egress("sg-cart"; permission("udp"; 5432; 5432; ["10.0.3.0/24", "2001:db8:0:3::/64"]))
	| ingress("sg-cart"; permission("tcp"; 8080; 8080; ["10.0.2.0/24", "2001:db8:0:2::/64"]))
	| ingress("sg-cart"; permission("udp"; 8080; 8080; ["10.0.2.0/24", "2001:db8:0:2::/64"]))
	| ingress("sg-cart"; of_groups("udp"; 7000; 7000; ["sg-cart"]))
	| egress("sg-cart"; of_groups("udp"; 7000; 7001; ["sg-cart"]))
	| egress("sg-std"; permission("udp"; 5432; 5432; anywhere))'

lab_up || bail "no lab"
lab_pod twin 9 strict 10.0.47.86 2001:db8:0:32::86 || bail "no sibling"
lab_pod std 11 standard 10.0.47.84 2001:db8:0:32::84 || bail "no standard pod"
lab_pod lost 14 standard 10.0.47.87 2001:db8:0:32::87 || bail "no pod without a feed"
silence || bail "the lab is not silent"
# A second network interface of the node, by which one host is reached.
{
	ip -n "$LAB_NAME-fabric" link add second type veth peer name eth2 netns "$LAB_NAME-node" &&
		ip -n "$LAB_NAME-fabric" link set second up && lab_ip node <<-END
			link set eth2 up
			addr add 10.0.9.10/24 dev eth2
			addr add 2001:db8:0:9::10/64 dev eth2 nodad
			neigh replace 10.0.9.1 lladdr 02:09:00:00:00:01 nud permanent dev eth2
			neigh replace 2001:db8:0:9::1 lladdr 02:09:00:00:00:01 nud permanent dev eth2
			route add 10.0.2.0/24 via 10.0.9.1
			route add 2001:db8:0:2::/64 via 2001:db8:0:9::1
		END
} || bail "no second interface"
lab_cni_rules snat || bail "no CNI rules"
lab_nft <<-END || bail "no service"
	table ip service {
		chain prerouting {
			type nat hook prerouting priority dstnat
			ip daddr 172.20.0.7 dnat to 10.0.47.86
		}
	}
	table ip6 service {
		chain prerouting {
			type nat hook prerouting priority dstnat
			ip6 daddr 2001:db8:0:ffff::7 dnat to 2001:db8:0:32::86
		}
	}
END
feed "$rules"' | del(.Branches[] | select(.VlanId == 14))
	| (.Branches[] | select(.VlanId == 9)).Pods[].Probes = [{Protocol: "tcp", Port: 8080}]'

# Without branchguard each of them gets through in one row at least; else the rows say nothing.
# (a15 needs our redirects, a16 our way for probes.)
tried=(a1 a4 a5 a7 a8 a9 a10 a12 a13 a14 a17)
ways=("" "--attach clsact --xdp branch" "--no-short-way")
# What is emulated takes one way, and those that ask something of kernel or VLANs.
[ -z "${BG_IN_VM:-}" ] || ways=("") tried=(a1 a7 a10 a12 a14)
stories "unguarded" "${tried[@]}"
for story in "${tried[@]}"; do
	OUTPUT=$(grep -i "$(printf '\t')$story: " "$RESULTS")
	grep -q "not ok$(printf '\t').*: " <<<"$OUTPUT"
	result $? "without branchguard ${story^} gets through"
done
: >"$RESULTS"

cp "$FEED" "$LAB_DIR/whole.json"
veth=$(lab_host_interface cart)
for way in "${ways[@]}"; do
	# shellcheck disable=SC2086 # words
	bg_start $way
	stories "${way:-by default}" "${tried[@]}" a15 a16
	if [[ " ${tried[*]} " = *" a17 "* ]]; then
		feed_live 'no_rules("sg-cart")'
		stories "${way:-by default}" a17_later
	fi
	bg_stop
	bg unload >/dev/null || bail "unload: $(bg unload 2>&1)"
	cp "$LAB_DIR/whole.json" "$FEED"
done

# --- while things happen ---------------------------------------------------------------

# anew: the branch is made again, as by every CNI ADD.
anew() {
	lab_branch 9 && silence
}

happenings() {
	local how=$1
	ip -n "$LAB_NAME-node" link set vlan.eth.9 down
	stories "$how" a3_down
	ip -n "$LAB_NAME-node" link set vlan.eth.9 up
	# with its link the interface has lost its routes
	stories "$how, up again" a3_routes
	lab_branch_delete 9
	stories "$how" a3_gone
	anew || bail "no branch"
}

bg_start
stories "alive" open_again
happenings alive
wait_for eval 'bg status --json | jq -e "all(.branches[]; .armed)"' || bail "not armed again"
stories "alive, made anew" open_again
# As an agent of network policies does, behind ours.
bpftool prog loadall "$FOREIGN" "$PIN_DIR-foreign" || bail "no programs of somebody else"
lab_exec node tc qdisc add dev "$veth" clsact 2>/dev/null
lab_exec node tc filter add dev "$veth" ingress prio 9 bpf da object-pinned "$PIN_DIR-foreign/foreign_drop" ||
	bail "no filter"
sleep 1.5 # as long as it may take to be noticed
stories "a filter" a11
lab_exec node tc filter del dev "$veth" ingress prio 9
if lab_exec node bpftool net attach tcx_ingress pinned "$PIN_DIR-foreign/foreign_drop" dev "$veth" 2>/dev/null; then
	sleep 1.5
	stories "by tcx" a11
	lab_exec node bpftool net detach tcx_ingress dev "$veth"
fi
rm -rf "$PIN_DIR-foreign"
bg_kill
happenings dead
if [ "$(cat "$LAB_DIR/kind")" = vlan ]; then
	stories dead a2
fi
bg_start
stories "started again" open_again
bg_stop
bg unload >/dev/null || bail "unload: $(bg unload 2>&1)"

if [ -z "${BG_IN_VM:-}" ]; then
	bg_start --max-flows 1024
	stories "1024 flows" a6
	bg_stop
fi
judge_rows
finish
