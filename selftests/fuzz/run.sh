#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# run.sh PROGRAM: fuzzes for $BG_FUZZ_S seconds (20), from the feeds in
# selftests/feeds, and prints TAP. What crashes is kept beside PROGRAM.
set -u
program=$(realpath "$1") || exit 1
cd "$(dirname "$0")" || exit 1

seconds=${BG_FUZZ_S:-20}
corpus=$(mktemp -d)
log=$(mktemp)
trap 'rm -rf "$corpus" "$log"' EXIT
cp ../feeds/*.json "$corpus/" || exit 1
seeds=$(find "$corpus" -type f | wc -l)

"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
	-dict=feed.dict -artifact_prefix="$(dirname "$program")/" -print_final_stats=1 \
	"$corpus" >"$log" 2>&1
status=$?

echo 1..2
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
if [ "$status" -eq 0 ]; then
	echo "ok 1 - no feed breaks parser, numbers, compiler or lints"
	grep -E '^INFO: Seed|^stat::' "$log" | sed 's/^/# /'
else
	echo "not ok 1 - a feed breaks parser, numbers, compiler or lints"
	tail -n 60 "$log" | sed 's/^/# /'
fi
# a fuzzer that starts and does nothing must not look like success
if [ "${runs:-0}" -gt $((seeds + 100)) ] && grep -q 'NEW' "$log"; then
	echo "ok 2 - it ran, and found new ways"
else
	echo "not ok 2 - it ran, and found new ways (${runs:-0} feeds tried)"
fi
