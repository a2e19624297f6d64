#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The same random groups as branchguard has them and as an nftables ruleset with conntrack,
# in two nodes, and the same sequences of packets through both (compare.py): they differ
# in nothing but what compare.py says to be meant.
#
#   BG_SEED=N        other groups and sequences; a random one by `make attacks`
#   BG_SEQUENCES=N   so many sequences, 500 to each of the random groups
# shellcheck source=selftests/attacks/lib.sh
. "$(dirname "$0")/lib.sh"

# A check has the same ones each time: how two trackers differ in the rarest of sequences is
# found out elsewhere than there.
seed=${BG_SEED:-1}
sequences=${BG_SEQUENCES:-2500}
EACH=500
OUR_LAB=$LAB_NAME
THEIR_LAB=$LAB_NAME-nft

# in_lab NAME COMMAND...: as lab.sh takes its lab from these two.
in_lab() {
	local LAB_NAME=$1 LAB_DIR=/run/branchguard-lab/$1
	shift
	"$@"
}
clean_up_ours=$(trap -p EXIT | sed "s/^trap -- '\(.*\)' EXIT$/\1/")
trap 'in_lab "$THEIR_LAB" lab_down; '"$clean_up_ours" EXIT

one_pod() {
	lab_network && lab_pod cart 9 strict 10.0.47.82 2001:db8:0:32::82 && silence
}

one_pod || bail "no lab"
in_lab "$THEIR_LAB" one_pod || bail "no second lab"
# Where a window ends is not followed here, either.
in_lab "$THEIR_LAB" lab_exec node bash -c '
	modprobe nf_conntrack 2>/dev/null
	nft add table inet load && nft add chain inet load c "{ type filter hook forward priority 0; }" &&
		nft add rule inet load c ct state new accept &&
		echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal' || bail "no conntrack"
veth=$(lab_host_interface cart)
lab_feed >"$LAB_DIR/first.json"

# groups N [M]: the Nth random groups, in force in both nodes, or the Mth in that of nftables.
groups() {
	local n
	for n in "$1" "${2:-$1}"; do
		selftests/attacks/groups.py $((seed * 1000 + n)) "$LAB_DIR/first.json" "$LAB_DIR/next-$n.json" "$LAB_DIR/rules.nft" \
			"$veth" vlan.eth.9 || return
	done
	mv "$LAB_DIR/next-$1.json" "$FEED"
	in_lab "$THEIR_LAB" lab_exec node nft -f "/run/branchguard-lab/$OUR_LAB/rules.nft"
}

# compare SEQUENCES N: with ports that are used once.
compare() {
	selftests/attacks/compare.py "$OUR_LAB" "$THEIR_LAB" $((seed * 1000 + $2)) "$1" $((1024 + $2 % 64 * EACH)) \
		>"$LAB_DIR/compared" 2>"$LAB_DIR/said" || bail "compare.py: $(cat "$LAB_DIR/said")"
	cat "$LAB_DIR/compared" >>"$LAB_DIR/all"
}

# Every five groups in another way; flows live on.
ways=("" "--attach clsact" "--xdp branch" "--no-short-way")
for ((n = 0; n * EACH < sequences; n++)); do
	groups $n || bail "no groups $n"
	if [ $((n % 5)) -eq 0 ]; then
		[ -z "$BG_PID" ] || bg_stop
		way=${ways[(seed + n / 5) % 4]}
		# shellcheck disable=SC2086 # words
		bg_start --max-flows 262144 $way
		echo "# groups from $n on: ${way:-by default}"
	fi
	wait_for feed_in_force || bail "groups $n are not in force"
	compare $EACH $n
done
OUTPUT=
awk '/ sequences, / { s += $2; p += $4; c += $6; next } /^#/
	END { print "# " s " sequences, " p " packets, " c " passed nftables" }' "$LAB_DIR/all"
awk -F '\t' '/^difference/ { n[$2] += $3 } END { for (i in n) print "# " n[i] " " i }' "$LAB_DIR/all" | sort -k 3
fails grep -q UNEXPECTED "$LAB_DIR/all"
result $? "nothing differs but what is meant to (BG_SEED=$seed)"
# (The groups deny what no rule of theirs admits: a fifth is little.)
awk '/ sequences, / { p += $4; c += $6 } END { exit !(c * 5 > p) }' "$LAB_DIR/all"
result $? "and enough of it passes to say something"

groups $n $((n + 1)) || bail "no groups $n"
wait_for feed_in_force || bail "groups $n are not in force"
compare 200 $n
grep -q UNEXPECTED "$LAB_DIR/compared"
result $? "other groups in one of them are noticed"
finish
