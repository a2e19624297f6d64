#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# run.sh PROGRAM: fuzzes for $BG_FUZZ_S seconds (20 the feed, 4 answers of kubectl and aws and parts, 3 the
# CNI plugin and answers of EC2, else 8), and prints TAP. It begins with the feeds in selftests/feeds, fuzz_X with the
# folder Xs beside this file and the words of X.dict, if they are there. What crashes is kept
# beside PROGRAM.
set -u
program=$(realpath "$1") || exit 1
cd "$(dirname "$0")" || exit 1
# shellcheck source=selftests/tap.sh
. ../tap.sh

seconds=8
[[ $program != */fuzz_feed ]] || seconds=20
[[ $program != */fuzz_gather ]] || seconds=4
[[ $program != */fuzz_cni ]] || seconds=3
[[ $program != */fuzz_aws ]] || seconds=3
[[ $program != */fuzz_part ]] || seconds=4
seconds=${BG_FUZZ_S:-$seconds}
corpus=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$corpus" "$log"' EXIT
kind=${program##*/fuzz_} seed=../feeds words=feed.dict
[ ! -d "${kind}s" ] || seed=${kind}s
[ ! -e "$kind.dict" ] || words=$kind.dict
cp "$seed"/* "$corpus/" || exit 1
seeds=$(find "$corpus" -type f | wc -l)

"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
	-dict="$words" -artifact_prefix="$(dirname "$program")/" -print_final_stats=1 \
	"$corpus" 2>&1 | tee "$log" | sed -u 's/^/# /'
status=${PIPESTATUS[0]}

runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
OUTPUT_LINES=60
OUTPUT=$(cat "$log")
result "$status" "no input breaks a promise"
# a fuzzer that starts and does nothing must not look like success
OUTPUT="${runs:-0} inputs tried"
[ "${runs:-0}" -gt $((seeds + 100)) ] && grep -q 'NEW' "$log"
result $? "it ran, and found new ways"
finish
