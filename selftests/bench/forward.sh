#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What forwarding through a node costs, in ways that take turns:
#
#   selftests/bench/forward.sh [--json]
#
#   none    the node forwards by its routing rules; no netfilter, no branchguard
#   short   branchguard, by the short way
#   xdp     the same with --xdp branch: what generic XDP on the branch costs
#   stack   branchguard --no-short-way
#   nft     nftables: conntrack, and a set of the same remotes and ports
#
# Each way has a lab of its own, the same strict pod and the same permissions; the
# remote end is the fabric's end of the branch, so that nothing else forwards.
# Small packets are counted for each second of CPU that generator and node took
# together (tool_stream.c). Bulk TCP is iperf3 with its large segments.
# A figure is the median of all rounds, a ratio that of the ratios to `none` of
# the same round: what slows the machine down for a while slows all of them.
#
# BG_BENCH_QUICK=1: a few short rounds, which show that everything flows and no more.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=scripts/lab.sh
. scripts/lab.sh

BUILD=$(realpath -m "${BG_BUILD:-build}")
BG=$BUILD/branchguard
STREAM=$BUILD/selftests/bench/tool_stream
WAYS=(none short xdp stack nft)
RUN_NAME=bgf$$
DIR=/run/branchguard-lab/$RUN_NAME
RESULTS=$DIR/results
JSON=
# The remote end: an address of the fabric.
REMOTE4=10.0.2.1 REMOTE6=2001:db8:0:2::1
POD4=10.0.47.82 POD6=2001:db8:0:32::82
UDP_PORT=9000 TCP_PORT=5201
PREFIXES=1000
# The last CPU: interrupts like the first.
CPU=$(($(nproc) - 1))
ROUNDS=41 STREAM_MS=20 BULK_ROUNDS=7 BULK_S=2
[ -z "${BG_BENCH_QUICK:-}" ] || ROUNDS=3 STREAM_MS=10 BULK_ROUNDS=1 BULK_S=1

die() {
	echo "forward: $*" >&2
	exit 1
}

say() {
	echo "bench: $*" >&2
}

# enter WAY: lab_* mean this lab from now on.
enter() {
	LAB_NAME=$RUN_NAME-$1
	LAB_DIR=/run/branchguard-lab/$LAB_NAME
	PIN_DIR=$(lab_pin_dir) || die "no bpffs"
}

clean_up() {
	local status=$? way
	trap - EXIT
	for way in "${WAYS[@]}"; do
		enter "$way"
		lab_down
		lab_forget_pins "$PIN_DIR"
	done
	rm -rf "$DIR"
	exit $status
}

# --- the labs ----------------------------------------------------------------

# Remotes, one a line: some prefixes of both families, and the fabric's.
remotes() {
	echo 10.0.2.0/24
	echo 2001:db8:0:2::/64
	awk -v count=$((PREFIXES / 2)) 'BEGIN {
		for (i = 0; i < count; i++) {
			printf "100.%d.%d.0/24\n", 64 + i / 128, i % 128 * 2
			printf "2001:db8:%x::/48\n", 4096 + i * 2
		}
	}'
}

forward_feed() {
	lab_feed | jq --rawfile remotes "$DIR/remotes" --argjson udp $UDP_PORT --argjson tcp $TCP_PORT '
		def permissions: [
			{IpProtocol: "udp", FromPort: $udp, ToPort: $udp, PrefixListIds: [{PrefixListId: "pl-remotes"}]},
			{IpProtocol: "tcp", FromPort: $tcp, ToPort: $tcp, PrefixListIds: [{PrefixListId: "pl-remotes"}]}];
		.PrefixLists = [{PrefixListId: "pl-remotes",
			Entries: [$remotes | split("\n")[] | select(. != "") | {Cidr: .}]}] |
		.SecurityGroups[] |= (.IpPermissions = permissions | .IpPermissionsEgress = permissions)'
}

nft_remotes() {
	echo "set remotes4 { type ipv4_addr; flags interval; elements = { $(grep -v : "$DIR/remotes" | paste -sd,) } }"
	echo "set remotes6 { type ipv6_addr; flags interval; elements = { $(grep : "$DIR/remotes" | paste -sd,) } }"
}

