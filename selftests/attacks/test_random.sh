#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Random frames of an attacker, from pods and from strangers, against the judge: with
# branchguard in every way that it stands in, and without it, which must be noticed.
#
#   BG_SEED=N      repeats a run
#   BG_FRAMES=N    so many frames in each way
# shellcheck source=selftests/attacks/lib.sh
. "$(dirname "$0")/lib.sh"

seed=${BG_SEED:-$((RANDOM * 32768 + RANDOM))}
frames=${BG_FRAMES:-5000}
ways=("" "--attach clsact" "--xdp branch" "--no-short-way")
# What is emulated takes two of them; the kernels differ in the first.
[ -z "${BG_IN_VM:-}" ] || ways=("" "--xdp branch") frames=1000
mapfile -t open < <(open_kinds)

# storm NAME FRAMES [KIND...]: the lines of storm.py as results.
storm() {
	local name=$1 frames=$2
	shift 2
	OUTPUT=$(selftests/attacks/storm.py "$LAB_NAME" "$FEED" "$seed" "$frames" "$@" 2>&1)
	storm_was "$name"
}

# storm_was NAME: what it said is in OUTPUT.
storm_was() {
	local name=$1 line lines
	grep '^#' <<<"$OUTPUT"
	grep -q '^ok\|^not ok' <<<"$OUTPUT" || result 1 "$name: it ran"
	lines=$(grep '^ok\|^not ok' <<<"$OUTPUT")
	OUTPUT= # all of it stands above
	while IFS= read -r line; do
		case $line in
		'ok - '*) result 0 "$name: ${line#ok - }" ;;
		'not ok - '*) result 1 "$name: ${line#not ok - }" ;;
		esac
	done <<<"$lines"
}

# still_open KIND: with it, something arrives that may not.
still_open() {
	local kind others=()
	for kind in "${open[@]}"; do
		[ "$kind" = "$1" ] || others+=("$kind")
	done
	OUTPUT=$(selftests/attacks/storm.py "$LAB_NAME" "$FEED" "$seed" 6000 "${others[@]}" "+$1" 2>&1)
	grep -q '^ok - nothing arrives\|^not ok - nothing arrives' <<<"$OUTPUT" || result 1 "kind $1: it ran"
	! grep -q '^not ok - nothing arrives' <<<"$OUTPUT"
	known_open $? "kind $1"
}

unguarded() {
	OUTPUT=$(selftests/attacks/storm.py "$LAB_NAME" "$FEED" "$seed" "$((frames < 500 ? frames : 500))" 2>&1)
	grep -q '^not ok - nothing arrives' <<<"$OUTPUT"
	result $? "without branchguard the same frames arrive, and are noticed"
}

lab_up || bail "no lab"
lab_pod std 11 standard 10.0.47.84 2001:db8:0:32::84 || bail "no standard pod"
lab_cni_rules snat || bail "no CNI rules"
silence || bail "the lab is not silent"
feed "egress(\"sg-cart\"; permission(\"tcp\"; 5432; 5432; [\"10.0.3.0/24\", \"2001:db8:0:3::/64\"]))
	| egress(\"sg-cart\"; permission(\"udp\"; 5432; 5433; [\"10.0.0.0/16\", \"2001:db8::/48\"]))
	| egress(\"sg-cart\"; permission(\"tcp\"; 443; 443; anywhere))
	| egress(\"sg-cart\"; permission(\"icmp\"; 8; 0; [\"10.0.3.0/24\"]))
	| egress(\"sg-cart\"; permission(\"icmpv6\"; 128; 0; [\"2001:db8:0:3::/64\"]))
	| egress(\"sg-cart\"; permission(\"47\"; -1; -1; [\"10.0.3.0/24\"]))
	| ingress(\"sg-cart\"; permission(\"tcp\"; 8080; 8080; [\"10.0.2.0/24\", \"2001:db8:0:2::/64\"]))
	| ingress(\"sg-cart\"; permission(\"udp\"; 40000; 40001; anywhere))
	| ingress(\"sg-cart\"; of_groups(\"tcp\"; 5432; 5432; [\"sg-web\"]))
	| ingress(\"sg-cart\"; permission(\"icmp\"; 8; -1; [\"10.0.2.0/24\"]))
	| egress(\"sg-web\"; of_groups(\"tcp\"; 5432; 5433; [\"sg-cart\"]))
	| egress(\"sg-std\"; permission(\"tcp\"; 5432; 5433; [\"10.0.0.0/16\", \"203.0.113.0/24\", \"2001:db8::/32\"]))
	| egress(\"sg-std\"; permission(\"udp\"; 443; 443; anywhere))
	| ingress(\"sg-std\"; permission(\"udp\"; 8080; 8080; [\"10.0.3.0/24\", \"2001:db8:0:3::/64\"]))
	| ingress(\"sg-web\"; permission(\"udp\"; 53; 53; [\"10.0.0.0/8\", \"2001:db8::/32\"]))"
unguarded
for way in "${ways[@]}"; do
	# shellcheck disable=SC2086 # words
	bg_start $way
	storm "${way:-by default}" "$frames" "${open[@]}"
	if [ -z "$way" ] && [ -z "${BG_IN_VM:-}" ]; then
		for kind in "${open[@]}"; do
			still_open "$kind"
		done
	fi
	bg_stop
	bg unload >/dev/null || bail "unload: $(bg unload 2>&1)"
done

# Killed, started anew, attached otherwise, with a program at XDP and without: as often as
# that is possible while one long storm lasts.
if [ -z "${BG_IN_VM:-}" ]; then
	bg_start
	selftests/attacks/storm.py "$LAB_NAME" "$FEED" "$seed" 30000 "${open[@]}" >"$LAB_DIR/storm" 2>&1 &
	storm_pid=$!
	times=0
	while kill -0 $storm_pid 2>/dev/null; do
		bg_kill
		# shellcheck disable=SC2086 # words
		bg_start ${ways[$((++times % 3))]}
	done
	wait $storm_pid
	OUTPUT=$(cat "$LAB_DIR/storm")
	echo "# started $times times meanwhile"
	storm_was "while it is killed and started anew"
	bg_stop
fi
finish
