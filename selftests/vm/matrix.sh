#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Several kernels of kernels.list, all at once, as one TAP stream in the order
# given: matrix.sh NAME... While one guest waits, another has the CPU; a kernel that
# has much to do has several guests (lanes of kernels.list).
cd "$(dirname "$0")/../.." || exit 1
dir=${BG_BUILD:-build}/vm
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
for name; do
	lanes=$(awk -v name="$name" '$1 == name { print $5 }' selftests/vm/kernels.list)
	for ((lane = 1; lane <= ${lanes:-1}; lane++)); do
		guests+=("$name-$lane/${lanes:-1}")
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
printf '%s\n' "${guests[@]}" | xargs -P 0 -I GUEST bash -c '
	guest=GUEST
	selftests/vm/run.sh "${guest%-*}" "${guest##*-}" >"$0/${guest%/*}.tap" 2>"$0/${guest%/*}.err"
	echo $? >"$0/${guest%/*}.status"' "$dir"
kill $!
BG_TEST_LOGS=${BG_TEST_LOGS:-build/test-logs}/vm exec selftests/run --tap "${suites[@]}"