# The permissions of the feed, and its refusal of foreign addresses.
nft_rules() {
	local veth
	veth=$(lab_host_interface cart)
	cat <<-END
		table inet forward {
			$(nft_remotes)
			set ports { type inet_proto . inet_service; elements = { udp . $UDP_PORT, tcp . $TCP_PORT } }
			chain forward {
				type filter hook forward priority 0; policy drop;
				ct state established,related accept
				iifname "$veth" ip saddr $POD4 ip daddr @remotes4 meta l4proto . th dport @ports ct state new accept
				iifname "$veth" ip6 saddr $POD6 ip6 daddr @remotes6 meta l4proto . th dport @ports ct state new accept
				oifname "$veth" ip daddr $POD4 ip saddr @remotes4 meta l4proto . th dport @ports ct state new accept
				oifname "$veth" ip6 daddr $POD6 ip6 saddr @remotes6 meta l4proto . th dport @ports ct state new accept
			}
		}
	END
}

# guard OPTIONS...: branchguard without its daemon; everything it attached stays.
guard() {
	forward_feed >"$LAB_DIR/feed.json" || die "no feed"
	lab_exec node "$BG" run --once --feed "$LAB_DIR/feed.json" --pin-dir "$PIN_DIR" \
		--log-level warning "$@" || die "branchguard does not start"
}

set_up() {
	local way=$1
	enter "$way"
	lab_network || die "no lab"
	lab_pod cart 9 strict $POD4 $POD6 || die "no pod"
	case $way in
	short) guard ;;
	xdp) guard --xdp branch ;;
	stack) guard --no-short-way ;;
	nft) nft_rules | lab_nft || die "nft" ;;
	esac
	lab_exec fabric iperf3 -s -D -p $TCP_PORT || die "no iperf3"
}

# --- one measurement -----------------------------------------------------------

# ends V: what tool_stream calls the pod and the fabric.
ends() {
	local pod=$POD4 remote=$REMOTE4 netns=/run/netns/$LAB_NAME veth
	[ "$1" = 4 ] || pod=$POD6 remote=$REMOTE6
	veth=$(lab_host_interface cart)
	POD_END=$netns-cart,eth0,$pod,$(lab_mac 17 "$((0x${veth: -4}))")
	FABRIC_END=$netns-fabric,vlan.9,$remote,$(lab_mac 153 9)
}

# stream CASE V FLOWS out|in: all rounds in all ways; lines into RESULTS.
stream() {
	local name=$1 flows=$3 way counts round=0 pairs=()
	say "$name"
	for way in "${WAYS[@]}"; do
		enter "$way"
		ends "$2"
		if [ "$4" = out ]; then
			pairs+=("$POD_END" "$FABRIC_END")
		else
			pairs+=("$FABRIC_END" "$POD_END")
		fi
	done
	"$STREAM" $UDP_PORT "$flows" $ROUNDS $STREAM_MS "$CPU" "${pairs[@]}" >"$DIR/stream" ||
		die "$name: packets do not flow"
	while read -r -a counts; do
		for way in "${!WAYS[@]}"; do
			echo "$name|${WAYS[way]}|$round|${counts[way]}"
		done
		round=$((round + 1))
	done <"$DIR/stream" >>"$RESULTS"
}

