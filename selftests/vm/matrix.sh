#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Several kernels of kernels.list as one TAP stream: matrix.sh NAME... Each has several guests
# (lanes of kernels.list), of which three at a time have two cores: while one waits, another
# has the CPU. With more of them the time that a test gives to an answer is over before the
# question is out; with fewer a core is idle. All last about as long, so that the last ones
# end together.
cd "$(dirname "$0")/../.." || exit 1
dir=${BG_BUILD:-build}/vm
at_once=$((($(nproc) * 3 + 1) / 2))
mkdir -p "$dir"
# Once, so that they do not all try.
selftests/vm/fetch-kernels.sh >&2 || exit 1

# Who runs us takes silence for a hang: a line when the guests have come further.
progress() {
	local before='' now
	while sleep 10; do
		now=$(stat -c %s "${said[@]}" 2>/dev/null)
		[ "$now" = "$before" ] || echo "# results so far: $(cat "${said[@]}" 2>/dev/null | grep -c '^\(not \)\?ok ')"
		before=$now
	done
}
guests=()
most=$(awk '!/^#/ && $5 > most { most = $5 } END { print most }' selftests/vm/kernels.list)
for ((lane = 1; lane <= most; lane++)); do
	for name; do
		lanes=$(awk -v name="$name" '$1 == name { print $5 }' selftests/vm/kernels.list)
		[ "$lane" -gt "${lanes:=1}" ] || guests+=("$name-$lane/$lanes")
	done
done
said=()
suites=()
for guest in "${guests[@]}"; do
	name=${guest%/*}
	said+=("$dir/console-$name.log" "$dir/results-$name.tap")
	suites+=("linux-$name=cat $dir/$name.err >&2; cat $dir/$name.tap; exit \$(cat $dir/$name.status)")
done
rm -f "${said[@]}"
progress &
printf '%s\n' "${guests[@]}" | xargs -P "$at_once" -I GUEST bash -c '
	guest=GUEST
	selftests/vm/run.sh "${guest%-*}" "${guest##*-}" >"$0/${guest%/*}.tap" 2>"$0/${guest%/*}.err"
	echo $? >"$0/${guest%/*}.status"' "$dir"
kill $!
BG_TEST_LOGS=${BG_TEST_LOGS:-build/test-logs}/vm exec selftests/run --tap "${suites[@]}"
