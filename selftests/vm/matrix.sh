#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Several kernels of kernels.list, all at once, as one TAP stream in the order
# given: matrix.sh NAME... While one guest waits, another has the CPU.
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
said=()
for name; do
	said+=("$dir/console-$name.log" "$dir/results-$name.tap")
done
rm -f "${said[@]}"
progress &
printf '%s\n' "$@" | xargs -P 0 -I NAME bash -c '
	selftests/vm/run.sh NAME >"$0/NAME.tap" 2>"$0/NAME.err"
	echo $? >"$0/NAME.status"' "$dir"
kill $!
suites=()
for name; do
	suites+=("linux-$name=cat $dir/$name.err >&2; cat $dir/$name.tap; exit \$(cat $dir/$name.status)")
done
BG_TEST_LOGS=${BG_TEST_LOGS:-build/test-logs}/vm exec selftests/run --tap "${suites[@]}"