# bulk WAY CASE ADDRESS [-R]: how fast, and how much for what both ends and the
# node took of the CPUs, which says more on a machine that has other work.
bulk() {
	local way=$1 name=$2 rates
	shift 2
	enter "$way"
	rates=$(lab_exec cart timeout 30 iperf3 -J -p $TCP_PORT -t $BULK_S -c "$@" |
		jq -e -r '.end | .sum_received.bits_per_second as $rate |
			(.cpu_utilization_percent | .host_total + .remote_total) as $percent |
			"\($rate) \($rate / $percent * 100)"') || die "$way, $name: no TCP"
	echo "$name|$way|$round|${rates% *}" >>"$RESULTS"
	echo "$name, of CPU|$way|$round|${rates#* }" >>"$RESULTS"
}

# bulk_turn CASE ADDRESS [-R]: in each way, in an order that moves on.
bulk_turn() {
	local i
	for i in "${!WAYS[@]}"; do
		bulk "${WAYS[(i + round) % ${#WAYS[@]}]}" "$@"
	done
}

measure() {
	local version flows round
	for version in 4 6; do
		for flows in "1 flow" "1000 flows"; do
			stream "packets, pod to fabric, IPv$version, $flows" $version "${flows% *}" out
			stream "packets, fabric to pod, IPv$version, $flows" $version "${flows% *}" in
		done
	done
	for ((round = 0; round < BULK_ROUNDS; round++)); do
		say "bulk TCP, round $((round + 1)) of $BULK_ROUNDS"
		bulk_turn "TCP, pod to fabric, IPv4" $REMOTE4
		bulk_turn "TCP, fabric to pod, IPv4" $REMOTE4 -R
	done
}

# --- what came out ---------------------------------------------------------------

# One object a case, then the bound.
figures() {
	jq -R -n --argjson rounds "$ROUNDS" '
		def median: sort | .[length / 2 | floor];
		def cases: reduce .[] as $line ([]; if index($line.case) then . else . + [$line.case] end);
		[inputs | split("|") | {case: .[0], way: .[1], round: .[2], value: (.[3] | tonumber)}] as $all |
		[$all | cases[] as $case |
			[$all[] | select(.case == $case)] as $of_case |
			([$of_case[] | select(.way == "none") | {(.round): .value}] | add) as $none |
			{Case: $case, Unit: (if $case | startswith("packets") then "packets/s of CPU"
				elif $case | endswith("of CPU") then "bit/s of CPU" else "bit/s" end),
			 Ways: ([$of_case | group_by(.way)[] | {(.[0].way): {
				Value: (map(.value) | median | floor),
				Ratio: (map(.value / $none[.round]) | median * 1000 | round / 1000)}}] | add)}] |
		.[], (("packets/s of CPU", "bit/s of CPU") as $unit | {Bound: "short way / no firewall, \($unit)",
			Worst: ([.[] | select(.Unit == $unit) | .Ways.short.Ratio] | min), Allowed: 1}) |
		if .Bound then . + {Holds: (.Worst > .Allowed)} else . end' <"$RESULTS"
}

print_table() {
	printf '\nsmall packets a second of CPU (generator and node), and bulk TCP a second; median of %s and %s rounds\n\n' \
		"$ROUNDS" "$BULK_ROUNDS"
	printf '%-41s %11s %18s %18s %18s %18s\n' "" "no firewall" "short way" "with --xdp branch" \
		"--no-short-way" nftables
	jq -r '
		def figure($unit): if $unit | startswith("bit") then "\(. / 1e8 | round / 10) Gbit" else "\(. / 1000 | round)k/s" end;
		if .Case then .Unit as $unit | .Ways as $ways |
			[.Case, ($ways.none.Value | figure($unit)),
			 (("short", "xdp", "stack", "nft") as $way | $ways[$way] | "\(.Value | figure($unit)) (\(.Ratio * 100 | round / 100) x)")] | @tsv
		else empty end' |
		while IFS=$'\t' read -r name none short xdp stack nft; do
			printf '%-41s %11s %18s %18s %18s %18s\n' "$name" "$none" "$short" "$xdp" "$stack" "$nft"
		done
}

print_bound() {
	jq -r 'select(.Bound) | "\(.Bound), worst case: \(.Worst) > \(.Allowed)  \(if .Holds then "holds" else "DOES NOT HOLD" end)"'
}

case "$*" in
"") ;;
--json) JSON=1 ;;
*)
	sed -n '4,/^$/s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
[ "$(id -u)" -eq 0 ] || die "needs root: it makes network namespaces"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$DIR" || exit
remotes >"$DIR/remotes"
for way in "${WAYS[@]}"; do
	say "lab $way"
	set_up "$way"
done
measure
figures >"$DIR/figures"
if [ -n "$JSON" ]; then
	jq -c . "$DIR/figures"
else
	print_table <"$DIR/figures"
	echo
	print_bound <"$DIR/figures"
fi
